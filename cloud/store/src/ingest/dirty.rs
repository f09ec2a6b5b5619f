//! Marks the hours whose readings changed, and has them summarised soon.

use crate::{
    Result,
    db::{Tx, TxDb},
    ingest::{packets::json, readings::Readings},
    jobs::{self, NewJob},
    types::At,
};
use kosmo_domain::{Aggregate, HOUR, Timestamp};
use std::{collections::BTreeSet, time::Duration};

/// The kind of the job that summarises marked hours: it calls [`Store::run_rollups`](crate::Store::run_rollups) until
/// nothing is left.
pub const ROLLUP_JOB: &str = "rollup";

/// How long after the first change the job waits for more of them.
const DEBOUNCE: Duration = Duration::from_secs(30);

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
    if hours.is_empty() {
        return Ok(());
    }
    upsert(tx, &hours, now).await?;
    let job =
        NewJob { kind: ROLLUP_JOB, dedupe_key: Some(ROLLUP_JOB.to_owned()), payload: serde_json::Value::Null, run_at: now.plus(DEBOUNCE) };
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
