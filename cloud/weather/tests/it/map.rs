//! What the map asks for: nodes with values, links, and frames of past hours.

use crate::mesh::{ANA, BEN, Mesh, NOBODY, at, node};
use kosmo_domain::{
    Metric::{Battery, Temperature, WindDirection, WindSpeed},
    Position,
};
use kosmo_store::{
    SecretHash,
    ingest::{Neighbor, NodeReport, Traceroute},
};
use serde_json::{Value, json};

#[tokio::test]
async fn nodes_come_with_their_values_and_roughly_where_they_are() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T11:45:00Z", &[(Battery, 93.0), (Temperature, 20.0)]).await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(Temperature, 21.5)]).await;
    mesh.report(ANA, "2026-06-01T11:20:00Z", place(50.934_579_2, 6.946_816)).await;
    mesh.measure(BEN, "2026-06-01T12:01:00Z", &[(Battery, 50.0)]).await;
    has_radio(&mesh, BEN).await;

    let answer = mesh.read("/api/v1/map/nodes").await;
    let expect = json!({ "next": null, "data": [
        {
            "node_id": ANA, "last_heard": "2026-06-01T12:00:00Z", "station": true,
            "position": { "latitude": 50.93, "longitude": 6.95, "altitude_m": 53.0, "precision_deg": 0.01, "at": "2026-06-01T11:20:00Z" },
            "latest": {
                "at": "2026-06-01T12:00:00Z", "values": { "temperature_c": 21.5, "battery_pct": 93.0 },
                "observed_at": { "battery_pct": "2026-06-01T11:45:00Z" }
            }
        },
        {
            "node_id": BEN, "last_heard": "2026-06-01T12:01:00Z", "station": false,
            "bridges": [{ "bridge_id": "roof", "state": "online", "status_at": "2026-06-01T12:00:00Z" }],
            "latest": { "at": "2026-06-01T12:01:00Z", "values": { "battery_pct": 50.0 } }
        },
    ] });
    assert_eq!(answer, expect);
    let late = mesh.read("/api/v1/map/nodes?heard_since=2026-06-01T12:01:00Z").await;
    assert_eq!(late["data"], json!([answer["data"][1]]));
    let first = mesh.read("/api/v1/map/nodes?limit=1").await;
    let second = mesh.read(&format!("/api/v1/map/nodes?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((&first["data"][0], &second["data"][0], &second["next"]), (&answer["data"][0], &answer["data"][1], &Value::Null));
}

#[tokio::test]
async fn links_lead_from_who_was_heard_to_who_heard() {
    let mesh = Mesh::new().await;
    mesh.report(ANA, "2026-06-01T11:30:00Z", NodeReport::Neighbors(vec![Neighbor { node: node(NOBODY), snr_db: 5.5 }])).await;
    let heard = NodeReport::Link { snr_db: Some(-2.5), hops_away: Some(0), via_mqtt: false };
    for who in [ANA, BEN] {
        mesh.heard_of(who, "2026-06-01T11:40:00Z", heard.clone()).await;
    }
    let neighbor = json!({ "from": NOBODY, "to": ANA, "snr_db": 5.5, "at": "2026-06-01T11:30:00Z", "source": "neighbor" });
    assert_eq!(mesh.read("/api/v1/links").await, json!({ "next": null, "data": [neighbor] }), "nobody knows which node the bridge is");

    has_radio(&mesh, BEN).await;
    let heard = json!({
        "from": ANA, "to": BEN, "snr_db": -2.5, "at": "2026-06-01T11:40:00Z", "source": "reception", "bridge_id": "roof"
    });
    assert_eq!(mesh.read("/api/v1/links").await["data"], json!([neighbor, heard]), "its own radio is no link");
    assert_eq!(mesh.read("/api/v1/links?since=2026-06-01T11:31:00Z").await["data"], json!([heard]));
    let (mut seen, mut path) = (Vec::new(), "/api/v1/links?limit=1".to_owned());
    loop {
        let page = mesh.read(&path).await;
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/links?limit=1&cursor={next}");
    }
    assert_eq!(seen, [neighbor, heard]);
}

#[tokio::test]
async fn ways_lead_step_by_step_from_who_asked_and_back() {
    let mesh = Mesh::new().await;
    let way = |to: &str, route: &[&str], snr_towards_db: Vec<Option<f32>>, snr_back_db: Vec<Option<f32>>| {
        let route = route.iter().map(|relay| node(relay)).collect();
        NodeReport::Traceroute(Traceroute { to: node(to), route, snr_towards_db, route_back: Vec::new(), snr_back_db })
    };
    mesh.report(ANA, "2026-06-01T11:30:00Z", way(BEN, &[NOBODY], vec![Some(6.25), None], vec![Some(-3.5)])).await;
    mesh.report(BEN, "2026-06-01T11:31:00Z", way(ANA, &[], vec![Some(1.0)], Vec::new())).await;
    let direct = json!({
        "from_node_id": ANA, "to_node_id": BEN, "at": "2026-06-01T11:31:00Z", "towards": [{ "node_id": BEN, "snr_db": 1.0 }], "back": []
    });
    let relayed = json!({
        "from_node_id": BEN, "to_node_id": ANA, "at": "2026-06-01T11:30:00Z",
        "towards": [{ "node_id": NOBODY, "snr_db": 6.25 }, { "node_id": ANA, "snr_db": null }],
        "back": [{ "node_id": BEN, "snr_db": -3.5 }]
    });
    assert_eq!(mesh.read("/api/v1/traceroutes").await, json!({ "data": [direct, relayed], "next": null }));
    assert_eq!(mesh.read(&format!("/api/v1/traceroutes?node_id={NOBODY}")).await["data"], json!([relayed]), "through it");
    let first = mesh.read("/api/v1/traceroutes?limit=1").await;
    let rest = mesh.read(&format!("/api/v1/traceroutes?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((&first["data"], &rest["data"], &rest["next"]), (&json!([direct]), &json!([relayed]), &Value::Null));
}

#[tokio::test]
async fn frames_are_hours_in_columns() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:10:00Z", &[(Temperature, 20.0), (WindDirection, 350.0)]).await;
    mesh.measure(ANA, "2026-06-01T12:20:00Z", &[(Temperature, 21.06), (WindDirection, 10.0)]).await;
    mesh.measure(ANA, "2026-06-01T14:00:00Z", &[(Temperature, -0.01)]).await;
    mesh.measure(BEN, "2026-06-01T10:00:00Z", &[(Temperature, 1.0)]).await;
    mesh.summarise().await;
    let path = "/api/v1/weather/frames?metrics=temperature_c,wind_direction_deg&start=2026-06-01T12:30:00Z&end=2026-06-01T14:00:01Z";
    let expect = json!({ "start": "2026-06-01T12:00:00Z", "hours": 3, "next": null, "data": [{
        "node_id": ANA, "values": { "temperature_c": [20.5, null, 0.0], "wind_direction_deg": [0.0, null, null] }
    }] });
    assert_eq!(mesh.read(path).await, expect);
    let first = mesh.read(&format!("{path}&limit=1")).await;
    let rest = mesh.read(&format!("{path}&limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((&first["data"], &rest["data"], &rest["next"]), (&expect["data"], &json!([]), &Value::Null));
}

#[tokio::test]
async fn latest_goes_on_where_it_ended() {
    let mesh = Mesh::new().await;
    mesh.measure(ANA, "2026-06-01T12:00:00Z", &[(WindSpeed, 2.0)]).await;
    mesh.measure(BEN, "2026-06-01T12:00:00Z", &[(WindSpeed, 3.0)]).await;
    let first = mesh.read("/api/v1/weather/latest?limit=1").await;
    let second = mesh.read(&format!("/api/v1/weather/latest?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((&first["data"][0]["node_id"], &second["data"][0]["node_id"]), (&json!(ANA), &json!(BEN)));
    assert_eq!(second.get("next"), None, "who knows nothing of pages sees what there always was");
}

/// Has the bridge `roof` say that this is its radio.
async fn has_radio(mesh: &Mesh, who: &str) {
    let roof = "roof".parse().unwrap();
    let secret = SecretHash::try_from(vec![0; 32]).unwrap();
    mesh.store.add_bridge(&roof, &secret, at("2026-06-01T00:00:00Z")).await.unwrap();
    let status = json!({ "v": 1, "bridge": "roof", "state": "online", "radio": { "link": "ready", "node_id": who } }).to_string();
    assert!(mesh.store.note_bridge_status(&roof, &status, at("2026-06-01T12:00:00Z")).await.unwrap());
}

fn place(latitude: f64, longitude: f64) -> NodeReport {
    NodeReport::Position { position: Position::new(latitude, longitude, Some(53.4)).unwrap(), precision_bits: None }
}
