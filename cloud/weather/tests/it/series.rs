//! History for charts: the step that suits, columns, gaps.

use crate::mesh::{ANA, Mesh};
use kosmo_domain::Metric::{Battery, Rain, Rain1h, Temperature, WindDirection, WindGust};
use serde_json::{Value, json};

fn path(start: &str, end: &str, rest: &str) -> String {
    format!("/api/v1/weather/series?node_id={ANA}&start={start}&end={end}{rest}")
}

/// Measures every `step` minutes of a day of June from the first hour up to the last.
async fn measure_hours(mesh: &Mesh, day: u32, hours: std::ops::Range<u32>, step: usize) {
    for hour in hours {
        for minute in (0..60).step_by(step) {
            mesh.measure(ANA, &format!("2026-06-{day:02}T{hour:02}:{minute:02}:00Z"), &[(Temperature, f64::from(hour))]).await;
        }
    }
}

#[tokio::test]
async fn few_readings_are_told_one_by_one_with_null_where_a_metric_is_missing() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, f64::from(21.1_f32)), (WindGust, 7.0)]).await;
    mesh.measure(ANA, "2026-06-01T12:01:00Z", &[(Battery, 90.0)]).await;
    mesh.measure(ANA, "2026-06-01T12:02:00Z", &[(Temperature, 0.0)]).await;

    let some = mesh.read(&path("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", "&metrics=temperature_c,wind_gust_ms")).await;
    assert_eq!(
        some,
        json!({
            "node_id": ANA, "interval": "raw", "at": ["2026-06-01T12:00:00Z", "2026-06-01T12:02:00Z"],
            "metrics": { "temperature_c": { "value": [21.1, 0.0] }, "wind_gust_ms": { "value": [7.0, null] } }
        })
    );
    let all = mesh.read(&path("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", "")).await;
    let names: Vec<_> = all["metrics"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["battery_pct", "temperature_c", "wind_gust_ms"]);
    let end = mesh.read(&path("2026-06-01T12:00:00Z", "2026-06-01T12:01:00Z", "")).await;
    assert_eq!(end["at"], json!(["2026-06-01T12:00:00Z"]), "the end itself does not belong to the span");
}

#[tokio::test]
async fn a_bucket_tells_what_its_metric_says_and_a_gap_stays_a_gap() {
    let mesh = Mesh::new().await;
    let measured = [
        ("2026-06-01T12:00:00Z", 20.0, 0.25, 3.0, 350.0, 7.0),
        ("2026-06-01T12:14:59Z", 21.0, 0.5, 2.0, 10.0, 4.0),
        ("2026-06-01T13:30:00Z", 25.0, 0.0, 1.0, 90.0, 5.0),
    ];
    for (at, temperature, rain, rain_1h, direction, gust) in measured {
        let values = [(Temperature, temperature), (Rain, rain), (Rain1h, rain_1h), (WindDirection, direction), (WindGust, gust)];
        mesh.measure(ANA, at, &values).await;
    }
    // Not yet summarised: shorter steps come from readings, and hours that changed are computed on the spot.
    for (interval, first, second) in [("15m", "12:00", "13:30"), ("1h", "12:00", "13:00"), ("3h", "12:00", "")] {
        let start = "2026-06-01T12:05:00Z";
        let series = mesh.read(&path(start, "2026-06-01T14:00:00Z", &format!("&interval={interval}"))).await;
        let at: Vec<_> = [first, second].iter().filter(|at| !at.is_empty()).map(|at| format!("2026-06-01T{at}:00Z")).collect();
        assert_eq!(series["at"], json!(at), "{interval}");
        let column = |name: &str, part: &str| series["metrics"][name][part][0].clone();
        let whole = interval == "3h";
        let expect = if whole {
            [json!(22.0), json!(20.0), json!(25.0), json!(0.75), json!(1.0), json!(7.0)]
        } else {
            [json!(20.5), json!(20.0), json!(21.0), json!(0.75), json!(2.0), json!(7.0)]
        };
        let told = [
            column("temperature_c", "value"),
            column("temperature_c", "min"),
            column("temperature_c", "max"),
            column("rain_mm", "value"),
            column("rain_1h_mm", "value"),
            column("wind_gust_ms", "value"),
        ];
        assert_eq!(told, expect, "{interval}");
        let direction = column("wind_direction_deg", "value").as_f64().unwrap();
        assert!(whole || !(0.01..=359.99).contains(&direction), "north lies between 350 and 10 degrees, not at {direction}");
        assert_eq!(series["metrics"]["rain_mm"].get("min"), None, "a sum has no least value");
    }
}

