//! `GET /api/v1/nodes`: the nodes of the mesh.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    heard::{self, MqttView, PowerView, RadioView},
    params::maybe_time,
};
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::{BridgeId, NodeId, Timestamp};
use kosmo_http::{Page, Problem, ProblemBody, Query, cacheable, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    weather::{BridgeReception, LatestValue, NodeListing, NodePosition, NodeRow},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be kept.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(15);
/// How many nodes a page has if the client does not say.
const PAGE: u32 = 100;
/// How many nodes a page has at most.
const LONGEST_PAGE: u32 = 1_000;
/// To how many decimals of a degree the public is told where a node is: about a kilometre.
const PUBLIC_DECIMALS: u8 = 2;
/// The same as degrees.
const PUBLIC_PRECISION_DEG: f64 = 0.01;
/// The step of a coordinate on the mesh, in degrees.
const STEP_DEG: f64 = 1.0e-7;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Only nodes heard of at this time or later: what a client asks for that has the others.
    #[serde(default, deserialize_with = "maybe_time")]
    #[param(value_type = Option<String>, format = DateTime, example = "2026-06-01T11:59:00Z")]
    heard_since: Option<Timestamp>,
    /// How many nodes a page has: 100 if left out, at most 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A node of the mesh. What nobody has told is left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Node, example = json!({
    "node_id": "!a1b2c3d4",
    "long_name": "Ana im Tal",
    "short_name": "ANA",
    "hardware": "T_DECK",
    "role": "CLIENT",
    "licensed": false,
    "unmessagable": false,
    "position": { "latitude": 50.93, "longitude": 6.95, "altitude_m": 53.0, "precision_deg": 0.01, "at": "2026-06-01T11:45:00Z" },
    "first_heard": "2026-05-01T07:12:40Z",
    "last_heard": "2026-06-01T11:59:57Z",
    "heard_by_radio": { "at": "2026-06-01T11:59:57Z", "bridge_id": "roof", "snr_db": 6.25, "rssi_dbm": -92, "hops_away": 1 },
    "bridges": ["roof"],
    "power": { "battery_pct": 93.0, "battery_voltage_v": 4.08, "at": "2026-06-01T11:45:00Z" },
    "is_station": true
}))]
pub(crate) struct NodeView {
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
    /// Whether it transmits under an amateur licence, without encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    licensed: Option<bool>,
    /// Whether it says that nobody reads messages sent to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmessagable: Option<bool>,
    /// Where it was last, roughly.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<PositionView>,
    /// When it was first heard of.
    #[schema(value_type = String, format = DateTime)]
    first_heard: Timestamp,
    /// When it was last heard of.
    #[schema(value_type = String, format = DateTime)]
    last_heard: Timestamp,
    /// How it was last received over the air; left out if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard_by_radio: Option<RadioView>,
    /// How it was last received across an MQTT broker; left out if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard_over_mqtt: Option<MqttView>,
    /// The bridges that received it, the latest first.
    #[schema(value_type = Vec<String>)]
    bridges: Vec<BridgeId>,
    /// What powers it; left out if it never said.
    #[serde(skip_serializing_if = "Option::is_none")]
    power: Option<PowerView>,
    /// Whether it has measured its surroundings.
    is_station: bool,
    /// When its public key last changed to another one; left out if it never did. Someone else may have taken its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    key_changed_at: Option<Timestamp>,
}

/// Where a node was, as far as the public may know.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublicPosition)]
pub(crate) struct PositionView {
    /// Degrees north, WGS 84.
    latitude: f64,
    /// Degrees east.
    longitude: f64,
    /// Metres above sea level.
    #[serde(skip_serializing_if = "Option::is_none")]
    altitude_m: Option<f64>,
    /// To how many degrees the place is told: it may be half of that away, in any direction.
    precision_deg: f64,
    /// When it was there.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// The nodes of the mesh
///
/// Every node that was ever heard of, by id, in pages. Positions are rounded: this list is public.
#[utoipa::path(
    get,
    operation_id = "list_nodes",
    path = "/api/v1/nodes",
    tag = "nodes",
    params(Params),
    responses(
        (status = 200, description = "A page of nodes", body = Page<NodeView>),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let after: Option<NodeId> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let mut rows = store.list_nodes(after, params.heard_since.unwrap_or(Timestamp::EPOCH), size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.node.node));
    let data: Vec<_> = rows.into_iter().map(NodeView::from).collect();
    Ok(cacheable(&headers, &Page { data, next }, MAX_AGE))
}

impl From<NodeListing> for NodeView {
    fn from(NodeListing { node, receptions, latest }: NodeListing) -> Self {
        Self::new(node, &receptions, &latest)
    }
}

impl NodeView {
    pub(crate) fn new(row: NodeRow, receptions: &[BridgeReception], latest: &[LatestValue]) -> Self {
        let (heard_by_radio, heard_over_mqtt) = heard::last_heard(receptions);
        Self {
            node_id: row.node,
            long_name: row.long_name,
            short_name: row.short_name,
            hardware: row.hardware,
            role: row.role,
            licensed: row.licensed,
            unmessagable: row.unmessagable,
            position: row.position.and_then(PositionView::public),
            first_heard: row.first_heard,
            last_heard: row.last_heard,
            heard_by_radio,
            heard_over_mqtt,
            bridges: heard::bridges(receptions),
            power: heard::power(latest),
            is_station: heard::is_station(latest),
            key_changed_at: row.key_changed_at,
        }
    }
}

impl PositionView {
    /// Returns the position as the public may know it; nothing if the node left out every bit of it.
    pub(crate) fn public(exact: NodePosition) -> Option<Self> {
        let bits = exact.precision_bits.unwrap_or(32).min(32);
        if bits == 0 {
            return None;
        }
        let left_out = STEP_DEG * 2_f64.powi(32 - i32::from(bits));
        let position = exact.position.rounded(PUBLIC_DECIMALS);
        Some(Self {
            latitude: position.latitude(),
            longitude: position.longitude(),
            altitude_m: position.altitude_m(),
            precision_deg: PUBLIC_PRECISION_DEG.max((left_out * 1.0e4).round() / 1.0e4),
            at: exact.at,
        })
    }
}
