//! What broken, careless and hostile nodes send. Whoever listens must survive each of these.

use crate::{
    mesh::station::{self, Topic, Voice},
    region::Node,
};
use kosmo_domain::Timestamp;
use kosmo_meshtastic::{
    Message as _,
    proto::{self, PortNum, mesh_packet::PayloadVariant, telemetry::Variant},
};
use std::time::Duration;

/// A way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A reading without a time: the node has no clock.
    NoTime,
    /// A reading of 1970: the node's clock was never set.
    TimeOf1970,
    /// A reading from this far ahead.
    TimeAhead(Duration),
    /// A reading whose temperature and humidity are no numbers, and whose pressure is sound.
    NotANumber,
    /// A reading of 900 °C, whose humidity is sound.
    OutOfRange,
    /// A name with markup, control characters, and text that runs backwards.
    HostileName,
    /// A position at 0° north, 0° east.
    NoFix,
    /// A payload of a port nobody knows.
    UnknownPort(u16),
    /// A reading in a packet without an id.
    NoId,
    /// Telemetry that is not protobuf.
    Malformed,
    /// A text that is not UTF-8.
    TextNotUtf8,
    /// A packet on a channel that the radio has no key for.
    Encrypted,
    /// A sound reading that claims to come from the broadcast address.
    FromNobody,
}

impl Trouble {
    /// One of each.
    pub const ALL: [Self; 13] = [
        Self::NoTime,
        Self::TimeOf1970,
        Self::TimeAhead(Duration::from_hours(24 * 365)),
        Self::NotANumber,
        Self::OutOfRange,
        Self::HostileName,
        Self::NoFix,
        Self::UnknownPort(310),
        Self::NoId,
        Self::Malformed,
        Self::TextNotUtf8,
        Self::Encrypted,
        Self::FromNobody,
    ];

    /// Returns what a node sends that is troubled like this.
    pub(crate) fn payload(self, voice: &Voice, node: &Node, at: Timestamp) -> PayloadVariant {
        let environment = |change: fn(&mut proto::EnvironmentMetrics)| {
            let mut metrics = proto::EnvironmentMetrics {
                temperature: Some(11.5),
                relative_humidity: Some(71.0),
                barometric_pressure: Some(1_003.25),
                ..Default::default()
            };
            change(&mut metrics);
            Variant::EnvironmentMetrics(metrics)
        };
        let reading = |at| station::telemetry(environment(|_| {}), at);
        PayloadVariant::Decoded(match self {
            Self::NoTime => reading(Timestamp::EPOCH),
            Self::TimeOf1970 => reading(Timestamp::from_unix_seconds(94)),
            Self::TimeAhead(span) => reading(at.plus(span)),
            Self::NoId | Self::FromNobody => reading(at),
            Self::NotANumber => {
                let change = |metrics: &mut proto::EnvironmentMetrics| {
                    metrics.temperature = Some(f32::NAN);
                    metrics.relative_humidity = Some(f32::INFINITY);
                };
                station::telemetry(environment(change), at)
            }
            Self::OutOfRange => station::telemetry(environment(|metrics| metrics.temperature = Some(900.0)), at),
            Self::HostileName => {
                let user = proto::User {
                    long_name: "<script>\u{7}alert(1)\u{0}\u{202e}txt\r\n".to_owned(),
                    short_name: "\u{1b}<b>".to_owned(),
                    ..voice.user(node)
                };
                station::data(PortNum::NodeinfoApp, user.encode_to_vec())
            }
            Self::NoFix => {
                let position = proto::Position {
                    latitude_i: Some(0),
                    longitude_i: Some(0),
                    altitude: Some(0),
                    precision_bits: 32,
                    ..Default::default()
                };
                station::data(PortNum::PositionApp, position.encode_to_vec())
            }
            Self::UnknownPort(port) => proto::Data { portnum: port.into(), payload: vec![0x94, 0xc3, 0, 1], ..Default::default() },
            Self::Malformed => station::data(PortNum::TelemetryApp, vec![0x12, 0xff, 0xff, 0x01]),
            Self::TextNotUtf8 => station::data(PortNum::TextMessageApp, vec![0xff, 0xfe, b' ', 0x80]),
            Self::Encrypted => {
                let hidden = voice.say(node, Topic::Device, at).map(|data| data.encode_to_vec()).unwrap_or_default();
                return PayloadVariant::Encrypted(hidden.iter().map(|byte| byte ^ 0x5a).collect());
            }
        })
    }

    /// Changes what is around the payload.
    pub(crate) fn disguise(self, packet: &mut proto::MeshPacket) {
        match self {
            Self::NoId => packet.id = 0,
            Self::FromNobody => packet.from = u32::MAX,
            // The channel of what cannot be decrypted is a hash of its name and key.
            Self::Encrypted => packet.channel = 0x7e,
            Self::NoTime
            | Self::TimeOf1970
            | Self::TimeAhead(_)
            | Self::NotANumber
            | Self::OutOfRange
            | Self::HostileName
            | Self::NoFix
            | Self::UnknownPort(_)
            | Self::Malformed
            | Self::TextNotUtf8 => {}
        }
    }
}
