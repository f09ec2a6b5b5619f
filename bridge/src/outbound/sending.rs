//! Giving texts to the radio: whose turn it is, what holds everybody up, and the two steps of a hand-over.

use crate::outbound::{
    EXPECTED_BACK, MAX_TOLD, Queue, REPEAT_WITHIN, WORTH_TELLING,
    entry::{Entry, Given, Granted, Now, Phase, Stage},
};
use kosmo_contract::{Evidence, NotSentReason, WaitReason};
use kosmo_domain::{NodeId, Uptime};
use kosmo_meshtastic::{
    airtime::Modem,
    outgoing::{Outgoing, TextError},
    radio::RadioState,
    session::QueueStatus,
};
use std::time::Duration;
use uuid::Uuid;

/// A radio with no more free places than this is given nothing: it has packets of others to pass on, too.
const FEW_PLACES: u32 = 2;
/// How long it takes for a place to become free, at most a minute: by then the radio has been asked again.
const PLACES_PAUSE: Duration = Duration::from_secs(10);
const FULL_PAUSE: Duration = Duration::from_mins(1);
/// How long the law's limit on airtime is waited for at first; the waits double.
const DUTY_CYCLE_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_DUTY_CYCLE_PAUSE: Duration = Duration::from_mins(15);
/// How long a radio rests that was given texts too fast, or could not be given one.
pub(crate) const SHORT_PAUSE: Duration = Duration::from_secs(3);

/// What sending needs to know of a radio that is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) node: NodeId,
    hop_limit: u32,
    modem: Modem,
    /// Whether it is set up to send at all.
    pub(crate) can_send: bool,
}

impl From<&RadioState> for Ready {
    fn from(radio: &RadioState) -> Self {
        let can_send = radio.lora.as_ref().is_none_or(|lora| lora.tx_enabled && lora.region != "UNSET");
        Self { node: radio.node, hop_limit: radio.hop_limit(), modem: radio.modem(), can_send }
    }
}

/// What holds up all texts alike.
#[derive(Debug)]
pub(crate) struct Lane {
    pause: Option<(Uptime, WaitReason)>,
    duty_cycle_pause: Duration,
    /// What the texts wait for, and since when.
    reason: WaitReason,
    since: Uptime,
}

impl Lane {
    pub(crate) const fn new(now: Uptime) -> Self {
        Self { pause: None, duty_cycle_pause: DUTY_CYCLE_PAUSE, reason: WaitReason::Radio, since: now }
    }

    /// Returns why nothing is to be sent at present, if the radio itself gave a reason.
    pub(crate) fn pause(&self, now: Uptime) -> Option<WaitReason> {
        self.pause.filter(|(until, _)| now < *until).map(|(_, reason)| reason)
    }

    pub(crate) fn pause_ends(&self) -> Option<Uptime> {
        // Once it is noted that texts wait for nothing else, the end of the pause is no news.
        self.pause.filter(|(_, reason)| self.reason == *reason && *reason != WaitReason::Turn).map(|(until, _)| until)
    }

    /// Has nothing sent for a while, unless it is for longer already.
    pub(crate) fn hold(&mut self, until: Uptime, reason: WaitReason) {
        if self.pause.is_none_or(|(known, _)| known < until) {
            self.pause = Some((until, reason));
        }
    }

    pub(crate) fn hold_for_duty_cycle(&mut self, now: Uptime) {
        self.hold(now.plus(self.duty_cycle_pause), WaitReason::DutyCycle);
        self.duty_cycle_pause = self.duty_cycle_pause.saturating_mul(2).min(LONGEST_DUTY_CYCLE_PAUSE);
    }

    pub(crate) fn hold_while_full(&mut self, now: Uptime) {
        self.hold(now.plus(FULL_PAUSE), WaitReason::RadioQueue);
    }

    /// Notes that the radio took a text, so that whatever its limits were, they are over.
    pub(crate) const fn note_taken(&mut self) {
        self.duty_cycle_pause = DUTY_CYCLE_PAUSE;
    }

