//! The checker notices whatever breaks a promise.

use super::*;
use crate::chaos::evidence::{HeardReading, HeardText, Hour};
use kosmo_domain::HOUR;

const STATION: NodeId = NodeId::from_number(7);
const RADIO: NodeId = NodeId::from_number(1);
const PERSON: NodeId = NodeId::from_number(9);
const MEMBER: Uuid = Uuid::from_u128(1);
const TEXT: Uuid = Uuid::from_u128(2);
const ANSWER: Uuid = Uuid::from_u128(3);

fn at(minute: u32) -> Timestamp {
    Timestamp::from_unix_seconds(1_750_000_000).floor_to(HOUR).plus(std::time::Duration::from_mins(1) * minute)
}

fn heard(minute: u32, place: usize) -> HeardReading {
    HeardReading { station: STATION, at: at(minute), temperature: 20.0, surety: Surety::Surely, place: Some(place) }
}

/// A system that keeps its word: three readings of an hour, and a text that was delivered and answered.
fn sound() -> (Truth, Found) {
    let text = SentText {
        id: TEXT,
        member: MEMBER,
        habit: Habit::Confirms,
        packets: BTreeSet::from([(RADIO, 77)]),
        shown: 1,
        confirmed: Surety::Surely,
        refused: Surety::Never,
        taken_back: None,
    };
    let answer = HeardText { from: PERSON, packet: 78, answers: Some(TEXT), surety: Surety::Surely };
    let truth = Truth { readings: vec![heard(1, 0), heard(2, 1), heard(3, 2)], texts: vec![text], answers: vec![answer], death: None };
    let ledger = Ledger {
        reserved: 0,
        committed: 1,
        events: vec![
            (1, "message_accepted".to_owned(), TEXT),
            (2, "message_changed".to_owned(), TEXT),
            (3, "message_changed".to_owned(), TEXT),
            (4, "text_received".to_owned(), ANSWER),
        ],
        received: vec![(ANSWER, ReceivedText { from: PERSON, packet: 78, answers: Some(TEXT) })],
    };
    let told = ToldText { status: "delivered".to_owned(), charge: "committed".to_owned(), attempts: vec![0] };
    let found = Found {
        readings: BTreeMap::from([(STATION, vec![(at(1), 20.0), (at(2), 20.0), (at(3), 20.0)])]),
        hours: BTreeMap::from([((STATION, at(0)), Hour { readings: 3, mean: 20.0, min: 20.0, max: 20.0 })]),
        texts: BTreeMap::from([(TEXT, told)]),
        members: BTreeMap::from([(MEMBER, ledger)]),
        gaps: Vec::new(),
    };
    (truth, found)
}

/// Breaks a sound system, and tells which promises the checker finds broken.
fn broken(plant: impl FnOnce(&mut Truth, &mut Found)) -> BTreeSet<Rule> {
    let (mut truth, mut found) = sound();
    plant(&mut truth, &mut found);
    check(&truth, &found).into_iter().map(|violation| violation.rule).collect()
}

fn told(found: &mut Found) -> &mut ToldText {
    found.texts.get_mut(&TEXT).unwrap()
}

fn ledger(found: &mut Found) -> &mut Ledger {
    found.members.get_mut(&MEMBER).unwrap()
}

fn stored(found: &mut Found) -> &mut Vec<(Timestamp, f64)> {
    found.readings.get_mut(&STATION).unwrap()
}

#[test]
fn a_system_that_keeps_its_word_is_left_alone() {
    let (truth, found) = sound();
    assert_eq!(check(&truth, &found), []);
}

#[test]
fn a_reading_that_was_on_disk_is_stored() {
    assert!(
        broken(|_, found| {
            stored(found).remove(1);
        })
        .contains(&Rule::ReadingStored)
    );
    let perhaps = |truth: &mut Truth, found: &mut Found| {
        truth.readings[2].surety = Surety::Perhaps;
        stored(found).pop();
        found.hours.get_mut(&(STATION, at(0))).unwrap().readings = 2;
    };
    assert!(broken(perhaps).is_empty());
}

