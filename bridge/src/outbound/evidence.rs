//! What the radio and the mesh say of a text that was given to the radio, and what is reported of it.

use crate::outbound::{
    LISTEN, Queue, REPEAT_WITHIN,
    entry::{CONFIRMS_AFTER, Entry, Given, Granted, Now, Phase, Stage},
    row::Told,
    sending::SHORT_PAUSE,
};
use kosmo_contract::{Evidence, NotSentReason, WaitReason};
use kosmo_domain::{PacketId, Uptime};
use kosmo_failpoints::fail_point;
use kosmo_meshtastic::{
    evidence::{Prospect, Refusal, Verdict, Voice, judge},
    packet::{Body, Received},
    session::HandOver,
};
use std::time::Duration;
use uuid::Uuid;

/// How long after a packet's time on the air a refusal may take to arrive.
const REFUSAL_ARRIVES: Duration = Duration::from_secs(5);

impl Queue {
    /// Takes in what became of a packet that was given to the session.
    pub(crate) fn on_hand_over(&mut self, hand_over: HandOver, now: Now) {
        if self.contacts.on_hand_over(hand_over.id(), hand_over.is_written()) {
            return self.on_time(now);
        }
        let Some((message_id, mut given)) = self.written(hand_over.id()) else { return };
        match hand_over {
            HandOver::Accepted { .. } => {
                self.lane.note_taken();
                given.phase = Phase::Taken { sent_by: now.uptime.plus(given.airtime + REFUSAL_ARRIVES) };
                self.put(message_id, given);
            }
            HandOver::QueueFull { .. } => {
                self.lane.hold_while_full(now.uptime);
                self.doubt(message_id, given);
            }
            HandOver::RefusedByRadio { code, .. } => {
                let refusal = Refusal { code, by: given.sent.radio, voice: Voice::QueueStatus };
                self.on_refusal(message_id, given, refusal, now);
            }
            HandOver::Unanswered { .. } => self.doubt(message_id, given),
            HandOver::NotReady { .. } | HandOver::Busy { .. } | HandOver::OtherRadio { .. } => {
                self.lane.hold(now.uptime.plus(SHORT_PAUSE), WaitReason::Turn);
                self.on_unwritten(message_id, given, now);
            }
        }
        self.on_time(now);
    }

    /// Takes in a packet, which may say something of one that was sent.
    pub(crate) fn on_packet(&mut self, received: &Received, now: Now) {
        if let Some(radio) = self.radio {
            self.air.on_packet(received, radio.node, now.uptime);
        }
        if let Body::User(user) = &received.body {
            self.contacts.on_user(received.from, user);
        }
        if received.request_id.is_none() && received.reply_id.is_none() {
            return;
        }
        let verdict = |text: &Entry| judge(&text.sent()?, received);
        let Some((message_id, verdict)) = self.texts.iter().find_map(|(&id, text)| Some((id, verdict(text)?))) else { return };
        fail_point!("text::evidence");
        let packet_id = received.request_id.or(received.reply_id).unwrap_or(PacketId(0));
        match verdict {
            Verdict::Acknowledged(proof) => {
                let (packet_id, by) = (proof.packet_id(), proof.by());
                self.learn(message_id, [(Told::ACKNOWLEDGED, Evidence::Acknowledged { packet_id, by, proven: false })], now);
            }
            // The answer itself is on its way as a text, and says so.
            Verdict::Replied(_) => self.learn_answered(message_id, now),
            Verdict::Relayed => {
                let transmitted = (Told::TRANSMITTED, Evidence::Transmitted { packet_id });
                self.learn(message_id, [transmitted, (Told::RELAYED, Evidence::Relayed { packet_id })], now);
            }
            Verdict::Refused(refusal) => match self.texts.get(&message_id).map(|text| &text.stage) {
                Some(&Stage::Given(given)) => self.on_refusal(message_id, given, refusal, now),
                Some(_) => self.report_refusal(message_id, packet_id, refusal, now),
                None => {}
            },
        }
        self.on_time(now);
    }

    /// Does what time brings for a text that the radio has: it was sent by now, or nothing more will be learnt of it.
    pub(crate) fn settle(&mut self, message_id: Uuid, given: Given, now: Now) {
        let packet_id = given.sent.packet_id;
        match given.phase {
            Phase::Written => {}
            Phase::Taken { .. } => self.learn(message_id, [(Told::TRANSMITTED, Evidence::Transmitted { packet_id })], now),
            Phase::Doubt => self.learn(message_id, [(Told::UNKNOWN, Evidence::Unknown)], now),
        }
    }

    /// Tells that no confirmation came in the time in which one does. The radio tells of a failure only if nobody was heard passing the
    /// text on, and that word may be lost.
    pub(crate) fn give_up_confirmation(&mut self, message_id: Uuid, packet_id: PacketId, now: Now) {
        self.learn(message_id, [(Told::UNCONFIRMED, Evidence::Unconfirmed { packet_id })], now);
    }

    fn on_refusal(&mut self, message_id: Uuid, given: Given, refusal: Refusal, now: Now) {
        if refusal.is_duty_cycle() {
            self.lane.hold_for_duty_cycle(now.uptime);
        }
        let is_later = refusal.prospect() == Prospect::Later;
        if refusal.proves_not_sent(given.handed_over()) {
            match refusal.prospect() {
                Prospect::Later => self.try_again(message_id, given, now),
                Prospect::WithKey if self.can_tell_key(message_id) => self.try_again(message_id, given, now),
                Prospect::Same | Prospect::WithKey | Prospect::Open if refusal.is_too_large() => {
                    self.give_up(message_id, NotSentReason::TooLarge, now);
                }
                Prospect::Same | Prospect::WithKey | Prospect::Open => self.give_up(message_id, NotSentReason::RadioRefused, now),
            }
        } else if refusal.voice == Voice::QueueStatus || (given.is_doubted && is_later) {
            // This time it was not sent, or nobody knows why; of the time before it says nothing.
            if !refusal.is_duty_cycle() {
                self.lane.hold(now.uptime.plus(SHORT_PAUSE), WaitReason::RadioQueue);
            }
            self.doubt(message_id, given);
        } else {
            self.report_refusal(message_id, given.sent.packet_id, refusal, now);
        }
    }

