//! The loop that runs jobs: claim, run, keep the lease, end; sleep until the next is due or somebody wakes it.

use crate::{
    ANSWERS_WITHIN, Error, Result, Store, in_time,
    jobs::{Completed, Job, Retry},
};
use futures_util::FutureExt as _;
use kosmo_domain::Clock;
use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time;
use tokio_util::sync::CancellationToken;

/// How long a claim lasts before others may take the job; renewed in thirds of it while the job runs.
const LEASE: Duration = Duration::from_mins(1);
/// How often to look for jobs although nobody called: wake-ups may get lost with a connection.
const POLL: Duration = Duration::from_secs(15);
/// The shortest wait between two looks. A job that is due but locked by a use-case that brings it forward is claimed soon after.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
/// How long a look for jobs may go on once there is to be an end.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// The wait after the database did not answer.
const AFTER_ERROR: Duration = Duration::from_secs(2);
/// How often a job is tried before it is given up.
const MAX_ATTEMPTS: u64 = 12;
/// The wait after the first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const LONGEST_RETRY: Duration = Duration::from_mins(10);

/// Why a job was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may work later. The worker waits longer with each attempt, and gives up in the end.
    Later(String),
    /// It will never work.
    Never(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Later(error.to_string())
    }
}

/// Runs the jobs of some kinds with one function.
pub struct Worker<F> {
    store: Store,
    clock: Arc<dyn Clock>,
    name: String,
    kinds: &'static [&'static str],
    run_job: F,
}

impl<F, Fut> Worker<F>
where
    F: Fn(Job) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), Failure>> + Send,
{
    /// Returns a worker that runs jobs of these kinds with `run_job`, one after the other. `name` is what the operator sees.
    pub fn new(store: Store, clock: Arc<dyn Clock>, name: &str, kinds: &'static [&'static str], run_job: F) -> Self {
        Self { store, clock, name: name.to_owned(), kinds, run_job }
    }

    /// Runs jobs until it is told to stop; the job at hand is then finished first.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut wakeups = self.store.job_wakeups();
        while !shutdown.is_cancelled() {
            wakeups.arm();
            let wait = match self.run_until_stopped(&shutdown).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(worker = self.name, error = %source_chain(&error), "cannot look for jobs, and tries again");
                    AFTER_ERROR
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = wakeups.wait(wait) => {}
            }
        }
    }

    /// Runs every job that is due, those that become due on the way too, and returns how many that were. Tests call this.
    ///
    /// # Errors
    /// As the database does; what a job returns is noted with the job.
    pub async fn run_due(&self) -> Result<usize> {
        let mut count = 0;
        while self.run_next(&CancellationToken::new()).await? {
            count += 1;
        }
        Ok(count)
    }

    /// Runs what is due, and returns how long there is nothing to do.
    async fn run_until_stopped(&self, shutdown: &CancellationToken) -> Result<Duration> {
        while !shutdown.is_cancelled() && self.run_next(shutdown).await? {}
        let next = looked(self.store.next_job_due(self.kinds), shutdown).await?;
        Ok(next.map_or(POLL, |at| at.since(self.clock.now()).clamp(SHORTEST_WAIT, POLL)))
    }

    /// Runs the job that is due the longest, and tells whether there was one. One at a time is claimed, for those that
    /// wait in a worker's hands would lose their lease.
    async fn run_next(&self, shutdown: &CancellationToken) -> Result<bool> {
        let claim = self.store.claim_due_jobs(&self.name, self.kinds, LEASE, 1, self.clock.now());
        let claimed = looked(claim, shutdown).await?;
        let Some(job) = claimed.into_iter().next() else { return Ok(false) };
        self.run_one(job).await?;
        Ok(true)
    }

    async fn run_one(&self, job: Job) -> Result<()> {
        let outcome = if job.attempts > MAX_ATTEMPTS {
            Err(Failure::Never(format!("tried {MAX_ATTEMPTS} times; its worker vanished the last time")))
        } else {
            let running = AssertUnwindSafe((self.run_job)(job.clone())).catch_unwind();
            tokio::select! {
                outcome = running => outcome.unwrap_or_else(|_panic| Err(Failure::Later("it panicked".to_owned()))),
                () = self.keep_lease(&job) => return Ok(()),
            }
        };
        let now = self.clock.now();
        match outcome {
            Ok(()) => {
                if in_time(ANSWERS_WITHIN, self.store.complete_job(&job)).await? == Completed::Lost {
                    tracing::warn!(job.id, job.kind, "a job took longer than its lease, and runs twice");
                }
            }
            Err(Failure::Later(error)) if job.attempts < MAX_ATTEMPTS => {
                tracing::warn!(job.id, job.kind, job.attempts, error, "a job failed, and is tried again");
                let again = Retry::At(now.plus(retry_after(job.attempts)));
                in_time(ANSWERS_WITHIN, self.store.fail_job(&job, &error, again, now)).await?;
            }
            Err(Failure::Later(error) | Failure::Never(error)) => {
                tracing::error!(job.id, job.kind, job.attempts, error, "a job failed, and is given up");
                in_time(ANSWERS_WITHIN, self.store.fail_job(&job, &error, Retry::Never, now)).await?;
            }
        }
        Ok(())
    }

    /// Renews the lease for as long as the job runs; returns when it is lost.
    async fn keep_lease(&self, job: &Job) {
        loop {
            time::sleep(LEASE / 3).await;
            match in_time(LEASE / 3, self.store.extend_job(job, LEASE, self.clock.now())).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(job.id, job.kind, "lost the lease of a job, and leaves it to who has it");
                    return;
                }
                Err(error) => tracing::debug!(job.id, %error, "cannot renew the lease of a job, and tries again"),
            }
        }
    }
}

/// Returns how long to wait after the attempt of this number failed.
fn retry_after(attempts: u64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_RETRY.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_RETRY)
}

/// Returns an error and what caused it, in one line.
fn source_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Looks for work, no longer than a database takes that answers at all, and not for long once there is to be an end. What was claimed
/// by then and never heard of is somebody else's when its lease is over.
async fn looked<T>(look: impl Future<Output = Result<T>>, shutdown: &CancellationToken) -> Result<T> {
    let over = async {
        shutdown.cancelled().await;
        time::sleep(LAST_LOOK).await;
    };
    tokio::select! {
        found = in_time(ANSWERS_WITHIN, look) => found,
        () = over => Err(Error::Unavailable(sqlx::Error::PoolTimedOut)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_ten_minutes() {
        let waits: Vec<u64> = (1..=12).map(|attempts| retry_after(attempts).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(retry_after(u64::MAX), LONGEST_RETRY);
    }
}
