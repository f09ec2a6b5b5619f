//! `GET /api/v1/weather/history`: what one node measured over a span of time, raw or summarised.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    params::time,
    views::{ByMetric, Values},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::{DAY, HOUR, NodeId, Timestamp};
use kosmo_http::{Page, Problem, ProblemBody, Query, cacheable, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    weather::{Bucket, ReadingRow, RollupRow},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be kept; late readings change even the past.
const MAX_AGE: Duration = Duration::from_secs(30);
/// How many rows a page has if the client does not say.
const PAGE: u32 = 1_000;
/// How many rows a page has at most.
const LONGEST_PAGE: u32 = 5_000;

/// How finely history is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
enum Interval {
    /// Each reading.
    #[default]
    #[serde(rename = "raw")]
    Raw,
    /// Hours of UTC.
    #[serde(rename = "1h")]
    Hour,
    /// Days of UTC.
    #[serde(rename = "1d")]
    Day,
}

impl Interval {
    /// Returns how many days one request may span.
    const fn longest_span_days(self) -> u32 {
        match self {
            Self::Raw => 31,
            Self::Hour => 400,
            Self::Day => 7_320,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The node.
    #[param(value_type = String, example = "!a1b2c3d4")]
    node_id: NodeId,
    /// From when on; with `1h` and `1d`, from the beginning of the hour or day that this lies in.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2026-06-01T00:00:00Z")]
    start: Timestamp,
    /// Until when, which itself does not belong to it. At most 31 days after `start` with `raw`, 400 with `1h`, 7320 with `1d`.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2026-06-08T00:00:00Z")]
    end: Timestamp,
    /// How finely.
    #[serde(default)]
    #[param(inline)]
    interval: Interval,
    /// How many rows a page has: 1000 if left out, at most 5000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 5000)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Where a page ended, and of which list.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    node: NodeId,
    interval: Interval,
    at: Timestamp,
}

/// One row of history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = HistoryRow)]
pub(crate) enum Row {
    Reading(Reading),
    Summary(Summary),
}

/// A reading as it was measured.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryReading, example = json!({
    "node_id": "!a1b2c3d4",
    "at": "2026-06-01T11:59:57Z",
    "temperature_c": 21.5,
    "humidity_pct": 48.0,
    "time_source": "device",
    "trust": "claimed"
}))]
pub(crate) struct Reading {
    /// The node that measured.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// When it did.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(flatten)]
    values: Values,
    /// Whose clock told `at`: `device`, or, where that is wrong or silent, `radio`, `bridge` or `server`.
    time_source: &'static str,
    /// How far the reading can be trusted to come from this node: `claimed`, `api_key` or `hmac`.
    trust: &'static str,
}

/// What became of the readings of an hour or a day. The value of a metric is what its `aggregate` in
/// `/api/v1/weather/metrics` says: the mean, the greatest, the sum.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistorySummary, example = json!({
    "node_id": "!a1b2c3d4",
    "at": "2026-06-01T11:00:00Z",
    "temperature_c": 21.25,
    "rain_mm": 0.4,
    "min": { "temperature_c": 20.9 },
    "max": { "temperature_c": 21.6 },
    "count": { "temperature_c": 60, "rain_mm": 60 },
    "readings": 60
}))]
pub(crate) struct Summary {
    /// The node that measured.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// When the hour or day begins.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(flatten)]
    values: Values,
    /// The least values, of the metrics for which that says something.
    #[serde(skip_serializing_if = "Values::is_empty")]
    min: Values,
    /// The greatest values, of the metrics for which that says something.
    #[serde(skip_serializing_if = "Values::is_empty")]
    max: Values,
    /// How many values went in, by metric.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    count: ByMetric<u64>,
    /// How many readings there were.
    readings: u64,
}

