//! What received packets prove: recorded ones, forged ones, echoes, and whatever else comes.

use crate::fixtures::{Client, OTHER, RADIO, frame, from_radio};
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{
    Message as _,
    evidence::{HandedOver, Prospect, Refusal, Sent, Verdict, Voice, judge},
    packet::{Received, Transport},
    proto::{self, from_radio::PayloadVariant},
    session::Event,
};
use proptest::prelude::*;

/// The packet that the recorded destination acknowledged.
const ACKNOWLEDGED: Sent = Sent { packet_id: PacketId(1_194_778_393), to: OTHER, radio: RADIO };

fn recorded_packet(name: &str) -> proto::MeshPacket {
    let message = proto::FromRadio::decode(&frame(name).payload[..]).unwrap();
    let Some(PayloadVariant::Packet(packet)) = message.payload_variant else { panic!("{name} is a packet") };
    packet
}

fn recorded(name: &str) -> Received {
    Received::read(recorded_packet(name), Vec::new())
}

fn with_data(packet: proto::MeshPacket, change: impl FnOnce(&mut proto::Data)) -> proto::MeshPacket {
    let Some(proto::mesh_packet::PayloadVariant::Decoded(mut data)) = packet.payload_variant else { panic!("decoded") };
    change(&mut data);
    proto::MeshPacket { payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)), ..packet }
}

fn judged(packet: proto::MeshPacket) -> Option<Verdict> {
    judge(&ACKNOWLEDGED, &Received::read(packet, Vec::new()))
}

/// What a genuine acknowledgement becomes by changes of one kind.
fn ack(change: impl FnOnce(&mut proto::MeshPacket)) -> Option<Verdict> {
    let mut packet = recorded_packet("c_ack_by_destination");
    change(&mut packet);
    judged(packet)
}

#[test]
fn the_recorded_acknowledgement_is_proof() {
    let Some(Verdict::Acknowledged(proof)) = ack(|_| {}) else { panic!("a proof") };
    assert_eq!((proof.by(), proof.packet_id()), (OTHER, ACKNOWLEDGED.packet_id));
}

#[test]
fn an_acknowledgement_that_differs_in_one_thing_is_none() {
    assert_eq!(ack(|packet| packet.from = 0x4dee_5005), None, "from a third node");
    assert_eq!(ack(|packet| packet.to = 0x4dee_5005), None, "to another radio");
    assert_eq!(ack(|packet| packet.to = u32::MAX), None, "to everybody");
    assert_eq!(ack(|packet| packet.via_mqtt = true), None, "over a broker somewhere");
    for transport in [5, 6, 7, 8, -1] {
        assert_eq!(ack(|packet| packet.transport_mechanism = transport), None, "over way {transport}");
    }
    let packet = || recorded_packet("c_ack_by_destination");
    assert_eq!(judged(with_data(packet(), |data| data.request_id += 1)), None, "for another packet");
    assert_eq!(judged(with_data(packet(), |data| data.request_id = 0)), None, "for none");
    assert_eq!(judged(with_data(packet(), |data| data.payload.clear())), None, "without a word");
    assert_eq!(judged(with_data(packet(), |data| data.portnum = 69)), None, "in the simulated air");
    let mut received = recorded("c_ack_by_destination");
    received.replayed = true;
    assert_eq!(judge(&ACKNOWLEDGED, &received), None, "from memory");
}

#[test]
fn what_no_single_node_was_sent_is_never_acknowledged() {
    for to in [NodeId::BROADCAST, NodeId::from_number(1), NodeId::from_number(0), RADIO] {
        let sent = Sent { to, ..ACKNOWLEDGED };
        let packet = proto::MeshPacket { from: to.number(), ..recorded_packet("c_ack_by_destination") };
        for from in [packet.from, OTHER.number()] {
            assert_eq!(judge(&sent, &Received::read(proto::MeshPacket { from, ..packet.clone() }, Vec::new())), None, "{to}");
        }
    }
    let no_id = Sent { packet_id: PacketId(0), ..ACKNOWLEDGED };
    let packet = with_data(recorded_packet("c_ack_by_destination"), |data| data.request_id = 0);
    assert_eq!(judge(&no_id, &Received::read(packet, Vec::new())), None);
}

