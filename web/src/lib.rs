//! The page on the web port: static files compiled into the program, and the state of the program as the page shows it.
//!
//! Everything the page loads comes from its own origin, its scripts are files, and its policy lets the browser run
//! nothing else: a node's name that is markup stays a name.

mod status;

pub use crate::status::{BridgeState, Mark, ServiceState, Status, StatusSource};
use kosmo_http::{
    Problem, Router,
    web::{HeaderMap, HeaderValue, IntoResponse, Method, Request, Response, StatusCode, header},
};

/// What a browser may do with the page: load from here, ask here, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const FILES: [File; 5] = [
    File { path: "/", content_type: "text/html; charset=utf-8", content: include_str!("../pages/index.html") },
    File { path: "/page.css", content_type: "text/css; charset=utf-8", content: include_str!("../pages/page.css") },
    File { path: "/page.js", content_type: "text/javascript; charset=utf-8", content: include_str!("../pages/page.js") },
    File { path: "/show.js", content_type: "text/javascript; charset=utf-8", content: include_str!("../pages/show.js") },
    File { path: "/icon.svg", content_type: "image/svg+xml", content: include_str!("../pages/icon.svg") },
];

/// Returns the page's routes, for [`kosmo_http::App::with_pages`]; `status` is asked each time the page asks.
pub fn pages(status: StatusSource) -> Router {
    Router::new().fallback(move |request: Request| {
        let (parts, _) = request.into_parts();
        let status = status.clone();
        async move {
            let reads = matches!(parts.method, Method::GET | Method::HEAD);
            match (parts.uri.path(), FILES.iter().find(|file| file.path == parts.uri.path())) {
                ("/status.json", _) if reads => status::answer(&status).await,
                (_, Some(file)) if reads => file.answer(&parts.headers),
                _ => Problem::not_found("nothing is served at this path").into_response(),
            }
        }
    })
}

impl File {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = headers.get(header::IF_NONE_MATCH).is_some_and(|given| given.as_bytes() == tag.as_bytes());
        let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { self.content.into_response() };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        // A browser asks each time, and is told in a few bytes that it has the file already.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// Names this content: FNV-1a, because a file is only told apart from its earlier versions, not from forgeries.
    fn tag(&self) -> String {
        let hash =
            self.content.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("\"{hash:016x}\"")
    }
}
