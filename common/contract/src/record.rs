//! The envelope of everything a bridge keeps in its spool until the cloud has answered for it.

use crate::{channel::ChannelRef, packet::Packet, schema};
use kosmo_domain::{BridgeId, Epoch, Stream, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The version of a payload: always 1. Another number is refused, for nobody can know what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for V1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(de::Error::custom(format_args!("version {other} is not known here, only version 1"))),
        }
    }
}

/// Whether a record is for everybody, by what its sender and its channel say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Privacy {
    /// Whether its sender agrees that it is passed on (bit 0 of the firmware's `Data.bitfield`). Absent is unknown, which is no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok_to_mqtt: Option<bool>,
    /// The channel it was heard on, if that has a key which not every radio knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_channel: Option<ChannelRef>,
}

/// A record from a bridge: where it comes from, when it was heard, the packet it came in, and what it says.
///
/// `(bridge, epoch, stream, seq)` names it for good. It leaves the spool when an [`Ack`](crate::Ack) names its
/// sequence number as committed or rejected, and may be published any number of times until then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record<B> {
    /// Version of the payload.
    #[schemars(with = "schema::Version")]
    pub v: V1,
    /// The bridge that heard it; the same as in the topic.
    #[schemars(with = "schema::BridgeIdText")]
    pub bridge: BridgeId,
    /// The life of the spool that it comes from.
    #[schemars(with = "schema::UuidText")]
    pub epoch: Epoch,
    /// The stream, which decides who answers for it.
    #[schemars(with = "schema::StreamText")]
    pub stream: Stream,
    /// Its number within the stream, from 1.
    pub seq: u64,
    /// When the bridge heard it, by the bridge's own clock.
    #[schemars(with = "schema::Time")]
    pub heard_at: Timestamp,
    /// The packet it came in; absent where the radio told it of its own, as in its handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<Packet>,
    /// What speaks against showing it to everybody; absent from bridges that do not tell, of which everything is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// What it says.
    pub body: B,
}
