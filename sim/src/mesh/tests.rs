//! What becomes of a text on its way over the mesh, as the sender's client, the air and the addressee see it.

use crate::{
    Config, Person,
    mesh::{OnAir, Shared, Shown},
    radio::{Moment, Outgoing, server::held},
    region,
};
use kosmo_domain::{ManualClock, NodeId, Timestamp, Uptime};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum,
        mesh_packet::{PayloadVariant, TransportMechanism},
        to_radio::PayloadVariant as Asked,
    },
    stream,
};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};

/// A mesh without sockets, and a client at each of its radios.
struct Stage {
    shared: Shared,
    now: Duration,
    clients: Vec<u64>,
}

/// Something that a client was told, in words, and when.
type Told = (f64, String);

impl Stage {
    fn new(people: &[Person], change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            listen: vec![(Ipv4Addr::LOCALHOST, 0).into(); 2],
            interval: None,
            chat_every: None,
            people: people.to_vec(),
            record: true,
            ..Config::default()
        };
        change(&mut config);
        let shared = Shared::new(&config, Arc::new(ManualClock::at(start())));
        let stage =
            Self { clients: shared.ports.iter().map(|port| port.with(crate::radio::Radio::attach)).collect(), shared, now: Duration::ZERO };
        for radio in 0..stage.clients.len() {
            stage.ask(radio, Asked::WantConfigId(7));
            stage.said(radio);
        }
        stage
    }

    fn ask(&self, radio: usize, asked: Asked) {
        let frame = stream::encode(&proto::ToRadio { payload_variant: Some(asked) }.encode_to_vec()).unwrap();
        let moment = Moment { at: Uptime(self.now), stamp: 0 };
        self.shared.ports[radio].with(|on| on.receive(self.clients[radio], &frame, moment));
    }

    /// Returns the packets that a client was told since it was last asked.
    fn said(&self, radio: usize) -> Vec<proto::MeshPacket> {
        let next = || self.shared.ports[radio].with(|on| on.next(self.clients[radio]));
        let packets = std::iter::from_fn(next).filter_map(|next| match next {
            Outgoing::Frame { packet, .. } => packet.map(|packet| *packet),
            Outgoing::Raw(_) => None,
        });
        packets.collect()
    }

    fn write(&self, radio: usize, to: NodeId, id: u32) {
        let data = proto::Data { portnum: PortNum::TextMessageApp.into(), payload: b"ana: hello".to_vec(), ..Default::default() };
        let packet = proto::MeshPacket {
            from: self.number(radio),
            to: to.number(),
            id,
            want_ack: true,
            hop_limit: 3,
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        };
        self.ask(radio, Asked::Packet(packet));
    }

    /// Lets time pass, and returns what a client was told in it about a packet and by whom.
    fn wait(&mut self, radio: usize, seconds: f64, id: u32, to: NodeId) -> Vec<Told> {
        let end = self.now + Duration::from_secs_f64(seconds);
        let mut told = Vec::new();
        loop {
            let next = self.shared.advance(Uptime(self.now), start().plus(self.now));
            let own = self.number(radio);
            let words = self.said(radio).into_iter().filter_map(|packet| words(&packet, own, to.number(), id));
            told.extend(words.map(|words| (self.now.as_secs_f64(), words)));
            match next.filter(|next| next.0 <= end) {
                Some(next) => self.now = next.0,
                None => break,
            }
        }
        self.now = end;
        told
    }

    fn number(&self, radio: usize) -> u32 {
        held(&self.shared.core).nodes[radio].id.number()
    }

    fn shown(&self, person: NodeId) -> Vec<Shown> {
        let core = held(&self.shared.core);
        core.inboxes[core.index_of(person.number()).unwrap()].shown.iter().cloned().collect()
    }

    /// Returns the transmissions of a packet.
    fn on_air(&self, id: u32) -> Vec<OnAir> {
        held(self.shared.air_log.as_ref().unwrap()).iter().filter(|on_air| on_air.id.0 == id).cloned().collect()
    }
}

