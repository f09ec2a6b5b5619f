//! What the firmware publishes by MQTT itself: topics, envelopes, and its reports for public maps.
//!
//! Whoever may publish on a broker writes all of it: topic, channel, gateway and sender are claims. Source: the firmware's
//! `MQTT.cpp` and `mqtt.proto`.

mod legacy;
mod map_report;

use crate::{
    crypto::{Keyring, Sealed},
    name::{MAX_CHANNEL_NAME, clean},
    packet::Received,
    proto,
};
use kosmo_domain::{NodeId, PacketId};
use prost::Message;
use proto::mesh_packet::PayloadVariant;
use std::fmt;

pub use crate::envelope::{
    legacy::{Legacy, LegacyError, MAX_JSON},
    map_report::{MOST_EXACT, MapReport},
};

/// The longest topic that is read, in bytes.
pub const MAX_TOPIC: usize = 256;
/// The longest envelope that is read, in bytes; the firmware's own buffer has 1,024.
pub const MAX_ENVELOPE: usize = 2048;
/// The channel that direct messages are published on, which only their addressees can read.
pub const PKI_CHANNEL: &str = "PKI";

/// A topic that firmware publishes to. What stands before the `2` is the root, which may have any number of levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UplinkTopic<'a> {
    /// What is published there.
    pub kind: TopicKind,
    /// The root.
    pub root: &'a str,
    /// The channel; empty for a map report.
    pub channel: &'a str,
    /// The gateway; absent for a map report.
    pub gateway: Option<NodeId>,
}

/// What is published to a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind {
    /// `ROOT/2/e/CHANNEL/!gateway`, and `/2/c/` before firmware 2.3: an envelope.
    Envelope,
    /// `ROOT/2/map/`: an envelope with a map report.
    Map,
    /// `ROOT/2/json/CHANNEL/!gateway`: JSON, up to firmware 2.7.
    Json,
}

/// Why a topic is none of the firmware's uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// It is longer than [`MAX_TOPIC`].
    #[error("a topic of more than {MAX_TOPIC} bytes")]
    TooLong,
    /// It has wildcards or characters that no topic has.
    #[error("a topic with wildcards or control characters")]
    Forbidden,
    /// It ends in no form that firmware publishes to.
    #[error("no topic that firmware publishes to")]
    Unknown,
    /// Its last level names no node.
    #[error("a topic whose last level is no gateway")]
    Gateway,
    /// The channel is empty, or longer than any.
    #[error("a topic without a channel")]
    Channel,
}

/// Reads a topic from its right end, whatever its root.
///
/// # Errors
/// [`TopicError`]
pub fn read_topic(topic: &str) -> Result<UplinkTopic<'_>, TopicError> {
    if topic.len() > MAX_TOPIC {
        return Err(TopicError::TooLong);
    }
    if topic.contains(['+', '#']) || topic.chars().any(char::is_control) {
        return Err(TopicError::Forbidden);
    }
    let map = topic.strip_suffix('/').unwrap_or(topic);
    if let Some(root) = root_before(map, "2/map") {
        return Ok(UplinkTopic { kind: TopicKind::Map, root, channel: "", gateway: None });
    }
    let (rest, gateway) = topic.rsplit_once('/').ok_or(TopicError::Unknown)?;
    // A channel may have a slash in its name, so the mark nearest to the right end counts.
    let marks = [("2/e/", TopicKind::Envelope), ("2/c/", TopicKind::Envelope), ("2/json/", TopicKind::Json)];
    let nearest = marks.into_iter().filter_map(|(mark, kind)| last_level(rest, mark).map(|at| (at, mark, kind))).max_by_key(|(at, ..)| *at);
    let (at, mark, kind) = nearest.ok_or(TopicError::Unknown)?;
    let channel = &rest[at + mark.len()..];
    if channel.is_empty() || channel.len() > MAX_CHANNEL_NAME {
        return Err(TopicError::Channel);
    }
    let gateway = read_gateway(gateway).ok_or(TopicError::Gateway)?;
    Ok(UplinkTopic { kind, root: rest[..at].trim_end_matches('/'), channel, gateway: Some(gateway) })
}

