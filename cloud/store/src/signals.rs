//! How processes learn at once of what others committed: within the process on SQLite, by LISTEN and NOTIFY on PostgreSQL.
//!
//! There are two kinds of signals: that there may be new jobs, and what has changed. Both may get lost with a connection, so
//! whoever waits for jobs polls as well, and whoever follows changes is told that it has missed some.

use crate::{
    Result,
    changes::{self, Change},
    in_time,
};
use sqlx::{
    Executor as _,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
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
/// After how long without a signal the server is asked whether it is there, and how long it may take to say so: a connection that
/// fell silent brings no signals either, and who listens to it would do so for good.
const QUIET: Duration = Duration::from_secs(30);
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
            *listener = Some(tokio::spawn(listen(options.clone(), Arc::clone(&self.out), QUIET)));
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
async fn listen(options: PgConnectOptions, out: Arc<Out>, quiet: Duration) {
    loop {
        if let Err(error) = listen_once(options.clone(), &out, quiet).await {
            tracing::debug!(%error, "not listening: workers poll until the connection is back");
        }
        time::sleep(RELISTEN_AFTER).await;
    }
}

/// Listens until the connection is lost, or nothing is heard of it any more.
async fn listen_once(options: PgConnectOptions, out: &Out, quiet: Duration) -> Result<()> {
    // A pool for this once: a connection that fell silent never gives its place back.
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let mut listener = in_time(quiet, async { Ok(PgListener::connect_with(&pool).await?) }).await?;
    listener.eager_reconnect(false);
    in_time(quiet, async { Ok(listener.listen_all([JOBS, CHANGES]).await?) }).await?;
    // Whatever was notified while nobody listened is found by looking.
    out.wake();
    out.tell(Change::Missed);
    loop {
        let Ok(received) = time::timeout(quiet, listener.try_recv()).await else {
            in_time(quiet, async { Ok((&mut listener).execute("select 1").await?) }).await?;
            continue;
        };
        let Some(notification) = received? else { return Ok(()) };
        if notification.channel() == CHANGES {
            out.tell(changes::decode(notification.payload()));
        } else {
            out.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_test_support::{Cable, TestDatabase};
    use sqlx::{Connection as _, PgConnection};

    /// Far longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn who_listens_to_a_connection_that_fell_silent_finds_that_out_and_listens_to_another() {
        let database = TestDatabase::empty();
        let cable = Cable::to(database.url()).await;
        let signals = Signals::in_process();
        let (mut changes, mut jobs) = (signals.changes(), signals.jobs());
        let listening = tokio::spawn(listen(cable.url().parse().unwrap(), Arc::clone(&signals.out), Duration::from_secs(1)));
        let missed = time::timeout(PATIENCE, changes.recv()).await.expect("it listens");
        assert_eq!(missed, Ok(Change::Missed));

        cable.silence();
        let missed = time::timeout(PATIENCE, changes.recv()).await.expect("followers are told that they may have missed something");
        assert_eq!(missed, Ok(Change::Missed));
        jobs.mark_unchanged();
        let mut somebody = PgConnection::connect(database.url()).await.unwrap();
        let calls = async {
            loop {
                somebody.execute("select pg_notify('kosmo_jobs', '')").await.unwrap();
                time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            woken = time::timeout(PATIENCE, jobs.changed()) => woken.expect("workers hear of new jobs again").unwrap(),
            () = calls => {}
        }
        listening.abort();
    }
}