/// Says what a packet says about another one, if it says something of it.
fn words(packet: &proto::MeshPacket, own: u32, to: u32, id: u32) -> Option<String> {
    let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return None };
    let by = if packet.from == own {
        "radio"
    } else if packet.from == to {
        "addressee"
    } else {
        "stranger"
    };
    let mqtt = packet.via_mqtt || packet.transport_mechanism == i32::from(TransportMechanism::TransportMqtt);
    let way = if mqtt { " by MQTT" } else { "" };
    if data.portnum == i32::from(PortNum::TextMessageApp) {
        assert_eq!(data.reply_id, id);
        return Some(format!("{by} answers{way}"));
    }
    assert!(packet.to == own && data.portnum == i32::from(PortNum::RoutingApp), "{packet:?}");
    let [0x18, error] = data.payload[..] else { panic!("{data:?}") };
    let about = if data.request_id == id { "" } else { " another" };
    Some(if error == 0 { format!("{by} acks{about}{way}") } else { format!("{by} refuses{about} {error}") })
}

fn start() -> Timestamp {
    "2026-04-12T15:30:00Z".parse().unwrap()
}

fn all(told: &[Told]) -> Vec<&str> {
    told.iter().map(|(_, words)| words.as_str()).collect()
}

/// What a client is told in ten minutes after a text to each kind of person, and how often they were shown it.
const FATES: [(Person, &[&str], usize); 16] = [
    (Person::Answers, &["addressee acks", "addressee answers"], 1),
    (Person::Silent, &["addressee acks"], 1),
    (Person::Off, &["radio refuses 5"], 0),
    (Person::BehindRelay, &["radio acks", "addressee acks"], 1),
    (Person::OffBehindRelay, &["radio acks"], 0),
    (Person::Refuses, &["addressee refuses 6"], 0),
    (Person::RefusesKey, &["addressee refuses 35"], 0),
    (Person::LateAck, &["radio refuses 5", "addressee acks"], 1),
    (Person::LateAnswer, &["radio refuses 5", "addressee answers"], 1),
    (Person::Faint, &["addressee acks"], 1),
    (Person::AckedByAnother, &["stranger acks"], 0),
    (Person::AckedOverMqtt, &["addressee acks by MQTT", "addressee acks by MQTT"], 0),
    (Person::AckReplayed, &["addressee acks"], 1),
    (Person::EchoedOverMqtt, &["radio acks by MQTT", "radio refuses 5"], 0),
    (Person::NoKey, &["radio refuses 39"], 0),
    (Person::Forger, &["addressee acks"], 1),
];

fn check_fates(seed: u64, times_faster: u32) {
    let pace = f64::from(times_faster);
    for (kind, told, shown) in FATES {
        for radio in 0..2 {
            let mut stage = Stage::new(&Person::ALL, |config| (config.seed, config.speed) = (seed, times_faster));
            let person = region::person(kind);
            stage.write(radio, person, 900);
            assert_eq!(all(&stage.wait(radio, 600.0 / pace, 900, person)), told, "{kind:?} from radio {radio}, seed {seed}");
            let texts = stage.shown(person);
            assert_eq!(texts.len(), shown, "{kind:?}");
            assert!(texts.iter().all(|text| text.from.number() == stage.number(radio) && text.id.0 == 900 && text.text == "ana: hello"));
            assert!(texts.iter().all(|text| text.direct && text.reply_to.is_none()));
        }
    }
}

#[test]
fn each_kind_of_person_has_its_fate() {
    check_fates(1, 1);
    check_fates(2, 1);
}

#[test]
fn at_twentyfold_speed_it_is_the_same() {
    check_fates(1, 20);
}

#[test]
fn failures_and_what_comes_late_take_their_time_whatever_the_speed() {
    for speed in [1.0, 20.0] {
        for kind in [Person::LateAck, Person::LateAnswer] {
            let mut stage = Stage::new(&[kind], |config| config.speed = if speed > 1.0 { 20 } else { 1 });
            let person = region::person(kind);
            stage.write(0, person, 900);
            let told = stage.wait(0, 600.0 / speed, 900, person);
            let [failed, late] = [0, 1].map(|index| told[index].0 * speed);
            assert!((21.0..23.5).contains(&failed) && (180.0..200.0).contains(&(late - failed)), "{told:?}");
            assert_eq!(stage.on_air(900).len(), 3);
        }
    }
}

