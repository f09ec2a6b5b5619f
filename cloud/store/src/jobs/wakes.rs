//! How workers learn of new jobs at once. Whoever waits polls as well, so that a wake-up that is lost costs time and nothing else.

use std::time::Duration;
use tokio::{sync::watch, time};

/// Tells a worker that there may be new jobs.
#[derive(Debug)]
pub struct Wakeups(watch::Receiver<u64>);

impl crate::Store {
    /// Returns what a worker waits on for new jobs.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn job_wakeups(&self) -> Wakeups {
        Wakeups(self.signals.jobs())
    }
}

impl Wakeups {
    /// Registers interest: [`Wakeups::wait`] returns at once if there were new jobs after this. Call it, then look for jobs, then wait.
    pub fn arm(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits until there may be new jobs, at most this long.
    pub async fn wait(&mut self, at_most: Duration) {
        if let Ok(Err(_closed)) = time::timeout(at_most, self.0.changed()).await {
            // The store is gone; whoever still polls does not get to do so in a tight loop.
            time::sleep(at_most).await;
        }
    }
}