/// Returns what stands before this end, if the text has it as whole levels.
fn root_before<'a>(topic: &'a str, end: &str) -> Option<&'a str> {
    let root = topic.strip_suffix(end)?;
    if root.is_empty() { Some(root) } else { root.strip_suffix('/') }
}

/// Returns where the last mark stands that begins a level.
fn last_level(topic: &str, mark: &str) -> Option<usize> {
    topic.rmatch_indices(mark).map(|(at, _)| at).find(|&at| at == 0 || topic.as_bytes()[at - 1] == b'/')
}

/// Reads `!a1b2c3d4`; numbers that no node has are none.
fn read_gateway(text: &str) -> Option<NodeId> {
    let node: NodeId = text.parse().ok()?;
    node.sender().ok()
}

/// An envelope, as a gateway published it.
#[derive(Clone, PartialEq)]
pub struct Envelope {
    /// The packet.
    pub packet: proto::MeshPacket,
    /// What the gateway calls the channel, fit to be shown; empty if it says nothing.
    pub channel: String,
    /// The gateway that the envelope names, if it names one. The topic may name another.
    pub gateway: Option<NodeId>,
}

/// Why bytes are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// They are more than [`MAX_ENVELOPE`].
    #[error("more than {MAX_ENVELOPE} bytes")]
    TooLong,
    /// They are no message.
    #[error("no envelope")]
    Undecodable,
    /// There is no packet in it.
    #[error("an envelope without a packet")]
    Empty,
    /// Its packet is from nobody.
    #[error("a packet from a number that no node has")]
    NoSender,
}

impl EnvelopeError {
    /// Returns the name used in counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Undecodable => "undecodable",
            Self::Empty => "empty",
            Self::NoSender => "no_sender",
        }
    }
}

