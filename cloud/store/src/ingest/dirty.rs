//! Marks the hours whose readings changed, and has them summarised.
//!
//! An hour that is still going on changes with every reading, so it waits until it is over; who asks for it meanwhile gets
//! it computed on the spot. Hours that are changed later wait a moment for more of the same.

use crate::{
    Result,
    db::{Tx, TxDb, on_tx},
    ingest::{packets::json, readings::Readings},
    jobs::{self, NewJob},
    types::At,
};
use kosmo_domain::{Aggregate, HOUR, Timestamp};
use std::{collections::BTreeSet, time::Duration};

/// The kind of the job that summarises marked hours: it calls [`Store::run_due_rollups`](crate::Store::run_due_rollups)
/// until nothing is left.
pub const ROLLUP_JOB: &str = "rollup";

/// How long after the first change an hour waits for more of them.
const DEBOUNCE: Duration = Duration::from_secs(30);
/// How long after its end an hour waits for readings that are still on their way.
const GRACE: Duration = Duration::from_mins(5);

/// What is due: hours up to `hour` that were marked up to `marked`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) marked: Timestamp,
    pub(crate) hour: Timestamp,
}

/// Returns what is due at a time.
pub(crate) fn latest_due(now: Timestamp) -> Due {
    Due { marked: now.minus(DEBOUNCE), hour: now.minus(HOUR + GRACE) }
}

/// Returns when an hour is due that was marked at some time.
fn due(hour: Timestamp, marked_at: Timestamp) -> Timestamp {
    hour.plus(HOUR + GRACE).max(marked_at.plus(DEBOUNCE))
}

/// Marks the hours of the readings, and enqueues the one job for all of them.
///
/// A total grows over the end of an hour, too, so a reading with one also changes the hour after.
pub(super) async fn mark(tx: &mut Tx, readings: &Readings, now: Timestamp) -> Result<()> {
    let mut hours = BTreeSet::new();
    for ((node, at), merged) in readings {
        let hour = at.floor_to(HOUR);
        hours.insert((*node, hour));
        if merged.metrics.iter().any(|(metric, _)| metric.spec().aggregate == Aggregate::Counter) {
            hours.insert((*node, hour.plus(HOUR)));
        }
    }
    let Some(next) = hours.iter().map(|(_, hour)| due(*hour, now)).min() else { return Ok(()) };
    upsert(tx, &hours, now).await?;
    enqueue(tx, next, now).await
}

/// Enqueues the job for when the next of the marks that are left is due.
pub(crate) async fn enqueue_rest(tx: &mut Tx, now: Timestamp) -> Result<()> {
    const SQL: &str = "select min(case when hour > $1 then hour end), min(case when hour <= $1 then marked_at end) from dirty_hours";
    let over = latest_due(now).hour;
    let (hour, marked_at): (Option<At>, Option<At>) = on_tx!(tx, |db| sqlx::query_as(SQL).bind(At(over)).fetch_one(db))?;
    let rest = [hour.map(|hour| hour.0.plus(HOUR + GRACE)), marked_at.map(|marked| marked.0.plus(DEBOUNCE))];
    match rest.into_iter().flatten().min() {
        Some(next) => enqueue(tx, next.max(now), now).await,
        None => Ok(()),
    }
}

async fn enqueue(tx: &mut Tx, run_at: Timestamp, now: Timestamp) -> Result<()> {
    let job = NewJob { kind: ROLLUP_JOB, dedupe_key: Some(ROLLUP_JOB.to_owned()), payload: serde_json::Value::Null, run_at };
    jobs::enqueue(tx, &job, now).await
}

/// A mark starts with the present as its generation, so that it is never mistaken for an earlier one that was cleared.
macro_rules! or_mark_again {
    ($insert:literal) => {
        concat!(
            $insert,
            " on conflict (node, hour) do update
                 set generation = case when excluded.generation > dirty_hours.generation then excluded.generation
                                       else dirty_hours.generation + 1 end"
        )
    };
}

async fn upsert(tx: &mut Tx, hours: &BTreeSet<(i64, Timestamp)>, now: Timestamp) -> Result<()> {
    match &mut tx.db {
        // Lists are JSON here, and arrays there.
        TxDb::Sqlite(tx) => {
            const SQL: &str = or_mark_again!(
                "insert into dirty_hours (node, hour, generation, marked_at)
                 select value ->> 0, value ->> 1, $2, $3 from json_each($1) where true"
            );
            let hours: Vec<_> = hours.iter().map(|(node, hour)| (node, hour.as_micros())).collect();
            sqlx::query(SQL).bind(json(&hours)).bind(now.as_micros()).bind(At(now)).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = or_mark_again!(
                "insert into dirty_hours (node, hour, generation, marked_at)
                 select h.node, h.hour, $3::bigint, $4::timestamptz from unnest($1::bigint[], $2::timestamptz[]) h (node, hour)"
            );
            let (nodes, hours): (Vec<_>, Vec<_>) = hours.iter().map(|(node, hour)| (*node, At(*hour))).unzip();
            sqlx::query(SQL).bind(nodes).bind(hours).bind(now.as_micros()).bind(At(now)).execute(&mut **tx).await?;
        }
    }
    Ok(())
}
