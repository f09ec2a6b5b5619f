//! A gateway with its database and broker, four members, and a clock that stands still.

use crate::bridge::Bridge;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use kosmo_domain::{ManualClock, NodeId, Plan, Timestamp};
use kosmo_gateway::{Config, DevIdentity, Gateway, Pace};
use kosmo_http::{App, Info, recorder};
use kosmo_mqtt::{Options, Server};
use kosmo_store::{Database, Store, users::NewUser};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The wanderer of the document.
pub(crate) const ANA: &str = "11111111-1111-1111-1111-111111111111";
/// A guardian with [`NODE`] on the list.
pub(crate) const GUS: &str = "22222222-2222-2222-2222-222222222222";
/// A sanctuary.
pub(crate) const SUE: &str = "33333333-3333-3333-3333-333333333333";
/// A free user.
pub(crate) const FAY: &str = "44444444-4444-4444-4444-444444444444";
/// Whom the document writes to.
pub(crate) const NODE: &str = "!a1b2c3d4";
/// A node on nobody's list.
pub(crate) const OTHER: &str = "!0badcafe";

const PATIENCE: Duration = Duration::from_secs(20);
const NOW: &str = "2026-06-01T12:00:00Z";

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) broker: Mosquitto,
    pub(crate) clock: Arc<ManualClock>,
    config: Config,
    /// How often the gateway was started: each life draws other ids.
    lives: u64,
    app: Router,
    gateway: Option<(JoinHandle<()>, CancellationToken)>,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        // Tests of quota are not to wait for a pace.
        Self::with(|config| config.pace = Pace { burst: 1_000, per_minute: 1_000 }).await
    }

    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::new(ManualClock::at(NOW.parse().unwrap()));
        add_members(&store, NOW.parse().unwrap()).await;
        let broker = Mosquitto::start(&MosquittoOptions { persistent: true, ..MosquittoOptions::default() }).await;
        let mut config = Config::new(Options::new(server(&broker), "gateway"));
        config.dev_identity = Some(DevIdentity::enable("127.0.0.1:8003".parse().unwrap()).unwrap());
        configure(&mut config);
        let mut house = Self { store, broker, clock, config, lives: 0, app: Router::new(), gateway: None, _folder: folder };
        house.open().await;
        house
    }

    /// Starts the gateway, and waits until it is ready.
    pub(crate) async fn open(&mut self) {
        let gateway =
            Gateway::connect(self.config.clone(), self.store.clone(), self.clock.clone(), StdRng::seed_from_u64(self.lives)).unwrap();
        self.app = App::new("test", Info::new("Test", "1"), 0).with(gateway.service()).into_router(recorder().handle());
        let shutdown = CancellationToken::new();
        self.gateway = Some((tokio::spawn(gateway.run(shutdown.clone())), shutdown));
        self.until("the gateway is ready", async || self.get(ANA, "/readyz").await.0 == StatusCode::OK).await;
    }

    /// Ends the gateway in good order.
    pub(crate) async fn close(&mut self) {
        let (task, shutdown) = self.gateway.take().unwrap();
        shutdown.cancel();
        task.await.unwrap();
    }

    pub(crate) async fn bridge(&self, name: &str, radio: &str) -> Bridge {
        Bridge::connect(server(&self.broker), name, radio, self.clock.clone()).await
    }

    /// Posts a text, which is to be accepted, and returns its id.
    pub(crate) async fn send(&self, who: &str, to: &str, text: &str) -> Uuid {
        let (status, answer) = self.post(who, &json!({ "target_node_id": to, "text": text })).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn post(&self, who: &str, body: &Value) -> (StatusCode, Value) {
        let (status, _, answer) = self.ask(post(who).body(Body::from(body.to_string())).unwrap()).await;
        (status, answer)
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> (StatusCode, Value) {
        let (status, _, answer) = self.ask(Request::get(path).header("X-User-ID", who).body(Body::empty()).unwrap()).await;
        (status, answer)
    }

    pub(crate) async fn delete(&self, who: &str, path: &str) -> (StatusCode, Value) {
        let (status, _, answer) = self.ask(Request::delete(path).header("X-User-ID", who).body(Body::empty()).unwrap()).await;
        (status, answer)
    }

    pub(crate) async fn post_to(&self, who: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("Content-Type", "application/json").header("X-User-ID", who);
        let (status, _, answer) = self.ask(request.body(Body::from(body.to_string())).unwrap()).await;
        (status, answer)
    }

    /// Asks for a path that is there, and returns what was answered.
    pub(crate) async fn read(&self, who: &str, path: &str) -> Value {
        let (status, answer) = self.get(who, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    pub(crate) async fn message(&self, who: &str, id: Uuid) -> Value {
        self.read(who, &format!("/api/v1/messages/{id}")).await
    }

    /// Returns the texts of a conversation.
    pub(crate) async fn conversation(&self, who: &str, node: &str) -> Vec<Value> {
        self.read(who, &format!("/api/v1/messages/conversations/{node}")).await["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn quota(&self, who: &str) -> Value {
        self.read(who, "/api/v1/messages/quota").await
    }

    /// Waits until a text stands so, and returns it.
    pub(crate) async fn until_status(&self, who: &str, id: Uuid, status: &str) -> Value {
        self.until(status, async || self.message(who, id).await["status"] == status).await;
        self.message(who, id).await
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let waiting = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("it never came to this: {what}"));
    }

    /// Asks for what does not end, and returns the answer as it begins.
    pub(crate) async fn respond(&self, request: Request<Body>) -> axum::response::Response {
        self.app.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        let (head, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 16 << 20).await.unwrap();
        (head.status, head.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

/// Returns the beginning of a request that posts a text.
pub(crate) fn post(who: &str) -> axum::http::request::Builder {
    Request::post("/api/v1/messages").header("Content-Type", "application/json").header("X-User-ID", who)
}

pub(crate) fn node(text: &str) -> NodeId {
    text.parse().unwrap()
}

fn server(broker: &Mosquitto) -> Server {
    broker.url().parse().unwrap()
}

async fn add_members(store: &Store, now: Timestamp) {
    for (id, handle, plan) in
        [(ANA, "ana", Plan::Wanderer), (GUS, "gus", Plan::Guardian), (SUE, "sue", Plan::Sanctuary), (FAY, "fay", Plan::Free)]
    {
        let user = NewUser { id: id.parse().unwrap(), handle: handle.parse().unwrap(), plan, anchor: now };
        store.add_user(&user, now).await.unwrap();
    }
    store.list_node(GUS.parse().unwrap(), node(NODE)).await.unwrap();
}
