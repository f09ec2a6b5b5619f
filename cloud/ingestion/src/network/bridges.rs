//! `GET /api/v1/network/bridges`: the bridges, as each was last heard of.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    decode::printable,
    network::{BELIEVED, Judged, State as Condition, judge},
};
use axum::extract::State;
use kosmo_contract::{Air, QueueDepth, RadioStatus, Status, WaitReason};
use kosmo_domain::{BridgeId, Clock, NodeId, Timestamp};
use kosmo_http::{Json, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::{BridgeRow, Store, ingest::RadioStats};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// How many bridges a page has if the client does not say.
const PAGE: u32 = 100;
/// How many bridges a page has at most.
const LONGEST_PAGE: u32 = 200;
/// From how many waiting records on a queue is worth a word: the bridge has been away, or the server is slow.
const BACKLOG: u64 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// How many bridges a page has: 100 if left out, at most 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of bridges.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BridgePage)]
pub(super) struct BridgePage {
    /// The server's time: ages are counted from here, for the clock of a client may be wrong.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// For how many seconds what a bridge says of itself is believed.
    believed_s: u64,
    /// The bridges, by id.
    data: Vec<BridgeView>,
    /// The cursor of the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// A bridge, as it was last heard of. What it has not said is left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bridge)]
struct BridgeView {
    /// Its id.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
    /// How it is: `online` with its radio, `connecting` to it, `no_radio`, `offline` (it said farewell, or its connection
    /// broke), `silent` (nothing for longer than its word is believed), `unheard` (never heard of).
    #[schema(value_type = String)]
    state: &'static str,
    /// Since when it is offline or silent: when it last said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    gone_since: Option<Timestamp>,
    /// When its last status arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    status_at: Option<Timestamp>,
    /// When anything of it last arrived, to within ten seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen_at: Option<Timestamp>,
    /// What is wrong with it, by codes that a page has words for: `unheard`, `silent`, `offline`, `connecting`, `no_radio`,
    /// `backlog` (much waits), `dropped` (its disk was full and old telemetry went), `lost` (it could not write what it heard),
    /// `reported` (`problems` says what).
    trouble: Vec<&'static str>,
    /// What it says is wrong, in its own words, in English: any text, not markup.
    problems: Vec<String>,
    /// The version of its program.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Seconds since it started, when it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_s: Option<u64>,
    /// Its radio.
    #[serde(skip_serializing_if = "Option::is_none")]
    radio: Option<RadioView>,
    /// What waited in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<QueuesView>,
    /// What its spool did since it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    spool: Option<SpoolView>,
    /// How its radio may use the air, and what texts wait for.
    #[serde(skip_serializing_if = "Option::is_none")]
    airtime: Option<AirtimeView>,
}

/// How a bridge's radio may use the air, as the bridge counts it. Shares are in percent; what is not known is left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BridgeAirtime)]
struct AirtimeView {
    /// What texts wait for: `turn` (the texts before them), `radio` (which is not connected), `radio_queue` (room in the radio),
    /// `duty_cycle` (the law's limit on airtime) or `channel` (a quieter channel); left out if none waits for longer than sending takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    waits_for: Option<&'static str>,
    /// For how many seconds they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_s: Option<u64>,
    /// Of the last hour, in how much of it the radio sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_pct: Option<f32>,
    /// How much of an hour the law allows in the radio's region; 100 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_pct: Option<f32>,
}

/// A bridge's radio. What nobody has told is left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BridgeRadio)]
struct RadioView {
    /// Its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    node_id: Option<NodeId>,
    /// Its firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    firmware: Option<String>,
    /// Its LoRa region, by the protocol's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// Its modem preset, by the protocol's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    modem_preset: Option<String>,
    /// What it counts of the air.
    #[serde(skip_serializing_if = "Option::is_none")]
    air: Option<AirView>,
}

/// What a radio counts of the air around it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BridgeAir)]
struct AirView {
    /// When it said so.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Share of the last minute in which it heard the channel in use.
    channel_utilization_pct: f32,
    /// Share of the last hour in which it sent.
    air_util_tx_pct: f32,
    /// Nodes heard in the last two hours.
    nodes_online: u32,
    /// Noise on the channel in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    noise_floor_dbm: Option<i32>,
}

/// What waits in a bridge.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BridgeQueues)]
struct QueuesView {
    /// Readings and node reports on their way to the server.
    ingest: DepthView,
    /// Texts, claims and receipts on their way to the server.
    gateway: DepthView,
    /// Texts on their way to the radio.
    outbound: DepthView,
}

/// How much waits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BridgeQueue)]
struct DepthView {
    /// What has not been answered for.
    waiting: u64,
    /// How much of this is under way.
    in_flight: u64,
}

/// What a bridge's spool did since the bridge started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BridgeSpool)]
struct SpoolView {
    /// Packets its radio handed over.
    packets: u64,
    /// Records that came into the spool.
    spooled: u64,
    /// Records the server has.
    committed: u64,
    /// Records the server refused for good.
    rejected: u64,
    /// Old telemetry given up because the spool was full.
    dropped: u64,
    /// What was heard and could not be written.
    lost: u64,
}

/// The bridges
///
/// Every bridge that has a login, with what it last said of itself and how long ago. What a bridge says is believed only
/// while it is fresh.
#[utoipa::path(
    get,
    operation_id = "network_bridges",
    path = "/api/v1/network/bridges",
    tag = "network",
    params(Params),
    responses(
        (status = 200, description = "A page of bridges", body = BridgePage),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn handler(
    State(store): State<Store>,
    State(clock): State<Arc<dyn Clock>>,
    Query(params): Query<Params>,
) -> Result<Json<BridgePage>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let after: Option<BridgeId> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let mut rows = store.bridges_page(after.as_ref(), size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.id));
    let now = clock.now();
    let judged: Vec<_> = rows.into_iter().map(|row| (judge(&row, now), row)).collect();
    let radios: Vec<_> = judged.iter().filter_map(|(judged, _)| judged.status.as_ref()?.radio.as_ref()?.node_id).collect();
    let stats = store.radio_stats(&radios).await?;
    let data = judged.into_iter().map(|(judged, row)| BridgeView::new(row, judged, &stats)).collect();
    Ok(Json(BridgePage { at: now, believed_s: BELIEVED.as_secs(), data, next }))
}

impl BridgeView {
    fn new(row: BridgeRow, judged: Judged, stats: &BTreeMap<NodeId, (RadioStats, Timestamp)>) -> Self {
        let Judged { state, status, gone_since } = judged;
        let queues = status.as_ref().and_then(|status| status.queues.as_ref()).map(|queues| QueuesView {
            ingest: queues.ingest.into(),
            gateway: queues.gateway.into(),
            outbound: queues.outbound.into(),
        });
        let spool = status.as_ref().and_then(SpoolView::of);
        let problems: Vec<_> = status.iter().flat_map(|status| &status.problems).filter_map(|problem| printable(problem)).collect();
        Self {
            bridge_id: row.id,
            state: state.as_str(),
            gone_since,
            status_at: row.status_at,
            last_seen_at: row.last_seen_at,
            trouble: trouble(state, queues.as_ref(), spool.as_ref(), !problems.is_empty()),
            problems,
            version: status.as_ref().and_then(|status| status.version.as_deref()).and_then(printable),
            uptime_s: status.as_ref().and_then(|status| status.uptime_s),
            radio: status.as_ref().and_then(|status| status.radio.as_ref()).map(|radio| RadioView::new(radio, stats)),
            queues,
            spool,
            airtime: status.as_ref().and_then(|status| status.air.as_ref()).map(AirtimeView::from),
        }
    }
}

impl From<&Air> for AirtimeView {
    fn from(air: &Air) -> Self {
        let waits_for = air.waits_for.map(|reason| match reason {
            WaitReason::Turn => "turn",
            WaitReason::Radio => "radio",
            WaitReason::RadioQueue => "radio_queue",
            WaitReason::DutyCycle => "duty_cycle",
            WaitReason::Channel => "channel",
        });
        Self { waits_for, waits_s: air.waits_s, used_pct: air.used_pct, allowed_pct: air.allowed_pct }
    }
}

/// Lists what is wrong, the worst first. Of a bridge that is gone only that is known.
fn trouble(state: Condition, queues: Option<&QueuesView>, spool: Option<&SpoolView>, reports: bool) -> Vec<&'static str> {
    if state.is_gone() {
        return vec![state.as_str()];
    }
    let waits = queues.is_some_and(|queues| queues.ingest.waiting.saturating_add(queues.gateway.waiting) > BACKLOG);
    let found = [
        (state != Condition::Online, state.as_str()),
        (spool.is_some_and(|spool| spool.lost > 0), "lost"),
        (spool.is_some_and(|spool| spool.dropped > 0), "dropped"),
        (reports, "reported"),
        (waits, "backlog"),
    ];
    found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, code)| code).collect()
}

