//! What people and their radios make of a packet for them, and what a forger makes of packets for others.

use crate::{
    ids::Seen,
    mesh::{
        core::{Core, Event, Reach},
        log::Shown,
        station::{self, Topic},
    },
    person::Person,
    radio::{
        config::HOP_LIMIT,
        requests::{Answers, answer},
        routing::routing_payload,
    },
    region::{self, Kind},
};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum,
        mesh_packet::{PayloadVariant, TransportMechanism},
        routing::Error,
        telemetry::Variant,
    },
};
use std::{collections::VecDeque, time::Duration};

/// The texts that are remembered of those somebody was shown.
const SHOWN: usize = 5_000;
/// How long a radio takes to acknowledge.
const BEFORE_ACK: Duration = Duration::from_millis(250);
/// How long a person takes to answer.
const BEFORE_ANSWER: Duration = Duration::from_secs(4);
/// Three minutes after the sender's radio gave up, which takes 22 to 30 seconds.
const LATE: Duration = Duration::from_secs(210);
/// How soon a forger is there.
const BEFORE_FORGERY: Duration = Duration::from_secs(2);

const ANSWERS: [&str; 4] =
    ["Danke, angekommen!", "Hier alles gut, wir sind oben an der Hütte.", "Merci, à bientôt 👋", "Verstanden. Melde mich später."];

/// What a node that no bridge attaches to remembers.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    seen: Seen,
    pub(crate) shown: VecDeque<Shown>,
    /// The packet it acknowledged, and how; for whom that is sent again.
    acknowledged: Option<(u32, proto::MeshPacket)>,
    /// The packets that a forger is done with.
    forged: Seen,
    answers: usize,
}

/// A node as it answers, at a moment.
struct Present<'a> {
    core: &'a Core,
    node: usize,
    at: Timestamp,
}

impl Answers for Present<'_> {
    fn user(&self) -> proto::User {
        self.core.voice.user(&self.core.nodes[self.node])
    }

    fn position(&self) -> Option<proto::Position> {
        Some(station::position(&self.core.nodes[self.node], self.at))
    }

    fn telemetry(&self, kind: Option<&Variant>) -> Option<proto::Telemetry> {
        let topic = match kind {
            None | Some(Variant::DeviceMetrics(_)) => Topic::Device,
            Some(Variant::EnvironmentMetrics(_)) => Topic::Environment,
            Some(Variant::AirQualityMetrics(_)) => Topic::AirQuality,
            Some(Variant::PowerMetrics(_)) => Topic::Power,
            Some(_) => return None,
        };
        let said = self.core.voice.say(&self.core.nodes[self.node], topic, self.at)?;
        proto::Telemetry::decode(&said.payload[..]).ok()
    }
}

