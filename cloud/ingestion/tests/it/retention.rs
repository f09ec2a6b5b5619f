//! What is kept how long, and by which clock.

use crate::harness::{Bridge, House, NOW, at, sqlite};
use kosmo_domain::{DAY, HOUR, NodeId, Timestamp};
use kosmo_store::{
    Store,
    weather::{Bucket, Keep},
};
use serde_json::json;
use std::time::Duration;

const NODE: NodeId = NodeId::from_number(0xa1b2_c3d4);

/// Has a bridge tell of a reading that was measured so long before the tests take place, and waits until it is answered.
async fn tell(roof: &mut Bridge, seq: u64, age: Duration) {
    let measured = at(NOW).minus(age);
    roof.tell("reading_environment.json", seq, |record| {
        record["packet"]["id"] = json!(seq);
        record["body"]["device_time"] = json!(measured);
    })
    .await;
    roof.is_told_of([seq]).await;
}

/// Returns when what is there was measured, by how many days ago.
async fn days(store: &Store) -> Vec<u64> {
    let rows = store.readings(NODE, Timestamp::EPOCH, Timestamp::MAX, None, 100).await.unwrap().unwrap();
    rows.iter().map(|row| at(NOW).since(row.at).as_secs() / DAY.as_secs()).collect()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let look = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), look).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

#[tokio::test]
async fn a_shorter_retention_frees_what_is_older_at_once_and_keeps_its_summaries() {
    let (store, _folder) = sqlite().await;
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    for (seq, days) in (1..).zip([30, 20, 10, 2]) {
        tell(&mut roof, seq, DAY * days).await;
    }
    let store = house.shut_down().await;
    assert_eq!(days(&store).await, [30, 20, 10, 2]);

    // Its hours are not summarised yet: that comes first, and is not a reason to wait for an hour.
    let keep = Keep { readings: DAY * 8, ..Keep::default() };
    let house = House::keeping(store, keep, at(NOW).plus(HOUR * 2)).await;
    until("what is older than a week is gone", async || days(&house.store).await == [2]).await;
    let hours = house.store.rollups(NODE, Bucket::Hour, Timestamp::EPOCH, Timestamp::MAX, None, 100).await.unwrap().unwrap();
    assert_eq!(hours.len(), 4, "each hour is there as it was");
    house.shut_down().await.close().await;
}

#[tokio::test]
async fn a_server_whose_clock_is_years_ahead_takes_in_what_is_measured_now() {
    let (store, _folder) = sqlite().await;
    let ahead = at(NOW).plus(DAY * 3652);
    let house = House::keeping(store, Keep::default(), ahead).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    tell(&mut roof, 1, HOUR).await;
    tell(&mut roof, 2, DAY * 500).await;
    assert_eq!(roof.answers[&1], None);
    assert_eq!(roof.answers[&2].as_deref(), Some("too_old"), "what was too old when its bridge heard it stays too old");
    // Nor does one that begins so find it too old.
    let store = house.shut_down().await;
    let house = House::keeping(store, Keep::default(), ahead.plus(HOUR)).await;
    let mut valley = Bridge::new(&house.broker, "valley").await;
    tell(&mut valley, 3, HOUR * 2).await;
    assert_eq!(valley.answers[&3], None);
    until("what came before the restart is summarised", async || {
        let hours = house.store.rollups(NODE, Bucket::Hour, Timestamp::EPOCH, Timestamp::MAX, None, 100).await.unwrap();
        hours.is_some_and(|hours| !hours.is_empty())
    })
    .await;
    assert_eq!(days(&house.store).await, [0, 0]);
    house.shut_down().await.close().await;
}
