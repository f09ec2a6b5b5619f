//! Time on the air: how long a packet takes, how long firmware waits for its acknowledgement, and how fast the simulated
//! time of radios runs.

use kosmo_meshtastic::{
    Message as _,
    airtime::Modem,
    proto::{self, mesh_packet::PayloadVariant},
};
use std::time::Duration;

/// The bytes before the content of a packet on air.
const AIR_HEADER: usize = 16;
/// One symbol at spreading factor 11 and 250 kHz.
const SYMBOL_S: f64 = 2048.0 / 250_000.0;

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

/// Returns how long a packet of this many bytes, its header included, is on air with the preset that radios come with.
pub(crate) fn airtime(bytes: usize) -> Duration {
    Modem::from_preset("LONG_FAST").expect("the firmware's default preset is known").airtime(bytes)
}

/// Returns how long firmware waits after handing a packet of this many bytes to its transmitter before it sends it again,
/// on an idle channel (`RadioInterface::getRetransmissionMsec` with a contention window of 3).
pub(crate) fn retry_after(bytes: usize) -> Duration {
    const SLOT_S: f64 = 2.5 * SYMBOL_S + 0.007_6;
    const WINDOW_SLOTS: f64 = 8.0 + 16.0 + 32.0;
    const PROCESSING: Duration = Duration::from_millis(4_500);
    airtime(bytes) * 2 + Duration::from_secs_f64(WINDOW_SLOTS * SLOT_S) + PROCESSING
}

/// Returns the length of a packet on air, its header included.
pub(crate) fn length(packet: &proto::MeshPacket) -> usize {
    AIR_HEADER
        + match &packet.payload_variant {
            Some(PayloadVariant::Decoded(data)) => data.encoded_len(),
            Some(PayloadVariant::Encrypted(bytes)) => bytes.len(),
            None => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tries_take_as_long_as_was_computed_from_the_source() {
        for (text, seconds) in [(32, 22.0), (128, 26.0), (200, 30.0)] {
            let tries = 3.0 * retry_after(text + 16 + if text < 128 { 6 } else { 7 }).as_secs_f64();
            assert!((tries - seconds).abs() < 0.6, "{text} bytes: {tries} s");
        }
    }
}