impl Core {
    /// Lets a node react to a packet that reached it.
    pub(crate) fn react(&mut self, node: usize, packet: &proto::MeshPacket, due: Uptime, at: Timestamp) {
        let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return };
        let person = if let Kind::Person(person) = self.nodes[node].kind { Some(person) } else { None };
        let direct = packet.to == self.nodes[node].id.number();
        let wants_ack = direct && packet.want_ack;
        match person {
            Some(Person::Refuses) if wants_ack => self.refuse(node, packet, Error::NoChannel, due),
            Some(Person::RefusesKey) if wants_ack => self.refuse(node, packet, Error::PkiUnknownPubkey, due),
            Some(Person::AckReplayed) if direct && self.answered_another(node, packet) => return,
            _ => {}
        }
        if matches!(person, Some(Person::Refuses | Person::RefusesKey)) && direct {
            return;
        }
        let pace = self.pace;
        let is_new = self.inboxes[node].seen.is_new(packet.from, packet.id, due, pace);
        let is_text = data.portnum == i32::from(PortNum::TextMessageApp);
        if is_new && is_text && person.is_some() {
            self.show(node, packet, data, direct, at);
        }
        if wants_ack {
            match person {
                Some(Person::LateAck) if is_new => self.acknowledge(node, packet, LATE, false, due),
                Some(Person::LateAck | Person::LateAnswer) => {}
                Some(Person::Faint) => self.acknowledge(node, packet, BEFORE_ACK, is_new, due),
                _ => self.acknowledge(node, packet, BEFORE_ACK, false, due),
            }
        }
        if is_new && direct {
            self.tell(node, packet, data, due, at);
        }
        if is_new && is_text && direct {
            match person {
                Some(Person::Answers) => self.answer(node, packet, BEFORE_ANSWER, due),
                Some(Person::LateAnswer) => self.answer(node, packet, LATE, due),
                _ => {}
            }
        }
    }

    /// Lets the forger do what the addressee's kind calls for, once for each packet.
    pub(crate) fn tempt_forger(&mut self, sender: usize, packet: &proto::MeshPacket, now: Uptime) {
        let Some((to, person)) = self.addressee(packet).filter(|_| packet.want_ack && sender < self.radios) else { return };
        let is_tempting = matches!(person, Person::AckedByAnother | Person::AckedOverMqtt | Person::AckReplayed | Person::EchoedOverMqtt);
        let pace = self.pace;
        if !is_tempting || !self.inboxes[to].forged.is_new(packet.from, packet.id, now, pace) {
            return;
        }
        let due = now.plus(self.pace.of(BEFORE_FORGERY));
        let forger = self.index_of(region::person(Person::Forger).number()).unwrap_or(to);
        let mqtt = i32::from(TransportMechanism::TransportMqtt);
        match person {
            Person::AckedByAnother => {
                let ack = self.outcome(forger, packet, Error::None);
                self.schedule(due, Event::Send { node: forger, packet: Box::new(ack), lost: false });
            }
            Person::AckedOverMqtt => {
                let ack = self.outcome(to, packet, Error::None);
                let by_gateway = proto::MeshPacket { via_mqtt: true, ..ack.clone() };
                self.schedule(due, Event::Send { node: forger, packet: Box::new(by_gateway), lost: false });
                let own = proto::MeshPacket { id: self.ids.next().0, via_mqtt: true, transport_mechanism: mqtt, ..ack };
                self.slip(sender, own, due);
            }
            Person::AckReplayed => {
                let old = self.inboxes[to].acknowledged.as_ref().filter(|(id, _)| *id != packet.id).map(|(_, ack)| ack.clone());
                if let Some(old) = old {
                    // With its old id the radio would know it again.
                    let again = proto::MeshPacket { id: self.ids.next().0, ..old };
                    self.schedule(due, Event::Send { node: forger, packet: Box::new(again), lost: false });
                }
            }
            Person::EchoedOverMqtt => self.slip(sender, proto::MeshPacket { transport_mechanism: mqtt, ..packet.clone() }, due),
            _ => {}
        }
    }

    /// Answers a request for what a node is, where it is, how it is, or the way to it.
    fn tell(&mut self, node: usize, packet: &proto::MeshPacket, data: &proto::Data, due: Uptime, at: Timestamp) {
        let Some(answer) = answer(&Present { core: self, node, at }, data) else { return };
        let answer = proto::Data { request_id: packet.id, ..answer };
        let answer = self.packet(node, NodeId::from_number(packet.from), PayloadVariant::Decoded(answer));
        self.schedule(due.plus(self.pace.of(BEFORE_ACK * 2)), Event::Send { node, packet: Box::new(answer), lost: false });
    }

    fn show(&mut self, node: usize, packet: &proto::MeshPacket, data: &proto::Data, direct: bool, at: Timestamp) {
        let shown = &mut self.inboxes[node].shown;
        if shown.len() == SHOWN {
            shown.pop_front();
        }
        shown.push_back(Shown {
            at,
            from: NodeId::from_number(packet.from),
            id: PacketId(packet.id),
            direct,
            reply_to: Some(PacketId(data.reply_id)).filter(|id| id.is_given()),
            text: String::from_utf8_lossy(&data.payload).into_owned(),
        });
        self.shown += 1;
    }

    /// Tells whether somebody acknowledged another packet than this one before.
    fn answered_another(&self, node: usize, packet: &proto::MeshPacket) -> bool {
        self.inboxes[node].acknowledged.as_ref().is_some_and(|(id, _)| *id != packet.id)
    }

    fn acknowledge(&mut self, node: usize, packet: &proto::MeshPacket, after: Duration, lost: bool, now: Uptime) {
        let ack = self.outcome(node, packet, Error::None);
        self.inboxes[node].acknowledged = Some((packet.id, ack.clone()));
        self.schedule(now.plus(self.pace.of(after)), Event::Send { node, packet: Box::new(ack), lost });
    }

    fn refuse(&mut self, node: usize, packet: &proto::MeshPacket, error: Error, now: Uptime) {
        let refusal = proto::MeshPacket { want_ack: false, ..self.outcome(node, packet, error) };
        self.schedule(now.plus(self.pace.of(BEFORE_ACK)), Event::Send { node, packet: Box::new(refusal), lost: false });
    }

    fn answer(&mut self, node: usize, packet: &proto::MeshPacket, after: Duration, now: Uptime) {
        let inbox = &mut self.inboxes[node];
        let line = ANSWERS[inbox.answers % ANSWERS.len()];
        inbox.answers += 1;
        let data = station::data(PortNum::TextMessageApp, line.as_bytes().to_vec());
        let data = proto::Data { reply_id: packet.id, ..data };
        let answer = self.packet(node, NodeId::from_number(packet.from), PayloadVariant::Decoded(data));
        let public_key = self.voice.public_key(&self.nodes[node]).to_vec();
        let answer = proto::MeshPacket { want_ack: true, pki_encrypted: true, public_key, ..answer };
        self.schedule(now.plus(self.pace.of(after)), Event::Send { node, packet: Box::new(answer), lost: false });
    }

    /// Returns what a node says has become of a packet.
    fn outcome(&mut self, node: usize, about: &proto::MeshPacket, error: Error) -> proto::MeshPacket {
        let data = proto::Data { request_id: about.id, ..station::data(PortNum::RoutingApp, routing_payload(error)) };
        let packet = self.packet(node, NodeId::from_number(about.from), PayloadVariant::Decoded(data));
        let hop_limit = (about.hop_start.saturating_sub(about.hop_limit) + 2).min(HOP_LIMIT);
        // The acknowledgement of a direct message is itself acknowledged.
        proto::MeshPacket { want_ack: true, hop_limit, hop_start: hop_limit, ..packet }
    }

    /// Puts on air what a node had in mind to send.
    pub(crate) fn send(&mut self, node: usize, packet: &proto::MeshPacket, lost: bool, now: Uptime) {
        self.carry(node, packet, Reach::Air, lost, now);
    }
}
