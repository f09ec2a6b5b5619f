//! Parts of files, embedded or on disk.

use crate::{Site, body, header_of};
use kosmo_http::web::{HeaderMap, Method, Response, header};
use kosmo_web::{Asked, answer_file};
use std::{fs, path::Path};

const CONTENT: &str = "0123456789";

#[test]
fn a_range_is_read_as_the_standard_has_it() {
    let part = |first, last| Asked::Part { first, last };
    for (range, expected) in [
        ("bytes=0-3", part(0, 3)),
        ("bytes=4-", part(4, 9)),
        ("bytes=-3", part(7, 9)),
        ("bytes=-99", part(0, 9)),
        ("bytes=5-99", part(5, 9)),
        ("bytes=9-9", part(9, 9)),
        ("bytes=10-", Asked::Outside),
        ("bytes=10-12", Asked::Outside),
        ("bytes=-0", Asked::Outside),
        ("bytes=0-18446744073709551616", part(0, 9)),
        ("bytes=99999999999999999999999-", Asked::Outside),
        ("bytes=3-1", Asked::Whole),
        ("bytes=0-1,4-5", Asked::Whole),
        ("bytes=", Asked::Whole),
        ("bytes=-", Asked::Whole),
        ("bytes=a-b", Asked::Whole),
        ("bytes=+1-2", Asked::Whole),
        ("lines=0-3", Asked::Whole),
        ("", Asked::Whole),
    ] {
        assert_eq!(Asked::read(range, 10), expected, "{range}");
    }
    for range in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
        assert_eq!(Asked::read(range, 0), Asked::Outside, "{range} of nothing");
    }
}

#[tokio::test]
async fn a_file_of_the_app_is_answered_in_parts() {
    let site = Site::of(&[("world.pmtiles", CONTENT)]);
    let whole = site.ask("GET", "/world.pmtiles", &[]).await;
    assert_eq!((whole.status().as_u16(), header_of(&whole, "accept-ranges").as_str()), (200, "bytes"));
    let tag = header_of(&whole, "etag");

    let part = site.ask("GET", "/world.pmtiles", &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status().as_u16(), header_of(&part, "content-range").as_str()), (206, "bytes 2-4/10"));
    assert_eq!((header_of(&part, "content-length").as_str(), header_of(&part, "etag")), ("3", tag.clone()));
    assert_eq!(body(part).await, "234");

    let outside = site.ask("GET", "/world.pmtiles", &[("range", "bytes=10-")]).await;
    assert_eq!((outside.status().as_u16(), header_of(&outside, "content-range").as_str()), (416, "bytes */10"));

    let same = site.ask("GET", "/world.pmtiles", &[("range", "bytes=0-0"), ("if-range", &tag)]).await;
    assert_eq!(same.status().as_u16(), 206);
    let other = site.ask("GET", "/world.pmtiles", &[("range", "bytes=0-0"), ("if-range", "\"older\"")]).await;
    assert_eq!((other.status().as_u16(), body(other).await.as_ref()), (200, CONTENT.as_bytes()), "parts of two files are never mixed");
}

async fn from_disk(path: &Path, method: Method, given: &[(header::HeaderName, &str)]) -> Response {
    let headers: HeaderMap = given.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
    answer_file(path, "application/vnd.pmtiles", &method, &headers).await.unwrap()
}

#[tokio::test]
async fn a_file_of_the_disk_is_answered_in_parts_and_only_sent_when_it_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("region.pmtiles");
    fs::write(&path, CONTENT).unwrap();

    let part = from_disk(&path, Method::GET, &[(header::RANGE, "bytes=-4")]).await;
    assert_eq!((part.status().as_u16(), header_of(&part, "content-range").as_str()), (206, "bytes 6-9/10"));
    assert_eq!(header_of(&part, "content-type"), "application/vnd.pmtiles");
    let tag = header_of(&part, "etag");
    assert_eq!(body(part).await, "6789");

    let known = from_disk(&path, Method::GET, &[(header::IF_NONE_MATCH, &tag)]).await;
    assert_eq!(known.status().as_u16(), 304);
    let head = from_disk(&path, Method::HEAD, &[]).await;
    assert_eq!((head.status().as_u16(), header_of(&head, "content-length").as_str()), (200, "10"));
    assert!(body(head).await.is_empty());
    let outside = from_disk(&path, Method::GET, &[(header::RANGE, "bytes=99-")]).await;
    assert_eq!((outside.status().as_u16(), header_of(&outside, "content-range").as_str()), (416, "bytes */10"));
    let whole = from_disk(&path, Method::GET, &[]).await;
    assert_eq!((whole.status().as_u16(), body(whole).await.as_ref()), (200, CONTENT.as_bytes()));

    fs::write(&path, "another map").unwrap();
    let changed =
        from_disk(&path, Method::GET, &[(header::IF_NONE_MATCH, &tag), (header::IF_RANGE, &tag), (header::RANGE, "bytes=0-1")]).await;
    assert_eq!((changed.status().as_u16(), body(changed).await.as_ref()), (200, b"another map".as_slice()));
}

#[tokio::test]
async fn what_is_no_file_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("gone.pmtiles"), folder.path().to_owned()] {
        let refused = answer_file(&path, "text/plain", &Method::GET, &HeaderMap::new()).await.unwrap_err();
        assert_eq!(refused.code(), kosmo_http::Code::NotFound, "{}", path.display());
    }
}
