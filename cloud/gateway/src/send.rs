//! `POST /api/v1/messages`: takes a text for a node.
//!
//! What is asked first decides what a refusal says, so the order is fixed: who asks, what the body says, then (in the store, in
//! one transaction) the key, the plan, and the quota. Before the store is asked for anything, the member's pace is; a member who
//! is too fast is told of a plan or a quota that would refuse the text in any case, because waiting would not help.

use crate::{identity::Member, shared::Shared, telemetry::POSTED, views::MessageView, wording};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kosmo_domain::{DAY, NodeId, NotAllowed, PacketId, Reach, Timestamp};
use kosmo_failpoints::fail_point;
use kosmo_http::{Code, Json, Problem, ProblemBody};
use kosmo_store::{
    messages::{AcceptError, IdempotencyKey, MAX_KEY, NewMessage},
    users::UserRow,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use utoipa::ToSchema;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The least and the most seconds that a text may wait for a radio.
const TTL_S: std::ops::RangeInclusive<u32> = 10..=604_800;

/// A text for a node.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage, example = json!({ "target_node_id": "!a1b2c3d4", "text": "Hello mesh" }))]
pub(crate) struct Posted {
    /// Whom it is for.
    #[schema(pattern = "^![0-9a-f]{8}$")]
    target_node_id: String,
    /// What to send, as it is; with the member's handle before it, at most 200 bytes of UTF-8. Control characters other than a new line
    /// are refused.
    #[schema(max_length = 200)]
    text: String,
    /// The packet it answers: `packet_id` of a text that came.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_u64)]
    reply_to: Option<u32>,
    /// For how many seconds it may wait for a radio: 10 to 604800, an hour if left out. After that it is not sent.
    #[serde(default)]
    #[schema(minimum = 10, maximum = 604_800)]
    ttl_s: Option<u32>,
}

/// What was posted, once it has been checked.
struct Wanted {
    node: NodeId,
    text: String,
    air_text: String,
    reply_to: Option<PacketId>,
    ttl: Duration,
}

/// Send a text to a node
///
/// The text is stored with its quota reserved, and a bridge will be asked to send it. What became of it is told at `Location`.
/// With an `Idempotency-Key` the same request can be repeated for a day without being sent twice: it is answered with the text
/// that the first one made.
#[utoipa::path(
    post,
    operation_id = "send_message",
    path = "/api/v1/messages",
    tag = "messages",
    params(
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters, drawn anew for each text"),
    ),
    request_body = Posted,
    responses(
        (status = 202, description = "The text is stored", body = MessageView, headers(("Location" = String, description = "Where its status is told"))),
        (status = 400, description = "`invalid_json`, `invalid_request`, `invalid_node_id`, `text_empty`, `text_unprintable`, or `text_too_long` with `limit`, `bytes` and `bytes_over`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`, `invalid_identity` or `unknown_user`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`plan_sends_nothing` or `node_not_listed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`payload_too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported_media_type`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`quota_exceeded` with `limit` and `resets_at`, or `rate_limited`", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(shared): State<Shared>,
    Member(user): Member,
    headers: HeaderMap,
    body: Result<Json<Posted>, Problem>,
) -> Result<Response, Problem> {
    let sent = match body {
        Ok(Json(posted)) => send(&shared, &user, &headers, posted).await,
        Err(problem) => Err(problem),
    };
    let (message, repeated) = sent.inspect_err(|problem| count(problem.code().as_str()))?;
    count(if repeated { "repeated" } else { "accepted" });
    let location = format!("/api/v1/messages/{}", message.id());
    let location = HeaderValue::from_str(&location).expect("a path with a UUID is ASCII");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(message)).into_response())
}

fn count(outcome: &'static str) {
    metrics::counter!(POSTED, "outcome" => outcome).increment(1);
}

/// Has a text accepted, and tells whether it had been before.
async fn send(shared: &Shared, user: &UserRow, headers: &HeaderMap, posted: Posted) -> Result<(MessageView, bool), Problem> {
    let idempotency = idempotency_key(headers, &posted)?;
    let wanted = check(shared, user, posted)?;
    let now = shared.clock.now();
    if let Err(wait) = shared.limiter.take(user.id, now) {
        return Err(too_fast(shared, user, wanted.node, wait, now).await?);
    }
    let new = NewMessage {
        id: shared.draw_id(),
        user: user.id,
        node: wanted.node,
        text: wanted.text,
        air_text: wanted.air_text,
        reply_to: wanted.reply_to,
        deadline: now.plus(wanted.ttl),
        idempotency,
    };
    let accepted = shared.store.accept_message(&new, now).await.map_err(|error| refused(error, now))?;
    fail_point!("post::accepted");
    let message = shared.store.message(user.id, accepted.id).await?;
    let message = message.ok_or_else(|| Problem::internal("a text that was accepted is not there"))?;
    Ok((message.into(), accepted.repeated))
}

