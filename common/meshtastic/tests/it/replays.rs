//! Packets told twice: by radios that replay what they remember, and after reconnects.

use crate::fixtures::{Client, from_radio, recording};
use kosmo_domain::Timestamp;
use kosmo_meshtastic::{
    Message as _,
    proto::{self, from_radio::PayloadVariant},
    session::{Event, Input},
};

const HEARD: u32 = 1_795_200_000;

fn packet(id: u32, port: u32, rx_time: u32) -> proto::MeshPacket {
    let data = proto::Data { portnum: port.cast_signed(), ..Default::default() };
    proto::MeshPacket {
        from: 99,
        to: u32::MAX,
        id,
        rx_time,
        transport_mechanism: 1,
        payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)),
        ..Default::default()
    }
}

fn told(client: &mut Client, packet: proto::MeshPacket) -> Option<bool> {
    client.receive(&from_radio(PayloadVariant::Packet(packet)));
    match &client.take_events()[..] {
        [] => None,
        [Event::Packet(packet)] => Some(packet.replayed),
        other => panic!("{other:?} came of one packet"),
    }
}

/// Plays the handshake of a radio with this firmware, which last heard node 99 at [`HEARD`].
fn handshake(client: &mut Client, firmware: &str) {
    client.connect();
    let nonce = client.take_written().into_iter().find_map(|asked| match asked {
        proto::to_radio::PayloadVariant::WantConfigId(nonce) => Some(nonce),
        _ => None,
    });
    let parts = [
        PayloadVariant::MyInfo(proto::MyNodeInfo { my_node_num: 77, ..Default::default() }),
        PayloadVariant::Metadata(proto::DeviceMetadata { firmware_version: firmware.to_owned(), ..Default::default() }),
        PayloadVariant::NodeInfo(proto::NodeInfo { num: 99, last_heard: HEARD, ..Default::default() }),
        PayloadVariant::ConfigCompleteId(nonce.unwrap()),
    ];
    client.receive(&parts.map(from_radio).concat());
    client.configured();
}

#[test]
fn what_is_told_again_after_a_reconnect_is_told_once() {
    let mut client = Client::new(5);
    handshake(&mut client, "2.8.0");
    assert_eq!(told(&mut client, packet(1, 67, HEARD)), Some(true));
    client.input(Input::Disconnected);
    handshake(&mut client, "2.8.0");
    assert_eq!(told(&mut client, packet(1, 67, HEARD)), None);
    assert_eq!(client.session.dropped().duplicates, 1);
    assert_eq!(told(&mut client, proto::MeshPacket { from: 98, ..packet(1, 67, HEARD) }), Some(false), "another sender's");
}

#[test]
fn packets_without_an_id_are_all_told() {
    let mut client = Client::ready();
    for _ in 0..2 {
        assert_eq!(told(&mut client, packet(0, 67, 0)), Some(false));
    }
}

#[test]
fn a_replay_is_known_by_the_time_it_was_heard() {
    let mut client = Client::new(5);
    handshake(&mut client, "2.8.0.abcdef");
    let cases = [
        (packet(1, 3, HEARD - 600), true),
        (packet(2, 67, HEARD), true),
        (packet(3, 67, HEARD + 1), false),
        (packet(4, 67, 0), false),
        (packet(5, 1, HEARD), false),
        (proto::MeshPacket { to: 77, ..packet(6, 67, HEARD) }, false),
        (proto::MeshPacket { from: 98, ..packet(7, 67, HEARD) }, false),
        (proto::MeshPacket { transport_mechanism: 5, ..packet(8, 67, HEARD) }, false),
    ];
    for (packet, expect) in cases {
        let id = packet.id;
        assert_eq!(told(&mut client, packet), Some(expect), "packet {id}");
    }
    // Firmware before 2.8 replays nothing: this one waited in the radio.
    handshake(&mut client, "2.7.26.54e0d8d");
    assert_eq!(told(&mut client, packet(9, 67, HEARD)), Some(false));
}

#[test]
fn a_replay_keeps_its_time() {
    let mut client = Client::new(5);
    handshake(&mut client, "2.8.0");
    client.receive(&from_radio(PayloadVariant::Packet(packet(1, 3, HEARD - 600))));
    let [Event::Packet(packet)] = &client.events[..] else { panic!("one packet") };
    assert_eq!(packet.rx_time, Some(Timestamp::from_unix_seconds(HEARD - 600)));
}

#[test]
fn the_simulated_air_does_not_shadow_the_packet_it_wraps() {
    let mut client = Client::ready();
    assert_eq!(told(&mut client, packet(1, 69, 0)), Some(false));
    assert_eq!(told(&mut client, packet(1, 1, 0)), Some(false));
    assert_eq!(told(&mut client, packet(1, 69, 0)), Some(false));
    assert_eq!(told(&mut client, packet(1, 1, 0)), None);
}

#[test]
fn a_sender_that_no_node_can_be_is_refused_with_its_packet() {
    let mut client = Client::ready();
    for from in [0, 1, 3, u32::MAX] {
        let packet = proto::MeshPacket { from, ..packet(1, 67, 0) };
        let raw = proto::FromRadio { id: 0, payload_variant: Some(PayloadVariant::Packet(packet.clone())) }.encode_to_vec();
        client.receive(&from_radio(PayloadVariant::Packet(packet)));
        let [Event::Refused(refused)] = &client.take_events()[..] else { panic!("refused") };
        assert_eq!((refused.reason.name(), &refused.raw), ("reserved_sender", &raw));
    }
    assert_eq!(client.session.dropped().reserved_senders, 4);
}

#[test]
fn a_whole_recording_told_twice_is_told_once() {
    let recording = recording("b_text_received_with_rx_time");
    let mut client = Client::asking(recording.nonce());
    client.receive(recording.sent);
    let packets =
        |events: Vec<Event>| events.into_iter().filter(|event| matches!(event, Event::Packet(packet) if packet.port != 69)).count();
    assert_eq!(packets(client.take_events()), 5);
    client.connect();
    client.receive(recording.sent);
    assert_eq!(packets(client.take_events()), 0);
}
