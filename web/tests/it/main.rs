//! The page, asked without a network.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use kosmo_http::{
    Router,
    web::{Body, Request, Response, StatusCode, header},
};
use kosmo_web::{BridgeState, Mark, Status, StatusSource, pages};
use std::path::Path;
use tower::ServiceExt as _;

fn page() -> Router {
    pages(StatusSource::new(async || {
        let bridge = BridgeState { id: "roof".to_owned(), state: Mark::Good, says: "online".to_owned(), detail: "<b>radio</b>".to_owned() };
        Ok(Status { version: "1.2.3", services: Vec::new(), bridges: vec![bridge], rejects_open: 2 })
    }))
}

async fn get(path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    page().oneshot(request).await.unwrap()
}

fn header_of(response: &Response, name: &header::HeaderName) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn every_file_that_the_page_names_is_there() {
    let html = include_str!("../../pages/index.html");
    let script = include_str!("../../pages/page.js");
    let is_file = |text: &&str| [Some("css"), Some("js"), Some("svg")].contains(&Path::new(text).extension().and_then(|end| end.to_str()));
    let named = html.split('"').filter(is_file);
    let imported = script.split('"').filter_map(|text| text.strip_prefix('.')).filter(is_file);
    for path in named.chain(imported).chain(["/"]) {
        let response = get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_browser_may_run_only_the_pages_own_files() {
    let policy = header_of(&get("/", &[]).await, &header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = include_str!("../../pages/index.html");
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick") && !html.contains("<script>"));
    assert!(!html.contains("http://") && !html.contains("https://"), "nothing comes from elsewhere");
}

#[test]
fn no_name_can_become_markup() {
    for script in [include_str!("../../pages/page.js"), include_str!("../../pages/show.js")] {
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!script.contains(word), "{word}");
        }
    }
}

#[tokio::test]
async fn a_browser_that_has_the_file_is_not_sent_it_again() {
    let tag = header_of(&get("/page.css", &[]).await, &header::ETAG);
    assert_eq!(get("/page.css", &[(header::IF_NONE_MATCH, &tag)]).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get("/page.js", &[(header::IF_NONE_MATCH, &tag)]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_state_is_json_and_other_paths_are_problems() {
    let status = get("/status.json", &[]).await;
    assert_eq!((status.status(), header_of(&status, &header::CONTENT_TYPE).as_str()), (StatusCode::OK, "application/json"));
    let nowhere = get("/nowhere", &[]).await;
    let content_type = header_of(&nowhere, &header::CONTENT_TYPE);
    assert_eq!((nowhere.status(), content_type.as_str()), (StatusCode::NOT_FOUND, "application/problem+json"));
}
