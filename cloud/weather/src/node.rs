//! `GET /api/v1/nodes/{id}`: all that is publicly known of one node.

use crate::{
    counts::{HostStatsView, RadioStatsView, TrafficStatsView},
    nodes::{MAX_AGE, NodeView},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use kosmo_domain::{BridgeId, NodeId, Timestamp};
use kosmo_http::{Path, Problem, ProblemBody, cacheable};
use kosmo_store::{
    Store,
    ingest::{Reception, Traceroute},
    weather::{BridgeReception, Identity, NeighborRow, NodeDetail, NodeName},
};
use serde::Serialize;
use utoipa::ToSchema;

/// All that is publicly known of a node.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeDetail)]
pub(crate) struct NodeDetailView {
    #[serde(flatten)]
    node: NodeView,
    /// The ids and public keys it has had, the latest first, at most 100.
    identities: Vec<IdentityView>,
    /// How each bridge received it last, by radio and over MQTT apart, the latest first.
    receptions: Vec<ReceptionView>,
    /// Whom it hears directly, as it says itself.
    neighbors: Vec<NeighborView>,
    /// Which nodes hear it directly, as they say, the latest first, at most 200. What bridges hear is in `receptions`.
    heard_by: Vec<NeighborView>,
    /// The last way of a packet from each node that asked for one, the latest first, at most 50.
    traceroutes: Vec<TracerouteView>,
    /// What the other nodes that are spoken of here call themselves, as far as they said.
    names: Vec<NameView>,
    /// What its radio counts, for radios that bridges are attached to.
    #[serde(skip_serializing_if = "Option::is_none")]
    radio_stats: Option<RadioStatsView>,
    /// What the computer counts that it runs on, where it is no microcontroller.
    #[serde(skip_serializing_if = "Option::is_none")]
    host_stats: Option<HostStatsView>,
    /// What its traffic management counts (firmware 2.8).
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic_stats: Option<TrafficStatsView>,
}

/// An id and a key under which a node was heard.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeIdentity)]
struct IdentityView {
    /// The id.
    #[schema(value_type = String)]
    node_id: NodeId,
    /// The public key in base64; left out if none was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// When this id and key were first heard together.
    #[schema(value_type = String, format = DateTime)]
    first_heard: Timestamp,
}

/// How a bridge received a node last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeReception)]
struct ReceptionView {
    /// The bridge.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Signal to noise in decibels.
    #[serde(skip_serializing_if = "Option::is_none")]
    snr_db: Option<f32>,
    /// Signal strength in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    rssi_dbm: Option<i32>,
    /// Through how many relays.
    #[serde(skip_serializing_if = "Option::is_none")]
    hops_away: Option<u8>,
    /// The last byte of the number of the node that relayed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    relay_node: Option<u8>,
    /// Whether it crossed an MQTT broker on its way, so that signal and hops say nothing of the air.
    via_mqtt: bool,
}

/// What a node calls itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeName)]
struct NameView {
    /// Its id.
    #[schema(value_type = String)]
    node_id: NodeId,
    /// Its long name: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    long_name: Option<String>,
    /// Its short name: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    short_name: Option<String>,
}

/// Another node that this one hears directly, or is heard by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeNeighbor)]
struct NeighborView {
    /// The other one.
    #[schema(value_type = String)]
    node_id: NodeId,
    /// Signal to noise in decibels.
    snr_db: f32,
    /// When that was so.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// The way a packet took to this node and back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeTraceroute)]
struct TracerouteView {
    /// Who asked.
    #[schema(value_type = String)]
    to: NodeId,
    /// The relays on the way there.
    #[schema(value_type = Vec<String>)]
    route: Vec<NodeId>,
    /// Signal to noise in decibels at each step there; null where a relay did not say.
    snr_towards_db: Vec<Option<f32>>,
    /// The relays on the way back.
    #[schema(value_type = Vec<String>)]
    route_back: Vec<NodeId>,
    /// Signal to noise in decibels at each step back; null where a relay did not say.
    snr_back_db: Vec<Option<f32>>,
    /// When it was taken.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// One node
///
/// All that is publicly known of the node that has, or had, this id.
#[utoipa::path(
    get,
    operation_id = "get_node",
    path = "/api/v1/nodes/{id}",
    tag = "nodes",
    params(("id" = String, Path, description = "The node", example = "!a1b2c3d4")),
    responses(
        (status = 200, description = "The node", body = NodeDetailView),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "This is no node id", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Nothing was ever heard of this node", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Path(id): Path<NodeId>, headers: HeaderMap) -> Result<Response, Problem> {
    let detail = store.node(id).await?.ok_or_else(|| Problem::not_found("nothing was ever heard of this node"))?;
    Ok(cacheable(&headers, &NodeDetailView::from(detail), MAX_AGE))
}

impl From<NodeDetail> for NodeDetailView {
    fn from(detail: NodeDetail) -> Self {
        Self {
            node: NodeView::new(detail.node, &detail.receptions, &detail.latest),
            identities: detail.identities.into_iter().map(IdentityView::from).collect(),
            receptions: detail.receptions.into_iter().map(ReceptionView::from).collect(),
            neighbors: detail.neighbors.into_iter().map(NeighborView::from).collect(),
            heard_by: detail.heard_by.into_iter().map(NeighborView::from).collect(),
            traceroutes: detail.traceroutes.into_iter().map(TracerouteView::from).collect(),
            names: detail.names.into_iter().map(NameView::from).collect(),
            radio_stats: detail.radio_stats.map(RadioStatsView::from),
            host_stats: detail.host_stats.map(HostStatsView::from),
            traffic_stats: detail.traffic_stats.map(TrafficStatsView::from),
        }
    }
}

impl From<Identity> for IdentityView {
    fn from(Identity { node, public_key, first_heard }: Identity) -> Self {
        Self { node_id: node, public_key: public_key.map(|key| BASE64_STANDARD.encode(key)), first_heard }
    }
}

impl From<BridgeReception> for ReceptionView {
    fn from(BridgeReception { bridge, reception }: BridgeReception) -> Self {
        let Reception { at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt } = reception;
        Self { bridge_id: bridge, at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt }
    }
}

impl From<NodeName> for NameView {
    fn from(NodeName { node, long_name, short_name }: NodeName) -> Self {
        Self { node_id: node, long_name, short_name }
    }
}

impl From<NeighborRow> for NeighborView {
    fn from(NeighborRow { node, snr_db, at }: NeighborRow) -> Self {
        Self { node_id: node, snr_db, at }
    }
}

impl From<(Traceroute, Timestamp)> for TracerouteView {
    fn from((Traceroute { to, route, snr_towards_db, route_back, snr_back_db }, at): (Traceroute, Timestamp)) -> Self {
        Self { to, route, snr_towards_db, route_back, snr_back_db, at }
    }
}
