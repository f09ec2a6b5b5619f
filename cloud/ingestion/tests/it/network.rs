//! What the page of the network is told, and what it is not.

use crate::harness::{at, sqlite};
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use kosmo_domain::{
    BridgeId, Epoch, ManualClock, Metric, Metrics, NodeId, PacketId, Reading, Source, Stream, TimeSource, Timestamp, Trust,
};
use kosmo_http::{App, Info, recorder};
use kosmo_store::{
    Secret, Store,
    ingest::{Body as Said, NodeReport, RadioStats, Raw, Reception, Record, RecordName, User},
    network::{NotReady, ServiceRun},
    packets::{KeepPackets, NewPacket, Teller},
    rejects::NewReject,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tower::ServiceExt as _;

const NOW: &str = "2026-06-01T12:00:30Z";
const RADIO: &str = "!4daa1001";

struct Network {
    store: Store,
    app: axum::Router,
    _folder: TempDir,
}

impl Network {
    async fn new() -> Self {
        let (store, folder) = sqlite().await;
        let service = kosmo_ingestion::network::service(store.clone(), Arc::new(ManualClock::at(at(NOW))));
        let app = App::new("test", Info::new("Test", "1"), 0).with(service).into_router(recorder().handle());
        Self { store, app, _folder: folder }
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(format!("/api/v1/network/{path}")).body(Body::empty()).unwrap();
        let (head, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        (head.status, serde_json::from_slice(&to_bytes(body, 1 << 20).await.unwrap()).unwrap())
    }

    async fn read(&self, path: &str) -> Value {
        let (status, answer) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Has a bridge with a login say something of itself.
    async fn says(&self, name: &str, when: &str, status: Value) {
        self.login(name).await;
        self.store.note_bridge_status(&id(name), &status.to_string(), at(when)).await.unwrap();
    }

    async fn login(&self, name: &str) {
        self.store.add_bridge(&id(name), &Secret::from_random([1; 32]).hash(), at("2026-05-01T00:00:00Z")).await.unwrap();
    }

    /// Has the bridge on the roof deliver records, at the time they tell.
    async fn deliver(&self, seq: u64, when: &str, body: Said) {
        let origin = RecordName { bridge: id("roof"), epoch: Epoch::from_random(7), stream: Stream::Ingest, seq };
        self.store
            .ingest(&[Record { origin, heard: None, privacy: None, body, notes: Vec::new(), raw: Raw::default() }], at(when))
            .await
            .unwrap();
    }
}

fn id(name: &str) -> BridgeId {
    name.parse().unwrap()
}

fn status(bridge: &str, more: &Value) -> Value {
    let mut status = json!({ "v": 1, "bridge": bridge, "state": "online", "radio": { "link": "ready" } });
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    status
}

fn measured(node: NodeId, when: &str) -> Said {
    let mut metrics = Metrics::NONE;
    metrics.set(Metric::Temperature, 21.5).unwrap();
    let reading = Reading { node, at: at(when), metrics };
    Said::Reading { reading, time_source: TimeSource::Device, device_time: None, trust: Trust::Claimed, source: Source::Bridge }
}

fn refused(topic: &str) -> NewReject<'_> {
    NewReject {
        record: None,
        topic,
        payload: b"my secret text",
        whole: true,
        code: "not_json",
        field: "",
        detail: "it says my secret text",
    }
}

#[tokio::test]
async fn a_bridge_is_told_with_its_queues_its_radio_and_the_air() {
    let network = Network::new().await;
    let golden: Value = serde_json::from_str(include_str!("../../../../common/contract/golden/status_online.json")).unwrap();
    network.says("roof", "2026-06-01T12:00:00Z", golden).await;
    let stats = RadioStats { channel_utilization_pct: 12.5, air_util_tx_pct: 1.5, nodes_online: 7, ..RadioStats::default() };
    let report = Said::Node { node: RADIO.parse().unwrap(), report: NodeReport::RadioStats(stats), at: at("2026-06-01T11:59:00Z") };
    network.deliver(1, "2026-06-01T12:00:00Z", report).await;
    let expect = json!({
        "at": "2026-06-01T12:00:30Z", "believed_s": 180, "next": null,
        "data": [{
            "bridge_id": "roof", "state": "online", "status_at": "2026-06-01T12:00:00Z", "last_seen_at": "2026-06-01T12:00:00Z",
            "trouble": ["reported"], "problems": ["the disk with the spool is full"], "version": "0.2.0", "uptime_s": 86400,
            "radio": {
                "node_id": RADIO, "firmware": "2.7.26.54e0d8d", "region": "EU_868", "modem_preset": "LONG_FAST",
                "air": { "at": "2026-06-01T11:59:00Z", "channel_utilization_pct": 12.5, "air_util_tx_pct": 1.5, "nodes_online": 7 }
            },
            "queues": { "ingest": { "waiting": 3, "in_flight": 3 }, "gateway": { "waiting": 0, "in_flight": 0 }, "outbound": { "waiting": 1, "in_flight": 1 } },
            "spool": { "packets": 1200, "spooled": 0, "committed": 0, "rejected": 0, "dropped": 0, "lost": 0 },
            "airtime": { "waits_for": "duty_cycle", "waits_s": 40, "used_pct": 9.75, "allowed_pct": 10.0 }
        }]
    });
    assert_eq!(network.read("bridges").await, expect);
}

#[tokio::test]
async fn what_is_wrong_with_a_bridge_is_told_in_codes() {
    let network = Network::new().await;
    let queues = |waiting| json!({ "ingest": { "waiting": waiting, "in_flight": 0 }, "gateway": { "waiting": 0, "in_flight": 0 } });
    let fresh = "2026-06-01T12:00:00Z";
    network.says("away", "2026-06-01T11:57:29Z", status("away", &json!({}))).await;
    network.says("busy", fresh, status("busy", &json!({ "queues": queues(501) }))).await;
    network.says("calm", fresh, status("calm", &json!({ "queues": queues(500) }))).await;
    network
        .says("deaf", fresh, status("deaf", &json!({ "radio": { "link": "down", "detail": "cannot reach tcp://10.0.0.7:4403" } })))
        .await;
    network.says("full", fresh, status("full", &json!({ "counters": { "records_dropped_at_cap": 7, "texts_lost": 1 } }))).await;
    network.says("gone", fresh, json!({ "v": 1, "bridge": "gone", "state": "offline" })).await;
    network.login("new").await;
    let answer = network.read("bridges").await;
    let told: Vec<_> = answer["data"].as_array().unwrap().iter().map(|b| (b["state"].as_str().unwrap(), b["trouble"].clone())).collect();
    let expect = [
        ("silent", json!(["silent"])),
        ("online", json!(["backlog"])),
        ("online", json!([])),
        ("no_radio", json!(["no_radio"])),
        ("online", json!(["lost", "dropped"])),
        ("offline", json!(["offline"])),
        ("unheard", json!(["unheard"])),
    ];
    assert_eq!(told, expect);
    assert!(!answer.to_string().contains("10.0.0.7"), "where a radio is reached is for the operator");
    assert_eq!(answer["data"][0]["gone_since"], "2026-06-01T11:57:29Z");
}

#[tokio::test]
async fn what_a_bridge_says_cannot_hide_anything_and_a_revoked_one_is_not_told() {
    let network = Network::new().await;
    let said = json!({ "version": "1\u{202e}2", "problems": ["\u{200b}", "<b>\u{7}full</b>"], "counters": { "password": 5 } });
    network.says("roof", "2026-06-01T12:00:00Z", status("roof", &said)).await;
    network.login("revoked").await;
    network.store.revoke_bridge(&id("revoked"), at(NOW)).await.unwrap();
    let answer = network.read("bridges").await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 1);
    assert_eq!((&answer["data"][0]["version"], &answer["data"][0]["problems"]), (&json!("12"), &json!(["<b>full</b>"])));
    assert!(!answer.to_string().contains("password") && !answer.to_string().contains("secret"));
}

#[tokio::test]
async fn bridges_come_in_pages() {
    let network = Network::new().await;
    for name in ["a", "b", "c"] {
        network.login(name).await;
    }
    let first = network.read("bridges?limit=2").await;
    let rest = network.read(&format!("bridges?limit=2&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((rest["data"][0]["bridge_id"].as_str(), rest["next"].as_str()), (Some("c"), None));
}

#[tokio::test]
async fn rejects_are_told_without_what_they_said() {
    let network = Network::new().await;
    network.store.add_rejects(&[refused("kosmo/mesh/inbound/roof"), refused("<script>")], at("2026-06-01T11:59:00Z")).await.unwrap();
    let answer = network.read("rejects").await;
    let told = |row: &Value| (row["code"].clone(), row["topic"].clone(), row["at"].clone());
    assert_eq!(told(&answer["data"][0]), (json!("not_json"), json!("other"), json!("2026-06-01T11:59:00Z")));
    assert_eq!(answer["data"][1]["topic"], "inbound");
    assert!(!answer.to_string().contains("secret") && !answer.to_string().contains("script"), "{answer}");
    let first = network.read("rejects?limit=1&code=not_json").await;
    let rest = network.read(&format!("rejects?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((rest["data"][0]["topic"].as_str(), rest["next"].as_str()), (Some("inbound"), None));
    assert_eq!(network.read("rejects?bridge_id=roof").await["data"], json!([]));
}

#[tokio::test]
async fn the_summary_counts_reasons_by_hour_and_compares_days() {
    let network = Network::new().await;
    let status = "kosmo/bridge/roof/status";
    for when in ["2026-06-01T12:00:00Z", "2026-05-31T13:00:00Z", "2026-05-31T12:59:00Z", "2026-05-25T13:00:00Z", "2026-05-25T12:59:00Z"] {
        network.store.add_rejects(&[refused(status)], at(when)).await.unwrap();
    }
    let answer = network.read("rejects/summary").await;
    let cause = &answer["data"][0];
    assert_eq!(
        (&cause["code"], &cause["topic"], &cause["day"], &cause["day_before"]),
        (&json!("not_json"), &json!("status"), &json!(2), &json!(1))
    );
    let hours: Vec<u64> = serde_json::from_value(cause["hours"].clone()).unwrap();
    assert_eq!((hours.len(), hours[0], hours[167], hours.iter().sum::<u64>()), (168, 1, 1, 4));
    assert_eq!((&answer["start"], &answer["open"]), (&json!("2026-05-25T13:00:00Z"), &json!(5)));
}

#[tokio::test]
async fn rates_are_zero_where_nothing_came_and_absent_where_nothing_is_known() {
    let network = Network::new().await;
    assert_eq!(network.read("rates").await["packets"], json!([0]));
    network.deliver(1, "2026-06-01T11:57:10Z", measured(RADIO.parse().unwrap(), "2026-06-01T11:57:00Z")).await;
    network.deliver(2, "2026-06-01T11:57:20Z", measured(RADIO.parse().unwrap(), "2026-06-01T11:57:05Z")).await;
    network.deliver(3, "2026-06-01T12:00:20Z", measured(RADIO.parse().unwrap(), "2026-06-01T12:00:00Z")).await;
    let minutes = network.read("rates").await;
    assert_eq!(
        (&minutes["start"], &minutes["step_s"], &minutes["readings"]),
        (&json!("2026-06-01T11:57:00Z"), &json!(60), &json!([2, 0, 0, 1]))
    );
    let hours = network.read("rates?interval=1h").await;
    assert_eq!((&hours["start"], &hours["readings"]), (&json!("2026-06-01T11:00:00Z"), &json!([2, 1])));
    network.deliver(4, "2026-05-01T12:00:20Z", measured(RADIO.parse().unwrap(), "2026-05-01T12:00:00Z")).await;
    assert_eq!(network.read("rates").await["readings"].as_array().unwrap().len(), 1440);
    assert_eq!(network.read("rates?interval=1h").await["readings"].as_array().unwrap().len(), 168);
}

#[tokio::test]
async fn who_is_silent_is_told_with_the_bridge_that_would_have_heard() {
    let network = Network::new().await;
    network.says("roof", "2026-06-01T11:40:00Z", status("roof", &json!({}))).await;
    let node: NodeId = RADIO.parse().unwrap();
    for minute in 0..10 {
        let when = at("2026-06-01T10:00:00Z").plus(Duration::from_mins(minute * 10));
        network.deliver(minute + 1, &when.to_string(), measured(node, &when.to_string())).await;
    }
    let user = User { long_name: Some("<img src=x>".to_owned()), ..User::default() };
    network.deliver(20, "2026-06-01T11:30:00Z", Said::Node { node, report: NodeReport::User(user), at: at("2026-06-01T11:30:00Z") }).await;
    assert_eq!(network.read("silent").await["data"], json!([]), "half an hour is less than four times ten minutes");

    let quiet: NodeId = "!00000007".parse().unwrap();
    for minute in 0..10 {
        let when = at("2026-06-01T09:00:00Z").plus(Duration::from_mins(minute * 2));
        network.deliver(minute + 40, &when.to_string(), measured(quiet, &when.to_string())).await;
    }
    let answer = network.read("silent").await;
    assert_eq!(answer["bridges"], json!([{ "bridge_id": "roof", "state": "silent", "since": "2026-06-01T11:40:00Z" }]));
    let expect = json!([{ "node_id": "!00000007", "since": "2026-06-01T09:18:00Z", "usual_gap_s": 120, "is_station": true, "bridge_is_gone": false }]);
    assert_eq!((&answer["data"], &answer["next"]), (&expect, &Value::Null));
}

#[tokio::test]
async fn services_are_ready_or_not_until_they_vanish() {
    let network = Network::new().await;
    let run = |service: &str, seen: &str, not_ready: Vec<NotReady>| ServiceRun {
        run: uuid::Uuid::nil(),
        service: service.to_owned(),
        version: "1.2.3".to_owned(),
        started_at: at("2026-06-01T11:00:00Z"),
        seen_at: at(seen),
        not_ready,
    };
    let broken = NotReady { name: "broker".to_owned(), reason: "is not connected".to_owned() };
    let runs = [
        run("gateway", "2026-06-01T12:00:10Z", vec![broken]),
        run("ingestion", "2026-06-01T12:00:10Z", Vec::new()),
        run("weather", "2026-06-01T11:58:00Z", Vec::new()),
    ];
    network.store.note_services(&runs, Timestamp::EPOCH).await.unwrap();
    let answer = network.read("services").await;
    let told: Vec<_> =
        answer["data"].as_array().unwrap().iter().map(|run| (run["service"].as_str().unwrap(), run["state"].as_str().unwrap())).collect();
    assert_eq!(told, [("gateway", "not_ready"), ("ingestion", "ready"), ("weather", "gone")]);
    assert_eq!(answer["data"][0]["not_ready"], json!([{ "name": "broker", "reason": "is not connected" }]));
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_with_its_field() {
    let network = Network::new().await;
    for (path, field) in [
        ("bridges?limit=0", "limit"),
        ("bridges?limit=201", "limit"),
        ("bridges?cursor=x", "cursor"),
        ("rejects?limit=101", "limit"),
        ("rejects?bridge_id=A", "bridge_id"),
        ("rejects?cursor=eyJ4", "cursor"),
        (&format!("rejects?code={}", "x".repeat(65)), "code"),
        ("rates?interval=5m", "interval"),
        ("silent?limit=201", "limit"),
        ("silent?cursor=bnVsbA", "cursor"),
    ] {
        let (status, problem) = network.get(path).await;
        assert_eq!((status, problem["field"].as_str()), (StatusCode::BAD_REQUEST, Some(field)), "{path}: {problem}");
    }
}

#[tokio::test]
async fn every_reason_that_something_is_refused_for_has_words_on_the_page() {
    let words = include_str!("../../../../web/app/pages/network/reject-words.ts");
    let sources = [
        include_str!("../../src/reason.rs"),
        include_str!("../../../../common/contract/src/parse.rs"),
        include_str!("../../../gateway/src/reason.rs"),
    ];
    let arms = sources.iter().flat_map(|source| source.lines()).filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""));
    let codes: Vec<_> = arms.map(|(_, rest)| rest.trim_end_matches("\",")).collect();
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(words.contains(&format!("\n  {code}: {{")), "{code} has no words");
    }
}

fn logged(id: u32, port: Option<u32>, fields: &Value) -> NewPacket {
    let node: NodeId = RADIO.parse().unwrap();
    NewPacket {
        from: node,
        id: PacketId(id),
        to: Some(NodeId::BROADCAST),
        port,
        gateway: "roof".to_owned(),
        teller: Teller::Bridge,
        channel: Some("LongFast".to_owned()),
        private: false,
        reception: Reception {
            at: at(NOW),
            snr_db: Some(-7.5),
            rssi_dbm: Some(-101),
            hops_away: Some(2),
            relay_node: Some(0x0d),
            via_mqtt: false,
        },
        bytes: Some(23),
        fields: fields.as_object().cloned(),
    }
}

#[tokio::test]
async fn the_log_of_packets_is_read_page_by_page_and_holds_back_what_is_not_for_everybody() {
    let network = Network::new().await;
    let packets = [
        logged(1, Some(67), &json!({ "temperature_c": 21.5 })),
        logged(2, Some(1), &json!({ "text": "the key lies under the stone" })),
        NewPacket { private: true, ..logged(3, Some(3), &json!({ "precision_bits": 32 })) },
        NewPacket { gateway: "!0000beef".to_owned(), teller: Teller::Uplink, ..logged(4, None, &json!({})) },
    ];
    network.store.log_packets(&packets, &KeepPackets::default()).await.unwrap();

    let page = network.read("packets?limit=3").await;
    let heads: Vec<_> = page["data"].as_array().unwrap().iter().map(|row| (row["packet_id"].clone(), row["withheld"].clone())).collect();
    assert_eq!(heads, [(json!(4), json!("encrypted")), (json!(3), json!("private")), (json!(2), json!("text"))]);
    assert!(page["data"].as_array().unwrap().iter().all(|row| row.get("fields").is_none()), "{page:#}");
    let rest = network.read(&format!("packets?limit=3&cursor={}", page["next"].as_str().unwrap())).await;
    let id = rest["data"][0]["id"].as_i64().unwrap();
    assert_eq!(
        rest["data"],
        json!([{
            "id": id, "at": NOW, "from_node_id": RADIO, "to_node_id": "!ffffffff", "packet_id": 1, "port": 67, "port_name": "telemetry",
            "gateway": "roof", "source": "bridge", "channel": "LongFast", "snr_db": -7.5, "rssi_dbm": -101, "hops_away": 2, "relay": "0d",
            "via_mqtt": false, "bytes": 23, "receptions": 1, "fields": { "temperature_c": 21.5 },
        }])
    );
    assert_eq!(rest["next"], Value::Null);

    for (query, ids) in [
        (format!("after={id}&limit=500"), json!([4, 3, 2])),
        ("port=telemetry".to_owned(), json!([1])),
        ("port=3".to_owned(), json!([3])),
        ("gateway=!0000beef".to_owned(), json!([4])),
        ("q=TEMPERATURE".to_owned(), json!([1])),
        ("q=stone".to_owned(), json!([])),
        (format!("node_id={RADIO}&channel=LongFast&port=1"), json!([2])),
    ] {
        let found: Vec<_> = network.read(&format!("packets?{query}")).await["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["packet_id"].clone())
            .collect();
        assert_eq!(json!(found), ids, "{query}");
    }
    let one = network.read(&format!("packets/{id}")).await;
    assert_eq!((&one["packet_id"], &one["heard_by"]), (&json!(1), &json!([])));
    assert_eq!(network.get("packets/99999").await.0, StatusCode::NOT_FOUND);
    for query in ["port=telemetrie", "after=-1", "after=x", "limit=501", "node_id=x", "cursor=x", "what=1"] {
        assert_eq!(network.get(&format!("packets?{query}")).await.0, StatusCode::BAD_REQUEST, "{query}");
    }
    let long = "x".repeat(65);
    for field in ["q", "channel", "gateway"] {
        let (status, refused) = network.get(&format!("packets?{field}={long}")).await;
        assert_eq!((status, &refused["field"], &refused["limit"]), (StatusCode::BAD_REQUEST, &json!(field), &json!(64)));
    }
}
