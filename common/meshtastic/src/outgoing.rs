//! Texts as they are given to a radio: their ids, their sizes, and what they ask of the mesh.

pub use kosmo_domain::packet_id;

use crate::{evidence::Sent, packet::port, proto};
use kosmo_domain::{NodeId, PacketId};
use prost::Message;
use proto::mesh_packet::PayloadVariant;
use std::fmt;

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
        let TextPacket { from, to, id, text, reply_to, hop_limit } = text;
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
            want_ack: true,
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        }))
    }
}

impl Outgoing {
    /// Returns the packet's id.
    pub const fn id(&self) -> PacketId {
        PacketId(self.0.id)
    }

    /// Returns what evidence about it is judged by.
    pub const fn sent(&self) -> Sent {
        Sent { packet_id: self.id(), to: NodeId::from_number(self.0.to), radio: NodeId::from_number(self.0.from) }
    }

    /// Returns how many bytes it takes on the air, if it is encrypted for its addressee.
    pub fn bytes_on_air(&self) -> usize {
        match &self.0.payload_variant {
            Some(PayloadVariant::Decoded(data)) => bytes_on_air(data, true),
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
        write!(f, "Outgoing({} to {}, {} bytes)", self.0.id, NodeId::from_number(self.0.to), self.bytes_on_air())
    }
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
    fn the_airtime_of_a_text_counts_all_of_its_packet() {
        let modem = crate::airtime::Modem::from_preset("LONG_FAST").unwrap();
        for (bytes, milliseconds) in [(32, 723), (64, 969), (128, 1460), (200, 1993)] {
            let outgoing = Outgoing::try_from(TextPacket { text: &"x".repeat(bytes), ..TEXT }).unwrap();
            let airtime = modem.airtime(outgoing.bytes_on_air()).as_millis();
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
