//! Mesh packets as a radio hands them to its client, and what they say.

use crate::{
    node::UserInfo,
    payload::{NeighborReport, PositionReport, Route, Routing, clock_time},
    proto,
    telemetry::Telemetry,
    waypoint::Waypoint,
    wire,
};
use kosmo_domain::{NodeId, PacketId, Timestamp};
use prost::Message;
use std::fmt;

/// Port numbers (`portnums.proto`) that are told apart here.
pub mod port {
    /// A text.
    pub const TEXT_MESSAGE: u32 = 1;
    /// Where a node is.
    pub const POSITION: u32 = 3;
    /// Who a node says it is.
    pub const NODEINFO: u32 = 4;
    /// What became of a packet.
    pub const ROUTING: u32 = 5;
    /// Configuration of a radio; may carry its keys.
    pub const ADMIN: u32 = 6;
    /// A place that somebody marked.
    pub const WAYPOINT: u32 = 8;
    /// A text that is to be noticed.
    pub const ALERT: u32 = 11;
    /// A line of status that a node gives itself.
    pub const NODE_STATUS: u32 = 36;
    /// What a router kept for those who were not there.
    pub const STORE_FORWARD: u32 = 65;
    /// Measurements.
    pub const TELEMETRY: u32 = 67;
    /// Packets of a simulated radio's air, which bear the ids of the packets they wrap.
    pub const SIMULATOR: u32 = 69;
    /// The way to a node.
    pub const TRACEROUTE: u32 = 70;
    /// Whom a node hears.
    pub const NEIGHBORINFO: u32 = 71;
    /// What a gateway tells the makers of public maps.
    pub const MAP_REPORT: u32 = 73;
}

/// A packet as one radio received it.
#[derive(Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags of the packet's header, independent of each other")]
pub struct Received {
    /// Who claims to have sent it.
    pub from: NodeId,
    /// Whom it is for.
    pub to: NodeId,
    /// The sender's id for it.
    pub id: PacketId,
    /// The radio's index of the channel; for an encrypted packet the channel's hash.
    pub channel: u32,
    /// When the radio received it, if the radio knew the time.
    pub rx_time: Option<Timestamp>,
    /// Signal to noise in decibels; nothing if it did not come over the air.
    pub snr: Option<f32>,
    /// Signal strength in dBm; nothing if it did not come over the air.
    pub rssi: Option<i32>,
    /// How many hops it was given; 0 may be unknown, see [`Received::hops_away`].
    pub hop_start: u32,
    /// How many hops it had left.
    pub hop_limit: u32,
    /// Whether it crossed an MQTT broker somewhere on its way.
    pub via_mqtt: bool,
    /// How it reached the radio.
    pub transport: Transport,
    /// The last byte of the number of the node that relayed it last.
    pub relay_node: Option<u8>,
    /// The last byte of the number of the node that was to relay it.
    pub next_hop: Option<u8>,
    /// Whether its sender wants an acknowledgement.
    pub want_ack: bool,
    /// Whether its sender wants an answer.
    pub want_response: bool,
    /// Whether it was encrypted for this radio alone.
    pub pki_encrypted: bool,
    /// The packet that it answers or acknowledges.
    pub request_id: Option<PacketId>,
    /// The text that it replies or reacts to.
    pub reply_id: Option<PacketId>,
    /// Whether it is a reaction: its text is one emoji.
    pub emoji: bool,
    /// The flags its sender set, which senders before 2.5 do not.
    pub bitfield: Option<u32>,
    /// The port number; 0 for an encrypted packet.
    pub port: u32,
    /// Whether the radio told it again from memory after a handshake, as far as that can be known. Then its time
    /// stands, but it is no news, and its signal is none of today's.
    pub replayed: bool,
    /// What the port carried, byte for byte; of an encrypted packet the ciphertext.
    pub payload: Vec<u8>,
    /// The whole `FromRadio` it came in, byte for byte, so that fields of later firmware are not lost.
    pub raw: Vec<u8>,
    /// What it says.
    pub body: Body,
}

/// How a packet reached the radio (the firmware's `transport_mechanism`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The radio made it itself.
    Internal,
    /// Over LoRa.
    Lora,
    /// Over an MQTT broker, which proves nothing of the air.
    Mqtt,
    /// Over the local network.
    Udp,
    /// From a client of the radio.
    Api,
    /// Some way this version has no name for.
    Other(i32),
}