    fn note_room(&mut self, free: u32, now: Uptime) {
        if free == 0 {
            self.hold_while_full(now);
        } else if free <= FEW_PLACES {
            self.pause.take_if(|(_, reason)| *reason == WaitReason::RadioQueue);
            self.hold(now.plus(PLACES_PAUSE), WaitReason::RadioQueue);
        } else {
            self.pause.take_if(|(_, reason)| *reason == WaitReason::RadioQueue);
        }
    }

    pub(crate) fn note_reason(&mut self, reason: WaitReason, now: Uptime) {
        if self.reason != reason {
            (self.reason, self.since) = (reason, now);
        }
    }

    pub(crate) const fn reason(&self) -> WaitReason {
        self.reason
    }

    /// Returns when a text has waited for the same thing for long enough to tell, unless it was told.
    pub(crate) fn told_at(&self, text: &Granted) -> Option<Uptime> {
        let is_news = text.told != Some(self.reason) && text.times_told < MAX_TOLD;
        is_news.then(|| self.since.max(text.since).plus(WORTH_TELLING))
    }
}

/// A hand-over between its commit and the radio.
#[derive(Debug)]
pub(crate) struct Begun {
    message_id: Uuid,
    packet: Outgoing,
    before: Entry,
    /// How many receipts there were before its own.
    receipts: usize,
    is_repetition: bool,
}

impl Queue {
    /// Notes that a radio is ready. It remembers nothing of an earlier connection.
    pub(crate) fn on_radio_ready(&mut self, radio: &RadioState, now: Now) {
        self.on_radio_lost(now);
        self.radio = Some(radio.into());
        self.handshakes += 1;
        self.lane.pause.take_if(|(_, reason)| *reason == WaitReason::RadioQueue);
        self.on_time(now);
    }

    /// Notes that the radio is gone, or started anew: what it had is in doubt.
    pub(crate) fn on_radio_lost(&mut self, now: Now) {
        if self.radio.take().is_some() {
            self.expected_until = Some(now.uptime.plus(EXPECTED_BACK));
        }
        for text in self.texts.values_mut() {
            if let Stage::Given(given) = &mut text.stage {
                given.phase = Phase::Doubt;
            }
        }
        self.on_time(now);
    }

    /// Tells whether there is a radio, and it is set up not to send.
    pub(crate) fn is_mute(&self) -> bool {
        self.radio.is_some_and(|radio| !radio.can_send)
    }

    /// Takes in how full the radio's queue is.
    pub(crate) fn on_queue_status(&mut self, status: &QueueStatus, now: Now) {
        self.lane.note_room(status.free, now.uptime);
        self.on_time(now);
    }

    /// Returns from when on there is a packet to send, given from when on the radio takes one.
    pub(crate) fn send_due(&self, radio_from: Option<Uptime>) -> Option<Uptime> {
        let from = radio_from?;
        self.next_text()?;
        Some(self.lane.pause.map_or(from, |(until, _)| from.max(until)))
    }

    /// Returns whose turn it is, and whether it is a repetition: doubts first, as their time is short, then in the order
    /// of the grants.
    fn next_text(&self) -> Option<(Uuid, bool)> {
        let radio = self.radio?;
        let repetition = |given: &Given, text: &Entry| {
            let is_new_to_radio = given.written_after != Some(self.handshakes);
            (given.phase == Phase::Doubt && given.sent.radio == radio.node && is_new_to_radio && !text.text.is_empty())
                .then_some(given.order)
        };
        let turn = |text: &Entry| match &text.stage {
            Stage::Granted(granted) => Some((false, granted.order)),
            Stage::Given(given) => repetition(given, text).map(|order| (true, order)),
            Stage::Offered | Stage::Claimed { .. } | Stage::Listening { .. } | Stage::NotSent { .. } => None,
        };
        let turns = self.texts.iter().filter_map(|(&message_id, text)| turn(text).map(|turn| (turn, message_id)));
        turns.min_by_key(|&((is_repetition, order), _)| (!is_repetition, order)).map(|((is_repetition, _), id)| (id, is_repetition))
    }

