//! Which records of a stream were published and wait for the cloud's answer, when to publish them again, and which come next.
//!
//! What lay in the spool when the connection came about is the backlog. It is published in order, at a bounded rate, and leaves
//! places free; what is heard from then on goes beside it, so that a day's backlog holds up nobody who speaks now.

use kosmo_domain::Uptime;
use rand::{Rng as _, RngCore};
use std::{collections::BTreeMap, time::Duration};

/// How many records of a stream may wait for their answer at once.
pub const MAX_IN_FLIGHT: usize = 500;
/// How many of these places a backlog leaves free.
pub const LIVE_PLACES: usize = 100;
/// How often a backlog's allowance is renewed.
const SLOT: Duration = Duration::from_millis(100);
const SLOTS_PER_S: u32 = 10;

/// When a record without an answer is published again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resend {
    /// The wait after the first publishing; it doubles with each one after that.
    pub first: Duration,
    /// The longest wait. It bounds what a cloud that is away costs in traffic, and how late its return is noticed.
    pub longest: Duration,
}

impl Default for Resend {
    fn default() -> Self {
        Self { first: Duration::from_secs(30), longest: Duration::from_mins(2) }
    }
}

/// One stream's records in flight.
///
/// Every record that is still in the spool and numbered up to `backlog`, or above `split` and up to `live`, is in flight; so what
/// is to be published next is overdue here, or numbered above one of the two.
#[derive(Debug)]
pub(crate) struct Flight {
    resend: Resend,
    sent: BTreeMap<u64, Sent>,
    /// The last of the backlog that was published.
    backlog: u64,
    /// The last number of the backlog.
    split: u64,
    /// The last beyond it that was published.
    live: u64,
    highest: u64,
    /// How many were published on this connection.
    order: u64,
    /// The latest published of those that were answered for, and when the last answer came.
    answered: Option<(u64, Uptime)>,
    /// How many of the backlog may be published in this slot, which ends then.
    allowance: u32,
    slot_end: Uptime,
    now: Uptime,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    due: Uptime,
    times: u32,
    order: u64,
}

/// What of the spool is to be looked at for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// Above this number, so many.
    pub(crate) live: (u64, usize),
    /// Above this number and up to that one, so many.
    pub(crate) backlog: (u64, u64, usize),
    /// The places that the two have together, if there is a backlog.
    pub(crate) places: usize,
}

impl Flight {
    pub(crate) const fn new(resend: Resend) -> Self {
        Self {
            resend,
            sent: BTreeMap::new(),
            backlog: 0,
            split: 0,
            live: 0,
            highest: 0,
            order: 0,
            answered: None,
            allowance: 0,
            slot_end: Uptime(Duration::ZERO),
            now: Uptime(Duration::ZERO),
        }
    }

    /// Begins anew, as for a new connection: everything is to be published again; what is numbered up to `split` is the backlog.
    pub(crate) fn restart(&mut self, split: u64) {
        self.sent.clear();
        (self.backlog, self.split, self.live) = (0, split, split);
        (self.order, self.answered) = (0, None);
    }

