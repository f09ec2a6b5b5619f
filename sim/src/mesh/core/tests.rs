//! The mesh, a day at a time.

use super::*;
use kosmo_domain::DAY;
use kosmo_meshtastic::{Message as _, proto::telemetry::Variant};
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
        Happening::Own(_) | Happening::Done(_) | Happening::NewKeys(..) | Happening::NewNumber(_) => None,
    });
    packets.collect()
}

fn data(packet: &proto::MeshPacket) -> &proto::Data {
    let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { panic!("not decoded") };
    data
}

#[test]
fn a_day_is_the_same_however_it_is_stepped_through() {
    let arrivals = a_day(&config(), Duration::from_secs(8));
    assert!(arrivals == a_day(&config(), Duration::from_hours(1)), "the days differ");
    assert!(arrivals != a_day(&Config { seed: 2, ..config() }, Duration::from_hours(1)), "another seed gives the same day");
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
    assert_eq!(ports, BTreeSet::from([1, 3, 4, 8, 67, 70, 71]));
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
