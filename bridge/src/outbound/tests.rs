//! The journey of a text through the bridge, step by step.

use crate::{
    counters::Counter,
    outbound::{
        MAX_TEXTS, RowStage,
        play::{ANA, Crash, Mood, Play, ROOF, SHED, id, not_sent, offer, transmitted, waiting},
    },
};
use kosmo_contract::{Evidence, NotSentReason, Offer, Text, WaitReason};
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{
    airtime::Modem,
    outgoing::packet_id,
    radio::{Lora, RadioState},
};
use std::time::Duration;
use uuid::Uuid;

fn claims(play: &Play, number: u8) -> usize {
    play.truth[&id(number)].receipts.iter().filter(|told| **told == Evidence::Claimed).count()
}

#[test]
fn a_text_is_claimed_granted_given_and_told_as_sent_after_its_airtime() {
    let mut play = Play::ready();
    play.offer(offer(1, 600));
    assert_eq!((claims(&play, 1), play.times_written(1)), (1, 0));
    play.grant(1);
    assert_eq!((play.attempts(1), play.times_written(1)), (vec![0], 1));
    play.answer();
    play.wait_s(5);
    assert_eq!(play.told(1), [], "nobody knows yet whether a refusal follows");
    play.wait_s(60);
    assert_eq!(play.told(1), [transmitted(1)]);
    play.acknowledge(1, true);
    let packet_id = packet_id(id(1).as_u128(), 0);
    assert_eq!(play.told(1)[1], Evidence::Acknowledged { packet_id, by: ANA, proven: false });
    play.wait_s(1800);
    assert!(play.disk.is_empty());
}

#[test]
fn without_an_answer_a_claim_is_made_again_and_while_nobody_offers_it_later_and_later() {
    let mut play = Play::ready();
    play.offer(offer(1, 3600));
    play.wait_s(9);
    assert_eq!(claims(&play, 1), 1);
    play.wait_s(1);
    assert_eq!(claims(&play, 1), 2);
    play.wait_s(10);
    assert_eq!(claims(&play, 1), 2);
    play.wait_s(10);
    assert_eq!(claims(&play, 1), 3);
    play.offer(offer(1, 3500));
    play.wait_s(10);
    assert_eq!(claims(&play, 1), 4, "whoever offers it listens");
    play.queue.set_online(false);
    play.wait_s(1000);
    assert_eq!(claims(&play, 1), 4);
}

#[test]
fn without_a_radio_nothing_is_claimed_unless_it_is_expected_back() {
    let mut play = Play::new();
    play.queue.set_online(true);
    play.offer(offer(1, 600));
    assert!(play.truth[&id(1)].receipts.is_empty());
    play.connect(ROOF);
    assert_eq!(claims(&play, 1), 1);
    play.lose();
    play.offer(offer(2, 600));
    assert_eq!(claims(&play, 2), 1);
    play.wait_s(31);
    play.offer(offer(3, 600));
    assert!(play.truth[&id(3)].receipts.is_empty());
    play.offer(Offer { to: ROOF, ..offer(4, 600) });
    play.connect(ROOF);
    assert_eq!(claims(&play, 3), 1);
    assert!(play.truth[&id(4)].receipts.is_empty(), "no radio sends to itself");
}

#[test]
fn a_radio_that_is_set_not_to_send_claims_nothing() {
    for (region, tx_enabled, claims_made) in [("EU_868", true, 1), ("EU_868", false, 0), ("UNSET", true, 0)] {
        let mut play = Play::ready();
        let lora = Lora { region: region.to_owned(), modem_preset: None, modem: Modem::SLOWEST, hop_limit: 3, tx_enabled };
        let radio = RadioState { lora: Some(lora), ..RadioState::new(ROOF) };
        play.queue.on_radio_ready(&radio, play.now());
        play.offer(offer(1, 600));
        assert_eq!((claims(&play, 1), play.queue.is_mute()), (claims_made, claims_made == 0));
    }
}

