//! What a refusal of a packet proves, and what it means to a person.

use crate::payload::RoutingError;
use kosmo_domain::NodeId;

/// Somebody refused a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The protocol's number for the reason.
    pub code: u32,
    /// Who refused it: the radio it was given to, or the addressee.
    pub by: NodeId,
    /// How that was said, which decides what the number means.
    pub voice: Voice,
}

/// How a refusal was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The radio answered so when it was given the packet. From 32 on its numbers may be its own (`ErrorCode`) or those of
    /// routing errors; where the two differ, this version does not guess.
    QueueStatus,
    /// The radio sent its client a routing error.
    Radio,
    /// The addressee sent a routing error over the air.
    Addressee,
}

/// What was known of a packet when it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandedOver {
    /// It was given to the radio once, and the radio had said nothing of it.
    Once,
    /// It was given to the radio once, and the radio had answered 0.
    Taken,
    /// It was given to a radio more than once, because nobody knows what became of it.
    Doubted,
}

/// What comes of sending the same text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    /// It may go better after a pause.
    Later,
    /// It may go better once the radio knows the addressee's key.
    WithKey,
    /// The same, until somebody changes something.
    Same,
    /// Nobody knows: it may have arrived.
    Open,
}

/// What a number means.
struct Meaning {
    prospect: Prospect,
    /// Whether the radio refuses so before it sends.
    before_sending: bool,
    words: &'static str,
}

impl Refusal {
    /// Tells whether the refusal proves that the packet never went on the air.
    ///
    /// Only the radio itself can know. What it refuses after it had taken the packet may be a repetition: the region's
    /// limit, for one, is checked at each of its three tries, and the first may be what reached it. The exception is a
    /// text that came too soon after another, which is dropped at the door with the answer 0. And of a packet handed over
    /// before in doubt, an earlier one may have been sent.
    pub const fn proves_not_sent(self, handed_over: HandedOver) -> bool {
        match handed_over {
            HandedOver::Once => self.is_before_sending(),
            HandedOver::Taken => self.is_before_sending() && self.code == RATE_LIMIT_EXCEEDED,
            HandedOver::Doubted => false,
        }
    }

    /// Returns what comes of sending the same text again.
    pub const fn prospect(self) -> Prospect {
        self.meaning().prospect
    }

    /// Tells whether the packet was too large.
    pub const fn is_too_large(self) -> bool {
        self.code == TOO_LARGE
    }

    /// Tells whether the region's limit on airtime was reached.
    pub const fn is_duty_cycle(self) -> bool {
        self.code == DUTY_CYCLE_LIMIT
    }

    /// Says it to a person, as the end of a sentence that begins with "not sent" or "failed".
    pub const fn words(self) -> &'static str {
        self.meaning().words
    }

    /// Returns the protocol's name for it, for those who look it up.
    pub fn name(self) -> &'static str {
        match (self.voice, self.code) {
            (Voice::QueueStatus, 32) => "ERRNO_UNKNOWN",
            (Voice::QueueStatus, 33) => "ERRNO_NO_INTERFACES",
            (Voice::QueueStatus, 34) => "ERRNO_DISABLED",
            (Voice::QueueStatus, 35) => "ERRNO_SHOULD_RELEASE",
            (Voice::QueueStatus | Voice::Radio | Voice::Addressee, code) => RoutingError(code).name(),
        }
    }

    const fn is_before_sending(self) -> bool {
        self.meaning().before_sending
    }

    const fn meaning(self) -> Meaning {
        match self.voice {
            Voice::QueueStatus => match self.code {
                32 => open("the radio did not take it and did not say why"),
                33 => refused("the radio's LoRa part does not work"),
                34 => refused("the radio is set not to send, or has no region"),
                35 => refused("the radio kept it to itself"),
                code => said_by_radio(code),
            },
            Voice::Radio => said_by_radio(self.code),
            Voice::Addressee => said_by_addressee(self.code),
        }
    }
}

const NO_CHANNEL: u32 = 6;
const TOO_LARGE: u32 = 7;
const DUTY_CYCLE_LIMIT: u32 = 9;
const PKI_FAILED: u32 = 34;
const PKI_UNKNOWN_PUBKEY: u32 = 35;
const RATE_LIMIT_EXCEEDED: u32 = 38;
const PKI_SEND_FAIL_PUBLIC_KEY: u32 = 39;

