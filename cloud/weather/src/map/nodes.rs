//! `GET /api/v1/map/nodes`: every node with its newest values.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    map::{BridgeRadio, bridge_radios},
    nodes::PositionView,
    params::maybe_time,
    views::{ByMetric, Values},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_contract::BridgeState;
use kosmo_domain::{BridgeId, NodeId, Timestamp};
use kosmo_http::{Page, Problem, ProblemBody, Query, cacheable, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    weather::{LatestValue, MapRow},
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, time::Duration};
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be shown without asking again.
const MAX_AGE: Duration = Duration::from_secs(5);
/// How many nodes a page has if the client does not say.
const PAGE: u32 = 500;
/// How many nodes a page has at most.
const LONGEST_PAGE: u32 = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Leaves out the nodes that were not heard of since then.
    #[serde(default, deserialize_with = "maybe_time")]
    #[param(value_type = Option<String>, format = DateTime, example = "2026-05-01T00:00:00Z")]
    heard_since: Option<Timestamp>,
    /// How many nodes a page has: 500 if left out, at most 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A node as a map shows it. What nobody has told is left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MapNode, example = json!({
    "node_id": "!a1b2c3d4",
    "long_name": "Ana im Tal",
    "short_name": "ANA",
    "hardware": "T_DECK",
    "role": "CLIENT",
    "position": { "latitude": 50.93, "longitude": 6.95, "altitude_m": 53.0, "precision_deg": 0.01, "at": "2026-06-01T11:45:00Z" },
    "last_heard": "2026-06-01T11:59:57Z",
    "station": true,
    "latest": {
        "at": "2026-06-01T11:59:57Z",
        "values": { "temperature_c": 21.5, "battery_pct": 93.0 },
        "observed_at": { "battery_pct": "2026-06-01T11:45:00Z" }
    }
}))]
pub(crate) struct MapNodeView {
    /// Its id.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// The name its owner gave it: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    long_name: Option<String>,
    /// Its short name, of about four characters: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    short_name: Option<String>,
    /// The model of its hardware, by the protocol's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware: Option<String>,
    /// Its role in the mesh, by the protocol's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Where it was last, roughly.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<PositionView>,
    /// When it was last heard of.
    #[schema(value_type = String, format = DateTime)]
    last_heard: Timestamp,
    /// Whether it ever measured anything of its surroundings, and not of itself alone.
    station: bool,
    /// The bridges whose radio this node is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bridges: Vec<MapBridgeView>,
    /// What it measured last.
    #[serde(skip_serializing_if = "Option::is_none")]
    latest: Option<MapLatestView>,
}

/// The newest values of a node, which may be of different age.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MapLatest)]
struct MapLatestView {
    /// When the newest of them was measured.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The newest value of each metric.
    values: Values,
    /// When those values were measured that are older than `at`; left out if none is.
    #[serde(skip_serializing_if = "ByMetric::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    observed_at: ByMetric<Timestamp>,
}

/// A bridge, as a map shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MapBridge)]
struct MapBridgeView {
    /// The bridge.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
    /// What it last said of itself: `online` or `offline`. Believe it only while `status_at` is not long ago.
    state: &'static str,
    /// When it said so.
    #[schema(value_type = String, format = DateTime)]
    status_at: Timestamp,
}

/// The nodes of the mesh, for a map
///
/// Every node that was heard of, with its newest values and whether it is the radio of a bridge, in pages; those known for
/// longest come first. Positions are rounded: this list is public.
#[utoipa::path(
    get,
    operation_id = "map_nodes",
    path = "/api/v1/map/nodes",
    tag = "map",
    params(Params),
    responses(
        (status = 200, description = "A page of nodes", body = Page<MapNodeView>),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let after: Option<i64> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let since = params.heard_since.unwrap_or(Timestamp::EPOCH);
    let mut rows = store.map_nodes(after, since, size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.place));
    let mut radios: HashMap<NodeId, Vec<BridgeRadio>> = HashMap::new();
    for radio in bridge_radios(&store).await? {
        radios.entry(radio.node).or_default().push(radio);
    }
    let view = |row: MapRow| {
        let bridges = radios.get(&row.node).map_or(&[][..], Vec::as_slice);
        MapNodeView::new(row, bridges)
    };
    let data: Vec<_> = rows.into_iter().map(view).collect();
    Ok(cacheable(&headers, &Page { data, next }, MAX_AGE))
}

impl MapNodeView {
    fn new(row: MapRow, bridges: &[BridgeRadio]) -> Self {
        Self {
            node_id: row.node,
            long_name: row.long_name,
            short_name: row.short_name,
            hardware: row.hardware,
            role: row.role,
            position: row.position.and_then(PositionView::public),
            last_heard: row.last_heard,
            station: row.values.iter().any(|value| value.metric.is_environmental()),
            bridges: bridges.iter().map(MapBridgeView::from).collect(),
            latest: MapLatestView::of(&row.values),
        }
    }
}

impl MapLatestView {
    fn of(values: &[LatestValue]) -> Option<Self> {
        let at = values.iter().map(|value| value.at).max()?;
        let older = values.iter().filter(|value| value.at < at).map(|value| (value.metric, value.at)).collect();
        Some(Self { at, values: values.iter().map(|value| (value.metric, value.value)).collect(), observed_at: ByMetric(older) })
    }
}

impl From<&BridgeRadio> for MapBridgeView {
    fn from(radio: &BridgeRadio) -> Self {
        let state = match radio.state {
            BridgeState::Online => "online",
            BridgeState::Offline => "offline",
        };
        Self { bridge_id: radio.bridge.clone(), state, status_at: radio.status_at }
    }
}
