//! Rejects taken through the validation again.

use crate::harness::{Bridge, House, NOW, at, sqlite};
use kosmo_domain::{DAY, NodeId};
use kosmo_ingestion::{Replayed, Rules, replay};
use kosmo_store::{
    Store,
    rejects::{NewReject, RejectFilter},
};
use serde_json::json;

const ANA: NodeId = NodeId::from_number(0xa1b2_c3d4);

#[tokio::test]
async fn a_reject_whose_cause_is_gone_is_stored_once() {
    let (store, _folder) = sqlite().await;
    let store = refuse(store).await;
    let strict = Rules::default();
    let lenient = Rules { oldest: DAY * 3_000, ..strict };

    assert_eq!(replay_all(&store, Some("too_old"), &strict).await, ["too_old"]);
    assert_eq!(years_ago(&store).await, 0);

    assert_eq!(replay_all(&store, Some("too_old"), &lenient).await, ["stored"]);
    assert_eq!(years_ago(&store).await, 1);

    assert!(replay_all(&store, Some("too_old"), &lenient).await.is_empty(), "what was accepted is open no more");
}

#[tokio::test]
async fn what_is_still_wrong_is_refused_for_the_same_reason_however_often() {
    let (store, _folder) = sqlite().await;
    let store = refuse(store).await;
    for _ in 0..2 {
        let mut codes = replay_all(&store, None, &Rules::default()).await;
        codes.sort();
        assert_eq!(codes, ["not_a_number", "not_json", "too_old"]);
    }
}

#[tokio::test]
async fn a_status_is_of_a_moment_that_is_over() {
    let (store, _folder) = sqlite().await;
    let status = br#"{"v":1,"bridge":"roof","state":"online","at":"2026-06-01T12:00:00Z"}"#;
    let refused = NewReject {
        record: None,
        topic: "kosmo/bridge/roof/status",
        payload: status,
        whole: true,
        code: "invalid_field",
        field: "state",
        detail: "an older version did not know it",
    };
    store.add_rejects(&[refused], at(NOW)).await.unwrap();
    assert_eq!(replay_all(&store, None, &Rules::default()).await, ["status"]);
    assert!(store.bridges().await.unwrap().is_empty(), "and a bridge was not heard of by it");
}

/// Replays what is open, newest first, and returns what became of each.
async fn replay_all(store: &Store, code: Option<&str>, rules: &Rules) -> Vec<String> {
    let filter = RejectFilter { code: code.map(str::to_owned), bridge: None, open: true };
    let mut fates = Vec::new();
    for reject in store.rejects(&filter, None, 100).await.unwrap() {
        fates.push(match replay(store, &reject, rules, at(NOW)).await.unwrap() {
            Replayed::Stored => "stored".to_owned(),
            Replayed::Status => "status".to_owned(),
            Replayed::Refused(note) => note.code,
        });
    }
    fates
}

/// Has something refused of every kind: a whole record, a value, and garbage.
async fn refuse(store: Store) -> Store {
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    roof.tell("reading_environment.json", 1, |record| record["body"]["device_time"] = json!("2023-06-01T12:00:00Z")).await;
    roof.publish("kosmo/mesh/reading/roof", "{").await;
    roof.tell("reading_not_a_number.json", 2, |record| record["packet"]["id"] = json!(2)).await;
    roof.is_told_of([1, 2]).await;
    assert_eq!(roof.answers[&1].as_deref(), Some("too_old"));
    house.shut_down().await
}

async fn years_ago(store: &Store) -> usize {
    let stored = store.readings(ANA, at("2023-06-01T00:00:00Z"), at("2023-06-02T00:00:00Z"), None, 10).await.unwrap();
    stored.map_or(0, |readings| readings.len())
}
