//! What is done with readings later: hours and days are summarised, and what is old is given up.

use kosmo_domain::{Clock, DAY, Timestamp};
use kosmo_store::{
    Store, in_time,
    ingest::ROLLUP_JOB,
    jobs::{Failure, Job, Worker},
    packets::KeepPackets,
    weather::Keep,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// How many hours are summarised in one transaction: few enough that whoever else has to write need not wait long, on a slow machine
/// either.
const HOURS_AT_ONCE: u32 = 50;
/// How often to look for what is old.
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// How much faster than time itself retention may go: as fast as that it catches up after a long absence, and as slowly it
/// follows a clock that leapt.
const HASTE: u32 = 24;
/// How often to look for what a clock that leapt has left behind.
const SETTLE_EVERY: Duration = Duration::from_mins(1);
/// How often to look whether the database's log has grown too long, and how long is too long, in bytes: twice of what it has
/// when it is written into the file by itself.
const FOLD_EVERY: Duration = Duration::from_secs(5);
const LONGEST_LOG: u64 = 64 * 1024 * 1024;
/// How many rows are given up in one transaction, so that nobody waits long for it.
const ROWS_AT_ONCE: u32 = 5_000;
/// For how many days rejects are kept, and how many of them at most.
const REJECTS: (u32, u32) = (90, 20_000);

/// Keeps the store in order. Several replicas may do so at once.
pub(crate) struct Upkeep {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep: Keep,
    pub(crate) keep_packets: KeepPackets,
    /// How long the database may take to answer.
    pub(crate) patience: Duration,
    /// Where the time of retention is told.
    pub(crate) retention: watch::Sender<Option<Timestamp>>,
}

impl Upkeep {
    pub(crate) async fn run(&self, shutdown: &CancellationToken) {
        let summarised = Notify::new();
        let worker = Worker::new(self.store.clone(), Arc::clone(&self.clock), "ingestion", &[ROLLUP_JOB], |_: Job| async {
            self.summarise(shutdown).await?;
            summarised.notify_one();
            Ok(())
        });
        tokio::join!(
            worker.run(shutdown.clone()),
            self.purge_regularly(&summarised, shutdown),
            self.settle_time_regularly(shutdown),
            self.fold_log_regularly(shutdown)
        );
    }

    /// Gives up what is old, once in a while, and as soon as it is summarised where that is waited for.
    async fn purge_regularly(&self, summarised: &Notify, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(PURGE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut last, mut is_held) = (Instant::now(), false);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = summarised.notified(), if is_held => {}
                () = shutdown.cancelled() => return,
            }
            match self.purge(last.elapsed() * HASTE, shutdown).await {
                Ok(held) => (last, is_held) = (Instant::now(), held),
                Err(error) => tracing::warn!(%error, "what is old could not be given up, which is tried again later"),
            }
        }
    }

    /// Gives up what is old, by a clock that goes on by at most so much, and tells whether something has to be summarised before that.
    async fn purge(&self, at_most: Duration, shutdown: &CancellationToken) -> kosmo_store::Result<bool> {
        let told = self.clock.now();
        let Some(now) = in_time(self.patience, self.store.retention_time(told, at_most)).await? else { return Ok(false) };
        self.retention.send_replace(Some(now));
        if told.since(now) > DAY * 2 {
            tracing::warn!(%told, by = %now, "the clock is far ahead of what was kept, and nothing is given up sooner on its word");
        }
        let (days, number) = REJECTS;
        in_time(self.patience, self.store.purge_rejects(now.minus(DAY * days), number)).await?;
        in_time(self.patience, self.store.purge_traffic(now)).await?;
        in_time(self.patience, self.store.purge_packets(&self.keep_packets, now)).await?;
        in_time(self.patience, self.store.purge_traceroutes(now)).await?;
        loop {
            let purged = in_time(self.patience, self.store.purge_weather(&self.keep, now, ROWS_AT_ONCE)).await?;
            if !purged.more || shutdown.is_cancelled() {
                return Ok(purged.held);
            }
        }
    }

    async fn fold_log_regularly(&self, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(FOLD_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = in_time(self.patience, self.store.fold_log(LONGEST_LOG)).await {
                tracing::debug!(%error, "the database's log could not be begun anew, which is tried again");
            }
        }
    }

    async fn settle_time_regularly(&self, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(SETTLE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            match in_time(self.patience, self.store.settle_time(self.clock.now())).await {
                Ok(0) => {}
                Ok(rows) => tracing::warn!(rows, "a clock that ran far ahead had left work for a day to come, which is due now"),
                Err(error) => tracing::debug!(%error, "cannot look what a clock has left behind, and tries again"),
            }
        }
    }

    async fn summarise(&self, shutdown: &CancellationToken) -> Result<(), Failure> {
        while in_time(self.patience, self.store.run_due_rollups(self.clock.now(), HOURS_AT_ONCE)).await?.more {
            if shutdown.is_cancelled() {
                return Err(Failure::Later("the program ended".to_owned()));
            }
        }
        Ok(())
    }
}
