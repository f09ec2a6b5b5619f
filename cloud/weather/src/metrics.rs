//! `GET /api/v1/weather/metrics`: what the values of readings are.

use crate::views::List;
use axum::{http::HeaderMap, response::Response};
use kosmo_domain::{Aggregate, METRICS, MetricSpec};
use kosmo_http::cacheable;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// How long an answer may be kept: the table changes with the version of the program.
const MAX_AGE: Duration = Duration::from_hours(1);

/// What can be measured, and how to show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Metric, example = json!({
    "name": "temperature_c", "unit": "°C", "decimals": 1, "min": -80.0, "max": 85.0, "aggregate": "mean"
}))]
pub(crate) struct MetricView {
    /// The field of readings.
    name: &'static str,
    /// The unit as people write it; empty for indexes and flags.
    unit: &'static str,
    /// How many decimals to show a person.
    decimals: u8,
    /// The least plausible value; anything less is refused.
    min: f64,
    /// The greatest plausible value; anything more is refused.
    max: f64,
    /// What an hour or a day says of its values: `mean`, `max`, `min`, `vector` (mean direction), `increment` (their sum),
    /// `counter` (growth of a total), `rolling` (the latest value of a window the device keeps; never a sum).
    aggregate: &'static str,
}

/// The table of metrics
///
/// What the values of readings are, in which units, and what hours and days make of them.
#[utoipa::path(
    get,
    operation_id = "weather_metrics",
    path = "/api/v1/weather/metrics",
    tag = "weather",
    responses((status = 200, description = "Every metric", body = List<MetricView>)),
)]
pub(crate) async fn handler(headers: HeaderMap) -> Response {
    cacheable(&headers, &List { data: METRICS.iter().map(MetricView::from).collect() }, MAX_AGE)
}

impl From<&MetricSpec> for MetricView {
    fn from(spec: &MetricSpec) -> Self {
        let &MetricSpec { name, unit, decimals, min, max, aggregate, .. } = spec;
        let aggregate = match aggregate {
            Aggregate::Mean => "mean",
            Aggregate::Max => "max",
            Aggregate::Min => "min",
            Aggregate::Vector => "vector",
            Aggregate::Increment => "increment",
            Aggregate::Counter => "counter",
            Aggregate::Rolling => "rolling",
        };
        Self { name, unit, decimals, min, max, aggregate }
    }
}
