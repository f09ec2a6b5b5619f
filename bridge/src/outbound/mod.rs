//! Texts on their way to the radio: the rules of claim, grant and hand-over, and what may be reported of each.
//!
//! Nothing here does I/O or reads a clock. What happens goes in (offers, answers, the radio, time); out come [`Changes`],
//! which are committed to disk together with the receipts they justify, and packets, each only after the commit that says
//! that it may have been sent. The disk is thus the log from which [`Queue::resume`] goes on after a crash at any point:
//!
//! ```text
//! offered -> claimed -> granted -> given to the radio -> listening for what the mesh says
//!                          |  ^____________|  refused, and surely not sent: the next attempt
//!                          `-> not sent    `-> in doubt: the same packet again, to the same radio, after a reconnect
//! ```
//! A text has one packet id per attempt, and the attempt rises only on proof that nothing was sent.

mod air;
mod contacts;
mod entry;
mod evidence;
#[cfg(test)]
mod heard;
#[cfg(test)]
mod model;
#[cfg(test)]
mod play;
mod row;
#[cfg(test)]
mod rules;
mod sending;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod turns;

pub(crate) use crate::outbound::{
    entry::Now,
    row::{Changes, Row, RowStage, Told, Wish},
    sending::FEW_PLACES,
};

use crate::{
    counters::Counter,
    outbound::{
        air::AirUse,
        contacts::Contacts,
        entry::{Entry, Given, Granted, Phase, Stage},
        sending::{Begun, Lane, Ready},
    },
    record::{Body, NewRecord},
};
use kosmo_contract::{Air, ChannelRef, Evidence, NotSentReason, Offer, QueueDepth, ReceiptBody, Text, WaitReason};
use kosmo_domain::{BridgeId, NodeId, Timestamp, Uptime};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;

/// How many texts may wait, or be with the radio, at once.
pub(crate) const MAX_TEXTS: usize = 1000;
/// How many others are remembered.
const MAX_DONE: usize = 1000;
/// The longest time to live that the contract knows.
const MAX_TTL_S: u32 = 604_800;
/// How long a claim waits for its answer. Without one the waits double, for then the cloud is away.
const CLAIM_ANSWER: Duration = Duration::from_secs(10);
/// The longest wait between claims.
const LONGEST_CLAIM_WAIT: Duration = Duration::from_mins(5);
/// How long a radio that was lost is expected back.
const EXPECTED_BACK: Duration = Duration::from_secs(30);
/// For how long a packet may be repeated in doubt, counted from when it was given to the radio first.
pub(crate) const REPEAT_WITHIN: Duration = Duration::from_mins(4);
/// How long after it was given to the radio something may still be learnt of a packet, and how long texts are remembered.
const LISTEN: Duration = Duration::from_mins(30);
/// How long a text waits before that is worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(3);
/// How often a text tells what it waits for.
const MAX_TOLD: u8 = 8;

/// The texts of one bridge.
#[derive(Debug)]
pub(crate) struct Queue {
    bridge: BridgeId,
    texts: BTreeMap<Uuid, Entry>,
    /// The place of the next text that is granted.
    next_order: u64,
    /// The radio, if it is ready.
    radio: Option<Ready>,
    /// Until when a radio that was lost is expected back.
    expected_until: Option<Uptime>,
    /// Counts handshakes.
    handshakes: u64,
    /// Whether there is a cloud to claim from.
    is_online: bool,
    lane: Lane,
    air: AirUse,
    contacts: Contacts,
    /// The channels that the radio has, and its indexes of them.
    channels: Vec<(ChannelRef, u8)>,
    /// When each member had a turn last, counted by turns.
    served: BTreeMap<Option<Text<32>>, u64>,
    turns: u64,
    begun: Option<Begun>,
    changed: BTreeSet<Uuid>,
    receipts: Vec<NewRecord>,
}

impl Queue {
    /// Goes on with what lies on disk.
    pub(crate) fn resume(bridge: BridgeId, rows: Vec<Row>, now: Now) -> Self {
        let last_written = rows.iter().map(|row| row.written_at).max();
        let ran_backwards = last_written.is_some_and(|at| at > now.time);
        let orders = rows.iter().filter_map(|row| match row.stage {
            RowStage::Granted { order } | RowStage::Given { order, .. } => Some(order),
            RowStage::Claimed | RowStage::Listening { .. } | RowStage::NotSent { .. } => None,
        });
        let next_order = orders.max().map_or(0, |order| order + 1);
        let resume = |row: Row| {
            let away = (!ran_backwards).then(|| now.time.since(row.written_at));
            (row.message_id, Entry::resume(row, away, now.uptime))
        };
        let texts = rows.into_iter().map(resume).collect();
        Self {
            bridge,
            texts,
            next_order,
            radio: None,
            expected_until: None,
            handshakes: 0,
            is_online: false,
            lane: Lane::new(now.uptime),
            air: AirUse::new(),
            contacts: Contacts::default(),
            channels: Vec::new(),
            served: BTreeMap::new(),
            turns: 0,
            begun: None,
            changed: BTreeSet::new(),
            receipts: Vec::new(),
        }
    }

