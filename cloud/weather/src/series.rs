//! `GET /api/v1/weather/series`: history for charts. Several metrics over one span, as columns, at the step that suits the
//! width of the chart.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    buckets,
    params::{metrics, step_or_auto, time},
    step::Step,
    views::{ByMetric, rounded},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::{DAY, Metric, NodeId, Stats, Timestamp};
use kosmo_http::{Problem, ProblemBody, Query, cacheable};
use kosmo_store::{Store, weather::MAX_PAGE};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be kept; late readings change even the past.
const MAX_AGE: Duration = Duration::from_secs(15);
/// How many points a chart has if the client does not say.
const POINTS: u32 = 500;
/// How many points a chart has at most.
const MOST_POINTS: u32 = 2_000;
/// How many days a chart spans at most.
const MOST_DAYS: u32 = 7_320;
/// How many buckets one answer has at most.
const MOST_BUCKETS: u32 = 10_000;
/// How many single readings are read for one answer at most.
const MOST_READINGS: u32 = 20_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The node.
    #[param(value_type = String, example = "!a1b2c3d4")]
    node_id: NodeId,
    /// From when on; from the beginning of the bucket that this lies in.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2026-06-01T00:00:00Z")]
    start: Timestamp,
    /// Until when, which itself does not belong to it. At most 7320 days after `start`.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2026-06-08T00:00:00Z")]
    end: Timestamp,
    /// How finely: `auto`, which is the default, or a step. An answer has at most 10000 buckets, or is told from at most 20000
    /// readings.
    #[serde(default, deserialize_with = "step_or_auto")]
    #[param(value_type = Option<String>, pattern = "^(auto|raw|5m|15m|30m|1h|3h|6h|12h|1d)$", example = "auto")]
    interval: Option<Step>,
    /// How many points the chart has room for, from 10 to 2000; `auto` goes by it. 500 if left out.
    #[param(value_type = Option<u32>, minimum = 10, maximum = 2000)]
    points: Option<String>,
    /// Which metrics, by name and with commas between; all that the node ever measured if left out.
    #[serde(default, deserialize_with = "metrics")]
    #[param(value_type = Option<String>, example = "temperature_c,humidity_pct")]
    metrics: Option<Vec<Metric>>,
}

/// History for a chart, as columns: the n-th value of each belongs to the n-th time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Series, example = json!({
    "node_id": "!a1b2c3d4",
    "interval": "1h",
    "interval_s": 3600,
    "at": ["2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z"],
    "metrics": {
        "temperature_c": { "value": [20.5, 21.25], "min": [20.1, 20.9], "max": [20.9, 21.6] },
        "rain_mm": { "value": [null, 0.4] }
    }
}))]
struct Series {
    /// The node that measured.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// The step it is told at: `raw`, `5m`, `15m`, `30m`, `1h`, `3h`, `6h`, `12h` or `1d`.
    interval: &'static str,
    /// The same in seconds; left out for `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_s: Option<u64>,
    /// When each reading was measured, or when each bucket begins, ascending. What has no values at all is left out: where
    /// more than `interval_s` lies between two of them, nothing is known.
    #[schema(value_type = Vec<String>)]
    at: Vec<Timestamp>,
    /// The columns, by metric.
    #[schema(value_type = std::collections::BTreeMap<String, Column>)]
    metrics: ByMetric<Column>,
}

/// The values of one metric.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeriesColumn)]
struct Column {
    /// The value of each reading; or of each bucket what the metric's `aggregate` says: the mean, the greatest, the sum. Null
    /// where there is none.
    value: Vec<Option<f64>>,
    /// The least value of each bucket; only where mean values are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    min: Vec<Option<f64>>,
    /// The greatest value of each bucket; only where mean values are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    max: Vec<Option<f64>>,
}

/// History for a chart
///
/// Several metrics of one node over a span of time, at a step that suits the width of the chart. Where a mean is told, so are
/// the least and the greatest value; a direction is the mean of its vectors; rain is summed. A gap stays a gap.
#[utoipa::path(
    get,
    operation_id = "weather_series",
    path = "/api/v1/weather/series",
    tag = "weather",
    params(Params),
    responses(
        (status = 200, description = "The series", body = Series),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Nothing was ever heard of this node", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let points = check(&params)?;
    let Params { node_id, start, end, .. } = params;
    let step = step(&store, &params, points).await?;
    let metrics = match params.metrics {
        Some(metrics) => metrics,
        None => store.latest(Some(node_id)).await?.iter().flat_map(|latest| latest.values.iter().map(|value| value.metric)).collect(),
    };
    let mut series = Rows::new(metrics);
    match step.width() {
        None => {
            for row in store.readings(node_id, start, end, None, MAX_PAGE).await?.unwrap_or_default() {
                series.add(row.at, |metric| row.metrics.get(metric).map(|value| (Some(value), None, None)));
            }
        }
        Some(width) => {
            for (at, rollup) in buckets::summaries(&store, node_id, step, start.floor_to(width), end).await? {
                series.add(at, |metric| rollup.get(metric).map(|stats: &Stats| (stats.primary(), stats.min(), stats.max())));
            }
        }
    }
    Ok(cacheable(&headers, &series.finish(node_id, step), MAX_AGE))
}