const UNKNOWN: &str = "for a reason that this version does not know; it may have arrived";
const NO_KEY: &str = "the radio has no key of that node; the two have to hear each other first";
const NOT_FOR_US: &str = "a node on the way would not take it from us; it may have arrived";

/// The radio's own routing errors. Those before sending come of its checks on the way to the air (`Router::send`,
/// `PhoneAPI::handleToRadioPacket`).
const fn said_by_radio(code: u32) -> Meaning {
    match code {
        1 => open("the radio knows no way there; it may have arrived"),
        2 => open("a node on the way reported a failure; it may have arrived"),
        3 => open("the radio waited in vain; it may have arrived"),
        4 => refused("the radio's LoRa part does not work"),
        5 => open("no confirmation; it may have arrived"),
        NO_CHANNEL => refused("the radio has no channel to send it on"),
        TOO_LARGE => refused("it is too long for one packet"),
        8 => open("no answer; it may have arrived"),
        DUTY_CYCLE_LIMIT => later("the radio has used up the airtime that the law allows in an hour"),
        32 => open("the radio could make nothing of it; it may have arrived"),
        33 | 36 | 37 => open(NOT_FOR_US),
        PKI_FAILED => refused("the radio could not encrypt it for that node"),
        PKI_UNKNOWN_PUBKEY | PKI_SEND_FAIL_PUBLIC_KEY => Meaning { prospect: Prospect::WithKey, before_sending: true, words: NO_KEY },
        RATE_LIMIT_EXCEEDED => later("it came too soon after another text"),
        _ => open(UNKNOWN),
    }
}

/// An addressee's routing errors: the packet reached its radio, which could make nothing of it.
const fn said_by_addressee(code: u32) -> Meaning {
    match code {
        1 => open("that node knew no way for its answer; it may have arrived"),
        2 => open("that node was told of a failure; it may have arrived"),
        3 => open("that node waited in vain; it may have arrived"),
        4 => open("that node's LoRa part does not work; it may have arrived"),
        5 => open("no confirmation; it may have arrived"),
        NO_CHANNEL => same("it reached that node, which could not read it"),
        TOO_LARGE => open("that node's answer was too long for one packet; it may have arrived"),
        8 => open("that node had no answer to it"),
        DUTY_CYCLE_LIMIT => open("that node has used up its airtime, and may not answer; it may have arrived"),
        32 => same("it reached that node, which could make nothing of it"),
        33 | 36 | 37 => same("that node does not accept it"),
        PKI_FAILED => same("it reached that node, which could not decrypt it"),
        PKI_UNKNOWN_PUBKEY => same("it reached that node, which has no key of our radio; the two have to hear each other first"),
        RATE_LIMIT_EXCEEDED => same("it reached that node, which was sent too much at once"),
        PKI_SEND_FAIL_PUBLIC_KEY => open("that node has no key to answer with; it may have arrived"),
        _ => open(UNKNOWN),
    }
}

const fn refused(words: &'static str) -> Meaning {
    Meaning { prospect: Prospect::Same, before_sending: true, words }
}

const fn later(words: &'static str) -> Meaning {
    Meaning { prospect: Prospect::Later, before_sending: true, words }
}

const fn same(words: &'static str) -> Meaning {
    Meaning { prospect: Prospect::Same, before_sending: false, words }
}

