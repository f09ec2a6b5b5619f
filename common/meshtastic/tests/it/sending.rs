//! Giving texts to a radio, and what it says of them.

use crate::fixtures::{Client, OTHER, RADIO, Recording, at, frame, from_radio, recording, text};
use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    evidence::{self, HandedOver, Prospect, Refusal, Sent, Verdict, Voice},
    outgoing::{Outgoing, TextPacket},
    proto::{self, from_radio::PayloadVariant},
    session::{ANSWER, Event, HandOver, Input, PAUSE},
    stream::encode,
};
use proptest::prelude::*;
use std::collections::HashMap;

fn status(id: u32, res: i32, free: u32) -> Vec<u8> {
    from_radio(PayloadVariant::QueueStatus(proto::QueueStatus { res, free, maxlen: 16, mesh_packet_id: id }))
}

fn hand_overs(client: &mut Client) -> Vec<HandOver> {
    let events = client.take_events().into_iter();
    events.filter_map(|event| if let Event::HandOver(hand_over) = event { Some(hand_over) } else { None }).collect()
}

fn recorded(name: &str) -> Vec<u8> {
    encode(&frame(name).payload).unwrap()
}

fn pause() -> u64 {
    u64::try_from(PAUSE.as_millis()).unwrap()
}

#[test]
fn a_text_is_written_as_the_radio_wants_it() {
    let mut client = Client::ready();
    let [packet] = &client.send(text(5))[..] else { panic!("one packet") };
    assert_eq!((packet.from, packet.to, packet.id), (RADIO.number(), OTHER.number(), 5));
    assert_eq!((packet.want_ack, packet.hop_limit, packet.channel), (true, 3, 0));
    let Some(proto::mesh_packet::PayloadVariant::Decoded(data)) = &packet.payload_variant else { panic!("a text") };
    assert_eq!((data.portnum, &data.payload[..]), (1, &b"text of a member"[..]));
    assert_eq!(client.take_events(), []);
}

#[test]
fn the_recorded_answers_tell_what_became_of_it() {
    let answers = [
        ("e_queuestatus_enqueued", 286_326_785, None),
        ("e_queuestatus_error_no_channel", 572_653_569, Some(6)),
        ("e_queuestatus_error_too_large", 572_653_570, Some(7)),
    ];
    for (name, id, code) in answers {
        let mut client = Client::ready();
        client.send(text(id));
        client.receive(&recorded(name));
        let id = PacketId(id);
        let expect = code.map_or(HandOver::Accepted { id, free: 15 }, |code| HandOver::RefusedByRadio { id, code });
        assert_eq!(hand_overs(&mut client), [expect], "{name}");
        if let Some(code) = code {
            let refusal = Refusal { code, by: RADIO, voice: Voice::QueueStatus };
            assert!(refusal.proves_not_sent(HandedOver::Once) && refusal.prospect() == Prospect::Same);
        }
    }
}

#[test]
fn a_full_queue_answers_0_and_has_not_taken_it() {
    let mut client = Client::ready();
    client.send(text(572_653_846));
    client.receive(&recorded("e_queuestatus_queue_full"));
    assert_eq!(hand_overs(&mut client), [HandOver::QueueFull { id: PacketId(572_653_846) }]);
}

#[test]
fn nothing_is_written_before_the_radio_is_ready() {
    let mut client = Client::new(7);
    for _ in 0..2 {
        assert_eq!((client.send(text(5)), client.session.may_send_from()), (vec![], None));
        assert_eq!(hand_overs(&mut client), [HandOver::NotReady { id: PacketId(5) }]);
        client.connect();
    }
    client.shake_hands(RADIO);
    assert_eq!(client.session.may_send_from(), Some(at(0)));
    assert_eq!(client.send(text(5)).len(), 1);
}

#[test]
fn a_text_made_for_another_radio_is_not_given_to_this_one() {
    let mut client = Client::new(7);
    client.shake_hands(NodeId::from_number(77));
    assert_eq!(client.send(text(5)), []);
    assert_eq!(hand_overs(&mut client), [HandOver::OtherRadio { id: PacketId(5) }]);
}

