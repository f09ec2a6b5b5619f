//! The table of jobs.

use crate::{
    Error, Result, Store,
    db::{Db, Tx, TxDb, on_tx, on_writer},
    types::{At, storable, unsigned},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::Timestamp;
use kosmo_failpoints::fail_point;
use serde_json::Value;
use std::time::Duration;

/// The most that is kept of a job's last error, in bytes.
const MAX_ERROR: usize = 2048;

/// A job to be enqueued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Which work it is; a worker claims by kind.
    pub kind: &'static str,
    /// Of all pending jobs of a kind only one has this key: a second one brings the first one forward, and its payload counts.
    pub dedupe_key: Option<String>,
    /// What the work is about.
    pub payload: Value,
    /// When it is to be done.
    pub run_at: Timestamp,
}

/// A job that a worker has claimed. Only the holder of this, while its lease lasts or nobody else has claimed the job, can end it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// Which work it is.
    pub kind: String,
    /// Its key among pending jobs.
    pub dedupe_key: Option<String>,
    /// What the work is about.
    pub payload: Value,
    /// How often it has been claimed since it last succeeded, this time included.
    pub attempts: u64,
    lease: i64,
}

/// What becomes of a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is tried again at this time.
    At(Timestamp),
    /// It is given up, and kept for the operator to see.
    Never,
}

/// What became of a job that its worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It is gone.
    Done,
    /// It was enqueued again while it ran, and runs once more.
    Again,
    /// Its lease ran out and somebody else has it; nothing was changed.
    Lost,
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: i64,
    kind: String,
    dedupe_key: Option<String>,
    payload: String,
    attempts: i64,
    lease: i64,
    run_at: At,
}

impl TryFrom<ClaimedRow> for Job {
    type Error = Error;

    fn try_from(row: ClaimedRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            kind: row.kind,
            dedupe_key: row.dedupe_key,
            payload: serde_json::from_str(&row.payload).map_err(|_| Error::Corrupt(format!("the payload of job {} is no JSON", row.id)))?,
            attempts: unsigned(row.attempts, "a number of attempts")?,
            lease: row.lease,
        })
    }
}

/// Enqueues a job inside a use-case, and wakes workers once that is committed.
///
/// Of a pending job with the same key only the time is moved, and only forward. The row is locked in any case, so that
/// no worker claims the job between what this transaction wrote and its commit; enqueue last, then the lock is short.
/// A job that runs is marked to run again.
pub(crate) async fn enqueue(tx: &mut Tx, job: &NewJob, now: Timestamp) -> Result<()> {
    const SQL: &str = "insert into jobs (kind, dedupe_key, payload, created_at, run_at)
                       values ($1, $2, $3, $4, $5)
                       on conflict (kind, dedupe_key) where dead_at is null do update
                          set payload = excluded.payload,
                              generation = jobs.generation + 1,
                              run_at = case when jobs.claimed = jobs.generation or excluded.run_at < jobs.run_at
                                            then excluded.run_at else jobs.run_at end
                        where jobs.claimed = jobs.generation
                           or excluded.run_at < jobs.run_at
                           or excluded.payload <> jobs.payload";
    let changed = on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(job.kind)
            .bind(job.dedupe_key.as_deref())
            .bind(job.payload.to_string())
            .bind(At(now))
            .bind(At(job.run_at))
            .execute(db)
            .map_ok(|done| done.rows_affected())
    })?;
    if changed > 0 {
        notify(tx).await?;
    }
    Ok(())
}

impl Store {
    /// Enqueues a job by itself.
    ///
    /// # Errors
    /// As the database does.
    pub async fn enqueue_job(&self, job: &NewJob, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        enqueue(&mut tx, job, now).await?;
        tx.commit().await
    }

