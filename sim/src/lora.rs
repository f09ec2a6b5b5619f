//! Time on the air as the simulated radios take it, and how fast their time runs.

use kosmo_meshtastic::{
    Message as _,
    airtime::Modem,
    outgoing::signature_bytes,
    proto::{self, mesh_packet::PayloadVariant},
};
use std::time::Duration;

/// The bytes before the content of a packet on air.
const AIR_HEADER: usize = 16;

/// How many times faster than real radios the simulated ones are.
///
/// It applies to what radios and people do with a packet: airtime, retransmission, rate limits, how long duplicates are
/// remembered, how long people take to answer. Bytes over TCP, the interval of the stations and the weather keep real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace(u32);

impl Pace {
    /// Returns the pace of a configured speed, where 0 is no speed and taken as 1.
    pub(crate) fn new(speed: u32) -> Self {
        Self(speed.max(1))
    }

    /// Returns how long this takes here.
    pub(crate) fn of(self, real: Duration) -> Duration {
        real / self.0
    }
}

/// Returns how long firmware waits after handing a packet of this many bytes to its transmitter before it sends it again,
/// on an idle channel.
pub(crate) fn retry_after(modem: Modem, bytes: usize) -> Duration {
    modem.retransmission(bytes, 0.0)
}

/// Returns the length of a packet on air, its header included. Where broadcasts are signed, those that have room for it are longer.
pub(crate) fn length(packet: &proto::MeshPacket, signs: bool) -> usize {
    let content = match &packet.payload_variant {
        Some(PayloadVariant::Decoded(data)) => data.encoded_len(),
        Some(PayloadVariant::Encrypted(bytes)) => bytes.len(),
        None => 0,
    };
    let signature = if signs && packet.to == u32::MAX { signature_bytes(content) } else { 0 };
    AIR_HEADER + content + signature
}
