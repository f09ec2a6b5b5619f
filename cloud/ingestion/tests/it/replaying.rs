//! Rejects taken through the validation again.

use crate::harness::{Bridge, House, NOW, at, sqlite};
use kosmo_domain::{DAY, NodeId};
use kosmo_ingestion::{Replayed, Rules, replay};
use kosmo_store::{Store, rejects::RejectFilter};
use serde_json::json;

const ANA: NodeId = NodeId::from_number(0xa1b2_c3d4);

#[tokio::test]
async fn a_reject_whose_cause_is_gone_is_stored_once() {
    let (store, _folder) = sqlite().await;
    let store = refuse(store).await;
    let filter = RejectFilter { code: Some("too_old".to_owned()), ..RejectFilter::default() };
    let strict = Rules::default();
    let lenient = Rules { oldest: DAY * 3_000 };

    let replayed = replay(&store, &filter, &strict, at(NOW)).await.unwrap();
    assert_eq!(replayed, Replayed { accepted: 0, refused: 1, truncated: 0 });
    assert_eq!(years_ago(&store).await, 0);

    let replayed = replay(&store, &filter, &lenient, at(NOW)).await.unwrap();
    assert_eq!(replayed, Replayed { accepted: 1, refused: 0, truncated: 0 });
    assert_eq!(years_ago(&store).await, 1);

    let replayed = replay(&store, &filter, &lenient, at(NOW)).await.unwrap();
    assert_eq!(replayed, Replayed::default(), "what was accepted is not replayed again");
}

#[tokio::test]
async fn what_is_still_wrong_is_refused_again_and_what_was_cut_off_is_left() {
    let (store, _folder) = sqlite().await;
    let store = refuse(store).await;
    let replayed = replay(&store, &RejectFilter::default(), &Rules::default(), at(NOW)).await.unwrap();
    assert_eq!(replayed, Replayed { accepted: 0, refused: 3, truncated: 1 });
}

/// Has something refused of every kind: a whole record, a value, garbage, and more than is kept.
async fn refuse(store: Store) -> Store {
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    roof.tell("reading_environment.json", 1, |record| record["body"]["device_time"] = json!("2023-06-01T12:00:00Z")).await;
    roof.publish("kosmo/mesh/reading/roof", "{").await;
    roof.publish("kosmo/mesh/reading/roof", "x".repeat(70_000)).await;
    roof.tell("reading_not_a_number.json", 2, |record| record["packet"]["id"] = json!(2)).await;
    roof.is_told_of([1, 2]).await;
    assert_eq!(roof.answers[&1].as_deref(), Some("too_old"));
    house.shut_down().await
}

async fn years_ago(store: &Store) -> usize {
    let stored = store.readings(ANA, at("2023-06-01T00:00:00Z"), at("2023-06-02T00:00:00Z"), None, 10).await.unwrap();
    stored.map_or(0, |readings| readings.len())
}