    /// Takes in an offer.
    ///
    /// # Errors
    /// What it is counted as, if it cannot be taken.
    pub(crate) fn on_offer(&mut self, offer: Offer, now: Now) -> Result<(), Counter> {
        if offer.bridge.as_ref().is_some_and(|bridge| *bridge != self.bridge) {
            return Ok(());
        }
        let has_addressee = if offer.channel.is_some() { offer.to == NodeId::BROADCAST } else { offer.to.sender().is_ok() };
        let is_possible = (1..=MAX_TTL_S).contains(&offer.ttl_s) && has_addressee && !offer.text.is_empty();
        if !is_possible {
            return Err(Counter::OffersRefused);
        }
        let expires = now.uptime.plus(Duration::from_secs(u64::from(offer.ttl_s)));
        let is_full = self.texts.values().filter(|text| !text.is_done()).count() >= MAX_TEXTS;
        match self.texts.get_mut(&offer.message_id) {
            Some(known) => match &mut known.stage {
                Stage::Offered => known.expires = known.expires.min(expires),
                Stage::Claimed { wait, .. } => {
                    known.expires = known.expires.min(expires);
                    // The cloud is there, and has not granted it to anybody.
                    *wait = (*wait).min(CLAIM_ANSWER);
                }
                // It was never granted to this bridge, and what is offered was not settled either.
                Stage::NotSent { told: false, .. } => self.insert(offer, expires),
                Stage::Granted(_) | Stage::Given(_) | Stage::Listening { .. } | Stage::NotSent { told: true, .. } => {}
            },
            None if is_full => return Err(Counter::OffersNoRoom),
            None => self.insert(offer, expires),
        }
        self.on_time(now);
        Ok(())
    }

    fn insert(&mut self, offer: Offer, expires: Uptime) {
        let Offer { message_id, to, text, reply_to, member, priority, channel, contact, .. } = offer;
        let wish = Wish { member, priority, channel, contact };
        let reply_to = reply_to.filter(|id| id.is_given());
        let known = self.texts.insert(message_id, Entry { to, text, reply_to, wish, attempt: 0, expires, stage: Stage::Offered });
        if known.is_some() {
            self.changed.insert(message_id);
        }
    }

    /// Takes in a grant, and tells whether it makes sense. A text whose time was up before is told so.
    pub(crate) fn on_granted(&mut self, message_id: Uuid, now: Now) -> bool {
        let order = self.next_order;
        let Some(text) = self.texts.get_mut(&message_id) else { return false };
        match &mut text.stage {
            Stage::Offered | Stage::Claimed { .. } => {
                text.stage = Stage::Granted(Granted::new(order, now.uptime));
                self.next_order += 1;
                self.changed.insert(message_id);
            }
            Stage::NotSent { reason, told: told @ false, .. } => {
                *told = true;
                let evidence = Evidence::NotSent { reason: *reason };
                self.tell(message_id, evidence, now);
            }
            Stage::Granted(_) | Stage::Given(_) | Stage::Listening { .. } | Stage::NotSent { told: true, .. } => {}
        }
        self.on_time(now);
        true
    }

    /// Takes in that a text is not, or no longer, this bridge's, and tells whether that makes sense. What was given to
    /// the radio cannot be taken back, and of what was never granted nothing is told.
    pub(crate) fn on_revoked(&mut self, message_id: Uuid, now: Now) -> bool {
        let Some(text) = self.texts.get(&message_id) else { return false };
        match text.stage {
            Stage::Offered | Stage::Claimed { .. } | Stage::NotSent { told: false, .. } => {
                self.texts.remove(&message_id);
                self.changed.insert(message_id);
            }
            Stage::Granted(_) => self.give_up(message_id, NotSentReason::Revoked, now),
            Stage::Given(_) | Stage::Listening { .. } | Stage::NotSent { told: true, .. } => {}
        }
        true
    }

