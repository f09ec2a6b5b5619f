//! Summarises the hours whose readings changed, and the days they lie in.
//!
//! The readings are read without any lock. What was computed from them is written only if the hour's mark still is of the
//! generation that was there before they were read: whatever came in between has marked the hour anew, and it is its turn
//! again. The mark goes in the same transaction, so that of two workers only one writes.

use crate::{
    Result, Store,
    db::{Tx, TxDb, on_reader, on_tx},
    ingest::dirty,
    types::At,
    weather::{
        raw::{Hours, watermark},
        stats,
    },
};
use kosmo_domain::{DAY, Rollup, Timestamp};
use kosmo_failpoints::fail_point;
use std::collections::{BTreeMap, BTreeSet};

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

/// Summaries by internal node id and start of their bucket.
type Summaries = BTreeMap<(i64, Timestamp), Rollup>;

impl Store {
    /// Summarises up to `limit` of the marked hours that are due, and their days; once nothing more is due, it has itself
    /// called again when the next is. This is the work of the [`ROLLUP_JOB`](crate::ingest::ROLLUP_JOB).
    ///
    /// # Errors
    /// As the database does; what was not summarised stays marked.
    pub async fn run_due_rollups(&self, now: Timestamp, limit: u32) -> Result<Progress> {
        let progress = self.summarise(dirty::latest_due(now), limit).await?;
        if !progress.more {
            let mut tx = self.begin().await?;
            dirty::enqueue_rest(&mut tx, now).await?;
            tx.commit().await?;
        }
        Ok(progress)
    }

    /// Summarises up to `limit` of the marked hours and their days, due or not, as after an import.
    ///
    /// # Errors
    /// As the database does; what was not summarised stays marked.
    pub async fn run_rollups(&self, limit: u32) -> Result<Progress> {
        self.summarise(dirty::Due { marked: Timestamp::MAX, hour: Timestamp::MAX }, limit).await
    }

    async fn summarise(&self, due: dirty::Due, limit: u32) -> Result<Progress> {
        let (marks, computed) = self.compute(due, limit).await?;
        self.keep(&marks, computed, limit).await
    }

    /// Computes what is marked, without any lock.
    async fn compute(&self, due: dirty::Due, limit: u32) -> Result<(Vec<Mark>, Summaries)> {
        const MARKS: &str = "select node, hour, generation from dirty_hours
                              where marked_at <= $1 and hour <= $2
                              order by node, hour
                              limit $3";
        let marks: Vec<Mark> =
            on_reader!(self, |db| sqlx::query_as(MARKS).bind(At(due.marked)).bind(At(due.hour)).bind(i64::from(limit)).fetch_all(db))?;
        let mut computed = Summaries::new();
        for marks in marks.chunk_by(|a, b| a.node == b.node) {
            let hours = Hours::of(marks.iter().map(|mark| mark.hour.0));
            for (hour, rollup) in self.summarise_hours(marks[0].node, &hours).await? {
                computed.insert((marks[0].node, hour), rollup);
            }
        }
        Ok((marks, computed))
    }

    /// Keeps what was computed, as far as nothing has come in between.
    async fn keep(&self, marks: &[Mark], computed: Summaries, limit: u32) -> Result<Progress> {
        let mut progress = Progress { more: marks.len() == limit as usize, ..Progress::default() };
        if !computed.is_empty() {
            let mut tx = self.begin().await?;
            write(&mut tx, marks, computed, &mut progress).await?;
            fail_point!("rollup::commit::before");
            tx.commit().await?;
            fail_point!("rollup::commit::after");
        }
        Ok(progress)
    }
}

/// Writes hours that are still as they were read, and then their days.
async fn write(tx: &mut Tx, marks: &[Mark], mut hours: Summaries, progress: &mut Progress) -> Result<()> {
    // Days are computed from hours of this and other workers' transactions, so one worker writes at a time. A node's lock
    // comes before its marks, as it does where marks are set.
    lock_nodes(tx, marks).await?;
    let watermark = watermark(tx).await?;
    let cleared = clear(tx, marks).await?;
    // Hours that change faster than they are summarised are left for later.
    progress.more &= !cleared.is_empty();
    hours.retain(|bucket, _| cleared.contains(bucket));
    let all = hours.len();
    hours.retain(|(_, hour), _| *hour >= watermark.earliest_hour());
    progress.outdated = all - hours.len();
    progress.hours = hours.len();

    put(tx, Table::Hours, &hours).await?;
    let days: BTreeSet<_> = hours.keys().map(|(node, hour)| (*node, hour.floor_to(DAY))).collect();
    let days = summarise_days(tx, &days).await?;
    progress.days = days.len();
    put(tx, Table::Days, &days).await
}

