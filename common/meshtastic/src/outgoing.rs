//! Packets as they are given to a radio: texts, questions for a route, and contacts; their ids, sizes, and what they ask of the mesh.

pub use kosmo_domain::packet_id;

use crate::{evidence::Sent, packet::port, proto};
use kosmo_domain::{NodeId, PacketId};
use prost::Message;
use proto::mesh_packet::PayloadVariant;
use std::{fmt, time::Duration};

/// The longest text sent, in bytes of UTF-8: what every client can show.
pub const MAX_TEXT: usize = 200;
/// The longest text that fits into a packet encrypted with a channel's key.
pub const MAX_TEXT_ON_CHANNEL: usize = 232;
/// The longest text that fits into a packet encrypted for its addressee, as the firmware does with direct messages.
pub const MAX_TEXT_WITH_PKI: usize = 220;
/// What naming the packet that it answers takes from a text.
pub const REPLY_BYTES: usize = 5;

/// How many hops a packet gets from a radio that does not say: the firmware's default.
pub const DEFAULT_HOP_LIMIT: u32 = 3;

/// The packet's header on the air.
const HEADER_BYTES: usize = 16;
/// The most of a packet on the air that is not its header.
const MAX_CONTENT: usize = 239;
/// A signature with its field's number and length.
const SIGNATURE_BYTES: usize = 66;
/// What encryption for the addressee adds: a tag and a nonce.
const PKI_BYTES: usize = 12;

/// Returns the longest text that a packet carries, in bytes of UTF-8. [`MAX_TEXT`] is less than each of these.
pub const fn packet_limit(pki: bool, reply: bool) -> usize {
    let limit = if pki { MAX_TEXT_WITH_PKI } else { MAX_TEXT_ON_CHANNEL };
    if reply { limit - REPLY_BYTES } else { limit }
}

/// A text for the mesh.
#[derive(Clone, Copy)]
pub struct TextPacket<'a> {
    /// The radio's own node. The radio would put itself there anyway, but its refusal of a text that comes too soon
    /// goes to whomever the client names.
    pub from: NodeId,
    /// Whom it is for.
    pub to: NodeId,
    /// Its id, see [`packet_id`].
    pub id: PacketId,
    /// The text.
    pub text: &'a str,
    /// The packet that it answers.
    pub reply_to: Option<PacketId>,
    /// How many hops it may take: [`crate::radio::RadioState::hop_limit`].
    pub hop_limit: u32,
    /// The radio's index of the channel; 0 is its primary one. A direct message goes by the addressee's key, whatever this says.
    pub channel: u8,
}

/// A node that a radio is to know, so that it can encrypt for it: radios remember some 40 to 100 nodes, and forget the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The node.
    pub node: NodeId,
    /// Its public key.
    pub public_key: [u8; 32],
    /// Its long name, as the radio shows it.
    pub long_name: String,
    /// Its short name.
    pub short_name: String,
}

/// What kind of packet it is, by which firmware decides how soon one may follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Traffic {
    /// A text: dropped within 2 seconds of another.
    Text,
    /// A question for a route: dropped within 30 seconds of another.
    Traceroute,
    /// A word to the radio itself, which never goes on the air.
    Setup,
    /// A position, waypoint, alert or measurement of another client: dropped within 10 seconds of another of its port.
    Report,
    /// Anything else of another client, which may follow at once.
    Other,
}

impl Traffic {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Text, Self::Traceroute, Self::Setup, Self::Report, Self::Other];

    /// Returns how far two of a kind are apart: more than firmware asks for (`PhoneAPI::handleToRadioPacket`), because bytes that
    /// wait on their way to the radio come closer together than they were written.
    pub const fn pause(self) -> Duration {
        match self {
            Self::Text => Duration::from_millis(2500),
            Self::Traceroute => Duration::from_secs(31),
            Self::Report => Duration::from_millis(10_500),
            Self::Setup | Self::Other => Duration::ZERO,
        }
    }
}