/// Old firmware does not name the way a packet took.
#[test]
fn without_a_named_way_the_signal_tells_what_was_heard() {
    let heard = ack(|packet| packet.transport_mechanism = 0);
    assert!(matches!(heard, Some(Verdict::Acknowledged(_))));
    let unheard = ack(|packet| (packet.transport_mechanism, packet.rx_rssi, packet.rx_snr) = (0, 0, 0.0));
    assert_eq!(unheard, None);
}

fn own(name: &str) -> (Sent, proto::MeshPacket) {
    let received = recorded(name);
    (Sent { packet_id: received.request_id.unwrap(), to: OTHER, radio: RADIO }, recorded_packet(name))
}

#[test]
fn an_implicit_acknowledgement_says_relayed_and_no_more() {
    let (sent, packet) = own("c_ack_implicit_own_node");
    let judge = |packet| judge(&sent, &Received::read(packet, Vec::new()));
    assert_eq!(judge(packet.clone()), Some(Verdict::Relayed));
    let over = |transport_mechanism| judge(proto::MeshPacket { transport_mechanism, ..packet.clone() });
    assert_eq!(over(5), None, "an echo from a broker");
    assert_eq!(over(1), None, "the radio's number in a stranger's mouth");
    assert_eq!(judge(proto::MeshPacket { rx_rssi: -60, ..packet.clone() }), None, "the same with old firmware");
    assert_eq!(judge(proto::MeshPacket { via_mqtt: true, ..packet.clone() }), None);
}

#[test]
fn the_recorded_refusals_prove_what_they_can() {
    let check = |name: &str, code, proof_if: [bool; 3], prospect| {
        let (sent, packet) = own(name);
        let verdict = judge(&sent, &Received::read(packet.clone(), Vec::new()));
        let Some(Verdict::Refused(refusal)) = verdict else { panic!("{name} refuses") };
        assert_eq!(refusal, Refusal { code, by: RADIO, voice: Voice::Radio });
        let proofs = [HandedOver::Once, HandedOver::Taken, HandedOver::Doubted].map(|handed_over| refusal.proves_not_sent(handed_over));
        assert_eq!((proofs, refusal.prospect()), (proof_if, prospect), "{name}");
        let forged = proto::MeshPacket { transport_mechanism: 1, rx_rssi: -60, ..packet };
        assert_eq!(judge(&sent, &Received::read(forged, Vec::new())), None, "a stranger forges {name}");
    };
    check("c_nak_rate_limit", 38, [true, true, false], Prospect::Later);
    check("c_nak_no_channel", 6, [true, false, false], Prospect::Same);
    check("c_nak_too_large", 7, [true, false, false], Prospect::Same);
    check("c_nak_max_retransmit", 5, [false; 3], Prospect::Open);
}

#[test]
fn a_refusal_by_the_addressee_shows_that_it_was_sent() {
    for code in [6, 9, 35, 38] {
        let packet = with_data(recorded_packet("c_ack_by_destination"), |data| data.payload = vec![0x18, code]);
        let Some(Verdict::Refused(refusal)) = judged(packet.clone()) else { panic!("{code} refuses") };
        assert_eq!((refusal.code, refusal.by, refusal.voice), (u32::from(code), OTHER, Voice::Addressee));
        assert!(!refusal.proves_not_sent(HandedOver::Once));
        assert_eq!(judged(proto::MeshPacket { from: 0x4dee_5005, ..packet }), None, "a third node has no say");
    }
}

#[test]
fn an_answer_to_the_packet_is_proof_if_the_addressee_sent_it() {
    let answer = with_data(recorded_packet("b_text_direct"), |data| data.reply_id = ACKNOWLEDGED.packet_id.0);
    let Some(Verdict::Replied(proof)) = judged(answer.clone()) else { panic!("an answer") };
    assert_eq!((proof.by(), proof.packet_id()), (OTHER, ACKNOWLEDGED.packet_id));
    assert_eq!(judged(recorded_packet("b_text_direct")), None, "a text that answers nothing");
    assert_eq!(judged(with_data(answer.clone(), |data| data.reply_id += 1)), None, "an answer to another");
    assert_eq!(judged(with_data(answer.clone(), |data| data.portnum = 67)), None, "no text");
    assert_eq!(judged(proto::MeshPacket { from: 0x4dee_5005, ..answer.clone() }), None, "another's answer");
    assert_eq!(judged(proto::MeshPacket { to: u32::MAX, ..answer.clone() }), None, "not to us");
    assert_eq!(judged(proto::MeshPacket { via_mqtt: true, ..answer.clone() }), None, "over a broker");
    assert_eq!(judged(proto::MeshPacket { transport_mechanism: 5, ..answer }), None, "from a broker");
}

