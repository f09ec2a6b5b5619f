//! Reads messages from frames, more forgiving than the generated types and more careful.
//!
//! Firmware cuts names at a byte count, which can leave half a character; the generated types then refuse the whole
//! message, and with it the node. And a frame that lost bytes must be told from a message that is whole but beyond us:
//! only the former may be searched for the frames it swallowed, or else a stranger's name could hold a forged one.

use crate::{proto, stream};
use prost::Message;
use proto::from_radio::PayloadVariant;

/// Why a payload is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// No radio builds such a message: the frame lost bytes, or never was one.
    Torn,
    /// A text in it is no UTF-8, which a stranger can bring about.
    Undecodable,
}

/// Reads the payload of a frame from a radio.
pub(crate) fn read_from_radio(payload: &[u8]) -> Result<proto::FromRadio, Unreadable> {
    match (proto::FromRadio::decode(payload), sole_field(payload)) {
        (Ok(message), field) if message.payload_variant.is_some() || field.is_some() => Ok(message),
        (_, Some(NODE_INFO | CHANNEL)) => read_leniently(payload).ok_or(Unreadable::Torn),
        // What these quote comes from the mesh. Other messages have no text, or one of the radio's owner.
        (_, Some(LOG_RECORD | MQTT_PROXY_MESSAGE | CLIENT_NOTIFICATION)) => Err(Unreadable::Undecodable),
        _ => Err(Unreadable::Torn),
    }
}

const NODE_INFO: u64 = 4;
const LOG_RECORD: u64 = 6;
const CHANNEL: u64 = 10;
const MQTT_PROXY_MESSAGE: u64 = 14;
const CLIENT_NOTIFICATION: u64 = 16;

/// Reads a `User`, replacing broken characters in its names.
pub(crate) fn read_user(payload: &[u8]) -> Result<proto::User, prost::DecodeError> {
    proto::User::decode(payload).or_else(|_| LenientUser::decode(payload).map(proto::User::from))
}

/// Tells whether the payload holds a mesh packet and nothing swallowed: only that bears no key of the radio for sure.
pub(crate) fn is_packet(payload: &[u8]) -> bool {
    payload.first() == Some(&0x12) && !payload.windows(2).any(|pair| pair == stream::START)
}

/// Returns the number of the one field that a radio puts into a frame besides the frame's own number: 0 if there is
/// none, and nothing if the bytes are no such message.
fn sole_field(mut bytes: &[u8]) -> Option<u64> {
    let mut sole = 0;
    while !bytes.is_empty() {
        let (field, rest) = skip_field(bytes)?;
        match field {
            1 => {}
            _ if sole == 0 => sole = field,
            _ => return None,
        }
        bytes = rest;
    }
    Some(sole)
}

fn skip_field(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (key, rest) = read_varint(bytes)?;
    let rest = match key & 7 {
        0 => read_varint(rest)?.1,
        1 => rest.get(8..)?,
        2 => {
            let (length, rest) = read_varint(rest)?;
            rest.get(usize::try_from(length).ok()?..)?
        }
        5 => rest.get(4..)?,
        _ => return None,
    };
    (key >> 3 != 0).then_some((key >> 3, rest))
}

fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

fn read_leniently(payload: &[u8]) -> Option<proto::FromRadio> {
    let message = LenientFromRadio::decode(payload).ok()?;
    let variant = match message {
        LenientFromRadio { node_info: Some(node), .. } => PayloadVariant::NodeInfo(node.into()),
        LenientFromRadio { channel: Some(channel), .. } => PayloadVariant::Channel(channel.into()),
        LenientFromRadio { node_info: None, channel: None } => return None,
    };
    Some(proto::FromRadio { id: 0, payload_variant: Some(variant) })
}

#[derive(Clone, PartialEq, Message)]
struct LenientFromRadio {
    #[prost(message, optional, tag = "4")]
    node_info: Option<LenientNodeInfo>,
    #[prost(message, optional, tag = "10")]
    channel: Option<LenientChannel>,
}

#[derive(Clone, PartialEq, Message)]
struct LenientNodeInfo {
    #[prost(uint32, tag = "1")]
    num: u32,
    #[prost(message, optional, tag = "2")]
    user: Option<LenientUser>,
    #[prost(message, optional, tag = "3")]
    position: Option<proto::Position>,
    #[prost(float, tag = "4")]
    snr: f32,
    #[prost(fixed32, tag = "5")]
    last_heard: u32,
    #[prost(message, optional, tag = "6")]
    device_metrics: Option<proto::DeviceMetrics>,
    #[prost(uint32, tag = "7")]
    channel: u32,
    #[prost(bool, tag = "8")]
    via_mqtt: bool,
    #[prost(uint32, optional, tag = "9")]
    hops_away: Option<u32>,
    #[prost(bool, tag = "10")]
    is_favorite: bool,
    #[prost(bool, tag = "11")]
    is_ignored: bool,
}

