//! Which records of a stream were published and wait for the cloud's answer, and when to publish them again.

use kosmo_domain::Uptime;
use rand::{Rng as _, RngCore};
use std::{collections::BTreeMap, time::Duration};

/// How many records of a stream may wait for their answer at once.
pub const MAX_IN_FLIGHT: usize = 500;

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
/// Every record numbered up to `cursor` that is still in the spool is in flight, so that what is to be published next is
/// either overdue here or numbered above.
#[derive(Debug)]
pub(crate) struct Flight {
    resend: Resend,
    sent: BTreeMap<u64, Sent>,
    cursor: u64,
    highest: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    due: Uptime,
    times: u32,
}

impl Flight {
    pub(crate) const fn new(resend: Resend) -> Self {
        Self { resend, sent: BTreeMap::new(), cursor: 0, highest: 0 }
    }

    /// Begins anew, as for a new connection: everything is to be published again, in order.
    pub(crate) fn restart(&mut self) {
        self.sent.clear();
        self.cursor = 0;
    }

    /// Returns the number above which nothing was published on this connection.
    pub(crate) const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Returns the highest number ever handed out. An answer to a higher one cannot be true.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Returns how many more may be published for the first time.
    pub(crate) fn room(&self) -> usize {
        MAX_IN_FLIGHT.saturating_sub(self.sent.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.sent.len()
    }

    /// Returns the records whose answer is overdue, at most `limit`, in order.
    pub(crate) fn overdue(&self, now: Uptime, limit: usize) -> Vec<u64> {
        self.sent.iter().filter(|(_, sent)| sent.due <= now).map(|(&seq, _)| seq).take(limit).collect()
    }

    /// Returns when the next answer is overdue.
    pub(crate) fn next_due(&self) -> Option<Uptime> {
        self.sent.values().map(|sent| sent.due).min()
    }

    /// Notes that a record is being published. Waits vary by up to a quarter, so that many bridges do not resend in step.
    pub(crate) fn note_sent(&mut self, seq: u64, now: Uptime, rng: &mut dyn RngCore) {
        let times = self.sent.get(&seq).map_or(0, |sent| sent.times);
        let wait = self.resend.first.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(self.resend.longest);
        let due = now.plus(wait.mul_f64(rng.random_range(1.0..1.25)));
        self.sent.insert(seq, Sent { due, times: times.saturating_add(1) });
        self.cursor = self.cursor.max(seq);
        self.highest = self.highest.max(seq);
    }

    /// Notes that no record up to this number is left that was not published on this connection.
    pub(crate) fn skip_to(&mut self, seq: u64) {
        self.cursor = self.cursor.max(seq);
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

    #[test]
    fn a_record_without_an_answer_is_due_again_after_30_s_and_then_later_and_later() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut flight = Flight::new(Resend::default());
        flight.note_sent(1, at(0), &mut rng);
        assert!(flight.overdue(at(29), 10).is_empty());
        assert_eq!(flight.overdue(at(38), 10), [1]);
        flight.note_sent(1, at(38), &mut rng);
        assert!(flight.overdue(at(97), 10).is_empty());
        assert_eq!(flight.overdue(at(113), 10), [1]);
        for _ in 0..100 {
            flight.note_sent(1, at(113), &mut rng);
        }
        assert_eq!(flight.overdue(at(113 + 150), 10), [1]);
    }

    #[test]
    fn a_new_connection_begins_with_the_first_record_and_still_knows_which_numbers_were_out() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut flight = Flight::new(Resend::default());
        flight.note_sent(7, at(0), &mut rng);
        flight.restart();
        assert_eq!((flight.len(), flight.cursor(), flight.highest()), (0, 0, 7));
    }
}
