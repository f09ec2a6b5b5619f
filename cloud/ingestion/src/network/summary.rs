//! `GET /api/v1/network/rejects/summary`: how often what was refused, by hour.

use axum::extract::State;
use kosmo_domain::{Clock, DAY, HOUR, Timestamp};
use kosmo_http::{Json, Problem};
use kosmo_store::Store;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// Of how many hours is told, the present one included.
const HOURS: usize = 7 * 24;

/// How often what was refused over the last week.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectSummary)]
pub(super) struct Summary {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// When the first hour of the lists of numbers begins; each following number is an hour later, the last the present hour.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// How many of those that are kept a replay may still get accepted.
    open: u64,
    /// The reasons, the most frequent of the last day first.
    data: Vec<Cause>,
}

/// How often something was refused for one reason, on one kind of topic.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectCause)]
struct Cause {
    /// The stable code of the reason.
    code: String,
    /// What it was to be: `reading`, `node`, `inbound`, `receipt`, `status`, or `other`.
    topic: String,
    /// How often within the last 24 hours, the present one included.
    day: u64,
    /// How often within the 24 hours before those.
    day_before: u64,
    /// How often in each hour from `start` on.
    hours: Vec<u64>,
}

/// How often what was refused
///
/// What could not be taken over the last week, by reason, kind of topic and hour.
#[utoipa::path(
    get,
    operation_id = "network_reject_summary",
    path = "/api/v1/network/rejects/summary",
    tag = "network",
    responses((status = 200, description = "The summary", body = Summary)),
)]
pub(super) async fn handler(State(store): State<Store>, State(clock): State<Arc<dyn Clock>>) -> Result<Json<Summary>, Problem> {
    let now = clock.now();
    let start = now.floor_to(HOUR).minus(DAY * 7).plus(HOUR);
    let mut causes: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    for row in store.reject_hours(start).await? {
        let hours = causes.entry((row.code, row.topic)).or_insert_with(|| vec![0; HOURS]);
        let place = row.at.since(start).as_secs() / HOUR.as_secs();
        if let Some(hour) = usize::try_from(place).ok().and_then(|place| hours.get_mut(place)) {
            *hour += row.number;
        }
    }
    let mut data: Vec<_> = causes
        .into_iter()
        .map(|((code, topic), hours)| {
            let (day, day_before) = (hours[HOURS - 24..].iter().sum(), hours[HOURS - 48..HOURS - 24].iter().sum());
            Cause { code, topic, day, day_before, hours }
        })
        .collect();
    data.sort_by_key(|cause| std::cmp::Reverse((cause.day, cause.hours.iter().sum::<u64>())));
    let open = store.reject_counts().await?.iter().map(|count| u64::try_from(count.open).unwrap_or(0)).sum();
    Ok(Json(Summary { at: now, start, open, data }))
}
