//! What a bridge needs to know before it starts.

use crate::{
    link::{LinkPatience, Places, RadioUrl},
    proxy::ProxyConfig,
    pulse::Pulse,
    share::ShareConfig,
    spool::SpoolLimits,
};
use kosmo_domain::{BridgeId, Clock};
use kosmo_meshtastic::session::SessionPace;
use kosmo_mqtt::{Backoff, Server};
use rand::RngCore;
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// What a bridge is told.
#[derive(Clone)]
pub struct Config {
    /// Its name, which is also its login.
    pub bridge: BridgeId,
    /// Its radio.
    pub radio: RadioUrl,
    /// The broker.
    pub broker: Server,
    /// The certificate authorities (PEM) an `mqtts` broker is checked against; those of the system if absent.
    pub ca_pem: Option<Vec<u8>>,
    /// The password of its login, if the broker wants one.
    pub password: Option<String>,
    /// The spool's file.
    pub spool: PathBuf,
    /// Where it listens for whoever asks on this machine how it is ([`crate::local::ask`]), if it does.
    pub socket: Option<PathBuf>,
    /// Where other Meshtastic programs connect to use the radio beside the bridge, if they may.
    pub share: Option<ShareConfig>,
    /// The brokers that radios' own MQTT is carried to, each for one radio.
    pub proxies: Vec<ProxyConfig>,
    /// Whether what nodes measure on their bearers is passed on.
    pub health_metrics: bool,
    /// Where this machine keeps its devices.
    pub places: Places,
    /// By which a watchdog sees that it goes on.
    pub pulse: Pulse,
    /// How much the spool holds, and when it publishes again.
    pub limits: SpoolLimits,
    /// How long it waits for what.
    pub pace: Pace,
}

impl Config {
    /// Returns the configuration with the usual limits and waits, no password, and a socket beside the spool.
    pub fn new(bridge: BridgeId, radio: RadioUrl, broker: Server, spool: PathBuf) -> Self {
        Self {
            bridge,
            radio,
            broker,
            ca_pem: None,
            password: None,
            socket: Some(spool.with_file_name("status.sock")),
            share: None,
            proxies: Vec::new(),
            health_metrics: false,
            spool,
            places: Places::default(),
            pulse: Pulse::default(),
            limits: SpoolLimits::default(),
            pace: Pace::default(),
        }
    }
}

impl fmt::Debug for Config {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("bridge", &self.bridge)
            .field("radio", &self.radio)
            .field("broker", &self.broker)
            .field("spool", &self.spool)
            .field("limits", &self.limits)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// How long a bridge waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a record may wait in memory for others to be committed with.
    pub gather: Duration,
    /// The wait after a first failure to write the spool; it doubles up to a minute.
    pub spool_retry: Duration,
    /// How often the status is published.
    pub status: Duration,
    /// How long a change may wait to be told in the status.
    pub status_change: Duration,
    /// For how long a radio may have no place for another packet before it is said.
    pub radio_busy: Duration,
    /// How patiently the radio is connected.
    pub radio: LinkPatience,
    /// How long a connected radio may take, or be silent.
    pub session: SessionPace,
    /// How patiently the broker is connected.
    pub broker: Backoff,
    /// How long neither side of that connection is silent.
    pub keep_alive: Duration,
    /// How long the end may take: leaving the radio, and telling the broker.
    pub finish: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_millis(50),
            spool_retry: Duration::from_secs(1),
            status: Duration::from_mins(1),
            status_change: Duration::from_secs(1),
            radio_busy: Duration::from_mins(3),
            radio: LinkPatience::default(),
            session: SessionPace::default(),
            broker: Backoff::default(),
            keep_alive: Duration::from_secs(30),
            finish: Duration::from_secs(5),
        }
    }
}

/// What a bridge takes from the world around it.
pub struct Deps {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness: the epoch of a new spool, handshake numbers, and jitter.
    pub rng: Box<dyn RngCore + Send>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}
