//! What a member is told of a text, in plain words. No sentence says more than its evidence; docs/delivery.md has them all.

use kosmo_domain::{BridgeId, Charge, DeliveryEvidence, Fact, Facts, NodeId, NotSent, RefusedBy, Status};
use kosmo_meshtastic::evidence::{Refusal, Voice};
use kosmo_store::messages::{Happening, MessageRow, Teller, WaitReason};

/// What a text waits for that is `queued`, or still `pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The broker, which is to take the offer.
    Broker,
    /// A bridge that can take it.
    Bridge,
    /// The bridge that has it, which has not said what it waits for.
    Sending,
    /// Its writer, who is to confirm the key that the node shows.
    Key,
    /// Its bridge, which was asked to give it back.
    Cancelling,
    /// What its bridge says.
    InBridge(WaitReason),
    /// The radio, which was given it.
    Airtime,
}

/// What is known of a waiting text besides its facts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waits {
    /// What its bridge said last that it waits for.
    pub(crate) in_bridge: Option<WaitReason>,
    /// Whether it waits for its writer's word on a key.
    pub(crate) held: bool,
    /// Whether its writer asked to have it back.
    pub(crate) cancelling: bool,
}

impl Waits {
    /// Returns what is known of a text.
    pub(crate) fn of(row: &MessageRow) -> Self {
        let in_bridge = row.waiting.map(|(reason, _)| reason);
        Self { in_bridge, held: row.held_at.is_some(), cancelling: row.cancel_asked_at.is_some() }
    }
}

