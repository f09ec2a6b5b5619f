//! From a bridge's publication to the committed row and the answer, over a real broker.

use crate::harness::{Bridge, House, NOW, at, sqlite};
use axum::http::StatusCode;
use kosmo_domain::Metric;
use kosmo_mqtt::Message;
use kosmo_store::Visibility;
use serde_json::json;

const ANA: u32 = 0xa1b2_c3d4;

#[tokio::test]
async fn a_reading_is_answered_for_once_it_can_be_read() {
    let (store, _folder) = sqlite().await;
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    roof.tell("reading_environment.json", 1, |_| ()).await;
    roof.is_told_of([1]).await;

    assert_eq!(roof.answers[&1], None);
    let latest = house.store.latest(None).await.unwrap();
    assert_eq!((latest.len(), latest[0].node.number(), latest[0].at), (1, ANA, at("2026-06-01T11:59:57Z")));
    assert!(latest[0].values.iter().any(|value| value.metric == Metric::Temperature && (value.value - 21.5).abs() < 1.0e-9));
}

#[tokio::test]
async fn a_record_that_comes_again_is_answered_for_again_and_stored_once() {
    let (store, _folder) = sqlite().await;
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    for _ in 0..3 {
        roof.tell("reading_environment.json", 1, |_| ()).await;
        assert_eq!(roof.next_answer().await, [1]);
    }
    assert_eq!(readings(&house).await, 1);
}

#[tokio::test]
async fn two_bridges_that_hear_the_same_packet_make_one_reading_with_both_receptions() {
    let (store, _folder) = sqlite().await;
    let house = House::new(store).await;
    let (mut roof, mut tower) = (Bridge::new(&house.broker, "roof").await, Bridge::new(&house.broker, "tower").await);
    roof.tell("reading_environment.json", 1, |_| ()).await;
    tower.tell("reading_environment.json", 1, |record| record["packet"]["snr_db"] = json!(-3.5)).await;
    roof.is_told_of([1]).await;
    tower.is_told_of([1]).await;

    assert_eq!(readings(&house).await, 1);
    let detail = house.store.node(kosmo_domain::NodeId::from_number(ANA)).await.unwrap().unwrap();
    let mut heard: Vec<_> = detail.receptions.iter().map(|heard| (heard.bridge.as_str(), heard.reception.snr_db)).collect();
    heard.sort_by_key(|(bridge, _)| *bridge);
    assert_eq!(heard, [("roof", Some(7.5)), ("tower", Some(-3.5))]);
}

#[tokio::test]
async fn a_spool_begun_anew_is_not_taken_for_the_old_one() {
    let (store, _folder) = sqlite().await;
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    roof.tell("reading_environment.json", 1, |_| ()).await;
    roof.is_told_of([1]).await;

    roof.wipe_spool();
    roof.tell("reading_environment.json", 1, |record| {
        record["packet"]["id"] = json!(77);
        record["body"]["device_time"] = json!("2026-06-01T11:59:58Z");
    })
    .await;
    roof.is_told_of([1]).await;
    assert_eq!(readings(&house).await, 2);
}

