//! Hostile and mistaken parameters: each refusal names what is wrong.

use crate::mesh::{ANA, Mesh, NOBODY};
use axum::http::StatusCode;
use kosmo_domain::Metric::Temperature;
use serde_json::Value;

#[tokio::test]
async fn a_refusal_names_the_parameter() {
    let mesh = Mesh::new().await;
    let history = |rest: &str| format!("/api/v1/weather/history?node_id=!a1b2c3d4{rest}");
    let frames = |rest: &str, span: &str| format!("/api/v1/weather/frames?{rest}{span}");
    let june = "&start=2026-06-01T00:00:00Z&end=2026-06-02T00:00:00Z";
    for (path, field) in [
        ("/api/v1/weather/latest?node_id=ana".to_owned(), "node_id"),
        ("/api/v1/weather/latest?nodeid=!a1b2c3d4".to_owned(), "nodeid"),
        ("/api/v1/weather/latest?node_id=!a1b2c3d4&node_id=!a1b2c3d4".to_owned(), "node_id"),
        ("/api/v1/weather/latest?node_id=%00".to_owned(), "node_id"),
        (format!("/api/v1/weather/latest?node_id={}", "a".repeat(10_000)), "node_id"),
        ("/api/v1/weather/history".to_owned(), "node_id"),
        (history(""), "start"),
        (history("&start=2026-06-01T00:00:00Z"), "end"),
        (history("&start=yesterday&end=2026-06-02T00:00:00Z"), "start"),
        (history("&start=2026-06-01T00:00:00&end=2026-06-02T00:00:00Z"), "start"),
        (history("&start=-0001-06-01T00:00:00Z&end=2026-06-02T00:00:00Z"), "start"),
        (history("&start=2026-06-01T00:00:00Z&end=99999-01-01T00:00:00Z"), "end"),
        (history("&start=2026-06-02T00:00:00Z&end=2026-06-01T00:00:00Z"), "start"),
        (history("&start=2026-06-01T00:00:00Z&end=2026-06-01T00:00:00Z"), "start"),
        (history("&start=2026-01-01T00:00:00Z&end=2026-06-01T00:00:00Z"), "end"),
        (history("&start=1970-01-01T00:00:00Z&end=9999-12-31T23:59:59Z&interval=1d"), "end"),
        (history(&format!("{june}&interval=5m")), "interval"),
        (history(&format!("{june}&limit=0")), "limit"),
        (history(&format!("{june}&limit=5001")), "limit"),
        (history(&format!("{june}&limit=1e3")), "limit"),
        (history(&format!("{june}&cursor=x")), "cursor"),
        (history(&format!("{june}&cursor={}", "A".repeat(5_000))), "cursor"),
        ("/api/v1/weather/latest?limit=5001".to_owned(), "limit"),
        ("/api/v1/weather/latest?cursor=x".to_owned(), "cursor"),
        ("/api/v1/map/nodes?limit=1001".to_owned(), "limit"),
        ("/api/v1/map/nodes?cursor=x".to_owned(), "cursor"),
        ("/api/v1/map/nodes?heard_since=lately".to_owned(), "heard_since"),
        ("/api/v1/links?limit=2001".to_owned(), "limit"),
        ("/api/v1/links?cursor=WzFd".to_owned(), "cursor"),
        ("/api/v1/links?since=".to_owned(), "since"),
        (frames("metrics=", june), "metrics"),
        (frames("metrics=sunshine", june), "metrics"),
        (frames("metrics=temperature_c,", june), "metrics"),
        (frames("metrics=co2_ppm,pm1_ugm3,pm4_ugm3,iaq,rain_mm,voc_index,nox_index", june), "metrics"),
        (frames(&format!("metrics=temperature_c{}", ",x".repeat(9_000)), june), "metrics"),
        (frames("metrics=co2_ppm", "&start=2026-06-01T00:00:00Z&end=2026-06-09T00:00:01Z"), "end"),
        (frames("metrics=co2_ppm", "&start=2026-06-01T00:00:00Z&end=2026-06-01T00:00:00Z"), "start"),
        (frames("metrics=co2_ppm", "&start=2026-06-01T00:00:00Z"), "end"),
        (frames("metrics=co2_ppm&limit=251", june), "limit"),
        (frames("metrics=co2_ppm&cursor=x", june), "cursor"),
        ("/api/v1/nodes?limit=1001".to_owned(), "limit"),
        ("/api/v1/nodes?cursor=%27%20or%201=1".to_owned(), "cursor"),
        ("/api/v1/nodes/ana".to_owned(), "id"),
        ("/api/v1/nodes/%FF".to_owned(), "id"),
        ("/api/v1/nodes/!A1B2C3D4".to_owned(), "id"),
    ] {
        let (status, answer) = mesh.get(&path).await;
        assert_eq!(
            (status, answer["code"].as_str(), answer["field"].as_str()),
            (StatusCode::BAD_REQUEST, Some("invalid_request"), Some(field)),
            "{path}: {answer}"
        );
        assert!(answer["detail"].as_str().unwrap().len() < 400, "{answer}");
    }
}

#[tokio::test]
async fn a_limit_is_named_in_words_and_as_a_number() {
    let mesh = Mesh::new().await;
    let (_, answer) = mesh.get("/api/v1/weather/history?node_id=!a1b2c3d4&start=2026-01-01T00:00:00Z&end=2026-06-01T00:00:00Z").await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer).unwrap(), @r#"
        {
          "code": "invalid_request",
          "detail": "one request spans at most 31 days at this interval; ask for parts, or for a longer interval",
          "field": "end",
          "limit": 31,
          "request_id": "00000000-1",
          "status": 400,
          "title": "The request is not valid",
          "type": "/problems/invalid_request"
        }
    "#);
}

#[tokio::test]
async fn a_node_nobody_heard_of_is_not_found() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, 21.5)]).await;
    let (history, node) = (
        format!("/api/v1/weather/history?node_id={NOBODY}&start=2026-06-01T00:00:00Z&end=2026-06-02T00:00:00Z"),
        format!("/api/v1/nodes/{NOBODY}"),
    );
    for path in [history, node] {
        let (status, answer) = mesh.get(&path).await;
        assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &Value::from("not_found")));
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let mesh = Mesh::new().await;
    for minute in 0..3 {
        mesh.measure(ANA, &format!("2026-06-01T12:0{minute}:00Z"), &[(Temperature, 20.0)]).await;
    }
    let span = "start=2026-06-01T00:00:00Z&end=2026-06-02T00:00:00Z";
    let page = mesh.read(&format!("/api/v1/weather/history?node_id={ANA}&{span}&limit=1")).await;
    let cursor = page["next"].as_str().unwrap();
    for other in [format!("node_id={NOBODY}&{span}"), format!("node_id={ANA}&{span}&interval=1h")] {
        let (status, answer) = mesh.get(&format!("/api/v1/weather/history?{other}&cursor={cursor}")).await;
        assert_eq!((status, answer["field"].as_str()), (StatusCode::BAD_REQUEST, Some("cursor")));
    }
    assert_eq!(mesh.get(&format!("/api/v1/nodes?cursor={cursor}")).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_database_that_is_away_is_said_to_be_away() {
    let mesh = Mesh::new().await;
    mesh.store.close().await;
    let (status, answer) = mesh.get("/api/v1/weather/latest").await;
    assert_eq!((status, answer["code"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("unavailable")));
    let (status, answer) = mesh.get("/readyz").await;
    assert_eq!((status, &answer["not_ready"][0]["name"]), (StatusCode::SERVICE_UNAVAILABLE, &Value::from("database")));
}
