//! Node reports: what is known of a node besides what it measured.

use crate::{
    channel::ChannelRef,
    counts::{HealthMetrics, HostStats, RadioStats, TrafficStats},
    parse::at_most,
    reading::Measured,
    schema,
    text::{Base64Bytes, Text},
};
use kosmo_domain::{NodeId, Timestamp, Traceroute};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A report on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeBody {
    /// The node it is about.
    #[schemars(with = "schema::NodeIdText")]
    pub node_id: NodeId,
    /// When the radio last heard the node, where the report comes from the radio's memory and not from a packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Time>")]
    pub last_heard: Option<Timestamp>,
    /// What it says.
    pub report: NodeReport,
}

/// What a report says.
#[expect(clippy::large_enum_variant, reason = "one report lives at a time, and a box would buy nothing")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NodeReport {
    /// Who the node says it is.
    User(User),
    /// Where it is.
    Position {
        /// Degrees north, WGS 84.
        #[schemars(range(min = -90, max = 90))]
        latitude: f64,
        /// Degrees east.
        #[schemars(range(min = -180, max = 180))]
        longitude: f64,
        /// Metres above sea level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        altitude_m: Option<f64>,
        /// How many leading bits of the coordinates the node left as they are; 32 is exact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        precision_bits: Option<u8>,
        /// When the node was there, by its own clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<schema::Time>")]
        at: Option<Timestamp>,
    },
    /// What the radio remembers of the node's battery and airtime; a reading proper comes as a reading.
    Device {
        /// Values by metric.
        metrics: Measured,
    },
    /// What the bridge's own radio counts.
    RadioStats(RadioStats),
    /// What the computer counts that the node runs on.
    HostStats(HostStats),
    /// What the node's traffic management counts.
    TrafficStats(TrafficStats),
    /// What the node measures on its bearer: for operators alone, and sent by no bridge that is not set to.
    HealthMetrics(HealthMetrics),
    /// A place that the node marks for everybody on a channel.
    Waypoint(Waypoint),
    /// Whom the node hears directly.
    Neighbors {
        /// At most ten, by the firmware's limit.
        #[serde(deserialize_with = "at_most::<_, _, 32>")]
        #[schemars(length(max = 32))]
        neighbors: Vec<Neighbor>,
    },
    /// The way a packet took to the node and back.
    Traceroute {
        /// Who asked.
        #[schemars(with = "schema::NodeIdText")]
        to: NodeId,
        /// The relays on the way there.
        #[serde(deserialize_with = "at_most::<_, _, 16>")]
        #[schemars(with = "Vec<schema::NodeIdText>", length(max = 16))]
        route: Vec<NodeId>,
        /// Signal to noise at each step there; absent is unknown.
        #[serde(deserialize_with = "at_most::<_, _, 17>")]
        #[schemars(length(max = 17))]
        snr_towards_db: Vec<Option<f32>>,
        /// The relays on the way back.
        #[serde(deserialize_with = "at_most::<_, _, 16>")]
        #[schemars(with = "Vec<schema::NodeIdText>", length(max = 16))]
        route_back: Vec<NodeId>,
        /// Signal to noise at each step back.
        #[serde(deserialize_with = "at_most::<_, _, 17>")]
        #[schemars(length(max = 17))]
        snr_back_db: Vec<Option<f32>>,
    },
    /// How the bridge's radio last received the node.
    Link {
        /// Signal to noise in decibels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snr_db: Option<f32>,
        /// How many relays away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hops_away: Option<u8>,
        /// Whether the radio knows the node over MQTT only.
        #[serde(default)]
        via_mqtt: bool,
    },
}

impl From<Traceroute> for NodeReport {
    fn from(Traceroute { to, route, snr_towards_db, route_back, snr_back_db }: Traceroute) -> Self {
        Self::Traceroute { to, route, snr_towards_db, route_back, snr_back_db }
    }
}

/// A place that somebody marks: a meeting point, a spring, a road that is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waypoint {
    /// What it is known by, so that it can be changed and taken away.
    pub waypoint_id: u32,
    /// Degrees north, WGS 84; absent if it takes one away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -90, max = 90))]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -180, max = 180))]
    pub longitude: Option<f64>,
    /// Until when it counts; absent is for good. A time that is over takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Time>")]
    pub expires_at: Option<Timestamp>,
    /// The one node that may change it; absent lets everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::NodeIdText>")]
    pub locked_to: Option<NodeId>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<64>>,
    /// What is said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<200>>,
    /// The one character it is drawn as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Text<8>>,
    /// The channel it was marked on, if the radio knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelRef>,
    /// Whether anybody can read that channel: it has no key, or one that every radio knows.
    #[serde(default)]
    pub public: bool,
}

/// Who a node says it is. Names are whatever its owner typed: markup is text, and whoever shows it escapes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The long name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_name: Option<Text<64>>,
    /// The short name, up to four characters on most clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_name: Option<Text<16>>,
    /// The model of its hardware, by the protocol's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<Text<40>>,
    /// Its role in the mesh, by the protocol's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Text<40>>,
    /// Its public key of 32 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<Base64Bytes<32>>,
    /// Whether it transmits under an amateur licence, without encryption.
    #[serde(default)]
    pub licensed: bool,
    /// Whether it says that nobody reads messages sent to it.
    #[serde(default)]
    pub unmessagable: bool,
}

/// One neighbour, and how well it is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbor {
    /// The neighbour.
    #[schemars(with = "schema::NodeIdText")]
    pub node_id: NodeId,
    /// Signal to noise in decibels.
    pub snr_db: f32,
}
