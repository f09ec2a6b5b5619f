//! `GET /api/v1/stream`: what happens, as it happens.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    hub::{PER_MEMBER, Seat},
    identity::Caller,
    live::{BehindEvent, HelloEvent, ResetEvent, StreamEvents, event, own_event},
    shared::Shared,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use kosmo_http::{Code, Problem, ProblemBody, Query};
use kosmo_store::{ANSWERS_WITHIN, in_time};
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;
use uuid::Uuid;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a stream says nothing before it shows that it is there; own events are looked for then, too, for a call may
/// have got lost.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream lasts. Clients come back, and a member who is none any more does not.
const LIFETIME: Duration = Duration::from_hours(1);
/// The wait after the database did not answer.
const AFTER_ERROR: Duration = Duration::from_secs(2);
/// How many own events are read at once.
const PAGE: u32 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The number of the last own event that the client has; `Last-Event-ID` counts for more. Only new ones are told if both are left out.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<String>,
}

/// What happens, as it happens
///
/// An answer that does not end: server-sent events. Everybody is told of nodes and bridges; a member is told of their texts, too,
/// each event with a number to resume from. The schema names the data of each event; docs/api/stream.md says the rest.
#[utoipa::path(
    get,
    operation_id = "stream",
    path = "/api/v1/stream",
    tag = "stream",
    params(
        Params,
        ("Last-Event-ID" = Option<i64>, Header, description = "The number of the last own event that the client has"),
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
    ),
    responses(
        (status = 200, description = "Events, until somebody ends it", body = StreamEvents, content_type = "text/event-stream"),
        (status = 400, description = "`invalid_request`: `after` is no number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`, `invalid_identity` or `unknown_user`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`too_many_streams`, or `unavailable`", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(shared): State<Shared>,
    Caller(user): Caller,
    headers: HeaderMap,
    Query(params): Query<Params>,
) -> Result<Response, Problem> {
    let asked = resume_from(&headers, params.after.as_deref())?;
    let member = user.map(|user| user.id);
    let after = match (member, asked) {
        (None, _) => 0,
        (Some(_), Some(after)) => after,
        (Some(member), None) => shared.store.last_event(member).await?,
    };
    let seat = shared.hub.join(member).ok_or_else(|| too_many(member.is_some()))?;
    let closing = shared.hub.closing.clone();
    let follower =
        Follower { shared, seat, member, after, own: member.is_some(), greeted: false, ends: Instant::now() + LIFETIME, closing };
    let events = stream::unfold(follower, async |mut follower| follower.next().await.map(|chunk| (Ok::<_, Infallible>(chunk), follower)));
    // Proxies are asked not to gather what is to arrive at once.
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, Body::from_stream(events)).into_response())
}

fn resume_from(headers: &HeaderMap, after: Option<&str>) -> Result<Option<i64>, Problem> {
    let (field, text) = match headers.get(LAST_EVENT_ID) {
        Some(value) => ("Last-Event-ID", value.to_str().unwrap_or("?")),
        None => ("after", after.unwrap_or_default()),
    };
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(after) if after >= 0 => Ok(Some(after)),
        _ => Err(Problem::invalid(field, "this is the number of an event: 0 or more")),
    }
}

fn too_many(is_member: bool) -> Problem {
    let detail = if is_member { "you have all the streams that a member may have" } else { "as many follow as this server has room for" };
    let problem = Problem::new(Code::TooManyStreams, detail).with_retry_after(HEARTBEAT);
    if is_member { problem.with_limit(PER_MEMBER as u64) } else { problem }
}

/// One client's way through the events.
struct Follower {
    shared: Shared,
    seat: Seat,
    member: Option<Uuid>,
    /// The last own event that was told.
    after: i64,
    /// Whether there may be own events that were not.
    own: bool,
    greeted: bool,
    ends: Instant,
    closing: CancellationToken,
}

impl Follower {
    /// Returns what is to be sent next; nothing once the stream is over. Nothing is read before the client has taken what came before.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(self.greeting());
        }
        loop {
            let mut chunk = BytesMut::new();
            let mail = self.seat.client.collect();
            self.own |= mail.own;
            let wait = if self.own_events(&mut chunk).await { HEARTBEAT } else { AFTER_ERROR };
            if mail.behind {
                chunk.extend_from_slice(&event(None, "behind", &BehindEvent {}));
            }
            for data in mail.public.values() {
                chunk.extend_from_slice(data);
            }
            if !chunk.is_empty() {
                return Some(chunk.freeze());
            }
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                () = sleep_until(self.ends) => return None,
                () = self.seat.client.mail.notified() => {}
                () = sleep(wait) => {
                    self.own = self.member.is_some();
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
            }
        }
    }

    fn greeting(&self) -> Bytes {
        let (after, member) = (self.after, self.member.is_some());
        let hello = event(member.then_some(after), "hello", &HelloEvent { after, member });
        Bytes::from([b"retry: 2000\n".as_slice(), &hello].concat())
    }

    /// Adds the own events that were not told; false if the database does not answer.
    async fn own_events(&mut self, chunk: &mut BytesMut) -> bool {
        let Some(member) = self.member.filter(|_| self.own) else { return true };
        let followed = match in_time(ANSWERS_WITHIN, self.shared.store.follow(member, self.after, PAGE)).await {
            Ok(followed) => followed,
            Err(error) => {
                tracing::debug!(%error, "own events cannot be read, and are looked for again");
                return false;
            }
        };
        self.after = followed.after;
        self.own = followed.more;
        if followed.reset {
            chunk.extend_from_slice(&event(Some(self.after), "reset", &ResetEvent { after: self.after }));
        }
        for (seq, own) in followed.events {
            chunk.extend_from_slice(&own_event(seq, own));
        }
        true
    }
}