#[tokio::test]
async fn the_step_follows_the_span_and_the_width_of_the_chart() {
    let mesh = Mesh::new().await;
    measure_hours(&mesh, 1, 0..24, 10).await;
    mesh.summarise().await;
    let interval = async |start: &str, end: &str, points: u32| -> (Value, usize) {
        let series = mesh.read(&path(start, end, &format!("&points={points}"))).await;
        (series["interval"].clone(), series["at"].as_array().unwrap().len())
    };
    assert_eq!(interval("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", 500).await, (json!("raw"), 144));
    assert_eq!(interval("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", 50).await, (json!("30m"), 48));
    assert_eq!(interval("2026-06-01T06:00:00Z", "2026-06-01T08:00:00Z", 50).await, (json!("raw"), 12));
    assert_eq!(interval("2026-05-20T00:00:00Z", "2026-06-20T00:00:00Z", 70).await, (json!("12h"), 2));
    assert_eq!(interval("2025-06-20T00:00:00Z", "2026-06-20T00:00:00Z", 70).await, (json!("1d"), 1));
    assert_eq!(interval("2025-06-20T00:00:00Z", "2025-06-21T00:00:00Z", 70).await, (json!("raw"), 0));
}

#[tokio::test]
async fn every_step_says_the_same_of_a_day() {
    let mesh = Mesh::new().await;
    measure_hours(&mesh, 1, 3..21, 7).await;
    measure_hours(&mesh, 2, 0..5, 7).await;
    mesh.summarise().await;
    let mut told = Vec::new();
    for step in ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "1d"] {
        let series = mesh.read(&path("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z", &format!("&interval={step}"))).await;
        let temperature = &series["metrics"]["temperature_c"];
        let extreme = |part: &str, pick: fn(f64, f64) -> f64| {
            temperature[part].as_array().unwrap().iter().filter_map(Value::as_f64).reduce(pick).unwrap()
        };
        told.push((extreme("min", f64::min), extreme("max", f64::max)));
        assert_eq!(series["at"][0].as_str().unwrap().get(..10), Some("2026-06-01"), "{step}");
    }
    assert_eq!(told, [(3.0, 20.0); 8]);
}

#[tokio::test]
async fn what_cannot_be_charted_is_refused_by_name() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, 20.0)]).await;
    let (june, july) = ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z");
    for (path, field) in [
        (path(july, june, ""), "start"),
        (path("1990-01-01T00:00:00Z", june, ""), "end"),
        (path(june, july, "&points=9"), "points"),
        (path(june, july, "&points=2001"), "points"),
        (path(june, july, "&interval=2h"), "interval"),
        (path("2016-06-01T00:00:00Z", june, "&interval=1h"), "interval"),
        (path(june, july, "&metrics=temperature"), "metrics"),
        (path(june, july, "&metrics=rain_mm,rain_mm"), "metrics"),
        (path(june, july, "&zoom=1"), "zoom"),
    ] {
        let (status, problem) = mesh.get(&path).await;
        assert_eq!((status.as_u16(), &problem["field"]), (400, &json!(field)), "{path}: {problem}");
    }
    let (status, problem) = mesh.get(&path(june, july, "").replace(ANA, crate::mesh::NOBODY)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (404, &json!("not_found")));
}
