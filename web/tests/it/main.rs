//! The app's files, asked for without a network.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod basemap;
mod files;
mod parts;

use kosmo_http::{
    Router,
    web::{Body, Bytes, HeaderMap, Request, Response, header},
};
use kosmo_web::{Assets, BridgeState, Mark, Status, StatusSource, pages};
use std::fs;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// An app of a few files in a folder of its own.
pub(crate) struct Site {
    folder: TempDir,
    router: Router,
}

impl Site {
    /// Builds an app of these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let router = pages(Assets::of_folder(folder.path().to_owned()), status());
        let site = Self { folder, router };
        for (path, content) in files {
            site.write(path, content);
        }
        site
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        ask(&self.router, method, path, headers).await
    }
}

pub(crate) async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = path.parse().unwrap();
    *request.headers_mut() =
        headers.iter().map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())).collect::<HeaderMap>();
    router.clone().oneshot(request).await.unwrap()
}

pub(crate) fn status() -> StatusSource {
    StatusSource::new(async || {
        let bridge = BridgeState { id: "roof".to_owned(), state: Mark::Good, says: "online".to_owned(), detail: "<b>radio</b>".to_owned() };
        Ok(Status { version: "1.2.3", services: Vec::new(), bridges: vec![bridge], rejects_open: 2, clock: None })
    })
}

/// How a browser asks for a page.
pub(crate) const NAVIGATION: &[(&str, &str)] = &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8"), ("sec-fetch-mode", "navigate")];

pub(crate) fn header_of(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

pub(crate) fn type_of(response: &Response) -> String {
    header_of(response, header::CONTENT_TYPE.as_str())
}

pub(crate) async fn body(response: Response) -> Bytes {
    kosmo_http::web::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}
