//! The registry of nodes.

use crate::mesh::{ANA, BEN, Mesh};
use kosmo_domain::{
    Metric::{Battery, ExternalPower, Temperature},
    Position,
};
use kosmo_store::ingest::{Neighbor, NodeReport, User};
use serde_json::{Value, json};

#[tokio::test]
async fn a_node_shows_what_is_known_of_it_and_roughly_where_it_is() {
    let mesh = Mesh::new().await;
    mesh.report(BEN, "2026-06-01T10:50:00Z", NodeReport::Neighbors(vec![Neighbor { node: crate::mesh::node(ANA), snr_db: -2.25 }])).await;
    mesh.report(BEN, "2026-06-01T10:55:00Z", user("Ben", [8; 32])).await;
    mesh.measure(ANA, "2026-06-01T11:00:00Z", &[(Temperature, 21.5), (Battery, 93.0), (ExternalPower, 1.0)]).await;
    mesh.report(ANA, "2026-06-01T11:10:00Z", user("<b>Ana</b>", [7; 32])).await;
    mesh.report(ANA, "2026-06-01T11:20:00Z", place(50.934_579_2, 6.946_816, None)).await;
    mesh.report(ANA, "2026-06-01T11:30:00Z", NodeReport::Neighbors(vec![Neighbor { node: crate::mesh::node(BEN), snr_db: 5.5 }])).await;

    let detail = mesh.read("/api/v1/nodes/!a1b2c3d4").await;

    let expect = json!({
        "node_id": ANA, "long_name": "<b>Ana</b>", "short_name": "ANA", "hardware": "T_DECK", "role": "CLIENT",
        "licensed": false, "unmessagable": false,
        "position": { "latitude": 50.93, "longitude": 6.95, "altitude_m": 53.0, "precision_deg": 0.01, "at": "2026-06-01T11:20:00Z" },
        "first_heard": "2026-06-01T11:00:00Z", "last_heard": "2026-06-01T11:30:00Z",
        "heard_by_radio": { "at": "2026-06-01T11:30:00Z", "bridge_id": "roof", "snr_db": 7.25, "rssi_dbm": -60, "hops_away": 1 },
        "bridges": ["roof"],
        "power": { "battery_pct": 93.0, "external_power": true, "at": "2026-06-01T11:00:00Z" },
        "is_station": true,
        "identities": [
            { "node_id": ANA, "public_key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "first_heard": "2026-06-01T11:10:00Z" },
            { "node_id": ANA, "first_heard": "2026-06-01T11:00:00Z" },
        ],
        "receptions": [{ "bridge_id": "roof", "at": "2026-06-01T11:30:00Z", "snr_db": 7.25, "rssi_dbm": -60, "hops_away": 1, "via_mqtt": false }],
        "neighbors": [{ "node_id": BEN, "snr_db": 5.5, "at": "2026-06-01T11:30:00Z" }],
        "heard_by": [{ "node_id": BEN, "snr_db": -2.25, "at": "2026-06-01T10:50:00Z" }],
        "traceroutes": [],
        "names": [{ "node_id": BEN, "long_name": "Ben", "short_name": "ANA" }]
    });
    assert_eq!(detail, expect);
    assert!(!detail.to_string().contains("50.934"), "the exact position is not for the public");
}

#[tokio::test]
async fn a_position_the_node_itself_blurred_is_told_as_no_more_precise_than_that() {
    let mesh = Mesh::new().await;
    mesh.report(ANA, "2026-06-01T11:20:00Z", place(50.9, 6.9, Some(13))).await;
    mesh.report(BEN, "2026-06-01T11:20:00Z", place(50.9, 6.9, Some(0))).await;
    let nodes = mesh.read("/api/v1/nodes").await;
    assert_eq!(nodes["data"][0]["position"]["precision_deg"], 0.0524);
    assert_eq!(nodes["data"][1].get("position"), None);
}

#[tokio::test]
async fn the_list_says_how_each_node_is_heard_and_leaves_out_what_nobody_told() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T11:00:00Z", &[(Battery, 93.0)]).await;
    mesh.heard_of(BEN, "2026-06-01T12:00:00Z", NodeReport::Link { snr_db: None, hops_away: None, via_mqtt: true }).await;

    let all = mesh.read("/api/v1/nodes").await;
    assert_eq!(
        all["data"],
        json!([
            {
                "node_id": ANA, "first_heard": "2026-06-01T11:00:00Z", "last_heard": "2026-06-01T11:00:00Z",
                "heard_by_radio": { "at": "2026-06-01T11:00:00Z", "bridge_id": "roof", "snr_db": 7.25, "rssi_dbm": -60, "hops_away": 1 },
                "bridges": ["roof"], "power": { "battery_pct": 93.0, "at": "2026-06-01T11:00:00Z" }, "is_station": false
            },
            {
                "node_id": BEN, "first_heard": "2026-06-01T12:00:00Z", "last_heard": "2026-06-01T12:00:00Z",
                "heard_over_mqtt": { "at": "2026-06-01T12:00:00Z", "bridge_id": "roof" },
                "bridges": ["roof"], "is_station": false
            },
        ])
    );
    let since = mesh.read("/api/v1/nodes?heard_since=2026-06-01T11:30:00Z").await;
    assert_eq!((since["data"].as_array().unwrap().len(), &since["data"][0]["node_id"]), (1, &json!(BEN)));
}

#[tokio::test]
async fn nodes_come_in_pages_by_id() {
    let mesh = Mesh::new().await;
    for number in 10..15 {
        mesh.measure(&format!("!000000{number}"), "2026-06-01T12:00:00Z", &[(Temperature, 20.0)]).await;
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut path = "/api/v1/nodes?limit=2".to_owned();
    loop {
        let page = mesh.read(&path).await;
        seen.extend(page["data"].as_array().unwrap().iter().map(|node| node["node_id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/nodes?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["!00000010", "!00000011", "!00000012", "!00000013", "!00000014"]);
}

fn user(name: &str, key: [u8; 32]) -> NodeReport {
    NodeReport::User(User {
        long_name: Some(name.to_owned()),
        short_name: Some("ANA".to_owned()),
        hardware: Some("T_DECK".to_owned()),
        role: Some("CLIENT".to_owned()),
        public_key: Some(key),
        licensed: false,
        unmessagable: false,
    })
}

fn place(latitude: f64, longitude: f64, precision_bits: Option<u8>) -> NodeReport {
    NodeReport::Position { position: Position::new(latitude, longitude, Some(53.4)).unwrap(), precision_bits }
}
