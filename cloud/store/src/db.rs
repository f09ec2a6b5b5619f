//! The two databases as one closed set, and the dispatch: every statement goes through one of the macros here.

use crate::{Error, Result, changes::Change, database::ServingLock, network::Tally, signals::Signals};
use futures_util::{Stream, TryStreamExt as _};
use serde::Serialize;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use std::{pin::pin, sync::Arc};

/// The store: readings, nodes, bridges, rejects and jobs, on SQLite or PostgreSQL. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) signals: Arc<Signals>,
    /// Held for as long as a clone of the store lives.
    pub(crate) lock: Option<Arc<ServingLock>>,
}

/// The connections to whichever database is configured.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    /// SQLite has one writer, so `write` has exactly one connection, and writers queue for it instead of failing.
    Sqlite { write: SqlitePool, read: SqlitePool },
    /// PostgreSQL's connections do both.
    Postgres(PgPool),
}

/// A transaction that writes. It is rolled back when it is dropped before [`Tx::commit`].
///
/// A helper that takes `&mut Tx` works inside any use-case, on either database.
pub(crate) struct Tx {
    pub(crate) db: TxDb,
    /// Whether workers of this process are to look for jobs once this is committed.
    pub(crate) wakes_workers: bool,
    /// What of this is counted; written as the last step.
    pub(crate) tally: Tally,
    /// What is told once this is committed.
    pub(crate) changes: Vec<Change>,
    signals: Arc<Signals>,
}

pub(crate) enum TxDb {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Runs a statement that only reads, outside of a transaction: `on_reader!(self, |db| sqlx::query(SQL).fetch_all(db))?`.
macro_rules! on_reader {
    ($store:expr, |$db:ident| $body:expr) => {
        match &$store.db {
            $crate::db::Db::Sqlite { read: $db, .. } => $body.await,
            $crate::db::Db::Postgres($db) => $body.await,
        }
    };
}

/// Runs one statement that writes, in a transaction of its own: `on_writer!(self, |db| sqlx::query(SQL).execute(db))?`.
/// Rows affected differ in type between the databases; add `.map_ok(|done| done.rows_affected())` for them.
macro_rules! on_writer {
    ($store:expr, |$db:ident| $body:expr) => {
        match &$store.db {
            $crate::db::Db::Sqlite { write: $db, .. } => $body.await,
            $crate::db::Db::Postgres($db) => $body.await,
        }
    };
}

/// Runs one statement inside a [`Tx`]: `on_tx!(tx, |db| sqlx::query(SQL).execute(db))?`.
macro_rules! on_tx {
    ($tx:expr, |$db:ident| $body:expr) => {
        match &mut $tx.db {
            $crate::db::TxDb::Sqlite(tx) => {
                let $db = &mut **tx;
                $body.await
            }
            $crate::db::TxDb::Postgres(tx) => {
                let $db = &mut **tx;
                $body.await
            }
        }
    };
}

pub(crate) use {on_reader, on_tx, on_writer};

impl Store {
    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let db = match &self.db {
            // A deferred transaction that turns into a writing one fails with SQLITE_BUSY_SNAPSHOT, which no busy timeout retries.
            Db::Sqlite { write, .. } => TxDb::Sqlite(write.begin_with("begin immediate").await?),
            Db::Postgres(pool) => TxDb::Postgres(pool.begin().await?),
        };
        Ok(Tx { db, wakes_workers: false, tally: Tally::default(), changes: Vec::new(), signals: Arc::clone(&self.signals) })
    }
}

impl Tx {
    /// Makes everything done in the transaction lasting, and visible to all.
    pub(crate) async fn commit(mut self) -> Result<()> {
        std::mem::take(&mut self.tally).write(&mut self).await?;
        self.notify_changes().await?;
        match self.db {
            TxDb::Sqlite(tx) => tx.commit().await?,
            TxDb::Postgres(tx) => tx.commit().await?,
        }
        if self.wakes_workers {
            self.signals.wake();
        }
        for change in self.changes {
            self.signals.tell(change);
        }
        Ok(())
    }
}

/// Returns a list as SQLite takes it, which has no arrays: as JSON.
pub(crate) fn json_list<T: Serialize>(items: &[T]) -> String {
    serde_json::to_string(items).expect("numbers and texts are always JSON")
}

/// Hands over each row as it comes.
pub(crate) async fn each<T>(rows: impl Stream<Item = sqlx::Result<T>>, mut take: impl FnMut(T) -> Result<()>) -> Result<()> {
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await.map_err(Error::from)? {
        take(row)?;
    }
    Ok(())
}
