//! `GET /api/v1/network/uplinks`: the gateways that publish what they hear, of whom too much came, and when brokers were listened to.

use axum::extract::State;
use kosmo_domain::{Clock, DAY, NodeId, Timestamp};
use kosmo_http::{Json, Problem};
use kosmo_store::{
    Store,
    uplinks::{DenialRow, GatewayRow, LimitRow, SessionRow},
};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What nodes publish themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkSummary)]
pub(super) struct Summary {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The gateways that were heard of last, each as it calls itself; 500 at most.
    gateways: Vec<Gateway>,
    /// Of whom more came than is taken within the last 24 hours, those of whom most did first; 500 at most.
    limited: Vec<Limited>,
    /// Whose packets an operator will not have, the latest first; 500 at most.
    denied: Vec<Denied>,
    /// When brokers were listened to within the last seven days, the latest first. What was published between is lost.
    listening: Vec<Session>,
}

/// A gateway.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkGateway)]
struct Gateway {
    /// The broker: `msh` is our own.
    source: String,
    /// The gateway, as it calls itself.
    #[schema(value_type = String)]
    node_id: NodeId,
    /// When it was heard of first.
    #[schema(value_type = String, format = DateTime)]
    first_at: Timestamp,
    /// When it was heard of last.
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
    /// Packets that nobody had told of before.
    packets: u64,
    /// Packets that another gateway had told of.
    copies: u64,
    /// Packets that were not taken.
    limited: u64,
}

/// Of whom more came than is taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkLimited)]
struct Limited {
    /// The node.
    #[schema(value_type = String)]
    node_id: NodeId,
    /// As what it is meant: `node` or `gateway`.
    role: &'static str,
    /// Why: `too_fast`, `too_many_strangers`, `repeats`, `replay` or `denied`.
    reason: String,
    /// The last hour in which that was so.
    #[schema(value_type = String, format = DateTime)]
    last_hour: Timestamp,
    /// How many packets.
    number: u64,
}

/// Whom an operator will not have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkDenied)]
struct Denied {
    /// The node.
    #[schema(value_type = String)]
    node_id: NodeId,
    /// As what it is meant: `node` or `gateway`.
    role: &'static str,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// A time in which a broker was listened to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkSession)]
struct Session {
    /// The broker: `msh` is our own.
    source: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Until when; of one that goes on, until a moment ago.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

/// The most denials that are told.
const MOST_DENIED: usize = 500;

/// What nodes publish themselves
///
/// The gateways on our own broker and on others, how much of them is taken and of whom it was too much, and when brokers were
/// listened to: what is published while nobody listens is lost.
#[utoipa::path(
    get,
    operation_id = "network_uplinks",
    path = "/api/v1/network/uplinks",
    tag = "network",
    responses((status = 200, description = "The uplinks", body = Summary)),
)]
pub(super) async fn handler(State(store): State<Store>, State(clock): State<Arc<dyn Clock>>) -> Result<Json<Summary>, Problem> {
    let at = clock.now();
    let gateway = |GatewayRow { source, gateway, first_at, last_at, packets, copies, limited }: GatewayRow| Gateway {
        source,
        node_id: gateway,
        first_at,
        last_at,
        packets,
        copies,
        limited,
    };
    let limited = |LimitRow { role, node, reason, last_hour, number }: LimitRow| Limited {
        node_id: node,
        role: role.as_str(),
        reason,
        last_hour,
        number,
    };
    let denied = |DenialRow { role, node, at }: DenialRow| Denied { node_id: node, role: role.as_str(), since: at };
    let session = |SessionRow { source, from, until }: SessionRow| Session { source, from, until };
    Ok(Json(Summary {
        at,
        gateways: store.uplink_gateways().await?.into_iter().map(gateway).collect(),
        limited: store.uplink_limits(at.minus(DAY)).await?.into_iter().map(limited).collect(),
        denied: store.uplink_denials().await?.into_iter().take(MOST_DENIED).map(denied).collect(),
        listening: store.uplink_sessions(at.minus(DAY * 7)).await?.into_iter().map(session).collect(),
    }))
}
