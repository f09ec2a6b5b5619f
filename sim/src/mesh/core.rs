//! The mesh without its clock and sockets: what is due, who hears it, and what each radio makes of it.
//!
//! Driven by monotonic time, so that a test can run a day in a moment; all that happens follows from the seed and the start.

use crate::{
    Config, Person,
    ids::PacketIds,
    lora::Pace,
    mesh::{
        air::Air,
        log::OnAir,
        people::Inbox,
        station::{self, Topic, Voice},
        trouble::Trouble,
    },
    noise,
    radio::config::HOP_LIMIT,
    region::{self, Kind, Node},
    weather::Weather,
};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::proto::{
    self,
    mesh_packet::{PayloadVariant, Priority},
    telemetry::Variant,
};
use std::{collections::BTreeMap, time::Duration};

/// How often a radio tells its client about itself.
const OWN_TELEMETRY: Duration = Duration::from_mins(1);

const STREAM_PHASE: u64 = 71;

/// The topics that nodes speak on by themselves, and how many intervals lie between two of each.
const TOPICS: [(Topic, u32); 6] =
    [(Topic::Environment, 1), (Topic::AirQuality, 1), (Topic::Power, 2), (Topic::Device, 2), (Topic::Position, 8), (Topic::User, 12)];

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
}

