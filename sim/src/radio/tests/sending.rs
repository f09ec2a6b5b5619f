//! Sending, as a client sees it: what it is told at once, and what goes on air.

use super::{desk::*, *};
use kosmo_meshtastic::proto::mesh_packet::TransportMechanism;

const ERRORS: (&[u8], &[u8]) =
    (include_bytes!("../../../tests/fixtures/c_routing_errors.tx.bin"), include_bytes!("../../../tests/fixtures/c_routing_errors.rx.bin"));
const RATE_LIMIT: &str = "12 1e 0d 01 10 aa 4d 15 01 10 aa 4d 22 0b 08 05 12 02 18 26 35 12 00 55 55 35 8c 7e f4 b9 58 78";
const HEARTBEAT_ANSWER: &str = "5a 04 10 10 18 10";

#[test]
fn errors_of_sending_are_the_recorded_ones_in_the_same_order() {
    let mut desk = Desk::new();
    let own = desk.own();
    let asked = asked(ERRORS.0);
    let mut told = Vec::new();
    for packet in &asked[..2] {
        told.extend(desk.send(packet.clone()));
        assert!(desk.wait(6.0).is_empty(), "nothing of it goes on air");
    }
    // 24 texts in one breath: only the last two statuses find a place, and the queue is full of refusals that nobody gets,
    // for the client had not said who it is.
    let flood: Vec<u8> = asked[2..].iter().flat_map(|packet| frame_of(packet.clone())).collect();
    let now = desk.moment();
    desk.radio.receive(desk.client, &flood, now);
    told.extend(desk.told());
    let told: Vec<_> = told.into_iter().map(|said| as_recorded(said, own)).collect();
    assert_eq!(told, recorded(ERRORS.1));

    let on_air = desk.wait(0.5);
    assert_eq!(desk.told(), [Said::QueueStatus(status(0, 1, 0))], "there is room again");
    let requests = |packets: Vec<proto::MeshPacket>| {
        let requests = packets.into_iter().filter_map(|packet| match packet.payload_variant {
            Some(PayloadVariant::Decoded(data)) => Some(data.request_id),
            _ => None,
        });
        requests.collect::<Vec<_>>()
    };
    let simulated = messages(&payloads(ERRORS.1)).into_iter().filter(|said| is_port(said, PortNum::SimulatorApp));
    let simulated = requests(simulated.map(|said| if let Said::Packet(packet) = said { packet } else { unreachable!() }).collect());
    let sent = on_air.into_iter().chain(desk.wait(30.0)).map(|(_, packet)| packet).collect();
    assert_eq!(requests(sent), simulated, "the first text was pushed out, as recorded");
}

fn frame_of(packet: proto::MeshPacket) -> Vec<u8> {
    stream::encode(&proto::ToRadio { payload_variant: Some(Asked::Packet(packet)) }.encode_to_vec()).unwrap()
}

#[test]
fn a_text_too_soon_is_dropped_with_an_error_for_whoever_it_says_it_is_from() {
    let mut desk = Desk::new();
    desk.send(desk.lena(1));
    desk.wait(1.9);
    let told = desk.send(desk.lena(0x5555_0012));
    assert!(matches!(&told[0], Said::QueueStatus(status) if status.res == 0 && status.mesh_packet_id == 0x5555_0012));
    let nak = as_recorded(told[1].clone(), desk.own());
    let expected = as_recorded(messages(&[bytes(RATE_LIMIT)])[0].clone(), RECORDED);
    assert_eq!((nak, told.len()), (expected, 2));
    // Without a sender the error goes nowhere.
    assert_eq!(desk.send(proto::MeshPacket { from: 0, ..desk.lena(3) }).len(), 1);
    desk.wait(0.2);
    assert_eq!(desk.send(desk.lena(4)).len(), 1, "two seconds after the one that was sent it is in time");
    // What was refused is known by its id, on this connection.
    assert_eq!(desk.send(desk.lena(0x5555_0012)), []);
    let sent: BTreeSet<_> = desk.wait(30.0).iter().filter(|(_, packet)| packet.to != 0).map(|(_, packet)| packet.id).collect();
    assert_eq!(sent, BTreeSet::from([1, 4]));
}

