//! Latest values and history.

use crate::mesh::{ANA, BEN, Mesh};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use kosmo_domain::Metric::{Battery, Humidity, Rain, Rain1h, Temperature, Uptime, WindDirection, WindGust};
use serde_json::{Value, json};

#[tokio::test]
async fn latest_has_the_newest_of_each_value_and_says_which_are_older() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T11:45:00Z", &[(Battery, 93.0), (Temperature, 20.0)]).await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, f64::from(21.1_f32)), (Humidity, 48.0)]).await;
    mesh.measure(BEN, "2026-06-01T12:01:00Z", &[(Temperature, 0.0)]).await;

    assert_eq!(
        mesh.read("/api/v1/weather/latest").await,
        json!({ "data": [
            {
                "node_id": ANA, "at": "2026-06-01T12:00:00Z",
                "temperature_c": 21.1, "humidity_pct": 48.0, "battery_pct": 93.0,
                "observed_at": { "battery_pct": "2026-06-01T11:45:00Z" }
            },
            { "node_id": BEN, "at": "2026-06-01T12:01:00Z", "temperature_c": 0.0 },
        ] })
    );
}

#[tokio::test]
async fn latest_of_one_node_has_that_node_alone() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, 21.5)]).await;
    mesh.measure(BEN, "2026-06-01T12:00:00Z", &[(Temperature, 11.5)]).await;
    let ids = async |path: &str| -> Vec<Value> {
        let answer = mesh.read(path).await;
        answer["data"].as_array().unwrap().iter().map(|reading| reading["node_id"].clone()).collect()
    };

    assert_eq!(ids("/api/v1/weather/latest?node_id=!b1b2c3d4").await, [BEN]);
    assert_eq!(ids("/api/v1/weather/latest?node_id=%21b1b2c3d4").await, [BEN]);
    assert_eq!(ids("/api/v1/weather/latest?node_id=!deadbeef").await, [""; 0]);
    assert_eq!(ids("/api/v1/weather/latest?node_id=").await, [ANA, BEN]);
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_twice() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, 21.5)]).await;
    let latest = || Request::get("/api/v1/weather/latest");
    let (_, headers, _) = mesh.ask(latest().body(Body::empty()).unwrap()).await;
    let tag = headers[header::ETAG].clone();
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=5");

    let again = latest().header(header::IF_NONE_MATCH, &tag);
    let (status, headers, body) = mesh.ask(again.body(Body::empty()).unwrap()).await;
    assert_eq!((status, body.len(), &headers[header::ETAG]), (StatusCode::NOT_MODIFIED, 0, &tag));

    mesh.measure(ANA, "2026-06-01T12:01:00Z", &[(Temperature, 21.6)]).await;
    let after = latest().header(header::IF_NONE_MATCH, &tag);
    assert_eq!(mesh.ask(after.body(Body::empty()).unwrap()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn raw_history_has_each_reading_once_and_comes_in_pages() {
    let mesh = Mesh::new().await;
    for minute in 0..5 {
        mesh.measure(ANA, &format!("2026-06-01T12:0{minute}:00Z"), &[(Temperature, 20.0 + f64::from(minute))]).await;
    }
    let base = "/api/v1/weather/history?node_id=!a1b2c3d4&start=2026-06-01T12:00:00Z&end=2026-06-01T12:04:00Z&limit=3";
    let first = mesh.read(base).await;
    assert_eq!(
        first["data"][0],
        json!({ "node_id": ANA, "at": "2026-06-01T12:00:00Z", "temperature_c": 20.0, "time_source": "device", "trust": "claimed" })
    );
    let second = mesh.read(&format!("{base}&cursor={}", first["next"].as_str().unwrap())).await;

    assert_eq!(second["next"], Value::Null);
    let times: Vec<_> = [&first, &second].into_iter().flat_map(|page| page["data"].as_array().unwrap()).map(|row| &row["at"]).collect();
    let expect = ["2026-06-01T12:00:00Z", "2026-06-01T12:01:00Z", "2026-06-01T12:02:00Z", "2026-06-01T12:03:00Z"];
    assert_eq!(times, expect, "the end itself does not belong to the span");
}

#[tokio::test]
async fn hours_say_what_the_metric_says() {
    let mesh = Mesh::new().await;
    mesh.measure(
        ANA,
        "2026-06-01T12:00:00Z",
        &[(Temperature, 20.0), (Rain, 0.25), (Rain1h, 3.0), (WindGust, 7.0), (WindDirection, 350.0), (Uptime, 100.0)],
    )
    .await;
    mesh.measure(
        ANA,
        "2026-06-01T12:30:00Z",
        &[(Temperature, 21.0), (Rain, 0.5), (Rain1h, 2.0), (WindGust, 4.0), (WindDirection, 10.0), (Uptime, 1900.0)],
    )
    .await;
    mesh.summarise().await;

    let hours =
        mesh.read("/api/v1/weather/history?node_id=!a1b2c3d4&start=2026-06-01T12:20:00Z&end=2026-06-01T13:00:00Z&interval=1h").await;
    assert_eq!(
        hours,
        json!({ "next": null, "data": [{
            "node_id": ANA, "at": "2026-06-01T12:00:00Z",
            "temperature_c": 20.5, "wind_gust_ms": 7.0, "wind_direction_deg": 0.0, "rain_mm": 0.75, "rain_1h_mm": 2.0, "uptime_s": 1800.0,
            "min": { "temperature_c": 20.0 },
            "max": { "temperature_c": 21.0, "wind_gust_ms": 7.0 },
            "count": { "temperature_c": 2, "wind_gust_ms": 2, "wind_direction_deg": 2, "rain_mm": 2, "rain_1h_mm": 2, "uptime_s": 2 },
            "readings": 2
        }] })
    );
    let days = mesh.read("/api/v1/weather/history?node_id=!a1b2c3d4&start=2026-06-01T20:00:00Z&end=2026-06-02T00:00:00Z&interval=1d").await;
    assert_eq!((&days["data"][0]["at"], &days["data"][0]["temperature_c"]), (&json!("2026-06-01T00:00:00Z"), &json!(20.5)));
}

#[tokio::test]
async fn an_offset_may_be_written_with_a_plus_that_was_not_escaped() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, 20.0)]).await;
    for (start, end) in
        [("14:00:00+02:00", "14:00:01+02:00"), ("14:00:00%2B02:00", "14:00:01%2B02:00"), ("09:00:00-03:00", "09:00:01-03:00")]
    {
        let path = format!("/api/v1/weather/history?node_id=!a1b2c3d4&start=2026-06-01T{start}&end=2026-06-01T{end}");
        assert_eq!(mesh.read(&path).await["data"].as_array().unwrap().len(), 1, "{path}");
    }
}
