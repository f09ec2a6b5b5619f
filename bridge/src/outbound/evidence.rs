//! What the radio and the mesh say of a text that was given to the radio, and what is reported of it.

use crate::outbound::{
    LISTEN, Queue, REPEAT_WITHIN,
    entry::{Entry, Given, Granted, Now, Phase, Stage},
    row::Told,
    sending::SHORT_PAUSE,
};
use kosmo_contract::{Evidence, NotSentReason, WaitReason};
use kosmo_domain::{PacketId, Uptime};
use kosmo_failpoints::fail_point;
use kosmo_meshtastic::{
    evidence::{Prospect, Refusal, Verdict, Voice, judge},
    packet::Received,
    session::HandOver,
};
use std::time::Duration;
use uuid::Uuid;

/// How long after a packet's time on the air a refusal may take to arrive.
const REFUSAL_ARRIVES: Duration = Duration::from_secs(5);

impl Queue {
    /// Takes in what became of a packet that was given to the session.
    pub(crate) fn on_hand_over(&mut self, hand_over: HandOver, now: Now) {
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
            Verdict::Replied(_) => self.learn(message_id, [], now),
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

    fn on_refusal(&mut self, message_id: Uuid, given: Given, refusal: Refusal, now: Now) {
        if refusal.is_duty_cycle() {
            self.lane.hold_for_duty_cycle(now.uptime);
        }
        let is_later = refusal.prospect() == Prospect::Later;
        if refusal.proves_not_sent(given.handed_over()) {
            match refusal.prospect() {
                Prospect::Later => self.try_again(message_id, given, now),
                Prospect::Same | Prospect::Open if refusal.is_too_large() => self.give_up(message_id, NotSentReason::TooLarge, now),
                Prospect::Same | Prospect::Open => self.give_up(message_id, NotSentReason::RadioRefused, now),
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
        let (sent, mut told, until) = match text.stage {
            Stage::Given(given) => (given.sent, Told::default(), listens_until(&given, now.uptime)),
            Stage::Listening { sent, told, until } => (sent, told, until),
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
        self.finish(message_id, Stage::Listening { sent, told, until });
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
