//! The summaries of a span at any step: days and hours as they are stored, longer buckets from hours, shorter ones from
//! readings.

use crate::step::Step;
use kosmo_domain::{DAY, HOUR, Metrics, NodeId, Rollup, Timestamp};
use kosmo_http::Problem;
use kosmo_store::{
    Store,
    weather::{Bucket, MAX_PAGE, RollupRow},
};
use std::time::Duration;

/// A bucket that is not empty: when it begins, and what it says.
pub(crate) type Summary = (Timestamp, Rollup);

/// Returns the summaries of the buckets that begin from `from`, which begins one, up to but not including `to`. A bucket
/// without readings is left out.
pub(crate) async fn summaries(store: &Store, node: NodeId, step: Step, from: Timestamp, to: Timestamp) -> Result<Vec<Summary>, Problem> {
    match step.width() {
        None => Ok(Vec::new()),
        Some(DAY) => stored(store, node, Bucket::Day, from, to).await,
        Some(HOUR) => stored(store, node, Bucket::Hour, from, to).await,
        Some(width) if width > HOUR => {
            let hours = stored(store, node, Bucket::Hour, from, end_of_last(from, to, width)).await?;
            let buckets = hours.chunk_by(|(a, _), (b, _)| a.floor_to(width) == b.floor_to(width));
            Ok(buckets.map(|hours| (hours[0].0.floor_to(width), Rollup::of_hours(hours.iter().map(|(_, hour)| hour)))).collect())
        }
        Some(width) => {
            let readings = readings(store, node, from.minus(HOUR), end_of_last(from, to, width)).await?;
            Ok(of_readings(&readings, from, width))
        }
    }
}

/// Returns when the last bucket ends that begins before `to`.
fn end_of_last(from: Timestamp, to: Timestamp, width: Duration) -> Timestamp {
    let last = to.minus(Duration::from_micros(1)).floor_to(width);
    last.plus(width).max(from)
}

/// Summarises readings, which go back to an hour before `from`.
fn of_readings(readings: &[(Timestamp, Metrics)], from: Timestamp, width: Duration) -> Vec<Summary> {
    let within = &readings[readings.partition_point(|(at, _)| *at < from)..];
    let buckets = within.chunk_by(|(a, _), (b, _)| a.floor_to(width) == b.floor_to(width));
    let summary = |bucket: &[(Timestamp, Metrics)]| {
        let start = bucket[0].0.floor_to(width);
        let first = readings.partition_point(|(at, _)| *at < start.minus(HOUR));
        let end = readings.partition_point(|(at, _)| *at < start.plus(width));
        (start, Rollup::of_bucket(start, width, &readings[first..end]))
    };
    buckets.map(summary).collect()
}

async fn readings(store: &Store, node: NodeId, from: Timestamp, to: Timestamp) -> Result<Vec<(Timestamp, Metrics)>, Problem> {
    let mut all: Vec<(Timestamp, Metrics)> = Vec::new();
    loop {
        let after = all.last().map(|(at, _)| *at);
        let page = store.readings(node, from, to, after, MAX_PAGE).await?.unwrap_or_default();
        let is_last = page.len() < MAX_PAGE as usize;
        all.extend(page.into_iter().map(|row| (row.at, row.metrics)));
        if is_last {
            return Ok(all);
        }
    }
}

async fn stored(store: &Store, node: NodeId, bucket: Bucket, from: Timestamp, to: Timestamp) -> Result<Vec<Summary>, Problem> {
    let mut all: Vec<Summary> = Vec::new();
    loop {
        let after = all.last().map(|(at, _)| *at);
        let page = store.rollups(node, bucket, from, to, after, MAX_PAGE).await?.unwrap_or_default();
        let is_last = page.len() < MAX_PAGE as usize;
        all.extend(page.into_iter().map(|RollupRow { at, rollup }| (at, rollup)));
        if is_last {
            return Ok(all);
        }
    }
}
