//! What surrounds every handler: an id for each request, metrics, headers that browsers heed, panics caught, time bounded.

use crate::{
    Code, Problem,
    extract::BODY_LIMIT,
    telemetry::{DURATION, REQUESTS},
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{NotForContentType, Predicate, SizeAbove},
    },
    cors::{Any as AnyOrigin, CorsLayer},
};

/// How long a handler may take until its answer begins.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The header that carries a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id under which the log knows a request; a proxy's is taken over, so that one id leads through both logs.
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Returns the id as text of at most 64 letters, digits, `-`, `_` and `.`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn given(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(REQUEST_ID)?.to_str().ok()?;
        let well_formed =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        well_formed.then(|| Self(text.into()))
    }
}

/// Numbers the requests of one process. The prefix is drawn at start, so that ids of different runs differ.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds {
    prefix: u32,
    next: Arc<AtomicU64>,
}

impl RequestIds {
    pub(crate) fn new(prefix: u32) -> Self {
        Self { prefix, next: Arc::new(AtomicU64::new(1)) }
    }

    fn draw(&self) -> RequestId {
        RequestId(format!("{:08x}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed)).into())
    }
}

/// Lets pages of any origin read what is public anyway; no credentials travel with such requests.
fn public_reads() -> CorsLayer {
    CorsLayer::new().allow_origin(AnyOrigin).allow_methods([Method::GET, Method::HEAD]).expose_headers([
        header::ETAG,
        header::RETRY_AFTER,
        REQUEST_ID,
    ])
}

/// From how many bytes on an answer is packed: below, it fits into one packet of the network anyway.
const WORTH_PACKING: u64 = 1024;

/// Packs answers for those who take them packed: lists of nodes and readings repeat their names and shrink to a tenth. It is
/// for what is public alone, because the length of a packed answer tells something of what is in it. Not for events, which
/// would wait for more to come, nor for refusals, which are written anew further out. Gzip, for a browser takes nothing else
/// where there is no TLS.
fn packed() -> CompressionLayer<impl Predicate> {
    let is_answered = |status: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| status.is_success();
    CompressionLayer::new().compress_when(SizeAbove::new(WORTH_PACKING).and(NotForContentType::SSE).and(is_answered))
}

/// Surrounds the routes of one service with all that every service has.
pub(crate) fn surround(router: Router, service: &'static str, is_public: bool, ids: RequestIds) -> Router {
    let router = router.method_not_allowed_fallback(method_not_allowed);
    let router = if is_public { router.layer(packed()).layer(public_reads()) } else { router };
    router
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(bound_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state((service, ids), observe))
}

/// The boundary: everything that leaves passes here, and causes go no further.
async fn observe(State((service, ids)): State<(&'static str, RequestIds)>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = RequestId::given(request.headers()).unwrap_or_else(|| ids.draw());
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let method = known_method(request.method());
    request.extensions_mut().insert(id.clone());
    let too_large = is_too_large(request.headers());

    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.log(id.as_str());
        response = with_headers_of(problem.render(Some(id.as_str())), response.headers());
    }
    let status = response.status().as_u16();
    metrics::counter!(REQUESTS, "service" => service, "route" => route.clone(), "method" => method, "status" => status.to_string())
        .increment(1);
    metrics::histogram!(DURATION, "service" => service, "route" => route.clone()).record(began.elapsed());
    tracing::debug!(request.id = id.as_str(), service, route, method, status, "request answered");

    let headers = response.headers_mut();
    if too_large {
        // The body is not read to its end, so no other request can follow on this connection; a client must know.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Tells whether a request announces a body that nobody here will read.
fn is_too_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    length.is_some_and(|length| length > BODY_LIMIT)
}

/// Keeps what inner layers have said in headers (which methods are allowed, who may read) when a problem is written anew.
fn with_headers_of(mut response: Response, inner: &HeaderMap) -> Response {
    let written = response.headers().clone();
    for (name, value) in inner {
        if name != header::CONTENT_LENGTH && !written.contains_key(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

/// Returns the method if it is one that is counted apart, for a client can invent any number of them.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

async fn bound_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::Timeout, format!("there was no answer within {} s", TIME_LIMIT.as_secs())).into_response(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let message = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    Problem::internal(format!("a handler panicked: {}", message.unwrap_or("without a message"))).into_response()
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("{} is none of the methods in the `Allow` header", known_method(&method)))
}
