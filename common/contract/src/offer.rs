//! Texts on their way to the mesh.

use crate::{record::V1, schema, text::Text};
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
    /// Whom it is for; the same as in the topic.
    #[schemars(with = "schema::NodeIdText")]
    pub to: NodeId,
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
