//! Texts heard on the mesh.

use crate::{channel::ChannelRef, text::Text};
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
    /// The channel it was heard on; absent for a text to a node, and where the radio does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelRef>,
    /// Whether a router had kept it for those who were not there: sender, id and time are the text's own, and it proves nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stored: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
