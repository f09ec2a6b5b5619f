//! Jobs as the operator sees them: what is pending, what was given up, and taking that up again.

use crate::{
    Constraint, Error, Result, Store,
    db::{on_reader, on_tx, on_writer},
    jobs::queue::notify,
    types::{At, unsigned},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::Timestamp;

/// A job as the operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// Its number.
    pub id: i64,
    /// Which work it is.
    pub kind: String,
    /// Its key among pending jobs.
    pub dedupe_key: Option<String>,
    /// What the work is about: JSON.
    pub payload: String,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it is to be done.
    pub run_at: Timestamp,
    /// How often it has been claimed since it last succeeded.
    pub attempts: u64,
    /// Until when its worker may take for it, if one has it.
    pub locked_until: Option<Timestamp>,
    /// Who that is.
    pub worker: Option<String>,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it was given up.
    pub dead_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    id: i64,
    kind: String,
    dedupe_key: Option<String>,
    payload: String,
    created_at: At,
    run_at: At,
    attempts: i64,
    locked_until: Option<At>,
    worker: Option<String>,
    last_error: Option<String>,
    dead_at: Option<At>,
}

impl TryFrom<ListedRow> for JobRow {
    type Error = Error;

    fn try_from(row: ListedRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            kind: row.kind,
            dedupe_key: row.dedupe_key,
            payload: row.payload,
            created_at: row.created_at.0,
            run_at: row.run_at.0,
            attempts: unsigned(row.attempts, "a number of attempts")?,
            locked_until: row.locked_until.map(Timestamp::from),
            worker: row.worker,
            last_error: row.last_error,
            dead_at: row.dead_at.map(Timestamp::from),
        })
    }
}

impl Store {
    /// Lists jobs by id: the pending ones, or those that were given up; at most `limit` with an id above `after`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn jobs(&self, dead: bool, after: Option<i64>, limit: u32) -> Result<Vec<JobRow>> {
        const SQL: &str = "select id, kind, dedupe_key, payload, created_at, run_at, attempts, locked_until, worker, last_error, dead_at
                             from jobs
                            where id > $1 and (dead_at is not null) = $2
                            order by id
                            limit $3";
        let rows: Vec<ListedRow> =
            on_reader!(self, |db| { sqlx::query_as(SQL).bind(after.unwrap_or(0)).bind(dead).bind(i64::from(limit)).fetch_all(db) })?;
        rows.into_iter().map(JobRow::try_from).collect()
    }

    /// Removes the jobs that were given up before `before`, and returns how many that were.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_dead_jobs(&self, before: Timestamp) -> Result<u64> {
        const SQL: &str = "delete from jobs where dead_at < $1";
        Ok(on_writer!(self, |db| sqlx::query(SQL).bind(At(before)).execute(db).map_ok(|done| done.rows_affected()))?)
    }

    /// Takes up again a job that was given up, and tells whether there is such a one.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a job with the same key is pending already.
    pub async fn requeue_job(&self, id: i64, now: Timestamp) -> Result<bool> {
        const PENDING: &str = "select count(*)
                                 from jobs dead join jobs live on live.kind = dead.kind and live.dedupe_key = dead.dedupe_key
                                where dead.id = $1 and dead.dead_at is not null and live.dead_at is null";
        const REQUEUE: &str = "update jobs set dead_at = null, attempts = 0, run_at = $2 where id = $1 and dead_at is not null";
        let mut tx = self.begin().await?;
        let pending: i64 = on_tx!(tx, |db| sqlx::query_scalar(PENDING).bind(id).fetch_one(db))?;
        if pending > 0 {
            return Err(Error::Conflict(Constraint::Job));
        }
        let rows = on_tx!(tx, |db| sqlx::query(REQUEUE).bind(id).bind(At(now)).execute(db).map_ok(|done| done.rows_affected()))?;
        notify(&mut tx).await?;
        tx.commit().await?;
        Ok(rows > 0)
    }
}
