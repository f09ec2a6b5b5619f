//! Acknowledgements, and what is sent again for want of one.

use super::{desk::*, *};
use kosmo_meshtastic::proto::{mesh_packet::TransportMechanism, routing};

const ACKS: (&[u8], &[u8]) = (
    include_bytes!("../../../tests/fixtures/e_queuestatus_text_noack_then_ack.tx.bin"),
    include_bytes!("../../../tests/fixtures/e_queuestatus_text_noack_then_ack.rx.bin"),
);
const IMPLICIT_ACK: &str = "12 1e 0d 01 10 aa 4d 15 01 10 aa 4d 22 0b 08 05 12 02 18 00 35 18 0b 23 43 35 2a 49 b6 70 58 78";

#[test]
fn a_text_that_nobody_relays_is_sent_three_times_and_given_up_as_recorded() {
    let mut desk = Desk::new();
    let own = desk.own();
    let [plain, wanted] = &asked(ACKS.0)[..] else { panic!("two texts were recorded") };
    let mut told = desk.send(plain.clone());
    assert_eq!(desk.wait(4.0).len(), 1);
    told.extend(desk.send(wanted.clone()));
    let on_air = desk.wait(21.0);
    assert!(told.len() == 2 && desk.told().is_empty());
    let starts: Vec<_> = on_air.iter().map(|(at, _)| at - on_air[0].0).collect();
    // Recorded: 7.2 and 14.2 seconds after the first, given up 21.6 after it was sent.
    assert!(starts.len() == 3 && (6.9..7.5).contains(&starts[1]) && (13.8..15.0).contains(&starts[2]), "{starts:?}");
    assert!(desk.wait(1.4).is_empty());
    told.extend(desk.told());
    assert_eq!(told.into_iter().map(|said| as_recorded(said, own)).collect::<Vec<_>>(), recorded(ACKS.1));
    assert!(desk.wait(60.0).is_empty() && desk.told().is_empty());
}

#[test]
fn what_found_the_queue_full_and_wants_an_acknowledgement_is_tried_again() {
    let mut desk = Desk::new();
    let now = desk.moment();
    desk.radio.sending().jam(true, now.at);
    for id in 1..=16 {
        desk.send(proto::MeshPacket { priority: 127, ..private(id) });
    }
    assert_eq!(desk.send(desk.lena(17)), [Said::QueueStatus(status(0, 0, 17))]);
    let now = desk.moment();
    desk.radio.sending().jam(false, now.at);
    let texts = desk.wait(30.0).into_iter().filter(|(_, packet)| packet.id == 17).count();
    assert_eq!(texts, 2, "the first try was dropped");
}

#[test]
fn a_relayed_broadcast_is_acknowledged_by_the_radio_itself_as_recorded() {
    let mut desk = Desk::new();
    desk.send(desk.text(0x4323_0b18, u32::MAX));
    let (_, sent) = desk.wait(1.0).remove(0);
    let lora = TransportMechanism::TransportLora.into();
    let relayed = proto::MeshPacket { hop_limit: 2, relay_node: 9, transport_mechanism: lora, ..sent };
    desk.overhear(relayed.clone());
    let told = as_recorded(only(&desk.told()).clone(), desk.own());
    assert_eq!(told, as_recorded(messages(&[bytes(IMPLICIT_ACK)])[0].clone(), RECORDED));
    desk.overhear(relayed);
    assert!(desk.wait(60.0).is_empty() && desk.told().is_empty(), "neither a second one, nor another try, nor a failure");
}

#[test]
fn an_echo_from_a_broker_passes_for_a_relay_but_is_marked_and_ends_no_tries() {
    let mut desk = Desk::new();
    desk.send(desk.lena(9));
    let (_, sent) = desk.wait(1.0).remove(0);
    let mqtt = TransportMechanism::TransportMqtt.into();
    desk.overhear(proto::MeshPacket { transport_mechanism: mqtt, ..sent });
    let told = desk.told();
    assert_eq!(outcome(only(&told)), Some((9, 0, desk.own())));
    assert!(matches!(only(&told), Said::Packet(packet) if packet.transport_mechanism == mqtt));
    assert_eq!(desk.wait(40.0).len(), 2);
    assert_eq!(outcome(only(&desk.told())), Some((9, 5, desk.own())));
}

#[test]
fn an_acknowledgement_ends_the_tries_whoever_it_is_from() {
    for from in [crate::region::LENA.number(), 0x0bad_0bad] {
        let mut desk = Desk::new();
        desk.send(desk.lena(9));
        desk.wait(5.0);
        let data = proto::Data {
            portnum: PortNum::RoutingApp.into(),
            payload: crate::radio::routing::routing_payload(routing::Error::None),
            request_id: 9,
            ..Default::default()
        };
        let ack = proto::MeshPacket {
            from,
            to: desk.own(),
            id: 1_000,
            want_ack: true,
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        };
        desk.told();
        desk.overhear(ack.clone());
        assert_eq!(outcome(only(&desk.told())), Some((9, 0, from)));
        desk.overhear(ack);
        assert_eq!(desk.told(), [], "known again");
        let on_air = desk.wait(60.0);
        // Wanted twice, acknowledged twice.
        assert!(on_air.len() == 2 && on_air.iter().all(|(_, packet)| packet.to == from && packet.id != 9), "{on_air:?}");
        assert_eq!(desk.told(), []);
    }
}

#[test]
fn what_is_on_air_meanwhile_puts_off_the_next_try() {
    let second_try = |others: u32| {
        let mut desk = Desk::new();
        desk.send(desk.lena(9));
        desk.wait(1.0);
        for id in 100..100 + others {
            desk.overhear(proto::MeshPacket { to: u32::MAX, ..telemetry(id) });
        }
        desk.wait(30.0)[0].0
    };
    let later = second_try(5) - second_try(0);
    assert!((2.0..4.0).contains(&later), "{later} s for five packets of half a second");
}

#[test]
fn an_acknowledgement_takes_the_next_try_out_of_the_queue() {
    let mut desk = Desk::new();
    desk.send(desk.lena(9));
    let (_, sent) = desk.wait(5.0).remove(0);
    let now = desk.moment();
    desk.radio.sending().jam(true, now.at);
    assert!(desk.wait(5.0).is_empty() && desk.radio.sending().free() == 15);
    desk.overhear(proto::MeshPacket { transport_mechanism: TransportMechanism::TransportLora.into(), ..sent });
    assert_eq!(desk.radio.sending().free(), 16);
    let now = desk.moment();
    desk.radio.sending().jam(false, now.at);
    assert!(desk.wait(60.0).is_empty());
}

#[test]
fn a_second_try_beyond_the_share_ends_the_tries() {
    let mut desk = Desk::new();
    desk.radio.sending().limit(Some(0.01));
    desk.send(desk.lena(5));
    assert_eq!(desk.wait(30.0).len(), 1);
    assert_eq!(outcome(only(&desk.told())), Some((5, 9, desk.own())));
}

#[test]
fn a_text_for_it_is_told_once_and_acknowledged_each_time() {
    let mut desk = Desk::new();
    let text = proto::MeshPacket { to: desk.own(), want_ack: true, hop_start: 3, hop_limit: 3, ..text(44) };
    for _ in 0..3 {
        desk.overhear(text.clone());
        desk.wait(1.0);
    }
    assert_eq!(desk.told().len(), 1);
    desk.wait(600.0);
    desk.overhear(text);
    assert_eq!(desk.told().len(), 1, "ten minutes later it is new again");
}