    /// Tells whether the radio, which misses the key of a text's addressee, can be told it. Once for each text: a radio that misses what
    /// it was told does not want to know.
    fn can_tell_key(&mut self, message_id: Uuid) -> bool {
        let Some(text) = self.texts.get(&message_id) else { return false };
        text.attempt == 0 && self.contacts.on_missing(text.to, text.wish.contact.as_ref())
    }

    /// Notes that the addressee answered: the answer tells the cloud.
    fn learn_answered(&mut self, message_id: Uuid, now: Now) {
        self.learn(message_id, [], now);
        if let Some(Stage::Listening { told, confirm_by, .. }) = self.texts.get_mut(&message_id).map(|text| &mut text.stage) {
            *confirm_by = None;
            if told.add(Told::ANSWERED) {
                self.changed.insert(message_id);
            }
        }
    }

    /// The text was surely not sent, and may go better later. The radio may remember the id, so it needs another.
    fn try_again(&mut self, message_id: Uuid, given: Given, now: Now) {
        let Some(text) = self.texts.get_mut(&message_id) else { return };
        let Some(attempt) = text.attempt.checked_add(1) else {
            self.give_up(message_id, NotSentReason::RadioRefused, now);
            return;
        };
        text.attempt = attempt;
        text.stage = Stage::Granted(Granted::new(given.order, now.uptime));
        self.changed.insert(message_id);
        self.lane.hold(now.uptime.plus(SHORT_PAUSE), WaitReason::Turn);
    }

    /// Nothing was written. If that was the first time, the text is where it was before.
    fn on_unwritten(&mut self, message_id: Uuid, given: Given, now: Now) {
        if given.is_doubted {
            self.put(message_id, Given { phase: Phase::Doubt, written_after: None, ..given });
        } else if let Some(text) = self.texts.get_mut(&message_id) {
            text.stage = Stage::Granted(Granted::new(given.order, now.uptime));
            self.changed.insert(message_id);
        }
    }

    /// Reports an error, unless the text is known to have arrived.
    fn report_refusal(&mut self, message_id: Uuid, packet_id: PacketId, refusal: Refusal, now: Now) {
        let Refusal { code, by, .. } = refusal;
        match self.texts.get(&message_id).map(|text| &text.stage) {
            Some(Stage::Listening { told, .. }) if told.has(Told::ACKNOWLEDGED) => {}
            Some(_) => self.learn(message_id, [(Told::REFUSED, Evidence::Refused { packet_id, code, by })], now),
            None => {}
        }
    }

    /// Tells the cloud what is new of this. From here on the text is not sent again, but listened for.
    fn learn<const N: usize>(&mut self, message_id: Uuid, facts: [(Told, Evidence); N], now: Now) {
        let Some(text) = self.texts.get_mut(&message_id) else { return };
        // A radio that heard a neighbour pass it on tries no more, and tells of no failure either.
        let waits_longer = facts.iter().any(|(what, _)| *what == Told::RELAYED);
        let (sent, mut told, until, tries) = match text.stage {
            Stage::Given(given) => (given.sent, Told::default(), listens_until(&given, now.uptime), Some(given.tries)),
            Stage::Listening { sent, told, until, confirm_by } => {
                (sent, told, until, confirm_by.map(|by| by.since(now.uptime).saturating_sub(CONFIRMS_AFTER)))
            }
            Stage::Offered | Stage::Claimed { .. } | Stage::Granted(_) | Stage::NotSent { .. } => return,
        };
        let knew = text.is_done().then_some(told);
        for (what, evidence) in facts {
            if told.add(what) {
                self.tell(message_id, evidence, now);
            }
        }
        if knew == Some(told) {
            return;
        }
        let is_open = !told.is_final() && !sent.to.is_broadcast();
        let tries = tries.filter(|_| is_open).map(|tries| if waits_longer { Duration::ZERO } else { tries });
        let confirm_by = tries.map(|tries| now.uptime.plus(tries).plus(CONFIRMS_AFTER).min(until));
        self.finish(message_id, Stage::Listening { sent, told, until, confirm_by });
    }

    /// Returns the text whose packet is with the session.
    fn written(&self, packet_id: PacketId) -> Option<(Uuid, Given)> {
        self.texts.iter().find_map(|(&message_id, text)| match text.stage {
            Stage::Given(given) if given.sent.packet_id == packet_id && given.phase == Phase::Written => Some((message_id, given)),
            _ => None,
        })
    }

    fn doubt(&mut self, message_id: Uuid, given: Given) {
        self.put(message_id, Given { phase: Phase::Doubt, ..given });
    }

    /// On disk nothing changes by this: there it is given to the radio, which is all that a next life needs to know.
    fn put(&mut self, message_id: Uuid, given: Given) {
        if let Some(text) = self.texts.get_mut(&message_id) {
            text.stage = Stage::Given(given);
        }
    }
}

/// Half an hour after it was given to the radio first.
fn listens_until(given: &Given, now: Uptime) -> Uptime {
    given.repeat_until.plus(LISTEN.saturating_sub(REPEAT_WITHIN)).max(now)
}
