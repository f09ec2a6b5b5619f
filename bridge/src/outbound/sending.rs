//! Giving texts to the radio: whose turn it is, what holds everybody up, and the two steps of a hand-over.

use crate::{
    convert,
    outbound::{
        EXPECTED_BACK, MAX_TOLD, Queue, REPEAT_WITHIN, WORTH_TELLING,
        entry::{Entry, Given, Granted, Now, Phase, Stage},
    },
};
use kosmo_contract::{ChannelRef, Evidence, NotSentReason, Priority, Text, WaitReason};
use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    airtime::Modem,
    outgoing::{Outgoing, TextError, packet_id},
    radio::{ChannelRole, RadioState},
    session::QueueStatus,
};
use std::{cmp::Reverse, time::Duration};
use uuid::Uuid;

/// A radio with no more free places than this is given nothing: it has packets of others to pass on, too.
pub(crate) const FEW_PLACES: u32 = 2;
/// How long it takes for a place to become free, at most a minute: by then the radio has been asked again.
const PLACES_PAUSE: Duration = Duration::from_secs(10);
const FULL_PAUSE: Duration = Duration::from_mins(1);
/// How long the law's limit on airtime is waited for at first; the waits double.
const DUTY_CYCLE_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_DUTY_CYCLE_PAUSE: Duration = Duration::from_mins(15);
/// How long a radio rests that was given texts too fast, or could not be given one.
pub(crate) const SHORT_PAUSE: Duration = Duration::from_secs(3);

/// How often firmware sends a packet that nobody confirms.
const TRIES: u32 = 3;
/// Of how many members it is remembered when they had a turn.
const MAX_SERVED: usize = 1000;

/// What sending needs to know of a radio that is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) node: NodeId,
    hop_limit: u32,
    modem: Modem,
    /// Whether it signs what is for everybody.
    signs: bool,
    /// Whether it is set up to send at all.
    pub(crate) can_send: bool,
}