#[test]
fn telemetry_too_soon_is_dropped_without_a_word_and_a_trace_with_one() {
    let mut desk = Desk::new();
    let to_all = |packet| proto::MeshPacket { from: 0, to: u32::MAX, hop_limit: 3, ..packet };
    for (port, pause) in [(PortNum::TelemetryApp, 10.0), (PortNum::PositionApp, 10.0), (PortNum::TracerouteApp, 30.0)] {
        let of_port = |id| to_all(packet(id, port, Vec::new()));
        let id = u32::try_from(i32::from(port)).unwrap() * 100;
        desk.send(of_port(id));
        assert_eq!(desk.wait(pause - 0.5).len(), 1);
        let told = desk.send(of_port(id + 1));
        assert_eq!(told[0], Said::QueueStatus(status(0, 16, id + 1)));
        match &told[1..] {
            [] => assert_ne!(port, PortNum::TracerouteApp),
            [Said::ClientNotification(words)] => assert!(port == PortNum::TracerouteApp && words.reply_id == Some(id + 1)),
            more => panic!("{more:?}"),
        }
        desk.wait(0.6);
        desk.send(of_port(id + 2));
        assert_eq!(desk.wait(3.0).iter().map(|(_, packet)| packet.id).collect::<Vec<_>>(), [id + 2]);
    }
}

#[test]
fn a_packet_goes_out_once_under_the_radios_own_number_and_a_repeated_id_is_passed_over() {
    let mut desk = Desk::new();
    let told = desk.send(proto::MeshPacket { from: 77, next_hop: 9, via_mqtt: true, ..private(500) });
    assert_eq!(told, [Said::QueueStatus(status(0, 15, 500))]);
    assert_eq!(desk.send(private(500)), []);
    let on_air = desk.wait(5.0);
    let (_, sent) = &on_air[0];
    assert_eq!((on_air.len(), sent.from, sent.hop_start, sent.next_hop, sent.via_mqtt), (1, desk.own(), 3, 0, false));
    for id in 501..=520 {
        desk.send(private(id));
        desk.wait(2.0);
    }
    desk.send(private(500));
    assert_eq!(desk.wait(2.0).len(), 1, "twenty ids later it is new again");

    let Said::QueueStatus(given) = only(&desk.send(private(0))).clone() else { panic!("a status") };
    assert!(given.mesh_packet_id != 0 && desk.wait(2.0)[0].1.id == given.mesh_packet_id);
    let unlimited = proto::MeshPacket { hop_limit: 0, ..desk.lena(600) };
    desk.send(unlimited);
    assert_eq!(desk.wait(1.0)[0].1.hop_limit, 3, "who wants an acknowledgement leaves the hops to the radio");
}

#[test]
fn a_full_queue_says_so_by_its_places_alone_and_tells_when_there_is_room() {
    let mut desk = Desk::new();
    let (now, client) = (desk.moment(), desk.client);
    desk.radio.sending().jam(true, now.at);
    let free = |told: &[Said]| if let Said::QueueStatus(status) = only(told) { (status.res, status.free) } else { panic!("{told:?}") };
    for (id, places) in (1..=16).zip((0..16).rev()) {
        assert_eq!(free(&desk.send(private(id))), (0, places));
    }
    assert_eq!(free(&desk.send(private(17))), (0, 0));
    assert!(desk.wait(60.0).is_empty() && desk.told().is_empty());
    // What is more urgent takes the place of the last.
    assert_eq!(free(&desk.send(proto::MeshPacket { want_ack: false, ..desk.lena(18) })), (0, 0));
    let now = desk.moment();
    desk.radio.sending().jam(false, now.at);
    let on_air = desk.wait(0.5);
    assert_eq!(on_air[0].1.id, 18);
    assert_eq!(desk.told(), [Said::QueueStatus(status(0, 1, 0))]);
    let rest: Vec<_> = desk.wait(60.0).iter().map(|(_, packet)| packet.id).collect();
    assert_eq!(rest, (1..=15).collect::<Vec<_>>());
    ask(&mut desk.radio, client, Asked::Heartbeat(proto::Heartbeat { nonce: 0 }));
    assert_eq!(said(&mut desk.radio, client), [bytes(HEARTBEAT_ANSWER)]);
}