#[test]
fn a_lost_acknowledgement_brings_the_text_again_and_nobody_is_shown_it_twice() {
    let mut stage = Stage::new(&[Person::Faint], |_| {});
    let person = region::person(Person::Faint);
    stage.write(0, person, 900);
    let told = stage.wait(0, 60.0, 900, person);
    assert!(told.len() == 1 && told[0].0 > 7.0, "{told:?}");
    assert!(stage.on_air(900).len() == 2 && stage.shown(person).len() == 1);
    // The radio acknowledges the acknowledgement that it got.
    let acks: Vec<_> = held(stage.shared.air_log.as_ref().unwrap()).iter().filter(|on_air| on_air.port == 5).cloned().collect();
    assert_eq!(acks.iter().map(|ack| ack.from == person).collect::<Vec<_>>(), [true, true, false]);
    let radio = NodeId::from_number(stage.number(0));
    assert_eq!(acks.iter().map(|ack| ack.hearers.contains(&radio)).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn the_same_packet_handed_over_again_within_ten_minutes_is_not_shown_again() {
    let mut stage = Stage::new(&[Person::Silent], |_| {});
    let person = region::person(Person::Silent);
    for (pause, shown) in [(1.0, 1), (240.0, 1), (590.0, 2)] {
        stage.wait(0, pause, 900, person);
        // On a new connection, for on the same one the radio ignores it.
        stage.clients[0] = stage.shared.ports[0].with(crate::radio::Radio::attach);
        stage.ask(0, Asked::WantConfigId(7));
        stage.said(0);
        stage.write(0, person, 900);
        assert_eq!(all(&stage.wait(0, 5.0, 900, person)), ["addressee acks"]);
        assert_eq!(stage.shown(person).len(), shown, "after {pause} s");
    }
}

#[test]
fn one_text_through_two_radios_is_shown_twice_for_it_has_two_senders() {
    let mut stage = Stage::new(&[], |_| {});
    for radio in 0..2 {
        stage.write(radio, region::LENA, 900);
        stage.wait(radio, 10.0, 900, region::LENA);
    }
    let shown = stage.shown(region::LENA);
    assert_eq!(shown.iter().map(|shown| shown.from.number()).collect::<Vec<_>>(), [stage.number(0), stage.number(1)]);
    assert!(shown[0].at < shown[1].at);
}

#[test]
fn a_forger_who_repeats_an_old_acknowledgement_confirms_nothing_new() {
    let mut stage = Stage::new(&[Person::AckReplayed, Person::Forger], |_| {});
    let person = region::person(Person::AckReplayed);
    stage.write(0, person, 900);
    assert_eq!(all(&stage.wait(0, 60.0, 900, person)), ["addressee acks"]);
    stage.write(0, person, 901);
    assert_eq!(all(&stage.wait(0, 60.0, 901, person)), ["addressee acks another", "radio refuses 5"]);
    assert_eq!(stage.shown(person).len(), 1);
    let forger = region::person(Person::Forger);
    let log = held(stage.shared.air_log.as_ref().unwrap());
    assert!(log.iter().any(|on_air| on_air.sender == forger && on_air.from == person && on_air.about.is_some_and(|about| about.0 == 900)));
}

#[test]
fn the_air_log_tells_who_sent_what_and_who_heard_it() {
    let mut stage = Stage::new(&[Person::BehindRelay], |_| {});
    let person = region::person(Person::BehindRelay);
    stage.write(0, person, 900);
    let told = stage.wait(0, 60.0, 900, person);
    assert!(told[0].0 < told[1].0);
    let [first, second] = &stage.on_air(900)[..] else { panic!("a transmission and a relay's") };
    let radio = NodeId::from_number(stage.number(0));
    assert_eq!((first.sender, first.from, first.to, first.port, first.hop), (radio, radio, person, 1, 0));
    assert!(second.hop == 1 && second.from == radio && first.hearers.contains(&second.sender) && !first.hearers.contains(&person));
    assert!(second.hearers.contains(&person) && second.hearers.contains(&radio) && second.at > first.at && first.at > start());
}

#[test]
fn a_broadcast_is_acknowledged_by_relays_alone_and_shown_to_whoever_hears_it() {
    let mut stage = Stage::new(&Person::ALL, |_| {});
    stage.write(0, NodeId::BROADCAST, 900);
    let told = stage.wait(0, 120.0, 900, NodeId::BROADCAST);
    assert_eq!(all(&told), ["radio acks"]);
    let [heard] = &stage.said(1)[..] else { panic!("the other radio hears it once") };
    assert!(heard.id == 900 && !heard.want_ack, "nobody is asked to acknowledge what is for everybody");
    let core = held(&stage.shared.core);
    let shown: Vec<_> = core.inboxes.iter().map(|inbox| inbox.shown.len()).collect();
    assert!(shown.iter().all(|&count| count <= 1) && shown.iter().sum::<usize>() > 3, "{shown:?}");
    assert!(core.inboxes.iter().flat_map(|inbox| &inbox.shown).all(|shown| !shown.direct));
}

#[test]
fn an_acknowledgement_by_the_addressee_has_the_recorded_fields() {
    // Recorded: from, to, decoded (port, payload, request_id, bitfield), id, rx_snr, hop_limit, want_ack, priority, rx_rssi,
    // hop_start, relay_node, transport_mechanism.
    let mut stage = Stage::new(&[Person::Silent], |config| config.clock_set = false);
    let person = region::person(Person::Silent);
    stage.write(0, person, 0x4736_df19);
    while stage.on_air(0x4736_df19).is_empty() {
        stage.now += Duration::from_millis(100);
        stage.shared.advance(Uptime(stage.now), start());
    }
    stage.now += Duration::from_secs(4);
    stage.shared.advance(Uptime(stage.now), start());
    let ack = stage.said(0).remove(0);
    let data = proto::Data {
        portnum: PortNum::RoutingApp.into(),
        payload: vec![0x18, 0],
        request_id: 0x4736_df19,
        bitfield: Some(1),
        ..Default::default()
    };
    let expected = proto::MeshPacket {
        from: person.number(),
        to: stage.number(0),
        id: ack.id,
        rx_snr: ack.rx_snr,
        rx_rssi: ack.rx_rssi,
        hop_limit: 2,
        hop_start: 2,
        want_ack: true,
        priority: proto::mesh_packet::Priority::Ack.into(),
        relay_node: person.number() & 0xff,
        transport_mechanism: TransportMechanism::TransportLora.into(),
        payload_variant: Some(PayloadVariant::Decoded(data)),
        ..Default::default()
    };
    assert_eq!(ack, expected);
    assert!(ack.id != 0 && ack.rx_rssi < 0);
}

#[test]
fn two_dozen_texts_arrive_in_their_order() {
    let mut stage = Stage::new(&[], |_| {});
    for id in 1..=24 {
        stage.write(1, region::LENA, id);
        let end = stage.now + Duration::from_millis(2_500);
        while stage.now < end {
            stage.now += Duration::from_millis(50);
            stage.shared.advance(Uptime(stage.now), start().plus(stage.now));
        }
    }
    stage.now += Duration::from_mins(1);
    stage.shared.advance(Uptime(stage.now), start().plus(stage.now));
    let ids: Vec<_> = stage.shown(region::LENA).iter().map(|shown| shown.id.0).collect();
    assert_eq!(ids, (1..=24).collect::<Vec<_>>());
}

#[test]
fn a_station_acknowledges_what_is_sent_to_it_and_shows_it_to_nobody() {
    let mut acknowledged = 0;
    for id in 900..905 {
        let mut stage = Stage::new(&[], |_| {});
        let station = held(&stage.shared.core).nodes.iter().find(|node| node.short_name == "TRIE").unwrap().id;
        stage.write(0, station, id);
        let told = stage.wait(0, 60.0, id, station);
        acknowledged += usize::from(all(&told).contains(&"addressee acks"));
        assert!(stage.shown(station).is_empty());
    }
    assert!(acknowledged > 0);
}
