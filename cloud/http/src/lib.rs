//! What every service needs of HTTP, so that all of them answer alike: refusals as RFC 9457 problems, parameters
//! checked at the edge, pages by cursor, limits on everything a client can send, health and metrics, and a server
//! that ends without cutting off the answers it has begun.

mod app;
mod cache;
mod code;
mod extract;
mod layers;
mod linger;
mod page;
mod presence;
mod problem;
mod serve;
mod telemetry;

pub use crate::{
    app::{App, Check, Service},
    cache::cacheable,
    code::Code,
    extract::{Json, Path, Query},
    layers::RequestId,
    page::{Page, cursor, page_size, read_cursor},
    presence::Presence,
    problem::{Problem, ProblemBody},
    serve::{ServeLimits, serve, serve_with},
    telemetry::recorder,
};

/// The router type, for the binary that composes services.
pub use axum::Router;
/// What keeps the metrics, and what renders them.
pub use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder as Recorder};
/// The OpenAPI document type of a [`Service`], and what titles it.
pub use utoipa::openapi::{Info, OpenApi};
/// The type of a service's routes, which gathers their descriptions.
pub use utoipa_axum::router::OpenApiRouter;

/// What the web app needs to answer requests for its files.
pub mod web {
    pub use axum::{
        body::{Body, Bytes, to_bytes},
        extract::Request,
        http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
        response::{IntoResponse, Response},
    };
}
