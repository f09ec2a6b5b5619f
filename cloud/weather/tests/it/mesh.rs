//! A small mesh in a database, and a client of the service on it.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use futures_util::StreamExt as _;
use kosmo_domain::{Epoch, ManualClock, Metric, Metrics, NodeId, PacketId, Reading, Source, Stream, TimeSource, Timestamp, Trust};
use kosmo_http::{App, Info, recorder};
use kosmo_store::{
    Database, Store,
    ingest::{Body as Said, Heard, NodeReport, Raw, Reception, Record, RecordName},
};
use serde_json::Value;
use std::{cell::Cell, sync::Arc};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const ANA: &str = "!a1b2c3d4";
pub(crate) const BEN: &str = "!b1b2c3d4";
pub(crate) const NOBODY: &str = "!deadbeef";

pub(crate) struct Mesh {
    pub(crate) store: Store,
    app: Router,
    seq: Cell<u64>,
    _folder: TempDir,
}

impl Mesh {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.sqlite") }).await.unwrap();
        store.migrate().await.unwrap();
        let app = App::new("test", Info::new("Test", "1"), 0)
            .with(kosmo_weather::service(store.clone(), Arc::new(ManualClock::at(at("2026-06-01T12:00:00Z")))));
        Self { store, app: app.into_router(recorder().handle()), seq: Cell::new(0), _folder: folder }
    }

    /// Has a bridge deliver a reading.
    pub(crate) async fn measure(&self, who: &str, when: &str, values: &[(Metric, f64)]) {
        let mut metrics = Metrics::NONE;
        for &(metric, value) in values {
            metrics.set(metric, value).unwrap();
        }
        let reading = Reading { node: node(who), at: at(when), metrics };
        let body = Said::Reading {
            reading,
            time_source: TimeSource::Device,
            device_time: Some(at(when)),
            trust: Trust::Claimed,
            source: Source::Bridge,
        };
        self.deliver(who, when, body).await;
    }

    /// Has a bridge deliver a report on a node.
    pub(crate) async fn report(&self, who: &str, when: &str, report: NodeReport) {
        self.deliver(who, when, Said::Node { node: node(who), report, at: at(when) }).await;
    }

    /// Has the bridge tell what its radio remembers of a node, without a packet that came just then.
    pub(crate) async fn heard_of(&self, who: &str, when: &str, report: NodeReport) {
        self.store_record(None, when, Said::Node { node: node(who), report, at: at(when) }).await;
    }

    /// Summarises every hour that has changed.
    pub(crate) async fn summarise(&self) {
        while self.store.run_rollups(100).await.unwrap().more {}
    }

    async fn deliver(&self, who: &str, when: &str, body: Said) {
        let reception =
            Reception { at: at(when), snr_db: Some(7.25), rssi_dbm: Some(-60), hops_away: Some(1), relay_node: None, via_mqtt: false };
        let id = PacketId(u32::try_from(self.seq.get() + 1).unwrap());
        self.store_record(Some(Heard { from: node(who), id, reception }), when, body).await;
    }

    async fn store_record(&self, heard: Option<Heard>, when: &str, body: Said) {
        let seq = self.seq.get() + 1;
        self.seq.set(seq);
        let origin = RecordName { bridge: "roof".parse().unwrap(), epoch: Epoch::from_random(7), stream: Stream::Ingest, seq };
        let record = Record { origin, heard, privacy: None, body, notes: Vec::new(), raw: Raw::default() };
        self.store.ingest(&[record], at(when)).await.unwrap();
    }

    /// Asks for a path, and returns the status and what was answered.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.ask(Request::get(path).body(Body::empty()).unwrap()).await;
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Asks for a path that is there, and returns what was answered.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let (status, answer) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Returns in how many parts the answer comes.
    pub(crate) async fn parts(&self, path: &str) -> usize {
        let answer = self.app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        answer.into_body().into_data_stream().filter(|part| std::future::ready(part.is_ok())).count().await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let (head, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        (head.status, head.headers, to_bytes(body, 16 << 20).await.unwrap().to_vec())
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}
