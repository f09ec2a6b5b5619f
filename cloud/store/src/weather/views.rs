//! What the store answers about the weather and the nodes.

use crate::ingest::{HostStats, RadioStats, Reception, Traceroute, TrafficStats};
use kosmo_domain::{BridgeId, Metric, Metrics, NodeId, Position, Rollup, TimeSource, Timestamp, Trust};

/// What a node measured last, each metric at its own time.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    /// The node, by its present id.
    pub node: NodeId,
    /// The time of the newest value.
    pub at: Timestamp,
    /// The values, in the order of the metric table.
    pub values: Vec<LatestValue>,
}

/// The newest value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatestValue {
    /// The metric.
    pub metric: Metric,
    /// Its value.
    pub value: f64,
    /// When it was measured.
    pub at: Timestamp,
}

/// A reading as it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadingRow {
    /// When it was measured.
    pub at: Timestamp,
    /// What was measured.
    pub metrics: Metrics,
    /// When the server received the last part of it.
    pub received_at: Timestamp,
    /// Whose clock told `at`.
    pub time_source: TimeSource,
    /// How far it can be trusted to come from its node.
    pub trust: Trust,
}

/// How many readings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many lie in the span that was asked for.
    pub readings: u64,
    /// From when on readings are kept whole; before, only summaries are left.
    pub kept_from: Timestamp,
}

/// The width of a bucket of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// An hour of UTC.
    Hour,
    /// A day of UTC.
    Day,
}

/// What became of the readings of an hour or a day.
#[derive(Debug, Clone, PartialEq)]
pub struct RollupRow {
    /// When the bucket starts.
    pub at: Timestamp,
    /// The summary of its readings.
    pub rollup: Rollup,
}

/// A node, and where it was last.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// Its present id.
    pub node: NodeId,
    /// The name its owner gave it. It is whatever was typed.
    pub long_name: Option<String>,
    /// Its short name.
    pub short_name: Option<String>,
    /// The model of its hardware.
    pub hardware: Option<String>,
    /// Its role in the mesh.
    pub role: Option<String>,
    /// Its public key.
    pub public_key: Option<[u8; 32]>,
    /// When its key last changed to another one; absent if it never did.
    pub key_changed_at: Option<Timestamp>,
    /// Whether it transmits under an amateur licence; absent if it never said.
    pub licensed: Option<bool>,
    /// Whether it says that nobody reads messages sent to it.
    pub unmessagable: Option<bool>,
    /// Where it was last, exactly: whoever shows it rounds it.
    pub position: Option<NodePosition>,
    /// When it was first heard of.
    pub first_heard: Timestamp,
    /// When it was last heard of.
    pub last_heard: Timestamp,
}

/// Where a node was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodePosition {
    /// The place.
    pub position: Position,
    /// How many leading bits of the coordinates the node left as they are.
    pub precision_bits: Option<u8>,
    /// When it was there.
    pub at: Timestamp,
}

/// A node in a list: who it is, and what a table of nodes says of it besides.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeListing {
    /// The node.
    pub node: NodeRow,
    /// How each bridge received it last, by radio and over MQTT apart, the latest first.
    pub receptions: Vec<BridgeReception>,
    /// Its newest values.
    pub latest: Vec<LatestValue>,
}

/// All that is known of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeDetail {
    /// The node.
    pub node: NodeRow,
    /// How each bridge received it last, by radio and over MQTT apart, the latest first.
    pub receptions: Vec<BridgeReception>,
    /// Its newest values.
    pub latest: Vec<LatestValue>,
    /// The ids and keys it has had, the latest first: at most 100.
    pub identities: Vec<Identity>,
    /// Whom it hears directly.
    pub neighbors: Vec<NeighborRow>,
    /// Who hears it directly, the latest first: at most 200.
    pub heard_by: Vec<NeighborRow>,
    /// The last way to each node that asked for one, and when it was taken, the latest first: at most 50.
    pub traceroutes: Vec<(Traceroute, Timestamp)>,
    /// What the other nodes that are spoken of here call themselves.
    pub names: Vec<NodeName>,
    /// What its radio counts, and when it said so.
    pub radio_stats: Option<(RadioStats, Timestamp)>,
    /// What the computer counts that it runs on.
    pub host_stats: Option<(HostStats, Timestamp)>,
    /// What its traffic management counts.
    pub traffic_stats: Option<(TrafficStats, Timestamp)>,
}

/// An id and a key under which a node was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The id.
    pub node: NodeId,
    /// The key; absent for what was heard before any key was known.
    pub public_key: Option<[u8; 32]>,
    /// When this id and key were first heard together.
    pub first_heard: Timestamp,
}

/// How a bridge received a node last.
#[derive(Debug, Clone, PartialEq)]
pub struct BridgeReception {
    /// The bridge.
    pub bridge: BridgeId,
    /// How it received it.
    pub reception: Reception,
}

/// What a node calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeName {
    /// The mesh id under which it was spoken of.
    pub node: NodeId,
    /// Its long name.
    pub long_name: Option<String>,
    /// Its short name.
    pub short_name: Option<String>,
}

/// Another node that hears this one directly, or is heard by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeighborRow {
    /// The other one.
    pub node: NodeId,
    /// Signal to noise in decibels.
    pub snr_db: f32,
    /// When that was so.
    pub at: Timestamp,
}
