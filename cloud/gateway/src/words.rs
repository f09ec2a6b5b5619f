//! What a member is told of a text, in plain words. No sentence says more than its evidence; docs/delivery.md has them all.

use kosmo_domain::{BridgeId, Charge, DeliveryEvidence, Fact, Facts, NodeId, NotSent, Status};
use kosmo_meshtastic::evidence::{Refusal, Voice};
use kosmo_store::messages::{Happening, Teller, WaitReason};

/// What a text waits for that is `queued`, or still `pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The broker, which is to take the offer.
    Broker,
    /// A bridge that can take it.
    Bridge,
    /// The bridge that has it, which has not said what it waits for.
    Sending,
    /// What its bridge says.
    InBridge(WaitReason),
    /// The radio, which was given it.
    Airtime,
}

impl Wait {
    /// Returns what a text waits for; nothing once it was sent or its fate is known. `said` is what its bridge said last.
    pub(crate) const fn of(facts: &Facts, said: Option<WaitReason>) -> Option<Self> {
        match facts.status() {
            Status::Pending => Some(Self::Broker),
            Status::Queued => Some(match said {
                // Also after a hand-over that came to nothing, before the next one.
                Some(said) => Self::InBridge(said),
                None if facts.handed_over_at.is_some() => Self::Airtime,
                None if facts.granted.is_some() => Self::Sending,
                None => Self::Bridge,
            }),
            Status::Transmitted | Status::Expired | Status::Failed | Status::Delivered => None,
        }
    }

    /// Returns the name that stands in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Bridge => "bridge",
            Self::Sending => "sending",
            Self::InBridge(reason) => reason.as_str(),
            Self::Airtime => "airtime",
        }
    }

    /// Says it to a person.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Broker => "Stored, and one text of your quota is kept for it. It has not been offered to a bridge yet.",
            Self::Bridge => "Offered to the bridges. None has taken it yet.",
            Self::Sending => "A bridge has taken it and is about to send it.",
            Self::InBridge(WaitReason::Turn) => "A bridge has taken it and sends the texts before it first.",
            Self::InBridge(WaitReason::Radio) => "A bridge has taken it and waits for its radio, which is not connected.",
            Self::InBridge(WaitReason::RadioQueue) => "A bridge has taken it and waits for room in its radio's queue.",
            Self::InBridge(WaitReason::DutyCycle) => {
                "A bridge has taken it and waits, because its radio has used up the airtime the law allows in an hour."
            }
            Self::InBridge(WaitReason::Channel) => "A bridge has taken it and waits for a quieter channel.",
            Self::Airtime => "The bridge is giving it to its radio.",
        }
    }
}

/// Says to a person how a text stands. `said` is what its bridge waited for last.
pub(crate) fn status(facts: &Facts, charge: Charge, said: Option<WaitReason>) -> String {
    let words = standing(facts, said);
    if charge == Charge::Released && facts.status() != Status::Delivered { words + " Your quota has it back." } else { words }
}

fn standing(facts: &Facts, said: Option<WaitReason>) -> String {
    match facts.status() {
        Status::Pending | Status::Queued => Wait::of(facts, said).unwrap_or(Wait::Sending).words().to_owned(),
        Status::Transmitted if facts.relayed_at.is_some() => {
            "Sent by radio, and a neighbour was heard passing it on. Nobody knows yet whether it arrived.".to_owned()
        }
        Status::Transmitted => "Sent by radio. Nobody knows yet whether it arrived.".to_owned(),
        Status::Delivered => match facts.delivered {
            Some((DeliveryEvidence::Reply, _)) => "It arrived: they answered it.".to_owned(),
            _ if facts.answered_at.is_some() => "It arrived: their radio confirmed it, and they answered.".to_owned(),
            Some((DeliveryEvidence::AckProven, _)) => {
                "It arrived: their radio confirmed it and proved that it was theirs. Nobody knows whether they read it.".to_owned()
            }
            Some((DeliveryEvidence::Ack, _)) | None => {
                "It arrived: their radio confirmed it. Nobody knows whether they read it.".to_owned()
            }
        },
        Status::Failed | Status::Expired => ended(facts),
    }
}

fn ended(facts: &Facts) -> String {
    match (facts.refused, facts.not_sent) {
        (Some((_, code)), _) => refused(code),
        (None, Some((_, reason))) => not_sent(reason).to_owned(),
        (None, None) => "Its time ran out, and its bridge did not say what became of it. It may have been sent.".to_owned(),
    }
}

/// Says why a text was surely not sent.
pub(crate) const fn not_sent(reason: NotSent) -> &'static str {
    match reason {
        NotSent::NeverGranted => "Not sent: no bridge could take it in time.",
        NotSent::Expired => "Not sent: its time ran out in the bridge.",
        NotSent::Revoked => "Not sent: it was taken back.",
        NotSent::RadioRefused => "Not sent: the bridge's radio refused it.",
        NotSent::TooLarge => "Not sent: it does not fit into a packet.",
    }
}

/// Says what the mesh answered.
pub(crate) fn refused(code: u32) -> String {
    format!("Failed: {}.", refusal(code).words())
}

/// Returns the protocol's name of an error.
pub(crate) fn error_name(code: u32) -> &'static str {
    refusal(code).name()
}

