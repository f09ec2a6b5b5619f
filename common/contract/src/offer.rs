//! Texts on their way to the mesh.

use crate::{
    channel::ChannelRef,
    record::V1,
    schema,
    text::{Base64Bytes, Text},
};
use kosmo_domain::{BridgeId, NodeId, PacketId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text for a node, offered to one bridge or to any. A bridge that can send it claims it with a receipt, and gives
/// it to its radio only after the claim was granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Version of the payload.
    #[schemars(with = "schema::Version")]
    pub v: V1,
    /// The message; packet ids derive from it and from the attempt.
    #[schemars(with = "schema::UuidText")]
    pub message_id: Uuid,
    /// The only bridge it is offered to; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::BridgeIdText>")]
    pub bridge: Option<BridgeId>,
    /// Whom it is for; the same as in the topic. `!ffffffff` is everybody on `channel`.
    #[schemars(with = "schema::NodeIdText")]
    pub to: NodeId,
    /// The channel it is for everybody on; absent for a text to a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelRef>,
    /// Whose it is, by a name that says only which texts are the same person's: so that one who writes many holds up nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Text<32>>,
    /// What goes first.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// What a radio has to know of the node to encrypt for it, should it have forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// What to send, the member's handle included. 200 bytes is what every client can show.
    pub text: Text<200>,
    /// The packet it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u32>")]
    pub reply_to: Option<PacketId>,
    /// For how many seconds from now it may be given to a radio. Seconds, because clocks disagree.
    #[schemars(range(min = 1, max = 604_800))]
    pub ttl_s: u32,
}

/// What goes first when texts wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// What can wait until nobody else wants the air.
    Low,
    /// What people write to each other.
    #[default]
    Normal,
    /// What must not wait for that: it goes out also when the channel is busy, as far as the law allows.
    High,
}

impl Priority {
    /// Tells whether it is what is meant when nothing is said.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// What a radio has to know of a node to encrypt for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// Its public key of 32 bytes.
    pub public_key: Base64Bytes<32>,
    /// Its long name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_name: Option<Text<64>>,
    /// Its short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_name: Option<Text<16>>,
    /// Whether the text's writer has confirmed that this is the node's key: only then it replaces another one that the radio knows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirmed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