async fn lock_nodes(tx: &mut Tx, marks: &[Mark]) -> Result<()> {
    match &mut tx.db {
        // SQLite has one writer.
        TxDb::Sqlite(_) => {}
        TxDb::Postgres(tx) => {
            const SQL: &str = "select id from nodes where id = any($1) order by id for update";
            let nodes: Vec<_> = marks.iter().map(|mark| mark.node).collect();
            sqlx::query(SQL).bind(nodes).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Takes marks away, and returns those that were still the same.
async fn clear(tx: &mut Tx, marks: &[Mark]) -> Result<BTreeSet<(i64, Timestamp)>> {
    let rows: Vec<(i64, At)> = match &mut tx.db {
        // Lists are JSON here, and arrays there.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "delete from dirty_hours
                                where (node, hour, generation) in (select value ->> 0, value ->> 1, value ->> 2 from json_each($1))
                            returning node, hour";
            let marks: Vec<_> = marks.iter().map(|mark| (mark.node, mark.hour.0.as_micros(), mark.generation)).collect();
            sqlx::query_as(SQL).bind(serde_json::to_string(&marks).expect("numbers are always JSON")).fetch_all(&mut **tx).await?
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = "delete from dirty_hours d
                                using unnest($1::bigint[], $2::timestamptz[], $3::bigint[]) m (node, hour, generation)
                                where d.node = m.node and d.hour = m.hour and d.generation = m.generation
                            returning d.node, d.hour";
            sqlx::query_as(SQL)
                .bind(marks.iter().map(|mark| mark.node).collect::<Vec<_>>())
                .bind(marks.iter().map(|mark| mark.hour).collect::<Vec<_>>())
                .bind(marks.iter().map(|mark| mark.generation).collect::<Vec<_>>())
                .fetch_all(&mut **tx)
                .await?
        }
    };
    Ok(rows.into_iter().map(|(node, hour)| (node, hour.0)).collect())
}

/// Where summaries lie.
#[derive(Debug, Clone, Copy)]
enum Table {
    Hours,
    Days,
}

/// Returns the statement for hours and the one for days.
macro_rules! for_table {
    ($table:expr, $before:literal, $after:literal) => {
        match $table {
            Table::Hours => concat!($before, "rollups_1h", $after),
            Table::Days => concat!($before, "rollups_1d", $after),
        }
    };
}

/// Writes summaries; a bucket that is empty has none.
async fn put(tx: &mut Tx, table: Table, summaries: &Summaries) -> Result<()> {
    let (empty, full): (Vec<_>, Vec<_>) = summaries.iter().partition(|(_, rollup)| rollup.is_empty());
    let delete = for_table!(table, "delete from ", " where node = $1 and at = $2");
    for ((node, at), _) in empty {
        on_tx!(tx, |db| async { sqlx::query(delete).bind(*node).bind(At(*at)).execute(db).await.map(drop) })?;
    }
    let full = full.into_iter().map(|((node, at), rollup)| (*node, *at, i64::try_from(rollup.readings()), stats::to_column(rollup)));
    match &mut tx.db {
        TxDb::Sqlite(tx) => {
            let sql = for_table!(
                table,
                "insert into ",
                " (node, at, readings, stats)
                 select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each($1) where true
                 on conflict (node, at) do update set readings = excluded.readings, stats = excluded.stats"
            );
            let rows: Vec<_> =
                full.map(|(node, at, readings, stats)| (node, at.as_micros(), readings.unwrap_or(i64::MAX), stats)).collect();
            sqlx::query(sql).bind(serde_json::to_string(&rows).expect("numbers and texts are always JSON")).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            let sql = for_table!(
                table,
                "insert into ",
                " (node, at, readings, stats)
                 select * from unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::text[])
                 on conflict (node, at) do update set readings = excluded.readings, stats = excluded.stats"
            );
            let (mut nodes, mut times, mut counts, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (node, at, readings, stats) in full {
                nodes.push(node);
                times.push(At(at));
                counts.push(readings.unwrap_or(i64::MAX));
                texts.push(stats);
            }
            sqlx::query(sql).bind(nodes).bind(times).bind(counts).bind(texts).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Summarises days from their hours.
async fn summarise_days(tx: &mut Tx, days: &BTreeSet<(i64, Timestamp)>) -> Result<Summaries> {
    let rows: Vec<(i64, At, i64, String)> = match &mut tx.db {
        TxDb::Sqlite(tx) => {
            const SQL: &str = "select h.node, h.at, h.readings, h.stats
                                 from json_each($1) d
                                cross join rollups_1h h on h.node = d.value ->> 0 and h.at >= d.value ->> 1 and h.at < d.value ->> 2";
            let days: Vec<_> = days.iter().map(|(node, day)| (node, day.as_micros(), day.plus(DAY).as_micros())).collect();
            sqlx::query_as(SQL).bind(serde_json::to_string(&days).expect("numbers are always JSON")).fetch_all(&mut **tx).await?
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = "select h.node, h.at, h.readings, h.stats
                                 from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) d (node, first, next)
                                 join rollups_1h h on h.node = d.node and h.at >= d.first and h.at < d.next";
            sqlx::query_as(SQL)
                .bind(days.iter().map(|(node, _)| *node).collect::<Vec<_>>())
                .bind(days.iter().map(|(_, day)| At(*day)).collect::<Vec<_>>())
                .bind(days.iter().map(|(_, day)| At(day.plus(DAY))).collect::<Vec<_>>())
                .fetch_all(&mut **tx)
                .await?
        }
    };
    let mut hours: BTreeMap<(i64, Timestamp), Vec<Rollup>> = days.iter().map(|day| (*day, Vec::new())).collect();
    for (node, at, readings, json) in rows {
        hours.entry((node, at.0.floor_to(DAY))).or_default().push(stats::from_column(readings, &json)?);
    }
    Ok(hours.into_iter().map(|(day, hours)| (day, Rollup::of_hours(&hours))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Database,
        ingest::{Body, Raw, Record, RecordName},
    };
    use kosmo_domain::{Epoch, HOUR, Metric, Metrics, NodeId, Reading, Source, Stream, TimeSource, Trust};
    use std::time::Duration;

    /// A reading of a node's, so many minutes into an hour.
    fn reading(minute: u32, temperature: f64) -> Record {
        let mut metrics = Metrics::default();
        metrics.set(Metric::Temperature, temperature).unwrap();
        let at = hour().plus(Duration::from_mins(1) * minute);
        let origin =
            RecordName { bridge: "roof".parse().unwrap(), epoch: Epoch::from_random(1), stream: Stream::Ingest, seq: u64::from(minute) };
        let body = Body::Reading {
            reading: Reading { node: NodeId::from_number(7), at, metrics },
            time_source: TimeSource::Device,
            device_time: Some(at),
            trust: Trust::Claimed,
            source: Source::Bridge,
        };
        Record { origin, heard: None, privacy: None, body, notes: Vec::new(), raw: Raw::default() }
    }

    fn hour() -> Timestamp {
        Timestamp::from_unix_seconds(1_750_000_000).floor_to(HOUR)
    }

    #[tokio::test]
    async fn what_comes_while_an_hour_is_computed_has_it_computed_again() {
        const EVERYTHING: dirty::Due = dirty::Due { marked: Timestamp::MAX, hour: Timestamp::MAX };
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
        store.migrate().await.unwrap();
        store.ingest(&[reading(1, 10.0)], hour()).await.unwrap();

        let (marks, computed) = store.compute(EVERYTHING, 10).await.unwrap();
        store.ingest(&[reading(2, 20.0)], hour()).await.unwrap();
        let progress = store.keep(&marks, computed, 10).await.unwrap();
        assert_eq!(progress.hours, 0, "what was computed is outdated, and is not kept");

        let (_, again) = store.compute(EVERYTHING, 10).await.unwrap();
        let readings: Vec<_> = again.values().map(Rollup::readings).collect();
        assert_eq!(readings, [2], "the hour is marked still, and has both readings now");
    }
}
