//! What nodes say by themselves, and what happens to them as planned.

use crate::{
    mesh::{
        core::{Arrival, Core, Happening, Reach},
        station::{self, Topic},
    },
    noise,
    region::{Kind, Role},
    scenario::{Act, Planned},
};
use kosmo_domain::{NodeId, Timestamp, Uptime};
use kosmo_meshtastic::{
    Message as _,
    node::node_of_key,
    proto::{
        self,
        mesh_packet::{PayloadVariant, Priority},
        telemetry::Variant,
    },
};

const STREAM_RADIO: u64 = 76;
/// The most neighbours that a node tells of.
const NEIGHBOURS: usize = 10;
/// How busy the channel may be, in percent, for what nodes say by themselves, and for sensors (`AirTime::isTxAllowedChannelUtil`).
const POLITE_PCT: f64 = 25.0;
const POLITE_SENSOR_PCT: f64 = 40.0;

impl Core {
    /// Has a node say something by itself, if the channel and the law leave it room.
    pub(crate) fn speak(&mut self, node: usize, topic: Topic, now: Uptime, at: Timestamp) {
        if self.ether.air.is_off(node) {
            return;
        }
        let Some(data) = self.say(node, topic, now, at) else { return };
        if self.crowded && topic != Topic::Text && !self.may_speak(node, now) {
            self.withheld += 1;
            return;
        }
        let to = if topic == Topic::Trace { self.somebody(node, at) } else { NodeId::BROADCAST };
        if topic == Topic::Trace && to.is_broadcast() {
            return;
        }
        let packet = self.packet(node, to, PayloadVariant::Decoded(data));
        self.transmit(node, &packet, Reach::Air, now);
    }

    /// Returns what a node says on a topic, with what only the mesh knows.
    fn say(&mut self, node: usize, topic: Topic, now: Uptime, at: Timestamp) -> Option<proto::Data> {
        match topic {
            Topic::Neighbors => Some(self.neighbours(node)),
            Topic::Device if self.crowded => Some(station::telemetry(Variant::DeviceMetrics(self.device(node, now, at)), at)),
            _ => self.voice.say(&self.nodes[node], topic, at),
        }
    }

    fn may_speak(&mut self, node: usize, now: Uptime) -> bool {
        let (channel, sent) = self.ether.utilisation(node, now);
        let is_sensor = matches!(self.nodes[node].kind, Kind::Station(_)) && self.nodes[node].role == Role::Client;
        let polite = if is_sensor { POLITE_SENSOR_PCT } else { POLITE_PCT };
        // What nodes say by themselves may take half of what the law leaves.
        channel < polite && self.duty_limit.is_none_or(|limit| sent < limit / 2.0)
    }

    fn device(&mut self, node: usize, now: Uptime, at: Timestamp) -> proto::DeviceMetrics {
        let device = self.voice.device(&self.nodes[node], at);
        if !self.crowded {
            return device;
        }
        let (channel, sent) = self.ether.utilisation(node, now);
        proto::DeviceMetrics { channel_utilization: Some(noise::single(channel)), air_util_tx: Some(noise::single(sent)), ..device }
    }

    fn neighbours(&self, node: usize) -> proto::Data {
        let heard = self.ether.air.best(node, NEIGHBOURS).into_iter().map(|(other, snr)| proto::Neighbor {
            node_id: self.nodes[other].id.number(),
            snr: noise::single(snr),
            ..Default::default()
        });
        let number = self.nodes[node].id.number();
        let told = proto::NeighborInfo {
            node_id: number,
            last_sent_by_id: number,
            node_broadcast_interval_secs: 14_400,
            neighbors: heard.collect(),
        };
        station::data(proto::PortNum::NeighborinfoApp, told.encode_to_vec())
    }

    /// Returns a node that no bridge attaches to, another each time.
    fn somebody(&self, node: usize, at: Timestamp) -> NodeId {
        let drawn = noise::hash32(self.salt, &[STREAM_RADIO, node as u64, at.as_micros().unsigned_abs()]) as usize;
        let others = self.nodes.len().saturating_sub(self.radios).max(1);
        self.nodes.get(self.radios + drawn % others).map_or(NodeId::BROADCAST, |other| other.id)
    }

    /// Does what is planned.
    pub(crate) fn act(&mut self, index: usize, now: Uptime, at: Timestamp) -> Vec<Arrival> {
        let Planned { node, act, .. } = self.plan[index].clone();
        let place = self.index_of(node.number()).or_else(|| self.formerly.get(&node).copied());
        let Some(place) = place else { return Vec::new() };
        match act {
            Act::Say { to, text } => {
                let data = station::data(proto::PortNum::TextMessageApp, text.into_bytes());
                let packet = proto::MeshPacket { want_ack: true, ..self.packet(place, to, PayloadVariant::Decoded(data)) };
                self.transmit(place, &packet, Reach::Air, now);
            }
            Act::Trace { to } => {
                let data = proto::Data { want_response: true, ..station::data(proto::PortNum::TracerouteApp, Vec::new()) };
                let packet = self.packet(place, to, PayloadVariant::Decoded(data));
                self.transmit(place, &packet, Reach::Air, now);
            }
            Act::Misbehave(trouble) => _ = self.misbehave(place, trouble, now, at),
            Act::Switch { off } => self.ether.air.switch(place, off),
            Act::NewKey => {
                self.nodes[place].resets += 1;
                let keys = (self.voice.public_key(&self.nodes[place]), self.voice.private_key(&self.nodes[place]));
                self.speak(place, Topic::User, now, at);
                if place < self.radios {
                    return vec![Arrival { radio: place, what: Happening::NewKeys(keys.0, keys.1) }];
                }
            }
            Act::Update => {
                let number = node_of_key(&self.voice.public_key(&self.nodes[place]));
                let before = std::mem::replace(&mut self.nodes[place].id, number);
                self.formerly.insert(before, place);
                self.speak(place, Topic::User, now, at);
                if place < self.radios {
                    return vec![Arrival { radio: place, what: Happening::NewNumber(number.number()) }];
                }
            }
            Act::Radio(act) if place < self.radios => return vec![Arrival { radio: place, what: Happening::Done(act) }],
            Act::Radio(_) => {}
        }
        Vec::new()
    }

    /// Returns what a radio tells its client of itself.
    pub(crate) fn own_telemetry(&mut self, radio: usize, now: Uptime, at: Timestamp) -> impl Iterator<Item = proto::MeshPacket> + use<> {
        let device = self.device(radio, now, at);
        let nodes = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let stats = proto::LocalStats {
            uptime_seconds: device.uptime_seconds.unwrap_or(0),
            channel_utilization: device.channel_utilization.unwrap_or(0.0),
            air_util_tx: device.air_util_tx.unwrap_or(0.0),
            num_packets_tx: u32::try_from(self.ids.given() / 10).unwrap_or(u32::MAX),
            num_packets_rx: u32::try_from(self.ids.given()).unwrap_or(u32::MAX),
            num_online_nodes: nodes,
            num_total_nodes: nodes,
            noise_floor: -114,
            ..Default::default()
        };
        [Variant::DeviceMetrics(device), Variant::LocalStats(stats)]
            .map(|variant| {
                let data = proto::Data { bitfield: None, ..station::telemetry(variant, at) };
                let packet = self.packet(radio, NodeId::BROADCAST, PayloadVariant::Decoded(data));
                proto::MeshPacket { hop_start: 0, rx_time: self.radio_time(at), priority: Priority::Background.into(), ..packet }
            })
            .into_iter()
    }
}
