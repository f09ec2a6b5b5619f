//! What ingestion hands to the store: records of a bridge, already validated, and what became of each.

use crate::rejects::RecordName;
use bytes::Bytes;
pub use kosmo_domain::{HealthMetrics, HostStats, RadioStats, Traceroute, TrafficStats};
use kosmo_domain::{Metrics, NodeId, PacketId, Position, Reading, Source, TimeSource, Timestamp, Trust};

/// One record of a bridge's spool.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where it comes from, which names it for good: the store keeps which records it has, so it may come any number of times.
    pub origin: RecordName,
    /// The packet it came in; absent where the radio told it of its own, as in its handshake.
    pub heard: Option<Heard>,
    /// Whether it is for everybody; of a bridge that does not tell, it is.
    pub privacy: Option<Privacy>,
    /// What it says.
    pub body: Body,
    /// What of it was refused, and why.
    pub notes: Vec<Note>,
    /// The record as it came, to be kept beside a refusal.
    pub raw: Raw,
}

/// Whether a record is for everybody, by what its sender and its channel say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Privacy {
    /// Whether its sender agrees that it is passed on; unknown is no.
    pub agrees: Option<bool>,
    /// Name and hash of the channel it was heard on, if that has a key which not every radio knows.
    pub private_channel: Option<(String, u8)>,
}

/// The packet a record came in. Packets of the same sender and id are the same for a day, whichever bridge hears them;
/// an id of 0 says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Who claims to have sent it.
    pub from: NodeId,
    /// The sender's id for it.
    pub id: PacketId,
    /// How the bridge received it.
    pub reception: Reception,
}

/// How one bridge received a packet, or a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reception {
    /// When, by the most direct clock that can be right.
    pub at: Timestamp,
    /// Signal to noise in decibels.
    pub snr_db: Option<f32>,
    /// Signal strength in dBm.
    pub rssi_dbm: Option<i32>,
    /// How many relays it went through.
    pub hops_away: Option<u8>,
    /// The last byte of the number of the node that relayed it last.
    pub relay_node: Option<u8>,
    /// Whether it crossed an MQTT broker on its way.
    pub via_mqtt: bool,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// What a node measured.
    Reading {
        /// The reading.
        reading: Reading,
        /// Whose clock told `reading.at`.
        time_source: TimeSource,
        /// What the device's clock said, right or wrong.
        device_time: Option<Timestamp>,
        /// How far it can be trusted.
        trust: Trust,
        /// How it came.
        source: Source,
    },
    /// What is known of a node besides.
    Node {
        /// The node.
        node: NodeId,
        /// What is known of it.
        report: NodeReport,
        /// When that was so.
        at: Timestamp,
    },
    /// A text. What it says is the gateway's; here it tells that its sender was heard, and how.
    Text,
    /// Nothing that could be stored; the notes say why, and the raw record is kept with them.
    Rejected,
}

/// What a report on a node says.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a body is as large in any case, because a reading is")]
pub enum NodeReport {
    /// Who the node says it is.
    User(User),
    /// Where it is.
    Position {
        /// The place.
        position: Position,
        /// How many leading bits of the coordinates the node left as they are; 32 is exact.
        precision_bits: Option<u8>,
    },
    /// What a radio remembers of the node's battery and airtime: shown as its latest values, but no reading.
    Device(Metrics),
    /// What the node's radio counts.
    RadioStats(RadioStats),
    /// Whom the node hears directly; takes the place of what it said before.
    Neighbors(Vec<Neighbor>),
    /// The way a packet took to the node and back.
    Traceroute(Traceroute),
    /// What the computer counts that the node runs on.
    HostStats(HostStats),
    /// What the node's traffic management counts.
    TrafficStats(TrafficStats),
    /// What is measured on a person, for operators alone.
    HealthMetrics(HealthMetrics),
    /// A place that the node marks.
    Waypoint(Waypoint),
    /// How the bridge's radio last received the node.
    Link {
        /// Signal to noise in decibels.
        snr_db: Option<f32>,
        /// How many relays away.
        hops_away: Option<u8>,
        /// Whether the radio knows it over MQTT only.
        via_mqtt: bool,
    },
}

/// Who a node says it is. An absent field says nothing, and leaves what was known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The long name.
    pub long_name: Option<String>,
    /// The short name.
    pub short_name: Option<String>,
    /// The model of its hardware, by the protocol's name for it.
    pub hardware: Option<String>,
    /// Its role in the mesh, by the protocol's name for it.
    pub role: Option<String>,
    /// Its public key.
    pub public_key: Option<[u8; 32]>,
    /// Whether it transmits under an amateur licence, without encryption.
    pub licensed: bool,
    /// Whether it says that nobody reads messages sent to it.
    pub unmessagable: bool,
}

/// A node that another one hears directly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// The one that is heard.
    pub node: NodeId,
    /// Signal to noise in decibels.
    pub snr_db: f32,
}

/// A place that somebody marks for everybody on a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Waypoint {
    /// What it is known by, whoever tells of it.
    pub id: u32,
    /// Where it is; nothing if it takes one away.
    pub position: Option<Position>,
    /// Until when it counts; nothing is for good.
    pub expires_at: Option<Timestamp>,
    /// The one node that may change it.
    pub locked_to: Option<NodeId>,
    /// Its name, whatever was typed.
    pub name: Option<String>,
    /// What is said of it.
    pub description: Option<String>,
    /// The one character it is drawn as.
    pub icon: Option<String>,
    /// Name and hash of the channel it was marked on.
    pub channel: Option<(String, u8)>,
    /// Whether everybody can read that channel.
    pub public: bool,
}

/// Something that was refused, and why: a value of a record, or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The reason's stable code.
    pub code: String,
    /// The field it is about; empty for the whole record.
    pub field: String,
    /// The reason in words.
    pub detail: String,
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Raw {
    /// The topic it was published to.
    pub topic: String,
    /// Its payload.
    pub payload: Bytes,
}

/// What became of a record. Either way it has been answered for, and its bridge need not keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored for good.
    Committed {
        /// Whether it was stored before: sent again, or heard by another bridge, too.
        duplicate: bool,
    },
    /// It was heard on a channel that is not for everybody, and is not kept.
    Withheld,
    /// It cannot be stored, and is kept raw with the reason.
    Rejected {
        /// The reason's code.
        code: String,
    },
}
