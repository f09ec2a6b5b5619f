//! `GET /api/v1/weather/latest`: what was measured last.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    params::may_be_empty,
    views::{ByMetric, LatestReading},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::NodeId;
use kosmo_http::{Problem, ProblemBody, Query, cacheable, cursor, page_size, read_cursor};
use kosmo_store::{Store, weather::Latest};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be shown without asking again; readings come every minute at most.
const MAX_AGE: Duration = Duration::from_secs(5);
/// How many nodes one answer has at most, and if the client does not say. Whoever can send on the mesh can invent nodes, and
/// an answer must not grow with them; a mesh of this many is beyond what LoRa carries.
const LONGEST_PAGE: u32 = 5_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The node; all nodes that have measured something if it is left out.
    #[serde(default, deserialize_with = "may_be_empty")]
    #[param(value_type = Option<String>, example = "!a1b2c3d4")]
    node_id: Option<NodeId>,
    /// How many nodes an answer has: 5000 if left out, which is the most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 5000)]
    limit: Option<String>,
    /// `next` of the answer before.
    cursor: Option<String>,
}

/// What nodes measured last.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatestReadings {
    /// The rows, by node id.
    data: Vec<LatestReading>,
    /// The cursor of the answer that goes on; left out where everything has been said.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What was measured last
///
/// The newest value of each metric, by node. Telemetry comes in parts, so values may be of different age: `observed_at`
/// has the times of those that are older than `at`. A node that is not known has measured nothing. An answer has at most 5000
/// nodes; where there are more, `next` is there, to be given as `cursor`.
#[utoipa::path(
    get,
    operation_id = "latest_weather",
    path = "/api/v1/weather/latest",
    tag = "weather",
    params(Params),
    responses(
        (status = 200, description = "The newest values", body = LatestReadings),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let size = page_size(params.limit.as_deref(), LONGEST_PAGE, LONGEST_PAGE)?;
    let after: Option<NodeId> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let mut rows = match params.node_id {
        Some(node) => store.latest(Some(node)).await?,
        None => store.latest_page(after, size + 1).await?,
    };
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.node));
    let data = rows.into_iter().map(LatestReading::from).collect();
    Ok(cacheable(&headers, &LatestReadings { data, next }, MAX_AGE))
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
