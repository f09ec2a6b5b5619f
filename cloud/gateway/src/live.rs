//! Live events as they go over the wire.

use crate::views::{MessageView, ReceivedView};
use bytes::Bytes;
use kosmo_contract::{BridgeState, RadioLink, Status};
use kosmo_domain::{BELIEVED, BridgeId, Metric, NodeId, Timestamp};
use kosmo_store::{
    BridgeRow, LiveNode,
    messages::{OwnEvent, ReadMark},
    weather::Latest,
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// How many decimals more than a person is shown are sent, as in `/api/v1/weather/latest`.
const SPARE_DECIMALS: u8 = 2;

/// The data of each event of the stream, by the event's name. docs/api/stream.md says when each comes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StreamEvents)]
#[expect(dead_code, clippy::large_enum_variant, reason = "it describes the stream, whose events are written one by one")]
pub(crate) enum StreamEvents {
    Hello(HelloEvent),
    Reset(ResetEvent),
    Behind(BehindEvent),
    Message(MessageEvent),
    Text(TextEvent),
    Read(ReadEvent),
    Latest(LatestEvent),
    Node(NodeEvent),
    Bridge(BridgeEvent),
    Packets(PacketsEvent),
    Chat(ChatEvent),
}

/// The first event of every stream.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamHello)]
pub(crate) struct HelloEvent {
    /// The number that own events go on from; 0 without a member.
    pub(crate) after: i64,
    /// Whether own events follow.
    pub(crate) member: bool,
}

/// Own events before this number are not to be had: read everything of the member's again.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamReset)]
pub(crate) struct ResetEvent {
    /// The number that own events go on from.
    pub(crate) after: i64,
}

/// Public events were left out: read what is shown again.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamBehind)]
pub(crate) struct BehindEvent {}

/// A text of the member's was accepted, or more is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamMessage)]
pub(crate) struct MessageEvent {
    /// The number of the event.
    seq: i64,
    /// `accepted` or `changed`.
    kind: &'static str,
    /// The text as it stands.
    message: MessageView,
}

/// A text came for the member.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamText)]
pub(crate) struct TextEvent {
    /// The number of the event.
    seq: i64,
    /// The text.
    text: ReceivedView,
}

/// The member read a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamRead)]
pub(crate) struct ReadEvent {
    /// The number of the event.
    seq: i64,
    #[serde(flatten)]
    mark: ReadView,
}

/// How far a conversation is read.
#[derive(Serialize, ToSchema)]
#[schema(as = ReadMark, example = json!({ "node_id": "!a1b2c3d4", "read_seq": 17, "unread": 0 }))]
pub(crate) struct ReadView {
    /// With whom.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// Up to which text.
    read_seq: i64,
    /// How many later texts of the node's there are.
    unread: u64,
}

/// A node measured something: a row of `/api/v1/weather/latest`.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamLatest, example = json!({ "node_id": "!a1b2c3d4", "at": "2026-06-01T11:59:57Z", "temperature_c": 21.5 }))]
pub(crate) struct LatestEvent {
    /// The node that measured.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// When its newest value was measured.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Its newest values, by metric.
    #[serde(flatten)]
    values: BTreeMap<&'static str, f64>,
    /// When those values were measured that are older than `at`; left out if none is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    observed_at: BTreeMap<&'static str, Timestamp>,
}

/// A node was heard.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamNode)]
pub(crate) struct NodeEvent {
    /// The node.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// When it was last heard.
    #[schema(value_type = String, format = DateTime)]
    last_heard: Timestamp,
    /// Whether what it says of itself may be other than before: read it again.
    changed: bool,
}

/// A bridge said something of itself, or fell silent.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamBridge)]
pub(crate) struct BridgeEvent {
    /// The bridge.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
    /// `online`, `offline`, or `silent` if it has not been heard of for three minutes.
    state: &'static str,
    /// `ready`, `connecting` or `down`; left out if it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    radio: Option<&'static str>,
    /// When it last said something.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// Something was said on a public channel, or more is known of what an operator said there: `/api/v1/channels/{channel_id}/messages`
/// has it.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamChat)]
pub(crate) struct ChatEvent {
    /// The channel.
    channel_id: Uuid,
}

pub(crate) fn chat_event(channel_id: Uuid) -> Bytes {
    event(None, "chat", &ChatEvent { channel_id })
}

/// Packets were logged: `/api/v1/network/packets?after=` has them.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamPackets)]
pub(crate) struct PacketsEvent {
    /// The number of the newest.
    newest: i64,
}

impl From<ReadMark> for ReadView {
    fn from(mark: ReadMark) -> Self {
        Self { node_id: mark.node, read_seq: mark.read_seq, unread: mark.unread }
    }
}

/// Writes an event; JSON has no line breaks of its own, so that one line of data is all.
pub(crate) fn event(id: Option<i64>, name: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).expect("events are made of texts, numbers and lists");
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    Bytes::from(format!("{id}event: {name}\ndata: {json}\n\n"))
}

/// Writes an event of a member's.
pub(crate) fn own_event(seq: i64, own: OwnEvent) -> Bytes {
    match own {
        OwnEvent::Message { accepted, message } => {
            let kind = if accepted { "accepted" } else { "changed" };
            event(Some(seq), "message", &MessageEvent { seq, kind, message: message.into() })
        }
        OwnEvent::Text(text) => event(Some(seq), "text", &TextEvent { seq, text: text.into() }),
        OwnEvent::Read(mark) => event(Some(seq), "read", &ReadEvent { seq, mark: mark.into() }),
    }
}

pub(crate) fn node_event(live: &LiveNode, changed: bool) -> Bytes {
    event(None, "node", &NodeEvent { node_id: live.node, last_heard: live.last_heard, changed })
}

pub(crate) fn latest_event(latest: &Latest) -> Bytes {
    let older = latest.values.iter().filter(|value| value.at < latest.at).map(|value| (value.metric.name(), value.at)).collect();
    let values = latest.values.iter().map(|value| (value.metric.name(), rounded(value.metric, value.value))).collect();
    event(None, "latest", &LatestEvent { node_id: latest.node, at: latest.at, values, observed_at: older })
}

pub(crate) fn bridge_event(row: &BridgeRow, now: Timestamp) -> Bytes {
    let status: Option<Status> = row.status.as_deref().and_then(|json| kosmo_contract::parse(json.as_bytes()).ok());
    let is_silent = row.status_at.is_none_or(|at| now.since(at) > BELIEVED);
    let state = match status.as_ref().map(|status| status.state) {
        Some(BridgeState::Offline) => "offline",
        Some(BridgeState::Online) if !is_silent => "online",
        Some(BridgeState::Online) | None => "silent",
    };
    let radio = status.and_then(|status| status.radio).map(|radio| match radio.link {
        RadioLink::Ready => "ready",
        RadioLink::Connecting => "connecting",
        RadioLink::Down => "down",
    });
    event(None, "bridge", &BridgeEvent { bridge_id: row.id.clone(), state, radio, at: row.status_at })
}

pub(crate) fn packets_event(newest: i64) -> Bytes {
    event(None, "packets", &PacketsEvent { newest })
}

/// A value as precise as it makes sense to say; adding zero turns a negative zero into a plain one.
fn rounded(metric: Metric, value: f64) -> f64 {
    let scale = 10_f64.powi(i32::from(metric.spec().decimals + SPARE_DECIMALS));
    (value * scale).round() / scale + 0.0
}
