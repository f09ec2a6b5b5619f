//! `GET /api/v1/network/rates`: how much came in, by minute or by hour.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use axum::extract::State;
use kosmo_domain::{Clock, DAY, Timestamp};
use kosmo_http::{Json, Problem, ProblemBody, Query};
use kosmo_store::{
    Store,
    network::{Kind, Width},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// `1m` for the minutes of the last day, which is meant if it is left out; `1h` for the hours of the last week.
    #[param(value_type = Option<String>, pattern = "^1[mh]$")]
    interval: Option<String>,
}

/// How much came in. Each list has one number for each step from `start` on; the last step is still going on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NetworkRates)]
pub(super) struct Rates {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// When the first step begins: a day or a week ago, or when counting began. Of the time before nothing is known.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// How many seconds a step has.
    step_s: u64,
    /// Packets of the mesh that brought something new.
    packets: Vec<u64>,
    /// Readings that were stored.
    readings: Vec<u64>,
    /// Texts from the mesh for members and operators.
    texts_heard: Vec<u64>,
    /// Texts of members that were given to a radio.
    texts_sent: Vec<u64>,
    /// What was refused, in whole or in part.
    rejects: Vec<u64>,
}

/// How much comes in
///
/// Packets, readings, texts and rejects in each minute of the last day, or each hour of the last week. They are counted when
/// they are stored, by whichever process stores them.
#[utoipa::path(
    get,
    operation_id = "network_rates",
    path = "/api/v1/network/rates",
    tag = "network",
    params(Params),
    responses(
        (status = 200, description = "The counts", body = Rates),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn handler(
    State(store): State<Store>,
    State(clock): State<Arc<dyn Clock>>,
    Query(params): Query<Params>,
) -> Result<Json<Rates>, Problem> {
    let (width, span) = match params.interval.as_deref() {
        None | Some("1m") => (Width::Minute, DAY),
        Some("1h") => (Width::Hour, DAY * 7),
        Some(_) => return Err(Problem::invalid("interval", "an interval is `1m` or `1h`")),
    };
    let now = clock.now();
    let (step, present) = (width.span(), now.floor_to(width.span()));
    let earliest = present.minus(span).plus(step);
    let traffic = store.traffic(width, earliest).await?;
    let start = traffic.known_since.map_or(present, |since| since.clamp(earliest, present));
    let place = |at: Timestamp| usize::try_from(at.since(start).as_secs() / step.as_secs()).unwrap_or(usize::MAX);
    let steps = place(present) + 1;
    let list = |kind: Kind| {
        let mut numbers = vec![0; steps];
        for row in traffic.rows.iter().filter(|row| row.kind == kind) {
            // What another process counted by a clock that runs ahead belongs to the present.
            numbers[place(row.at).min(steps - 1)] += row.number;
        }
        numbers
    };
    Ok(Json(Rates {
        at: now,
        start,
        step_s: step.as_secs(),
        packets: list(Kind::Packet),
        readings: list(Kind::Reading),
        texts_heard: list(Kind::TextHeard),
        texts_sent: list(Kind::TextSent),
        rejects: list(Kind::Reject),
    }))
}
