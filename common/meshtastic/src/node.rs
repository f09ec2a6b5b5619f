//! Nodes: who they say they are, and what a radio remembers of them.

use crate::{
    name::{MAX_LONG_NAME, MAX_SHORT_NAME, clean},
    payload::{PositionReport, clock_time},
    proto,
    telemetry::Telemetry,
};
use kosmo_domain::{NodeId, Timestamp};

/// Returns the node whose number follows from a public key, as firmware from 2.8 on numbers nodes: the CRC-32 (ISO-HDLC) of its bytes.
/// Firmware before numbers them by their hardware, whatever their keys.
pub fn node_of_key(public_key: &[u8]) -> NodeId {
    let mut crc = u32::MAX;
    for byte in public_key {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    NodeId::from_number(!crc)
}

/// Who a node says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// The long name, fit to be shown as text.
    pub long_name: Option<String>,
    /// The short name, fit to be shown as text.
    pub short_name: Option<String>,
    /// The protocol's name for the model of its hardware, or its number.
    pub hardware: String,
    /// The protocol's name for its role in the mesh, or its number.
    pub role: String,
    /// Whether it transmits under an amateur licence, without encryption.
    pub licensed: bool,
    /// Its public key.
    pub public_key: Option<[u8; 32]>,
    /// Whether it says that nobody reads messages sent to it.
    pub unmessagable: Option<bool>,
}

impl UserInfo {
    /// Returns what a user message says. The id in it is left aside: who sent the packet is the node.
    pub fn read(message: &proto::User) -> Self {
        let hardware = proto::HardwareModel::try_from(message.hw_model);
        let role = proto::config::device_config::Role::try_from(message.role);
        Self {
            long_name: clean(&message.long_name, MAX_LONG_NAME),
            short_name: clean(&message.short_name, MAX_SHORT_NAME),
            hardware: hardware.map_or_else(|_| message.hw_model.to_string(), |model| model.as_str_name().to_owned()),
            role: role.map_or_else(|_| message.role.to_string(), |role| role.as_str_name().to_owned()),
            licensed: message.is_licensed,
            public_key: message.public_key.as_slice().try_into().ok().filter(|key| *key != [0; 32]),
            unmessagable: message.is_unmessagable,
        }
    }
}

/// What a radio remembers of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeInfo {
    /// The node.
    pub node: NodeId,
    /// Who it says it is.
    pub user: Option<UserInfo>,
    /// Where it was last.
    pub position: Option<PositionReport>,
    /// Its battery and airtime as told last; when that was, nobody knows.
    pub device: Option<Telemetry>,
    /// Signal to noise in decibels when heard last.
    pub snr: Option<f32>,
    /// When the radio heard it last, by the radio's clock.
    pub last_heard: Option<Timestamp>,
    /// The radio's index of the channel it was heard on.
    pub channel: u32,
    /// Whether the radio knows it over MQTT only.
    pub via_mqtt: bool,
    /// How many relays away it was.
    pub hops_away: Option<u8>,
    /// Whether the radio's owner marked it.
    pub favorite: bool,
    /// Whether the radio's owner wants to hear nothing of it.
    pub ignored: bool,
}

impl NodeInfo {
    /// Returns what a node info message of a radio says.
    pub fn read(message: &proto::NodeInfo) -> Self {
        let position = message.position.as_ref().map(PositionReport::read);
        Self {
            node: NodeId::from_number(message.num),
            user: message.user.as_ref().map(UserInfo::read),
            position: position.filter(|report| report.position.is_some() || report.refused.is_some()),
            device: message.device_metrics.as_ref().map(Telemetry::read_remembered),
            snr: Some(message.snr).filter(|snr| snr.is_finite() && *snr != 0.0),
            last_heard: clock_time(message.last_heard),
            channel: message.channel,
            via_mqtt: message.via_mqtt,
            hops_away: message.hops_away.and_then(|hops| u8::try_from(hops).ok()).filter(|hops| *hops <= 7),
            favorite: message.is_favorite,
            ignored: message.is_ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_cannot_dress_up_its_name() {
        let user = UserInfo::read(&proto::User {
            long_name: "\u{202e}<script>\u{7}alert(1)</script>".into(),
            short_name: "\u{200f}\u{2066}".into(),
            hw_model: 99_999,
            role: -1,
            public_key: vec![0; 32],
            ..Default::default()
        });
        assert_eq!(user.long_name.as_deref(), Some("<script>alert(1)</script>"));
        assert_eq!((user.short_name, user.public_key), (None, None));
        assert_eq!((user.hardware.as_str(), user.role.as_str()), ("99999", "-1"));
    }

    #[test]
    fn a_key_numbers_its_node() {
        // The check value of CRC-32 (ISO-HDLC).
        assert_eq!(node_of_key(b"123456789"), NodeId::from_number(0xcbf4_3926));
        assert_eq!(node_of_key(&[7; 32]), node_of_key(&[7; 32]));
        assert_ne!(node_of_key(&[7; 32]), node_of_key(&[8; 32]));
    }

    #[test]
    fn absurd_numbers_of_a_radio_are_unknown() {
        let node = NodeInfo::read(&proto::NodeInfo { num: 9, snr: f32::NAN, hops_away: Some(4_000_000_000), ..Default::default() });
        assert_eq!((node.snr, node.hops_away, node.last_heard, node.position), (None, None, None, None));
    }
}
