//! What a node measured over time: raw readings, and their summaries by hour and day.

use crate::{
    Error, Result, Store,
    db::on_reader,
    types::At,
    weather::{
        MAX_PAGE,
        columns::{self, metric_columns},
        stats,
        views::{Bucket, ReadingRow, RollupRow},
    },
};
use kosmo_domain::{Metrics, NodeId, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

/// The columns of a reading before its metrics.
const FIXED_COLUMNS: usize = 4;

struct RawRow {
    at: At,
    received_at: At,
    time_source: String,
    trust: i16,
    metrics: Metrics,
}

impl<'r, R> FromRow<'r, R> for RawRow
where
    R: Row,
    usize: ColumnIndex<R>,
    At: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i16: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self {
            at: row.try_get(0)?,
            received_at: row.try_get(1)?,
            time_source: row.try_get(2)?,
            trust: row.try_get(3)?,
            metrics: columns::metrics(row, FIXED_COLUMNS)?,
        })
    }
}

impl From<RawRow> for ReadingRow {
    fn from(row: RawRow) -> Self {
        Self {
            at: row.at.0,
            metrics: row.metrics,
            received_at: row.received_at.0,
            time_source: columns::time_source(&row.time_source),
            trust: columns::trust(row.trust),
        }
    }
}

impl Store {
    /// Returns the readings of a node from `from` up to but not including `to`, ascending; those after `after`, if a page
    /// ended there. `None` if there is no such node.
    ///
    /// # Errors
    /// As the database does.
    pub async fn readings(
        &self,
        node: NodeId,
        from: Timestamp,
        to: Timestamp,
        after: Option<Timestamp>,
        limit: u32,
    ) -> Result<Option<Vec<ReadingRow>>> {
        const SQL: &str = concat!(
            "select at, received_at, time_source, trust",
            metric_columns!(names),
            " from readings where node = $1 and at >= $2 and at < $3 order by at limit $4"
        );
        let Some(id) = self.internal_id(node).await? else { return Ok(None) };
        let rows: Vec<RawRow> = on_reader!(self, |db| {
            sqlx::query_as(SQL).bind(id).bind(At(start(from, after))).bind(At(to)).bind(i64::from(limit.min(MAX_PAGE))).fetch_all(db)
        })?;
        Ok(Some(rows.into_iter().map(ReadingRow::from).collect()))
    }

    /// Returns the summaries of the buckets of a node that start from `from` up to but not including `to`, ascending; those
    /// after `after`, if a page ended there. A bucket without readings is left out. `None` if there is no such node.
    ///
    /// # Errors
    /// As the database does.
    pub async fn rollups(
        &self,
        node: NodeId,
        bucket: Bucket,
        from: Timestamp,
        to: Timestamp,
        after: Option<Timestamp>,
        limit: u32,
    ) -> Result<Option<Vec<RollupRow>>> {
        const HOURS: &str = "select at, readings, stats from rollups_1h where node = $1 and at >= $2 and at < $3 order by at limit $4";
        const DAYS: &str = "select at, readings, stats from rollups_1d where node = $1 and at >= $2 and at < $3 order by at limit $4";
        let Some(id) = self.internal_id(node).await? else { return Ok(None) };
        let sql = match bucket {
            Bucket::Hour => HOURS,
            Bucket::Day => DAYS,
        };
        let rows: Vec<(At, i64, String)> = on_reader!(self, |db| {
            sqlx::query_as(sql).bind(id).bind(At(start(from, after))).bind(At(to)).bind(i64::from(limit.min(MAX_PAGE))).fetch_all(db)
        })?;
        let rollup = |(at, readings, json): (At, i64, String)| Ok(RollupRow { at: at.0, rollup: stats::from_column(readings, &json)? });
        rows.into_iter().map(rollup).collect::<Result<_, Error>>().map(Some)
    }
}

/// Returns where a page starts.
fn start(from: Timestamp, after: Option<Timestamp>) -> Timestamp {
    after.map_or(from, |after| from.max(after.plus(std::time::Duration::from_micros(1))))
}