    /// Begins the hand-over of the next text, if there is one and the radio takes it now. The changes are to be committed,
    /// and then [`Queue::release`] returns the packet; if they cannot be committed, [`Queue::undo`] takes it back.
    pub(crate) fn begin(&mut self, radio_from: Option<Uptime>, now: Now) -> bool {
        while self.begun.is_none() && self.send_due(radio_from).is_some_and(|at| at <= now.uptime) {
            let (Some((message_id, is_repetition)), Some(radio)) = (self.next_text(), self.radio) else { break };
            let Some(text) = self.texts.get(&message_id) else { break };
            if is_repetition && text.expires <= now.uptime {
                // It is not sent again, but what became of it may still be told.
                self.drop_words(message_id);
                continue;
            }
            match text.packet(message_id, radio.node, radio.hop_limit) {
                Ok(packet) => self.begin_with(message_id, packet, is_repetition, radio, now),
                Err(TextError::TooLong { .. }) => self.give_up(message_id, NotSentReason::TooLarge, now),
                Err(TextError::Empty | TextError::NoAddressee(_) | TextError::NoSender(_) | TextError::NoId) => {
                    self.give_up(message_id, NotSentReason::RadioRefused, now);
                }
            }
        }
        self.begun.is_some()
    }

    fn begin_with(&mut self, message_id: Uuid, packet: Outgoing, is_repetition: bool, radio: Ready, now: Now) {
        let receipts = self.receipts.len();
        let Some(text) = self.texts.get_mut(&message_id) else { return };
        let before = text.clone();
        let airtime = radio.modem.airtime(packet.bytes_on_air());
        let written_after = Some(self.handshakes);
        match &mut text.stage {
            Stage::Given(given) => *given = Given { airtime, phase: Phase::Written, is_doubted: true, written_after, ..*given },
            Stage::Granted(Granted { order, .. }) => {
                let (order, sent, attempt) = (*order, packet.sent(), text.attempt);
                let repeat_until = now.uptime.plus(REPEAT_WITHIN);
                let given = Given { order, sent, airtime, repeat_until, phase: Phase::Written, is_doubted: false, written_after };
                text.stage = Stage::Given(given);
                self.tell(message_id, Evidence::HandedOver { attempt, packet_id: sent.packet_id, radio: sent.radio }, now);
            }
            Stage::Offered | Stage::Claimed { .. } | Stage::Listening { .. } | Stage::NotSent { .. } => return,
        }
        self.begun = Some(Begun { message_id, packet, before, receipts, is_repetition });
    }

    /// Takes back the hand-over that was begun, because it could not be committed.
    pub(crate) fn undo(&mut self) {
        if let Some(Begun { message_id, before, receipts, .. }) = self.begun.take() {
            self.texts.insert(message_id, before);
            self.receipts.truncate(receipts);
        }
    }

    /// Returns the packet whose hand-over is committed, to be written at once, and whether it is a repetition. Nothing if
    /// the commit took so long that the text's time is up; as nothing was written, that is sure.
    pub(crate) fn release(&mut self, now: Now) -> Option<(Outgoing, bool)> {
        let Begun { message_id, packet, before, is_repetition, .. } = self.begun.take()?;
        let text = self.texts.get_mut(&message_id)?;
        let is_late = match &text.stage {
            Stage::Given(given) => given.repeat_until <= now.uptime,
            Stage::Offered | Stage::Claimed { .. } | Stage::Granted(_) | Stage::Listening { .. } | Stage::NotSent { .. } => true,
        };
        if text.expires > now.uptime && !is_late {
            return Some((packet, is_repetition));
        }
        if is_repetition {
            *text = before;
        } else {
            self.give_up(message_id, NotSentReason::Expired, now);
        }
        None
    }

    /// Has a text not repeated any more.
    fn drop_words(&mut self, message_id: Uuid) {
        if let Some(text) = self.texts.get_mut(&message_id) {
            text.text = kosmo_contract::Text::cut("");
            self.changed.insert(message_id);
        }
    }
}