const fn open(words: &'static str) -> Meaning {
    Meaning { prospect: Prospect::Open, before_sending: false, words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(voice: Voice, code: u32) -> Refusal {
        Refusal { code, by: NodeId::from_number(77), voice }
    }

    fn proofs(voice: Voice, handed_over: HandedOver) -> Vec<u32> {
        (0..256).filter(|code| refusal(voice, *code).proves_not_sent(handed_over)).collect()
    }

    #[test]
    fn only_what_the_radio_refuses_at_the_door_proves_that_nothing_was_sent() {
        assert_eq!(proofs(Voice::QueueStatus, HandedOver::Once), [4, 6, 7, 9, 33, 34, 35, 38, 39]);
        assert_eq!(proofs(Voice::Radio, HandedOver::Once), [4, 6, 7, 9, 34, 35, 38, 39]);
        assert_eq!(proofs(Voice::Radio, HandedOver::Taken), [38]);
        for handed_over in [HandedOver::Once, HandedOver::Taken, HandedOver::Doubted] {
            assert!(proofs(Voice::Addressee, handed_over).is_empty());
        }
        assert_eq!((proofs(Voice::QueueStatus, HandedOver::Doubted), proofs(Voice::Radio, HandedOver::Doubted)), (vec![], vec![]));
    }

    #[test]
    fn only_waiting_helps_against_limits() {
        for voice in [Voice::QueueStatus, Voice::Radio] {
            let later: Vec<_> = (0..256).filter(|code| refusal(voice, *code).prospect() == Prospect::Later).collect();
            assert_eq!(later, [9, 38]);
        }
        assert!((0..256).all(|code| refusal(Voice::Addressee, code).prospect() != Prospect::Later));
    }

    /// Every error that the protocol has, by its radio and by its addressee: whether the same text is worth another try, and that each
    /// has words of its own.
    #[test]
    fn every_error_of_the_protocol_has_words_and_says_whether_to_try_again() {
        use Prospect::{Later, Open, Same, WithKey};
        let table = [
            ("NO_ROUTE", Open, Open),
            ("GOT_NAK", Open, Open),
            ("TIMEOUT", Open, Open),
            ("NO_INTERFACE", Same, Open),
            ("MAX_RETRANSMIT", Open, Open),
            ("NO_CHANNEL", Same, Same),
            ("TOO_LARGE", Same, Open),
            ("NO_RESPONSE", Open, Open),
            ("DUTY_CYCLE_LIMIT", Later, Open),
            ("BAD_REQUEST", Open, Same),
            ("NOT_AUTHORIZED", Open, Same),
            ("PKI_FAILED", Same, Same),
            ("PKI_UNKNOWN_PUBKEY", WithKey, Same),
            ("ADMIN_BAD_SESSION_KEY", Open, Same),
            ("ADMIN_PUBLIC_KEY_UNAUTHORIZED", Open, Same),
            ("RATE_LIMIT_EXCEEDED", Later, Same),
            ("PKI_SEND_FAIL_PUBLIC_KEY", WithKey, Open),
        ];
        let errors = (1..10_000).filter(|code| crate::proto::routing::Error::try_from(*code).is_ok()).map(i32::cast_unsigned);
        let told: Vec<_> = errors
            .map(|code| {
                let [radio, addressee] = [Voice::Radio, Voice::Addressee].map(|voice| refusal(voice, code));
                assert!(radio.words() != UNKNOWN && addressee.words() != UNKNOWN, "{} has no words", radio.name());
                (radio.name(), radio.prospect(), addressee.prospect())
            })
            .collect();
        assert_eq!(told, table);
    }

    #[test]
    fn silence_leaves_it_open_and_says_so() {
        for code in [1, 2, 3, 5, 8, 10, 32, 33, 36, 37, 40, 200, u32::MAX] {
            let refusal = refusal(Voice::Radio, code);
            assert_eq!(refusal.prospect(), Prospect::Open);
            assert!(refusal.words().ends_with("it may have arrived"), "{}", refusal.words());
        }
    }

    #[test]
    fn a_number_means_what_its_speaker_means() {
        let names = [Voice::QueueStatus, Voice::Radio, Voice::Addressee].map(|voice| refusal(voice, 34).name());
        assert_eq!(names, ["ERRNO_DISABLED", "PKI_FAILED", "PKI_FAILED"]);
        assert_eq!(refusal(Voice::QueueStatus, 34).words(), "the radio is set not to send, or has no region");
        assert_eq!(refusal(Voice::Radio, 38).name(), "RATE_LIMIT_EXCEEDED");
        assert_eq!(refusal(Voice::Radio, 1000).name(), "UNKNOWN");
    }

    proptest! {
        #[test]
        fn what_is_open_proves_nothing(code in any::<u32>(), voice in prop_oneof![Just(Voice::QueueStatus), Just(Voice::Radio), Just(Voice::Addressee)]) {
            let refusal = refusal(voice, code);
            prop_assert!(refusal.prospect() != Prospect::Open || !refusal.proves_not_sent(HandedOver::Once));
            prop_assert!(!refusal.words().is_empty() && !refusal.name().is_empty());
        }
    }
}
