//! Parts of files (RFC 9110, section 14): what a map asks for that reads its tiles from one big file.

use kosmo_http::{
    Problem,
    web::{Body, HeaderMap, HeaderValue, IntoResponse, Method, Response, StatusCode, header},
};
use std::{
    io::SeekFrom,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};
use tokio_util::io::ReaderStream;

/// How much is read from disk at once.
const PIECE: usize = 64 * 1024;

/// What of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// All of it.
    Whole,
    /// The bytes from `first` to `last`, both included.
    Part {
        /// The first byte's place.
        first: u64,
        /// The last byte's place; it lies in the file.
        last: u64,
    },
    /// Bytes that the file does not have.
    Outside,
}

impl Asked {
    /// Reads a `Range` header for a file of `length` bytes. What is no single range of bytes asks for the whole, as the
    /// standard lets a server choose.
    pub fn read(range: &str, length: u64) -> Self {
        let single = range.strip_prefix("bytes=").filter(|ranges| !ranges.contains(','));
        let Some((first, last)) = single.and_then(|range| range.trim().split_once('-')) else { return Self::Whole };
        match (place(first), place(last)) {
            (Place::Number(first), Place::Number(last)) if last < first => Self::Whole,
            (Place::Number(first), Place::Number(_) | Place::Missing) if first >= length => Self::Outside,
            (Place::Number(first), Place::Number(last)) => Self::Part { first, last: last.min(length - 1) },
            (Place::Number(first), Place::Missing) => Self::Part { first, last: length - 1 },
            (Place::Missing, Place::Number(0)) => Self::Outside,
            (Place::Missing, Place::Number(_)) if length == 0 => Self::Outside,
            (Place::Missing, Place::Number(tail)) => Self::Part { first: length.saturating_sub(tail), last: length - 1 },
            _ => Self::Whole,
        }
    }
}

enum Place {
    Number(u64),
    Missing,
    Wrong,
}

fn place(text: &str) -> Place {
    match text.trim() {
        "" => Place::Missing,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().map_or(Place::Number(u64::MAX), Place::Number),
        _ => Place::Wrong,
    }
}

/// Answers with a file of the disk, or with the part of it that `headers` ask for. `content_type` is the file's; what else the
/// answer says of itself, the caller adds. A file that is replaced while it is read in parts has another tag: the reader notices.
///
/// # Errors
/// A problem that says so if there is no such file, and an internal one if it cannot be read.
pub async fn answer_file(path: &Path, content_type: &'static str, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::not_found("there is no such file"),
        _ => Problem::internal(format!("a file to be served cannot be read: {error}")),
    };
    let mut file = File::open(path).await.map_err(unreadable)?;
    let about = file.metadata().await.map_err(unreadable)?;
    if !about.is_file() {
        return Err(Problem::not_found("there is no such file"));
    }
    let (length, tag) = (about.len(), tag_of(about.len(), about.modified().ok()));
    let asked = match headers.get(header::RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if is_still(&tag, headers.get(header::IF_RANGE)) => Asked::read(range, length),
        _ => Asked::Whole,
    };
    let is_head = method == Method::HEAD;
    let (status, first, count) = match asked {
        _ if crate::answer::is_known(&tag, headers) => (StatusCode::NOT_MODIFIED, 0, 0),
        Asked::Whole => (StatusCode::OK, 0, length),
        Asked::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Asked::Outside => {
            return Ok(outside(length));
        }
    };
    if first > 0 {
        file.seek(SeekFrom::Start(first)).await.map_err(unreadable)?;
    }
    let body = if is_head || count == 0 { Body::empty() } else { Body::from_stream(ReaderStream::with_capacity(file.take(count), PIECE)) };
    let mut response = (status, body).into_response();
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    if status != StatusCode::NOT_MODIFIED {
        set(&mut response, header::CONTENT_TYPE, content_type);
        set(&mut response, header::CONTENT_LENGTH, &count.to_string());
    }
    if let Asked::Part { first, last } = asked
        && status == StatusCode::PARTIAL_CONTENT
    {
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
    }
    Ok(response)
}

/// Answers who asks for what a file of this length does not have.
pub(crate) fn outside(length: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
    response
}

/// Tells whether the file is the one that a reader has parts of.
pub(crate) fn is_still(tag: &str, if_range: Option<&HeaderValue>) -> bool {
    if_range.is_none_or(|given| given.as_bytes() == tag.as_bytes())
}

/// Names a file's content by its length and the time of its last change.
fn tag_of(length: u64, modified: Option<SystemTime>) -> String {
    let changed = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or(Duration::ZERO);
    format!("\"{length:x}-{:x}\"", changed.as_nanos())
}

pub(crate) fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
