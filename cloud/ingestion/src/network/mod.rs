//! How the network fares, over HTTP: the bridges, what was refused, how much comes in, who is silent, and which services run.
//!
//! Everything here is public: no logins, no addresses, no payloads, no texts and no places. What a bridge says is shown only
//! as far as it is one of our words or a short text without hidden characters. It needs nothing but the store.

mod bridges;
mod hidden;
mod judge;
mod packets;
mod ports;
mod rates;
mod rejects;
mod services;
mod silent;
mod summary;
mod uplinks;

pub use crate::network::judge::{BELIEVED, Judged, State, judge};

use axum::extract::FromRef;
use kosmo_domain::Clock;
use kosmo_http::{Check, OpenApiRouter, Service};
use kosmo_store::Store;
use std::sync::Arc;
use utoipa_axum::routes;

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl FromRef<Shared> for Store {
    fn from_ref(shared: &Shared) -> Self {
        shared.store.clone()
    }
}

impl FromRef<Shared> for Arc<dyn Clock> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.clock)
    }
}

/// Returns the service.
pub fn service(store: Store, clock: Arc<dyn Clock>) -> Service {
    let routes = OpenApiRouter::new()
        .routes(routes!(bridges::handler))
        .routes(routes!(rejects::handler))
        .routes(routes!(summary::handler))
        .routes(routes!(rates::handler))
        .routes(routes!(silent::handler))
        .routes(routes!(services::handler))
        .routes(routes!(hidden::handler))
        .routes(routes!(packets::handler))
        .routes(routes!(uplinks::handler))
        .routes(routes!(packets::one))
        .with_state(Shared { store: store.clone(), clock });
    Service::new("network", routes).public().depends_on(Check::database(store))
}
