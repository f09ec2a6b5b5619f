//! `GET /api/v1/waypoints`: places that people of the mesh mark for others.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::Shared;
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::{NodeId, Timestamp};
use kosmo_http::{Page, Problem, ProblemBody, Query, cacheable, cursor, page_size, read_cursor};
use kosmo_store::waypoints::WaypointRow;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be kept.
const MAX_AGE: Duration = Duration::from_secs(15);
/// How many places a page has if the client does not say, and at most.
const PAGE: u32 = 200;
const LONGEST_PAGE: u32 = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How many places a page has: 200 if left out, at most 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A place that somebody marked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waypoint, example = json!({
    "id": 77, "node_id": "!4dbb2002", "latitude": 50.934_58, "longitude": 6.946_82, "name": "Spring", "description": "clean water",
    "icon": "💧", "expires_at": "2026-06-02T12:00:00Z", "at": "2026-06-01T12:00:00Z"
}))]
pub(crate) struct WaypointView {
    /// The number that the mesh knows it by.
    id: u32,
    /// The node that told of it last.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// Degrees north, WGS 84. It is where it was marked: whoever marks a place for everybody wants it found.
    latitude: f64,
    /// Degrees east.
    longitude: f64,
    /// Its name: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// What is said of it: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The one character it is drawn as.
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    /// Until when it counts; left out if for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The one node that may change it; left out if everybody may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^![0-9a-f]{8}$")]
    locked_to: Option<NodeId>,
    /// When it was told of last.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Places that people mark
///
/// The places that count now, marked for everybody on a public channel. One whose time is over is left out. Anybody on the channel can
/// make one up, or change one that is not locked.
#[utoipa::path(
    get,
    operation_id = "list_waypoints",
    path = "/api/v1/waypoints",
    tag = "map",
    params(Params),
    responses(
        (status = 200, description = "A page of places", body = Page<WaypointView>),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(Shared { store, clock }): State<Shared>,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let after: Option<u32> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let mut rows = store.waypoints(after, size + 1, clock.now()).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.id));
    let data: Vec<_> = rows.into_iter().map(WaypointView::from).collect();
    Ok(cacheable(&headers, &Page { data, next }, MAX_AGE))
}

impl From<WaypointRow> for WaypointView {
    fn from(row: WaypointRow) -> Self {
        let WaypointRow { id, node, position, expires_at, locked_to, name, description, icon, at } = row;
        let (latitude, longitude) = (position.latitude(), position.longitude());
        Self { id, node_id: node, latitude, longitude, name, description, icon, expires_at, locked_to, at }
    }
}