/// Checks what the parameters say together, and returns how many points there are.
fn check(params: &Params) -> Result<u32, Problem> {
    if params.start >= params.end {
        return Err(Problem::invalid("start", "`start` comes before `end`"));
    }
    if params.end.since(params.start) > DAY * MOST_DAYS {
        return Err(Problem::invalid("end", format!("a chart spans at most {MOST_DAYS} days")).with_limit(MOST_DAYS.into()));
    }
    match params.points.as_deref().map(str::parse) {
        None => Ok(POINTS),
        Some(Ok(points)) if (10..=MOST_POINTS).contains(&points) => Ok(points),
        Some(_) => Err(Problem::invalid("points", format!("a chart has 10 to {MOST_POINTS} points")).with_limit(MOST_POINTS.into())),
    }
}

/// Returns the step to tell the series at.
async fn step(store: &Store, params: &Params, points: u32) -> Result<Step, Problem> {
    let &Params { node_id, start, end, .. } = params;
    let unknown = || Problem::not_found("nothing was ever heard of this node");
    let there = store.count_readings(node_id, start, end, MOST_READINGS + 1).await?.ok_or_else(unknown)?;
    let few = there.readings <= u64::from(MOST_READINGS);
    let span = end.since(start);
    match params.interval {
        // Readings that have been given up live on in hours and days.
        None => Ok(Step::for_chart(span, points, (few && start >= there.kept_from).then_some(there.readings))),
        // A whole page of single readings is what one answer can show.
        Some(Step::Raw) if there.readings > u64::from(MAX_PAGE) => Err(too_fine(MAX_PAGE, "readings")),
        Some(step) if step.is_from_readings() && !few => Err(too_fine(MOST_READINGS, "readings")),
        Some(step) if step.width().is_some_and(|width| span > width * MOST_BUCKETS) => Err(too_fine(MOST_BUCKETS, "buckets")),
        Some(step) => Ok(step),
    }
}

fn too_fine(limit: u32, of_what: &str) -> Problem {
    let detail = format!("one answer is made of at most {limit} {of_what}; ask for a shorter span, or for a longer interval");
    Problem::invalid("interval", detail).with_limit(limit.into())
}

/// The series as it is put together, row by row.
struct Rows {
    at: Vec<Timestamp>,
    columns: Vec<(Metric, Column)>,
}

impl Rows {
    fn new(metrics: Vec<Metric>) -> Self {
        let empty = || Column { value: Vec::new(), min: Vec::new(), max: Vec::new() };
        Self { at: Vec::new(), columns: metrics.into_iter().map(|metric| (metric, empty())).collect() }
    }

    /// Adds a row of what `values` says of each metric: value, least, greatest. A row without any is left out.
    fn add(&mut self, at: Timestamp, values: impl Fn(Metric) -> Option<(Option<f64>, Option<f64>, Option<f64>)>) {
        let row: Vec<_> = self.columns.iter().map(|(metric, _)| values(*metric)).collect();
        if row.iter().all(Option::is_none) {
            return;
        }
        self.at.push(at);
        for ((metric, column), values) in self.columns.iter_mut().zip(row) {
            let (value, min, max) = values.unwrap_or_default();
            let tell = |value: Option<f64>| value.map(|value| rounded(*metric, value));
            column.value.push(tell(value));
            column.min.push(tell(min));
            column.max.push(tell(max));
        }
    }

    fn finish(mut self, node_id: NodeId, step: Step) -> Series {
        for (_, column) in &mut self.columns {
            // Least and greatest are told together, or the metric has no use for them.
            if column.min.iter().all(Option::is_none) || column.max.iter().all(Option::is_none) {
                column.min.clear();
                column.max.clear();
            }
        }
        let interval_s = step.width().map(|width| width.as_secs());
        Series { node_id, interval: step.as_str(), interval_s, at: self.at, metrics: ByMetric(self.columns) }
    }
}
