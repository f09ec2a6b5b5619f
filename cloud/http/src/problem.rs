//! Refusals as RFC 9457 problem details. What a client is told and what an operator must know are kept apart: the
//! cause travels beside the answer to the boundary, where it is logged once and left behind.

use crate::Code;
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{borrow::Cow, error::Error, fmt, sync::Arc, time::Duration};
use utoipa::ToSchema;

/// The longest piece of a client's own input that is repeated to it, in characters.
const ECHO_LIMIT: usize = 120;

/// A refusal: what a client is told, and the cause, which it is not told.
#[derive(Clone)]
pub struct Problem(Box<Inner>);

/// Boxed, because every handler's result has room for a problem and hardly any has one.
#[derive(Clone)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    limit: Option<u64>,
    retry_after_s: Option<u64>,
    challenge: Option<&'static str>,
    members: Map<String, Value>,
    not_ready: Vec<(&'static str, &'static str)>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// Returns a problem of this kind; `detail` is a sentence about this occurrence that helps whoever reads it.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            field: None,
            limit: None,
            retry_after_s: None,
            challenge: None,
            members: Map::new(),
            not_ready: Vec::new(),
            source: None,
        }))
    }

    /// Returns the problem that this field of the request cannot be so.
    pub fn invalid(field: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, detail).of(field)
    }

    /// Returns the problem that there is no such thing.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// Returns the problem of a defect of ours. The cause is logged, and the client learns only the request's id.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "the cause is in the server's log, under the id of this request").because(source)
    }

    /// Returns the problem that something the service depends on does not answer.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable, detail).because(source)
    }

    /// Adds the field that is at fault.
    #[must_use]
    pub fn of(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Adds a member of its own (RFC 9457, section 3.2), for what a program is to read out of this kind of problem.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds how long to wait before the request may be repeated, in whole seconds, rounded up: as the header `Retry-After` too.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.0.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Adds how a client may say who it is: the header `WWW-Authenticate`, which every refusal with status 401 has.
    #[must_use]
    pub fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    /// Adds the limit that was overstepped.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.0.limit = Some(limit);
        self
    }

    /// Adds the names of what is not ready, and why.
    #[must_use]
    pub(crate) fn with_not_ready(mut self, not_ready: Vec<(&'static str, &'static str)>) -> Self {
        self.0.not_ready = not_ready;
        self
    }

    fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns the kind of problem.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the sentence about this occurrence.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Logs the cause, if there is one, with the id under which the client will ask about it.
    pub(crate) fn log(&self, request_id: &str) {
        let Some(source) = &self.0.source else { return };
        let cause = Chain(source.as_ref());
        if self.0.code == Code::Internal {
            tracing::error!(request.id = request_id, cause = %cause, "a request failed");
        } else {
            tracing::warn!(request.id = request_id, code = self.0.code.as_str(), cause = %cause, "a request could not be answered");
        }
    }

    /// Returns the answer, with the request's id where it is known.
    pub(crate) fn render(&self, request_id: Option<&str>) -> Response {
        let json = serde_json::to_vec(&self.body(request_id)).expect("a struct of texts and numbers is always JSON");
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.0.code.status(), [(header::CONTENT_TYPE, content_type)], json).into_response();
        if let Some(seconds) = self.0.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.0.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }

    pub(crate) fn body(&self, request_id: Option<&str>) -> ProblemBody {
        ProblemBody {
            r#type: format!("/problems/{}", self.0.code.as_str()),
            title: self.0.code.title(),
            status: self.0.code.status().as_u16(),
            code: self.0.code.as_str(),
            detail: self.0.detail.clone(),
            field: self.0.field.clone(),
            limit: self.0.limit,
            retry_after_s: self.0.retry_after_s,
            members: self.0.members.clone(),
            not_ready: self.0.not_ready.iter().map(|&(name, reason)| NotReady { name, reason }).collect(),
            request_id: request_id.map(str::to_owned),
        }
    }
}

impl IntoResponse for Problem {
    /// The answer carries the problem along, so that the boundary can log its cause and add the request's id.
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<kosmo_store::Error> for Problem {
    fn from(error: kosmo_store::Error) -> Self {
        if error.is_full() {
            let detail = "the server's disk is full, and nothing of this request was stored or charged: its operator has to make room";
            return Self::unavailable(detail, error);
        }
        if error.is_transient() { Self::unavailable("the database does not answer", error) } else { Self::internal(error) }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)?;
        self.0.source.as_ref().map_or(Ok(()), |source| write!(f, " ({})", Chain(source.as_ref())))
    }
}

/// A refusal as clients see it (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/invalid_request",
    "title": "The request is not valid",
    "status": 400,
    "code": "invalid_request",
    "detail": "`start` comes before `end`",
    "field": "start",
    "request_id": "5f2a9c01-1b"
}))]
pub struct ProblemBody {
    /// Where the kind of problem is described.
    r#type: String,
    /// The kind of problem in words; the same for every problem of the kind.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The kind of problem, stable across versions: branch on this.
    code: &'static str,
    /// What is wrong with this request.
    detail: Cow<'static, str>,
    /// The parameter or the place in the body that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Cow<'static, str>>,
    /// The limit that was overstepped.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// After how many seconds the request may be repeated; the same as the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    /// What is particular to this kind of problem; endpoints say what that is.
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
    /// What is not ready; only in answers of `/readyz`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_ready: Vec<NotReady>,
    /// The id under which the server's log knows the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// Something a service depends on that is not ready.
#[derive(Debug, Serialize, ToSchema)]
struct NotReady {
    /// What is not ready.
    name: &'static str,
    /// In which way.
    reason: &'static str,
}

/// Returns a client's own input, or a message that repeats it, cut to what fits a sentence.
pub(crate) fn echo(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_LIMIT) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// An error and what it came from, in one line.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}
