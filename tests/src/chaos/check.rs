//! The checker: holds what the system says against what the simulated radios and people saw.
//!
//! It knows nothing of how either was learnt, and its rules are those of docs/delivery.md and docs/reliability.md, written down
//! a second time. Each rule has a test that it notices what breaks it.

use super::evidence::{Found, Gap, Habit, Ledger, ReceivedText, SentText, Surety, TakenBack, ToldText, Truth};
use kosmo_domain::{NodeId, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use uuid::Uuid;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which promise is broken.
    pub rule: Rule,
    /// By what.
    pub what: String,
}

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// What a bridge wrote down is stored.
    ReadingStored,
    /// A reading is stored once, as it was measured, and none that nobody sent.
    ReadingOnce,
    /// What was not written down is the end of what was heard, and nothing from its middle.
    ReadingsInOrder,
    /// What a bridge's death took lies in a gap that is told.
    LossIsTold,
    /// Hours are the sum of their readings.
    HoursAddUp,
    /// A text is on the air under one sender and id.
    OnePacket,
    /// A person is shown a text at most once.
    ShownOnce,
    /// A text reaches whoever is there, whatever of ours dies.
    Reached,
    /// What is said to be taken back was not sent, and costs nothing.
    TakenBack,
    /// What was confirmed is said to be delivered.
    ConfirmedIsDelivered,
    /// A status claims no more than the air saw.
    StatusIsTrue,
    /// Every accepted text is there.
    TextKept,
    /// Quota is the sum of the charges.
    QuotaIsLedger,
    /// A charge is what the air allows.
    ChargeIsTrue,
    /// Events are numbered without a gap, and each thing happens once.
    EventsOnce,
    /// An answer reaches its member once.
    AnswerOnce,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// Returns everything that must not be.
pub fn check(truth: &Truth, found: &Found) -> Vec<Violation> {
    let mut violations = Violations(Vec::new());
    readings(truth, found, &mut violations);
    hours(found, &mut violations);
    for text in &truth.texts {
        let told = found.texts.get(&text.id);
        on_air(text, told, &mut violations);
        match told {
            None => violations.add(Rule::TextKept, format!("{} was accepted and is gone", text.id)),
            Some(told) => status(text, told, &mut violations),
        }
    }
    members(truth, found, &mut violations);
    answers(truth, found, &mut violations);
    violations.0
}

struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, rule: Rule, what: String) {
        self.0.push(Violation { rule, what });
    }
}

fn readings(truth: &Truth, found: &Found, violations: &mut Violations) {
    let mut stored: BTreeMap<(NodeId, Timestamp), Vec<f64>> = BTreeMap::new();
    for (station, readings) in &found.readings {
        for (at, temperature) in readings {
            stored.entry((*station, *at)).or_default().push(*temperature);
        }
    }
    let mut losses = 0;
    let mut lost: Vec<usize> = Vec::new();
    let mut kept: Vec<usize> = Vec::new();
    for reading in &truth.readings {
        let name = format!("{} at {}", reading.station, reading.at);
        match stored.remove(&(reading.station, reading.at)).as_deref() {
            None | Some([]) => {
                if reading.surety == Surety::Surely {
                    violations.add(Rule::ReadingStored, format!("{name} was handed over and is not stored"));
                }
                losses += usize::from(reading.surety == Surety::Perhaps);
                lost.extend(reading.place);
            }
            Some([temperature]) => {
                if (temperature - reading.temperature).abs() > 0.005 {
                    violations.add(Rule::ReadingOnce, format!("{name} is {temperature}, and was {}", reading.temperature));
                }
                kept.extend(reading.place);
            }
            Some(several) => violations.add(Rule::ReadingOnce, format!("{name} is stored {} times", several.len())),
        }
    }
    for (station, at) in stored.keys() {
        violations.add(Rule::ReadingOnce, format!("{station} at {at} is stored, and no radio handed it over"));
    }
    if let (Some(first_lost), Some(last_kept)) = (lost.iter().min(), kept.iter().max())
        && first_lost < last_kept
    {
        violations.add(Rule::ReadingsInOrder, format!("hand-over {first_lost} is lost, and hand-over {last_kept} after it is not"));
    }
    if let (1.., Some((bridge, at))) = (losses, &truth.death) {
        let spans = |gap: &&Gap| gap.bridge == *bridge && gap.from <= *at && gap.until.is_none_or(|until| *at <= until);
        if !found.gaps.iter().any(|gap| spans(&gap)) {
            let what = format!("{losses} readings were lost when {bridge} died at {at}, and no gap tells of it: {:?}", found.gaps);
            violations.add(Rule::LossIsTold, what);
        }
    }
}