impl From<&RadioState> for Ready {
    fn from(radio: &RadioState) -> Self {
        let can_send = radio.lora.as_ref().is_none_or(|lora| lora.tx_enabled && lora.region != "UNSET");
        Self { node: radio.node, hop_limit: radio.hop_limit(), modem: radio.modem(), signs: radio.has_firmware(2, 8), can_send }
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

    /// Forgets a pause that is over: what texts wait for then may be the same for another cause.
    pub(crate) fn end_pause(&mut self, now: Uptime) {
        self.pause.take_if(|(until, _)| *until <= now);
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

    /// Returns for how long texts have waited for the same thing, their turn aside.
    pub(crate) fn waited(&self, now: Uptime) -> Option<Duration> {
        (self.reason != WaitReason::Turn).then(|| now.since(self.since))
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
    /// When its member had a turn before.
    served: Option<u64>,
}

/// Returns which channels a radio has, and its indexes of them.
fn channels_of(radio: &RadioState) -> Vec<(ChannelRef, u8)> {
    let used = radio.channels.iter().filter(|channel| channel.role != ChannelRole::Disabled);
    used.map(|channel| (convert::channel_ref(radio, channel), channel.index)).collect()
}

impl Queue {
    /// Notes that a radio is ready. It remembers nothing of an earlier connection.
    pub(crate) fn on_radio_ready(&mut self, radio: &RadioState, now: Now) {
        self.on_radio_lost(now);
        self.radio = Some(radio.into());
        self.channels = channels_of(radio);
        self.air.on_ready(radio, now.uptime);
        self.contacts.on_ready(radio, now.uptime);
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

    /// Notes that the radio keeps to itself what it hears: for texts it is gone, and nobody can tell until when.
    pub(crate) fn on_radio_locked(&mut self, now: Now) {
        self.on_radio_lost(now);
        self.expected_until = None;
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
        let next = self.next_text()?;
        let from = self.lane.pause.map_or(from, |(until, _)| from.max(until));
        Some(self.open_from(next, from).0)
    }

    /// Returns from when on the air is free for a text, at `from` or later, and what it waits for if that is later.
    fn open_from(&self, (message_id, is_repetition): (Uuid, bool), from: Uptime) -> (Uptime, Option<WaitReason>) {
        let (Some(radio), Some(text)) = (self.radio, self.texts.get(&message_id)) else { return (from, None) };
        // What is no packet ends as soon as it is tried.
        let Ok(packet) = text.packet(message_id, radio.node, radio.hop_limit, 0) else { return (from, None) };
        self.air.open_from(text.wish.priority, is_repetition, radio.modem.airtime(packet.bytes_on_air(radio.signs)), from)
    }

    /// Returns what keeps the next text from the air, if anything does.
    pub(crate) fn air_reason(&self, now: Uptime) -> Option<WaitReason> {
        self.open_from(self.next_text()?, now).1
    }

    /// Returns from when on that is over.
    pub(crate) fn air_opens(&self) -> Option<Uptime> {
        let waits = matches!(self.lane.reason, WaitReason::DutyCycle | WaitReason::Channel) && self.lane.pause_ends().is_none();
        waits.then(|| self.next_text().map(|next| self.open_from(next, self.lane.since).0)).flatten()
    }

    /// Returns the radio's index of the channel that a text is for; nothing if it has none of the kind.
    fn channel_of(&self, channel: Option<&ChannelRef>) -> Option<u8> {
        let Some(channel) = channel else { return Some(0) };
        self.channels.iter().find(|(known, _)| known == channel).map(|(_, index)| *index)
    }

    /// Tells whether the radio, or one that is expected back, could send a text.
    pub(crate) fn can_send(&self, text: &Entry) -> bool {
        match &self.radio {
            Some(radio) => radio.can_send && radio.node != text.to && self.channel_of(text.wish.channel.as_ref()).is_some(),
            None => self.expected_until.is_some(),
        }
    }

    /// Returns what the radio is to be told before it is given the next text, if that is due and the radio may have forgotten its
    /// addressee: to be written at once, and the text as soon as the radio has answered. Nothing of it is on disk, for it may be told
    /// any number of times.
    pub(crate) fn contact(&mut self, setup_from: Option<Uptime>, text_from: Option<Uptime>, now: Now) -> Option<Outgoing> {
        let is_open = |at: Option<Uptime>| at.is_some_and(|at| at <= now.uptime);
        if self.begun.is_some() || !is_open(setup_from) || !is_open(self.send_due(text_from)) {
            return None;
        }
        let (message_id, _) = self.next_text()?;
        let (radio, text) = (self.radio?, self.texts.get(&message_id)?);
        if text.wish.channel.is_some() {
            return None;
        }
        let contact = self.contacts.due(text.to, text.wish.contact.as_ref(), now.uptime)?;
        // Another packet than any of the text's, and than the one before, which the radio may remember.
        let id = packet_id(!message_id.as_u128(), text.attempt.wrapping_add(self.handshakes.to_le_bytes()[0]));
        let packet = Outgoing::contact(radio.node, id, &contact)?;
        self.contacts.note_adding(id, &contact, now.uptime);
        Some(packet)
    }

    /// Returns the question for the way to a node, and counts it as sent, if there is a radio that may send it now: questions wait for
    /// a quiet channel, and have no place in the queue.
    pub(crate) fn question(&mut self, to: NodeId, id: PacketId, now: Now) -> Option<Outgoing> {
        let radio = self.radio.filter(|radio| radio.can_send)?;
        let question = Outgoing::traceroute(radio.node, to, id, radio.hop_limit)?;
        let airtime = radio.modem.airtime(question.bytes_on_air(radio.signs));
        let (open_from, _) = self.air.open_from(Priority::Low, false, airtime, now.uptime);
        (open_from <= now.uptime).then(|| {
            self.air.note_given(airtime, now.uptime);
            question
        })
    }

    /// Tells whether there is a radio that is ready.
    pub(crate) const fn has_radio(&self) -> bool {
        self.radio.is_some()
    }

    /// Returns how long so many bytes of somebody else's are on the air, if there is room for what can wait. What the radio sends of
    /// them it tells itself.
    pub(crate) fn room_for_others(&self, bytes: usize, now: Uptime) -> Option<Duration> {
        let airtime = self.radio.filter(|radio| radio.can_send)?.modem.airtime(bytes);
        let (open_from, _) = self.air.open_from(Priority::Low, false, airtime, now);
        (open_from <= now).then_some(airtime)
    }

    /// Returns whose turn it is, and whether it is a repetition: doubts first, as their time is short; then what has priority; then
    /// the text of the member who has not had a turn for longest, so that one who writes many holds up nobody else; and of one member
    /// in the order of the grants.
    fn next_text(&self) -> Option<(Uuid, bool)> {
        let radio = self.radio?;
        let repetition = |given: &Given, text: &Entry| {
            let is_new_to_radio = given.written_after != Some(self.handshakes);
            (given.phase == Phase::Doubt && given.sent.radio == radio.node && is_new_to_radio && !text.text.is_empty())
                .then_some(given.order)
        };
        let turn = |text: &Entry| match &text.stage {
            Stage::Granted(granted) => {
                let served = self.served.get(&text.wish.member).copied();
                Some((false, Reverse(text.wish.priority), served, granted.order))
            }
            Stage::Given(given) => repetition(given, text).map(|order| (true, Reverse(Priority::High), None, order)),
            Stage::Offered | Stage::Claimed { .. } | Stage::Listening { .. } | Stage::NotSent { .. } => None,
        };
        let turns = self.texts.iter().filter_map(|(&message_id, text)| turn(text).map(|turn| (turn, message_id)));
        let first = turns.min_by_key(|&((is_repetition, priority, served, order), _)| (!is_repetition, priority, served, order));
        first.map(|((is_repetition, ..), id)| (id, is_repetition))
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
            let Some(channel) = self.channel_of(text.wish.channel.as_ref()) else {
                self.give_up(message_id, NotSentReason::RadioRefused, now);
                continue;
            };
            match text.packet(message_id, radio.node, radio.hop_limit, channel) {
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
        let airtime = radio.modem.airtime(packet.bytes_on_air(radio.signs));
        // A busy channel only makes the radio wait longer between its tries.
        let tries = radio.modem.retransmission(packet.bytes_on_air(radio.signs), 50.0) * TRIES;
        let written_after = Some(self.handshakes);
        match &mut text.stage {
            Stage::Given(given) => *given = Given { airtime, tries, phase: Phase::Written, is_doubted: true, written_after, ..*given },
            Stage::Granted(Granted { order, .. }) => {
                let (order, sent, attempt) = (*order, packet.sent(), text.attempt);
                let repeat_until = now.uptime.plus(REPEAT_WITHIN);
                let given = Given { order, sent, airtime, tries, repeat_until, phase: Phase::Written, is_doubted: false, written_after };
                text.stage = Stage::Given(given);
                self.tell(message_id, Evidence::HandedOver { attempt, packet_id: sent.packet_id, radio: sent.radio }, now);
            }
            Stage::Offered | Stage::Claimed { .. } | Stage::Listening { .. } | Stage::NotSent { .. } => return,
        }
        let served = self.take_turn(before.wish.member.clone());
        self.air.note_given(airtime, now.uptime);
        self.begun = Some(Begun { message_id, packet, before, receipts, is_repetition, served });
    }

    /// Takes back the hand-over that was begun, because it could not be committed.
    pub(crate) fn undo(&mut self) {
        if let Some(Begun { message_id, before, receipts, served, .. }) = self.begun.take() {
            self.take_turn_back(before.wish.member.clone(), served);
            self.air.forget_last();
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
        self.air.forget_last();
        if is_repetition {
            *text = before;
        } else {
            self.give_up(message_id, NotSentReason::Expired, now);
        }
        None
    }

    /// Notes that it is a member's turn, and returns when it was before.
    fn take_turn(&mut self, member: Option<Text<32>>) -> Option<u64> {
        if self.served.len() >= MAX_SERVED {
            self.served.clear();
        }
        self.turns += 1;
        self.served.insert(member, self.turns)
    }

    fn take_turn_back(&mut self, member: Option<Text<32>>, before: Option<u64>) {
        match before {
            Some(turn) => drop(self.served.insert(member, turn)),
            None => drop(self.served.remove(&member)),
        }
    }

    /// Has a text not repeated any more.
    pub(super) fn drop_words(&mut self, message_id: Uuid) {
        if let Some(text) = self.texts.get_mut(&message_id) {
            text.text = Text::cut("");
            self.changed.insert(message_id);
        }
    }
}
