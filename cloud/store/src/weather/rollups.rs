//! Summarises the hours whose readings changed, and the days they lie in.
//!
//! The readings are read without any lock. What was computed from them is written only if the hour's mark still is of the
//! generation that was there before they were read: whatever came in between has marked the hour anew, and it is its turn
//! again. The mark goes in the same transaction, so that of two workers only one writes.

use crate::{
    Result, Store,
    db::{Tx, TxDb, on_reader, on_tx},
    types::At,
    weather::{
        columns::{self, metric_columns},
        stats,
    },
};
use kosmo_domain::{DAY, HOUR, Metrics, Rollup, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use std::collections::BTreeSet;

/// What a call of [`Store::run_rollups`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// How many hours were summarised.
    pub hours: usize,
    /// How many days.
    pub days: usize,
    /// How many marks were taken away from hours whose raw readings have been given up, and whose summaries stay as they are.
    pub outdated: usize,
    /// Whether there may be more to do.
    pub more: bool,
}

/// An hour of a node that is marked.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct Mark {
    node: i64,
    hour: At,
    generation: i64,
}

/// A reading as far as a summary needs it.
struct Measured(Timestamp, Metrics);

impl<'r, R> FromRow<'r, R> for Measured
where
    R: Row,
    usize: ColumnIndex<R>,
    At: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self(row.try_get::<At, _>(0)?.0, columns::metrics(row, 1)?))
    }
}

impl Store {
    /// Summarises up to `limit` of the marked hours, the longest marked first, and their days.
    ///
    /// # Errors
    /// As the database does; what was not summarised stays marked.
    pub async fn run_rollups(&self, limit: u32) -> Result<Progress> {
        const MARKS: &str = "select node, hour, generation from dirty_hours order by marked_at, node, hour limit $1";
        let marks: Vec<Mark> = on_reader!(self, |db| sqlx::query_as(MARKS).bind(i64::from(limit)).fetch_all(db))?;
        let mut computed = Vec::with_capacity(marks.len());
        for mark in &marks {
            computed.push((*mark, self.summarise_hour(mark).await?));
        }
        let mut progress = Progress { more: marks.len() == limit as usize, ..Progress::default() };
        if !computed.is_empty() {
            let mut tx = self.begin().await?;
            write(&mut tx, computed, &mut progress).await?;
            tx.commit().await?;
        }
        Ok(progress)
    }

    async fn summarise_hour(&self, mark: &Mark) -> Result<Rollup> {
        const SQL: &str =
            concat!("select at", metric_columns!(names), " from readings where node = $1 and at >= $2 and at < $3 order by at");
        let (from, to) = (mark.hour.0.minus(HOUR), mark.hour.0.plus(HOUR));
        let rows: Vec<Measured> = on_reader!(self, |db| sqlx::query_as(SQL).bind(mark.node).bind(At(from)).bind(At(to)).fetch_all(db))?;
        let readings: Vec<_> = rows.into_iter().map(|Measured(at, metrics)| (at, metrics)).collect();
        Ok(Rollup::of_hour(mark.hour.0, &readings))
    }
}

/// Writes hours that are still as they were read, and then their days.
async fn write(tx: &mut Tx, mut computed: Vec<(Mark, Rollup)>, progress: &mut Progress) -> Result<()> {
    const WATERMARK: &str = "select before from raw_watermark";
    // Days are computed from hours of this and other workers' transactions, so one worker writes at a time. A node's lock
    // comes before its marks, as it does where marks are set.
    computed.sort_by_key(|(mark, _)| (mark.node, mark.hour));
    lock_nodes(tx, &computed).await?;
    let watermark: At = on_tx!(tx, |db| sqlx::query_scalar(WATERMARK).fetch_one(db))?;
    let mut days = BTreeSet::new();
    for (mark, rollup) in &computed {
        if !clear(tx, mark).await? {
            continue;
        }
        // The step into an hour comes from the hour before.
        if mark.hour.0.minus(HOUR) < watermark.0 {
            progress.outdated += 1;
            continue;
        }
        put(tx, Table::Hours, mark.node, mark.hour.0, rollup).await?;
        days.insert((mark.node, mark.hour.0.floor_to(DAY)));
        progress.hours += 1;
    }
    for (node, day) in days {
        let rollup = summarise_day(tx, node, day).await?;
        put(tx, Table::Days, node, day, &rollup).await?;
        progress.days += 1;
    }
    Ok(())
}

async fn lock_nodes(tx: &mut Tx, computed: &[(Mark, Rollup)]) -> Result<()> {
    match &mut tx.db {
        // SQLite has one writer.
        TxDb::Sqlite(_) => {}
        TxDb::Postgres(tx) => {
            const SQL: &str = "select id from nodes where id = any($1) order by id for update";
            let nodes: Vec<_> = computed.iter().map(|(mark, _)| mark.node).collect();
            sqlx::query(SQL).bind(nodes).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Takes a mark away, and tells whether it was still the same.
async fn clear(tx: &mut Tx, mark: &Mark) -> Result<bool> {
    const SQL: &str = "delete from dirty_hours where node = $1 and hour = $2 and generation = $3 returning node";
    let cleared: Option<i64> =
        on_tx!(tx, |db| sqlx::query_scalar(SQL).bind(mark.node).bind(mark.hour).bind(mark.generation).fetch_optional(db))?;
    Ok(cleared.is_some())
}

/// Where summaries lie.
#[derive(Debug, Clone, Copy)]
enum Table {
    Hours,
    Days,
}

/// Writes a summary; a bucket that is empty has none.
async fn put(tx: &mut Tx, table: Table, node: i64, at: Timestamp, rollup: &Rollup) -> Result<()> {
    let (upsert, delete) = match table {
        Table::Hours => (
            "insert into rollups_1h (node, at, readings, stats) values ($1, $2, $3, $4)
             on conflict (node, at) do update set readings = excluded.readings, stats = excluded.stats",
            "delete from rollups_1h where node = $1 and at = $2",
        ),
        Table::Days => (
            "insert into rollups_1d (node, at, readings, stats) values ($1, $2, $3, $4)
             on conflict (node, at) do update set readings = excluded.readings, stats = excluded.stats",
            "delete from rollups_1d where node = $1 and at = $2",
        ),
    };
    if rollup.is_empty() {
        on_tx!(tx, |db| async { sqlx::query(delete).bind(node).bind(At(at)).execute(db).await.map(drop) })?;
    } else {
        let (readings, stats) = (i64::try_from(rollup.readings()).unwrap_or(i64::MAX), stats::to_column(rollup));
        on_tx!(tx, |db| async { sqlx::query(upsert).bind(node).bind(At(at)).bind(readings).bind(stats).execute(db).await.map(drop) })?;
    }
    Ok(())
}

async fn summarise_day(tx: &mut Tx, node: i64, day: Timestamp) -> Result<Rollup> {
    const SQL: &str = "select readings, stats from rollups_1h where node = $1 and at >= $2 and at < $3 order by at";
    let rows: Vec<(i64, String)> = on_tx!(tx, |db| sqlx::query_as(SQL).bind(node).bind(At(day)).bind(At(day.plus(DAY))).fetch_all(db))?;
    let hours: Vec<_> = rows.iter().map(|(readings, json)| stats::from_column(*readings, json)).collect::<Result<_>>()?;
    Ok(Rollup::of_hours(&hours))
}