/// The envelope with its texts as bytes: half a character in a channel's name shall not cost the packet.
#[derive(Clone, PartialEq, Message)]
struct LenientEnvelope {
    #[prost(message, optional, tag = "1")]
    packet: Option<proto::MeshPacket>,
    #[prost(bytes = "vec", tag = "2")]
    channel_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    gateway_id: Vec<u8>,
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError`]
    pub fn read(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::TooLong);
        }
        let LenientEnvelope { packet, channel_id, gateway_id } = LenientEnvelope::decode(bytes).map_err(|_| EnvelopeError::Undecodable)?;
        let packet = packet.filter(|packet| packet.payload_variant.is_some()).ok_or(EnvelopeError::Empty)?;
        NodeId::from_number(packet.from).sender().map_err(|_| EnvelopeError::NoSender)?;
        let channel = clean(&String::from_utf8_lossy(&channel_id), MAX_CHANNEL_NAME).unwrap_or_default();
        let gateway = str::from_utf8(&gateway_id).ok().and_then(read_gateway);
        Ok(Self { packet, channel, gateway })
    }

    /// Returns who claims to have sent the packet.
    pub fn from(&self) -> NodeId {
        NodeId::from_number(self.packet.from)
    }

    /// Returns the packet's id.
    pub fn id(&self) -> PacketId {
        PacketId(self.packet.id)
    }

    /// Returns what the packet carries, encrypted or not, for whoever compares repeated ones.
    pub fn payload(&self) -> &[u8] {
        match &self.packet.payload_variant {
            Some(PayloadVariant::Encrypted(bytes)) => bytes,
            Some(PayloadVariant::Decoded(data)) => &data.payload,
            None => &[],
        }
    }

    /// Tells whether only its addressee can read it.
    pub fn is_direct(&self) -> bool {
        self.packet.pki_encrypted || (self.packet.channel == 0 && self.channel == PKI_CHANNEL)
    }

    /// Returns what the packet says, with what tells of its channel: decrypted with a key of the ring if it is encrypted.
    ///
    /// A packet that comes decoded names its channel by the envelope alone, and nothing proves it.
    ///
    /// # Errors
    /// [`Sealed`], with the packet as far as it can be read: who, to whom, how far.
    pub fn open<T>(self, ring: &Keyring<T>) -> Result<(Received, OnChannel<'_, T>), (Sealed, Box<Received>)> {
        let is_direct = self.is_direct();
        let Self { mut packet, channel, .. } = self;
        let Some(PayloadVariant::Encrypted(ciphertext)) = &packet.payload_variant else {
            let known = ring.named(&channel).map(|channel| &channel.tag);
            return Ok((Received::read(packet, Vec::new()), OnChannel::Claimed(known)));
        };
        if is_direct {
            return Err((Sealed::Direct, Box::new(Received::read(packet, Vec::new()))));
        }
        let (from, id) = (NodeId::from_number(packet.from), PacketId(packet.id));
        match ring.open(from, id, packet.channel, &channel, ciphertext) {
            Ok(opened) => {
                packet.payload_variant = Some(PayloadVariant::Decoded(opened.data));
                Ok((Received::read(packet, Vec::new()), OnChannel::Proven(opened.tag)))
            }
            Err(sealed) => Err((sealed, Box::new(Received::read(packet, Vec::new())))),
        }
    }
}

/// How it is known on which channel a packet was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChannel<'a, T> {
    /// The channel's key opened it.
    Proven(&'a T),
    /// The envelope says so; a channel of that name is on the ring, or not.
    Claimed(Option<&'a T>),
}

/// Shows who published what from whom, and not what it says.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("from", &format_args!("{}", self.from()))
            .field("id", &self.packet.id)
            .field("channel", &self.channel)
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ChannelKey;
    use proptest::prelude::*;

    fn gateway() -> NodeId {
        NodeId::from_number(0xa1b2_c3d4)
    }

    #[test]
    fn topics_are_read_from_the_right() {
        let envelope = |root, channel| UplinkTopic { kind: TopicKind::Envelope, root, channel, gateway: Some(gateway()) };
        for (topic, expect) in [
            ("msh/2/e/LongFast/!a1b2c3d4", envelope("msh", "LongFast")),
            ("msh/US/CA/Bay/2/e/LongFast/!a1b2c3d4", envelope("msh/US/CA/Bay", "LongFast")),
            ("2/e/LongFast/!a1b2c3d4", envelope("", "LongFast")),
            ("msh/EU_868/2/c/Old/!a1b2c3d4", envelope("msh/EU_868", "Old")),
            ("msh/2/e/PKI/!a1b2c3d4", envelope("msh", "PKI")),
            ("msh/2/e/a/b/!a1b2c3d4", envelope("msh", "a/b")),
            ("msh/2/e/x/2/e/Inner/!a1b2c3d4", envelope("msh/2/e/x", "Inner")),
            ("msh/12/e/2/e/Inner/!a1b2c3d4", envelope("msh/12/e", "Inner")),
            ("msh/DE/2/json/LongFast/!a1b2c3d4", UplinkTopic { kind: TopicKind::Json, ..envelope("msh/DE", "LongFast") }),
            ("msh/DE/2/map/", UplinkTopic { kind: TopicKind::Map, root: "msh/DE", channel: "", gateway: None }),
            ("msh/2/map", UplinkTopic { kind: TopicKind::Map, root: "msh", channel: "", gateway: None }),
        ] {
            assert_eq!(read_topic(topic), Ok(expect), "{topic}");
        }
    }

    #[test]
    fn hostile_topics_are_refused() {
        for (topic, expect) in [
            ("", TopicError::Unknown),
            ("/", TopicError::Unknown),
            ("msh", TopicError::Unknown),
            ("msh/2/stat/!a1b2c3d4", TopicError::Unknown),
            ("msh/12/e/LongFast/!a1b2c3d4", TopicError::Unknown),
            ("msh/2/e/!a1b2c3d4", TopicError::Unknown),
            ("msh/2/e//!a1b2c3d4", TopicError::Channel),
            ("msh/2/e/LongFast/a1b2c3d4x", TopicError::Gateway),
            ("msh/2/e/LongFast/!ffffffff", TopicError::Gateway),
            ("msh/2/e/LongFast/!00000000", TopicError::Gateway),
            ("msh/2/e/LongFast/", TopicError::Gateway),
            ("msh/2/json/mqtt/", TopicError::Gateway),
            ("msh/+/e/LongFast/!a1b2c3d4", TopicError::Forbidden),
            ("msh/#", TopicError::Forbidden),
            ("msh/2/e/Long\u{7}Fast/!a1b2c3d4", TopicError::Forbidden),
        ] {
            assert_eq!(read_topic(topic), Err(expect), "{topic:?}");
        }
        assert_eq!(read_topic(&"a/".repeat(1000)), Err(TopicError::TooLong));
        let deep = format!("{}2/e/LongFast/!a1b2c3d4", "a/".repeat(100));
        assert_eq!(read_topic(&deep).map(|topic| topic.channel), Ok("LongFast"));
        assert_eq!(read_topic(&format!("msh/2/e/{}/!a1b2c3d4", "x".repeat(33))), Err(TopicError::Channel));
    }

    fn packet(variant: Option<PayloadVariant>) -> proto::MeshPacket {
        proto::MeshPacket { from: 0x4dbb_2002, to: u32::MAX, id: 7, channel: 8, payload_variant: variant, ..Default::default() }
    }

    fn enveloped(packet: proto::MeshPacket) -> Vec<u8> {
        let envelope = LenientEnvelope { packet: Some(packet), channel_id: b"LongFast".to_vec(), gateway_id: b"!a1b2c3d4".to_vec() };
        envelope.encode_to_vec()
    }

    #[test]
    fn what_is_in_an_envelope_is_read_and_what_is_none_says_why() {
        let text = proto::Data { portnum: 1, payload: b"hi".to_vec(), ..Default::default() };
        let bytes = enveloped(packet(Some(PayloadVariant::Decoded(text))));
        let envelope = Envelope::read(&bytes).unwrap();
        assert_eq!((envelope.from().number(), envelope.id().0, envelope.channel.as_str()), (0x4dbb_2002, 7, "LongFast"));
        assert_eq!((envelope.gateway, envelope.payload()), (Some(gateway()), &b"hi"[..]));
        assert!(!format!("{envelope:?}").contains("hi\""));

        assert_eq!(Envelope::read(&bytes[..bytes.len() - 1]), Err(EnvelopeError::Undecodable));
        assert_eq!(Envelope::read(b""), Err(EnvelopeError::Empty));
        assert_eq!(Envelope::read(&enveloped(packet(None))), Err(EnvelopeError::Empty));
        let nobody = proto::MeshPacket { from: 0, ..packet(Some(PayloadVariant::Encrypted(vec![1]))) };
        assert_eq!(Envelope::read(&enveloped(nobody)), Err(EnvelopeError::NoSender));
        assert_eq!(Envelope::read(&vec![0; MAX_ENVELOPE + 1]), Err(EnvelopeError::TooLong));
    }

    #[test]
    fn names_of_channels_and_gateways_that_are_no_text_do_not_cost_the_packet() {
        let packet = Some(packet(Some(PayloadVariant::Encrypted(vec![1]))));
        let bytes = LenientEnvelope { packet, channel_id: b"Long\xc3".to_vec(), gateway_id: vec![0xff] }.encode_to_vec();
        let envelope = Envelope::read(&bytes).unwrap();
        assert_eq!((envelope.channel.as_str(), envelope.gateway), ("Long\u{fffd}", None));
    }

    #[test]
    fn direct_messages_stay_closed_and_tell_who_wrote_to_whom() {
        let mut ring = Keyring::default();
        ring.add((), "LongFast", ChannelKey::expand(&[1]).unwrap());
        let direct = proto::MeshPacket { channel: 0, to: 9, pki_encrypted: true, ..packet(Some(PayloadVariant::Encrypted(vec![1; 30]))) };
        let (sealed, received) = Envelope::read(&enveloped(direct)).unwrap().open(&ring).unwrap_err();
        assert_eq!((sealed, received.to.number(), received.pki_encrypted), (Sealed::Direct, 9, true));
    }

    proptest! {
        #[test]
        fn any_topic_is_read_or_refused(topic in any::<String>(), tail in "(2/(e|c|json|map)/?)?[^/]{0,12}(/![0-9a-f]{0,9})?") {
            let _ = read_topic(&topic);
            let _ = read_topic(&format!("{topic}/{tail}"));
        }

        #[test]
        fn any_bytes_are_an_envelope_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Envelope::read(&bytes);
        }
    }
}
