//! What a browser gets, and what it may do with it.

use crate::{NAVIGATION, Site, ask, body, header_of, status, type_of};
use kosmo_web::{Assets, pages};

const INDEX: &str = "<!doctype html><html><script src=\"/assets/app-Ab12.js\"></script></html>";

fn site() -> Site {
    Site::of(&[
        ("index.html", INDEX),
        ("boot.js", "boot()"),
        ("assets/app-Ab12.js", "plain script"),
        ("assets/app-Ab12.js.br", "packed by brotli"),
        ("assets/app-Ab12.js.gz", "packed by gzip"),
        ("assets/font.woff2", "letters"),
        (".secret", "hidden"),
    ])
}

#[tokio::test]
async fn every_route_of_the_app_is_the_app_and_other_paths_say_that_they_are_none() {
    let site = site();
    for path in ["/", "/nodes", "/nodes/!a1b2c3d4", "/stations/!a1b2c3d4", "/messages", "/messages/!a1b2c3d4", "/network", "/?z=3"] {
        let response = site.ask("GET", path, NAVIGATION).await;
        assert_eq!((response.status().as_u16(), type_of(&response).as_str()), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(body(response).await, INDEX, "{path}");
    }
    let nowhere = site.ask("GET", "/nowhere", NAVIGATION).await;
    assert_eq!((nowhere.status().as_u16(), type_of(&nowhere).as_str()), (404, "text/html; charset=utf-8"), "the app says it in its words");
}

#[tokio::test]
async fn what_is_no_navigation_is_never_answered_with_a_page() {
    let site = site();
    let script = [("accept", "*/*"), ("sec-fetch-mode", "cors")];
    for path in ["/nodes", "/nowhere", "/assets/gone.js", "/.secret", "/assets/../.secret", "/boot.js/x"] {
        let response = site.ask("GET", path, &script).await;
        assert_eq!((response.status().as_u16(), type_of(&response).as_str()), (404, "application/problem+json"), "{path}");
    }
    let old = site.ask("GET", "/assets/gone.js", NAVIGATION).await;
    assert_eq!(old.status().as_u16(), 404, "a file of an older version is gone, whoever asks");
    assert_eq!(type_of(&old), "application/problem+json");
    let posted = site.ask("POST", "/", NAVIGATION).await;
    assert_eq!(type_of(&posted), "application/problem+json");
}

#[tokio::test]
async fn a_file_with_a_hash_in_its_name_is_kept_for_good_and_others_are_asked_for_each_time() {
    let site = site();
    let kept = async |path| header_of(&site.ask("GET", path, NAVIGATION).await, "cache-control");
    assert_eq!(kept("/assets/app-Ab12.js").await, "public, max-age=31536000, immutable");
    assert_eq!(kept("/boot.js").await, "no-cache");
    assert_eq!(kept("/nodes").await, "no-cache");
}

#[tokio::test]
async fn a_browser_that_has_a_file_is_not_sent_it_again_until_it_changes() {
    let site = site();
    let tag = header_of(&site.ask("GET", "/boot.js", &[]).await, "etag");
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag} is strong");
    for given in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let response = site.ask("GET", "/boot.js", &[("if-none-match", &given)]).await;
        assert_eq!(response.status().as_u16(), 304, "{given}");
        assert_eq!(header_of(&response, "etag"), tag, "{given}");
        assert!(body(response).await.is_empty(), "{given}");
    }
    site.write("boot.js", "boot(2)");
    let changed = site.ask("GET", "/boot.js", &[("if-none-match", &tag)]).await;
    assert_eq!((changed.status().as_u16(), body(changed).await.as_ref()), (200, b"boot(2)".as_slice()));
}

#[tokio::test]
async fn a_browser_gets_the_packing_it_takes_each_under_a_tag_of_its_own() {
    let site = site();
    let mut tags = Vec::new();
    for (accepted, encoding, content) in
        [("gzip, br", "br", "packed by brotli"), ("gzip", "gzip", "packed by gzip"), ("identity", "", "plain script")]
    {
        let response = site.ask("GET", "/assets/app-Ab12.js", &[("accept-encoding", accepted)]).await;
        assert_eq!(header_of(&response, "content-encoding"), encoding);
        assert_eq!(header_of(&response, "vary"), "Accept-Encoding");
        assert_eq!(type_of(&response), "text/javascript; charset=utf-8");
        tags.push(header_of(&response, "etag"));
        assert_eq!(body(response).await, content);
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "{tags:?}");
}

#[tokio::test]
async fn the_browser_may_run_only_the_apps_own_files() {
    let response = site().ask("GET", "/", NAVIGATION).await;
    let policy = header_of(&response, "content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{rule} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert!(header_of(&response, "permissions-policy").contains("camera=()"));
    assert_eq!(header_of(&response, "cross-origin-opener-policy"), "same-origin");
}

#[tokio::test]
async fn a_head_request_is_told_the_length_and_sent_nothing() {
    let response = site().ask("HEAD", "/assets/font.woff2", &[]).await;
    assert_eq!((response.status().as_u16(), header_of(&response, "content-length").as_str()), (200, "7"));
    assert!(body(response).await.is_empty());
}

#[tokio::test]
async fn a_folder_without_the_app_shows_what_to_do() {
    let response = Site::of(&[]).ask("GET", "/", NAVIGATION).await;
    assert_eq!(response.status().as_u16(), 200);
    assert!(String::from_utf8_lossy(&body(response).await).contains("make web"));
}

#[tokio::test]
async fn what_is_embedded_is_an_app_or_says_how_to_build_one() {
    let router = pages(Assets::embedded(), status());
    let index = ask(&router, "GET", "/", NAVIGATION).await;
    assert_eq!(index.status().as_u16(), 200);
    let html = String::from_utf8(body(index).await.to_vec()).unwrap();
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("<script>"), "the policy would refuse it");
    let named = html.split(['"', '\'']).filter(|text| text.starts_with("/assets/") || *text == "/boot.js");
    for path in named {
        assert_eq!(ask(&router, "GET", path, &[]).await.status().as_u16(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_state_of_the_program_is_json() {
    let response = site().ask("GET", "/status.json", &[]).await;
    assert_eq!((response.status().as_u16(), type_of(&response).as_str()), (200, "application/json"));
}
