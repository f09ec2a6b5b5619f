//! The operator's maps: found in the data folder, served in parts, and nothing else of that folder.

use crate::{ask, body, header_of, status, type_of};
use kosmo_http::{Router, web::StatusCode};
use kosmo_web::{Assets, pages};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

struct Data {
    folder: TempDir,
    router: Router,
}

impl Data {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let router = pages(Assets::embedded().with_maps(folder.path().to_owned()), status());
        Self { folder, router }
    }

    async fn list(&self) -> Value {
        let response = ask(&self.router, "GET", "/basemap/", &[]).await;
        assert_eq!((response.status(), type_of(&response).as_str()), (StatusCode::OK, "application/json"));
        serde_json::from_slice(&body(response).await).unwrap()
    }
}

fn archive(version: u8, tiles: u8) -> Vec<u8> {
    let mut bytes = b"PMTiles".to_vec();
    bytes.resize(99, 0);
    bytes[7] = version;
    bytes.extend([tiles, 0, 14]);
    bytes.extend(0..200_u8);
    bytes
}

#[tokio::test]
async fn maps_in_the_data_folder_are_listed_and_what_is_none_is_named() {
    let (region, photo, old) = (archive(3, 1), archive(3, 4), archive(2, 1));
    let data = Data::with(&[
        ("region.pmtiles", &region),
        ("photo.pmtiles", &photo),
        ("old.pmtiles", &old),
        ("short.pmtiles", b"PMTiles"),
        ("two words.pmtiles", &region),
        ("kosmo.db", b"secret"),
        (".hidden.pmtiles", &region),
    ]);
    fs::create_dir(data.folder.path().join("folder.pmtiles")).unwrap();
    let listing = data.list().await;
    assert_eq!(
        listing["maps"],
        json!([
            { "name": "photo.pmtiles", "url": "/basemap/photo.pmtiles", "bytes": 302, "tiles": "raster", "min_zoom": 0, "max_zoom": 14 },
            { "name": "region.pmtiles", "url": "/basemap/region.pmtiles", "bytes": 302, "tiles": "vector", "min_zoom": 0, "max_zoom": 14 },
        ])
    );
    let refused: Vec<_> = listing["refused"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(refused, ["folder.pmtiles", "old.pmtiles", "short.pmtiles", "two words.pmtiles"]);
}

#[tokio::test]
async fn a_map_that_is_put_there_later_is_found_without_a_start() {
    let data = Data::with(&[]);
    assert_eq!(data.list().await, json!({ "maps": [], "refused": [] }));
    fs::write(data.folder.path().join("late.pmtiles"), archive(3, 1)).unwrap();
    assert_eq!(data.list().await["maps"][0]["name"], "late.pmtiles");
}

#[tokio::test]
async fn a_map_is_served_in_parts() {
    let content = archive(3, 1);
    let data = Data::with(&[("region.pmtiles", &content)]);
    let part = ask(&data.router, "GET", "/basemap/region.pmtiles", &[("range", "bytes=0-126")]).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header_of(&part, "content-range"), "bytes 0-126/302");
    let tag = header_of(&part, "etag");
    assert_eq!(body(part).await, content[..127]);
    let end = ask(&data.router, "GET", "/basemap/region.pmtiles", &[("range", "bytes=300-999"), ("if-range", &tag)]).await;
    assert_eq!((end.status(), &body(end).await[..]), (StatusCode::PARTIAL_CONTENT, &content[300..]));
    let outside = ask(&data.router, "GET", "/basemap/region.pmtiles", &[("range", "bytes=302-")]).await;
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn nothing_else_of_the_folder_is_served() {
    let data = Data::with(&[("kosmo.db", b"secret"), ("fake.pmtiles", &[b'x'; 400]), ("old.pmtiles", &archive(2, 1))]);
    let inner = data.folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("deep.pmtiles"), archive(3, 1)).unwrap();
    for path in [
        "/basemap/kosmo.db",
        "/basemap/fake.pmtiles",
        "/basemap/old.pmtiles",
        "/basemap/none.pmtiles",
        "/basemap/inner/deep.pmtiles",
        "/basemap/inner%2fdeep.pmtiles",
        "/basemap/../kosmo.db",
        "/basemap/%2e%2e/kosmo.db",
        "/basemap//etc/passwd",
        "/basemap/..%2f..%2fetc%2fpasswd",
    ] {
        let response = ask(&data.router, "GET", path, &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(!String::from_utf8_lossy(&body(response).await).contains("secret"), "{path}");
    }
}