/// What a node measured over a span of time
///
/// Ascending by time, in pages: as long as `next` is not null, there is more, to be had with `cursor`. Hours and days without
/// readings are left out. Late and corrected readings change hours and days, half a minute after they came.
#[utoipa::path(
    get,
    operation_id = "weather_history",
    path = "/api/v1/weather/history",
    tag = "weather",
    params(Params),
    responses(
        (status = 200, description = "A page of history", body = Page<Row>),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Nothing was ever heard of this node", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let after = check(&params)?;
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let rows = match params.interval {
        Interval::Raw => readings(&store, &params, after, size + 1).await?,
        Interval::Hour => summaries(&store, &params, Bucket::Hour, HOUR, after, size + 1).await?,
        Interval::Day => summaries(&store, &params, Bucket::Day, DAY, after, size + 1).await?,
    };
    let rows = rows.ok_or_else(|| Problem::not_found("nothing was ever heard of this node"))?;
    Ok(cacheable(&headers, &page(&params, rows, size as usize), MAX_AGE))
}

/// Checks what the parameters say together, and returns where the page before ended.
fn check(params: &Params) -> Result<Option<Timestamp>, Problem> {
    let &Params { node_id, start, end, interval, .. } = params;
    if start >= end {
        return Err(Problem::invalid("start", "`start` comes before `end`"));
    }
    let days = interval.longest_span_days();
    if end.since(start) > DAY * days {
        let detail = format!("one request spans at most {days} days at this interval; ask for parts, or for a longer interval");
        return Err(Problem::invalid("end", detail).with_limit(days.into()));
    }
    let Some(text) = &params.cursor else { return Ok(None) };
    let place: Place = read_cursor(text)?;
    if (place.node, place.interval) != (node_id, interval) {
        return Err(Problem::invalid("cursor", "this cursor is of another node or interval"));
    }
    Ok(Some(place.at))
}

async fn readings(store: &Store, params: &Params, after: Option<Timestamp>, limit: u32) -> Result<Option<Vec<(Timestamp, Row)>>, Problem> {
    let rows = store.readings(params.node_id, params.start, params.end, after, limit).await?;
    let reading = |row: ReadingRow| {
        let ReadingRow { at, metrics, time_source, trust, .. } = row;
        let (values, time_source, trust) = (Values::from(&metrics), time_source.as_str(), trust.as_str());
        (at, Row::Reading(Reading { node_id: params.node_id, at, values, time_source, trust }))
    };
    Ok(rows.map(|rows| rows.into_iter().map(reading).collect()))
}

async fn summaries(
    store: &Store,
    params: &Params,
    bucket: Bucket,
    width: Duration,
    after: Option<Timestamp>,
    limit: u32,
) -> Result<Option<Vec<(Timestamp, Row)>>, Problem> {
    let from = params.start.floor_to(width);
    let rows = store.rollups(params.node_id, bucket, from, params.end, after, limit).await?;
    Ok(rows.map(|rows| rows.into_iter().map(|row| (row.at, Row::Summary(Summary::new(params.node_id, &row)))).collect()))
}

impl Summary {
    fn new(node_id: NodeId, row: &RollupRow) -> Self {
        let of = |pick: fn(&kosmo_domain::Stats) -> Option<f64>| -> Values {
            row.rollup.iter().filter_map(|(metric, stats)| Some((metric, pick(stats)?))).collect()
        };
        Self {
            node_id,
            at: row.at,
            values: of(kosmo_domain::Stats::primary),
            min: of(kosmo_domain::Stats::min),
            max: of(kosmo_domain::Stats::max),
            count: ByMetric(row.rollup.iter().map(|(metric, stats)| (metric, stats.count())).collect()),
            readings: row.rollup.readings(),
        }
    }
}

/// One row more than the page has was asked for, to know whether there is a next one.
fn page(params: &Params, mut rows: Vec<(Timestamp, Row)>, size: usize) -> Page<Row> {
    let has_more = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().filter(|_| has_more).map(|(at, _)| *at);
    let next = last.map(|at| cursor(&Place { node: params.node_id, interval: params.interval, at }));
    Page { data: rows.into_iter().map(|(_, row)| row).collect(), next }
}
