//! `GET /api/v1/gaps`: when texts may be missing because nobody listened.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::shared::Shared;
use axum::extract::State;
use kosmo_domain::{BridgeId, DAY, Timestamp, silence};
use kosmo_http::{Json, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::{GapRow, ListenerRow};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How many gaps a page has if the client does not say.
const PAGE: u32 = 200;
/// How many gaps a page has at most.
const LONGEST_PAGE: u32 = 1_000;
/// The time that is told of if the client does not say from when.
const USUAL: Duration = Duration::from_hours(7 * 24);
/// The longest time that is told of at once.
const LONGEST_DAYS: u32 = 400;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// From when; a week before `to` if left out. At most 400 days before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Until when; now if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// How many gaps a page has: 200 if left out, at most 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// When bridges may not have listened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gaps)]
pub(crate) struct GapsView {
    /// From when this page tells.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Until when it does.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// When no bridge at all listened, in order: whatever was said then is missing, as far as is known.
    silent: Vec<SpanView>,
    /// The gaps of single bridges that reach into this time, the latest first: what only that bridge could hear may be missing.
    data: Vec<GapView>,
    /// The cursor of the page that tells of the time before; null if there is none.
    #[schema(required = true)]
    next: Option<String>,
}

/// A stretch of time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GapSpan)]
pub(crate) struct SpanView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Until when; null while it goes on.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// A time in which a bridge may not have listened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gap, example = json!({
    "bridge_id": "roof", "from": "2026-06-01T03:10:00Z", "until": "2026-06-01T03:25:00Z", "reason": "radio"
}))]
pub(crate) struct GapView {
    /// The bridge.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
    #[serde(flatten)]
    span: SpanView,
    /// `radio`: it had no connection to its radio. `stopped`: it did not run. `silent`: it is not heard of, and may listen all the
    /// same; if it did, this gap goes away when it is back.
    #[schema(value_type = crate::codes::GapReason)]
    reason: &'static str,
}

/// When texts may be missing
///
/// Times in which bridges may not have listened to the mesh, as far as is known. A bridge that is only cut off from this server keeps
/// what it hears: that is late, and no gap.
#[utoipa::path(
    get,
    operation_id = "list_gaps",
    path = "/api/v1/gaps",
    tag = "stream",
    params(Params),
    responses(
        (status = 200, description = "Gaps, and when nobody listened at all", body = GapsView),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(shared): State<Shared>, Query(params): Query<Params>) -> Result<Json<GapsView>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let now = shared.clock.now();
    let before: Option<(Timestamp, BridgeId)> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let to = params.to.unwrap_or(now).min(now);
    let to = before.as_ref().map_or(to, |(began, _)| to.min(*began));
    let from = params.from.unwrap_or_else(|| to.minus(USUAL)).min(to);
    if to.since(from) > DAY * LONGEST_DAYS {
        return Err(Problem::invalid("from", "this is more than 400 days before `to`").with_limit(LONGEST_DAYS.into()));
    }
    let mut gaps = shared.store.gaps(from, params.to.unwrap_or(now).min(now), before, size + 1).await?;
    let more = gaps.len() > size as usize;
    gaps.truncate(size as usize);
    let next = gaps.last().filter(|_| more).map(|gap| cursor(&(gap.from, &gap.bridge)));
    // What began before this page is not on it, so that it tells of nothing earlier.
    let from = gaps.last().filter(|_| more).map_or(from, |gap| gap.from.max(from));
    let silent = silent(&shared.store.listeners().await?, &gaps, from, to);
    let silent = silent.into_iter().map(|(from, until)| SpanView { from, until: (until < now).then_some(until) }).collect();
    Ok(Json(GapsView { from, to, silent, data: gaps.into_iter().map(GapView::from).collect(), next }))
}

fn silent(listeners: &[ListenerRow], gaps: &[GapRow], from: Timestamp, to: Timestamp) -> Vec<kosmo_domain::Span> {
    let bridges: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let own = gaps.iter().filter(|gap| gap.bridge == listener.bridge);
            let spans = own.map(|gap| (gap.from, gap.until.unwrap_or(Timestamp::MAX))).collect();
            (listener.first_at, listener.revoked_at, spans)
        })
        .collect();
    silence(&bridges, from, to)
}

impl From<GapRow> for GapView {
    fn from(row: GapRow) -> Self {
        Self { bridge_id: row.bridge, span: SpanView { from: row.from, until: row.until }, reason: row.reason.as_str() }
    }
}