impl From<LenientNodeInfo> for proto::NodeInfo {
    fn from(node: LenientNodeInfo) -> Self {
        let LenientNodeInfo { num, user, position, snr, last_heard, device_metrics, channel, via_mqtt, hops_away, is_favorite, is_ignored } =
            node;
        let user = user.map(proto::User::from);
        Self {
            num,
            user,
            position,
            snr,
            last_heard,
            device_metrics,
            channel,
            via_mqtt,
            hops_away,
            is_favorite,
            is_ignored,
            ..Self::default()
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct LenientUser {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    long_name: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    short_name: Vec<u8>,
    #[prost(int32, tag = "5")]
    hw_model: i32,
    #[prost(bool, tag = "6")]
    is_licensed: bool,
    #[prost(int32, tag = "7")]
    role: i32,
    #[prost(bytes = "vec", tag = "8")]
    public_key: Vec<u8>,
    #[prost(bool, optional, tag = "9")]
    is_unmessagable: Option<bool>,
}

impl From<LenientUser> for proto::User {
    fn from(user: LenientUser) -> Self {
        let LenientUser { id, long_name, short_name, hw_model, is_licensed, role, public_key, is_unmessagable } = user;
        let [id, long_name, short_name] = [id, long_name, short_name].map(|text| String::from_utf8_lossy(&text).into_owned());
        Self { id, long_name, short_name, hw_model, is_licensed, role, public_key, is_unmessagable, ..Self::default() }
    }
}

#[derive(Clone, PartialEq, Message)]
struct LenientChannel {
    #[prost(int32, tag = "1")]
    index: i32,
    #[prost(message, optional, tag = "2")]
    settings: Option<LenientChannelSettings>,
    #[prost(int32, tag = "3")]
    role: i32,
}

#[derive(Clone, PartialEq, Message)]
struct LenientChannelSettings {
    #[prost(bytes = "vec", tag = "3")]
    name: Vec<u8>,
}

impl From<LenientChannel> for proto::Channel {
    fn from(channel: LenientChannel) -> Self {
        let settings = channel.settings.map(|settings| proto::ChannelSettings {
            name: String::from_utf8_lossy(&settings.name).into_owned(),
            ..proto::ChannelSettings::default()
        });
        Self { index: channel.index, settings, role: channel.role }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node_named(name: &[u8]) -> Vec<u8> {
        let user = LenientUser { long_name: name.to_vec(), hw_model: 9, ..LenientUser::default() };
        LenientFromRadio { node_info: Some(LenientNodeInfo { num: 77, user: Some(user), ..Default::default() }), channel: None }
            .encode_to_vec()
    }

    #[test]
    fn half_a_character_in_a_name_does_not_cost_the_node() {
        let message = read_from_radio(&node_named(b"Dach S\xc3")).unwrap();
        let Some(PayloadVariant::NodeInfo(node)) = message.payload_variant else { panic!("a node is read as a node") };
        assert_eq!((node.num, node.user.unwrap().long_name.as_str()), (77, "Dach S\u{fffd}"));
    }

    #[test]
    fn what_strangers_write_is_no_reason_to_search_a_message_for_frames() {
        let forged = b"\xff\x94\xc3\x00\x02\x40\x01";
        assert!(read_from_radio(&node_named(forged)).is_ok());
        let log = [b"\x32\x09\x0a\x07", &forged[..]].concat();
        assert_eq!(read_from_radio(&log), Err(Unreadable::Undecodable));
    }

    #[test]
    fn what_no_radio_sends_is_torn() {
        for payload in [
            &b"half"[..],
            b"\x12\x40\x0d",
            b"\x12\x03\x22\x05x",
            b"\x22\x02\x12\x05",
            b"\x18",
            b"\x07",
            b"\xa0\x06\x01\xa8\x06\x01",
            &[0x80; 20],
        ] {
            assert_eq!(read_from_radio(payload), Err(Unreadable::Torn), "{payload:02x?}");
        }
    }

    #[test]
    fn an_empty_message_and_one_of_a_later_firmware_are_read() {
        for payload in [&b""[..], b"\x08\x05", b"\x9a\x01\x02\x08\x01"] {
            assert_eq!(read_from_radio(payload).unwrap().payload_variant, None);
        }
    }
}