    /// Returns the highest number ever handed out. An answer to a higher one cannot be true.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    pub(crate) fn len(&self) -> usize {
        self.sent.len()
    }

    /// Returns what may be published for the first time, `limit` in all, if the last number given is `last_seq` and a backlog is
    /// published at `per_s` records a second.
    pub(crate) fn next(&mut self, now: Uptime, last_seq: u64, limit: usize, per_s: u32) -> Next {
        self.now = self.now.max(now);
        if now >= self.slot_end {
            (self.allowance, self.slot_end) = ((per_s / SLOTS_PER_S).max(1), now.plus(SLOT));
        }
        let room = MAX_IN_FLIGHT.saturating_sub(self.sent.len()).min(limit);
        let live = if last_seq > self.live { room } else { 0 };
        let places = MAX_IN_FLIGHT.saturating_sub(LIVE_PLACES + self.sent.len()).min(limit);
        let backlog = if self.has_backlog() { places.min(self.allowance as usize) } else { 0 };
        Next { live: (self.live, live), backlog: (self.backlog, self.split, backlog), places }
    }

    const fn has_backlog(&self) -> bool {
        self.backlog < self.split
    }

    /// Tells whether a look into the spool, whose last number is `last_seq`, is worth its cost.
    pub(crate) fn has_next(&self, now: Uptime, last_seq: u64) -> bool {
        let places = MAX_IN_FLIGHT.saturating_sub(self.sent.len());
        let may_go_on = places > LIVE_PLACES && (self.allowance > 0 || now >= self.slot_end);
        (places > 0 && last_seq > self.live) || (self.has_backlog() && may_go_on)
    }

    /// Returns the records whose answer is overdue, at most `limit`, in order. While `is_calm` is not set, messages before them
    /// are still on their way to the broker.
    pub(crate) fn overdue(&self, now: Uptime, limit: usize, is_calm: bool) -> Vec<u64> {
        let overdue = self.sent.iter().filter(|(_, sent)| self.due_of(sent, is_calm).is_some_and(|due| due <= now));
        overdue.map(|(&seq, _)| seq).take(limit).collect()
    }

    /// Returns when a record is to be published again. One that was published after all that are answered for is merely behind
    /// while answers come: they come in order, more or less. So a slow line or a busy cloud is not made slower by repetitions.
    fn due_of(&self, sent: &Sent, is_calm: bool) -> Option<Uptime> {
        match self.answered {
            Some((order, _)) if sent.order < order => Some(sent.due),
            _ if !is_calm => None,
            Some((_, at)) => Some(sent.due.max(at.plus(self.resend.first))),
            None => Some(sent.due),
        }
    }

    /// Returns when there is something to do: an answer overdue, or more of the backlog to be published.
    pub(crate) fn next_due(&self, is_calm: bool) -> Option<Uptime> {
        let resend = self.sent.values().filter_map(|sent| self.due_of(sent, is_calm)).min();
        let waits = self.has_backlog() && self.allowance == 0 && self.sent.len() < MAX_IN_FLIGHT - LIVE_PLACES;
        resend.into_iter().chain(waits.then_some(self.slot_end)).min()
    }

    /// Notes that a record is being published. Waits vary by up to a quarter, so that many bridges do not resend in step.
    pub(crate) fn note_sent(&mut self, seq: u64, now: Uptime, rng: &mut dyn RngCore) {
        let times = self.sent.get(&seq).map_or(0, |sent| sent.times);
        let wait = self.resend.first.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(self.resend.longest);
        let due = now.plus(wait.mul_f64(rng.random_range(1.0..1.25)));
        self.order += 1;
        self.sent.insert(seq, Sent { due, times: times.saturating_add(1), order: self.order });
        if seq > self.split {
            self.live = self.live.max(seq);
        } else if seq > self.backlog {
            self.backlog = seq;
            self.allowance = self.allowance.saturating_sub(1);
        }
        self.highest = self.highest.max(seq);
    }

    /// Notes that nothing up to this number is left that is live and was not published.
    pub(crate) fn skip_live(&mut self, seq: u64) {
        self.live = self.live.max(seq);
    }

    /// Notes that all of the backlog was published.
    pub(crate) const fn end_backlog(&mut self) {
        self.backlog = self.split;
    }

    /// Forgets a record that was answered for.
    pub(crate) fn note_answered(&mut self, seq: u64) {
        if let Some(sent) = self.sent.remove(&seq) {
            let latest = self.answered.map_or(0, |(order, _)| order).max(sent.order);
            self.answered = Some((latest, self.now));
        }
    }

    /// Forgets a record that has left the spool.
    pub(crate) fn forget(&mut self, seq: u64) {
        self.sent.remove(&seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    fn at(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    fn rng() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    #[test]
    fn a_record_without_an_answer_is_due_again_after_30_s_and_then_later_and_later() {
        let (mut rng, mut flight) = (rng(), Flight::new(Resend::default()));
        flight.note_sent(1, at(0), &mut rng);
        assert!(flight.overdue(at(29), 10, true).is_empty());
        assert_eq!(flight.overdue(at(38), 10, true), [1]);
        flight.note_sent(1, at(38), &mut rng);
        assert!(flight.overdue(at(97), 10, true).is_empty());
        assert_eq!(flight.overdue(at(113), 10, true), [1]);
        for _ in 0..100 {
            flight.note_sent(1, at(113), &mut rng);
        }
        assert_eq!(flight.overdue(at(113 + 150), 10, true), [1]);
    }

    #[test]
    fn what_is_merely_behind_is_not_published_again_and_what_was_passed_over_is() {
        let (mut rng, mut flight) = (rng(), Flight::new(Resend::default()));
        for seq in 1..=4 {
            flight.note_sent(seq, at(0), &mut rng);
        }
        flight.next(at(40), 4, 10, 500);
        flight.note_answered(2);
        assert_eq!(flight.overdue(at(41), 10, true), [1], "the answer to one published later came, so this one was lost");
        assert_eq!(flight.overdue(at(71), 10, true), [1, 3, 4], "no answers for half a minute");
        assert_eq!(flight.overdue(at(71), 10, false), [1], "what lies before it in the line has not arrived");
        assert_eq!(flight.next_due(true).map(|due| due < at(38)), Some(true));
    }

    #[test]
    fn a_backlog_goes_in_order_at_its_rate_and_leaves_room_for_what_is_heard_now() {
        let (mut rng, mut flight) = (rng(), Flight::new(Resend::default()));
        flight.note_sent(7, at(0), &mut rng);
        flight.restart(10_000);
        assert_eq!((flight.len(), flight.highest()), (0, 7), "which numbers were out is still known");
        let mut next = 0;
        for slot in 1..=8_u64 {
            let now = Uptime(SLOT * u32::try_from(slot).unwrap());
            let Next { live, backlog, .. } = flight.next(now, 10_002, 1000, 500);
            assert_eq!((live.0, backlog.0, backlog.1, backlog.2), (10_000, next, 10_000, 50));
            for seq in next + 1..=next + 50 {
                flight.note_sent(seq, now, &mut rng);
            }
            next += 50;
            assert_eq!(flight.next_due(true) == Some(now.plus(SLOT)), slot < 8, "the next slot is waited for while there is room");
        }
        let full = flight.next(at(1), 10_002, 1000, 500);
        assert_eq!((full.live.1, full.backlog.2), (100, 0), "a full window has places for what is heard now");
        flight.note_sent(10_001, at(1), &mut rng);
        assert_eq!(flight.next(at(1), 10_002, 1000, 500).live, (10_001, 99));
        flight.end_backlog();
        assert_eq!(flight.next(at(2), 10_002, 1000, 500).backlog.2, 0);
    }
}
