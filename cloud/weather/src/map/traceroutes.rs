//! `GET /api/v1/traceroutes`: the ways that packets took.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use axum::extract::State;
use kosmo_domain::{NodeId, Timestamp};
use kosmo_http::{Json, Page, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    ingest::Traceroute,
    weather::{TraceroutePlace, TracerouteRow},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many ways a page has if the client does not say.
const PAGE: u32 = 50;
/// How many ways a page has at most.
const LONGEST_PAGE: u32 = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Only ways that begin or end at this node, or lead through it.
    #[param(value_type = Option<String>, pattern = "^![0-9a-f]{8}$")]
    node_id: Option<NodeId>,
    /// How many ways a page has: 50 if left out, at most 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Where a page ended.
#[derive(Debug, Serialize, Deserialize)]
struct Place(Timestamp, i64, NodeId);

/// The last way of a packet from one node to another, and back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Traceroute, example = json!({
    "from_node_id": "!4dbb2002", "to_node_id": "!a1b2c3d4", "at": "2026-06-01T11:59:57Z",
    "towards": [{ "node_id": "!0000beef", "snr_db": 6.25 }, { "node_id": "!a1b2c3d4", "snr_db": -3.5 }],
    "back": [{ "node_id": "!4dbb2002", "snr_db": null }]
}))]
pub(crate) struct TracerouteView {
    /// The node that asked.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    from_node_id: NodeId,
    /// The node that it asked for, which answered.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    to_node_id: NodeId,
    /// When it answered.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The steps there: who received the packet, one after the other, the last the node that was asked for.
    towards: Vec<StepView>,
    /// The steps back, the last the node that asked; empty if the answer tells of none.
    back: Vec<StepView>,
}

/// A step of a way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TracerouteStep)]
struct StepView {
    /// Who received the packet; `!ffffffff` is one that did not say who it is, or wants not to be shown.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// Its signal to noise in decibels; null where it did not say.
    #[schema(required = true)]
    snr_db: Option<f32>,
}

/// The ways that packets took
///
/// Of any two nodes the last way there and back that one of them asked for, the latest first, in pages. Whoever answers tells it, and so
/// does whoever passes the answer on.
#[utoipa::path(
    get,
    operation_id = "list_traceroutes",
    path = "/api/v1/traceroutes",
    tag = "map",
    params(Params),
    responses(
        (status = 200, description = "A page of ways", body = Page<TracerouteView>),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>) -> Result<Json<Page<TracerouteView>>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let after: Option<Place> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let after = after.map(|Place(at, node, to)| TraceroutePlace { at, node, to });
    let mut rows = store.traceroutes(params.node_id, after, size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&Place(row.place.at, row.place.node, row.place.to)));
    Ok(Json(Page { data: rows.into_iter().map(TracerouteView::from).collect(), next }))
}

impl From<TracerouteRow> for TracerouteView {
    fn from(TracerouteRow { place, node, way }: TracerouteRow) -> Self {
        let Traceroute { to: asker, route, snr_towards_db, route_back, snr_back_db } = way;
        // A way back is told of only with the signals that it was received with.
        let back = if snr_back_db.is_empty() && route_back.is_empty() { Vec::new() } else { steps(route_back, asker, &snr_back_db) };
        Self { from_node_id: asker, to_node_id: node, at: place.at, towards: steps(route, node, &snr_towards_db), back }
    }
}

/// Returns the relays of a way and its end, each with how it received the packet.
fn steps(relays: Vec<NodeId>, end: NodeId, signals: &[Option<f32>]) -> Vec<StepView> {
    let nodes = relays.into_iter().chain([end]).enumerate();
    nodes.map(|(place, node_id)| StepView { node_id, snr_db: signals.get(place).copied().flatten() }).collect()
}
