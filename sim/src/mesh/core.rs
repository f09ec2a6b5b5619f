//! The mesh without its clock and sockets: what is due, who hears it, and what each radio makes of it.
//!
//! Driven by monotonic time, so that a test can run a day in a moment; all that happens follows from the seed and the start.

use crate::{
    Config, Person,
    ids::PacketIds,
    lora::Pace,
    mesh::{
        air::Air,
        ether::{Ether, Turn},
        log::OnAir,
        people::Inbox,
        station::{self, Topic, Voice},
        trouble::Trouble,
    },
    noise,
    radio::config::HOP_LIMIT,
    region::{self, Kind, Node},
    scenario::{Act, Planned, RadioAct, Scenario},
    weather::Weather,
};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::proto::{self, mesh_packet::PayloadVariant};
use std::{collections::BTreeMap, time::Duration};

/// How often a radio tells its client about itself.
const OWN_TELEMETRY: Duration = Duration::from_mins(1);

const STREAM_PHASE: u64 = 71;

/// The topics that nodes speak on by themselves, and how many intervals lie between two of each.
const TOPICS: [(Topic, u32); 9] = [
    (Topic::Environment, 1),
    (Topic::AirQuality, 1),
    (Topic::Power, 2),
    (Topic::Device, 2),
    (Topic::Position, 8),
    (Topic::User, 12),
    (Topic::Neighbors, 10),
    (Topic::Trace, 4),
    (Topic::Waypoint, 6),
];

/// Who hears a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Whoever distance, fading and relays allow.
    Air,
    /// Every radio that a bridge can attach to, at once, straight from the sender.
    EveryRadio,
}

/// Something that a radio has to be told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) radio: usize,
    pub(crate) what: Happening,
}

/// What a radio has to be told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happening {
    /// A packet reached it.
    Heard(proto::MeshPacket),
    /// It says something about itself, to its client alone.
    Own(proto::MeshPacket),
    /// Something is done to it.
    Done(RadioAct),
    /// It was reset, and has these keys: public and private.
    NewKeys([u8; 32], [u8; 32]),
    /// It was updated, and has this number.
    NewNumber(u32),
}

/// What came of time passing.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) on_air: Vec<OnAir>,
}

pub(crate) enum Event {
    Speak { node: usize, topic: Topic, every: Duration },
    Transmit { on_air: Box<OnAir> },
    Arrive { node: usize, packet: Box<proto::MeshPacket> },
    Send { node: usize, packet: Box<proto::MeshPacket>, lost: bool },
    OwnTelemetry { radio: usize },
    Air(Turn),
    Act(usize),
}

/// The mesh.
pub(crate) struct Core {
    pub(crate) nodes: Vec<Node>,
    pub(crate) voice: Voice,
    pub(crate) radios: usize,
    pub(crate) pace: Pace,
    clock_set: bool,
    /// Whether what goes to and from people arrives without fail.
    pub(crate) sure_people: bool,
    pub(crate) crowded: bool,
    /// The most airtime in an hour, in percent.
    pub(crate) duty_limit: Option<f64>,
    pub(crate) ether: Ether,
    /// Receptions that came to nothing because others were sending.
    pub(crate) collisions: u64,
    /// What nodes had to say and did not, because the channel was busy or their airtime used up.
    pub(crate) withheld: u64,
    /// Packets that reached a radio with a bridge, counted at each.
    pub(crate) heard: u64,
    pub(crate) plan: Vec<Planned>,
    /// The numbers that nodes had before they were updated.
    pub(crate) formerly: BTreeMap<NodeId, usize>,
    /// Makes packet ids differ from one run to the next, as they do when real radios restart.
    pub(crate) salt: u64,
    pub(crate) ids: PacketIds,
    /// Packets that went on air.
    pub(crate) carried: u64,
    /// What each node remembers.
    pub(crate) inboxes: Vec<Inbox>,
    /// Texts that people were shown.
    pub(crate) shown: u64,
    due: BTreeMap<(Uptime, u64), Event>,
    scheduled: u64,
}

