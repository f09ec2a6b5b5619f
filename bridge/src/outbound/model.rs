//! Whatever happens, in whatever order: the rules of [`Play`] hold, and everything granted comes to an end that is told.

use crate::outbound::{
    play::{Crash, Mood, Play, ROOF, SHED, id, offer},
    truth::Truth,
};
use kosmo_contract::{Evidence, Offer, Priority, Text};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
enum Step {
    Offer { number: u8, ttl_s: u32, priority: Priority },
    Grant(u8),
    Revoke(u8),
    Cancel(u8),
    Report { used: f32, channel: f32 },
    Region(&'static str),
    Mood(Mood),
    Answer,
    Acknowledge { number: u8, is_real: bool },
    Relay(u8),
    Complain { number: u8, code: u32 },
    Room(u32),
    Connect { is_ours: bool },
    Lose,
    Online(bool),
    Wait { seconds: u64 },
    DiskFull(bool),
    SlowDisk(bool),
    Crash(Crash),
    Restart { after_s: u64, clock_error_s: i64 },
}

/// How many texts there are.
const TEXTS: u8 = 6;

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![1 => Just(Priority::Low), 6 => Just(Priority::Normal), 1 => Just(Priority::High)]
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        3 => Just(Mood::Takes),
        1 => any::<bool>().prop_map(|sends| Mood::Full { sends }),
        2 => any::<bool>().prop_map(|sends| Mood::Silent { sends }),
        2 => prop_oneof![Just(6), Just(7), Just(9), Just(32), Just(34), Just(38), Just(39)].prop_map(Mood::Refuses),
        1 => Just(Mood::RateLimited),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..TEXTS;
    let crash = prop_oneof![Just(Crash::BeforeCommit), Just(Crash::BeforeWrite), Just(Crash::AfterWrite)];
    prop_oneof![
        4 => (number.clone(), prop_oneof![1..60_u32, 60..600_u32, Just(3600)], priority()).prop_map(|(number, ttl_s, priority)| Step::Offer { number, ttl_s, priority }),
        5 => number.clone().prop_map(Step::Grant),
        1 => number.clone().prop_map(Step::Revoke),
        2 => number.clone().prop_map(Step::Cancel),
        2 => (prop_oneof![Just(0.0_f32), 0.0..1.0_f32, 5.0..15.0_f32], prop_oneof![Just(5.0_f32), 20.0..60.0_f32])
            .prop_map(|(used, channel)| Step::Report { used, channel }),
        1 => prop_oneof![Just("US"), Just("EU_868"), Just("UA_868")].prop_map(Step::Region),
        3 => mood().prop_map(Step::Mood),
        5 => Just(Step::Answer),
        2 => (number.clone(), any::<bool>()).prop_map(|(number, is_real)| Step::Acknowledge { number, is_real }),
        1 => number.clone().prop_map(Step::Relay),
        1 => (number, prop_oneof![Just(5), Just(9), Just(39)]).prop_map(|(number, code)| Step::Complain { number, code }),
        1 => (0..16_u32).prop_map(Step::Room),
        3 => prop::bool::weighted(0.8).prop_map(|is_ours| Step::Connect { is_ours }),
        1 => Just(Step::Lose),
        1 => any::<bool>().prop_map(Step::Online),
        4 => prop_oneof![0..10_u64, 0..300_u64].prop_map(|seconds| Step::Wait { seconds }),
        1 => any::<bool>().prop_map(Step::DiskFull),
        1 => any::<bool>().prop_map(Step::SlowDisk),
        2 => crash.prop_map(Step::Crash),
        2 => (0..300_u64, prop_oneof![3 => Just(0), 1 => 0..100_i64, 1 => Just(-86_400)])
            .prop_map(|(after_s, clock_error_s)| Step::Restart { after_s, clock_error_s }),
    ]
}

