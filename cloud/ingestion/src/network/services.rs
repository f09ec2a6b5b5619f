//! `GET /api/v1/network/services`: which services run, and whether they are well.

use axum::extract::State;
use kosmo_domain::{Clock, Timestamp};
use kosmo_http::{Json, Problem};
use kosmo_store::{
    Store,
    network::{NotReady, ServiceRun},
};
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;

/// How long what a service says of itself is believed: it says so every 30 seconds.
const BELIEVED: Duration = Duration::from_secs(100);

/// The services that run, or have vanished within the last day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceList)]
pub(super) struct ServiceList {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The services, by name.
    data: Vec<ServiceView>,
}

/// A service in some process.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceRun)]
struct ServiceView {
    /// Its name.
    service: String,
    /// The version of the program.
    version: String,
    /// How it is: `ready`, `not_ready`, or `gone` (it says nothing any more, and did not say farewell).
    #[schema(value_type = String)]
    state: &'static str,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it last said that it is there.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
    /// What it depends on that was not ready then.
    not_ready: Vec<NotReadyView>,
}

/// Something a service depends on that is not ready.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceNotReady)]
struct NotReadyView {
    /// What is not ready.
    name: String,
    /// In which way.
    reason: String,
}

/// The services
///
/// Which services run in which processes, as each says of itself twice a minute, and which have vanished within the last day.
#[utoipa::path(
    get,
    operation_id = "network_services",
    path = "/api/v1/network/services",
    tag = "network",
    responses((status = 200, description = "The services", body = ServiceList)),
)]
pub(super) async fn handler(State(store): State<Store>, State(clock): State<Arc<dyn Clock>>) -> Result<Json<ServiceList>, Problem> {
    let now = clock.now();
    let data = store.services().await?.into_iter().map(|run| ServiceView::new(run, now)).collect();
    Ok(Json(ServiceList { at: now, data }))
}

impl ServiceView {
    fn new(run: ServiceRun, now: Timestamp) -> Self {
        let state = match (now.since(run.seen_at) > BELIEVED, run.not_ready.is_empty()) {
            (true, _) => "gone",
            (false, false) => "not_ready",
            (false, true) => "ready",
        };
        let not_ready = run.not_ready.into_iter().map(|NotReady { name, reason }| NotReadyView { name, reason }).collect();
        Self { service: run.service, version: run.version, state, started_at: run.started_at, seen_at: run.seen_at, not_ready }
    }
}
