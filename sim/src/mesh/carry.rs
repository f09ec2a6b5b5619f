//! How a packet gets from one node to the others: over the air, by chance or for certain, and by what ways a forger has.

use crate::{
    lora,
    mesh::{
        air::{Copy, Ends, Journey, Transmission},
        core::{Arrival, Core, Event, Happening, Reach},
        ether::{Landed, Turn},
        log::OnAir,
    },
    noise,
    person::Person,
    region::Kind,
};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self,
        mesh_packet::{PayloadVariant, Priority, TransportMechanism},
    },
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
        if self.ether.air.is_off(node) {
            return;
        }
        self.carried += 1;
        let chance = noise::hash(self.salt, &[self.carried]);
        let to = self.index_of(packet.to);
        let sure = to.filter(|_| reach == Reach::Air).and_then(|to| self.sure_way(node, to, lost));
        let journey = if reach == Reach::EveryRadio {
            self.straight_to_radios(node)
        } else if let Some(ends) = sure {
            let airtime = self.ether.air.modem().airtime(lora::length(packet, self.ether.signs));
            self.ether.air.along(ends, chance, packet.hop_limit, airtime)
        } else {
            if let Some((due, turn)) = self.ether.send(node, to, packet.clone(), now) {
                self.schedule(due, Event::Air(turn));
            }
            return;
        };
        for transmission in &journey.transmissions {
            let on_air = self.note(transmission, packet);
            self.schedule(now.plus(self.pace.of(transmission.start)), Event::Transmit { on_air: Box::new(on_air) });
        }
        let echo = journey.echo.filter(|_| node < self.radios && packet.from == self.nodes[node].id.number());
        let heard = journey.copies.into_iter().filter(|copy| self.is_for(packet, copy.node)).chain(echo);
        for copy in heard.collect::<Vec<_>>() {
            let due = now.plus(self.pace.of(copy.after));
            let received = Box::new(self.received(packet, &copy));
            self.schedule(due, Event::Arrive { node: copy.node, packet: received });
        }
    }

    /// Lets happen on the air what is due there, and returns the transmission that ended.
    pub(crate) fn take_turn(&mut self, turn: Turn, due: Uptime, at: Timestamp) -> Option<OnAir> {
        let mut next = Vec::new();
        let landed = self.ether.act(turn, due, &mut next);
        for (due, turn) in next {
            self.schedule(due, Event::Air(turn));
        }
        let Landed { flood: id, node, hops, start, hearers, copies, collided } = landed?;
        self.collisions += collided as u64;
        let flood = self.ether.flood(id)?;
        let (packet, origin) = (flood.packet.clone(), flood.origin);
        for copy in copies {
            let is_echo = copy.node == origin && origin < self.radios && packet.from == self.nodes[origin].id.number();
            if is_echo || (copy.node != origin && self.is_for(&packet, copy.node)) {
                let received = Box::new(self.received(&packet, &copy));
                self.schedule(due, Event::Arrive { node: copy.node, packet: received });
            }
        }
        self.ether.settle(id);
        let on_air = self.note(&Transmission { node, hops, start: Duration::ZERO, hearers }, &packet);
        Some(OnAir { at: at.minus(due.since(start)), ..on_air })
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
        if self.ether.air.is_off(node) {
            return None;
        }
        if node < self.radios {
            self.heard += 1;
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
        let copy = |&radio: &usize| Copy { node: radio, relay: node, hops: 0, rssi, snr, after: Duration::ZERO, path: vec![(radio, snr)] };
        Journey {
            copies: hearers.iter().map(copy).collect(),
            transmissions: vec![Transmission { node, hops: 0, start: Duration::ZERO, hearers }],
            echo: None,
        }
    }

    /// Returns the way to or from a person, on which nothing depends on chance, unless a scenario leaves people to the air.
    fn sure_way(&self, origin: usize, to: usize, lost: bool) -> Option<Ends> {
        if !self.sure_people {
            return None;
        }
        let person = |node: usize| if let Kind::Person(person) = self.nodes[node].kind { Some(person) } else { None };
        let ends = [person(origin), person(to)];
        ends.iter().any(Option::is_some).then(|| {
            let behind_relay = ends.iter().flatten().any(|person| person.is_behind_relay());
            let relay = behind_relay.then(|| self.nodes.iter().position(|node| node.short_name == RELAY)).flatten();
            Ends { origin, relay: relay.filter(|&relay| relay != origin && relay != to), to, lost }
        })
    }

    /// Returns a packet as it is received.
    fn received(&self, packet: &proto::MeshPacket, copy: &Copy) -> proto::MeshPacket {
        let packet = &self.traced(packet, copy);
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

    /// Returns a packet as its way changes it: those that ask for the way are written on by whoever they pass.
    fn traced(&self, packet: &proto::MeshPacket, copy: &Copy) -> proto::MeshPacket {
        let mut packet = packet.clone();
        let Some(PayloadVariant::Decoded(data)) = &mut packet.payload_variant else { return packet };
        if data.portnum != i32::from(proto::PortNum::TracerouteApp) {
            return packet;
        }
        let Ok(mut route) = proto::RouteDiscovery::decode(&data.payload[..]) else { return packet };
        let (nodes, snrs) =
            if data.request_id == 0 { (&mut route.route, &mut route.snr_towards) } else { (&mut route.route_back, &mut route.snr_back) };
        let (_, relays) = copy.path.split_last().unwrap_or((&(copy.node, copy.snr), &[]));
        nodes.extend(relays.iter().map(|&(relay, _)| self.nodes[relay].id.number()));
        snrs.extend(copy.path.iter().map(|&(_, snr)| noise::whole(snr * 4.0)));
        data.payload = route.encode_to_vec();
        packet
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