#[test]
fn offers_that_nobody_could_send_are_refused_and_those_for_others_are_none() {
    let mut play = Play::ready();
    let now = play.now();
    let refused = Err(Counter::OffersRefused);
    for number in [0, 1, 3, u32::MAX] {
        assert_eq!(play.queue.on_offer(Offer { to: NodeId::from_number(number), ..offer(1, 600) }, now), refused);
    }
    for ttl_s in [0, 604_801, u32::MAX] {
        assert_eq!(play.queue.on_offer(offer(1, ttl_s), now), refused);
    }
    assert_eq!(play.queue.on_offer(Offer { text: Text::cut(""), ..offer(1, 600) }, now), refused);
    assert_eq!(play.queue.on_offer(Offer { bridge: Some("shed".parse().unwrap()), ..offer(1, 600) }, now), Ok(()));
    assert!(play.queue.changes(now).is_empty());
    for number in 0..MAX_TEXTS as u128 {
        let message_id = Uuid::from_u128(1000 + number);
        assert_eq!(play.queue.on_offer(Offer { message_id, ..offer(1, 600) }, now), Ok(()));
    }
    assert_eq!(play.queue.on_offer(offer(1, 600), now), Err(Counter::OffersNoRoom));
}

#[test]
fn texts_leave_in_the_order_of_their_grants_paced_and_say_that_they_wait_for_their_turn() {
    let mut play = Play::ready();
    for number in 0..24 {
        play.offer(offer(number, 600));
    }
    for number in (0..24).rev() {
        play.grant(number);
    }
    for _ in 0..24 {
        play.answer();
        play.wait(Duration::from_millis(2500));
    }
    let mut times: Vec<_> = (0..24).map(|number| (play.truth[&id(number)].written[0].1, number)).collect();
    times.sort();
    assert_eq!(times.iter().map(|(_, number)| *number).collect::<Vec<_>>(), (0..24).rev().collect::<Vec<_>>());
    assert!(times.windows(2).all(|two| two[1].0 >= two[0].0 + Duration::from_millis(2500)));
    play.answer();
    play.wait_s(60);
    assert_eq!(play.told(23), [transmitted(23)], "what need not wait does not say so");
    assert_eq!(play.told(0), [waiting(WaitReason::Turn), transmitted(0)]);
}

#[test]
fn what_a_text_waits_for_is_told_when_it_changes_and_not_for_ever() {
    let mut play = Play::ready();
    play.offer(offer(1, 3600));
    play.room(0);
    play.grant(1);
    play.wait_s(10);
    assert_eq!(play.told(1), [waiting(WaitReason::RadioQueue)]);
    play.lose();
    play.wait_s(10);
    assert_eq!(play.told(1)[1..], [waiting(WaitReason::Radio)]);
    play.mood = Mood::Refuses(9);
    play.connect(ROOF);
    play.answer();
    assert_eq!(play.times_written(1), 1);
    for _ in 0..7 {
        play.wait_s(4);
        play.lose();
        play.wait_s(4);
        play.connect(ROOF);
    }
    assert_eq!(play.told(1).len(), 2 + 8, "it is told eight times at most while it waits for one attempt");
    play.wait_s(10);
    assert_eq!(play.times_written(1), 2);
}

#[test]
fn what_was_revoked_or_ran_out_is_not_sent_and_only_the_holder_of_a_grant_says_so() {
    let mut play = Play::ready();
    play.offer(offer(1, 60));
    play.revoke(1);
    play.offer(offer(2, 60));
    play.room(0);
    play.send(3, 60);
    play.revoke(3);
    play.send(4, 30);
    play.wait_s(61);
    play.room(15);
    assert_eq!((play.told(1), play.told(2)), (vec![], vec![]));
    assert_eq!(play.told(3), [not_sent(NotSentReason::Revoked)]);
    assert_eq!(play.told(4), [waiting(WaitReason::RadioQueue), not_sent(NotSentReason::Expired)]);
    play.grant(2);
    assert_eq!(play.told(2), [not_sent(NotSentReason::Expired)], "whoever is granted a text too late says so");
    for number in 1..=4 {
        play.offer(offer(number, 60));
        play.grant(number);
        play.grant(number);
    }
    play.answer();
    assert_eq!([1, 2, 3, 4].map(|number| play.times_written(number)), [1, 0, 0, 0], "what was told as not sent stays unsent");
}

