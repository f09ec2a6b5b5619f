//! Texts heard on the mesh.

use crate::text::Text;
use kosmo_domain::PacketId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text; who sent it, to whom and over which channel stands in the record's packet, which is always there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InboundBody {
    /// The text, at most what one packet carries.
    pub text: Text<237>,
    /// The packet it answers or reacts to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u32>")]
    pub reply_to: Option<PacketId>,
    /// Whether it is a reaction: one emoji under the packet it answers.
    #[serde(default)]
    pub reaction: bool,
}
