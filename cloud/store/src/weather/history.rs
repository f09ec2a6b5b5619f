//! What a node measured over time: raw readings, and their summaries by hour and day.

use crate::{
    Result, Store,
    db::on_reader,
    types::{At, unsigned},
    weather::{
        MAX_PAGE,
        columns::{self, metric_columns},
        raw::Hours,
        stats,
        views::{Bucket, Kept, ReadingRow, RollupRow},
    },
};
use kosmo_domain::{DAY, Metrics, NodeId, Rollup, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The most changed hours that are computed on the spot; more of them are changed only by an import, which a job is at.
const MAX_CHANGED: i64 = 400;
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

    /// Counts the readings of a node from `from` up to but not including `to`, as far as `at_most`, and tells from when on
    /// readings are kept at all. `None` if there is no such node.
    ///
    /// # Errors
    /// As the database does.
    pub async fn count_readings(&self, node: NodeId, from: Timestamp, to: Timestamp, at_most: u32) -> Result<Option<Kept>> {
        const SQL: &str = "select count(*) from (select 1 from readings where node = $1 and at >= $2 and at < $3 limit $4) r";
        let Some(id) = self.internal_id(node).await? else { return Ok(None) };
        let readings: i64 =
            on_reader!(self, |db| { sqlx::query_scalar(SQL).bind(id).bind(At(from)).bind(At(to)).bind(i64::from(at_most)).fetch_one(db) })?;
        Ok(Some(Kept { readings: unsigned(readings, "a count of readings")?, kept_from: self.watermark().await?.earliest_hour() }))
    }

    /// Returns the summaries of the buckets of a node that start from `from` up to but not including `to`, ascending; those
    /// after `after`, if a page ended there. A bucket without readings is left out. `None` if there is no such node.
    ///
    /// What changed since it was summarised, as the hour that is going on, is computed from the readings on the spot.
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
        let Some(node) = self.internal_id(node).await? else { return Ok(None) };
        let limit = limit.min(MAX_PAGE);
        let page = Page { node, from: start(from, after), to, limit };
        // The marks are read before the summaries: whoever takes a mark away has written the summary.
        let changed = self.changed_hours(&page, bucket).await?;
        let mut buckets = self.stored(bucket, &page).await?;
        let end = if buckets.len() == limit as usize { buckets.keys().next_back().copied() } else { None };
        let on_page = |at: Timestamp| at >= page.from && at < page.to && end.is_none_or(|end| at <= end);
        match bucket {
            Bucket::Hour => buckets.extend(changed.into_iter().filter(|(hour, _)| on_page(*hour))),
            Bucket::Day => {
                for day in changed.keys().map(|hour| hour.floor_to(DAY)).filter(|day| on_page(*day)).collect::<BTreeSet<_>>() {
                    let hours = Page { from: day, to: day.plus(DAY), limit: MAX_PAGE, ..page };
                    let mut hours = self.stored(Bucket::Hour, &hours).await?;
                    hours.extend(changed.range(day..day.plus(DAY)).map(|(hour, rollup)| (*hour, rollup.clone())));
                    buckets.insert(day, Rollup::of_hours(hours.values()));
                }
            }
        }
        let rows = buckets.into_iter().filter(|(_, rollup)| !rollup.is_empty()).map(|(at, rollup)| RollupRow { at, rollup });
        Ok(Some(rows.take(limit as usize).collect()))
    }

    /// Returns the summaries that are stored, by the start of their bucket.
    async fn stored(&self, bucket: Bucket, page: &Page) -> Result<BTreeMap<Timestamp, Rollup>> {
        const HOURS: &str = "select at, readings, stats from rollups_1h where node = $1 and at >= $2 and at < $3 order by at limit $4";
        const DAYS: &str = "select at, readings, stats from rollups_1d where node = $1 and at >= $2 and at < $3 order by at limit $4";
        let sql = match bucket {
            Bucket::Hour => HOURS,
            Bucket::Day => DAYS,
        };
        let rows: Vec<(At, i64, String)> = on_reader!(self, |db| {
            sqlx::query_as(sql).bind(page.node).bind(At(page.from)).bind(At(page.to)).bind(i64::from(page.limit)).fetch_all(db)
        })?;
        rows.into_iter().map(|(at, readings, json)| Ok((at.0, stats::from_column(readings, &json)?))).collect()
    }

    /// Computes the hours of a page that changed since they were summarised, the latest of them if they are many.
    async fn changed_hours(&self, page: &Page, bucket: Bucket) -> Result<BTreeMap<Timestamp, Rollup>> {
        const SQL: &str = "select hour from dirty_hours where node = $1 and hour >= $2 and hour < $3 order by hour desc limit $4";
        let to = match bucket {
            Bucket::Hour => page.to,
            // A day that starts before the end is wanted to its own end.
            Bucket::Day => page.to.plus(DAY),
        };
        let hours: Vec<At> = on_reader!(self, |db| sqlx::query_scalar(SQL)
            .bind(page.node)
            .bind(At(page.from))
            .bind(At(to))
            .bind(MAX_CHANGED)
            .fetch_all(db))?;
        if hours.is_empty() {
            return Ok(BTreeMap::new());
        }
        let earliest = self.watermark().await?.earliest_hour();
        let hours = Hours::of(hours.into_iter().rev().map(|hour| hour.0).filter(|hour| *hour >= earliest));
        Ok(self.summarise_hours(page.node, &hours).await?.into_iter().collect())
    }
}

/// A part of the history of a node.
#[derive(Debug, Clone, Copy)]
struct Page {
    node: i64,
    from: Timestamp,
    to: Timestamp,
    limit: u32,
}

/// Returns where a page starts.
fn start(from: Timestamp, after: Option<Timestamp>) -> Timestamp {
    after.map_or(from, |after| from.max(after.plus(Duration::from_micros(1))))
}