/// Some numbers mean one thing of the bridge's own radio and another of the destination's. A bridge reports what its own radio
/// refuses at the door as not sent, so that of these it is the destination that speaks.
const fn refusal(code: u32) -> Refusal {
    let voice = if matches!(code, 6 | 33 | 34 | 35) { Voice::Addressee } else { Voice::Radio };
    Refusal { code, by: NodeId::from_number(0), voice }
}

/// Says to a person what happened to a text, as `by` tells it; without a bridge it is this server that does.
pub(crate) fn happening(what: &Happening, by: &Teller) -> String {
    let Happening::Fact(fact) = what else {
        return match what {
            Happening::Attempt(packet) => handed_over(&packet.bridge, packet.attempt),
            Happening::Accepted | Happening::Fact(_) => "Stored, and one text of your quota kept for it.".to_owned(),
        };
    };
    let words = match fact {
        Fact::Offered => "Offered to the bridges.",
        Fact::Granted(bridge) => return format!("Taken by bridge `{bridge}`; no other may send it."),
        Fact::HandedOver => match by {
            Teller::Bridge(bridge) => return handed_over(bridge, 0),
            Teller::Cloud => "Given to a radio.",
        },
        Fact::Transmitted => "Sent: the radio had taken it, and refused nothing in the time that sending takes.",
        Fact::Relayed => "A neighbour was heard passing it on. That does not say that it arrived.",
        Fact::Delivered(DeliveryEvidence::Reply) => "Arrived: an answer to this very packet came from the destination.",
        Fact::Delivered(DeliveryEvidence::AckProven) => {
            "Arrived: the destination's radio confirmed it, and proved that it was the destination's."
        }
        Fact::Delivered(DeliveryEvidence::Ack) => "Arrived: the destination's radio confirmed it over the air.",
        Fact::Answered => "Answered.",
        Fact::Refused(code) => return refused(*code),
        Fact::NotSent(reason) => not_sent(*reason),
        Fact::Unknown => "Nothing more will be learnt. It may have been sent.",
    };
    words.to_owned()
}

fn handed_over(bridge: &BridgeId, attempt: u8) -> String {
    match attempt {
        0 => format!("Given to the radio of bridge `{bridge}`."),
        _ => format!("Given to the radio of bridge `{bridge}` again, because it had surely not been sent before."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::Timestamp;

    fn told(facts: &[Fact]) -> Facts {
        let mut known = Facts::default();
        for (second, fact) in (0..).zip(facts) {
            known.add(fact.clone(), Timestamp::from_unix_seconds(second));
        }
        known
    }

    fn say(facts: &[Fact]) -> String {
        let facts = told(facts);
        status(&facts, facts.charge(), None)
    }

    fn roof() -> BridgeId {
        "roof".parse().unwrap()
    }

    #[test]
    fn a_waiting_text_says_what_it_waits_for() {
        let granted = told(&[Fact::Offered, Fact::Granted(roof())]);
        assert_eq!(Wait::of(&Facts::default(), None), Some(Wait::Broker));
        assert_eq!(Wait::of(&told(&[Fact::Offered]), None), Some(Wait::Bridge));
        assert_eq!(Wait::of(&granted, None), Some(Wait::Sending));
        assert_eq!(Wait::of(&granted, Some(WaitReason::DutyCycle)), Some(Wait::InBridge(WaitReason::DutyCycle)));
        assert_eq!(Wait::of(&told(&[Fact::HandedOver]), None), Some(Wait::Airtime));
        assert_eq!(Wait::of(&told(&[Fact::Transmitted]), Some(WaitReason::Turn)), None);
        assert!(status(&granted, Charge::Reserved, Some(WaitReason::Radio)).contains("its radio, which is not connected"));
    }

    #[test]
    fn nothing_but_a_confirmation_says_that_it_arrived() {
        for doubtful in [Fact::Offered, Fact::HandedOver, Fact::Transmitted, Fact::Relayed, Fact::Refused(5), Fact::Unknown] {
            assert!(!say(std::slice::from_ref(&doubtful)).contains("It arrived"), "{doubtful:?}");
        }
        assert!(say(&[Fact::Relayed]).contains("Nobody knows yet whether it arrived"));
        assert!(say(&[Fact::Delivered(DeliveryEvidence::Ack)]).contains("Nobody knows whether they read it"));
        assert_eq!(say(&[Fact::Delivered(DeliveryEvidence::Reply), Fact::Answered]), "It arrived: they answered it.");
    }

    #[test]
    fn an_end_says_whether_it_may_have_been_sent() {
        assert_eq!(say(&[Fact::Transmitted, Fact::Refused(5)]), "Failed: no confirmation; it may have arrived.");
        assert_eq!(
            say(&[Fact::Refused(35)]),
            "Failed: it reached that node, which has no key of our radio; the two have to hear each other first."
        );
        assert_eq!(say(&[Fact::NotSent(NotSent::NeverGranted)]), "Not sent: no bridge could take it in time. Your quota has it back.");
        assert!(!say(&[Fact::Transmitted, Fact::NotSent(NotSent::Expired)]).contains("quota"), "a bridge that contradicts itself");
        assert!(say(&[Fact::HandedOver, Fact::Unknown]).ends_with("It may have been sent."));
    }
}
