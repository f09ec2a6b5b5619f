//! The published description of the API: a change of it is a change for every client.

use crate::mesh::Mesh;
use axum::{body::Body, http::Request};
use kosmo_domain::METRICS;

#[tokio::test]
async fn the_description_is_as_published() {
    let document = Mesh::new().await.read("/openapi.json").await;
    insta::assert_snapshot!("openapi.json", serde_json::to_string_pretty(&document).unwrap());
}

#[tokio::test]
async fn the_table_of_metrics_tells_what_values_are() {
    let mesh = Mesh::new().await;
    let table = mesh.read("/api/v1/weather/metrics").await;
    assert_eq!(table["data"].as_array().unwrap().len(), METRICS.len());
    insta::assert_snapshot!(table["data"][0].to_string(), @r#"{"aggregate":"mean","decimals":1,"max":85.0,"min":-80.0,"name":"temperature_c","unit":"°C"}"#);
    let (_, headers, _) = mesh.ask(Request::get("/api/v1/weather/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(headers["access-control-allow-origin"], "*");
}
