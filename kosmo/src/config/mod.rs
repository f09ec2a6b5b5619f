//! Configuration: documented defaults, compiled in, overlaid by a file, by the environment and by flags.

mod error;
mod layers;
mod limits;
mod proxy;
mod secret;
mod show;
mod uplink;

pub use crate::config::{
    error::{ConfigErrors, Fault},
    layers::{Flag, Loaded, Sources, load},
    proxy::RadioProxy,
    secret::Secret,
    show::show,
    uplink::UplinkBroker,
};
use kosmo_domain::BridgeId;
#[cfg(feature = "cloud")]
use kosmo_domain::DAY;
#[cfg(feature = "cloud")]
use kosmo_store::{Database, messages::KeepMessages, packets::KeepPackets, weather::Keep};
use serde::Deserialize;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

/// The defaults and their documentation in one.
pub const DEFAULTS: &str = include_str!("../config.default.toml");
/// The file in the working folder that is read without being named.
pub const DEFAULT_FILE: &str = "kosmo.toml";

/// Everything that can be set. What each key means stands in [`DEFAULTS`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the documentation of each section is the defaults file")]
pub struct Config {
    pub data: Data,
    pub database: DatabaseConfig,
    pub secrets: Secrets,
    pub mqtt: Mqtt,
    pub broker: Broker,
    pub http: Http,
    pub auth: Auth,
    pub bridge: Bridge,
    pub ingestion: Ingestion,
    pub gateway: Gateway,
    pub retention: Retention,
    pub log: Log,
    pub limits: Limits,
}

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "the documentation of each key is the defaults file")]
        pub struct $name { $(pub $key: $kind,)* }
    )*};
}

sections! {
    /// Where files lie.
    Data { dir: PathBuf, }
    /// Where data lies.
    DatabaseConfig { url: Secret, url_file: PathBuf, max_connections: u32, }
    /// What seals secrets in the database.
    Secrets { key: Secret, key_file: PathBuf, }
    /// An outside broker.
    Mqtt { url: String, login: String, password: Secret, password_file: PathBuf, ca_file: PathBuf, keep_alive_s: u64, }
    /// The embedded broker.
    Broker { address: IpAddr, port: u16, tls_cert_file: PathBuf, tls_key_file: PathBuf, tls_port: u16, max_clients: u32, }
    /// What HTTP listens on.
    Http { address: IpAddr, web_port: u16, ingestion_port: u16, weather_port: u16, gateway_port: u16, max_connections: usize, web_dir: PathBuf, }
    /// Who is believed to be who.
    Auth { dev_header: bool, }
    /// Radios attached to `kosmo up`, and what every bridge keeps to.
    Bridge { radios: Vec<String>, id: BridgeId, secrets_dir: PathBuf, spool_max_mb: u64, spool_max_days: u32, share: String, share_admin: bool, health_metrics: bool, proxy: Vec<RadioProxy>, }
    /// How records are written.
    Ingestion { batch_max: usize, batch_wait_ms: u64, own_uplink: bool, preset_channels: bool, legacy_json: bool, receptions_days: u32, uplink: Vec<UplinkBroker>, }
    /// How texts of members are sent.
    Gateway { handle_in_text: bool, burst: u32, per_minute: u32, ttl_s: u64, answer_window_h: u32, streams_max: usize, }
    /// What is deleted, and when.
    Retention { raw_days: u32, events_days: u32, operators_days: u32, messages_days: u32, packets_days: u32, packets_max: u32, }
    /// The log.
    Log { level: String, format: LogFormat, }
    /// What the program takes of the machine.
    Limits { worker_threads: usize, shutdown_s: u64, }
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("it is `text` or `json`"),
        }
    }
}

impl Config {
    /// Returns the database that is configured.
    ///
    /// # Panics
    /// If the configuration was not checked: loading it refuses a text that names no database.
    #[cfg(feature = "cloud")]
    pub fn database(&self) -> Database {
        if self.database.url.is_empty() {
            return Database::Sqlite { path: self.data.dir.join("kosmo.db") };
        }
        let database = self.database.url.expose().parse().expect("loading has checked it");
        match database {
            Database::Postgres { url, .. } => Database::Postgres { url, max_connections: self.database.max_connections },
            Database::Sqlite { .. } => database,
        }
    }

    /// Returns the folder of a bridge's spool.
    pub fn bridge_dir(&self, bridge: &BridgeId) -> PathBuf {
        self.data.dir.join("bridges").join(bridge.as_str())
    }

    /// Returns how long a shutdown waits for work under way.
    pub const fn shutdown_time(&self) -> Duration {
        Duration::from_secs(self.limits.shutdown_s)
    }

    /// Returns the path if one is set.
    pub fn file(path: &Path) -> Option<&Path> {
        (!path.as_os_str().is_empty()).then_some(path)
    }
}

impl Mqtt {
    /// Returns how long neither side of a connection is silent.
    pub const fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_s)
    }

    /// Returns the certificate authority that is configured, if one is.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn ca_pem(&self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(path) = Config::file(&self.ca_file) else { return Ok(None) };
        let what = || "the certificate authority of `mqtt.ca_file`".to_owned();
        std::fs::read(path).map(Some).map_err(|source| Fault::File { what: what(), path: path.to_owned(), source })
    }
}

#[cfg(feature = "cloud")]
impl Retention {
    /// Returns how long what is kept.
    pub fn keep(&self) -> Keep {
        Keep { readings: DAY * self.raw_days, ..Keep::default() }
    }

    /// Returns how much of the log of packets is kept.
    pub fn keep_packets(&self) -> KeepPackets {
        KeepPackets { age: DAY * self.packets_days, number: self.packets_max }
    }

    /// Returns how long what of messages is kept.
    pub fn keep_messages(&self) -> KeepMessages {
        KeepMessages {
            events: DAY * self.events_days,
            operators: DAY * self.operators_days,
            texts: (self.messages_days > 0).then(|| DAY * self.messages_days),
            ..KeepMessages::default()
        }
    }
}

impl Http {
    /// Returns the address of this port.
    pub const fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }
}