fn hours(found: &Found, violations: &mut Violations) {
    let mut naive: BTreeMap<(NodeId, Timestamp), Vec<f64>> = BTreeMap::new();
    for (station, readings) in &found.readings {
        for (at, temperature) in readings {
            naive.entry((*station, at.floor_to(kosmo_domain::HOUR))).or_default().push(*temperature);
        }
    }
    for (bucket, temperatures) in &naive {
        let name = format!("{} from {}", bucket.0, bucket.1);
        let Some(hour) = found.hours.get(bucket) else {
            violations.add(Rule::HoursAddUp, format!("{name} has readings and no summary"));
            continue;
        };
        let mean = temperatures.iter().sum::<f64>() / temperatures.len() as f64;
        let min = temperatures.iter().copied().fold(f64::INFINITY, f64::min);
        let max = temperatures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_same = |a: f64, b: f64| (a - b).abs() < 0.01;
        let adds_up =
            hour.readings == temperatures.len() as u64 && is_same(hour.mean, mean) && is_same(hour.min, min) && is_same(hour.max, max);
        if !adds_up {
            let what = format!("{name} is {hour:?}, and its {} readings have mean {mean}, min {min}, max {max}", temperatures.len());
            violations.add(Rule::HoursAddUp, what);
        }
    }
    for (station, at) in found.hours.keys().filter(|bucket| !naive.contains_key(bucket)) {
        violations.add(Rule::HoursAddUp, format!("{station} from {at} has a summary and no readings"));
    }
}

fn on_air(text: &SentText, told: Option<&ToldText>, violations: &mut Violations) {
    let id = text.id;
    if text.packets.len() > 1 {
        violations.add(Rule::OnePacket, format!("{id} was on the air as {:?}", text.packets));
    }
    if text.shown > 1 {
        violations.add(Rule::ShownOnce, format!("{id} was shown {} times", text.shown));
    }
    let may_be_withheld = matches!(text.taken_back, Some(TakenBack::Done | TakenBack::Asked));
    let is_withheld = may_be_withheld && told.is_some_and(|told| told.status == "expired" || is_in_doubt(text, told));
    if text.habit == Habit::Confirms && text.shown == 0 && !is_withheld {
        violations.add(Rule::Reached, format!("{id} was not shown, and is said to be {told:?}: {text:?}"));
    }
}

/// Tells whether a text was asked back while its bridge did not know whether its radio had sent it: then it is not sent again, and nobody
/// knows more until its time is over.
fn is_in_doubt(text: &SentText, told: &ToldText) -> bool {
    text.taken_back == Some(TakenBack::Asked) && told.status == "queued" && told.charge == "reserved" && !told.attempts.is_empty()
}

