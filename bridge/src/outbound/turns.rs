//! Whose turn it is, what is taken back, what the air allows, and what a radio has to be told first.

use crate::outbound::{
    RowStage,
    play::{ANA, Mood, Play, ROOF, id, not_sent, offer, transmitted, waiting},
};
use kosmo_contract::{Base64Bytes, ChannelRef, Contact, Evidence, NotSentReason, Offer, Priority, Text, WaitReason};
use kosmo_domain::NodeId;
use kosmo_meshtastic::{outgoing::packet_id, proto};
use std::time::Duration;
use uuid::Uuid;

fn of(member: &str, number: u8) -> Offer {
    Offer { member: Some(Text::cut(member)), ..offer(number, 3600) }
}

/// Has these offered and granted while the radio is away, and returns in which order they are written once it is there.
fn order(offers: Vec<Offer>) -> Vec<u8> {
    let mut play = Play::ready();
    play.lose();
    for offer in offers {
        let number = u8::try_from(offer.message_id.as_u128() - 1).unwrap();
        play.offer(offer);
        play.grant(number);
    }
    play.connect(ROOF);
    for _ in 0..30 {
        play.answer();
        play.wait_s(10);
    }
    let mut written: Vec<_> = play.truth.iter().filter_map(|(id, truth)| Some((truth.written.first()?.1, *id))).collect();
    written.sort_unstable();
    written.into_iter().map(|(_, id)| u8::try_from(id.as_u128() - 1).unwrap()).collect()
}

#[test]
fn one_who_writes_many_holds_up_nobody_else() {
    let many = (0..5).map(|number| of("ana", number));
    let offers = many.chain([of("ben", 5), of("cleo", 6), of("ben", 7)]).collect();
    assert_eq!(order(offers), [0, 5, 6, 1, 7, 2, 3, 4]);
}

#[test]
fn what_has_priority_goes_first_and_what_can_wait_last() {
    let priority = |number, priority| Offer { priority, ..of("ana", number) };
    let offers = vec![priority(0, Priority::Low), of("ana", 1), priority(2, Priority::High), of("ben", 3)];
    assert_eq!(order(offers), [2, 3, 1, 0]);
}

#[test]
fn a_text_is_taken_back_until_its_radio_has_it() {
    let mut play = Play::ready();
    play.lose();
    play.send(1, 600);
    play.offer(offer(2, 600));
    play.cancel(1);
    play.cancel(2);
    assert_eq!((play.told(1), play.told(2)), (vec![not_sent(NotSentReason::Cancelled)], vec![not_sent(NotSentReason::Cancelled)]));
    // The grant was on its way when the text was taken back.
    play.grant(2);
    play.connect(ROOF);
    play.wait_s(60);
    assert_eq!((play.times_written(1), play.times_written(2)), (0, 0));

    play.send(3, 600);
    play.cancel(3);
    play.answer();
    play.wait_s(60);
    assert_eq!(play.told(3), [transmitted(3)], "it was too late");
    play.cancel(9);
    assert!(!play.truth.contains_key(&id(9)) || play.told(9).is_empty(), "of what it does not know a bridge says nothing");
}

#[test]
fn a_text_in_doubt_that_is_taken_back_is_not_repeated() {
    let mut play = Play::ready();
    play.mood = Mood::Silent { sends: true };
    play.send(1, 600);
    play.answer();
    play.cancel(1);
    play.connect(ROOF);
    play.wait_s(300);
    assert_eq!((play.times_written(1), play.told(1)), (1, vec![Evidence::Unknown]));
}

#[test]
fn what_waits_for_the_law_says_so_and_goes_when_it_may() {
    let mut play = Play::ready();
    play.rules.region = "EU_868";
    play.connect(ROOF);
    play.report(9.95, 5.0);
    play.send(1, 3600);
    play.wait_s(5);
    assert_eq!((play.told(1), play.times_written(1)), (vec![waiting(WaitReason::DutyCycle)], 0));
    let air = play.queue.air(play.now().uptime).unwrap();
    assert_eq!((air.waits_for, air.allowed_pct, air.channel_pct), (Some(WaitReason::DutyCycle), Some(10.0), Some(5.0)));
    assert!(air.used_pct.is_some_and(|used| (used - 9.95).abs() < 0.01) && air.waits_s >= Some(5));
    play.report(4.0, 5.0);
    assert_eq!(play.times_written(1), 1, "the radio says that there is room again");
    play.answer();
    play.wait_s(60);
    assert_eq!(play.queue.air(play.now().uptime).unwrap().waits_for, None);
}

#[test]
fn a_pause_that_ends_while_the_law_still_says_no_is_over_and_wakes_nobody() {
    let mut play = Play::ready();
    play.rules.region = "EU_868";
    play.connect(ROOF);
    play.mood = Mood::Refuses(9);
    play.send(1, 3600);
    play.answer();
    play.report(9.95, 5.0);
    // The radio's refusal holds texts up for a minute, what it said of its hour for ten: the stage fails if anything is due in vain.
    play.wait_s(300);
    assert_eq!(play.times_written(1), 1);
    play.mood = Mood::Takes;
    play.wait_s(400);
    assert_eq!((play.times_written(1), play.attempts(1)), (2, vec![0, 1]));
}

