//! Claims and receipts: what a bridge does with a text, and what became of it.
//!
//! Receipts commute: each states a fact on its own, with its evidence, so that the gateway reaches the same status in
//! whatever order they arrive, and however often.

use crate::schema;
use kosmo_domain::{NodeId, PacketId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A fact about one text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptBody {
    /// The message it is about.
    #[schemars(with = "schema::UuidText")]
    pub message_id: Uuid,
    /// What happened.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// What happened to a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Evidence {
    /// The bridge could send it and asks to be the one.
    Claimed,
    /// It was granted and waits in the bridge.
    Waiting {
        /// What it waits for.
        reason: WaitReason,
    },
    /// It is about to be given to the radio: from here on it may have been sent.
    HandedOver {
        /// Which attempt, from 0; another attempt means proof that the one before was not sent.
        attempt: u8,
        /// The id the packet bears on the mesh.
        #[schemars(with = "u32")]
        packet_id: PacketId,
        /// The radio's node, which the mesh sees as the sender.
        #[schemars(with = "schema::NodeIdText")]
        radio: NodeId,
    },
    /// The radio took it and had time to send it, and refused nothing.
    Transmitted {
        /// The packet.
        #[schemars(with = "u32")]
        packet_id: PacketId,
    },
    /// A neighbour was heard passing it on. Nobody knows whether it arrived.
    Relayed {
        /// The packet.
        #[schemars(with = "u32")]
        packet_id: PacketId,
    },
    /// The destination's radio confirmed it over LoRa.
    Acknowledged {
        /// The packet.
        #[schemars(with = "u32")]
        packet_id: PacketId,
        /// The node that confirmed, which is the destination.
        #[schemars(with = "schema::NodeIdText")]
        by: NodeId,
        /// Whether the firmware proved that the confirmation is the destination's own.
        #[serde(default)]
        proven: bool,
    },
    /// The radio or the mesh answered with an error.
    Refused {
        /// The packet.
        #[schemars(with = "u32")]
        packet_id: PacketId,
        /// The protocol's number of the error (`Routing.Error`, or the radio's own result codes from 32).
        code: u32,
        /// The node that said so: the bridge's own radio, or the destination.
        #[schemars(with = "schema::NodeIdText")]
        by: NodeId,
    },
    /// It was surely not sent, and will not be.
    NotSent {
        /// Why.
        reason: NotSentReason,
    },
    /// It was sent, and no confirmation came in the time in which one does. It may have arrived.
    Unconfirmed {
        /// The packet.
        #[schemars(with = "u32")]
        packet_id: PacketId,
    },
    /// It may have been sent; nothing more will be learnt.
    Unknown,
}

/// What a granted text waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// The texts before it.
    Turn,
    /// The radio, which is not connected.
    Radio,
    /// Room in the radio's queue.
    RadioQueue,
    /// The region's limit on airtime.
    DutyCycle,
    /// A quieter channel.
    Channel,
}

/// Why a text was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotSentReason {
    /// Its time to live ran out first.
    Expired,
    /// The cloud took the grant back.
    Revoked,
    /// Its writer took it back.
    Cancelled,
    /// The radio refused it, and would again.
    RadioRefused,
    /// It does not fit into one packet.
    TooLarge,
}