impl RadioView {
    /// Why a radio is not to be had is for the operator: it may name devices and addresses.
    fn new(radio: &RadioStatus, stats: &BTreeMap<NodeId, (RadioStats, Timestamp)>) -> Self {
        let air = radio.node_id.and_then(|node| stats.get(&node)).map(|(stats, at)| AirView {
            at: *at,
            channel_utilization_pct: stats.channel_utilization_pct,
            air_util_tx_pct: stats.air_util_tx_pct,
            nodes_online: stats.nodes_online,
            noise_floor_dbm: stats.noise_floor_dbm,
        });
        Self {
            node_id: radio.node_id,
            firmware: radio.firmware.as_deref().and_then(printable),
            region: radio.region.as_deref().and_then(printable),
            modem_preset: radio.modem_preset.as_deref().and_then(printable),
            air,
        }
    }
}

impl SpoolView {
    /// Returns the counts that have a meaning here; nothing of a bridge that counts nothing.
    fn of(status: &Status) -> Option<Self> {
        let count = |name: &str| status.counters.iter().find(|(key, _)| &***key == name).map_or(0, |(_, count)| *count);
        (!status.counters.is_empty()).then(|| Self {
            packets: count("packets_received"),
            spooled: count("records_spooled"),
            committed: count("records_committed"),
            rejected: count("records_rejected"),
            dropped: count("records_dropped_at_cap"),
            lost: count("telemetry_lost").saturating_add(count("texts_lost")),
        })
    }
}

impl From<QueueDepth> for DepthView {
    fn from(QueueDepth { waiting, in_flight }: QueueDepth) -> Self {
        Self { waiting, in_flight }
    }
}
