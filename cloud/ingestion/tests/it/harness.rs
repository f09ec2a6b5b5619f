//! A running ingestion on a real broker, and bridges that talk to it.

use crate::golden::changed;
use axum::http::StatusCode;
use kosmo_contract::{Ack, AckBody};
use kosmo_domain::{Clock, ManualClock, Timestamp};
use kosmo_http::{App, Info, recorder};
use kosmo_ingestion::{Config, Ingestion};
use kosmo_mqtt::{Client, Event, Incoming, Message, Options, Server, Subscription};
use kosmo_store::{Database, Store, weather::Keep};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// When the tests take place: the moment after the golden examples were heard.
pub(crate) const NOW: &str = "2026-06-01T12:00:01Z";

/// A store in a file of its own.
pub(crate) async fn sqlite() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
    store.migrate().await.unwrap();
    (store, folder)
}

/// A broker, and ingestion at work.
pub(crate) struct House {
    pub(crate) broker: Mosquitto,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    service: kosmo_http::Service,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    recorder: &'static kosmo_http::Recorder,
    _counting: metrics::LocalRecorderGuard<'static>,
}

impl House {
    pub(crate) async fn new(store: Store) -> Self {
        Self::keeping(store, Keep::default(), at(NOW)).await
    }

    /// Starts it, and has it commit so many messages at once at most.
    pub(crate) async fn in_batches_of(batch: usize, store: Store) -> Self {
        Self::with(store, at(NOW), |config| config.batch = batch).await
    }

    /// Starts it when it is `now`, and has it keep things for so long.
    pub(crate) async fn keeping(store: Store, keep: Keep, now: Timestamp) -> Self {
        Self::with(store, now, |config| config.keep = keep).await
    }

    async fn with(store: Store, now: Timestamp, configure: impl FnOnce(&mut Config)) -> Self {
        let broker = Mosquitto::start(&MosquittoOptions::default()).await;
        let clock = Arc::new(ManualClock::at(now));
        // A test has one thread, so that what is counted on it is the test's own.
        let recorder: &'static _ = Box::leak(Box::new(recorder()));
        let counting = metrics::set_default_local_recorder(recorder);
        let mut config = Config::new(Options::new(server(&broker), "ingestion-test"));
        config.patience = Duration::from_secs(5);
        configure(&mut config);
        let rng = StdRng::seed_from_u64(1);
        let ingestion = Ingestion::connect(config, store.clone(), Arc::clone(&clock) as Arc<dyn Clock>, rng).unwrap();
        let service = ingestion.service();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(ingestion.run(shutdown.clone()));
        let house = Self { broker, store, clock, service, shutdown, running, recorder, _counting: counting };
        house.becomes_ready(StatusCode::OK).await;
        house
    }

