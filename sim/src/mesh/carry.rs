//! How a packet gets from one node to the others: over the air, by chance or for certain, and by what ways a forger has.

use crate::{
    lora,
    mesh::{
        air::{Copy, Ends, Journey, Transmission},
        core::{Arrival, Core, Event, Happening, Reach},
        log::OnAir,
    },
    noise,
    person::Person,
    region::Kind,
};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::proto::{
    self,
    mesh_packet::{PayloadVariant, Priority, TransportMechanism},
};
use std::time::Duration;

/// Where people behind a relay are heard: the summit above them.
const RELAY: &str = "ERBK";
/// What a receiver reports of a sender beside it.
const NEAR: (f64, f64) = (-71.0, 9.25);

impl Core {
    /// Puts a packet on air, `node` being the first to send it, whatever it says about its sender.
    pub(crate) fn transmit(&mut self, node: usize, packet: &proto::MeshPacket, reach: Reach, now: Uptime) {
        self.carry(node, packet, reach, false, now);
        self.tempt_forger(node, packet, now);
    }

    /// Puts a packet on air that may be lost before it arrives where it is sure to arrive otherwise.
    pub(crate) fn carry(&mut self, node: usize, packet: &proto::MeshPacket, reach: Reach, lost: bool, now: Uptime) {
        self.carried += 1;
        let chance = noise::hash(self.salt, &[self.carried]);
        let to = self.index_of(packet.to);
        let journey = match reach {
            Reach::EveryRadio => self.straight_to_radios(node),
            Reach::Air => {
                let bytes = lora::length(packet);
                match to.and_then(|to| self.sure_way(node, to, lost)) {
                    Some(ends) => self.air.along(ends, chance, packet.hop_limit, bytes),
                    None => self.air.flood(node, to, chance, packet.hop_limit, bytes),
                }
            }
        };
        for transmission in &journey.transmissions {
            let on_air = self.note(transmission, packet);
            self.schedule(now.plus(self.pace.of(transmission.start)), Event::Transmit { on_air: Box::new(on_air) });
        }
        let echo = journey.echo.filter(|_| node < self.radios && packet.from == self.nodes[node].id.number());
        let heard = journey.copies.iter().filter(|copy| self.is_for(packet, copy.node)).chain(&echo);
        for copy in heard.copied().collect::<Vec<_>>() {
            let received = Box::new(self.received(packet, copy));
            let due = now.plus(self.pace.of(copy.after));
            self.schedule(due, Event::Arrive { node: copy.node, packet: received });
        }
    }

    /// Lets a radio have a packet that was not on the air.
    pub(crate) fn slip(&mut self, node: usize, packet: proto::MeshPacket, due: Uptime) {
        self.schedule(due, Event::Arrive { node, packet: Box::new(packet) });
    }

    pub(crate) fn index_of(&self, number: u32) -> Option<usize> {
        self.nodes.iter().position(|node| node.id.number() == number)
    }

    /// Returns what arriving at a node comes to: radios hand it to their clients, people and stations react.
    pub(crate) fn arrive(&mut self, node: usize, packet: proto::MeshPacket, due: Uptime, at: Timestamp) -> Option<Arrival> {
        if node < self.radios {
            let packet = proto::MeshPacket { rx_time: self.radio_time(at), ..packet };
            return Some(Arrival { radio: node, what: Happening::Heard(packet) });
        }
        self.react(node, &packet, due, at);
        None
    }

    /// A node makes something of what is for everybody or for itself; the rest it only relays.
    fn is_for(&self, packet: &proto::MeshPacket, node: usize) -> bool {
        NodeId::from_number(packet.to).is_broadcast() || packet.to == self.nodes[node].id.number()
    }

    fn straight_to_radios(&self, node: usize) -> Journey {
        let hearers: Vec<_> = (0..self.radios).filter(|&radio| radio != node).collect();
        let (rssi, snr) = NEAR;
        let copy = |&radio: &usize| Copy { node: radio, relay: node, hops: 0, rssi, snr, after: Duration::ZERO };
        Journey {
            copies: hearers.iter().map(copy).collect(),
            transmissions: vec![Transmission { node, hops: 0, start: Duration::ZERO, hearers }],
            echo: None,
        }
    }

    /// Returns the way to or from a person, on which nothing depends on chance.
    fn sure_way(&self, origin: usize, to: usize, lost: bool) -> Option<Ends> {
        let person = |node: usize| if let Kind::Person(person) = self.nodes[node].kind { Some(person) } else { None };
        let ends = [person(origin), person(to)];
        ends.iter().any(Option::is_some).then(|| {
            let behind_relay = ends.iter().flatten().any(|person| person.is_behind_relay());
            let relay = behind_relay.then(|| self.nodes.iter().position(|node| node.short_name == RELAY)).flatten();
            Ends { origin, relay: relay.filter(|&relay| relay != origin && relay != to), to, lost }
        })
    }

    /// Returns a packet as it is received.
    fn received(&self, packet: &proto::MeshPacket, copy: Copy) -> proto::MeshPacket {
        let broadcast = NodeId::from_number(packet.to).is_broadcast();
        proto::MeshPacket {
            rx_rssi: noise::whole(copy.rssi),
            rx_snr: noise::single(copy.snr),
            hop_limit: packet.hop_limit.saturating_sub(copy.hops),
            relay_node: self.nodes[copy.relay].id.number() & 0xff,
            next_hop: 0,
            // Nobody is asked to acknowledge what is for everybody.
            want_ack: packet.want_ack && !broadcast,
            // Priorities do not go over the air; firmware finds this one again by the port.
            priority: if port(packet) == i32::from(proto::PortNum::RoutingApp) { Priority::Ack } else { Priority::Unset }.into(),
            transport_mechanism: TransportMechanism::TransportLora.into(),
            ..packet.clone()
        }
    }

    fn note(&self, transmission: &Transmission, packet: &proto::MeshPacket) -> OnAir {
        let about = match &packet.payload_variant {
            Some(PayloadVariant::Decoded(data)) => [data.request_id, data.reply_id].into_iter().find(|&id| id != 0),
            Some(PayloadVariant::Encrypted(_)) | None => None,
        };
        OnAir {
            at: Timestamp::EPOCH,
            sender: self.nodes[transmission.node].id,
            from: NodeId::from_number(packet.from),
            id: PacketId(packet.id),
            to: NodeId::from_number(packet.to),
            port: u32::try_from(port(packet)).unwrap_or(0),
            about: about.map(PacketId),
            hop: transmission.hops,
            hearers: transmission.hearers.iter().map(|&node| self.nodes[node].id).collect(),
        }
    }

    /// Returns whom a packet is for, if that is a person.
    pub(crate) fn addressee(&self, packet: &proto::MeshPacket) -> Option<(usize, Person)> {
        let node = self.index_of(packet.to)?;
        if let Kind::Person(person) = self.nodes[node].kind { Some((node, person)) } else { None }
    }
}

fn port(packet: &proto::MeshPacket) -> i32 {
    match &packet.payload_variant {
        Some(PayloadVariant::Decoded(data)) => data.portnum,
        Some(PayloadVariant::Encrypted(_)) | None => 0,
    }
}
