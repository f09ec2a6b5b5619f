//! What became of a text, and what its status may claim.
//!
//! Receipts come late, twice and in any order. So a text has no "current state" that a receipt moves: it has facts, each
//! with its evidence, and the status follows from whatever facts are known. Adding a fact never takes one away, which is
//! why every order of arrival ends in the same status, and why a status only ever moves forward.

use crate::{BridgeId, Timestamp};
use std::{fmt, str::FromStr};

/// What a member is told of a text. Each says no more than its evidence; `docs/delivery.md` has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Stored, its quota reserved.
    Pending,
    /// Offered to a bridge, or waiting in one.
    Queued,
    /// Given to the radio, which had time to send it.
    Transmitted,
    /// Its time ran out.
    Expired,
    /// The radio or the mesh refused it, or nobody confirmed it.
    Failed,
    /// The destination's radio confirmed it.
    Delivered,
}

/// What proves that a text reached the destination's radio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryEvidence {
    /// A routing acknowledgement from the destination over LoRa. Whoever has the channel key could forge one.
    Ack,
    /// An answer to this very packet.
    Reply,
    /// An acknowledgement that the firmware proves to be the destination's.
    AckProven,
}

/// Why a text was surely not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotSent {
    /// Its time ran out before any bridge was granted it.
    NeverGranted,
    /// Its time ran out in the bridge.
    Expired,
    /// The cloud took it back.
    Revoked,
    /// Its writer took it back.
    Cancelled,
    /// The radio refused it.
    RadioRefused,
    /// It does not fit into a packet.
    TooLarge,
}

/// Who answered with an error: some numbers mean one thing of the one and another of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusedBy {
    /// The bridge's own radio, or a relay by its mouth.
    Radio,
    /// The destination's radio, which the text had reached.
    Destination,
}

/// A fact about a text. Times are when it was so, by the clock of whoever says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A broker took the offer.
    Offered,
    /// A bridge was granted it.
    Granted(BridgeId),
    /// The bridge wrote down that it gives the text to its radio.
    HandedOver,
    /// The radio took it, and refused nothing in the time that sending takes.
    Transmitted,
    /// A neighbour was heard passing it on.
    Relayed,
    /// The destination's radio has it.
    Delivered(DeliveryEvidence),
    /// Somebody answered it. A radio is not a person, so this is apart.
    Answered,
    /// The mesh answered with an error.
    Refused {
        /// The protocol's number for it (`Routing.Error`).
        code: u32,
        /// Who did.
        by: RefusedBy,
    },
    /// No confirmation came in the time in which one does.
    Unconfirmed,
    /// It was surely not sent.
    NotSent(NotSent),
    /// It may have been sent, and nothing more will be learnt.
    Unknown,
}

/// What is known of a text: of each kind of fact, the earliest time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// A broker took the offer.
    pub offered_at: Option<Timestamp>,
    /// Which bridge was granted it, and when. The store grants once; the first grant stays.
    pub granted: Option<(Timestamp, BridgeId)>,
    /// The bridge gave it to its radio, or was about to.
    pub handed_over_at: Option<Timestamp>,
    /// The radio had time to send it.
    pub transmitted_at: Option<Timestamp>,
    /// A neighbour passed it on.
    pub relayed_at: Option<Timestamp>,
    /// The destination's radio confirmed it: the strongest of several proofs, and the time of the earliest.
    pub delivered: Option<(DeliveryEvidence, Timestamp)>,
    /// Somebody answered.
    pub answered_at: Option<Timestamp>,
    /// The mesh answered with an error; of several, the earliest.
    pub refused: Option<(Timestamp, u32, RefusedBy)>,
    /// It was sent, and no confirmation came in the time in which one does.
    pub unconfirmed_at: Option<Timestamp>,
    /// It was surely not sent; of several reasons, the earliest.
    pub not_sent: Option<(Timestamp, NotSent)>,
    /// Nothing more will be learnt.
    pub unknown_at: Option<Timestamp>,
}

impl Facts {
    /// Adds a fact, and tells whether anything is known now that was not known before.
    pub fn add(&mut self, fact: Fact, at: Timestamp) -> bool {
        match fact {
            Fact::Offered => earliest(&mut self.offered_at, at),
            Fact::Granted(bridge) => earliest(&mut self.granted, (at, bridge)),
            Fact::HandedOver => earliest(&mut self.handed_over_at, at),
            Fact::Transmitted => earliest(&mut self.transmitted_at, at),
            Fact::Relayed => earliest(&mut self.relayed_at, at),
            Fact::Delivered(evidence) => self.add_delivery(evidence, at),
            Fact::Answered => earliest(&mut self.answered_at, at),
            Fact::Refused { code, by } => earliest(&mut self.refused, (at, code, by)),
            Fact::Unconfirmed => earliest(&mut self.unconfirmed_at, at),
            Fact::NotSent(reason) => earliest(&mut self.not_sent, (at, reason)),
            Fact::Unknown => earliest(&mut self.unknown_at, at),
        }
    }