#[test]
fn one_text_is_under_way_until_the_radio_answers_for_it() {
    let mut client = Client::ready();
    client.send(text(5));
    assert_eq!(client.session.may_send_from(), None);
    client.wait(4000);
    // Neither an answer to a heartbeat nor one for another packet is an answer for this one.
    client.receive(&[status(0, 0, 16), status(6, 0, 16)].concat());
    assert_eq!(client.send(text(7)), []);
    assert_eq!(hand_overs(&mut client), [HandOver::Busy { id: PacketId(7) }]);
    client.receive(&[status(5, 0, 15), status(5, 0, 16)].concat());
    assert_eq!(hand_overs(&mut client), [HandOver::Accepted { id: PacketId(5), free: 15 }], "once");
    assert_eq!(client.send(text(7)).len(), 1);
}

#[test]
fn texts_keep_their_distance() {
    let mut client = Client::ready();
    client.send(text(5));
    client.receive(&status(5, 0, 15));
    let from = client.now.plus(PAUSE);
    assert_eq!(client.session.may_send_from(), Some(from));
    client.wait(pause() - 1);
    assert_eq!(client.send(text(6)), []);
    // The radio may remember the last text over a connection's end.
    client.shake_hands(RADIO);
    assert_eq!(client.session.may_send_from(), Some(from));
    assert_eq!(client.send(text(6)).len(), 1);
}

#[test]
fn a_radio_that_says_nothing_leaves_it_in_doubt() {
    let mut client = Client::ready();
    client.send(text(5));
    assert_eq!(client.session.poll_timeout(), Some((client.now.plus(ANSWER), "queue status")));
    client.wait(4999);
    assert_eq!(client.take_events(), []);
    client.wait(1);
    assert_eq!(client.take_events(), [Event::HandOver(HandOver::Unanswered { id: PacketId(5) })]);
    assert_eq!(client.send(text(5)).len(), 1, "the same id once more");
}

#[test]
fn a_connection_that_ends_leaves_it_in_doubt() {
    let endings: [fn(&mut Client); 5] = [
        |client| client.input(Input::Disconnected),
        |client| client.input(Input::Connected),
        |client| client.input(Input::Shutdown),
        |client| client.receive(&from_radio(PayloadVariant::Rebooted(true))),
        |client| {
            client.receive(&status(0, 0, 16));
            client.wait(100_000);
        },
    ];
    for end in endings {
        let mut client = Client::ready();
        client.send(text(5));
        end(&mut client);
        assert_eq!(hand_overs(&mut client), [HandOver::Unanswered { id: PacketId(5) }]);
        client.input(Input::Disconnected);
        assert_eq!(hand_overs(&mut client), [], "once");
    }
}

#[test]
fn what_a_member_wrote_does_not_show() {
    let packet = text(5);
    assert_eq!(format!("{:?} {:?}", packet, Input::Send(Box::new(packet.clone()))).matches("member").count(), 0);
}

/// What a session made of a recording, if it sends what the recorded client sent.
struct Played {
    hand_overs: Vec<HandOver>,
    verdicts: Vec<(PacketId, Verdict)>,
}

/// Plays a recording to the clock, and gives the session a text for each that the recorded client sent.
fn play(recording: &Recording) -> Played {
    let mut client = Client::asking(recording.nonce());
    let mut sent: HashMap<PacketId, Sent> = HashMap::new();
    let mut verdicts = Vec::new();
    let mut hand_overs = Vec::new();
    for row in recording.all_rows() {
        let millis = row["t"].as_f64().unwrap() * 1000.0 - (client.now.0.as_secs_f64() * 1000.0 - 100.0);
        client.wait(format!("{:.0}", millis.max(0.0)).parse().unwrap());
        match (row["dir"].as_str().unwrap(), row["variant"].as_str()) {
            ("device->client", _) => client.receive(&crate::fixtures::from_hex(row["hex"].as_str().unwrap())),
            ("client->device", Some("packet")) => {
                let id = PacketId(u32::try_from(row["decoded"]["packet"]["id"].as_u64().unwrap()).unwrap());
                let text = TextPacket { from: RADIO, to: NodeId::BROADCAST, id, text: "text", reply_to: None, hop_limit: 3, channel: 0 };
                let packet = Outgoing::try_from(text).unwrap();
                sent.insert(id, packet.sent());
                client.input(Input::Send(Box::new(packet)));
            }
            _ => {}
        }
        for event in client.take_events() {
            match event {
                Event::HandOver(hand_over) => hand_overs.push(hand_over),
                Event::Packet(packet) => {
                    let judged = sent.values().filter_map(|sent| Some((sent.packet_id, evidence::judge(sent, &packet)?)));
                    verdicts.extend(judged);
                }
                _ => {}
            }
        }
    }
    Played { hand_overs, verdicts }
}

