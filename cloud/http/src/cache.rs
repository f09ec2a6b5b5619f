//! Answers that a client may keep, and ask whether they still hold: an unchanged map costs a header, not a body.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

/// Returns an answer of JSON that anybody may keep for `max_age`; nothing but "not modified" if the client has it.
///
/// # Panics
/// If the answer does not fit JSON, as a map does not whose keys are no texts.
pub fn cacheable<T: Serialize>(request: &HeaderMap, answer: &T, max_age: Duration) -> Response {
    let body = serde_json::to_vec(answer).expect("answers are made of texts, numbers and lists");
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("W/\"{:016x}\"", hasher.finish());
    let cache = format!("public, max-age={}", max_age.as_secs());
    let kept = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, cache)];
    if has(request, &tag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn has(request: &HeaderMap, tag: &str) -> bool {
    let strong = tag.trim_start_matches("W/");
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == strong)
}