    /// Keeps the strongest evidence, and the time of the earliest: a text does not arrive anew when it is proven better.
    fn add_delivery(&mut self, evidence: DeliveryEvidence, at: Timestamp) -> bool {
        let known = self.delivered;
        self.delivered = Some(known.map_or((evidence, at), |(strongest, since)| (strongest.max(evidence), since.min(at))));
        self.delivered != known
    }

    /// Returns what may be claimed.
    pub const fn status(&self) -> Status {
        if self.delivered.is_some() {
            Status::Delivered
        } else if self.refused.is_some() {
            Status::Failed
        } else if let Some((_, reason)) = self.not_sent {
            match reason {
                NotSent::RadioRefused | NotSent::TooLarge => Status::Failed,
                NotSent::NeverGranted | NotSent::Expired | NotSent::Revoked | NotSent::Cancelled => Status::Expired,
            }
        } else if self.unknown_at.is_some() {
            Status::Expired
        } else if self.transmitted_at.is_some() || self.relayed_at.is_some() || self.unconfirmed_at.is_some() {
            Status::Transmitted
        } else if self.offered_at.is_some() || self.granted.is_some() || self.handed_over_at.is_some() {
            Status::Queued
        } else {
            Status::Pending
        }
    }

    /// Tells whether the text may have been on the air: what decides whether it is charged.
    pub const fn may_have_been_sent(&self) -> bool {
        self.transmitted_at.is_some()
            || self.relayed_at.is_some()
            || self.unconfirmed_at.is_some()
            || self.delivered.is_some()
            || self.refused.is_some()
    }

    /// Returns what becomes of the quota that was reserved for the text.
    pub const fn charge(&self) -> Charge {
        if self.may_have_been_sent() {
            Charge::Committed
        } else if self.not_sent.is_some() {
            Charge::Released
        } else {
            Charge::Reserved
        }
    }

    /// Tells whether nothing more is to be done for the text. Late truth is taken all the same.
    pub const fn is_settled(&self) -> bool {
        matches!(self.status(), Status::Delivered | Status::Failed | Status::Expired)
    }
}

/// Keeps the lesser of what is known and what is new, and tells whether that changed anything.
fn earliest<T: PartialOrd>(known: &mut Option<T>, new: T) -> bool {
    let better = known.as_ref().is_none_or(|known| new < *known);
    if better {
        *known = Some(new);
    }
    better
}

/// What became of the quota that was reserved for a text. It is committed or released once, and stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charge {
    /// Held until more is known.
    Reserved,
    /// Spent: the text may have been on the air.
    Committed,
    /// Given back to the period that it came from: the text was surely not sent.
    Released,
}

impl Charge {
    /// Returns what the charge becomes when the facts say `next`: what was committed or released stays so, so that no
    /// order of arrival, and no bridge that contradicts itself, gives anything back twice.
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        match self {
            Self::Reserved => next,
            Self::Committed | Self::Released => self,
        }
    }
}

macro_rules! names {
    ($kind:ident { $($variant:ident $name:literal,)* } $expected:literal) => {
        impl $kind {
            /// Returns the name used in databases and answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $kind {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name { $($name => Ok(Self::$variant),)* _ => Err(UnknownName($expected)) }
            }
        }
    };
}