    /// Claims up to `limit` jobs of these kinds that are due, the longest due first, for the length of the lease.
    /// A job whose lease ran out is due at once, whatever became of its worker.
    ///
    /// # Errors
    /// As the database does.
    pub async fn claim_due_jobs(&self, worker: &str, kinds: &[&str], lease: Duration, limit: u32, now: Timestamp) -> Result<Vec<Job>> {
        let (until, limit) = (At(now.plus(lease)), i64::from(limit));
        let mut rows: Vec<ClaimedRow> = match &self.db {
            // One writer at a time, so nothing is locked; lists are JSON.
            Db::Sqlite { write, .. } => {
                const SQL: &str = "update jobs
                                      set attempts = attempts + 1, lease = lease + 1, claimed = generation, locked_until = $4, worker = $5
                                    where id in (select id from jobs
                                                  where dead_at is null
                                                    and kind in (select value from json_each($2))
                                                    and (case when locked_until is null then run_at else locked_until end) <= $1
                                                  order by run_at, id
                                                  limit $3)
                                returning id, kind, dedupe_key, payload, attempts, lease, run_at";
                sqlx::query_as(SQL).bind(At(now)).bind(json_list(kinds)).bind(limit).bind(until).bind(worker).fetch_all(write).await?
            }
            // Rows that another worker is claiming are passed over; lists are arrays.
            Db::Postgres(pool) => {
                const SQL: &str = "with due as (select id from jobs
                                                 where dead_at is null
                                                   and kind = any($2)
                                                   and (case when locked_until is null then run_at else locked_until end) <= $1
                                                 order by run_at, id
                                                 limit $3
                                                   for update skip locked)
                                   update jobs
                                      set attempts = attempts + 1, lease = lease + 1, claimed = generation, locked_until = $4, worker = $5
                                     from due
                                    where jobs.id = due.id
                                returning jobs.id, kind, dedupe_key, payload, attempts, lease, run_at";
                sqlx::query_as(SQL).bind(At(now)).bind(kinds).bind(limit).bind(until).bind(worker).fetch_all(pool).await?
            }
        };
        rows.sort_by_key(|row| (row.run_at, row.id));
        if !rows.is_empty() {
            fail_point!("job::claimed");
        }
        rows.into_iter().map(Job::try_from).collect()
    }

    /// Returns when the next job of these kinds is due, or its lease runs out.
    ///
    /// # Errors
    /// As the database does.
    pub async fn next_job_due(&self, kinds: &[&str]) -> Result<Option<Timestamp>> {
        let next: Option<At> = match &self.db {
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select min(case when locked_until is null then run_at else locked_until end)
                                     from jobs where dead_at is null and kind in (select value from json_each($1))";
                sqlx::query_scalar(SQL).bind(json_list(kinds)).fetch_one(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select min(case when locked_until is null then run_at else locked_until end)
                                     from jobs where dead_at is null and kind = any($1)";
                sqlx::query_scalar(SQL).bind(kinds).fetch_one(pool).await?
            }
        };
        Ok(next.map(Timestamp::from))
    }

    /// Gives a claimed job a longer lease, and tells whether it is still the caller's.
    ///
    /// # Errors
    /// As the database does.
    pub async fn extend_job(&self, job: &Job, lease: Duration, now: Timestamp) -> Result<bool> {
        const SQL: &str = "update jobs set locked_until = $3 where id = $1 and lease = $2 and locked_until is not null";
        let until = At(now.plus(lease));
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(job.id).bind(job.lease).bind(until).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Ends a claimed job that is done. If it was enqueued again since it was claimed, it stays and runs once more.
    ///
    /// # Errors
    /// As the database does.
    pub async fn complete_job(&self, job: &Job) -> Result<Completed> {
        const DELETE: &str = "delete from jobs where id = $1 and lease = $2 and locked_until is not null and generation = claimed";
        const RELEASE: &str = "update jobs
                                  set attempts = 0, claimed = null, locked_until = null, worker = null, last_error = null
                                where id = $1 and lease = $2 and locked_until is not null";
        let mut tx = self.begin().await?;
        for (sql, completed) in [(DELETE, Completed::Done), (RELEASE, Completed::Again)] {
            let rows = on_tx!(tx, |db| sqlx::query(sql).bind(job.id).bind(job.lease).execute(db).map_ok(|done| done.rows_affected()))?;
            if rows > 0 {
                fail_point!("job::complete::before");
                tx.commit().await?;
                fail_point!("job::complete::after");
                return Ok(completed);
            }
        }
        Ok(Completed::Lost)
    }

    /// Gives a claimed job back that failed, and tells whether it was still the caller's.
    /// If it was enqueued again since it was claimed, it is not given up: the newer wish has not failed yet.
    ///
    /// # Errors
    /// As the database does.
    pub async fn fail_job(&self, job: &Job, error: &str, retry: Retry, now: Timestamp) -> Result<bool> {
        const RETRY: &str = "update jobs
                                set run_at = case when generation <> claimed and run_at < $4 then run_at else $4 end,
                                    claimed = null, locked_until = null, worker = null, last_error = $3
                              where id = $1 and lease = $2 and locked_until is not null";
        const GIVE_UP: &str = "update jobs
                                  set dead_at = case when generation = claimed then $4 end,
                                      attempts = case when generation = claimed then attempts else 0 end,
                                      claimed = null, locked_until = null, worker = null, last_error = $3
                                where id = $1 and lease = $2 and locked_until is not null";
        let (sql, at) = match retry {
            Retry::At(at) => (RETRY, at),
            Retry::Never => (GIVE_UP, now),
        };
        let rows = on_writer!(self, |db| {
            sqlx::query(sql)
                .bind(job.id)
                .bind(job.lease)
                .bind(storable(error, MAX_ERROR))
                .bind(At(at))
                .execute(db)
                .map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}

/// Returns the list as SQLite takes it, which has no arrays.
fn json_list(texts: &[&str]) -> String {
    Value::from(texts).to_string()
}

/// Has workers woken once the transaction is committed.
pub(super) async fn notify(tx: &mut Tx) -> Result<()> {
    match &mut tx.db {
        // SQLite has one serving process, so its workers are woken within it.
        TxDb::Sqlite(_) => tx.wakes_workers = true,
        TxDb::Postgres(tx) => {
            sqlx::query("select pg_notify('kosmo_jobs', '')").execute(&mut **tx).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;
    use kosmo_test_support::TestDatabase;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn job() -> NewJob {
        NewJob { kind: "rollup", dedupe_key: Some("a".to_owned()), payload: Value::Null, run_at: NOW }
    }

    async fn claim(store: &Store) -> Vec<Job> {
        store.claim_due_jobs("worker", &["rollup"], Duration::from_mins(1), 1, NOW).await.unwrap()
    }

    #[tokio::test]
    async fn a_use_case_that_fails_leaves_no_job() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
        store.migrate().await.unwrap();
        let mut tx = store.begin().await.unwrap();
        enqueue(&mut tx, &job(), NOW).await.unwrap();
        drop(tx);
        assert!(claim(&store).await.is_empty());
    }

    #[tokio::test]
    async fn no_worker_begins_before_what_it_was_enqueued_for_is_committed() {
        let database = TestDatabase::empty();
        let store = Store::open(&Database::Postgres { url: database.url().to_owned(), max_connections: 4 }).await.unwrap();
        store.migrate().await.unwrap();
        store.enqueue_job(&job(), NOW).await.unwrap();

        // The job is pending and stays as it is, yet the use-case that relies on it is not committed.
        let mut tx = store.begin().await.unwrap();
        enqueue(&mut tx, &job(), NOW).await.unwrap();
        let claimed = tokio::time::timeout(Duration::from_secs(20), claim(&store)).await;
        assert!(claimed.expect("nobody waits for a job that another has").is_empty());
        tx.commit().await.unwrap();
        assert_eq!(claim(&store).await.len(), 1);
    }
}
