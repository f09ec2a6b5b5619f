//! `GET /api/v1/weather/frames`: what every station measured in each of the past hours.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::params::time;
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::{DAY, HOUR, Metric, NodeId, Timestamp};
use kosmo_http::{Problem, ProblemBody, Query, cacheable, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    weather::{FrameRow, Hours},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be kept: summaries follow their readings after half a minute.
const MAX_AGE: Duration = Duration::from_secs(30);
/// How many days one request may span: a week, and the hours that have begun at either end.
const LONGEST_SPAN_DAYS: u32 = 8;
/// How many metrics one request may name.
const MOST_METRICS: usize = 6;
/// How many stations a page has if the client does not say.
const PAGE: u32 = 100;
/// How many stations a page has at most.
const LONGEST_PAGE: u32 = 250;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The metrics, at most 6, with commas between them.
    #[param(example = "temperature_c,wind_speed_ms,wind_direction_deg")]
    metrics: String,
    /// From when on: from the beginning of the hour that this lies in.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2026-06-01T00:00:00Z")]
    start: Timestamp,
    /// Until when; an hour that has begun by then belongs to it. At most 8 days after `start`.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2026-06-08T00:00:00Z")]
    end: Timestamp,
    /// How many stations a page has: 100 if left out, at most 250.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 250)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of stations, and what they measured hour by hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "start": "2026-06-01T00:00:00Z",
    "hours": 3,
    "data": [{ "node_id": "!a1b2c3d4", "values": { "temperature_c": [11.5, null, 12.1], "wind_direction_deg": [350.0, 355.0, 2.0] } }],
    "next": null
}))]
pub(crate) struct Frames {
    /// When the first hour begins.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// How many hours there are: as many as each list of values has.
    hours: u32,
    /// The stations that measured anything of it.
    data: Vec<FrameView>,
    /// The cursor of the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// What a station measured hour by hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StationFrames)]
struct FrameView {
    /// The station.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// By metric, what its `aggregate` in `/api/v1/weather/metrics` says of each hour (the mean, the greatest, the mean
    /// direction), to as many decimals as people are shown; null where nothing was measured.
    values: BTreeMap<&'static str, Vec<Option<f64>>>,
}

/// Past hours of all stations
///
/// What every station measured in each hour of a span of time, for a map whose time is moved, in pages. Hours are summarised
/// half a minute after their readings came, so the present one is a little behind.
#[utoipa::path(
    get,
    operation_id = "weather_frames",
    path = "/api/v1/weather/frames",
    tag = "map",
    params(Params),
    responses(
        (status = 200, description = "A page of stations", body = Frames),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let metrics = metrics(&params.metrics)?;
    let hours = hours(params.start, params.end)?;
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let after: Option<i64> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let mut rows = store.frames(&metrics, hours, after, size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.place));
    let data = rows.iter().filter_map(|row| FrameView::of(row, &metrics)).collect();
    Ok(cacheable(&headers, &Frames { start: hours.from, hours: hours.count, data, next }, MAX_AGE))
}

fn metrics(names: &str) -> Result<Vec<Metric>, Problem> {
    let mut metrics = Vec::new();
    for name in names.split(',') {
        let unknown = || Problem::invalid("metrics", "each of `metrics` is one that `/api/v1/weather/metrics` lists, with commas between");
        let metric = name.parse().map_err(|_| unknown())?;
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
        if metrics.len() > MOST_METRICS {
            let detail = format!("one request names at most {MOST_METRICS} metrics");
            return Err(Problem::invalid("metrics", detail).with_limit(MOST_METRICS as u64));
        }
    }
    Ok(metrics)
}

fn hours(start: Timestamp, end: Timestamp) -> Result<Hours, Problem> {
    if start >= end {
        return Err(Problem::invalid("start", "`start` comes before `end`"));
    }
    if end.since(start) > DAY * LONGEST_SPAN_DAYS {
        let detail = format!("one request spans at most {LONGEST_SPAN_DAYS} days; ask for parts");
        return Err(Problem::invalid("end", detail).with_limit(LONGEST_SPAN_DAYS.into()));
    }
    let from = start.floor_to(HOUR);
    let count = u32::try_from(end.since(from).as_micros().div_ceil(HOUR.as_micros())).unwrap_or(0);
    Ok(Hours { from, count })
}

impl FrameView {
    fn of(row: &FrameRow, metrics: &[Metric]) -> Option<Self> {
        let measured = metrics.iter().zip(&row.series).filter(|(_, series)| series.iter().any(Option::is_some));
        let values: BTreeMap<_, _> = measured
            .map(|(metric, series)| {
                let scale = 10_f64.powi(i32::from(metric.spec().decimals));
                let shown = |value: f64| (value * scale).round() / scale + 0.0;
                (metric.name(), series.iter().map(|value| value.map(shown)).collect())
            })
            .collect();
        (!values.is_empty()).then_some(Self { node_id: row.node, values })
    }
}
