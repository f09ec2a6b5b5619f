//! Channels of the mesh, as they are told from each other without their keys.

use crate::text::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which channel is meant: indexes differ from radio to radio, names and hashes do not. Two channels with the same name and the same
/// hash, but different keys, cannot be told apart by this; they cannot be on the air either.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ChannelRef {
    /// Its name, which is the modem preset's if it has none of its own.
    pub name: Text<32>,
    /// What its packets show on the air: all bytes of name and key, one xor the other.
    pub hash: u8,
}

/// A channel of a radio, without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "they are settings of the radio's, independent of each other")]
pub struct ChannelReport {
    /// The radio's number for it, 0 to 7.
    #[schemars(range(max = 7))]
    pub index: u8,
    /// Which it is.
    #[serde(flatten)]
    pub channel: ChannelRef,
    /// Whether it is the one for everything that names no other.
    pub primary: bool,
    /// Whether anybody can read it: it has no key, or one that every radio knows.
    pub public: bool,
    /// Whether its packets may go up to an MQTT broker.
    pub uplink: bool,
    /// Whether packets may come down to it from one.
    pub downlink: bool,
}