    /// Takes in that a text's writer takes it back, and tells whether that makes sense. The cloud says so to the bridge that it granted
    /// the text, which may not have heard of the grant yet.
    pub(crate) fn on_cancelled(&mut self, message_id: Uuid, now: Now) -> bool {
        let Some(text) = self.texts.get_mut(&message_id) else { return false };
        match &mut text.stage {
            // It was never claimed, so that the cloud means another life of this bridge, of which nothing is known here.
            Stage::Offered => return false,
            Stage::Claimed { .. } | Stage::Granted(_) => self.give_up(message_id, NotSentReason::Cancelled, now),
            Stage::NotSent { reason, told: told @ false, .. } => {
                *told = true;
                let evidence = Evidence::NotSent { reason: *reason };
                self.tell(message_id, evidence, now);
            }
            // In doubt it is not sent again; what becomes of it is told all the same.
            Stage::Given(Given { phase: Phase::Doubt, .. }) => self.drop_words(message_id),
            Stage::Given(_) | Stage::Listening { .. } | Stage::NotSent { told: true, .. } => {}
        }
        self.on_time(now);
        true
    }

    /// Notes whether there is a cloud to claim from.
    pub(crate) fn set_online(&mut self, is_online: bool) {
        self.is_online = is_online;
    }

    /// Does what is due.
    pub(crate) fn on_time(&mut self, now: Now) {
        self.expected_until.take_if(|until| *until <= now.uptime);
        self.lane.end_pause(now.uptime);
        self.lane.note_reason(self.wait_reason(now.uptime), now.uptime);
        let due: Vec<_> = self.texts.iter().filter(|(_, text)| self.text_due(text).is_some_and(|at| at <= now.uptime)).collect();
        let due: Vec<_> = due.into_iter().map(|(&message_id, _)| message_id).collect();
        for message_id in due {
            self.on_text_due(message_id, now);
        }
    }

    /// Returns when to come back, packets aside: those follow from [`Queue::send_due`].
    pub(crate) fn due(&self) -> Option<Uptime> {
        let texts = self.texts.values().filter_map(|text| self.text_due(text));
        // What a text waits for changes with the end of a pause.
        texts.chain(self.lane.pause_ends()).chain(self.air_opens()).min()
    }

    /// Returns when something is to be done for a text. Whatever is due is done once, so that nobody waits for the past.
    fn text_due(&self, text: &Entry) -> Option<Uptime> {
        match text.stage {
            Stage::Offered if self.may_claim(text) => Some(Uptime::default()),
            Stage::Claimed { last, wait } if self.may_claim(text) => Some(text.expires.min(last.plus(wait))),
            Stage::Offered | Stage::Claimed { .. } => Some(text.expires),
            Stage::Granted(granted) => Some(text.expires.min(self.lane.told_at(&granted).unwrap_or(text.expires))),
            Stage::Given(Given { phase: Phase::Taken { sent_by }, .. }) => Some(sent_by),
            Stage::Given(Given { phase: Phase::Doubt, repeat_until, .. }) => Some(repeat_until),
            Stage::Given(Given { phase: Phase::Written, .. }) => None,
            Stage::Listening { until, confirm_by, .. } => Some(confirm_by.map_or(until, |by| by.min(until))),
            Stage::NotSent { until, .. } => Some(until),
        }
    }

    fn on_text_due(&mut self, message_id: Uuid, now: Now) {
        let reason = self.lane.reason();
        let Some(text) = self.texts.get_mut(&message_id) else { return };
        let is_expired = text.expires <= now.uptime;
        match &mut text.stage {
            Stage::Offered if is_expired => drop(self.texts.remove(&message_id)),
            Stage::Offered => {
                text.stage = Stage::Claimed { last: now.uptime, wait: CLAIM_ANSWER };
                self.tell(message_id, Evidence::Claimed, now);
            }
            // It may have been granted, with the answer still on its way.
            Stage::Claimed { .. } if is_expired => self.forget_later(message_id, NotSentReason::Expired, false, now),
            Stage::Claimed { last, wait } => {
                *last = now.uptime;
                *wait = wait.saturating_mul(2).clamp(CLAIM_ANSWER, LONGEST_CLAIM_WAIT);
                self.tell(message_id, Evidence::Claimed, now);
            }
            Stage::Granted(_) if is_expired => self.give_up(message_id, NotSentReason::Expired, now),
            Stage::Granted(granted) => {
                granted.told = Some(reason);
                granted.times_told += 1;
                self.tell(message_id, Evidence::Waiting { reason }, now);
            }
            Stage::Given(given) => {
                let given = *given;
                self.settle(message_id, given, now);
            }
            Stage::Listening { sent, until, confirm_by: Some(by), .. } if *by <= now.uptime && now.uptime < *until => {
                let packet_id = sent.packet_id;
                self.give_up_confirmation(message_id, packet_id, now);
            }
            Stage::Listening { .. } | Stage::NotSent { .. } => {
                self.texts.remove(&message_id);
                self.changed.insert(message_id);
            }
        }
    }