impl Wait {
    /// Returns what a text waits for; nothing once it was sent or its fate is known.
    pub(crate) const fn of(facts: &Facts, said: Waits) -> Option<Self> {
        let is_held = said.held && facts.granted.is_none();
        match facts.status() {
            Status::Pending | Status::Queued if is_held => Some(Self::Key),
            Status::Pending => Some(Self::Broker),
            Status::Queued if said.cancelling => Some(Self::Cancelling),
            Status::Queued => Some(match said.in_bridge {
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
            Self::Key => "key",
            Self::Cancelling => "cancelling",
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
            Self::Key => "It waits for you: that node shows another key than when you wrote to it before. Confirm it if you know why.",
            Self::Cancelling => "You asked to have it back. Its bridge has not said yet whether that came in time.",
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

/// Says to a person how a text stands.
pub(crate) fn status(facts: &Facts, charge: Charge, said: Waits) -> String {
    let words = standing(facts, said);
    if charge == Charge::Released && facts.status() != Status::Delivered { words + " Your quota has it back." } else { words }
}

fn standing(facts: &Facts, said: Waits) -> String {
    match facts.status() {
        Status::Pending | Status::Queued => Wait::of(facts, said).unwrap_or(Wait::Sending).words().to_owned(),
        Status::Transmitted if facts.relayed_at.is_some() && facts.unconfirmed_at.is_some() => {
            "Sent by radio, and a neighbour was heard passing it on; no confirmation came in the time in which one does. It may have arrived."
                .to_owned()
        }
        Status::Transmitted if facts.relayed_at.is_some() => {
            "Sent by radio, and a neighbour was heard passing it on. Nobody knows yet whether it arrived.".to_owned()
        }
        Status::Transmitted if facts.unconfirmed_at.is_some() => {
            "Sent by radio, and no confirmation came in the time in which one does. It may have arrived.".to_owned()
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
        (Some((_, code, by)), _) => refused(code, by),
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
        NotSent::Cancelled => "Not sent: you took it back in time.",
        NotSent::RadioRefused => "Not sent: the bridge's radio refused it.",
        NotSent::TooLarge => "Not sent: it does not fit into a packet.",
    }
}

/// Says what the mesh answered.
pub(crate) fn refused(code: u32, by: RefusedBy) -> String {
    format!("Failed: {}.", refusal(code, by).words())
}

/// Returns the protocol's name of an error.
pub(crate) fn error_name(code: u32) -> &'static str {
    refusal(code, RefusedBy::Radio).name()
}

/// Some numbers mean one thing of the bridge's own radio and another of the destination's.
const fn refusal(code: u32, by: RefusedBy) -> Refusal {
    let voice = match by {
        RefusedBy::Radio => Voice::Radio,
        RefusedBy::Destination => Voice::Addressee,
    };
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
        Fact::Refused { code, by } => return refused(*code, *by),
        Fact::Unconfirmed => "No confirmation came in the time in which one does. It may have arrived.",
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
        status(&facts, facts.charge(), Waits::default())
    }

    fn roof() -> BridgeId {
        "roof".parse().unwrap()
    }

    #[test]
    fn a_waiting_text_says_what_it_waits_for() {
        let granted = told(&[Fact::Offered, Fact::Granted(roof())]);
        let said = |reason| Waits { in_bridge: Some(reason), ..Waits::default() };
        let nothing = Waits::default();
        assert_eq!(Wait::of(&Facts::default(), nothing), Some(Wait::Broker));
        assert_eq!(Wait::of(&told(&[Fact::Offered]), nothing), Some(Wait::Bridge));
        assert_eq!(Wait::of(&granted, nothing), Some(Wait::Sending));
        assert_eq!(Wait::of(&granted, said(WaitReason::DutyCycle)), Some(Wait::InBridge(WaitReason::DutyCycle)));
        assert_eq!(Wait::of(&told(&[Fact::HandedOver]), nothing), Some(Wait::Airtime));
        assert_eq!(Wait::of(&told(&[Fact::Transmitted]), said(WaitReason::Turn)), None);
        assert!(status(&granted, Charge::Reserved, said(WaitReason::Radio)).contains("its radio, which is not connected"));
        let held = Waits { held: true, ..nothing };
        assert_eq!((Wait::of(&told(&[Fact::Offered]), held), Wait::of(&granted, held)), (Some(Wait::Key), Some(Wait::Sending)));
        let cancelling = Waits { cancelling: true, ..said(WaitReason::Turn) };
        assert_eq!((Wait::of(&granted, cancelling), Wait::of(&told(&[Fact::Transmitted]), cancelling)), (Some(Wait::Cancelling), None));
    }

    #[test]
    fn nothing_but_a_confirmation_says_that_it_arrived() {
        for doubtful in [
            Fact::Offered,
            Fact::HandedOver,
            Fact::Transmitted,
            Fact::Relayed,
            Fact::Refused { code: 5, by: RefusedBy::Radio },
            Fact::Unconfirmed,
            Fact::Unknown,
        ] {
            assert!(!say(std::slice::from_ref(&doubtful)).contains("It arrived"), "{doubtful:?}");
        }
        assert!(say(&[Fact::Relayed]).contains("Nobody knows yet whether it arrived"));
        assert!(say(&[Fact::Delivered(DeliveryEvidence::Ack)]).contains("Nobody knows whether they read it"));
        assert_eq!(say(&[Fact::Delivered(DeliveryEvidence::Reply), Fact::Answered]), "It arrived: they answered it.");
    }

    #[test]
    fn an_end_says_whether_it_may_have_been_sent() {
        assert_eq!(
            say(&[Fact::Transmitted, Fact::Refused { code: 5, by: RefusedBy::Radio }]),
            "Failed: no confirmation; it may have arrived."
        );
        assert_eq!(
            say(&[Fact::Refused { code: 35, by: RefusedBy::Destination }]),
            "Failed: it reached that node, which has no key of our radio; the two have to hear each other first."
        );
        assert_eq!(
            say(&[Fact::Refused { code: 35, by: RefusedBy::Radio }]),
            "Failed: the radio has no key of that node; the two have to hear each other first."
        );
        assert_eq!(say(&[Fact::NotSent(NotSent::NeverGranted)]), "Not sent: no bridge could take it in time. Your quota has it back.");
        assert!(!say(&[Fact::Transmitted, Fact::NotSent(NotSent::Expired)]).contains("quota"), "a bridge that contradicts itself");
        assert!(say(&[Fact::HandedOver, Fact::Unknown]).ends_with("It may have been sent."));
    }
}