/// What a packet says.
#[derive(Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "packets are boxed where they travel, and most hold telemetry")]
pub enum Body {
    /// A text.
    Text {
        /// The text, as it came.
        text: String,
    },
    /// A text that is no UTF-8.
    TextNotUtf8,
    /// A text that a router kept, and sends again as its writer's.
    StoredText {
        /// The text, as it came.
        text: String,
    },
    /// A place that somebody marked.
    Waypoint(Waypoint),
    /// Where the sender is.
    Position(PositionReport),
    /// Who the sender says it is.
    User(UserInfo),
    /// What the sender measured.
    Telemetry(Telemetry),
    /// What became of a packet.
    Routing(Routing),
    /// The way to a node and back; empty in a request.
    Traceroute(Route),
    /// Whom a node hears.
    Neighbors(NeighborReport),
    /// The radio could not decrypt it.
    Encrypted,
    /// A port that is not read here.
    Unknown,
    /// Its payload is not what its port carries.
    Malformed {
        /// Why, in plain words.
        reason: &'static str,
    },
}

impl Body {
    /// Returns the name used in counters and reasons.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::TextNotUtf8 => "text_not_utf8",
            Self::StoredText { .. } => "stored_text",
            Self::Waypoint(_) => "waypoint",
            Self::Position(_) => "position",
            Self::User(_) => "user",
            Self::Telemetry(_) => "telemetry",
            Self::Routing(_) => "routing",
            Self::Traceroute(_) => "traceroute",
            Self::Neighbors(_) => "neighbors",
            Self::Encrypted => "encrypted",
            Self::Unknown => "unknown",
            Self::Malformed { .. } => "malformed",
        }
    }
}

impl Received {
    /// Returns what a radio's packet says, with the whole message it came in.
    pub fn read(packet: proto::MeshPacket, raw: Vec<u8>) -> Self {
        use proto::mesh_packet::PayloadVariant;
        let (data, body) = match packet.payload_variant {
            Some(PayloadVariant::Decoded(data)) => {
                let body = read_body(data.portnum.cast_unsigned(), &data.payload);
                (data, body)
            }
            Some(PayloadVariant::Encrypted(payload)) => (proto::Data { payload, ..Default::default() }, Body::Encrypted),
            None => (proto::Data::default(), Body::Malformed { reason: "a packet without a payload" }),
        };
        let heard = packet.rx_rssi != 0 || packet.rx_snr != 0.0;
        Self {
            from: NodeId::from_number(packet.from),
            to: NodeId::from_number(packet.to),
            id: PacketId(packet.id),
            channel: packet.channel,
            rx_time: clock_time(packet.rx_time),
            snr: Some(packet.rx_snr).filter(|snr| heard && snr.is_finite()),
            rssi: Some(packet.rx_rssi).filter(|rssi| *rssi != 0 && (-250..=50).contains(rssi)),
            hop_start: packet.hop_start,
            hop_limit: packet.hop_limit,
            via_mqtt: packet.via_mqtt,
            transport: Transport::read(packet.transport_mechanism, heard),
            relay_node: last_byte(packet.relay_node),
            next_hop: last_byte(packet.next_hop),
            want_ack: packet.want_ack,
            want_response: data.want_response,
            pki_encrypted: packet.pki_encrypted,
            request_id: Some(PacketId(data.request_id)).filter(|id| id.is_given()),
            reply_id: Some(PacketId(data.reply_id)).filter(|id| id.is_given()),
            emoji: data.emoji != 0,
            bitfield: data.bitfield,
            port: data.portnum.cast_unsigned(),
            replayed: false,
            payload: data.payload,
            raw,
            body,
        }
    }

    /// Returns how many relays it went through, if that is known: a start of 0 is one only where the sender sets flags.
    pub fn hops_away(&self) -> Option<u8> {
        if self.hop_start > 7 || (self.hop_start == 0 && self.bitfield.is_none()) {
            return None;
        }
        self.hop_start.checked_sub(self.hop_limit).and_then(|hops| u8::try_from(hops).ok())
    }

    /// Tells whether its sender allows it to be passed on over MQTT; nothing if the sender does not say.
    pub fn ok_to_mqtt(&self) -> Option<bool> {
        self.bitfield.map(|flags| flags & 1 != 0)
    }
}