#[test]
fn packets_take_their_time_on_air() {
    let mut desk = Desk::new();
    for id in 1..=4 {
        desk.send(private(id));
    }
    let starts: Vec<_> = desk.wait(10.0).iter().map(|(at, _)| *at).collect();
    assert!(starts.windows(2).all(|pair| (0.5..0.8).contains(&(pair[1] - pair[0]))), "{starts:?}");
}

#[test]
fn without_a_key_nothing_private_is_sent() {
    let mut desk = Desk::new();
    let told = desk.send(desk.text(5, 0x0102_0304));
    assert!(matches!(&told[0], Said::QueueStatus(status) if status.res == 39 && status.free == 16));
    assert_eq!(outcome(&told[1]), Some((5, 39, desk.own())));
    desk.radio.forget(crate::region::LENA.number());
    desk.wait(3.0);
    let told = desk.send(desk.lena(6));
    assert_eq!(outcome(&told[1]), Some((6, 39, desk.own())));
    assert!(desk.wait(60.0).is_empty() && desk.told().is_empty());
}

#[test]
fn the_longest_texts_are_those_of_the_firmware() {
    let fits = |length: usize, to: u32, reply_id: u32| {
        let mut desk = Desk::new();
        let data = proto::Data { portnum: PortNum::TextMessageApp.into(), payload: vec![b'x'; length], reply_id, ..Default::default() };
        let sent = proto::MeshPacket { payload_variant: Some(PayloadVariant::Decoded(data)), ..desk.text(1, to) };
        matches!(only(&desk.send(sent)[..1]), Said::QueueStatus(status) if status.res == 0)
    };
    let lena = crate::region::LENA.number();
    for (longest, to, reply_id) in [(232, u32::MAX, 0), (227, u32::MAX, 8), (220, lena, 0), (215, lena, 8)] {
        assert!(fits(longest, to, reply_id) && !fits(longest + 1, to, reply_id), "{longest} bytes to {to:x}");
    }
}

#[test]
fn a_radio_set_not_to_send_says_so_and_gives_up_in_the_end() {
    let mut desk = Desk::new();
    desk.radio.sending().disable(true);
    assert_eq!(desk.send(desk.lena(5)), [Said::QueueStatus(status(34, 16, 5))]);
    assert!(desk.wait(30.0).is_empty());
    assert_eq!(outcome(only(&desk.told())), Some((5, 5, desk.own())));
}

#[test]
fn beyond_its_share_of_the_hour_it_refuses() {
    let mut desk = Desk::new();
    desk.radio.sending().limit(Some(0.01));
    desk.send(desk.lena(5));
    let (_, sent) = desk.wait(2.5).remove(0);
    desk.overhear(proto::MeshPacket { transport_mechanism: TransportMechanism::TransportLora.into(), ..sent });
    desk.told();
    let told = desk.send(desk.lena(6));
    assert!(matches!(&told[0], Said::QueueStatus(status) if status.res == 9 && status.mesh_packet_id == 6));
    assert!(matches!(&told[1], Said::ClientNotification(_)));
    assert_eq!(outcome(&told[2]), Some((6, 9, desk.own())));
    desk.wait(3_600.0);
    assert_eq!(only(&desk.send(desk.lena(7))), &Said::QueueStatus(status(0, 15, 7)));
}

#[test]
fn statuses_can_be_lost_but_a_heartbeat_is_answered() {
    let mut desk = Desk::new();
    desk.radio.lose_statuses(true);
    assert_eq!(desk.send(private(1)), []);
    ask(&mut desk.radio, desk.client, Asked::Heartbeat(proto::Heartbeat { nonce: 0 }));
    assert_eq!(desk.told(), [Said::QueueStatus(status(0, 15, 0))]);
}

#[test]
fn a_restart_loses_what_was_to_be_sent_and_keeps_how_the_radio_is_set() {
    let mut desk = Desk::new();
    desk.send(desk.lena(1));
    desk.radio.sending().disable(true);
    desk.radio.reboot();
    assert!(desk.wait(60.0).is_empty());
    assert_eq!(desk.told(), [Said::Rebooted(true)], "nobody is told how it ended");
    assert_eq!(desk.send(desk.lena(2))[..], [Said::QueueStatus(status(34, 16, 2))]);
}
