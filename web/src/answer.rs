//! How a file of the app is answered: packed as the browser takes it, kept by it as long as it may be, and under a policy that
//! lets nothing else run.

use crate::ranges::{Asked, is_still, outside, set};
use kosmo_http::web::{Body, Bytes, HeaderMap, HeaderValue, IntoResponse, Method, Response, StatusCode, header};

/// What a browser may do with the page: load from here, ask here, and nothing else. Pictures that styles or the map make
/// themselves are `data:` and `blob:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; \
                      connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
/// What the page may ask of the device: where it is, if its owner says yes.
const PERMISSIONS: &str = "geolocation=(self), camera=(), microphone=(), payment=(), usb=(), serial=()";

/// A file, and the same packed.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) content: Bytes,
    pub(crate) brotli: Option<Bytes>,
    pub(crate) gzip: Option<Bytes>,
    pub(crate) tag: String,
}

/// Answers a request for `file`, which lies at `path`.
pub(crate) fn answer(path: &str, file: &File, method: &Method, asked: &HeaderMap) -> Response {
    let (encoding, content) = choose(file, asked);
    let tag = if encoding.is_empty() { format!("\"{}\"", file.tag) } else { format!("\"{}-{encoding}\"", file.tag) };
    let mut response = if is_known(&tag, asked) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        part(content, if encoding.is_empty() { Some(&tag) } else { None }, method, asked)
    };
    if response.status() != StatusCode::NOT_MODIFIED {
        set(&mut response, header::CONTENT_TYPE, content_type(path));
        if !encoding.is_empty() {
            set(&mut response, header::CONTENT_ENCODING, encoding);
        }
    }
    set(&mut response, header::ETAG, &tag);
    let headers = response.headers_mut();
    if file.brotli.is_some() || file.gzip.is_some() {
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    // A name with a hash in it never means something else; of any other a browser asks each time whether it has the newest.
    let kept = if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    guard(&mut response);
    response
}

/// Adds what keeps a page to itself.
pub(crate) fn guard(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert("permissions-policy", HeaderValue::from_static(PERMISSIONS));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

/// Returns the content, or the part of it that is asked for; only what is not packed has parts.
fn part(content: &Bytes, tag: Option<&str>, method: &Method, headers: &HeaderMap) -> Response {
    let length = content.len() as u64;
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let asked = match (tag, range) {
        (Some(tag), Some(range)) if is_still(tag, headers.get(header::IF_RANGE)) => Asked::read(range, length),
        _ => Asked::Whole,
    };
    let (status, body) = match asked {
        Asked::Outside => return outside(length),
        Asked::Whole => (StatusCode::OK, content.clone()),
        Asked::Part { first, last } => {
            let (first, last) = (usize::try_from(first).unwrap_or(usize::MAX), usize::try_from(last).unwrap_or(usize::MAX));
            (StatusCode::PARTIAL_CONTENT, content.slice(first..=last))
        }
    };
    let count = body.len();
    let mut response = (status, if method == Method::HEAD { Body::empty() } else { Body::from(body) }).into_response();
    set(&mut response, header::CONTENT_LENGTH, &count.to_string());
    if tag.is_some() {
        set(&mut response, header::ACCEPT_RANGES, "bytes");
    }
    if let Asked::Part { first, last } = asked {
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
    }
    response
}

/// Returns the smallest form of the file that the browser takes, with the name of its packing. Parts are of the plain form.
fn choose<'f>(file: &'f File, headers: &HeaderMap) -> (&'static str, &'f Bytes) {
    if !headers.contains_key(header::RANGE) {
        for (encoding, packed) in [("br", &file.brotli), ("gzip", &file.gzip)] {
            if let Some(packed) = packed
                && takes(headers, encoding)
            {
                return (encoding, packed);
            }
        }
    }
    ("", &file.content)
}

/// Tells whether `Accept-Encoding` names this packing, and not with a weight of zero.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for choice in named {
        let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
        if name.trim().eq_ignore_ascii_case(encoding) {
            let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok());
            return weight.is_some_and(|weight| weight > 0.0);
        }
    }
    false
}

/// Tells whether the browser says that it has the content of this tag.
pub(crate) fn is_known(tag: &str, headers: &HeaderMap) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    given.map(str::trim).any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

/// Names a content: FNV-1a of 64 bits, because a file is only told apart from its other versions, not from forgeries.
pub(crate) fn tag_of(content: &[u8]) -> String {
    let hash = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// The build puts a hash into every name below this folder.
pub(crate) fn is_hashed(path: &str) -> bool {
    path.starts_with("assets/")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "topojson" => "application/json",
        "geojson" => "application/geo+json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_no_packing_that_it_refuses() {
        let file = File { content: "plain".into(), brotli: Some("b".into()), gzip: Some("g".into()), tag: String::new() };
        for (accepted, expected) in [
            ("gzip, deflate, br", "br"),
            ("br;q=0, gzip;q=0.5", "gzip"),
            ("gzip", "gzip"),
            ("BR", "br"),
            ("identity", ""),
            ("", ""),
            ("br;q=nonsense", ""),
            ("*", ""),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_str(accepted).unwrap())]);
            assert_eq!(choose(&file, &headers).0, expected, "{accepted}");
        }
    }
}