#[test]
fn a_reading_is_stored_once_and_as_it_was() {
    let once = BTreeSet::from([Rule::ReadingOnce]);
    assert!(broken(|_, found| stored(found).push((at(3), 20.0))).is_superset(&once));
    assert!(broken(|_, found| stored(found).push((at(9), 20.0))).is_superset(&once));
    assert!(broken(|_, found| stored(found)[0].1 = 21.0).is_superset(&once));
}

#[test]
fn a_death_takes_the_end_and_never_the_middle() {
    let plant = |truth: &mut Truth, found: &mut Found| {
        truth.readings.iter_mut().for_each(|reading| reading.surety = Surety::Perhaps);
        stored(found).remove(1);
        found.hours.get_mut(&(STATION, at(0))).unwrap().readings = 2;
    };
    assert_eq!(broken(plant), BTreeSet::from([Rule::ReadingsInOrder]));
}

#[test]
fn what_a_death_took_is_told_as_a_gap() {
    let plant = |gap: Option<(u32, Option<u32>)>| {
        move |truth: &mut Truth, found: &mut Found| {
            truth.readings[2].surety = Surety::Perhaps;
            truth.death = Some(("north".to_owned(), at(4)));
            stored(found).pop();
            found.hours.get_mut(&(STATION, at(0))).unwrap().readings = 2;
            found.gaps =
                gap.map(|(from, until)| Gap { bridge: "north".to_owned(), from: at(from), until: until.map(at) }).into_iter().collect();
        }
    };
    assert_eq!(broken(plant(None)), BTreeSet::from([Rule::LossIsTold]));
    assert_eq!(broken(plant(Some((5, Some(6))))), BTreeSet::from([Rule::LossIsTold]));
    assert_eq!(broken(plant(Some((3, Some(5))))), BTreeSet::new());
    assert_eq!(broken(plant(Some((3, None)))), BTreeSet::new());
}

#[test]
fn hours_are_the_sum_of_their_readings() {
    let hours = BTreeSet::from([Rule::HoursAddUp]);
    assert_eq!(broken(|_, found| found.hours.clear()), hours);
    for spoil in [|hour: &mut Hour| hour.readings = 4, |hour: &mut Hour| hour.mean = 19.0, |hour: &mut Hour| hour.max = 30.0] {
        assert_eq!(broken(|_, found| spoil(found.hours.get_mut(&(STATION, at(0))).unwrap())), hours);
    }
    let nothing = Hour { readings: 1, mean: 1.0, min: 1.0, max: 1.0 };
    assert_eq!(
        broken(|_, found| {
            found.hours.insert((STATION, at(600)), nothing);
        }),
        hours
    );
}

#[test]
fn a_text_is_on_the_air_as_one_packet_and_shown_once() {
    assert_eq!(
        broken(|truth, _| {
            truth.texts[0].packets.insert((RADIO, 79));
        }),
        BTreeSet::from([Rule::OnePacket])
    );
    assert_eq!(broken(|truth, _| truth.texts[0].shown = 2), BTreeSet::from([Rule::ShownOnce]));
    assert_eq!(broken(|truth, _| truth.texts[0].shown = 0), BTreeSet::from([Rule::Reached]));
}

#[test]
fn what_was_confirmed_is_delivered_and_nothing_else_is() {
    let said = |status: &'static str| move |_: &mut Truth, found: &mut Found| told(found).status = status.to_owned();
    assert!(broken(said("transmitted")).contains(&Rule::ConfirmedIsDelivered));
    assert!(broken(|truth, _| truth.texts[0].confirmed = Surety::Never).contains(&Rule::StatusIsTrue));
    for status in ["pending", "queued", "expired", "failed"] {
        assert!(broken(said(status)).contains(&Rule::StatusIsTrue), "{status}");
    }
    let lost_with_its_bridge = |truth: &mut Truth, found: &mut Found| {
        truth.texts[0].confirmed = Surety::Perhaps;
        told(found).status = "transmitted".to_owned();
    };
    assert!(broken(lost_with_its_bridge).is_empty());
    let never_sent = |truth: &mut Truth, found: &mut Found| {
        truth.texts[0].packets.clear();
        truth.texts[0].confirmed = Surety::Never;
        told(found).status = "transmitted".to_owned();
    };
    assert!(broken(never_sent).contains(&Rule::StatusIsTrue));
}

