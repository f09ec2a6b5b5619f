//! Whatever comes, in whatever order: no panic, no stall, no growth.

use crate::fixtures::{Client, RECORDINGS, recording, text};
use kosmo_meshtastic::{
    packet::Received,
    proto::{self, from_radio::PayloadVariant},
    session::{Event, Input},
    stream::encode,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Connect,
    Disconnect,
    Shutdown,
    Bytes(Vec<u8>),
    Frame(Vec<u8>),
    Recording(usize),
    Damaged(usize, Vec<(usize, u8)>),
    Wait(u64),
    Send(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        2 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Shutdown),
        3 => bytes().prop_map(Step::Bytes),
        3 => bytes().prop_map(Step::Frame),
        2 => (0..RECORDINGS.len()).prop_map(Step::Recording),
        4 => (0..RECORDINGS.len(), proptest::collection::vec((any::<usize>(), any::<u8>()), 1..20)).prop_map(|(which, hits)| Step::Damaged(which, hits)),
        3 => (0_u64..100_000).prop_map(Step::Wait),
        3 => (1_u32..5).prop_map(Step::Send),
    ]
}

fn take(client: &mut Client, step: Step) {
    match step {
        Step::Connect => client.input(Input::Connected),
        Step::Disconnect => client.input(Input::Disconnected),
        Step::Shutdown => client.input(Input::Shutdown),
        Step::Bytes(bytes) => client.receive(&bytes),
        Step::Frame(payload) => client.receive(&encode(&payload).unwrap()),
        Step::Recording(which) => client.receive(RECORDINGS[which].sent),
        Step::Damaged(which, hits) => {
            let mut bytes = RECORDINGS[which].sent.to_vec();
            for (at, byte) in hits {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            client.receive(&bytes);
        }
        Step::Wait(millis) => client.wait(millis),
        Step::Send(id) => client.input(Input::Send(Box::new(text(id)))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn a_session_stands_whatever_comes(steps in proptest::collection::vec(step(), 0..30), nonce in prop_oneof![Just(22), any::<u32>()]) {
        let mut client = Client::new(nonce);
        for step in steps {
            take(&mut client, step);
            prop_assert!(client.session.poll_timeout().is_none_or(|(at, _)| at > client.now), "a timer that is due was served");
        }
        let shown = format!("{:?}", client.events);
        prop_assert!(!shown.contains("text with rx_time"), "a text shows in what a program would log");
    }

    #[test]
    fn any_payload_on_any_port_is_read_or_malformed(port in prop_oneof![0_i32..80, any::<i32>()], payload in proptest::collection::vec(any::<u8>(), 0..240)) {
        let data = proto::Data { portnum: port, payload: payload.clone(), ..Default::default() };
        let packet = proto::MeshPacket { payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)), ..Default::default() };
        let received = Received::read(packet, vec![1]);
        prop_assert_eq!((received.port.cast_signed(), received.payload, received.raw), (port, payload, vec![1]));
    }

    #[test]
    fn any_header_is_read(
        (hop_start, hop_limit, relay, next, rssi) in any::<(u32, u32, u32, u32, i32)>(),
        (snr, transport, rx_time, bitfield) in any::<(f32, i32, u32, Option<u32>)>(),
    ) {
        let packet = proto::MeshPacket {
            hop_start, hop_limit, relay_node: relay, next_hop: next, rx_rssi: rssi, rx_snr: snr, transport_mechanism: transport, rx_time,
            payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(proto::Data { bitfield, ..Default::default() })),
            ..Default::default()
        };
        let received = Received::read(packet, Vec::new());
        prop_assert!(received.hops_away().is_none_or(|hops| hops <= 7));
        prop_assert!(received.snr.is_none_or(f32::is_finite));
        prop_assert_eq!(received.rx_time.is_some(), rx_time != 0);
    }
}

#[test]
fn hops_are_known_where_the_sender_says_so() {
    let hops = |hop_start, hop_limit, bitfield| {
        let decoded = Some(proto::mesh_packet::PayloadVariant::Decoded(proto::Data { bitfield, ..Default::default() }));
        Received::read(proto::MeshPacket { hop_start, hop_limit, payload_variant: decoded, ..Default::default() }, Vec::new()).hops_away()
    };
    assert_eq!((hops(3, 3, None), hops(3, 1, None), hops(7, 0, Some(0))), (Some(0), Some(2), Some(7)));
    assert_eq!((hops(0, 0, None), hops(0, 0, Some(0))), (None, Some(0)));
    assert_eq!((hops(3, 4, Some(0)), hops(0, 3, Some(0)), hops(8, 1, Some(0))), (None, None, None));
}

/// A quadratic decoder would take hours over this.
#[test]
fn a_megabyte_of_false_starts_is_over_soon() {
    for pattern in [&b"\x94\xc3\x02\x00"[..], b"\x94\xc3", b"\x94", b"\x94\xc3\x00\x10\x12\x0e", b"\n"] {
        let mut client = Client::ready();
        let hostile = pattern.repeat(1_000_000 / pattern.len());
        for chunk in hostile.chunks(7) {
            client.receive(chunk);
        }
        client.receive(&hostile);
        client.receive(&[b'\n'; 600]);
        client.take_events();
        client.receive(&encode(&crate::fixtures::frame("b_text_direct").payload).unwrap());
        assert!(matches!(&client.take_events()[..], [Event::Packet(_)]), "in step again after {pattern:02x?}");
    }
}

#[test]
fn a_radio_that_tells_of_endless_nodes_is_heard_to_its_end() {
    let recording = recording("a_handshake_full");
    let mut client = Client::asking(recording.nonce());
    let end = recording.sent.len() - 10;
    client.receive(&recording.sent[..end]);
    for num in 1..3000 {
        let node = proto::NodeInfo { num: num * 16, ..Default::default() };
        client.receive(&crate::fixtures::from_radio(PayloadVariant::NodeInfo(node)));
    }
    client.receive(&recording.sent[end..]);
    assert_eq!(client.configured().nodes.len(), 1000);
    assert_eq!(client.session.dropped().excess_nodes, 2001);
}
