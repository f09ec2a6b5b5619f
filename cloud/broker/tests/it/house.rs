//! A broker with a store of its own.

use kosmo_broker::{Broker, Config, Limits, ServiceLogin};
use kosmo_domain::{BridgeId, Timestamp};
use kosmo_store::{Database, LoginKind, Secret, Store};
use std::{net::SocketAddr, time::Duration};
use tempfile::TempDir;

pub(crate) const ROOF: &str = "roof";
pub(crate) const CELLAR: &str = "cellar";
pub(crate) const VIEWER: &str = "viewer";
pub(crate) const INGESTION: &str = "@ingestion";

/// Two bridges, a viewer and a service.
pub(crate) struct House {
    pub(crate) broker: Broker,
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000).unwrap()
}

pub(crate) fn bridge(name: &str) -> BridgeId {
    name.parse().unwrap()
}

/// The secret of a login in these tests, which follows from its name.
pub(crate) fn secret(name: &str) -> Secret {
    let mut bits = [7; 32];
    bits[..name.len()].copy_from_slice(name.as_bytes());
    Secret::from_random(bits)
}

pub(crate) fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub(crate) fn limits() -> Limits {
    Limits { recheck: Duration::from_millis(100), ..Limits::default() }
}

pub(crate) fn config() -> Config {
    let services = vec![ServiceLogin::new("ingestion", secret(INGESTION)), ServiceLogin::new("gateway", secret("@gateway"))];
    Config { tcp: Some(anywhere()), services, limits: limits(), ..Config::default() }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
        store.migrate().await.unwrap();
        for name in [ROOF, CELLAR] {
            store.add_bridge(&bridge(name), &secret(name).hash(), now()).await.unwrap();
        }
        store.add_login(&bridge(VIEWER), LoginKind::Viewer, &secret(VIEWER).hash(), now()).await.unwrap();
        store.add_login(&bridge("gateway-2"), LoginKind::Service, &secret("gateway-2").hash(), now()).await.unwrap();
        let broker = Broker::start(config, store.clone()).await.unwrap();
        Self { broker, store, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.broker.tcp_addr().unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.broker.tcp_addr().unwrap().port()
    }
}
