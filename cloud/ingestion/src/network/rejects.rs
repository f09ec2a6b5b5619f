//! `GET /api/v1/network/rejects`: what was refused lately, without what it said.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::decode::printable;
use axum::extract::State;
use kosmo_domain::{BridgeId, Clock, Timestamp};
use kosmo_http::{Json, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    rejects::{MAX_PAGE, RejectFilter, RejectHead},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// How many rejects a page has if the client does not say.
const PAGE: u32 = 25;
/// The longest code that is looked for, in bytes.
const LONGEST_CODE: usize = 64;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// Only with this code.
    #[param(max_length = 64)]
    code: Option<String>,
    /// Only of this bridge.
    #[param(value_type = Option<String>)]
    bridge_id: Option<BridgeId>,
    /// How many rejects a page has: 25 if left out, at most 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of what was refused, the latest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectPage)]
pub(super) struct RejectPage {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What was refused.
    data: Vec<RejectView>,
    /// The cursor of the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// Something that was refused. What it said is for the operator alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reject)]
struct RejectView {
    /// Its number; later ones have greater numbers.
    id: i64,
    /// When it arrived.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The stable code of the reason.
    code: String,
    /// What it was to be: `reading`, `node`, `inbound`, `receipt`, `status`, or `other`.
    #[schema(value_type = String)]
    topic: &'static str,
    /// The bridge it came from, if that could be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    bridge_id: Option<BridgeId>,
    /// The field that was refused, while the rest was stored; left out if it is the whole. Any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What came of the last replay: `accepted`, `refused`, or `over` (it tells of a moment that is over).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    replayed: Option<&'static str>,
}

/// What was refused lately
///
/// What could not be taken, in whole or in part, the latest first. What it said is not told here: `kosmo rejects show` tells
/// it to the operator.
#[utoipa::path(
    get,
    operation_id = "network_rejects",
    path = "/api/v1/network/rejects",
    tag = "network",
    params(Params),
    responses(
        (status = 200, description = "A page of rejects", body = RejectPage),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn handler(
    State(store): State<Store>,
    State(clock): State<Arc<dyn Clock>>,
    Query(params): Query<Params>,
) -> Result<Json<RejectPage>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, MAX_PAGE)?;
    if params.code.as_ref().is_some_and(|code| code.len() > LONGEST_CODE) {
        return Err(Problem::invalid("code", format!("a code has at most {LONGEST_CODE} bytes")).with_limit(LONGEST_CODE as u64));
    }
    let before: Option<i64> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let filter = RejectFilter { code: params.code, bridge: params.bridge_id, open: false };
    let mut rows = store.reject_heads(&filter, before, size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.id));
    Ok(Json(RejectPage { at: clock.now(), data: rows.into_iter().map(RejectView::from).collect(), next }))
}

impl From<RejectHead> for RejectView {
    fn from(row: RejectHead) -> Self {
        Self {
            id: row.id,
            at: row.received_at,
            code: row.code,
            topic: row.topic,
            bridge_id: row.bridge,
            field: if row.whole { None } else { printable(&row.field) },
            replayed: row.outcome.map(kosmo_store::rejects::ReplayOutcome::as_str),
        }
    }
}