    /// Tells whether a text may be claimed: there is somebody to ask, and a radio that could send it, or soon can.
    fn may_claim(&self, text: &Entry) -> bool {
        self.is_online && self.can_send(text) && self.receipts.len() < MAX_TEXTS
    }

    /// Returns what keeps granted texts from the radio, besides those before them.
    fn wait_reason(&self, now: Uptime) -> WaitReason {
        if self.radio.is_none() {
            return WaitReason::Radio;
        }
        self.lane.pause(now).or_else(|| self.air_reason(now)).unwrap_or(WaitReason::Turn)
    }

    /// Has a granted text end without having been sent, and tells so.
    fn give_up(&mut self, message_id: Uuid, reason: NotSentReason, now: Now) {
        self.tell(message_id, Evidence::NotSent { reason }, now);
        self.forget_later(message_id, reason, true, now);
    }

    fn forget_later(&mut self, message_id: Uuid, reason: NotSentReason, told: bool, now: Now) {
        self.finish(message_id, Stage::NotSent { reason, told, until: now.uptime.plus(LISTEN) });
    }

    /// Ends what is done for a text. Its words are not kept, and of many that ended the oldest are forgotten.
    fn finish(&mut self, message_id: Uuid, stage: Stage) {
        let Some(text) = self.texts.get_mut(&message_id) else { return };
        (text.stage, text.text, text.wish) = (stage, Text::cut(""), Wish::default());
        self.changed.insert(message_id);
        let done = || self.texts.iter().filter(|(_, text)| text.is_done());
        if done().count() > MAX_DONE
            && let Some(oldest) = done().min_by_key(|(_, text)| self.text_due(text)).map(|(&message_id, _)| message_id)
        {
            self.texts.remove(&oldest);
            self.changed.insert(oldest);
        }
    }

    /// Has the cloud told something of a text, in the commit that makes it so.
    fn tell(&mut self, message_id: Uuid, evidence: Evidence, now: Now) {
        self.changed.insert(message_id);
        self.receipts.push(receipt(message_id, evidence, now.time));
    }

    /// Returns what is to be committed.
    pub(crate) fn changes(&self, now: Now) -> Changes {
        let mut changes = Changes { receipts: self.receipts.clone(), ..Changes::default() };
        for message_id in &self.changed {
            match self.texts.get(message_id).and_then(|text| text.row(*message_id, now)) {
                Some(row) => changes.rows.push(row),
                None => changes.gone.push(*message_id),
            }
        }
        changes
    }

    /// Notes that the changes are on disk.
    pub(crate) fn note_committed(&mut self) {
        self.changed.clear();
        self.receipts.clear();
    }

    /// Returns how many texts wait for their turn, and how many the radio has.
    pub(crate) fn depth(&self) -> QueueDepth {
        let count = |wanted: fn(&Stage) -> bool| self.texts.values().filter(|text| wanted(&text.stage)).count() as u64;
        let (waiting, in_flight) = (count(|stage| matches!(stage, Stage::Granted(_))), count(|stage| matches!(stage, Stage::Given(_))));
        QueueDepth { waiting, in_flight }
    }

    /// Returns how the radio may use the air, and what texts wait for.
    pub(crate) fn air(&self, now: Uptime) -> Option<Air> {
        self.radio.as_ref()?;
        let (used_pct, allowed_pct, channel_pct) = self.air.shares(now);
        let waits_s = self.lane.waited(now).filter(|waited| *waited >= WORTH_TELLING && self.depth().waiting > 0);
        let waits_for = waits_s.map(|_| self.lane.reason());
        Some(Air { waits_for, waits_s: waits_s.map(|waited| waited.as_secs()), used_pct, allowed_pct: Some(allowed_pct), channel_pct })
    }
}

fn receipt(message_id: Uuid, evidence: Evidence, at: Timestamp) -> NewRecord {
    NewRecord { heard_at: at, packet: None, privacy: None, body: Body::Receipt(ReceiptBody { message_id, evidence }) }
}
