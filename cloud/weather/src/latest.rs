//! `GET /api/v1/weather/latest`: what was measured last.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    params::may_be_empty,
    views::{ByMetric, LatestReading, List},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::NodeId;
use kosmo_http::{Problem, ProblemBody, Query, cacheable};
use kosmo_store::{Store, weather::Latest};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;

/// How long an answer may be shown without asking again; readings come every minute at most.
const MAX_AGE: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The node; all nodes that have measured something if it is left out.
    #[serde(default, deserialize_with = "may_be_empty")]
    #[param(value_type = Option<String>, example = "!a1b2c3d4")]
    node_id: Option<NodeId>,
}

/// What was measured last
///
/// The newest value of each metric, by node. Telemetry comes in parts, so values may be of different age: `observed_at`
/// has the times of those that are older than `at`. A node that is not known has measured nothing.
#[utoipa::path(
    get,
    operation_id = "latest_weather",
    path = "/api/v1/weather/latest",
    tag = "weather",
    params(Params),
    responses(
        (status = 200, description = "The newest values", body = List<LatestReading>),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let data: Vec<_> = store.latest(params.node_id).await?.into_iter().map(LatestReading::from).collect();
    Ok(cacheable(&headers, &List { data }, MAX_AGE))
}

impl From<Latest> for LatestReading {
    fn from(latest: Latest) -> Self {
        let older = latest.values.iter().filter(|value| value.at < latest.at).map(|value| (value.metric, value.at)).collect();
        Self {
            node_id: latest.node,
            at: latest.at,
            values: latest.values.iter().map(|value| (value.metric, value.value)).collect(),
            observed_at: ByMetric(older),
        }
    }
}
