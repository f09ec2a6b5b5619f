//! A disk that fills up under the database, and has room again.

use crate::{
    outbound::ANA,
    spools::Spool,
    stores::{at, postgres_at},
};
use kosmo_domain::{Metric, NodeId, Timestamp};
use kosmo_store::{Database, Store, ingest::Record};
use kosmo_test_support::{ClusterOptions, PostgresCluster, SmallDisk};

const NODE: NodeId = NodeId::from_number(0xa1b2_c3d4);

fn batch(spool: &mut Spool, round: u64) -> Vec<Record> {
    let noon = at("2026-06-01T12:00:00Z");
    let reading = |n| noon.plus(std::time::Duration::from_secs(round * 10 + n));
    (0..10).map(|n| spool.reading(NODE, reading(n), &[(Metric::Temperature, 21.5)])).collect()
}

async fn readings(store: &Store) -> usize {
    store.readings(NODE, Timestamp::EPOCH, Timestamp::MAX, None, 1000).await.unwrap().unwrap_or_default().len()
}

#[tokio::test]
async fn nothing_is_half_stored_on_a_full_disk_and_it_goes_on_by_itself_when_there_is_room() {
    let Some(disk) = SmallDisk::of(16) else { return };
    let store = Store::open_serving(&Database::Sqlite { path: disk.path().join("kosmo.db") }).await.unwrap();
    store.migrate().await.unwrap();
    let (mut spool, now) = (Spool::of("roof"), at("2026-06-01T12:10:00Z"));
    for (time, round) in [(1, 0), (2, 40)] {
        store.ingest(&batch(&mut spool, round), now).await.unwrap();
        store.ping().await.unwrap();
        disk.fill();
        // What is free within its files is used up first.
        let mut refused = Vec::new();
        for attempt in 1..30 {
            let records = batch(&mut spool, round + attempt);
            if let Err(error) = store.ingest(&records, now).await {
                assert!(error.is_full() && error.is_transient(), "time {time}: {error:?}");
                refused.push(records);
            }
            if refused.len() > 3 {
                break;
            }
        }
        assert!(refused.len() > 3, "time {time}: the disk is full");
        assert!(store.ping().await.unwrap_err().is_full(), "it says so when it is asked whether it is well");
        let stored = readings(&store).await;
        assert_eq!(stored % 10, 0, "batches are stored whole or not at all");
        assert!(store.quota(ANA, now).await.unwrap().is_none(), "what is read is answered all the same");

        disk.make_room();
        store.ping().await.unwrap();
        for records in &refused {
            store.ingest(records, now).await.unwrap();
        }
        assert_eq!(readings(&store).await, stored + 10 * refused.len(), "what waited is stored once");
    }
    store.close().await;
}

#[tokio::test]
async fn nothing_is_half_stored_on_the_full_disk_of_a_server_and_it_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::of(160) else { return };
    let within = Some(disk.path().to_owned());
    let mut cluster = PostgresCluster::with(&ClusterOptions { within, ..ClusterOptions::default() }).await;
    let store = Store::open(&postgres_at(cluster.url().to_owned())).await.unwrap();
    store.migrate().await.unwrap();
    let (mut spool, now) = (Spool::of("roof"), at("2026-06-01T12:10:00Z"));
    store.ingest(&batch(&mut spool, 0), now).await.unwrap();

    disk.fill();
    let (mut refused, mut said_why) = (Vec::new(), false);
    for attempt in 1..200 {
        let records = batch(&mut spool, attempt);
        if let Err(error) = store.ingest(&records, now).await {
            assert!(error.is_transient(), "whoever has it keeps it: {error:?}");
            said_why |= error.is_full();
            refused.push(records);
        }
        if refused.len() > 3 {
            break;
        }
    }
    assert!(refused.len() > 3 && said_why, "the disk is full, and the server says so: {}", cluster.log());

    disk.make_room();
    // A server that cannot write its log ends, and its supervisor starts it again.
    cluster.restart().await;
    let stored = readings(&store).await;
    assert_eq!(stored % 10, 0, "batches are stored whole or not at all");
    for records in &refused {
        store.ingest(records, now).await.unwrap();
    }
    assert_eq!(readings(&store).await, stored + 10 * refused.len(), "what waited is stored once");
    store.close().await;
}
