//! `GET /api/v1/network/uplinks`: the brokers that nodes publish to, the gateways that do, and of whom too much came.

use crate::decode::printable;
use axum::extract::State;
use kosmo_domain::{Clock, DAY, HOUR, NodeId, Timestamp};
use kosmo_http::{Json, Problem};
use kosmo_store::{
    Store,
    uplinks::{BrokerNote, DenialRow, GatewayRow, LimitRow, SessionRow, Taken},
    weather::NodeName,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use utoipa::ToSchema;

/// How long it is believed how a broker fares: it is noted every five seconds.
const BELIEVED: Duration = Duration::from_mins(1);
/// The most denials that are told.
const MOST_DENIED: usize = 500;

/// What nodes publish themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkSummary)]
pub(super) struct Summary {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The brokers that are listened to, or were within the last week, by name; 500 at most.
    brokers: Vec<Broker>,
    /// The gateways that were heard of last, each as it calls itself; 500 at most.
    gateways: Vec<Gateway>,
    /// Of whom more came than is taken within the last 24 hours, those of whom most did first; 500 at most.
    limited: Vec<Limited>,
    /// Whose packets an operator will not have, the latest first; 500 at most.
    denied: Vec<Denied>,
    /// When brokers were listened to within the last seven days, the latest first; 500 at most. What was published between is lost.
    listening: Vec<Session>,
    /// What those nodes call themselves that are spoken of here, as far as they said and want to be shown.
    names: Vec<Called>,
}

/// A broker that nodes publish to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkBroker)]
struct Broker {
    /// What it is called here: `msh` is our own.
    source: String,
    /// How it fares: `listening`, `connecting` (it was not reached yet), `away` (it cannot be reached, or the connection was lost, and
    /// is tried again), `refused` (it refuses the login or the subscription, and is tried again), `unheard` (no process has said for a
    /// minute that it listens to it).
    #[schema(value_type = String)]
    state: &'static str,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What went wrong last: `login`, `subscription`, `client_id`, `version` (it speaks another MQTT), `unavailable`, `network` (nobody
    /// listens there), `tls`, `closed` (it ended the connection), `no_answer`, `too_large` and `protocol` (it sent what cannot be), or
    /// `overrun` (it sent more than can be taken). The server's log has more.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    error_at: Option<Timestamp>,
    /// Whether what comes from there counts as much as what a radio of ours hears.
    trusted: bool,
    /// Whether what comes from there is shown, of nodes that agree.
    public: bool,
}

/// A gateway.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkGateway)]
struct Gateway {
    /// The broker: `msh` is our own.
    source: String,
    /// The gateway, as it calls itself.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// When it was heard of first.
    #[schema(value_type = String, format = DateTime)]
    first_at: Timestamp,
    /// When it was heard of last.
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
    /// Packets that nobody had told of before, since it was heard of first.
    packets: u64,
    /// Packets that another gateway had told of.
    copies: u64,
    /// Packets that were not taken.
    limited: u64,
    /// The same of the last 24 hours.
    day: Amount,
    /// How many messages a minute it published within the last one or two hours, taken or not.
    per_minute: f64,
}

/// How much came.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkAmount)]
struct Amount {
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
    /// The broker it came from.
    source: String,
    /// The node; `!ffffffff` stands for gateways that nobody has heard of.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// As what it is meant: `node` or `gateway`.
    #[schema(value_type = String)]
    role: &'static str,
    /// Why: `too_fast`, `too_many_strangers` (nodes that nobody has heard of), `repeats` (the very same again and again), `replay` (what
    /// it received long ago) or `denied`.
    reason: String,
    /// When the first was not taken, within the last 24 hours.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When the last was not taken.
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
    /// How many packets were not.
    number: u64,
}

/// Whom an operator will not have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkDenied)]
struct Denied {
    /// The node.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// As what it is meant: `node` or `gateway`.
    #[schema(value_type = String)]
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

/// What a node calls itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UplinkName)]
struct Called {
    /// Its id.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// Its long name: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    long_name: Option<String>,
    /// Its short name: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    short_name: Option<String>,
}

/// What nodes publish themselves
///
/// The brokers that nodes publish to, our own and others, and how each fares; the gateways there, how much of them is taken and of whom
/// it was too much; and when brokers were listened to: what is published while nobody listens is lost. Of a broker that is not for
/// everybody there is how it fares alone.
#[utoipa::path(
    get,
    operation_id = "network_uplinks",
    path = "/api/v1/network/uplinks",
    tag = "network",
    responses((status = 200, description = "The uplinks", body = Summary)),
)]
pub(super) async fn handler(State(store): State<Store>, State(clock): State<Arc<dyn Clock>>) -> Result<Json<Summary>, Problem> {
    let at = clock.now();
    let brokers = brokers(store.uplink_brokers().await?, at);
    // Of what nobody said that it is for everybody, it is not.
    let open: BTreeSet<&str> = brokers.iter().filter(|broker| broker.public).map(|broker| broker.source.as_str()).collect();
    let mut gateways = store.uplink_gateways(at).await?;
    gateways.retain(|row| open.contains(row.source.as_str()));
    let mut limited = store.uplink_limits(at.minus(DAY)).await?;
    limited.retain(|row| open.contains(row.source.as_str()));
    let mut denied = store.uplink_denials().await?;
    denied.truncate(MOST_DENIED);
    let spoken_of =
        gateways.iter().map(|row| row.gateway).chain(limited.iter().map(|row| row.node)).chain(denied.iter().map(|row| row.node));
    let names = store.node_names(&spoken_of.collect()).await?;
    let session = |SessionRow { source, from, until }: SessionRow| Session { source, from, until };
    Ok(Json(Summary {
        at,
        gateways: gateways.into_iter().map(|row| Gateway::new(row, at)).collect(),
        limited: limited.into_iter().map(Limited::from).collect(),
        denied: denied.into_iter().map(Denied::from).collect(),
        listening: store.uplink_sessions(at.minus(DAY * 7)).await?.into_iter().map(session).collect(),
        names: names.into_iter().map(Called::from).collect(),
        brokers,
    }))
}