#[test]
fn what_the_radio_refuses_for_good_ends_there() {
    for (code, reason) in [(7, NotSentReason::TooLarge), (6, NotSentReason::RadioRefused), (34, NotSentReason::RadioRefused)] {
        let mut play = Play::ready();
        play.mood = Mood::Refuses(code);
        play.send(1, 600);
        play.send(2, 600);
        play.answer();
        assert_eq!(play.told(1), [not_sent(reason)]);
        play.wait_s(3);
        assert_eq!(play.times_written(2), 1, "the next has its turn");
    }
}

#[test]
fn limits_are_waited_for_with_another_id() {
    let mut play = Play::ready();
    play.mood = Mood::Refuses(9);
    play.send(1, 3600);
    play.answer();
    play.wait_s(30);
    assert_eq!(play.told(1), [waiting(WaitReason::DutyCycle)]);
    play.mood = Mood::RateLimited;
    play.wait_s(30);
    play.answer();
    play.mood = Mood::Takes;
    play.wait_s(3);
    play.answer();
    play.wait_s(60);
    assert_eq!(play.attempts(1), [0, 1, 2]);
    assert_eq!(play.told(1).last(), Some(&Evidence::Transmitted { packet_id: packet_id(id(1).as_u128(), 2) }));
}

#[test]
fn in_doubt_the_same_packet_goes_to_the_same_radio_after_a_reconnect_and_only_for_4_minutes() {
    let mut play = Play::ready();
    play.mood = Mood::Silent { sends: false };
    play.send(1, 3600);
    play.answer();
    play.wait_s(60);
    assert_eq!(play.times_written(1), 1, "on the same connection the radio would ignore it");
    play.connect(SHED);
    play.wait_s(5);
    assert_eq!(play.times_written(1), 1);
    play.mood = Mood::Takes;
    play.connect(ROOF);
    assert_eq!((play.times_written(1), play.attempts(1)), (2, vec![0]));
    play.answer();
    play.wait_s(60);
    assert_eq!(play.told(1), [transmitted(1)]);

    let mut play = Play::ready();
    play.mood = Mood::Silent { sends: true };
    play.send(1, 3600);
    play.answer();
    play.lose();
    play.wait_s(240);
    assert_eq!(play.told(1), [Evidence::Unknown]);
    play.connect(ROOF);
    play.wait_s(10);
    assert_eq!(play.times_written(1), 1);
    play.acknowledge(1, false);
    assert_eq!(play.told(1), [Evidence::Unknown], "what came over MQTT proves nothing");
    play.acknowledge(1, true);
    assert!(matches!(play.told(1)[..], [Evidence::Unknown, Evidence::Acknowledged { .. }]), "late truth is told");
}

#[test]
fn a_refusal_of_a_repetition_proves_nothing_of_the_first() {
    for mood in [Mood::Refuses(34), Mood::Refuses(9), Mood::RateLimited] {
        let mut play = Play::ready();
        play.mood = Mood::Silent { sends: true };
        play.send(1, 3600);
        play.answer();
        play.mood = mood;
        play.connect(ROOF);
        play.wait_s(3);
        assert_eq!(play.times_written(1), 2);
        play.answer();
        play.wait_s(240);
        assert_eq!((play.told(1), play.attempts(1)), (vec![Evidence::Unknown], vec![0]), "{mood:?}");
    }
}

#[test]
fn the_region_s_limit_after_the_radio_took_it_may_concern_one_of_its_own_repetitions() {
    let mut play = Play::ready();
    play.send(1, 3600);
    play.answer();
    play.complain(1, 9);
    let packet_id = packet_id(id(1).as_u128(), 0);
    assert_eq!(play.told(1), [Evidence::Refused { packet_id, code: 9, by: ROOF }]);
    play.wait_s(600);
    assert_eq!(play.times_written(1), 1);
    play.acknowledge(1, true);
    play.complain(1, 5);
    assert!(matches!(play.told(1)[..], [Evidence::Refused { .. }, Evidence::Acknowledged { .. }]));
}

#[test]
fn a_neighbour_that_passes_it_on_resolves_a_doubt() {
    let mut play = Play::ready();
    play.mood = Mood::Full { sends: true };
    play.send(1, 600);
    play.answer();
    play.send(2, 600);
    play.wait_s(10);
    assert_eq!(play.times_written(2), 0, "a full radio is given nothing");
    play.relay(1);
    play.mood = Mood::Takes;
    play.room(9);
    let packet_id = packet_id(id(1).as_u128(), 0);
    assert_eq!(play.told(1), [Evidence::Transmitted { packet_id }, Evidence::Relayed { packet_id }]);
    assert_eq!(play.times_written(2), 1);
    play.connect(ROOF);
    assert_eq!(play.times_written(1), 1);
}