/// Why a text is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing to send.
    #[error("the text is empty")]
    Empty,
    /// It is too long.
    #[error("the text has {bytes} bytes, and a packet takes {limit}")]
    TooLong {
        /// Its bytes in UTF-8.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Nobody can be sent it.
    #[error("{0} is no node that a text can go to")]
    NoAddressee(NodeId),
    /// Nobody can have sent it.
    #[error("{0} is no node that a text can come from")]
    NoSender(NodeId),
    /// The radio would make up an id, and whatever it says of the packet could not be told from other packets'.
    #[error("a text needs a packet id")]
    NoId,
}

/// A packet that can be given to a radio.
#[derive(Clone, PartialEq)]
pub struct Outgoing(proto::MeshPacket);

impl TryFrom<TextPacket<'_>> for Outgoing {
    type Error = TextError;

    fn try_from(text: TextPacket<'_>) -> Result<Self, TextError> {
        let TextPacket { from, to, id, text, reply_to, hop_limit, channel } = text;
        let from = from.sender().map_err(|_| TextError::NoSender(from))?;
        if to == from || (to != NodeId::BROADCAST && to.sender().is_err()) {
            return Err(TextError::NoAddressee(to));
        }
        match text.len() {
            _ if !id.is_given() => return Err(TextError::NoId),
            0 => return Err(TextError::Empty),
            bytes if bytes > MAX_TEXT => return Err(TextError::TooLong { bytes, limit: MAX_TEXT }),
            _ => {}
        }
        let data = proto::Data {
            portnum: port::TEXT_MESSAGE.cast_signed(),
            payload: text.as_bytes().to_vec(),
            reply_id: reply_to.map_or(0, |id| id.0),
            ..Default::default()
        };
        Ok(Self(proto::MeshPacket {
            from: from.number(),
            to: to.number(),
            id: id.0,
            hop_limit: hop_limit.min(7),
            channel: channel.min(7).into(),
            want_ack: true,
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        }))
    }
}

impl Outgoing {
    /// Returns a question for the way to a node; nothing if it has no id, or either is no node. Every radio on the way adds itself.
    pub fn traceroute(from: NodeId, to: NodeId, id: PacketId, hop_limit: u32) -> Option<Self> {
        if from == to || !id.is_given() || from.sender().is_err() || to.sender().is_err() {
            return None;
        }
        let data = proto::Data { portnum: port::TRACEROUTE.cast_signed(), want_response: true, ..Default::default() };
        Some(Self(proto::MeshPacket {
            from: from.number(),
            to: to.number(),
            id: id.0,
            hop_limit: hop_limit.min(7),
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        }))
    }

    /// Returns the word that has a radio remember a contact; nothing if it has no id. It goes to the radio itself alone.
    pub fn contact(radio: NodeId, id: PacketId, contact: &Contact) -> Option<Self> {
        if radio.sender().is_err() || contact.node.sender().is_err() || !id.is_given() {
            return None;
        }
        let user = proto::User {
            id: contact.node.to_string(),
            long_name: contact.long_name.clone(),
            short_name: contact.short_name.clone(),
            public_key: contact.public_key.to_vec(),
            ..Default::default()
        };
        let contact = proto::SharedContact { node_num: contact.node.number(), user: Some(user), ..Default::default() };
        let admin =
            proto::AdminMessage { payload_variant: Some(proto::admin_message::PayloadVariant::AddContact(contact)), ..Default::default() };
        let data = proto::Data { portnum: port::ADMIN.cast_signed(), payload: admin.encode_to_vec(), ..Default::default() };
        Some(Self(proto::MeshPacket {
            from: radio.number(),
            to: radio.number(),
            id: id.0,
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        }))
    }

