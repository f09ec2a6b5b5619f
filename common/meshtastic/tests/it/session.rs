//! A connection from its first byte to its end, by the clock.

use crate::fixtures::{Client, at, from_radio, recording};
use kosmo_meshtastic::{
    lockdown::Lockdown,
    proto::{self, from_radio::PayloadVariant, to_radio::PayloadVariant as Asked},
    session::{CloseReason, Event, Input},
    stream,
};

fn heartbeat() -> Asked {
    Asked::Heartbeat(proto::Heartbeat { nonce: 0 })
}

fn queue_status(packet: u32) -> Vec<u8> {
    from_radio(PayloadVariant::QueueStatus(proto::QueueStatus { res: 0, free: 16, maxlen: 16, mesh_packet_id: packet }))
}

fn my_info() -> Vec<u8> {
    from_radio(PayloadVariant::MyInfo(proto::MyNodeInfo { my_node_num: 77, ..Default::default() }))
}

fn complete(nonce: u32) -> Vec<u8> {
    from_radio(PayloadVariant::ConfigCompleteId(nonce))
}

#[test]
fn the_radio_gets_time_to_wake_up() {
    let mut client = Client::new(7);
    client.input(Input::Connected);
    assert_eq!(client.written, [0xC3; 32]);
    assert_eq!(client.session.poll_timeout(), Some((at(100), "wake-up")));
    client.wait(99);
    assert_eq!(client.take_written(), []);
    client.wait(1);
    assert_eq!(client.take_written(), [Asked::WantConfigId(7)]);
    assert_eq!(client.session.poll_timeout(), Some((at(30_100), "handshake")));
}

#[test]
fn a_handshake_is_tried_again_once_and_then_given_up() {
    let mut client = Client::asking(7);
    client.receive(&my_info());
    client.wait(30_000);
    assert_eq!(client.take_written(), [Asked::WantConfigId(7), Asked::WantConfigId(8)]);
    // The first one's end comes late, and is not the second one's.
    client.receive(&complete(7));
    client.wait(29_999);
    assert_eq!((client.closed, client.session.dropped().foreign_handshakes), (None, 1));
    client.wait(1);
    assert_eq!(client.closed, Some(CloseReason::HandshakeTimeout));
    assert_eq!(client.take_written(), [Asked::Disconnect(true)]);
    assert_eq!((client.session.poll_timeout(), client.take_events()), (None, vec![]));
}

#[test]
fn a_radio_that_does_not_say_who_it_is_is_asked_again() {
    let mut client = Client::asking(7);
    client.receive(&complete(7));
    assert_eq!(client.take_written(), [Asked::WantConfigId(7), Asked::WantConfigId(8)]);
    client.receive(&[my_info(), complete(8)].concat());
    assert_eq!(client.configured().node.number(), 77);

    let mut client = Client::asking(7);
    client.receive(&[complete(7), complete(8)].concat());
    assert_eq!(client.closed, Some(CloseReason::HandshakeIncomplete));
}

#[test]
fn what_an_unfinished_handshake_told_does_not_finish_the_next() {
    let mut client = Client::asking(7);
    client.receive(&my_info());
    client.wait(30_000);
    client.receive(&complete(8));
    assert_eq!((client.take_events(), client.closed), (vec![], Some(CloseReason::HandshakeIncomplete)));
}

#[test]
fn half_a_frame_does_not_outlive_its_connection() {
    let mut client = Client::ready();
    client.receive(b"\x94\xc3\x01\x00\x12");
    let before = client.session.dropped().garbage_bytes;
    client.connect();
    assert_eq!(client.session.dropped().garbage_bytes, before + 5);
    client.receive(&[my_info(), complete(recording("a_handshake_full").nonce() + 1)].concat());
    assert_eq!(client.configured().node.number(), 77);
}

#[test]
fn the_rest_of_an_earlier_handshake_is_not_ours() {
    let recording = recording("a_handshake_full");
    let mut client = Client::asking(recording.nonce() + 5);
    client.receive(recording.sent);
    assert_eq!(client.take_events(), []);
    client.receive(&[my_info(), complete(recording.nonce() + 5)].concat());
    let radio = client.configured();
    assert_eq!((radio.node.number(), radio.nodes.len(), radio.channels.len()), (77, 0, 0));
}

#[test]
fn heartbeats_begin_with_the_handshakes_end_and_go_on() {
    let mut client = Client::asking(7);
    client.receive(&[my_info(), complete(7)].concat());
    assert_eq!(client.take_written(), [Asked::WantConfigId(7), heartbeat()]);
    assert_eq!(client.session.poll_timeout(), Some((at(60_100), "heartbeat")));
    client.wait(59_999);
    assert_eq!(client.take_written(), []);
    client.wait(1);
    assert_eq!(client.take_written(), [heartbeat()]);
}

#[test]
fn a_radio_that_answered_and_then_says_nothing_is_left() {
    let mut client = Client::ready();
    client.receive(&queue_status(0));
    client.wait(60_000);
    assert_eq!(client.session.poll_timeout(), Some((client.now.plus(std::time::Duration::from_secs(30)), "silence")));
    client.wait(29_000);
    client.receive(b"a line\n");
    client.wait(89_999);
    assert_eq!(client.closed, None);
    client.wait(1);
    assert_eq!(client.closed, Some(CloseReason::Silent));
}

