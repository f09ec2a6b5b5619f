//! History as comma-separated values.

use crate::mesh::{ANA, BEN, Mesh, NOBODY};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use kosmo_domain::Metric::{Battery, Humidity, Rain, Temperature, WindDirection};
use kosmo_store::ingest::{NodeReport, User};

async fn table(mesh: &Mesh, query: &str) -> Vec<String> {
    let path = format!("/api/v1/weather/history.csv?{query}");
    let (status, headers, body) = mesh.ask(Request::get(&path).body(Body::empty()).unwrap()).await;
    let text = String::from_utf8(body).unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    assert_eq!(headers[header::CONTENT_TYPE], "text/csv; charset=utf-8; header=present");
    let text = text.strip_suffix("\r\n").expect("every line ends in CR and LF");
    text.split("\r\n").map(str::to_owned).collect()
}

#[tokio::test]
async fn readings_are_rows_with_units_in_the_names_of_columns() {
    let mesh = Mesh::new().await;
    let name = "=HYPERLINK(\"http://x\")";
    mesh.report(ANA, "2026-06-01T11:00:00Z", NodeReport::User(User { long_name: Some(name.to_owned()), ..User::default() })).await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, f64::from(-0.1_f32)), (Humidity, 48.0)]).await;
    mesh.measure(ANA, "2026-06-01T12:01:00.5Z", &[(Battery, 90.0)]).await;
    let span = format!("node_id={ANA}&start=2026-06-01T14:00:00%2B02:00&end=2026-06-02T00:00:00Z");

    assert_eq!(
        table(&mesh, &span).await,
        [
            "time_utc,node_id,name,temperature_c,humidity_pct,battery_pct",
            "2026-06-01T12:00:00Z,!a1b2c3d4,\"'=HYPERLINK(\"\"http://x\"\")\",-0.1,48,",
            "2026-06-01T12:01:00.5Z,!a1b2c3d4,\"'=HYPERLINK(\"\"http://x\"\")\",,,90",
        ]
    );
    let chosen = table(&mesh, &format!("{span}&metrics=humidity_pct,temperature_c")).await;
    assert_eq!((chosen[0].as_str(), chosen.len()), ("time_utc,node_id,name,humidity_pct,temperature_c", 2));
}

#[tokio::test]
async fn summaries_say_what_became_of_the_values() {
    let mesh = Mesh::new().await;
    for (at, temperature, rain, direction) in [("12:00", 20.0, 0.25, 350.0), ("12:30", 21.0, 0.5, 10.0), ("14:10", 30.0, 0.0, 90.0)] {
        mesh.measure(ANA, &format!("2026-06-01T{at}:00Z"), &[(Temperature, temperature), (Rain, rain), (WindDirection, direction)]).await;
    }
    mesh.summarise().await;
    let rows = table(&mesh, &format!("node_id={ANA}&start=2026-06-01T12:20:00Z&end=2026-06-02T00:00:00Z&interval=1h")).await;
    assert_eq!(
        rows,
        [
            "time_utc,node_id,name,temperature_c_mean,temperature_c_min,temperature_c_max,wind_direction_deg_mean,rain_mm_sum,readings",
            "2026-06-01T12:00:00Z,!a1b2c3d4,,20.5,20,21,0,0.75,2",
            "2026-06-01T14:00:00Z,!a1b2c3d4,,30,30,30,90,0,1",
        ]
    );
}

#[tokio::test]
async fn a_table_is_as_long_as_its_history_and_comes_in_parts() {
    let mesh = Mesh::new().await;
    for minute in 0..2_050_u32 {
        let at = format!("2026-06-{:02}T{:02}:{:02}:00Z", 1 + minute / 1440, minute / 60 % 24, minute % 60);
        mesh.measure(ANA, &at, &[(Temperature, f64::from(minute % 60))]).await;
    }
    let whole = "start=1970-01-01T00:00:00Z&end=2100-01-01T00:00:00Z";
    let rows = table(&mesh, &format!("node_id={ANA}&{whole}")).await;
    assert_eq!((rows.len(), rows[1].as_str()), (2_051, "2026-06-01T00:00:00Z,!a1b2c3d4,,0"));
    assert!(rows[2_050].starts_with("2026-06-02T10:09:00Z"), "{}", rows[2_050]);
    assert_eq!(
        mesh.parts(&format!("/api/v1/weather/history.csv?node_id={ANA}&{whole}")).await,
        4,
        "the names, and a thousand rows at once"
    );
    for (step, count) in [("5m", 410), ("15m", 137), ("1h", 35), ("6h", 6), ("1d", 2)] {
        let rows = table(&mesh, &format!("node_id={ANA}&{whole}&interval={step}")).await;
        assert_eq!(rows.len() - 1, count, "{step}");
        assert_eq!(
            rows[1].rsplit(',').nth(1),
            Some(if step == "5m" {
                "4"
            } else if step == "15m" {
                "14"
            } else {
                "59"
            }),
            "{step}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_a_problem_and_no_table() {
    let mesh = Mesh::new().await;
    mesh.measure(BEN, "2026-06-01T12:00:00Z", &[(Temperature, 20.0)]).await;
    let june = "start=2026-06-01T00:00:00Z&end=2026-07-01T00:00:00Z";
    for (query, status, code) in [
        (format!("node_id={NOBODY}&{june}"), 404, "not_found"),
        (format!("node_id={BEN}&start=2026-07-01T00:00:00Z&end=2026-06-01T00:00:00Z"), 400, "invalid_request"),
        (format!("node_id={BEN}&{june}&interval=7m"), 400, "invalid_request"),
        (format!("node_id={BEN}&{june}&metrics=__proto__"), 400, "invalid_request"),
    ] {
        let (answered, problem) = mesh.get(&format!("/api/v1/weather/history.csv?{query}")).await;
        assert_eq!((answered.as_u16(), problem["code"].as_str()), (status, Some(code)), "{query}");
    }
}
