//! What was measured: one wide row for a node and a moment, into which telemetry that comes in parts is merged.
//!
//! Of two values for the same metric, node and moment the one that comes later counts. Less trusted readings add nothing to
//! a row, and more trusted ones take its place: a row says of all its values how far they can be trusted.

use crate::{
    Result,
    db::{Tx, TxDb},
    ingest::{Body, Record, nodes::Nodes},
    types::At,
    weather::columns::metric_columns,
};
use kosmo_domain::{METRICS, Metrics, Source, TimeSource, Timestamp, Trust};
use sqlx::{Sqlite, Transaction, query::Query};
use std::collections::BTreeMap;

/// The parts of a batch that make one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merged {
    pub(super) metrics: Metrics,
    pub(super) trust: Trust,
    device_time: Option<Timestamp>,
    time_source: TimeSource,
    source: Source,
}

/// The rows of a batch by internal node id and time, which is also the order they are written in.
pub(super) type Readings = BTreeMap<(i64, Timestamp), Merged>;

/// Rows in one statement for SQLite, where each statement costs a hop to the connection's thread. A constant, because
/// statements are.
const ROWS: usize = 16;

/// One row of values for SQLite.
macro_rules! row {
    () => {
        concat!("(?, ?, ?, ?, ?, ?, ?", metric_columns!(marks), ")")
    };
}

macro_rules! four_rows {
    () => {
        concat!(row!(), ", ", row!(), ", ", row!(), ", ", row!())
    };
}

/// The statement around the new rows.
macro_rules! upsert {
    ($rows:expr) => {
        concat!(
            "insert into readings (received_at, node, at, device_time, time_source, trust, source",
            metric_columns!(names),
            ") ",
            $rows,
            " on conflict (node, at) do update
                 set received_at = excluded.received_at, device_time = excluded.device_time,
                     time_source = excluded.time_source, trust = excluded.trust, source = excluded.source",
            metric_columns!(merge),
            " where excluded.trust >= readings.trust"
        )
    };
}

/// Stores the readings among the records, and returns them as they were merged.
pub(super) async fn store(tx: &mut Tx, records: &[&Record], nodes: &Nodes, now: Timestamp) -> Result<Readings> {
    let mut readings = Readings::new();
    for record in records {
        let Body::Reading { reading, time_source, device_time, trust, source } = record.body else { continue };
        let part = Merged { metrics: reading.metrics, trust, device_time, time_source, source };
        readings.entry((nodes.id(reading.node)?, reading.at)).and_modify(|merged| merged.take_in(&part)).or_insert(part);
    }
    if readings.is_empty() {
        return Ok(readings);
    }
    match &mut tx.db {
        TxDb::Sqlite(tx) => upsert_sqlite(tx, &readings, now).await?,
        TxDb::Postgres(tx) => upsert_postgres(tx, &readings, now).await?,
    }
    Ok(readings)
}

impl Merged {
    /// Does to a later part what the statement does to the row.
    fn take_in(&mut self, later: &Self) {
        if later.trust < self.trust {
            return;
        }
        let mut metrics = if later.trust > self.trust { Metrics::NONE } else { self.metrics };
        metrics.merge(&later.metrics);
        *self = Self { metrics, ..*later };
    }
}

/// Writes rows for SQLite as lists of values: reading fifty columns out of JSON was measured slower than binding them.
async fn upsert_sqlite(tx: &mut Transaction<'static, Sqlite>, readings: &Readings, now: Timestamp) -> Result<()> {
    const ONE: &str = upsert!(concat!("values ", row!()));
    const MANY: &str = upsert!(concat!("values ", four_rows!(), ", ", four_rows!(), ", ", four_rows!(), ", ", four_rows!()));
    let rows: Vec<_> = readings.iter().collect();
    let chunks = rows.chunks_exact(ROWS);
    let rest = chunks.remainder().chunks(1);
    for chunk in chunks.chain(rest) {
        let mut query = sqlx::query(if chunk.len() == ROWS { MANY } else { ONE });
        for (key, merged) in chunk {
            query = bind_row(query, key, merged, now);
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

type SqliteQuery<'q> = Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind_row<'q>(query: SqliteQuery<'q>, (node, at): &(i64, Timestamp), merged: &Merged, now: Timestamp) -> SqliteQuery<'q> {
    let query = query
        .bind(At(now))
        .bind(*node)
        .bind(At(*at))
        .bind(merged.device_time.map(At))
        .bind(merged.time_source.as_str())
        .bind(merged.trust as i16)
        .bind(merged.source.as_str());
    METRICS.iter().fold(query, |query, spec| query.bind(merged.metrics.get(spec.metric)))
}

/// Writes rows for PostgreSQL as one array per column. Arrays that end early are filled up with nulls, so a metric that
/// nobody in the batch measured costs an empty array.
async fn upsert_postgres(tx: &mut Transaction<'static, sqlx::Postgres>, readings: &Readings, now: Timestamp) -> Result<()> {
    const SQL: &str = upsert!(concat!(
        "select $1::timestamptz, r.* from unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::smallint[], $7::text[]",
        metric_columns!(arrays),
        ") r"
    ));
    let query = sqlx::query(SQL)
        .bind(At(now))
        .bind(readings.keys().map(|(node, _)| *node).collect::<Vec<_>>())
        .bind(readings.keys().map(|(_, at)| At(*at)).collect::<Vec<_>>())
        .bind(readings.values().map(|merged| merged.device_time.map(At)).collect::<Vec<_>>())
        .bind(readings.values().map(|merged| merged.time_source.as_str()).collect::<Vec<_>>())
        .bind(readings.values().map(|merged| merged.trust as i16).collect::<Vec<_>>())
        .bind(readings.values().map(|merged| merged.source.as_str()).collect::<Vec<_>>());
    let column = |metric| {
        let mut values: Vec<Option<f64>> = readings.values().map(|merged| merged.metrics.get(metric)).collect();
        values.truncate(values.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
        values
    };
    let query = METRICS.iter().fold(query, |query, spec| query.bind(column(spec.metric)));
    query.execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::Metric;

    fn part(trust: Trust, metric: Metric, value: f64) -> Merged {
        let mut metrics = Metrics::NONE;
        metrics.set(metric, value).unwrap();
        Merged { metrics, trust, device_time: None, time_source: TimeSource::Bridge, source: Source::Bridge }
    }

    #[test]
    fn parts_of_equal_trust_merge_and_a_more_trusted_one_stands_alone() {
        let mut merged = part(Trust::Claimed, Metric::Temperature, 20.0);
        merged.take_in(&part(Trust::Claimed, Metric::Humidity, 50.0));
        assert_eq!(merged.metrics.len(), 2);
        merged.take_in(&part(Trust::Hmac, Metric::Temperature, 21.0));
        assert_eq!((merged.trust, merged.metrics.len()), (Trust::Hmac, 1));
        merged.take_in(&part(Trust::Claimed, Metric::Temperature, 60.0));
        assert_eq!(merged.metrics.get(Metric::Temperature), Some(21.0));
    }
}