    /// Returns what kind of packet it is.
    pub const fn traffic(&self) -> Traffic {
        match &self.0.payload_variant {
            Some(PayloadVariant::Decoded(data)) if data.portnum == port::ADMIN.cast_signed() => Traffic::Setup,
            Some(PayloadVariant::Decoded(data)) if data.portnum == port::TRACEROUTE.cast_signed() => Traffic::Traceroute,
            Some(PayloadVariant::Decoded(data)) if data.portnum == port::TEXT_MESSAGE.cast_signed() => Traffic::Text,
            Some(PayloadVariant::Decoded(data)) if is_report(data.portnum) => Traffic::Report,
            Some(PayloadVariant::Decoded(_) | PayloadVariant::Encrypted(_)) | None => Traffic::Other,
        }
    }

    /// Returns a packet of another program that shares this radio, as its own; nothing if the radio is no node, or the packet has no
    /// id, by which alone its acknowledgement finds back.
    pub fn of_client(packet: proto::MeshPacket, radio: NodeId) -> Option<Self> {
        let is_sound = radio.sender().is_ok() && packet.id != 0 && packet.payload_variant.is_some();
        is_sound.then(|| Self(proto::MeshPacket { from: radio.number(), hop_limit: packet.hop_limit.min(7), ..packet }))
    }

    /// Returns the packet's id.
    pub const fn id(&self) -> PacketId {
        PacketId(self.0.id)
    }

    /// Returns what evidence about it is judged by.
    pub const fn sent(&self) -> Sent {
        Sent { packet_id: self.id(), to: NodeId::from_number(self.0.to), radio: NodeId::from_number(self.0.from) }
    }

    /// Returns how many bytes it takes on the air. A direct message is encrypted for its addressee; the question for a route never is.
    /// A radio that signs what is for everybody, as firmware from 2.8 on does, makes that longer.
    pub fn bytes_on_air(&self, signs: bool) -> usize {
        let pki = !NodeId::from_number(self.0.to).is_broadcast() && self.traffic() == Traffic::Text;
        match &self.0.payload_variant {
            Some(PayloadVariant::Decoded(data)) => {
                let bytes = bytes_on_air(data, pki);
                bytes + if signs && self.0.to == u32::MAX { signature_bytes(bytes - HEADER_BYTES) } else { 0 }
            }
            Some(PayloadVariant::Encrypted(_)) | None => HEADER_BYTES,
        }
    }

    /// Returns the message that it is given to the radio with.
    pub(crate) fn into_message(self) -> proto::to_radio::PayloadVariant {
        proto::to_radio::PayloadVariant::Packet(self.0)
    }
}

/// Shows everything but the text.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} to {}, {} bytes)", self.0.id, NodeId::from_number(self.0.to), self.bytes_on_air(false))
    }
}

/// Tells whether a port is one of those that firmware lets pass once in ten seconds.
const fn is_report(portnum: i32) -> bool {
    matches!(portnum.cast_unsigned(), port::POSITION | port::WAYPOINT | port::ALERT | port::TELEMETRY)
}

/// Returns what a signature (XEdDSA, firmware from 2.8 on) adds to a broadcast whose content has so many bytes: nothing if it does not fit.
pub const fn signature_bytes(content: usize) -> usize {
    if content + SIGNATURE_BYTES <= MAX_CONTENT { SIGNATURE_BYTES } else { 0 }
}

