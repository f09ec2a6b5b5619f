//! The state of a bridge: retained, and set to offline by its last will.

use crate::{channel::ChannelReport, parse::at_most, receipt::WaitReason, record::V1, schema, text::Text};
use kosmo_domain::{BridgeId, Epoch, NodeId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a bridge says of itself. It is believed only while it is fresh: a broker keeps it after the bridge is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Version of the payload.
    #[schemars(with = "schema::Version")]
    pub v: V1,
    /// The bridge; the same as in the topic.
    #[schemars(with = "schema::BridgeIdText")]
    pub bridge: BridgeId,
    /// Whether it runs and is connected.
    pub state: BridgeState,
    /// When it said so; absent in a last will, which is written before the fact. A farewell has it: by it the two are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Time>")]
    pub at: Option<Timestamp>,
    /// The version of its program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Text<40>>,
    /// Seconds since it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<u64>,
    /// The life of its spool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::UuidText>")]
    pub epoch: Option<Epoch>,
    /// Its radio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radio: Option<RadioStatus>,
    /// What waits in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queues: Option<Queues>,
    /// How its radio may use the air, and what texts wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub air: Option<Air>,
    /// In plain words, what is wrong besides the radio: a full disk, a refused subscription.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "at_most::<_, _, 16>")]
    #[schemars(length(max = 16))]
    pub problems: Vec<Text<200>>,
    /// What it counted since it started, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub counters: BTreeMap<Text<64>, u64>,
}

/// Whether a bridge is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BridgeState {
    /// It runs and is connected.
    Online,
    /// It left, or its connection broke.
    Offline,
}

/// The link to a radio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RadioLink {
    /// Connected, and its handshake done.
    Ready,
    /// Being connected.
    Connecting,
    /// Not to be had at present; `detail` says why.
    Down,
}

/// A bridge's radio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RadioStatus {
    /// The link to it.
    pub link: RadioLink,
    /// In plain words, what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text<200>>,
    /// For how many seconds the link has been so. Who was not listened to for a while learns by it what may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_s: Option<u64>,
    /// Its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::NodeIdText>")]
    pub node_id: Option<NodeId>,
    /// Its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<Text<40>>,
    /// Its LoRa region, by the protocol's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Text<40>>,
    /// Its modem preset, by the protocol's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modem_preset: Option<Text<40>>,
    /// The channels it uses, without their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "at_most::<_, _, 8>")]
    #[schemars(length(max = 8))]
    pub channels: Vec<ChannelReport>,
}

/// How a radio may use the air. Shares are in percent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Air {
    /// What texts wait for that have been granted; absent if none waits for longer than sending takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitReason>,
    /// For how many seconds they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_s: Option<u64>,
    /// Of the last hour, in how much of it the radio sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_pct: Option<f32>,
    /// How much of an hour the law allows in the radio's region; 100 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_pct: Option<f32>,
    /// Of the last minute, in how much of it the channel was in use by whomever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_pct: Option<f32>,
}

/// What waits in a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queues {
    /// Readings and node reports.
    pub ingest: QueueDepth,
    /// Texts, claims and receipts.
    pub gateway: QueueDepth,
    /// Texts for the mesh: `waiting` for their turn, `in_flight` with the radio.
    #[serde(default)]
    pub outbound: QueueDepth,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct QueueDepth {
    /// Records not yet answered for.
    pub waiting: u64,
    /// Of these, how many were published and wait for their answer.
    pub in_flight: u64,
}