#[test]
fn a_radio_that_never_answers_heartbeats_is_asked_everything_again_and_left_if_it_does_not_answer_that() {
    let mut client = Client::ready();
    // A word on a packet is no answer to a heartbeat.
    client.receive(&queue_status(5));
    for _ in 0..4 {
        client.wait(60_000);
    }
    assert_eq!(client.take_written(), vec![heartbeat(); 4]);
    client.wait(60_000);
    let nonce = recording("a_handshake_full").nonce() + 1;
    assert_eq!(client.take_written(), [Asked::WantConfigId(nonce)]);
    client.receive(&[my_info(), complete(nonce)].concat());
    client.configured();
    for _ in 0..5 {
        client.wait(60_000);
    }
    client.wait(30_000);
    assert_eq!(client.closed, None);
    client.wait(30_000);
    assert_eq!(client.closed, Some(CloseReason::HandshakeTimeout));
}

#[test]
fn each_connection_finds_out_anew_whether_heartbeats_are_answered() {
    let mut client = Client::ready();
    client.receive(&queue_status(0));
    client.input(Input::Disconnected);
    assert_eq!(client.session.poll_timeout(), None);
    client.connect();
    client.receive(&[my_info(), complete(recording("a_handshake_full").nonce() + 1)].concat());
    client.configured();
    client.wait(500_000);
    assert_eq!(client.closed, None);
}

#[test]
fn a_radio_that_starts_anew_is_asked_anew() {
    let mut client = Client::ready();
    let rebooted = from_radio(PayloadVariant::Rebooted(true));
    client.receive(&[rebooted.clone(), rebooted].concat());
    assert_eq!(client.take_events(), [Event::Rebooted, Event::Rebooted]);
    client.wait(100);
    let nonce = recording("a_handshake_full").nonce() + 1;
    assert_eq!(client.take_written(), [Asked::WantConfigId(nonce)], "one question for both");
    client.receive(&[my_info(), complete(nonce)].concat());
    assert_eq!(client.configured().node.number(), 77);
}

#[test]
fn a_radio_says_after_the_handshake_that_it_is_locked_and_other_news_of_later_firmware_is_passed_over() {
    let mut client = Client::ready();
    let before = client.session.dropped().unknown;
    client.receive(&stream::encode(&Lockdown::Locked.encode()).unwrap());
    client.receive(&stream::encode(b"\xa2\x01\x02\x08\x01").unwrap());
    client.receive(&stream::encode(&Lockdown::Open.encode()).unwrap());
    assert_eq!(client.take_events(), [Event::Lockdown(Lockdown::Locked), Event::Lockdown(Lockdown::Open)]);
    assert_eq!(client.session.dropped().unknown, before + 1);
}

#[test]
fn taking_leave_is_said_to_the_radio() {
    let mut client = Client::ready();
    client.input(Input::Shutdown);
    assert_eq!((client.take_written(), client.closed), (vec![Asked::Disconnect(true)], Some(CloseReason::Shutdown)));
    client.closed = None;
    client.input(Input::Shutdown);
    client.input(Input::Disconnected);
    client.receive(recording("a_handshake_full").sent);
    assert_eq!((client.take_written(), client.closed, client.take_events()), (vec![], None, vec![]));
}

#[test]
fn what_a_radio_said_before_it_heard_of_the_leave_is_taken_in() {
    let mut client = Client::ready();
    client.input(Input::Shutdown);
    client.take_written();
    let packet = proto::MeshPacket { from: 77, to: u32::MAX, id: 5, ..Default::default() };
    client.receive(&from_radio(PayloadVariant::Packet(packet)));
    client.receive(&from_radio(PayloadVariant::Rebooted(true)));
    client.wait(200_000);
    let events = client.take_events();
    assert!(matches!(&events[..], [Event::Packet(packet), Event::Rebooted] if packet.from.number() == 77), "{events:?}");
    assert_eq!(client.take_written(), [], "nobody is asked anything");
}

#[test]
fn a_node_told_outside_a_handshake_is_an_event() {
    let mut client = Client::ready();
    let node = proto::NodeInfo { num: 99, hops_away: Some(2), ..Default::default() };
    client.receive(&from_radio(PayloadVariant::NodeInfo(node)));
    let [Event::Node(node)] = &client.events[..] else { panic!("a node, and nothing else") };
    assert_eq!((node.node.number(), node.hops_away), (99, Some(2)));
}

#[test]
fn a_number_that_no_node_can_bear_is_no_node() {
    let mut client = Client::asking(7);
    let nobody = from_radio(PayloadVariant::MyInfo(proto::MyNodeInfo::default()));
    client.receive(&[nobody, complete(7)].concat());
    assert_eq!(client.take_written(), [Asked::WantConfigId(7), Asked::WantConfigId(8)]);
    let node = |num| from_radio(PayloadVariant::NodeInfo(proto::NodeInfo { num, ..Default::default() }));
    client.receive(&[my_info(), node(0), node(u32::MAX), node(99), complete(8)].concat());
    let nodes: Vec<_> = client.configured().nodes.iter().map(|node| node.node.number()).collect();
    assert_eq!((nodes, client.session.dropped().reserved_senders), (vec![99], 3));
}

#[test]
fn what_the_radio_logs_is_a_line() {
    let mut client = Client::ready();
    let record = proto::LogRecord { message: "Received text msg\r\n\u{7}".to_owned(), ..Default::default() };
    client.receive(&from_radio(PayloadVariant::LogRecord(record)));
    assert_eq!(client.events, [Event::Log("Received text msg".to_owned())]);
    assert_eq!(format!("{:?}", client.events), "[Log(17 bytes)]");
}

#[test]
fn messages_of_a_later_firmware_are_counted() {
    let mut client = Client::ready();
    let before = *client.session.dropped();
    client.receive(b"\x94\xc3\x00\x03\x92\x01\x00");
    assert_eq!((client.session.dropped().unknown, client.take_events()), (before.unknown + 1, vec![]));
}