impl Core {
    /// Returns the mesh as it stands at `start`, everybody's first words due within an interval.
    pub(crate) fn new(config: &Config, start: Timestamp) -> Self {
        let scenario = config.scenario.as_ref();
        let nodes = scenario.map_or_else(
            || {
                let mut nodes = region::nodes(config.seed, config.listen.len());
                nodes.extend(region::people(&config.people));
                nodes
            },
            Scenario::nodes,
        );
        let salt = noise::hash(config.seed, &[start.as_micros().unsigned_abs()]);
        let crowded = scenario.is_some();
        let modem = config.modem();
        let pace = Pace::new(config.speed);
        let air = Air::over(config.seed, &nodes, modem, crowded);
        let mut core = Self {
            voice: Voice { seed: config.seed, weather: Weather::new(config.seed), longest_name: config.firmware.longest_name() },
            radios: nodes.iter().filter(|node| node.kind == Kind::Bridge).count(),
            pace,
            clock_set: config.clock_set,
            sure_people: scenario.is_none(),
            crowded,
            duty_limit: config.duty_limit(),
            ether: Ether::new(air, pace, salt, crowded, config.firmware.is_28(), nodes.iter().map(|node| node.role).collect()),
            collisions: 0,
            withheld: 0,
            heard: 0,
            plan: scenario.map_or_else(|| config.plan.clone(), Scenario::plan),
            formerly: BTreeMap::new(),
            salt,
            ids: PacketIds::new(salt),
            carried: 0,
            inboxes: nodes.iter().map(|_| Inbox::default()).collect(),
            shown: 0,
            due: BTreeMap::new(),
            scheduled: 0,
            nodes,
        };
        for node in 0..core.nodes.len() {
            let person = if let Kind::Person(person) = core.nodes[node].kind { Some(person) } else { None };
            // Whom no radio has the key of says nothing that would give it away.
            if person.is_some_and(|person| person.is_off() || person == Person::NoKey) {
                continue;
            }
            let interval = scenario.map_or(config.interval, |scenario| scenario.every(node));
            let topics = TOPICS.iter().filter_map(|&(topic, times)| Some((topic, interval? * times)));
            let text = config.chat_every.filter(|_| person.is_some()).map(|every| (Topic::Text, every));
            for (topic, every) in topics.chain(text) {
                if core.voice.say(&core.nodes[node], topic, start).is_some() {
                    let soon = if scenario.is_some() { every } else { interval.unwrap_or(every) };
                    let first = if topic == Topic::Text { every } else { soon };
                    let phase = noise::unit(core.salt, &[STREAM_PHASE, node as u64, topic as u64]);
                    core.schedule(Uptime(first.mul_f64(phase)), Event::Speak { node, topic, every });
                }
            }
        }
        if config.interval.is_some() || scenario.is_some() {
            for radio in 0..core.radios {
                let phase = noise::unit(core.salt, &[STREAM_PHASE, radio as u64]);
                core.schedule(Uptime(OWN_TELEMETRY.mul_f64(phase)), Event::OwnTelemetry { radio });
            }
        }
        for index in 0..core.plan.len() {
            core.schedule(Uptime(core.plan[index].at), Event::Act(index));
        }
        core
    }

    /// Returns when [`Core::advance`] has something to do next.
    pub(crate) fn next_due(&self) -> Option<Uptime> {
        self.due.first_key_value().map(|(&(due, _), _)| due)
    }

    /// Lets everything happen that is due by `now`, at which the time of day is `wall`.
    pub(crate) fn advance(&mut self, now: Uptime, wall: Timestamp) -> Passed {
        let mut passed = Passed::default();
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((due, _), event) = entry.remove_entry();
            let at = wall.minus(now.since(due));
            match event {
                Event::Speak { node, topic, every } => {
                    self.speak(node, topic, due, at);
                    let uneven = noise::between(self.salt, &[STREAM_PHASE, self.scheduled], 0.95, 1.05);
                    self.schedule(due.plus(every.mul_f64(uneven)), Event::Speak { node, topic, every });
                }
                Event::Air(turn) => passed.on_air.extend(self.take_turn(turn, due, at)),
                Event::Act(index) => passed.arrivals.extend(self.act(index, due, at)),
                Event::Transmit { on_air } => passed.on_air.push(OnAir { at, ..*on_air }),
                Event::Arrive { node, packet } => passed.arrivals.extend(self.arrive(node, *packet, due, at)),
                Event::Send { node, packet, lost } => self.send(node, &packet, lost, due),
                Event::OwnTelemetry { radio } => {
                    let own = self.own_telemetry(radio, due, at).map(|packet| Arrival { radio, what: Happening::Own(packet) });
                    passed.arrivals.extend(own);
                    self.schedule(due.plus(OWN_TELEMETRY), Event::OwnTelemetry { radio });
                }
            }
        }
        passed
    }

    /// Returns a packet of a node as its radio makes it, with an id of its own.
    pub(crate) fn packet(&mut self, node: usize, to: NodeId, payload: PayloadVariant) -> proto::MeshPacket {
        proto::MeshPacket {
            from: self.nodes[node].id.number(),
            to: to.number(),
            id: self.ids.next().0,
            hop_limit: HOP_LIMIT,
            hop_start: HOP_LIMIT,
            payload_variant: Some(payload),
            ..Default::default()
        }
    }

    /// Has something done that is not planned.
    pub(crate) fn do_now(&mut self, node: NodeId, act: Act, now: Uptime) {
        self.plan.push(Planned { at: now.0, node, act });
        self.schedule(now, Event::Act(self.plan.len() - 1));
    }

    /// Lets a node do something that no sound node does; every radio hears it.
    pub(crate) fn misbehave(&mut self, node: usize, trouble: Trouble, now: Uptime, at: Timestamp) -> PacketId {
        let payload = trouble.payload(&self.voice, &self.nodes[node], at);
        let mut packet = self.packet(node, NodeId::BROADCAST, payload);
        trouble.disguise(&mut packet);
        let id = PacketId(packet.id);
        self.transmit(node, &packet, Reach::EveryRadio, now);
        id
    }

    /// Returns a time as a radio stamps it: none while its clock was not set.
    pub(crate) fn radio_time(&self, at: Timestamp) -> u32 {
        if self.clock_set { station::seconds(at) } else { 0 }
    }

    pub(crate) fn schedule(&mut self, due: Uptime, event: Event) {
        self.scheduled += 1;
        self.due.insert((due, self.scheduled), event);
    }
}

#[cfg(test)]
mod tests;
