//! What a radio remembers of the nodes it heard.

use kosmo_meshtastic::{
    Message as _,
    proto::{self, PortNum, mesh_packet::PayloadVariant, telemetry::Variant},
};
use std::collections::BTreeMap;

/// Radios have room for about this many nodes; whoever was not heard for longest is forgotten.
const ROOM: usize = 100;

/// The nodes a radio knows beside itself.
#[derive(Debug, Default)]
pub(crate) struct NodeDb {
    nodes: BTreeMap<u32, Known>,
    heard: u64,
}

#[derive(Debug, Default)]
struct Known {
    info: proto::NodeInfo,
    /// Counts up, where the clock may not.
    last: u64,
    /// The latest of each kind that firmware 2.8 tells its clients again: port, kind, and the packet.
    latest: BTreeMap<(i32, u8), proto::MeshPacket>,
}

impl NodeDb {
    /// Remembers a node as it was known before the radio was switched on.
    pub(crate) fn know(&mut self, info: proto::NodeInfo) {
        let number = info.num;
        self.entry(number).info = info;
    }

    /// Learns from a packet what it says of its sender.
    pub(crate) fn learn(&mut self, packet: &proto::MeshPacket) {
        let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return };
        let known = self.entry(packet.from);
        let info = &mut known.info;
        info.snr = packet.rx_snr;
        if packet.rx_time != 0 {
            info.last_heard = packet.rx_time;
        }
        if packet.hop_start >= packet.hop_limit {
            info.hops_away = Some(packet.hop_start - packet.hop_limit);
        }
        let kind = match PortNum::try_from(data.portnum) {
            Ok(PortNum::NodeinfoApp) => {
                if let Ok(user) = proto::User::decode(&data.payload[..]) {
                    info.user = Some(user);
                }
                return;
            }
            Ok(PortNum::PositionApp) => {
                let Ok(position) = proto::Position::decode(&data.payload[..]) else { return };
                info.position = Some(position);
                0
            }
            Ok(PortNum::TelemetryApp) => match proto::Telemetry::decode(&data.payload[..]).map(|telemetry| telemetry.variant) {
                Ok(Some(Variant::DeviceMetrics(metrics))) => {
                    info.device_metrics = Some(metrics);
                    1
                }
                Ok(Some(Variant::EnvironmentMetrics(_))) => 2,
                _ => return,
            },
            _ => return,
        };
        known.latest.insert((data.portnum, kind), packet.clone());
    }

    /// Tells whether a node's key is known, without which it is sent nothing private.
    pub(crate) fn knows_key(&self, number: u32) -> bool {
        let user = self.nodes.get(&number).and_then(|known| known.info.user.as_ref());
        user.is_some_and(|user| user.public_key.len() == 32)
    }

    /// Forgets a node, as a full database does with whoever was not heard for longest.
    pub(crate) fn forget(&mut self, number: u32) {
        self.nodes.remove(&number);
    }

    /// Forgets everybody.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
    }

    /// Changes what is noted of a node, if there is one.
    pub(crate) fn change(&mut self, number: u32, change: impl FnOnce(&mut proto::NodeInfo)) {
        if let Some(known) = self.nodes.get_mut(&number) {
            change(&mut known.info);
        }
    }

    /// Returns how many nodes are known.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the nodes as the handshake lists them.
    pub(crate) fn infos(&self) -> impl Iterator<Item = &proto::NodeInfo> {
        self.nodes.values().map(|known| &known.info)
    }

    /// Returns what firmware 2.8 tells again after a handshake: cached payloads as packets that look like any other,
    /// with ids that are always the same.
    pub(crate) fn replay(&self) -> impl Iterator<Item = proto::MeshPacket> {
        let packets = self.nodes.values().flat_map(|known| &known.latest);
        packets.map(|(&(port, kind), packet)| {
            let id = crate::noise::hash32(u64::from(packet.from), &[u64::from(packet.rx_time), port.unsigned_abs().into(), kind.into()]);
            proto::MeshPacket { id: id.max(1), to: u32::MAX, ..packet.clone() }
        })
    }

    fn entry(&mut self, number: u32) -> &mut Known {
        if self.nodes.len() >= ROOM && !self.nodes.contains_key(&number) {
            let oldest = self.nodes.iter().min_by_key(|(_, known)| known.last).map(|(&number, _)| number);
            oldest.and_then(|number| self.nodes.remove(&number));
        }
        self.heard += 1;
        let known = self.nodes.entry(number).or_default();
        known.info.num = number;
        known.last = self.heard;
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_heard_for_longest_is_forgotten() {
        let mut nodes = NodeDb::default();
        for number in 10..10 + 100 {
            nodes.know(proto::NodeInfo { num: number, ..Default::default() });
        }
        nodes.know(proto::NodeInfo { num: 10, ..Default::default() });
        nodes.know(proto::NodeInfo { num: 900, ..Default::default() });
        assert_eq!(nodes.len(), 100);
        assert!(nodes.infos().any(|info| info.num == 10) && !nodes.infos().any(|info| info.num == 11));
    }
}