fn take(play: &mut Play, step: Step) {
    match step {
        Step::Offer { number, ttl_s, priority } => {
            // A cloud offers what it never granted; an offer that comes late comes while the text is remembered.
            let is_over = |truth: &Truth| truth.is_held && !play.disk.contains_key(&id(number));
            if !play.truth.get(&id(number)).is_some_and(is_over) {
                // Two members write: the first half of the texts is one's, the others another's. What goes first stays so.
                let priority = play.truth.get(&id(number)).map_or(priority, |truth| truth.priority);
                let member = Some(Text::cut(if number < TEXTS / 2 { "a" } else { "b" }));
                play.offer(Offer { priority, member, ..offer(number, ttl_s) });
            }
        }
        Step::Grant(number) => {
            // A cloud grants what was claimed, while there is time.
            let elapsed = play.elapsed;
            let is_open = |truth: &Truth| truth.claimed && truth.deadline.is_some_and(|deadline| elapsed < deadline);
            if play.truth.get(&id(number)).is_some_and(is_open) {
                play.grant(number);
            }
        }
        Step::Revoke(number) => play.revoke(number),
        Step::Cancel(number) => {
            // A cloud asks the bridge that it granted a text, which may not have heard of the grant yet.
            let elapsed = play.elapsed;
            let is_open = |truth: &Truth| truth.granted || (truth.claimed && truth.deadline.is_some_and(|deadline| elapsed < deadline));
            if play.truth.get(&id(number)).is_some_and(is_open) {
                play.cancel(number);
            }
        }
        Step::Report { used, channel } => play.report(used, channel),
        Step::Region(region) => {
            play.rules.region = region;
            play.connect(ROOF);
        }
        Step::Mood(mood) => play.mood = mood,
        Step::Answer => play.answer(),
        Step::Acknowledge { number, is_real } => play.acknowledge(number, is_real),
        Step::Relay(number) => play.relay(number),
        Step::Complain { number, code } => play.complain(number, code),
        Step::Room(free) => play.room(free),
        Step::Connect { is_ours } => play.connect(if is_ours { ROOF } else { SHED }),
        Step::Lose => play.lose(),
        Step::Online(is_online) => {
            play.queue.set_online(is_online);
            play.drive();
        }
        Step::Wait { seconds } => play.wait_s(seconds),
        Step::DiskFull(is_full) => play.disk_is_full = is_full,
        Step::SlowDisk(is_slow) => play.commit_takes = Duration::from_secs(if is_slow { 20 } else { 0 }),
        Step::Crash(crash) => play.crash = Some(crash),
        Step::Restart { after_s, clock_error_s } => play.restart(Duration::from_secs(after_s), clock_error_s),
    }
}

/// Tells whether nothing more is to be said.
fn is_end(told: &Evidence) -> bool {
    match told {
        Evidence::Claimed | Evidence::Waiting { .. } | Evidence::HandedOver { .. } | Evidence::Relayed { .. } => false,
        Evidence::Transmitted { .. }
        | Evidence::Acknowledged { .. }
        | Evidence::Refused { .. }
        | Evidence::NotSent { .. }
        | Evidence::Unconfirmed { .. }
        | Evidence::Unknown => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_text_is_sent_twice_and_what_is_told_is_true(steps in proptest::collection::vec(step(), 1..60)) {
        let mut play = Play::ready();
        for step in steps {
            take(&mut play, step);
        }
        (play.disk_is_full, play.crash) = (false, None);
        play.answer();
        play.wait_s(7200);
        for number in 0..TEXTS {
            let Some(truth) = play.truth.get(&id(number)) else { continue };
            let has_ended = truth.receipts.iter().any(is_end);
            prop_assert!(has_ended || !truth.is_held, "text {} was granted, and nobody knows what became of it: {:?}", number, truth);
        }
        prop_assert!(play.disk.is_empty(), "what is over is forgotten: {:?}", play.disk);
    }
}
