//! A client at its desk with a radio, in a time of their own, and how what the radio says is compared with what was recorded.

use super::*;
use kosmo_meshtastic::proto::{Routing, routing};
use std::time::Duration;

/// The radio that was recorded.
pub(super) const RECORDED: u32 = 0x4daa_1001;
/// A port that is not limited, and whose packets are not encrypted for the addressee.
const FREE_PORT: PortNum = PortNum::PrivateApp;

/// A client with its radio, in a time of its own.
pub(super) struct Desk {
    pub(super) radio: Radio,
    pub(super) client: u64,
    pub(super) now: Duration,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (radio, client, _) = configured(change, 1);
        Self { radio, client, now: Duration::ZERO }
    }

    pub(super) fn own(&self) -> u32 {
        self.radio.identity.number
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { at: Uptime(self.now), stamp: 0 }
    }

    /// Sends a packet and returns what the client is told at once.
    pub(super) fn send(&mut self, packet: proto::MeshPacket) -> Vec<Said> {
        let now = self.moment();
        ask_at(&mut self.radio, self.client, Asked::Packet(packet), now);
        self.told()
    }

    pub(super) fn told(&mut self) -> Vec<Said> {
        messages(&said(&mut self.radio, self.client))
    }

    /// Lets time pass, and returns what went on air and when.
    pub(super) fn wait(&mut self, seconds: f64) -> Vec<(f64, proto::MeshPacket)> {
        let end = self.now + Duration::from_secs_f64(seconds);
        let mut on_air = Vec::new();
        while let Some(due) = self.radio.next_due().filter(|due| due.0 <= end) {
            self.now = due.0;
            let now = self.moment();
            on_air.extend(self.radio.advance(now).into_iter().map(|(at, packet)| (at.0.as_secs_f64(), packet)));
        }
        self.now = end;
        on_air
    }

    pub(super) fn overhear(&mut self, packet: proto::MeshPacket) {
        let now = self.moment();
        self.radio.overhear(packet, now);
    }

    pub(super) fn text(&self, id: u32, to: u32) -> proto::MeshPacket {
        proto::MeshPacket { from: self.own(), to, hop_limit: 3, want_ack: true, ..text(id) }
    }

    pub(super) fn lena(&self, id: u32) -> proto::MeshPacket {
        self.text(id, crate::region::LENA.number())
    }
}

pub(super) fn private(id: u32) -> proto::MeshPacket {
    proto::MeshPacket { from: 0, to: u32::MAX, hop_limit: 3, ..packet(id, FREE_PORT, vec![1, 2, 3]) }
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

pub(super) fn only(said: &[Said]) -> &Said {
    assert_eq!(said.len(), 1, "{said:?}");
    &said[0]
}

/// Returns the outcome that a packet tells, of which packet, and by whom.
pub(super) fn outcome(said: &Said) -> Option<(u32, i32, u32)> {
    let Said::Packet(packet) = said else { return None };
    let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return None };
    let routing = Routing::decode(&data.payload[..]).ok().filter(|_| data.portnum == i32::from(PortNum::RoutingApp))?;
    let Some(routing::Variant::ErrorReason(error)) = routing.variant else { return None };
    Some((data.request_id, error, packet.from))
}

/// Returns a message as the recorded radio would say it.
pub(super) fn as_recorded(said: Said, own: u32) -> Said {
    let Said::Packet(packet) = said else { return said };
    let rename = |number| if number == own { RECORDED } else { number };
    Said::Packet(proto::MeshPacket { from: rename(packet.from), to: rename(packet.to), id: 1, ..packet })
}

/// Returns what the recorded radio said after the handshake, without what only a simulated one says.
pub(super) fn recorded(bytes: &[u8]) -> Vec<Said> {
    let said = messages(&payloads(bytes));
    let live = said.iter().position(|said| matches!(said, Said::ConfigCompleteId(_))).unwrap() + 1;
    let is_own_talk = |said: &Said| is_port(said, PortNum::SimulatorApp) || is_port(said, PortNum::TelemetryApp);
    let before_own_talk = |index: usize| said.get(index + 1).is_some_and(|next| is_port(next, PortNum::SimulatorApp));
    let kept = (live..said.len()).filter(|&index| !is_own_talk(&said[index]) && !before_own_talk(index));
    kept.map(|index| as_recorded(said[index].clone(), RECORDED)).collect()
}

pub(super) fn is_port(said: &Said, port: PortNum) -> bool {
    matches!(said, Said::Packet(proto::MeshPacket { payload_variant: Some(PayloadVariant::Decoded(data)), .. }) if data.portnum == i32::from(port))
}

pub(super) fn asked(bytes: &[u8]) -> Vec<proto::MeshPacket> {
    let asked = payloads(bytes).into_iter().filter_map(|payload| match proto::ToRadio::decode(&payload[..]).unwrap().payload_variant {
        Some(Asked::Packet(packet)) => Some(packet),
        _ => None,
    });
    asked.collect()
}