    /// Returns what `/readyz` answers.
    pub(crate) async fn readiness(&self) -> (StatusCode, String) {
        let app = App::new("test", Info::new("Test", "1"), 0).with(self.service.clone()).into_router(self.recorder.handle());
        let request = axum::http::Request::get("/readyz").body(axum::body::Body::empty()).unwrap();
        let (head, body) = app.oneshot(request).await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Waits until `/readyz` answers with this status.
    pub(crate) async fn becomes_ready(&self, status: StatusCode) {
        let look = async {
            while self.readiness().await.0 != status {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("readiness did not change");
    }

    /// Returns the lines of `/metrics` about ingestion that count something.
    pub(crate) fn counted(&self) -> Vec<String> {
        let text = self.recorder.handle().render();
        let mut lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("kosmo_ingestion_") && line.contains("_total")).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    /// Waits until something was counted under this name.
    pub(crate) async fn counts(&self, name: &str) {
        let look = async {
            while !self.counted().iter().any(|line| line.starts_with(name)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("nothing was counted");
    }

    /// Waits until one more commit has failed than have by now.
    pub(crate) async fn fails_to_commit_again(&self) {
        let failures = || self.counted().into_iter().find(|line| line.starts_with("kosmo_ingestion_commit_failures_total"));
        let before = failures();
        let look = async {
            while failures() == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("no commit failed");
    }

    pub(crate) async fn shut_down(self) -> Store {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.expect("ingestion did not end").unwrap();
        self.store
    }

    /// Returns the codes of what was refused, oldest first.
    pub(crate) async fn refused(&self) -> Vec<String> {
        let mut rejects = self.store.rejects(&kosmo_store::rejects::RejectFilter::default(), None, 500).await.unwrap();
        rejects.reverse();
        rejects.into_iter().map(|reject| reject.code).collect()
    }
}

/// A bridge as far as ingestion sees it.
pub(crate) struct Bridge {
    name: &'static str,
    epoch: &'static str,
    client: Client,
    incoming: Incoming,
    /// What it was told of its records: the code of the refusal, or nothing.
    pub(crate) answers: BTreeMap<u64, Option<String>>,
}

impl Bridge {
    pub(crate) async fn new(broker: &Mosquitto, name: &'static str) -> Self {
        let mut options = Options::new(server(broker), name);
        options.limits.packet = 4 * 1024 * 1024;
        options.subscriptions = vec![Subscription::at_least_once(format!("kosmo/bridge/{name}/ack"))];
        let (client, incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(2), CancellationToken::new()).unwrap();
        assert!(tokio::time::timeout(PATIENCE, client.connected()).await.unwrap());
        Self { name, epoch: "0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d", client, incoming, answers: BTreeMap::new() }
    }

    /// Begins its spool anew.
    pub(crate) fn wipe_spool(&mut self) {
        self.epoch = "11111111-2222-4333-8444-555555555555";
        self.answers.clear();
    }

    /// Publishes a golden record under this number, with a change.
    pub(crate) async fn tell(&self, file: &str, seq: u64, change: impl FnOnce(&mut Value)) {
        let payload = changed(file, |payload| {
            payload["bridge"] = json!(self.name);
            payload["epoch"] = json!(self.epoch);
            payload["seq"] = json!(seq);
            change(payload);
        });
        let topic = if file.starts_with("reading") { "reading" } else { "node" };
        self.publish(&format!("kosmo/mesh/{topic}/{}", self.name), payload.to_string()).await;
    }

    /// Publishes anything, and waits until the broker has it.
    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<bytes::Bytes>) {
        self.publish_message(Message::new(topic, payload)).await;
    }

    pub(crate) async fn publish_message(&self, message: Message) {
        let receipt = self.client.publish(message).await.unwrap();
        tokio::time::timeout(PATIENCE, receipt).await.unwrap().unwrap();
    }

    /// Waits until it was told of all these records.
    pub(crate) async fn is_told_of(&mut self, seqs: impl IntoIterator<Item = u64>) {
        let mut missing: BTreeSet<u64> = seqs.into_iter().filter(|seq| !self.answers.contains_key(seq)).collect();
        while !missing.is_empty() {
            for seq in self.next_answer().await {
                missing.remove(&seq);
            }
        }
    }

    /// Tells whether an answer has arrived that was not looked at.
    pub(crate) fn has_mail(&mut self) -> bool {
        std::iter::from_fn(|| self.incoming.try_next()).any(|event| matches!(event, Event::Message(_)))
    }

    /// Waits for the next answer, and returns the records it is about.
    pub(crate) async fn next_answer(&mut self) -> Vec<u64> {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.incoming.next()).await.expect("no answer came").unwrap();
            let Event::Message(delivery) = event else { continue };
            let ack: Ack = kosmo_contract::parse(&delivery.payload).unwrap();
            self.client.acknowledge(delivery.token);
            assert_eq!(ack.bridge.as_str(), self.name);
            let AckBody::Records { epoch, committed, rejected, .. } = ack.body else { panic!("ingestion grants nothing") };
            assert_eq!(epoch.to_string(), self.epoch);
            let told = committed.0.ranges().flatten().map(|seq| (seq, None));
            let told: Vec<_> = told.chain(rejected.into_iter().map(|one| (one.seq, Some(one.code.into_inner())))).collect();
            self.answers.extend(told.iter().cloned());
            return told.into_iter().map(|(seq, _)| seq).collect();
        }
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn server(broker: &Mosquitto) -> Server {
    broker.url().parse().unwrap()
}