#[test]
fn what_is_taken_back_was_not_sent_and_costs_nothing() {
    let withheld = |said: TakenBack| {
        move |truth: &mut Truth, found: &mut Found| {
            let text = &mut truth.texts[0];
            (text.taken_back, text.shown, text.confirmed) = (Some(said), 0, Surety::Never);
            text.packets.clear();
            truth.answers.clear();
            (told(found).status, told(found).charge) = ("expired".to_owned(), "released".to_owned());
            let ledger = ledger(found);
            ledger.committed = 0;
            ledger.received.clear();
            ledger.events.pop();
        }
    };
    assert_eq!(broken(withheld(TakenBack::Done)), BTreeSet::new());
    assert_eq!(broken(withheld(TakenBack::Asked)), BTreeSet::new());
    assert_eq!(broken(withheld(TakenBack::TooLate)), BTreeSet::from([Rule::Reached, Rule::StatusIsTrue]));
    assert_eq!(broken(|truth, _| truth.texts[0].taken_back = Some(TakenBack::Done)), BTreeSet::from([Rule::TakenBack]));
    assert_eq!(broken(|truth, _| truth.texts[0].taken_back = Some(TakenBack::Asked)), BTreeSet::new(), "the radio was quicker");
    let in_doubt = |truth: &mut Truth, found: &mut Found| {
        withheld(TakenBack::Asked)(truth, found);
        (told(found).status, told(found).charge) = ("queued".to_owned(), "reserved".to_owned());
        ledger(found).reserved = 1;
    };
    assert_eq!(broken(in_doubt), BTreeSet::new());
    let unpaid = |truth: &mut Truth, found: &mut Found| {
        withheld(TakenBack::Asked)(truth, found);
        told(found).charge = "reserved".to_owned();
        ledger(found).reserved = 1;
    };
    assert!(broken(unpaid).contains(&Rule::StatusIsTrue));
}

#[test]
fn an_accepted_text_is_there() {
    assert!(broken(|_, found| drop(found.texts.remove(&TEXT))).contains(&Rule::TextKept));
}

#[test]
fn quota_is_the_sum_of_true_charges() {
    assert_eq!(broken(|_, found| ledger(found).committed = 2), BTreeSet::from([Rule::QuotaIsLedger]));
    assert_eq!(broken(|_, found| ledger(found).reserved = 1), BTreeSet::from([Rule::QuotaIsLedger]));
    let given_back = |_: &mut Truth, found: &mut Found| {
        told(found).charge = "released".to_owned();
        ledger(found).committed = 0;
    };
    assert_eq!(broken(given_back), BTreeSet::from([Rule::ChargeIsTrue]));
}

#[test]
fn events_are_numbered_and_each_thing_happens_once() {
    let once = BTreeSet::from([Rule::EventsOnce]);
    assert_eq!(broken(|_, found| drop(ledger(found).events.remove(1))), once);
    assert_eq!(broken(|_, found| ledger(found).events.push((5, "message_accepted".to_owned(), TEXT))), once);
    assert_eq!(broken(|_, found| ledger(found).events.push((5, "text_received".to_owned(), TEXT))), once);
}

#[test]
fn an_answer_reaches_its_member_once() {
    assert!(broken(|_, found| ledger(found).received.clear()).contains(&Rule::AnswerOnce));
    let twice = |_: &mut Truth, found: &mut Found| {
        let (_, text) = ledger(found).received[0].clone();
        ledger(found).received.push((Uuid::from_u128(4), text));
    };
    assert!(broken(twice).contains(&Rule::AnswerOnce));
    assert!(broken(|truth, _| truth.answers.clear()).contains(&Rule::AnswerOnce));
}