/// The mesh.
pub(crate) struct Core {
    pub(crate) nodes: Vec<Node>,
    pub(crate) voice: Voice,
    pub(crate) radios: usize,
    pub(crate) pace: Pace,
    clock_set: bool,
    pub(crate) air: Air,
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
        let mut nodes = region::nodes(config.seed, config.listen.len());
        nodes.extend(region::people(&config.people));
        let salt = noise::hash(config.seed, &[start.as_micros().unsigned_abs()]);
        let mut core = Self {
            voice: Voice { seed: config.seed, weather: Weather::new(config.seed) },
            radios: nodes.iter().filter(|node| node.kind == Kind::Bridge).count(),
            pace: Pace::new(config.speed),
            clock_set: config.clock_set,
            air: Air::over(config.seed, &nodes),
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
            let topics = TOPICS.iter().filter_map(|&(topic, times)| Some((topic, config.interval? * times)));
            let text = config.chat_every.filter(|_| person.is_some()).map(|every| (Topic::Text, every));
            for (topic, every) in topics.chain(text) {
                if core.voice.say(&core.nodes[node], topic, start).is_some() {
                    let first = if topic == Topic::Text { every } else { config.interval.unwrap_or(every) };
                    let phase = noise::unit(core.salt, &[STREAM_PHASE, node as u64, topic as u64]);
                    core.schedule(Uptime(first.mul_f64(phase)), Event::Speak { node, topic, every });
                }
            }
        }
        if config.interval.is_some() {
            for radio in 0..core.radios {
                let phase = noise::unit(core.salt, &[STREAM_PHASE, radio as u64]);
                core.schedule(Uptime(OWN_TELEMETRY.mul_f64(phase)), Event::OwnTelemetry { radio });
            }
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
                    if let Some(data) = self.voice.say(&self.nodes[node], topic, at) {
                        let packet = self.packet(node, NodeId::BROADCAST, PayloadVariant::Decoded(data));
                        self.transmit(node, &packet, Reach::Air, due);
                    }
                    let uneven = noise::between(self.salt, &[STREAM_PHASE, self.scheduled], 0.95, 1.05);
                    self.schedule(due.plus(every.mul_f64(uneven)), Event::Speak { node, topic, every });
                }
                Event::Transmit { on_air } => passed.on_air.push(OnAir { at, ..*on_air }),
                Event::Arrive { node, packet } => passed.arrivals.extend(self.arrive(node, *packet, due, at)),
                Event::Send { node, packet, lost } => self.send(node, &packet, lost, due),
                Event::OwnTelemetry { radio } => {
                    let own = self.own_telemetry(radio, at).map(|packet| Arrival { radio, what: Happening::Own(packet) });
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

    fn own_telemetry(&mut self, radio: usize, at: Timestamp) -> impl Iterator<Item = proto::MeshPacket> + use<> {
        let device = self.voice.device(&self.nodes[radio], at);
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

    pub(crate) fn schedule(&mut self, due: Uptime, event: Event) {
        self.scheduled += 1;
        self.due.insert((due, self.scheduled), event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::DAY;
    use kosmo_meshtastic::Message as _;
    use std::collections::BTreeSet;

    fn start() -> Timestamp {
        "2026-04-12T15:30:00Z".parse().unwrap()
    }

    fn config() -> Config {
        Config { interval: Some(Duration::from_mins(15)), chat_every: Some(Duration::from_hours(1)), ..Config::default() }
    }

    fn a_day(config: &Config, step: Duration) -> Vec<Arrival> {
        let mut core = Core::new(config, start());
        let mut arrivals = Vec::new();
        let mut now = Uptime::default();
        while now <= Uptime(DAY) {
            arrivals.extend(core.advance(now, start().plus(now.0)).arrivals);
            now = now.plus(step);
        }
        arrivals
    }

    fn heard(arrivals: &[Arrival]) -> Vec<&proto::MeshPacket> {
        let packets = arrivals.iter().filter_map(|arrival| match &arrival.what {
            Happening::Heard(packet) => Some(packet),
            Happening::Own(_) => None,
        });
        packets.collect()
    }

    fn data(packet: &proto::MeshPacket) -> &proto::Data {
        let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { panic!("not decoded") };
        data
    }

    #[test]
    fn a_day_is_the_same_however_it_is_stepped_through() {
        let arrivals = a_day(&config(), Duration::from_secs(7));
        assert_eq!(arrivals, a_day(&config(), Duration::from_hours(1)));
        assert_ne!(arrivals, a_day(&Config { seed: 2, ..config() }, Duration::from_hours(1)));
    }

    #[test]
    fn nodes_speak_like_firmware_within_its_limits() {
        let arrivals = a_day(&config(), Duration::from_mins(1));
        let mut ports = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for packet in heard(&arrivals) {
            let data = data(packet);
            ports.insert(data.portnum);
            ids.insert((packet.from, packet.id));
            assert!(packet.id != 0 && packet.from != 0 && data.payload.len() <= 233);
            assert!(packet.hop_limit <= packet.hop_start && packet.hop_start == HOP_LIMIT);
            assert!(packet.rx_snr >= -17.5 && packet.rx_rssi < -20 && packet.rx_time > 1_700_000_000);
            let straight = packet.hop_limit == packet.hop_start;
            assert!(!straight || packet.relay_node == packet.from & 0xff);
        }
        assert_eq!(ports, BTreeSet::from([1, 3, 4, 67]));
        assert!(ids.len() < heard(&arrivals).len(), "no packet reached both radios");
        let own = arrivals.iter().filter(|arrival| matches!(arrival.what, Happening::Own(_)) && arrival.radio == 0).count();
        assert!((2_878..=2_884).contains(&own), "{own}");
    }

    #[test]
    fn most_of_what_stations_send_reaches_a_bridge() {
        let arrivals = a_day(&config(), Duration::from_mins(10));
        let core = Core::new(&config(), start());
        let readings = |node: &Node| {
            let of_node = heard(&arrivals).into_iter().filter(|packet| packet.from == node.id.number());
            let environment = of_node.filter(|packet| {
                proto::Telemetry::decode(&data(packet).payload[..])
                    .is_ok_and(|telemetry| data(packet).portnum == 67 && matches!(telemetry.variant, Some(Variant::EnvironmentMetrics(_))))
            });
            environment.map(|packet| packet.id).collect::<BTreeSet<_>>().len()
        };
        for node in core.nodes.iter().filter(|node| matches!(node.kind, Kind::Station(_))) {
            let heard = readings(node);
            assert!((60..=100).contains(&heard), "{heard} of 96 readings of {}", node.long_name);
        }
    }

    #[test]
    fn a_packet_for_one_radio_reaches_no_other_client() {
        let mut core = Core::new(&Config { interval: None, chat_every: None, ..config() }, start());
        let (sender, to) = (5, core.nodes[1].id);
        let text = station::data(proto::PortNum::TextMessageApp, b"hello".to_vec());
        let packet = core.packet(sender, to, PayloadVariant::Decoded(text));
        core.transmit(sender, &packet, Reach::EveryRadio, Uptime::default());
        let arrivals = core.advance(Uptime::default(), start()).arrivals;
        assert_eq!(arrivals.iter().map(|arrival| arrival.radio).collect::<Vec<_>>(), [1]);
        assert_eq!(core.next_due(), None);
    }

    #[test]
    fn a_radio_without_time_stamps_none() {
        let arrivals = a_day(&Config { clock_set: false, ..config() }, Duration::from_mins(10));
        assert!(heard(&arrivals).iter().all(|packet| packet.rx_time == 0));
    }
}
