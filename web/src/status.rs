//! The state of the program, in the words of the page.

use kosmo_http::{
    Problem,
    web::{HeaderValue, IntoResponse, Response, header},
};
use serde::Serialize;
use std::{fmt, pin::Pin, sync::Arc};

/// What the page shows of the program. It is the page's own, and no API: what programs need is under `/api`.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The program's version.
    pub version: &'static str,
    /// What runs in this process.
    pub services: Vec<ServiceState>,
    /// The bridges that have a login.
    pub bridges: Vec<BridgeState>,
    /// How many refused inputs nobody has replayed yet.
    pub rejects_open: i64,
    /// What is wrong with this machine's clock, in words, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
}

/// Something that runs.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceState {
    /// Its name.
    pub name: String,
    /// What it does, in a few words.
    pub does: String,
    /// Where it listens.
    pub address: String,
}

/// A bridge, as it was last heard of.
#[derive(Debug, Clone, Serialize)]
pub struct BridgeState {
    /// Its name.
    pub id: String,
    /// How it is.
    pub state: Mark,
    /// How it is, in a few words.
    pub says: String,
    /// Its radio and what waits in it, in a few words.
    pub detail: String,
}

/// The colour of a state; words beside it say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// As it should be.
    Good,
    /// It needs a look.
    Warn,
    /// It does not work.
    Bad,
}

/// What gathers the state when the page asks.
type Gathering = Pin<Box<dyn Future<Output = Result<Status, Problem>> + Send>>;

/// Where the page's state comes from.
#[derive(Clone)]
pub struct StatusSource(Arc<dyn Fn() -> Gathering + Send + Sync>);

impl StatusSource {
    /// Returns a source that gathers anew each time.
    pub fn new<F, Answer>(gather: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Status, Problem>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(gather())))
    }
}

impl fmt::Debug for StatusSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StatusSource(..)")
    }
}

pub(crate) async fn answer(source: &StatusSource) -> Response {
    let status = match (source.0)().await {
        Ok(status) => status,
        Err(problem) => return problem.into_response(),
    };
    let json = serde_json::to_vec(&status).expect("a struct of texts and numbers is always JSON");
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}
