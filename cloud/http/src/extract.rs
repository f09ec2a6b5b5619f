//! Extractors whose refusals are problems that name the field: what arrives in a handler has been parsed.

use crate::{Code, Problem, problem::echo};
use axum::{
    body::{Bytes, HttpBody as _},
    extract::{
        FromRequest, FromRequestParts, RawPathParams, Request,
        path::ErrorKind,
        rejection::{BytesRejection, FailedToBufferBody, PathRejection},
    },
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

/// The largest body that is read, in bytes.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// Parameters of the query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Parameters of the path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let names = RawPathParams::from_request_parts(parts, state).await.ok();
                let only = names.as_ref().and_then(|names| names.iter().next().map(|(name, _)| name.to_owned()));
                Err(refused_path(rejection, only))
            }
        }
    }
}

/// A body of JSON; as an answer, the same.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType, "the body is JSON, sent as `application/json`"));
        }
        if request.body().size_hint().lower() > BODY_LIMIT as u64 {
            return Err(too_large());
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(),
            _ => Problem::new(Code::InvalidRequest, "the body ended early"),
        })?;
        parse_json(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_pairs(query));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        refused("the query string", &path, &error.into_inner().to_string())
    })
}

fn form_pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_syntax() || error.is_eof() {
            return Problem::new(Code::InvalidJson, format!("the body does not parse: {}", echo(&error.to_string())));
        }
        refused("the body", &path, &error.to_string())
    })?;
    json.end().map_err(|_| Problem::new(Code::InvalidJson, "the body goes on after its JSON value"))?;
    Ok(value)
}

/// Names the field at fault: the place the parser had reached, or the field that its message begins with when it misses
/// one or knows it not.
fn refused(whole: &'static str, path: &str, message: &str) -> Problem {
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split_once('`'))
        .map(|(name, _)| name);
    let inside = (!matches!(path, "." | "?" | "")).then_some(path);
    let detail = echo(message).into_owned();
    match (inside, named) {
        (Some(path), Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            Problem::invalid(echo(&format!("{path}.{name}")).into_owned(), detail)
        }
        (Some(path), _) => Problem::invalid(echo(path).into_owned(), detail),
        (None, Some(name)) => Problem::invalid(echo(name).into_owned(), detail),
        (None, None) => Problem::new(Code::InvalidRequest, format!("{whole} does not parse: {detail}")),
    }
}

fn refused_path(rejection: PathRejection, only: Option<String>) -> Problem {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return Problem::internal(rejection);
    };
    let (key, message) = match failed.into_kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => (Some(key), format!("this is read as {expected_type}")),
        ErrorKind::DeserializeError { key, message, .. } => (Some(key), message),
        ErrorKind::InvalidUtf8InPathParam { key } => (Some(key), "this is not UTF-8".to_owned()),
        ErrorKind::ParseError { expected_type, .. } => (only, format!("this is read as {expected_type}")),
        ErrorKind::Message(message) => (only, message),
        other => return Problem::internal(other.to_string()),
    };
    let detail = echo(&message).into_owned();
    match key {
        Some(key) => Problem::invalid(key, detail),
        None => Problem::new(Code::InvalidRequest, detail),
    }
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("a body has at most {BODY_LIMIT} bytes")).with_limit(BODY_LIMIT as u64)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsing is looked at")]
    struct Params {
        start: u32,
        end: Option<u32>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only parsing is looked at")]
    struct Outer {
        inner: Vec<Params>,
    }

    fn query(text: &str) -> String {
        field_and_detail(&parse_query::<Params>(text).unwrap_err())
    }

    fn body(text: &str) -> String {
        field_and_detail(&parse_json::<Outer>(text.as_bytes()).unwrap_err())
    }

    fn field_and_detail(problem: &Problem) -> String {
        let json = serde_json::to_value(problem.body(None)).unwrap();
        format!("{}: {}", json["field"].as_str().unwrap_or("-"), json["detail"].as_str().unwrap())
    }

    #[test]
    fn a_refused_query_names_its_parameter() {
        insta::assert_snapshot!(query("end=4"), @"start: missing field `start`");
        insta::assert_snapshot!(query("start=x"), @"start: invalid digit found in string");
        insta::assert_snapshot!(query("start=1&start=2"), @"start: duplicate field `start`");
        insta::assert_snapshot!(query("start=1&strat=2"), @"strat: unknown field `strat`, expected `start` or `end`");
    }

    #[test]
    fn a_refused_body_names_the_place() {
        insta::assert_snapshot!(body(r#"{"inner":[{"start":1},{"start":"a"}]}"#), @r#"inner[1].start: invalid type: string "a", expected u32 at line 1 column 34"#);
        insta::assert_snapshot!(body(r#"{"inner":[{"end":1}]}"#), @"inner[0].start: missing field `start` at line 1 column 19");
        insta::assert_snapshot!(body(r#"{"inner":[]} 7"#), @"-: the body goes on after its JSON value");
        insta::assert_snapshot!(body("{"), @"-: the body does not parse: EOF while parsing an object at line 1 column 1");
    }
}
