//! How processes learn at once of what others committed: within the process on SQLite, by LISTEN and NOTIFY on PostgreSQL.
//!
//! There are two kinds of signals: that there may be new jobs, and what has changed. Both may get lost with a connection, so
//! whoever waits for jobs polls as well, and whoever follows changes is told that it has missed some.

use crate::changes::{self, Change};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
    time,
};

/// How long after a failure the connection that listens is tried again.
const RELISTEN_AFTER: Duration = Duration::from_secs(2);
/// The channel that wakes workers.
const JOBS: &str = "kosmo_jobs";
/// The channel that tells what has changed.
pub(crate) const CHANGES: &str = "kosmo_changes";
/// How many changes a follower may be behind before it misses some.
const BACKLOG: usize = 4096;

/// Where signals come from, shared by the clones of a store.
#[derive(Debug)]
pub(crate) struct Signals {
    out: Arc<Out>,
    /// How to listen, on PostgreSQL; SQLite's signals arise in this process.
    remote: Option<PgConnectOptions>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Out {
    jobs: watch::Sender<u64>,
    changes: broadcast::Sender<Change>,
}

impl Signals {
    pub(crate) fn in_process() -> Self {
        Self::with(None)
    }

    pub(crate) fn from_postgres(options: PgConnectOptions) -> Self {
        Self::with(Some(options))
    }

    fn with(remote: Option<PgConnectOptions>) -> Self {
        let out = Out { jobs: watch::Sender::new(0), changes: broadcast::Sender::new(BACKLOG) };
        Self { out: Arc::new(out), remote, listener: Mutex::default() }
    }

    /// Makes everybody who waits for jobs look.
    pub(crate) fn wake(&self) {
        self.out.wake();
    }

    /// Tells the followers of this process what has changed.
    pub(crate) fn tell(&self, change: Change) {
        self.out.tell(change);
    }

    pub(crate) fn jobs(&self) -> watch::Receiver<u64> {
        self.listen();
        self.out.jobs.subscribe()
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<Change> {
        self.listen();
        self.out.changes.subscribe()
    }

    /// Begins to listen, with the first who asks.
    fn listen(&self) {
        let Some(options) = &self.remote else { return };
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.as_ref().is_none_or(JoinHandle::is_finished) {
            *listener = Some(tokio::spawn(listen(options.clone(), Arc::clone(&self.out))));
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get_mut().unwrap_or_else(PoisonError::into_inner) {
            listener.abort();
        }
    }
}

impl Out {
    fn wake(&self) {
        self.jobs.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn tell(&self, change: Change) {
        // Nobody may follow; then there is nobody to tell.
        let _ = self.changes.send(change);
    }
}

/// Listens for as long as the store lives, on a connection of its own.
async fn listen(options: PgConnectOptions, out: Arc<Out>) {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    loop {
        if let Err(error) = listen_once(&pool, &out).await {
            tracing::debug!(%error, "not listening: workers poll until the connection is back");
        }
        time::sleep(RELISTEN_AFTER).await;
    }
}

/// Listens until the connection is lost.
async fn listen_once(pool: &sqlx::PgPool, out: &Out) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen_all([JOBS, CHANGES]).await?;
    // Whatever was notified while nobody listened is found by looking.
    out.wake();
    out.tell(Change::Missed);
    while let Some(notification) = listener.try_recv().await? {
        if notification.channel() == CHANGES {
            out.tell(changes::decode(notification.payload()));
        } else {
            out.wake();
        }
    }
    Ok(())
}
