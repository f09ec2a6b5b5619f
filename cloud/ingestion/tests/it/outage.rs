//! A database that is away: nothing is answered for, nothing is lost, and all is made up for when it is back.

use crate::harness::{Bridge, House, NOW, at};
use axum::http::StatusCode;
use kosmo_domain::{HOUR, NodeId};
use kosmo_store::{Database, Store, weather::Keep};
use kosmo_test_support::{Cable, TestDatabase};
use serde_json::json;
use std::time::Duration;

const NODE: NodeId = NodeId::from_number(0xa1b2_c3d4);

#[tokio::test]
async fn what_comes_while_the_database_is_away_is_committed_when_it_is_back() {
    let database = TestDatabase::empty();
    let cable = Cable::to(database.url()).await;
    let store = Store::open(&Database::Postgres { url: cable.url().to_owned(), max_connections: 3 }).await.unwrap();
    store.migrate().await.unwrap();
    let house = House::in_batches_of(5, store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;

    cable.cut();
    house.becomes_ready(StatusCode::SERVICE_UNAVAILABLE).await;
    for seq in 1..=60 {
        roof.tell("reading_environment.json", seq, |record| {
            record["packet"]["id"] = json!(seq);
            record["body"]["device_time"] = json!(format!("2026-06-01T11:00:{:02}Z", seq - 1));
        })
        .await;
    }
    // One batch that cannot be committed, one that waits, and one that was gathered: nothing more is taken, however long it lasts.
    let taken = "kosmo_ingestion_messages_total{kind=\"reading\"} 15";
    house.counts(taken).await;
    house.fails_to_commit_again().await;
    assert!(house.counted().iter().any(|line| line == taken), "{:?}", house.counted());
    assert!(!roof.has_mail(), "nothing is answered for that is not committed");

    cable.mend();
    roof.is_told_of(1..=60).await;
    assert!(roof.answers.values().all(Option::is_none));
    let (from, to) = (at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"));
    let stored = house.store.readings(NODE, from, to, None, 1000).await.unwrap().unwrap();
    assert_eq!(stored.len(), 60);
    house.shut_down().await.close().await;
}

#[tokio::test]
async fn the_program_can_end_while_the_database_is_away() {
    let database = TestDatabase::empty();
    let cable = Cable::to(database.url()).await;
    let store = Store::open(&Database::Postgres { url: cable.url().to_owned(), max_connections: 3 }).await.unwrap();
    store.migrate().await.unwrap();
    let house = House::new(store).await;
    let roof = Bridge::new(&house.broker, "roof").await;
    cable.cut();
    house.becomes_ready(StatusCode::SERVICE_UNAVAILABLE).await;
    roof.tell("reading_environment.json", 1, |_| ()).await;
    house.shut_down().await.close().await;
}

#[tokio::test]
async fn a_database_that_fell_silent_is_asked_again_over_another_connection() {
    let database = TestDatabase::empty();
    let cable = Cable::to(database.url()).await;
    let store = Store::open(&Database::Postgres { url: cable.url().to_owned(), max_connections: 3 }).await.unwrap();
    store.migrate().await.unwrap();
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    roof.tell("reading_environment.json", 1, |_| ()).await;
    roof.is_told_of([1]).await;

    // As after a power cut: whoever waits is told nothing, ever, and whoever comes anew is served.
    cable.silence();
    roof.tell("reading_environment.json", 2, |record| record["packet"]["id"] = json!(2)).await;

    roof.is_told_of([2]).await;
    house.shut_down().await;
}

#[tokio::test]
async fn a_batch_that_nothing_is_heard_of_is_committed_over_another_connection_once_its_locks_are_free() {
    let database = abandoned_soon();
    let cable = Cable::to(database.url()).await;
    let store = Store::open(&Database::Postgres { url: cable.url().to_owned(), max_connections: 3 }).await.unwrap();
    store.migrate().await.unwrap();
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;

    // In the middle of a transaction, and for whoever else is connected too.
    cable.silence_before("insert into readings");
    roof.tell("reading_environment.json", 1, |_| ()).await;

    roof.is_told_of([1]).await;
    assert!(cable.is_silent(), "it fell silent before");
    let stored = house.store.readings(NODE, at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"), None, 10).await.unwrap().unwrap();
    assert_eq!(stored.len(), 1);
    house.shut_down().await;
}

/// Returns a database that gives up sooner than most who falls silent within a transaction.
fn abandoned_soon() -> TestDatabase {
    let database = TestDatabase::empty();
    database.set("idle_in_transaction_session_timeout", "3s");
    database
}

#[tokio::test]
async fn hours_are_summarised_though_the_database_fell_silent_while_they_were() {
    let database = abandoned_soon();
    let cable = Cable::to(database.url()).await;
    let store = Store::open(&Database::Postgres { url: cable.url().to_owned(), max_connections: 2 }).await.unwrap();
    store.migrate().await.unwrap();
    let house = House::new(store).await;
    let mut roof = Bridge::new(&house.broker, "roof").await;
    roof.tell("reading_environment.json", 1, |_| ()).await;
    roof.is_told_of([1]).await;
    let store = house.shut_down().await;

    // What is summarised is never said to be: whoever does it is told nothing, ever.
    cable.silence_before("delete from dirty_hours");
    let house = House::keeping(store, Keep::default(), at(NOW).plus(HOUR)).await;
    let look = async {
        // Its own way to the database has to be found again, too.
        let beside = Store::open(&Database::Postgres { url: database.url().to_owned(), max_connections: 1 }).await.unwrap();
        // The job ends when nothing is left to be summarised. Summaries tell nothing: who asks for one that is missing has it computed.
        while !beside.jobs(false, None, 10).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            // What a job is tried again after, and what its lease lasts, goes by this clock.
            house.clock.advance(Duration::from_secs(1));
        }
    };
    tokio::time::timeout(Duration::from_secs(90), look).await.expect("the hour is summarised in the end");
    assert!(cable.is_silent(), "it fell silent before");
    house.shut_down().await;
}
