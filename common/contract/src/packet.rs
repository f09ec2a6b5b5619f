//! What is known of the packet that a record came in: who sent it, and how it was received.

use crate::schema;
use kosmo_domain::{NodeId, PacketId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a packet reached the radio (the firmware's `transport_mechanism`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
    Other,
}

/// A mesh packet as one radio received it. `(from, id)` tells packets apart; the rest is this reception's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Packet {
    /// Who claims to have sent it.
    #[schemars(with = "schema::NodeIdText")]
    pub from: NodeId,
    /// Whom it is for; `!ffffffff` is everybody.
    #[schemars(with = "schema::NodeIdText")]
    pub to: NodeId,
    /// The sender's id for it; 0 if it gave none.
    #[schemars(with = "u32")]
    pub id: PacketId,
    /// The Meshtastic port number.
    pub port: u32,
    /// The radio's index of the channel.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub channel: u32,
    /// When the radio received it, if the radio knew the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Time>")]
    pub rx_time: Option<Timestamp>,
    /// Signal to noise in decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f32>,
    /// Signal strength in dBm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rssi_dbm: Option<i32>,
    /// How many relays it went through, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_away: Option<u8>,
    /// The last byte of the number of the node that relayed it last; 0 is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_node: Option<u8>,
    /// How it reached the radio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// Whether it crossed an MQTT broker somewhere on its way.
    #[serde(default, skip_serializing_if = "is_false")]
    pub via_mqtt: bool,
    /// Whether the radio told it again from memory after a handshake, so that it is not news.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replayed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
