//! Places that people mark, as a client of the API sees them.

use crate::mesh::{ANA, BEN, Mesh, node};
use axum::http::StatusCode;
use kosmo_domain::Position;
use kosmo_store::ingest::{HostStats, NodeReport, RadioStats, TrafficStats, Waypoint};
use serde_json::json;

fn place(id: u32, expires: Option<&str>) -> NodeReport {
    NodeReport::Waypoint(Waypoint {
        id,
        position: Some(Position::new(50.934_58, 6.946_82, None).unwrap()),
        expires_at: expires.map(crate::mesh::at),
        locked_to: Some(node(ANA)),
        name: Some("<b>Spring</b>".to_owned()),
        description: None,
        icon: Some("💧".to_owned()),
        channel: None,
        public: true,
    })
}

/// The clock of these tests stands at noon of the first of June.
#[tokio::test]
async fn places_that_count_are_listed_where_they_are_and_others_are_not() {
    let mesh = Mesh::new().await;
    mesh.report(ANA, "2026-06-01T11:00:00Z", place(7, Some("2026-06-01T13:00:00Z"))).await;
    mesh.report(ANA, "2026-06-01T11:00:00Z", place(8, Some("2026-06-01T11:59:00Z"))).await;
    mesh.report(ANA, "2026-06-01T11:00:00Z", place(9, None)).await;
    let answer = mesh.read("/api/v1/waypoints").await;
    let first = json!({
        "id": 7, "node_id": ANA, "latitude": 50.934_58, "longitude": 6.946_82, "name": "<b>Spring</b>", "icon": "💧",
        "expires_at": "2026-06-01T13:00:00Z", "locked_to": ANA, "at": "2026-06-01T11:00:00Z"
    });
    assert_eq!((&answer["data"][0], answer["data"][1]["id"].as_u64(), answer["data"].as_array().unwrap().len()), (&first, Some(9), 2));
    let page = mesh.read("/api/v1/waypoints?limit=1").await;
    let rest = mesh.read(&format!("/api/v1/waypoints?cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!((rest["data"][0]["id"].as_u64(), &rest["next"]), (Some(9), &json!(null)));
    let (status, problem) = mesh.get("/api/v1/waypoints?limit=1001").await;
    assert_eq!((status, problem["field"].as_str()), (StatusCode::BAD_REQUEST, Some("limit")));
}

#[tokio::test]
async fn what_a_node_its_computer_and_its_traffic_management_count_is_told_with_it() {
    let mesh = Mesh::new().await;
    let at = "2026-06-01T11:00:00Z";
    mesh.report(BEN, at, NodeReport::RadioStats(RadioStats { uptime_s: 60, packets_tx_dropped: 3, ..RadioStats::default() })).await;
    mesh.report(BEN, at, NodeReport::HostStats(HostStats { disk_free_bytes: 1 << 40, ..HostStats::default() })).await;
    mesh.report(BEN, at, NodeReport::TrafficStats(TrafficStats { rate_limited: 9, ..TrafficStats::default() })).await;
    let node = mesh.read(&format!("/api/v1/nodes/{BEN}")).await;
    assert_eq!((node["radio_stats"]["packets_tx_dropped"].as_u64(), node["radio_stats"]["at"].as_str()), (Some(3), Some(at)));
    assert_eq!((node["host_stats"]["disk_free_bytes"].as_u64(), node["host_stats"]["at"].as_str()), (Some(1 << 40), Some(at)));
    assert_eq!((node["traffic_stats"]["rate_limited"].as_u64(), node["traffic_stats"]["at"].as_str()), (Some(9), Some(at)));
}