#[test]
fn on_a_busy_channel_people_s_texts_trickle_and_say_what_they_wait_for() {
    let mut play = Play::ready();
    play.report(0.0, 70.0);
    for number in 1..=2 {
        play.send(number, 3600);
    }
    play.answer();
    play.wait_s(30);
    assert_eq!((play.times_written(1), play.times_written(2)), (1, 0));
    assert_eq!(play.told(2).last(), Some(&waiting(WaitReason::Channel)));
    play.wait_s(31);
    assert_eq!(play.times_written(2), 1);
}

#[test]
fn a_confirmation_that_does_not_come_is_missed_once_and_taken_all_the_same() {
    let mut play = Play::ready();
    play.send(1, 600);
    play.answer();
    play.wait_s(60);
    play.relay(1);
    let packet_id = packet_id(id(1).as_u128(), 0);
    assert_eq!(play.told(1), [transmitted(1), Evidence::Relayed { packet_id }]);
    play.wait_s(600);
    assert_eq!(play.told(1).last(), Some(&Evidence::Unconfirmed { packet_id }));
    assert!(matches!(play.disk[&id(1)].stage, RowStage::Listening { .. }));
    play.acknowledge(1, true);
    assert_eq!(play.told(1).last(), Some(&Evidence::Acknowledged { packet_id, by: ANA, proven: false }), "late truth is told");
    assert_eq!(play.told(1).len(), 4);

    play.send(2, 600);
    play.answer();
    play.acknowledge(2, true);
    play.wait_s(1200);
    assert_eq!(play.told(2).len(), 1, "what was confirmed is not missed");
}

#[test]
fn a_text_to_everybody_goes_on_its_channel_if_the_radio_has_it_and_is_never_missed() {
    let channel = |hash| Some(ChannelRef { name: Text::cut("LongFast"), hash });
    let to_all = |number, hash| Offer { to: NodeId::BROADCAST, channel: channel(hash), ..offer(number, 600) };
    let mut play = Play::ready();
    play.offer(to_all(1, 8));
    play.offer(to_all(2, 9));
    assert_eq!(play.truth[&id(1)].receipts, [Evidence::Claimed]);
    assert!(play.truth[&id(2)].receipts.is_empty(), "this radio is not on that channel");
    play.grant(1);
    play.answer();
    play.wait_s(1700);
    assert_eq!(play.told(1), [transmitted(1)]);
    assert_eq!(play.truth[&id(1)].written[0].0.to, NodeId::BROADCAST);
}

fn with_contact(number: u8, key: u8) -> Offer {
    let public_key = Base64Bytes::try_from(vec![key; 32]).unwrap();
    Offer { contact: Some(Contact { public_key, long_name: None, short_name: None, confirmed: false }), ..offer(number, 600) }
}

#[test]
fn a_radio_is_told_of_a_node_before_its_text_and_once() {
    let mut play = Play::ready();
    for number in 1..=2 {
        play.offer(with_contact(number, 7));
        play.grant(number);
        play.answer();
        play.wait_s(10);
    }
    assert_eq!((play.contacts.len(), play.times_written(1), play.times_written(2)), (1, 1, 1));
    assert_eq!(play.contacts[0].to, ROOF, "it goes to the radio itself");
    let texts: Vec<_> = (0..=255).map(|attempt| packet_id(id(1).as_u128(), attempt)).collect();
    assert!(!texts.contains(&play.contacts[0].packet_id));
}

#[test]
fn a_radio_that_misses_a_key_is_told_it_and_given_the_text_again() {
    let missing = proto::routing::Error::PkiSendFailPublicKey as u32;
    let mut play = Play::ready();
    play.offer(with_contact(1, 7));
    play.mood = Mood::Refuses(missing);
    play.grant(1);
    play.mood = Mood::Takes;
    play.answer();
    play.wait(Duration::from_secs(5));
    assert_eq!((play.attempts(1), play.contacts.len()), (vec![0, 1], 2));
    play.answer();
    play.wait_s(60);
    assert_eq!(play.told(1).last(), Some(&transmitted_at(1, 1)));

    play.send(2, 600);
    assert_eq!(play.times_written(2), 1);
    play.mood = Mood::Refuses(missing);
    let mut other = Play::ready();
    other.mood = Mood::Refuses(missing);
    other.send(3, 600);
    other.answer();
    assert_eq!(other.told(3), [not_sent(NotSentReason::RadioRefused)], "nobody knows the key");
}

fn transmitted_at(number: u8, attempt: u8) -> Evidence {
    Evidence::Transmitted { packet_id: packet_id(Uuid::as_u128(&id(number)), attempt) }
}
