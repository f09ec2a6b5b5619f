//! The weather and the nodes, over HTTP: latest values, history raw and summarised, the registry of nodes, what a map of them
//! needs, and the table of metrics. Everything here is public, so positions are rounded.

mod buckets;
mod counts;
mod csv;
mod export;
mod heard;
mod history;
mod latest;
mod map;
mod metrics;
mod node;
mod nodes;
mod params;
mod series;
mod step;
mod views;
mod waypoints;

use kosmo_domain::Clock;
use kosmo_http::{Check, OpenApiRouter, Service};
use kosmo_store::Store;
use std::sync::Arc;
use utoipa_axum::routes;

/// What an answer takes that depends on the time of day.
#[derive(Clone)]
struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
}

/// Returns the service.
pub fn service(store: Store, clock: Arc<dyn Clock>) -> Service {
    let timely = OpenApiRouter::new().routes(routes!(waypoints::handler)).with_state(Shared { store: store.clone(), clock });
    let routes = OpenApiRouter::new()
        .routes(routes!(latest::handler))
        .routes(routes!(history::handler))
        .routes(routes!(series::handler))
        .routes(routes!(export::handler))
        .routes(routes!(metrics::handler))
        .routes(routes!(nodes::handler))
        .routes(routes!(node::handler))
        .routes(routes!(map::nodes::handler))
        .routes(routes!(map::links::handler))
        .routes(routes!(map::traceroutes::handler))
        .routes(routes!(map::frames::handler))
        .with_state(store.clone())
        .merge(timely);
    Service::new("weather", routes).public().depends_on(Check::database(store))
}