#[tokio::test]
async fn garbage_of_every_kind_is_kept_and_counted_and_holds_up_nobody() {
    let (store, _folder) = sqlite().await;
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    let topic = "kosmo/mesh/reading/roof";
    roof.publish(topic, "").await;
    roof.publish(topic, vec![0xff, 0x00, 0x94, 0xc3]).await;
    roof.publish(topic, r#"{"v":1,"bridge":"ro"#).await;
    roof.publish(topic, "x".repeat(1024 * 1024)).await;
    roof.publish("kosmo/mesh/reading/ROOF!", "{}").await;
    roof.tell("reading_environment.json", 1, |record| record["v"] = json!(9)).await;
    roof.tell("reading_environment.json", 2, |record| record["body"]["metrics"] = json!({"humidity_pct": "NaN"})).await;
    roof.tell("reading_environment.json", 3, |record| record["body"]["metrics"]["temperature_c"] = json!(400)).await;
    roof.tell("node_user.json", 4, |record| record["body"]["report"]["long_name"] = json!("\u{202e}<script>\u{7}")).await;
    roof.tell("node_position.json", 5, |record| record["body"]["report"]["latitude"] = json!(1.0e9)).await;
    roof.tell("reading_environment.json", 6, |record| {
        record["packet"]["id"] = json!(6);
        record["body"]["device_time"] = json!("1970-01-01T00:00:09Z");
    })
    .await;
    roof.tell("reading_environment.json", u64::MAX, |_| ()).await;
    roof.is_told_of([1, 2, 3, 4, 5, 6, u64::MAX]).await;

    let refused = |code: &str| Some(code.to_owned());
    let expect =
        [refused("unknown_version"), refused("no_values"), None, None, refused("invalid_position"), None, refused("seq_too_large")];
    assert_eq!(roof.answers.values().cloned().collect::<Vec<_>>(), expect);
    let mut codes = house.refused().await;
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "clock_not_set",
            "invalid_position",
            "no_values",
            "not_a_number",
            "not_json",
            "not_json",
            "not_json",
            "out_of_range",
            "payload_too_large",
            "seq_too_large",
            "unknown_topic",
            "unknown_version",
            "unprintable",
        ]
    );
    assert_eq!(
        house.store.node(kosmo_domain::NodeId::from_number(ANA)).await.unwrap().unwrap().node.long_name.as_deref(),
        Some("<script>")
    );
    insta::assert_snapshot!(house.counted().join("\n"), @r#"
        kosmo_ingestion_messages_total{kind="node"} 2
        kosmo_ingestion_messages_total{kind="other"} 1
        kosmo_ingestion_messages_total{kind="reading"} 9
        kosmo_ingestion_records_total{outcome="committed"} 3
        kosmo_ingestion_records_total{outcome="duplicate"} 0
        kosmo_ingestion_records_total{outcome="rejected"} 4
        kosmo_ingestion_records_total{outcome="withheld"} 0
        kosmo_ingestion_rejects_total{code="clock_not_set"} 1
        kosmo_ingestion_rejects_total{code="invalid_position"} 1
        kosmo_ingestion_rejects_total{code="no_values"} 1
        kosmo_ingestion_rejects_total{code="not_a_number"} 1
        kosmo_ingestion_rejects_total{code="not_json"} 3
        kosmo_ingestion_rejects_total{code="out_of_range"} 1
        kosmo_ingestion_rejects_total{code="payload_too_large"} 1
        kosmo_ingestion_rejects_total{code="seq_too_large"} 1
        kosmo_ingestion_rejects_total{code="unknown_topic"} 1
        kosmo_ingestion_rejects_total{code="unknown_version"} 1
        kosmo_ingestion_rejects_total{code="unprintable"} 1
    "#);
}

#[tokio::test]
async fn a_bridge_s_status_is_kept_with_the_time_it_was_said() {
    let (store, _folder) = sqlite().await;
    let roof = "roof".parse().unwrap();
    store.add_bridge(&roof, &kosmo_store::Secret::from_random([7; 32]).hash(), at(NOW)).await.unwrap();
    let house = House::new(store).await;
    let mut bridge = Bridge::new(&house.broker, "roof").await;
    let status = crate::golden::golden("status_online.json").to_string();
    bridge.publish_message(Message::new("kosmo/bridge/roof/status", status.clone()).retained()).await;
    bridge.tell("reading_environment.json", 1, |_| ()).await;
    bridge.is_told_of([1]).await;

    let kept = house.store.bridges().await.unwrap().remove(0);
    assert_eq!((kept.status.as_deref(), kept.status_at), (Some(status.as_str()), Some(at(NOW))));
    // The channels that it tells of are kept with it, for nobody's eyes until an operator decides.
    let channels = house.store.channels().await.unwrap();
    let told: Vec<_> = channels.iter().map(|row| (row.name.as_str(), row.hash, row.key_bytes, row.visibility)).collect();
    assert_eq!(told, [("LongFast", 8, None, Visibility::Private)]);
}

#[tokio::test]
async fn readiness_follows_the_broker() {
    let (store, _folder) = sqlite().await;
    let mut house = House::new(store).await;
    house.broker.stop().await;
    house.becomes_ready(StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(house.readiness().await.1.contains("is not connected"));
    house.broker.restart().await;
    house.becomes_ready(StatusCode::OK).await;
}

#[tokio::test]
async fn what_was_answered_for_before_the_end_is_there_after_it() {
    let (store, folder) = sqlite().await;
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    for seq in 1..=50 {
        roof.tell("reading_environment.json", seq, |record| {
            record["packet"]["id"] = json!(seq);
            record["body"]["device_time"] = json!(format!("2026-06-01T11:00:{:02}Z", seq - 1));
        })
        .await;
    }
    roof.is_told_of([50]).await;
    house.shut_down().await.close().await;

    let again = kosmo_store::Store::open(&kosmo_store::Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
    let (node, from, to) = (kosmo_domain::NodeId::from_number(ANA), at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"));
    let stored = again.readings(node, from, to, None, 1000).await.unwrap().unwrap().len();
    assert!(stored >= roof.answers.len(), "{} records were answered for, and {stored} are stored", roof.answers.len());
}

async fn readings(house: &House) -> usize {
    let (node, from, to) = (kosmo_domain::NodeId::from_number(ANA), at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"));
    house.store.readings(node, from, to, None, 1000).await.unwrap().unwrap().len()
}