#[test]
fn the_recorded_errors_end_in_refusals() {
    let Played { hand_overs, verdicts } = play(recording("c_routing_errors"));
    let [no_channel, too_large, flood] = [572_653_569, 572_653_570, 572_653_824].map(PacketId);
    let (busy, others): (Vec<_>, Vec<_>) = hand_overs.into_iter().partition(|hand_over| matches!(hand_over, HandOver::Busy { .. }));
    let expect = [
        HandOver::RefusedByRadio { id: no_channel, code: 6 },
        HandOver::RefusedByRadio { id: too_large, code: 7 },
        HandOver::Unanswered { id: flood },
    ];
    assert_eq!(others, expect);
    assert_eq!(busy.len(), 23, "of 24 texts at once, one is written");
    let refused = |id, code| (id, Verdict::Refused(Refusal { code, by: RADIO, voice: Voice::Radio }));
    assert_eq!(verdicts, [refused(no_channel, 6), refused(too_large, 7)], "what the simulated air carries is no evidence");
}

#[test]
fn the_recorded_silence_ends_in_a_refusal_that_leaves_it_open() {
    let Played { hand_overs, verdicts } = play(recording("e_queuestatus_text_noack_then_ack"));
    let [first, second] = [286_326_785, 286_326_786].map(PacketId);
    assert_eq!(hand_overs, [first, second].map(|id| HandOver::Accepted { id, free: 15 }));
    let [(id, Verdict::Refused(refusal))] = verdicts[..] else { panic!("one refusal") };
    assert_eq!((id, refusal.name(), refusal.prospect()), (second, "MAX_RETRANSMIT", Prospect::Open));
    assert!(!refusal.proves_not_sent(HandedOver::Once));
    assert_eq!(refusal.words(), "no confirmation; it may have arrived");
}

#[derive(Debug, Clone)]
enum Step {
    Send(u32),
    Status(u32, i32, u32),
    Wait(u64),
    Reconnect,
    Disconnect,
    Reboot,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u32..6).prop_map(Step::Send),
        4 => (0_u32..6, prop_oneof![4 => Just(0), 1 => any::<i32>()], 0_u32..3).prop_map(|(id, res, free)| Step::Status(id, res, free)),
        4 => (0_u64..6000).prop_map(Step::Wait),
        2 => Just(Step::Reconnect),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Reboot),
    ]
}

proptest! {
    #[test]
    fn texts_go_one_at_a_time_and_apart_and_each_is_accounted_for(steps in proptest::collection::vec(step(), 0..60)) {
        let mut client = Client::new(7);
        let mut under_way: Option<PacketId> = None;
        let mut last: Option<Uptime> = None;
        let (mut given, mut told) = (0, 0);
        for step in steps.into_iter().chain([Step::Disconnect]) {
            let written = match step {
                Step::Send(id) => {
                    given += 1;
                    client.send(text(id))
                }
                Step::Status(id, res, free) => {
                    client.receive(&status(id, res, free));
                    vec![]
                }
                Step::Wait(millis) => {
                    client.wait(millis);
                    vec![]
                }
                Step::Reconnect => {
                    // What it told before is still to be looked at.
                    let mut before = client.take_events();
                    client.input(Input::Disconnected);
                    before.append(&mut client.take_events());
                    client.shake_hands(RADIO);
                    client.events.splice(0..0, before);
                    vec![]
                }
                Step::Disconnect => {
                    client.input(Input::Disconnected);
                    vec![]
                }
                Step::Reboot => {
                    client.receive(&from_radio(PayloadVariant::Rebooted(true)));
                    vec![]
                }
            };
            for packet in written {
                prop_assert_eq!(under_way, None, "one at a time");
                prop_assert!(last.is_none_or(|last| client.now.since(last) >= PAUSE), "apart");
                (under_way, last) = (Some(PacketId(packet.id)), Some(client.now));
            }
            for hand_over in hand_overs(&mut client) {
                told += 1;
                if hand_over.is_written() {
                    prop_assert_eq!(under_way.take(), Some(hand_over.id()));
                }
            }
            prop_assert!(under_way.is_none() || client.session.may_send_from().is_none());
            prop_assert!(client.session.poll_timeout().is_none_or(|(at, _)| at > client.now));
        }
        prop_assert_eq!(given, told);
    }
}
