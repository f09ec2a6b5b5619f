//! One application of one or several services: their routes, and beside them health, readiness, metrics, one OpenAPI
//! document, and an answer for every other path.

use crate::{
    Code, Json, Problem,
    layers::{RequestIds, surround},
};
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use std::{pin::Pin, sync::Arc, time::Duration};
use tower::ServiceExt as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// How long a check of readiness may take.
const CHECK_TIME_LIMIT: Duration = Duration::from_secs(2);

type CheckFn = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>> + Send + Sync;

/// What is said besides, if anything is to be said.
type RemarkFn = dyn Fn() -> Option<String> + Send + Sync;

/// Who is asked for one, if anybody.
type Remark = Option<Arc<RemarkFn>>;

/// A question whether something that a service depends on is ready.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    ask: Arc<CheckFn>,
}

impl Check {
    /// Returns a check that asks anew each time. What it answers is public: words like "does not answer", no addresses, no causes.
    pub fn new<F, Answer>(name: &'static str, ask: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<(), &'static str>> + Send + 'static,
    {
        Self { name, ask: Arc::new(move || Box::pin(ask())) }
    }

    /// Returns the check whether the database answers.
    pub fn database(store: kosmo_store::Store) -> Self {
        Self::new("database", move || {
            let store = store.clone();
            async move {
                store.ping().await.map_err(|error| {
                    tracing::warn!(%error, "the database does not answer");
                    if error.is_full() { "has no room left on its disk" } else { "does not answer" }
                })
            }
        })
    }

    pub(crate) async fn is_ready(&self) -> Result<(), (&'static str, &'static str)> {
        let answer = tokio::time::timeout(CHECK_TIME_LIMIT, (self.ask)()).await.unwrap_or(Err("takes too long to answer"));
        answer.map_err(|reason| (self.name, reason))
    }
}

/// The routes of a service, what describes them, and what they depend on.
#[derive(Clone)]
pub struct Service {
    name: &'static str,
    router: Router,
    openapi: OpenApi,
    checks: Vec<Check>,
    is_public: bool,
}

impl Service {
    /// Returns a service of these routes; the name stands in metrics.
    pub fn new(name: &'static str, routes: OpenApiRouter) -> Self {
        let (paths, openapi) = routes.split_for_parts();
        Self { name, router: paths, openapi, checks: Vec::new(), is_public: false }
    }

    /// Lets pages of any origin read this service: for what is public anyway. No credentials travel with such requests.
    #[must_use]
    pub const fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Adds something the service depends on.
    #[must_use]
    pub fn depends_on(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Returns its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what it depends on.
    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Returns the description of the routes.
    pub const fn openapi(&self) -> &OpenApi {
        &self.openapi
    }
}

/// Composes services into one application.
pub struct App {
    name: &'static str,
    ids: RequestIds,
    router: Router,
    openapi: OpenApi,
    checks: Vec<Check>,
    remark: Remark,
    pages: Option<Router>,
}

impl App {
    /// Returns an application without services. `name` stands in metrics for what belongs to no service, `about` gives the
    /// OpenAPI document its title, and `id_prefix` is drawn at random at the start of the program.
    pub fn new(name: &'static str, about: utoipa::openapi::Info, id_prefix: u32) -> Self {
        let openapi = OpenApi::new(about, utoipa::openapi::Paths::new());
        Self { name, ids: RequestIds::new(id_prefix), router: Router::new(), openapi, checks: Vec::new(), remark: None, pages: None }
    }

    /// Adds a service: its routes, its part of the OpenAPI document, and its checks, of which those with the same name count once.
    #[must_use]
    pub fn with(mut self, service: Service) -> Self {
        self.router = self.router.merge(surround(service.router, service.name, service.is_public, self.ids.clone()));
        self.openapi.merge(service.openapi);
        for check in service.checks {
            if self.checks.iter().all(|known| known.name != check.name) {
                self.checks.push(check);
            }
        }
        self
    }

    /// Has `/readyz` say what keeps nobody from working and somebody should know all the same. It is public, in plain words.
    #[must_use]
    pub fn with_remark(mut self, remark: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.remark = Some(Arc::new(remark));
        self
    }

    /// Lets `pages` answer what no service does, except below `/api/`: a path that is no API's is answered with a problem, never a page.
    #[must_use]
    pub fn with_pages(mut self, pages: Router) -> Self {
        self.pages = Some(pages);
        self
    }

    /// Returns the finished application; `metrics` renders what the program's recorder has kept.
    ///
    /// # Panics
    /// If a service describes itself with an example that is no JSON.
    pub fn into_router(self, metrics: PrometheusHandle) -> Router {
        let openapi: Arc<str> = self.openapi.to_json().expect("the examples in an OpenAPI document are JSON").into();
        let checks: Arc<[Check]> = self.checks.into();
        let own = Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(readyz).with_state((checks, self.remark)))
            .route("/metrics", get(prometheus).with_state(metrics))
            .route("/openapi.json", get(openapi_json).with_state(openapi))
            .route("/problems/{code}", get(describe_problem))
            .fallback_service(axum::handler::HandlerWithoutStateExt::into_service(move |uri, request| {
                answer_rest(self.pages.clone(), uri, request)
            }));
        self.router.merge(surround(own, self.name, false, self.ids))
    }
}

async fn readyz(State((checks, remark)): State<(Arc<[Check]>, Remark)>) -> Result<String, Problem> {
    let mut not_ready = Vec::new();
    for check in checks.iter() {
        if let Err(reason) = check.is_ready().await {
            not_ready.push(reason);
        }
    }
    if not_ready.is_empty() {
        let remark = remark.and_then(|remark| remark());
        return Ok(remark.map_or_else(|| "ready\n".to_owned(), |remark| format!("ready\n{remark}\n")));
    }
    Err(Problem::new(Code::Unavailable, "what `not_ready` lists is not ready").with_not_ready(not_ready))
}

async fn prometheus(State(metrics): State<PrometheusHandle>) -> Response {
    metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response()
}

async fn openapi_json(State(document): State<Arc<str>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document.to_string()).into_response()
}

/// A kind of problem: where the `type` of a problem leads.
#[derive(Serialize)]
struct Description {
    code: &'static str,
    status: u16,
    title: &'static str,
    advice: &'static str,
}

async fn describe_problem(Path(code): Path<String>) -> Result<Json<Description>, Problem> {
    let Some(code) = Code::ALL.into_iter().find(|known| known.as_str() == code) else {
        return Err(Problem::not_found("no problem has this code"));
    };
    Ok(Json(Description { code: code.as_str(), status: code.status().as_u16(), title: code.title(), advice: code.advice() }))
}

async fn answer_rest(pages: Option<Router>, uri: Uri, request: Request) -> Response {
    match pages {
        Some(pages) if !uri.path().starts_with("/api/") => pages.oneshot(request).await.into_response(),
        _ => Problem::not_found("nothing is served at this path").into_response(),
    }
}