impl Transport {
    /// Reads the firmware's number. Before 2.7 it is always 0, hence the second argument: whether a signal was measured.
    const fn read(mechanism: i32, heard: bool) -> Self {
        match mechanism {
            0 if heard => Self::Lora,
            0 => Self::Internal,
            1..=4 => Self::Lora,
            5 => Self::Mqtt,
            6 => Self::Udp,
            7 => Self::Api,
            other => Self::Other(other),
        }
    }
}

fn last_byte(number: u32) -> Option<u8> {
    u8::try_from(number).ok().filter(|byte| *byte != 0)
}

fn read_body(port: u32, payload: &[u8]) -> Body {
    let body = match port {
        port::TEXT_MESSAGE => Ok(read_text(payload)),
        port::STORE_FORWARD => decode(payload).map(|message| read_stored(&message)),
        port::WAYPOINT => decode(payload).map(|message| Body::Waypoint(Waypoint::read(&message))),
        port::POSITION => decode(payload).map(|message| Body::Position(PositionReport::read(&message))),
        port::NODEINFO => match wire::read_user(payload) {
            Ok(message) => Ok(Body::User(UserInfo::read(&message))),
            Err(_) => Err(NOT_ITS_TYPE),
        },
        port::ROUTING => decode(payload).and_then(|message| Routing::read(&message)).map(Body::Routing),
        port::TELEMETRY => decode(payload).and_then(|message| Telemetry::read(&message)).map(Body::Telemetry),
        port::TRACEROUTE => decode(payload).and_then(|message| Route::read(&message)).map(Body::Traceroute),
        port::NEIGHBORINFO => decode(payload).and_then(|message| NeighborReport::read(&message)).map(Body::Neighbors),
        _ => Ok(Body::Unknown),
    };
    body.unwrap_or_else(|reason| Body::Malformed { reason })
}

const NOT_ITS_TYPE: &str = "a payload that is no message of its port";

fn decode<M: Message + Default>(payload: &[u8]) -> Result<M, &'static str> {
    M::decode(payload).map_err(|_| NOT_ITS_TYPE)
}

fn read_text(payload: &[u8]) -> Body {
    match str::from_utf8(payload) {
        Ok(text) => Body::Text { text: text.to_owned() },
        Err(_) => Body::TextNotUtf8,
    }
}

/// Reads a router's text; what routers and clients say to each other besides is nobody else's business.
fn read_stored(message: &proto::StoreAndForward) -> Body {
    use proto::store_and_forward::{RequestResponse, Variant};
    let is_text =
        matches!(RequestResponse::try_from(message.rr), Ok(RequestResponse::RouterTextDirect | RequestResponse::RouterTextBroadcast));
    match &message.variant {
        Some(Variant::Text(text)) if is_text => match read_text(text) {
            Body::Text { text } => Body::StoredText { text },
            other => other,
        },
        _ => Body::Unknown,
    }
}

/// Shows everything but what people wrote and what a packet carried.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("from", &format_args!("{}", self.from))
            .field("to", &format_args!("{}", self.to))
            .field("id", &self.id.0)
            .field("channel", &self.channel)
            .field("port", &self.port)
            .field("rx_time", &self.rx_time)
            .field("snr", &self.snr)
            .field("rssi", &self.rssi)
            .field("hops_away", &self.hops_away())
            .field("transport", &self.transport)
            .field("via_mqtt", &self.via_mqtt)
            .field("request_id", &self.request_id)
            .field("replayed", &self.replayed)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text } => write!(f, "Text({} bytes)", text.len()),
            Self::StoredText { text } => write!(f, "StoredText({} bytes)", text.len()),
            Self::Waypoint(_) => f.write_str("Waypoint"),
            Self::Position(_) => f.write_str("Position"),
            Self::User(user) => user.fmt(f),
            Self::Telemetry(telemetry) => telemetry.fmt(f),
            Self::Routing(routing) => routing.fmt(f),
            Self::Traceroute(route) => route.fmt(f),
            Self::Neighbors(report) => report.fmt(f),
            Self::Malformed { reason } => write!(f, "Malformed({reason})"),
            Self::TextNotUtf8 | Self::Encrypted | Self::Unknown => f.write_str(self.name()),
        }
    }
}
