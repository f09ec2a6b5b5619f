//! A database that is away: nothing is answered for, nothing is lost, and all is made up for when it is back.

use crate::harness::{Bridge, House, at};
use axum::http::StatusCode;
use kosmo_domain::NodeId;
use kosmo_store::{Database, Store};
use kosmo_test_support::TestDatabase;
use serde_json::json;
use std::net::SocketAddr;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[tokio::test]
async fn what_comes_while_the_database_is_away_is_committed_when_it_is_back() {
    let database = TestDatabase::empty();
    let cable = Cable::to(database.url()).await;
    let store = Store::open(&Database::Postgres { url: cable.url.clone(), max_connections: 3 }).await.unwrap();
    store.migrate().await.unwrap();
    let house = House::new(store).await;
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
    house.counts("kosmo_ingestion_commit_failures_total").await;
    assert!(!roof.has_mail(), "nothing is answered for that is not committed");

    cable.mend();
    roof.is_told_of(1..=60).await;
    assert!(roof.answers.values().all(Option::is_none));
    let (from, to) = (at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"));
    let stored = house.store.readings(NodeId::from_number(0xa1b2_c3d4), from, to, None, 1000).await.unwrap().unwrap();
    assert_eq!(stored.len(), 60);
    house.shut_down().await.close().await;
}

#[tokio::test]
async fn the_program_can_end_while_the_database_is_away() {
    let database = TestDatabase::empty();
    let cable = Cable::to(database.url()).await;
    let store = Store::open(&Database::Postgres { url: cable.url.clone(), max_connections: 3 }).await.unwrap();
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
    let store = Store::open(&Database::Postgres { url: cable.url.clone(), max_connections: 3 }).await.unwrap();
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

/// A connection to the database that can be cut and mended, or of which nothing more is heard.
struct Cable {
    url: String,
    is_whole: watch::Sender<bool>,
    /// How often it fell silent.
    silences: watch::Sender<u32>,
}

impl Cable {
    async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once("@127.0.0.1:").unwrap();
        let (port, name) = rest.split_once('/').unwrap();
        let server = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("{before}@{}/{name}", listener.local_addr().unwrap());
        let (is_whole, silences) = (watch::Sender::new(true), watch::Sender::new(0));
        let (whole, silent) = (is_whole.subscribe(), silences.subscribe());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let mut silent = silent.clone();
                silent.mark_unchanged();
                tokio::spawn(carry(near, server, whole.clone(), silent));
            }
        });
        Self { url, is_whole, silences }
    }

    fn cut(&self) {
        self.is_whole.send_replace(false);
    }

    /// Lets the connections that there are carry nothing more in either direction, and never end.
    fn silence(&self) {
        self.silences.send_modify(|count| *count += 1);
    }

    fn mend(&self) {
        self.is_whole.send_replace(true);
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, mut whole: watch::Receiver<bool>, mut silent: watch::Receiver<u32>) {
    if !*whole.borrow() {
        return;
    }
    let mut far = TcpStream::connect(server).await.unwrap();
    let fell_silent = tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => false,
        _ = whole.wait_for(|whole| !whole) => false,
        Ok(()) = silent.changed() => true,
    };
    if fell_silent {
        // Both ends stay open, and nobody says anything.
        std::future::pending::<()>().await;
    }
}