/// Returns one row for each broker: what the process says of it that has the best word, of those that said something lately.
fn brokers(notes: Vec<BrokerNote>, now: Timestamp) -> Vec<Broker> {
    let mut by_source: BTreeMap<String, Vec<BrokerNote>> = BTreeMap::new();
    for note in notes {
        by_source.entry(note.source.clone()).or_default().push(note);
    }
    let broker = |(source, notes): (String, Vec<BrokerNote>)| {
        let latest = notes.first()?;
        let best = notes.iter().filter(|note| now.since(note.at) <= BELIEVED).min_by_key(|note| note.state);
        let (state, since) = best.map_or(("unheard", latest.at), |best| (best.state.as_str(), best.since));
        let (error, error_at) = best.unwrap_or(latest).error.clone().unzip();
        Some(Broker { source, state, since, error, error_at, trusted: latest.trusted, public: latest.public })
    };
    by_source.into_iter().filter_map(broker).collect()
}

impl Gateway {
    fn new(row: GatewayRow, now: Timestamp) -> Self {
        let GatewayRow { source, gateway, first_at, last_at, ever: Taken { packets, copies, limited }, day, lately } = row;
        // Over the hour that runs and the one before, or as long as it is known.
        let minutes = now.since(first_at.max(now.floor_to(HOUR).minus(HOUR))).as_secs_f64().max(60.0) / 60.0;
        let per_minute = (lately as f64 / minutes * 10.0).round() / 10.0;
        Self { source, node_id: gateway, first_at, last_at, packets, copies, limited, day: day.into(), per_minute }
    }
}

impl From<Taken> for Amount {
    fn from(Taken { packets, copies, limited }: Taken) -> Self {
        Self { packets, copies, limited }
    }
}

impl From<LimitRow> for Limited {
    fn from(LimitRow { source, role, node, reason, first_at, last_at, number }: LimitRow) -> Self {
        Self { source, node_id: node, role: role.as_str(), reason, since: first_at, last_at, number }
    }
}

impl From<DenialRow> for Denied {
    fn from(DenialRow { role, node, at }: DenialRow) -> Self {
        Self { node_id: node, role: role.as_str(), since: at }
    }
}

impl From<NodeName> for Called {
    fn from(NodeName { node, long_name, short_name }: NodeName) -> Self {
        let seen = |name: Option<String>| name.as_deref().and_then(printable);
        Self { node_id: node, long_name: seen(long_name), short_name: seen(short_name) }
    }
}