/// Packets that are each nearly an acknowledgement, or are one.
fn near_acknowledgement() -> impl Strategy<Value = proto::MeshPacket> {
    let node = || prop_oneof![6 => Just(OTHER.number()), 3 => Just(RADIO.number()), 1 => Just(u32::MAX), 1 => Just(1), 1 => any::<u32>()];
    let about = || prop_oneof![6 => Just(ACKNOWLEDGED.packet_id.0), 1 => Just(0), 1 => any::<u32>()];
    let way =
        (prop_oneof![4 => Just(1), 2 => Just(0), 1 => Just(5), 1 => 2..9], prop_oneof![3 => Just(false), 1 => Just(true)], any::<bool>());
    let said = (
        prop_oneof![6 => Just(5), 2 => Just(1), 1 => Just(69), 1 => 0..80],
        prop_oneof![6 => Just(vec![0x18, 0]), 2 => (0_u8..40).prop_map(|code| vec![0x18, code]), 1 => any::<Vec<u8>>()],
    );
    ((node(), prop_oneof![4 => Just(RADIO.number()), 1 => node()], any::<u32>()), (about(), about()), way, said).prop_map(
        |((from, to, id), (request_id, reply_id), (transport_mechanism, via_mqtt, heard), (portnum, payload))| {
            let data = proto::Data { portnum, payload, request_id, reply_id, ..Default::default() };
            proto::MeshPacket {
                from,
                to,
                id,
                transport_mechanism,
                via_mqtt,
                rx_rssi: if heard { -60 } else { 0 },
                payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)),
                ..Default::default()
            }
        },
    )
}

/// The rule once more, on the packet as it came.
fn is_genuine(packet: &proto::MeshPacket) -> bool {
    let Some(proto::mesh_packet::PayloadVariant::Decoded(data)) = &packet.payload_variant else { return false };
    let says_none = proto::Routing::decode(&data.payload[..])
        .is_ok_and(|routing| matches!(routing.variant, Some(proto::routing::Variant::ErrorReason(0))));
    let over_lora = matches!(packet.transport_mechanism, 1..=4) || (packet.transport_mechanism == 0 && packet.rx_rssi != 0);
    packet.from == OTHER.number()
        && packet.to == RADIO.number()
        && data.request_id == ACKNOWLEDGED.packet_id.0
        && data.portnum == 5
        && says_none
        && over_lora
        && !packet.via_mqtt
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn nothing_but_a_genuine_acknowledgement_acknowledges(packets in proptest::collection::vec(near_acknowledgement(), 1..12)) {
        let mut client = Client::ready();
        let mut genuine = false;
        for packet in packets {
            genuine |= is_genuine(&packet);
            client.receive(&from_radio(PayloadVariant::Packet(packet)));
        }
        let events = client.take_events();
        let verdicts = events.iter().filter_map(|event| if let Event::Packet(packet) = event { judge(&ACKNOWLEDGED, packet) } else { None });
        let acknowledged = verdicts.filter(|verdict| matches!(verdict, Verdict::Acknowledged(_))).count() > 0;
        prop_assert_eq!(acknowledged, genuine);
    }

    #[test]
    fn only_the_addressee_over_the_air_gives_proof(packet in near_acknowledgement(), replayed in any::<bool>(), to in prop_oneof![Just(OTHER), Just(NodeId::BROADCAST), Just(RADIO)]) {
        let mut received = Received::read(packet, Vec::new());
        received.replayed = replayed;
        let sent = Sent { to, ..ACKNOWLEDGED };
        if let Some(Verdict::Acknowledged(proof) | Verdict::Replied(proof)) = judge(&sent, &received) {
            prop_assert_eq!((proof.by(), received.from, received.transport), (OTHER, OTHER, Transport::Lora));
            prop_assert!(to == OTHER && !replayed && !received.via_mqtt);
        }
    }
}