/// Says that a name is not one of those expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a {0}")]
pub struct UnknownName(&'static str);

names! { Status {
    Pending "pending", Queued "queued", Transmitted "transmitted", Expired "expired", Failed "failed", Delivered "delivered",
} "status" }
names! { DeliveryEvidence { Ack "ack", Reply "reply", AckProven "ack_proven", } "kind of evidence" }
names! { Charge { Reserved "reserved", Committed "committed", Released "released", } "charge" }
names! { RefusedBy { Radio "radio", Destination "destination", } "speaker" }
names! { NotSent {
    NeverGranted "never_granted", Expired "expired", Revoked "revoked", Cancelled "cancelled", RadioRefused "radio_refused", TooLarge "too_large",
} "reason" }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(second: u32) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    fn told(facts: &[Fact]) -> Facts {
        let mut known = Facts::default();
        for (index, fact) in (0..).zip(facts) {
            known.add(fact.clone(), second(index));
        }
        known
    }

    fn roof() -> BridgeId {
        "roof".parse().expect("`roof` is a bridge id")
    }

    #[test]
    fn a_text_moves_as_its_evidence_comes_in() {
        assert_eq!(told(&[]).status(), Status::Pending);
        assert_eq!(told(&[Fact::Offered]).status(), Status::Queued);
        assert_eq!(told(&[Fact::Offered, Fact::Granted(roof()), Fact::HandedOver]).status(), Status::Queued);
        assert_eq!(told(&[Fact::HandedOver, Fact::Transmitted]).status(), Status::Transmitted);
        assert_eq!(told(&[Fact::Transmitted, Fact::Relayed]).status(), Status::Transmitted);
        assert_eq!(told(&[Fact::Transmitted, Fact::Delivered(DeliveryEvidence::Ack)]).status(), Status::Delivered);
        assert_eq!(told(&[Fact::Transmitted, Fact::Refused { code: 5, by: RefusedBy::Radio }]).status(), Status::Failed);
        assert_eq!(told(&[Fact::NotSent(NotSent::Expired)]).status(), Status::Expired);
        assert_eq!(told(&[Fact::NotSent(NotSent::RadioRefused)]).status(), Status::Failed);
        assert_eq!(told(&[Fact::HandedOver, Fact::Unknown]).status(), Status::Expired);
    }

    #[test]
    fn what_is_not_confirmed_in_time_stays_as_it_was_and_what_is_taken_back_is_over() {
        assert_eq!(told(&[Fact::Transmitted, Fact::Relayed, Fact::Unconfirmed]).status(), Status::Transmitted);
        let cancelled = told(&[Fact::Offered, Fact::NotSent(NotSent::Cancelled)]);
        assert_eq!((cancelled.status(), cancelled.charge()), (Status::Expired, Charge::Released));
    }

    #[test]
    fn late_truth_is_taken() {
        assert_eq!(
            told(&[Fact::Refused { code: 5, by: RefusedBy::Radio }, Fact::Delivered(DeliveryEvidence::Reply)]).status(),
            Status::Delivered
        );
        assert_eq!(told(&[Fact::Unknown, Fact::Delivered(DeliveryEvidence::Ack)]).status(), Status::Delivered);
    }

    #[test]
    fn the_strongest_evidence_stays_and_the_earliest_time() {
        use DeliveryEvidence::{Ack, AckProven, Reply};
        assert_eq!(told(&[Fact::Delivered(Reply), Fact::Delivered(Ack)]).delivered, Some((Reply, second(0))));
        assert_eq!(told(&[Fact::Delivered(Ack), Fact::Delivered(AckProven)]).delivered, Some((AckProven, second(0))));
    }

    #[test]
    fn only_what_was_surely_not_sent_is_given_back() {
        assert_eq!(told(&[Fact::NotSent(NotSent::NeverGranted)]).charge(), Charge::Released);
        assert_eq!(told(&[Fact::HandedOver, Fact::Unknown]).charge(), Charge::Reserved);
        assert_eq!(told(&[Fact::Transmitted, Fact::Refused { code: 5, by: RefusedBy::Radio }]).charge(), Charge::Committed);
    }

    fn some_fact() -> impl Strategy<Value = Fact> {
        use DeliveryEvidence::{Ack, AckProven, Reply};
        prop_oneof![
            Just(Fact::Offered),
            Just(Fact::Granted(roof())),
            Just(Fact::HandedOver),
            Just(Fact::Transmitted),
            Just(Fact::Relayed),
            prop_oneof![Just(Ack), Just(Reply), Just(AckProven)].prop_map(Fact::Delivered),
            Just(Fact::Answered),
            (1_u32..10).prop_map(|code| Fact::Refused { code, by: RefusedBy::Radio }),
            prop_oneof![Just(NotSent::NeverGranted), Just(NotSent::Expired), Just(NotSent::RadioRefused)].prop_map(Fact::NotSent),
            Just(Fact::Unconfirmed),
            Just(Fact::Unknown),
        ]
    }

    proptest! {
        #[test]
        fn every_order_of_arrival_ends_in_the_same(
            (facts, shuffled) in proptest::collection::vec((some_fact(), 0_u32..100), 0..12)
                .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle()))
        ) {
            let known = |facts: &[(Fact, u32)]| {
                let mut known = Facts::default();
                for (fact, at) in facts {
                    known.add(fact.clone(), second(*at));
                }
                known
            };
            prop_assert_eq!(known(&facts), known(&shuffled));
        }

        #[test]
        fn a_status_only_moves_forward_and_a_charge_moves_once(facts in proptest::collection::vec((some_fact(), 0_u32..100), 0..12)) {
            let mut known = Facts::default();
            let (mut status, mut charge) = (known.status(), Charge::Reserved);
            for (fact, at) in facts {
                let again = known.clone();
                known.add(fact.clone(), second(at));
                prop_assert!(known.status() >= status || fact_is_a_milder_refusal(&again, &known), "{:?} after {:?}", known.status(), status);
                let next = charge.then(known.charge());
                prop_assert!(charge == Charge::Reserved || next == charge);
                (status, charge) = (known.status(), next);
                let repeated = known.clone();
                prop_assert!(!known.add(fact, second(at)) && known == repeated, "a repeated fact is no news");
            }
        }

        #[test]
        fn nothing_but_proof_of_delivery_says_delivered(facts in proptest::collection::vec(some_fact(), 0..12)) {
            let proven = facts.iter().any(|fact| matches!(fact, Fact::Delivered(_)));
            prop_assert_eq!(told(&facts).status() == Status::Delivered, proven);
        }
    }

    /// An earlier reason for not sending replaces a later one, and may be an expiry where the later one was a refusal.
    fn fact_is_a_milder_refusal(before: &Facts, after: &Facts) -> bool {
        before.not_sent.is_some() && before.not_sent != after.not_sent
    }
}
