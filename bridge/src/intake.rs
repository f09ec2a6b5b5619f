//! What was heard and is not in the spool yet: a short batch while all is well, and all that is left of the bridge's
//! memory when the spool cannot be written. Bounded, so that a full disk ends in a count and not in a dead process.

use crate::record::NewRecord;
use kosmo_domain::Stream;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// How many records are committed at once.
pub(crate) const BATCH: usize = 100;
/// How many readings and node reports wait for a spool that cannot be written.
const MAX_INGEST: usize = 2000;
/// How many texts wait for it.
const MAX_GATEWAY: usize = 500;
/// The longest wait between attempts to write the spool.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// The records in memory.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    texts: VecDeque<NewRecord>,
    others: VecDeque<NewRecord>,
    since: Option<Instant>,
    failures: u32,
    retry_at: Option<Instant>,
}

/// What a record displaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Displaced {
    Nothing,
    /// The oldest reading or node report.
    Telemetry,
    /// The text itself, for those before it are as good.
    Text,
}

impl Intake {
    pub(crate) fn push(&mut self, record: NewRecord, now: Instant) -> Displaced {
        self.since.get_or_insert(now);
        let (queue, max) = match record.stream() {
            Stream::Ingest => (&mut self.others, MAX_INGEST),
            Stream::Gateway => (&mut self.texts, MAX_GATEWAY),
        };
        let is_full = queue.len() >= max;
        match record.stream() {
            Stream::Gateway if is_full => return Displaced::Text,
            Stream::Ingest if is_full => {
                queue.pop_front();
            }
            Stream::Ingest | Stream::Gateway => {}
        }
        queue.push_back(record);
        if is_full { Displaced::Telemetry } else { Displaced::Nothing }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len() + self.others.len()
    }

    /// Tells whether a whole batch waits and nothing speaks against committing it.
    pub(crate) fn is_ripe(&self) -> bool {
        self.retry_at.is_none() && self.len() >= BATCH
    }

    /// Tells whether the last attempt to write the spool failed.
    pub(crate) fn is_blocked(&self) -> bool {
        self.retry_at.is_some()
    }

    /// Returns when to commit what is here.
    pub(crate) fn due(&self, gather: Duration) -> Option<Instant> {
        self.retry_at.or_else(|| self.since.map(|since| since + gather))
    }

    /// Returns how long the oldest record has been here.
    pub(crate) fn exposure(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now - since)
    }

    /// Takes out what is to be committed next: texts first, for they are never given up.
    pub(crate) fn take_batch(&mut self) -> Vec<NewRecord> {
        let texts = self.texts.len().min(BATCH);
        let others = self.others.len().min(BATCH - texts);
        self.texts.drain(..texts).chain(self.others.drain(..others)).collect()
    }

    /// Takes note of a commit.
    pub(crate) fn note_committed(&mut self, now: Instant) {
        self.since = (self.len() > 0).then_some(now);
        (self.failures, self.retry_at) = (0, None);
    }

    /// Puts a batch back that could not be committed, and returns when to try again.
    pub(crate) fn put_back(&mut self, batch: Vec<NewRecord>, now: Instant, first_retry: Duration) -> Duration {
        for record in batch.into_iter().rev() {
            match record.stream() {
                Stream::Ingest => self.others.push_front(record),
                Stream::Gateway => self.texts.push_front(record),
            }
        }
        let wait = first_retry.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST_RETRY);
        self.failures = self.failures.saturating_add(1).min(31);
        self.retry_at = Some(now + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Body;
    use kosmo_contract::{InboundBody, NodeBody, NodeReport, Text};
    use kosmo_domain::{NodeId, Timestamp};

    fn text(words: &str) -> NewRecord {
        let body = InboundBody { text: Text::cut(words), reply_to: None, reaction: false, channel: None, stored: false };
        NewRecord { heard_at: Timestamp::EPOCH, packet: None, privacy: None, body: Body::Inbound(body) }
    }

    fn report(number: u32) -> NewRecord {
        let report = NodeReport::Link { snr_db: None, hops_away: None, via_mqtt: false };
        let body = NodeBody { node_id: NodeId::from_number(number), last_heard: None, report };
        NewRecord { heard_at: Timestamp::EPOCH, packet: None, privacy: None, body: Body::Node(body) }
    }

    #[tokio::test(start_paused = true)]
    async fn memory_keeps_the_first_texts_and_the_last_telemetry() {
        let mut intake = Intake::default();
        let now = Instant::now();
        for number in 0..2000 {
            assert_eq!(intake.push(report(number), now), Displaced::Nothing);
        }
        assert_eq!(intake.push(report(2000), now), Displaced::Telemetry);
        for _ in 0..500 {
            assert_eq!(intake.push(text("first"), now), Displaced::Nothing);
        }
        assert_eq!(intake.push(text("too late"), now), Displaced::Text);
        let mut kept = Vec::new();
        while intake.len() > 0 {
            kept.extend(intake.take_batch());
        }
        assert_eq!(kept.len(), 2500);
        assert!(kept[..500].iter().all(|record| *record == text("first")));
        assert_eq!((&kept[500], &kept[2499]), (&report(1), &report(2000)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_spool_that_cannot_be_written_is_tried_later_and_later_and_the_order_stays() {
        let mut intake = Intake::default();
        let now = Instant::now();
        for number in 0..150 {
            intake.push(report(number), now);
        }
        assert!(intake.is_ripe());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let batch = intake.take_batch();
            assert_eq!(intake.put_back(batch, now, Duration::from_secs(1)), Duration::from_secs(seconds));
            assert!(!intake.is_ripe() && intake.is_blocked());
        }
        assert_eq!(intake.take_batch().first(), Some(&report(0)));
        intake.note_committed(now);
        assert_eq!(intake.due(Duration::from_millis(50)), Some(now + Duration::from_millis(50)));
    }
}