#[test]
fn a_crash_before_the_commit_never_happened_and_one_after_it_is_a_doubt() {
    for (crash, written_before) in [(Crash::BeforeCommit, 0), (Crash::BeforeWrite, 0), (Crash::AfterWrite, 1)] {
        for (away_s, is_repeated) in [(60, true), (239, true), (241, false)] {
            let mut play = Play::ready();
            play.offer(offer(1, 3600));
            play.crash = Some(crash);
            play.grant(1);
            assert_eq!(play.times_written(1), written_before, "{crash:?}");
            play.restart(Duration::from_secs(away_s), 0);
            play.grant(1);
            play.connect(ROOF);
            play.answer();
            play.wait_s(150);
            let was_committed = crash != Crash::BeforeCommit;
            let is_told = if is_repeated || !was_committed { transmitted(1) } else { Evidence::Unknown };
            assert_eq!(play.told(1), [is_told], "{crash:?}, away for {away_s} s");
            assert_eq!(play.attempts(1), [0], "{crash:?}, away for {away_s} s");
        }
    }
}

#[test]
fn time_runs_on_while_the_bridge_is_away_and_a_clock_that_ran_backwards_ends_it() {
    for (away_s, clock_error_s, is_sent) in [(50, 0, true), (70, 0, false), (50, 20, false), (50, -3600, false)] {
        let mut play = Play::ready();
        play.room(0);
        play.send(1, 60);
        play.restart(Duration::from_secs(away_s), clock_error_s);
        play.connect(ROOF);
        play.answer();
        play.wait_s(120);
        let told = play.told(1);
        let expect = if is_sent { transmitted(1) } else { not_sent(NotSentReason::Expired) };
        assert_eq!(told.last(), Some(&expect), "away for {away_s} s, clock off by {clock_error_s} s");
    }
}

#[test]
fn what_cannot_be_written_down_is_not_sent() {
    let mut play = Play::ready();
    play.offer(offer(1, 600));
    play.disk_is_full = true;
    play.grant(1);
    play.wait_s(30);
    assert_eq!((play.times_written(1), play.told(1)), (0, vec![]));
    play.disk_is_full = false;
    play.wait_s(1);
    play.drive();
    assert_eq!((play.times_written(1), play.attempts(1)), (1, vec![0]));
}

#[test]
fn a_text_whose_time_runs_out_while_it_is_written_down_is_not_sent() {
    let mut play = Play::ready();
    play.commit_takes = Duration::from_secs(20);
    play.send(1, 10);
    assert_eq!((play.times_written(1), play.attempts(1), play.told(1)), (0, vec![0], vec![not_sent(NotSentReason::Expired)]));
}

#[test]
fn after_a_restart_a_refusal_may_be_of_a_repetition_in_the_life_before() {
    let mut play = Play::ready();
    play.mood = Mood::Silent { sends: true };
    play.send(1, 3600);
    play.answer();
    play.connect(ROOF);
    play.wait_s(3);
    assert_eq!(play.times_written(1), 2);
    play.restart(Duration::ZERO, 0);
    play.connect(ROOF);
    play.complain(1, 38);
    assert_eq!(play.disk[&id(1)].attempt, 0, "the first may have been sent");
}

#[test]
fn of_many_texts_that_ended_the_last_are_remembered_without_their_words() {
    let mut play = Play::ready();
    for number in 0..1200 {
        let message_id = Uuid::from_u128(number);
        play.offer(Offer { message_id, reply_to: Some(PacketId(0)), ..offer(1, 604_800) });
        play.queue.on_granted(message_id, play.now());
        play.truth.get_mut(&message_id).unwrap().granted = true;
        play.queue.on_revoked(message_id, play.now());
        play.elapsed += Duration::from_millis(1);
    }
    play.drive();
    assert!(play.disk.keys().map(Uuid::as_u128).eq(200..1200));
    assert!(play.disk.values().all(|row| matches!(row.stage, RowStage::NotSent { .. }) && row.text.is_empty()));
}