/// Returns the size of a packet on the air. The firmware sets flags in each packet of its own.
fn bytes_on_air(data: &proto::Data, pki: bool) -> usize {
    let data = proto::Data { bitfield: Some(1), ..data.clone() };
    HEADER_BYTES + data.encoded_len() + if pki { PKI_BYTES } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const TEXT: TextPacket<'static> = TextPacket {
        from: NodeId::from_number(0x4daa_1001),
        to: NodeId::from_number(0x4dbb_2002),
        id: PacketId(77),
        text: "ana: hello",
        reply_to: None,
        hop_limit: 3,
        channel: 0,
    };

    /// The longest packet on the air.
    const MAX_FRAME: usize = 255;

    #[test]
    fn the_limits_are_what_fits_into_a_packet() {
        for (pki, reply) in [(false, false), (false, true), (true, false), (true, true)] {
            let size = |bytes: usize| {
                let reply_id = if reply { u32::MAX } else { 0 };
                bytes_on_air(&proto::Data { portnum: 1, payload: vec![b'x'; bytes], reply_id, ..Default::default() }, pki)
            };
            let limit = packet_limit(pki, reply);
            assert_eq!((size(limit), size(limit + 1)), (MAX_FRAME, MAX_FRAME + 1), "pki {pki}, reply {reply}");
            assert!(limit >= MAX_TEXT);
        }
        assert_eq!([packet_limit(false, true), packet_limit(true, true)], [227, 215]);
    }

    #[test]
    fn a_signature_makes_a_text_to_everybody_longer_where_it_fits() {
        let bytes = |to, length: usize, signs| {
            let text = "x".repeat(length);
            Outgoing::try_from(TextPacket { to, text: &text, ..TEXT }).unwrap().bytes_on_air(signs)
        };
        let all = NodeId::BROADCAST;
        assert_eq!(bytes(all, 166, true) - bytes(all, 166, false), 66);
        assert_eq!(bytes(all, 166, true), MAX_FRAME);
        assert_eq!(bytes(all, 167, true), bytes(all, 167, false));
        assert_eq!(bytes(TEXT.to, 30, true), bytes(TEXT.to, 30, false));
    }

    #[test]
    fn the_airtime_of_a_text_counts_all_of_its_packet() {
        let modem = crate::airtime::Modem::from_preset("LONG_FAST").unwrap();
        for (bytes, milliseconds) in [(32, 723), (64, 969), (128, 1460), (200, 1993)] {
            let outgoing = Outgoing::try_from(TextPacket { text: &"x".repeat(bytes), ..TEXT }).unwrap();
            let airtime = modem.airtime(outgoing.bytes_on_air(false)).as_millis();
            assert!(airtime.abs_diff(milliseconds) <= 1, "{bytes} bytes: {airtime} instead of {milliseconds} ms");
        }
    }

    #[test]
    fn bytes_are_counted_and_not_characters() {
        let build = |text: &str| Outgoing::try_from(TextPacket { text, ..TEXT });
        assert!(build(&"ü".repeat(100)).is_ok());
        assert_eq!(build(&format!("{}x", "ü".repeat(100))), Err(TextError::TooLong { bytes: 201, limit: 200 }));
        assert_eq!(build("").unwrap_err().to_string(), "the text is empty");
    }

    #[test]
    fn a_text_asks_for_an_acknowledgement_and_names_its_radio() {
        let outgoing = Outgoing::try_from(TextPacket { reply_to: Some(PacketId(5)), hop_limit: 9, ..TEXT }).unwrap();
        assert_eq!(outgoing.sent(), Sent { packet_id: PacketId(77), to: TEXT.to, radio: TEXT.from });
        let shown = format!("{outgoing:?}");
        assert_eq!(shown, "Outgoing(77 to !4dbb2002, 49 bytes)");
        let proto::to_radio::PayloadVariant::Packet(packet) = outgoing.into_message() else { panic!("a packet") };
        assert_eq!((packet.from, packet.hop_limit, packet.channel, packet.want_ack), (TEXT.from.number(), 7, 0, true));
        let Some(PayloadVariant::Decoded(data)) = packet.payload_variant else { panic!("a text") };
        assert_eq!((data.portnum, data.payload.as_slice(), data.reply_id), (1, &b"ana: hello"[..], 5));
    }

    #[test]
    fn a_packet_without_id_sender_or_addressee_is_none() {
        let refused = |text| Outgoing::try_from(text).unwrap_err();
        assert_eq!(refused(TextPacket { id: PacketId(0), ..TEXT }), TextError::NoId);
        for number in [0, 1, 3] {
            let nobody = NodeId::from_number(number);
            assert_eq!(refused(TextPacket { to: nobody, ..TEXT }), TextError::NoAddressee(nobody));
            assert_eq!(refused(TextPacket { from: nobody, ..TEXT }), TextError::NoSender(nobody));
        }
        assert_eq!(refused(TextPacket { to: TEXT.from, ..TEXT }), TextError::NoAddressee(TEXT.from));
        assert!(Outgoing::try_from(TextPacket { to: NodeId::BROADCAST, ..TEXT }).is_ok());
    }

    #[test]
    fn the_longest_text_fits_into_a_frame_to_the_radio() {
        let text = "x".repeat(MAX_TEXT);
        let outgoing = Outgoing::try_from(TextPacket { text: &text, reply_to: Some(PacketId(u32::MAX)), ..TEXT }).unwrap();
        let message = proto::ToRadio { payload_variant: Some(outgoing.into_message()) };
        assert!(crate::stream::encode(&message.encode_to_vec()).is_ok());
    }

    #[test]
    fn a_contact_goes_to_the_radio_itself_and_a_question_for_a_route_asks_for_an_answer() {
        let contact = Contact { node: TEXT.to, public_key: [7; 32], long_name: "Ana im Tal".to_owned(), short_name: "ANA".to_owned() };
        let setup = Outgoing::contact(TEXT.from, PacketId(9), &contact).unwrap();
        assert_eq!((setup.traffic(), setup.sent().to), (Traffic::Setup, TEXT.from));
        let proto::to_radio::PayloadVariant::Packet(packet) = setup.into_message() else { panic!("a packet") };
        let Some(PayloadVariant::Decoded(data)) = packet.payload_variant else { panic!("a word") };
        let admin = proto::AdminMessage::decode(&data.payload[..]).unwrap();
        let Some(proto::admin_message::PayloadVariant::AddContact(shared)) = admin.payload_variant else { panic!("a contact") };
        assert_eq!((data.portnum, shared.node_num, shared.user.unwrap().public_key), (6, TEXT.to.number(), vec![7; 32]));

        let question = Outgoing::traceroute(TEXT.from, TEXT.to, PacketId(9), 9).unwrap();
        assert_eq!(question.traffic(), Traffic::Traceroute);
        let proto::to_radio::PayloadVariant::Packet(packet) = question.into_message() else { panic!("a packet") };
        assert_eq!((packet.hop_limit, packet.want_ack), (7, false));
        for (from, to, id) in [(TEXT.from, TEXT.from, 9), (TEXT.from, NodeId::BROADCAST, 9), (TEXT.from, TEXT.to, 0)] {
            assert_eq!(Outgoing::traceroute(from, to, PacketId(id), 3), None);
        }
        assert_eq!(Outgoing::contact(TEXT.from, PacketId(0), &contact), None);
    }

    /// A change of these would send a text twice that an earlier version had handed over.
    #[test]
    fn packet_ids_are_pinned() {
        let message = 0x0190_a1b2_c3d4_7e5f_8899_aabb_ccdd_eeff;
        let ids = [packet_id(0, 0), packet_id(message, 0), packet_id(message, 1), packet_id(message, 255)].map(|id| id.0);
        assert_eq!(ids, [0x202a_2656, 0xbe6a_a893, 0x2c50_7e30, 0xe379_bf58]);
    }

    proptest! {
        #[test]
        fn every_attempt_has_its_own_id(message in any::<u128>()) {
            let ids: HashSet<_> = (0..=255).map(|attempt| packet_id(message, attempt)).collect();
            prop_assert_eq!(ids.len(), 256);
            prop_assert!(ids.iter().all(|id| id.is_given()));
        }

        #[test]
        fn a_bit_of_the_message_changes_half_the_id(message in any::<u128>(), bit in 0..128) {
            let changed = (packet_id(message, 0).0 ^ packet_id(message ^ (1_u128 << bit), 0).0).count_ones();
            prop_assert!(changed > 2, "{changed} bits");
        }
    }
}
