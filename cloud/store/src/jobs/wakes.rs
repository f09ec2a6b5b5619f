//! How workers learn of new jobs at once: within the process on SQLite, by LISTEN and NOTIFY on PostgreSQL.
//! Whoever waits polls as well, so that a wake-up that is lost costs time and nothing else.

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time};

/// How long after a failure the connection that listens is tried again; workers poll meanwhile.
const RELISTEN_AFTER: Duration = Duration::from_secs(2);

/// The channel that [`crate::jobs`] notifies.
const CHANNEL: &str = "kosmo_jobs";

/// Where wake-ups come from, shared by the clones of a store.
#[derive(Debug)]
pub(crate) struct Wakes {
    woken: watch::Sender<u64>,
    /// How to listen, on PostgreSQL; SQLite's wake-ups arise in this process.
    remote: Option<PgConnectOptions>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

/// Tells a worker that there may be new jobs.
#[derive(Debug)]
pub struct Wakeups(watch::Receiver<u64>);

impl Wakes {
    pub(crate) fn in_process() -> Self {
        Self::with(None)
    }

    pub(crate) fn from_postgres(options: PgConnectOptions) -> Self {
        Self::with(Some(options))
    }

    fn with(remote: Option<PgConnectOptions>) -> Self {
        Self { woken: watch::Sender::new(0), remote, listener: Mutex::default() }
    }

    /// Makes every [`Wakeups::wait`] return.
    pub(crate) fn wake(&self) {
        self.woken.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Begins to listen, with the first worker that asks.
    fn subscribe(&self) -> Wakeups {
        if let Some(options) = &self.remote {
            let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            if listener.as_ref().is_none_or(JoinHandle::is_finished) {
                *listener = Some(tokio::spawn(listen(options.clone(), self.woken.clone())));
            }
        }
        Wakeups(self.woken.subscribe())
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get_mut().unwrap_or_else(PoisonError::into_inner) {
            listener.abort();
        }
    }
}

impl crate::Store {
    /// Returns what a worker waits on for new jobs.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn job_wakeups(&self) -> Wakeups {
        self.wakes.subscribe()
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

/// Listens for as long as the store lives, on a connection of its own.
async fn listen(options: PgConnectOptions, woken: watch::Sender<u64>) {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    loop {
        if let Err(error) = listen_once(&pool, &woken).await {
            tracing::debug!(%error, "not listening for jobs: workers poll until the connection is back");
        }
        time::sleep(RELISTEN_AFTER).await;
    }
}

/// Listens until the connection is lost.
async fn listen_once(pool: &sqlx::PgPool, woken: &watch::Sender<u64>) -> sqlx::Result<()> {
    let wake = || woken.send_modify(|count| *count = count.wrapping_add(1));
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // Whatever was notified while nobody listened is found by looking.
    wake();
    while listener.try_recv().await?.is_some() {
        while listener.next_buffered().is_some() {}
        wake();
    }
    Ok(())
}