fn status(text: &SentText, told: &ToldText, violations: &mut Violations) {
    let (id, says) = (text.id, told.status.as_str());
    if text.confirmed == Surety::Surely && says != "delivered" {
        violations.add(Rule::ConfirmedIsDelivered, format!("{id} was confirmed, and is said to be {says}"));
    }
    let was_on_air = !text.packets.is_empty();
    let is_withheld = !was_on_air && says == "expired" && told.charge == "released";
    if text.taken_back == Some(TakenBack::Done) && !is_withheld {
        violations.add(Rule::TakenBack, format!("{id} was taken back, is {says} and {}; on the air: {was_on_air}", told.charge));
    }
    let is_true = match says {
        "delivered" => text.confirmed != Surety::Never,
        "transmitted" => was_on_air && text.refused != Surety::Surely,
        "failed" => text.refused != Surety::Never,
        "expired" if text.taken_back.is_some_and(|said| said != TakenBack::TooLate) => is_withheld,
        "queued" if is_in_doubt(text, told) => true,
        // An hour to live is not over, and bridges that are back know what they have sent.
        _ => false,
    };
    if !is_true {
        let seen = (was_on_air, text.confirmed, text.refused);
        violations.add(Rule::StatusIsTrue, format!("{id} is said to be {says}; on the air, confirmed, refused: {seen:?}"));
    }
    let charge_is_true = match told.charge.as_str() {
        "released" => !was_on_air,
        "committed" => was_on_air || text.refused != Surety::Never,
        "reserved" => matches!(says, "pending" | "queued" | "expired"),
        _ => false,
    };
    if !charge_is_true {
        violations.add(Rule::ChargeIsTrue, format!("{id} is {says}, its charge is {}, on the air: {was_on_air}", told.charge));
    }
}

fn members(truth: &Truth, found: &Found, violations: &mut Violations) {
    for (member, ledger) in &found.members {
        let charges = || truth.texts.iter().filter(|text| text.member == *member).filter_map(|text| found.texts.get(&text.id));
        let count = |charge: &str| charges().filter(|told| told.charge == charge).count() as u64;
        let (reserved, committed) = (count("reserved"), count("committed"));
        if (ledger.reserved, ledger.committed) != (reserved, committed) {
            let what = format!(
                "{member} has {} reserved and {} committed, and the texts say {reserved} and {committed}",
                ledger.reserved, ledger.committed
            );
            violations.add(Rule::QuotaIsLedger, what);
        }
        events(*member, truth, ledger, violations);
    }
}

fn events(member: Uuid, truth: &Truth, ledger: &Ledger, violations: &mut Violations) {
    if !ledger.events.iter().zip(1..).all(|((seq, ..), number)| *seq == number) {
        violations.add(Rule::EventsOnce, format!("the events of {member} are not numbered one by one"));
    }
    let mut counts: BTreeMap<(&str, Uuid), usize> = BTreeMap::new();
    for (_, kind, subject) in &ledger.events {
        *counts.entry((kind.as_str(), *subject)).or_default() += 1;
    }
    let accepted: BTreeSet<_> = truth.texts.iter().filter(|text| text.member == member).map(|text| text.id).collect();
    let received: BTreeSet<_> = ledger.received.iter().map(|(id, _)| *id).collect();
    for (kind, subjects) in [("message_accepted", &accepted), ("text_received", &received)] {
        for subject in subjects {
            let times = counts.get(&(kind, *subject)).copied().unwrap_or(0);
            if times != 1 {
                violations.add(Rule::EventsOnce, format!("{times} times {kind} of {subject}"));
            }
        }
        for (_, subject) in counts.keys().filter(|(of, subject)| *of == kind && !subjects.contains(subject)) {
            violations.add(Rule::EventsOnce, format!("{kind} of {subject}, which there is not"));
        }
    }
}

fn answers(truth: &Truth, found: &Found, violations: &mut Violations) {
    let owner: BTreeMap<Uuid, Uuid> = truth.texts.iter().map(|text| (text.id, text.member)).collect();
    for answer in truth.answers.iter().filter(|answer| answer.surety == Surety::Surely) {
        let Some(member) = answer.answers.and_then(|text| owner.get(&text)) else { continue };
        let wanted = ReceivedText { from: answer.from, packet: answer.packet, answers: answer.answers };
        let times = found.members.get(member).map_or(0, |ledger| ledger.received.iter().filter(|(_, text)| *text == wanted).count());
        if times != 1 {
            violations.add(Rule::AnswerOnce, format!("{answer:?} is there {times} times"));
        }
    }
    for (member, ledger) in &found.members {
        let mut seen = BTreeSet::new();
        for (_, text) in &ledger.received {
            let is_known = truth.answers.iter().any(|answer| (answer.from, answer.packet) == (text.from, text.packet));
            if !seen.insert(text) || !is_known {
                violations.add(Rule::AnswerOnce, format!("{member} has {text:?} twice, or from nobody"));
            }
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