fn check(shared: &Shared, user: &UserRow, posted: Posted) -> Result<Wanted, Problem> {
    let Posted { target_node_id, text, reply_to, ttl_s } = posted;
    let node = target_node_id.parse().and_then(NodeId::sender);
    let node = node.map_err(|error| Problem::new(Code::InvalidNodeId, error.to_string()).of("target_node_id"))?;
    let air_text = wording::on_air(shared.sign_texts.then_some(user.handle.as_str()), &text)?;
    if reply_to == Some(0) {
        return Err(Problem::invalid("reply_to", "a packet that can be answered has an id, which is never 0"));
    }
    let ttl = match ttl_s {
        None => shared.ttl,
        Some(seconds) if TTL_S.contains(&seconds) => Duration::from_secs(seconds.into()),
        Some(_) => {
            let detail = format!("a text waits for {} to {} seconds", TTL_S.start(), TTL_S.end());
            return Err(Problem::invalid("ttl_s", detail).with_limit((*TTL_S.end()).into()));
        }
    };
    Ok(Wanted { node, text, air_text, reply_to: reply_to.map(PacketId), ttl })
}

/// Reads the key, and makes of the body what is the same if and only if the request is.
fn idempotency_key(headers: &HeaderMap, posted: &Posted) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let well_formed = (1..=MAX_KEY).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic) && values.next().is_none();
    let key = value.to_str().ok().filter(|_| well_formed).ok_or_else(|| {
        let detail = format!("an idempotency key is 1 to {MAX_KEY} visible ASCII characters, and is given once");
        Problem::invalid("Idempotency-Key", detail).with_limit(MAX_KEY as u64)
    })?;
    let mut hasher = Sha256::new();
    for part in [posted.target_node_id.as_str(), posted.text.as_str(), &format!("{:?} {:?}", posted.reply_to, posted.ttl_s)] {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    Ok(Some(IdempotencyKey { key: key.to_owned(), body_hash: hasher.finalize().into() }))
}

/// Returns what a member is told who is too fast.
async fn too_fast(shared: &Shared, user: &UserRow, node: NodeId, wait: Duration, now: Timestamp) -> Result<Problem, Problem> {
    // Which nodes the groups hold is asked of the store alone; where there are any, the pace is what the member is told of.
    let reach = Reach { listed: user.nodes.contains(&node), grouped: !user.groups.is_empty() };
    if let Err(not_allowed) = user.plan.may_write_to(node, reach) {
        return Ok(refused(not_allowed.into(), now));
    }
    if let Some(quota) = shared.store.quota(user.id, now).await?
        && let (Some(0), kosmo_domain::Allowance::Limited(limit)) = (quota.left(), quota.allowance)
    {
        return Ok(refused(AcceptError::QuotaExhausted { limit, resets_at: quota.period.end }, now));
    }
    Ok(Problem::new(Code::RateLimited, "the air is shared by all, and this was one text too many in a short time")
        .with_limit(shared.limiter.per_minute().into())
        .with_retry_after(wait))
}

fn refused(error: AcceptError, now: Timestamp) -> Problem {
    match error {
        AcceptError::UnknownUser => Problem::new(Code::UnknownUser, "this user is gone").of("X-User-ID"),
        AcceptError::KeyReused => {
            let detail = format!("this key was given within the last {} hours, for a text that was another", DAY.as_secs() / 3600);
            Problem::new(Code::IdempotencyKeyReused, detail).of("Idempotency-Key")
        }
        AcceptError::NotAllowed(not_allowed) => {
            let code = match not_allowed {
                NotAllowed::PlanSendsNothing(_) => Code::PlanSendsNothing,
                NotAllowed::NodeNotListed { .. } => Code::NodeNotListed,
            };
            let problem = Problem::new(code, not_allowed.to_string());
            if code == Code::NodeNotListed { problem.of("target_node_id") } else { problem.with_limit(0) }
        }
        AcceptError::QuotaExhausted { limit, resets_at } => {
            Problem::new(Code::QuotaExceeded, format!("all {limit} texts of this period are used; the next period begins at {resets_at}"))
                .with_limit(limit.into())
                .with("resets_at", resets_at.to_string())
                .with_retry_after(resets_at.since(now))
        }
        AcceptError::Store(error) => error.into(),
    }
}
