//! The part of the loop that is about the disk: what was heard is committed to the spool, and what fails is told.

use crate::{
    counters::Counter,
    intake::Displaced,
    record::NewRecord,
    run::{Bridge, HOUR},
    spool::SpoolError,
};
use kosmo_failpoints::fail_point;
use tokio::time::Instant;

impl Bridge {
    pub(super) async fn keep(&mut self, record: NewRecord) {
        match self.intake.push(record, Instant::now()) {
            Displaced::Nothing => {}
            Displaced::Telemetry => {
                self.counters.one(Counter::TelemetryLost);
                self.told.forget();
            }
            Displaced::Text => self.counters.one(Counter::TextsLost),
        }
        fail_point!("intake::push::after");
        if self.intake.is_ripe() {
            self.commit().await;
        }
    }

    /// Commits what was heard, in batches, until there is nothing left or the spool fails, and publishes what it can.
    pub(super) async fn commit(&mut self) {
        while self.intake.len() > 0 {
            let exposure = self.intake.exposure(Instant::now());
            let batch = self.intake.take_batch();
            match self.spool.append(&batch).await {
                Ok(appended) => {
                    if self.intake.is_blocked() {
                        tracing::info!(bridge.id = %self.config.bridge, "the spool can be written again");
                        self.note_change();
                    }
                    self.intake.note_committed(Instant::now());
                    self.counters.add(Counter::Spooled, batch.len() as u64);
                    self.counters.add(Counter::DroppedAtCap, appended.dropped);
                    self.counters.note_exposure(exposure);
                    if appended.dropped > 0 {
                        self.note_dropped();
                    }
                }
                Err(error) => {
                    self.note_unwritten(&error);
                    let again_in = self.intake.put_back(batch, Instant::now(), self.config.pace.spool_retry);
                    tracing::debug!(?again_in, waiting = self.intake.len(), "records wait in memory");
                    self.note_change();
                    break;
                }
            }
        }
        self.publish().await;
    }

    /// Drops the telemetry that is too old, once in an hour.
    pub(super) async fn pass_hour(&mut self) {
        self.hour_at = Instant::now() + HOUR;
        match self.spool.pass_hour().await {
            Ok(passed) => {
                self.counters.add(Counter::DroppedAtAge, passed.dropped);
                if passed.dropped > 0 {
                    self.note_dropped();
                }
            }
            Err(error) => self.note_spool_error(&error),
        }
    }

    /// Notes that old telemetry was dropped: it is told anew, and that it was is said for a while.
    pub(super) fn note_dropped(&mut self) {
        self.told.forget();
        self.dropped_at = Some(Instant::now());
    }

    /// Says once that the spool cannot be written, and counts every attempt.
    pub(super) fn note_unwritten(&mut self, error: &SpoolError) {
        if self.intake.is_blocked() {
            self.counters.one(Counter::SpoolErrors);
        } else {
            self.note_spool_error(error);
        }
    }

    pub(super) fn note_spool_error(&mut self, error: &SpoolError) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(bridge.id = %self.config.bridge, %error, cause, "the spool failed");
        self.counters.one(Counter::SpoolErrors);
    }
}
