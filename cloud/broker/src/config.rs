//! Where the broker listens, and its bounds.

use kosmo_store::Secret;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// What a broker is started with. At least one listener must be given.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where to listen for plain MQTT; port 0 takes a free one.
    pub tcp: Option<SocketAddr>,
    /// Where to listen for MQTT over TLS, and with which certificate.
    pub tls: Option<Tls>,
    /// Logins of services that run in the same process.
    pub services: Vec<ServiceLogin>,
    /// The bounds.
    pub limits: Limits,
}

/// A TLS listener. The files are read at start; a renewed certificate needs a restart of the broker.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// The certificate chain, PEM.
    pub cert_pem: PathBuf,
    /// Its private key, PEM.
    pub key_pem: PathBuf,
}

/// The login of a service in the same process: its secret is drawn at start and stored nowhere.
#[derive(Debug, Clone)]
pub struct ServiceLogin {
    user: String,
    secret: Secret,
}

impl ServiceLogin {
    /// Returns the login of the service of this name. Its user name is `@{name}`, which no login in the store can be called.
    pub fn new(name: &str, secret: Secret) -> Self {
        Self { user: format!("{SERVICE_MARK}{name}"), secret }
    }

    /// Returns the MQTT user name. The client id is the same, or begins with it and a colon.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the secret, which is the MQTT password.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// What the names of in-process services begin with, and no name in the store may.
pub(crate) const SERVICE_MARK: char = '@';

/// The bounds of a broker.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest packet a client may send, in bytes.
    pub packet_bytes: u32,
    /// The most sessions, kept ones included.
    pub sessions: u32,
    /// The most subscriptions of a session.
    pub subscriptions: usize,
    /// The most levels of a topic.
    pub topic_levels: usize,
    /// The longest client id, in bytes.
    pub client_id_bytes: usize,
    /// The most retained messages.
    pub retained: usize,
    /// How many messages may wait for a bridge or viewer, and how many bytes of payload.
    pub queue: Queue,
    /// How many messages may wait for a service, and how many bytes of payload.
    pub service_queue: Queue,
    /// How many messages a bridge or viewer may leave unacknowledged.
    pub inflight: u16,
    /// How many messages a service may leave unacknowledged.
    pub service_inflight: u16,
    /// How fast one bridge may publish. Services are not slowed down.
    pub publish_rate: Rate,
    /// How long a client may take to log in once it has said CONNECT, or to finish its TLS handshake.
    pub handshake: Duration,
    /// How long one packet may take to be written to a client before its connection is closed.
    pub write: Duration,
    /// How long a session is kept for a client that is away.
    pub session_expiry: Duration,
    /// How often the logins of connected clients are looked up again.
    pub recheck: Duration,
    /// How many threads the broker has.
    pub threads: usize,
}

/// What may wait for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// The most messages.
    pub messages: usize,
    /// The most bytes of payload.
    pub bytes: usize,
}

/// How fast a client may publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Messages a second.
    pub messages: u32,
    /// Bytes of payload a second.
    pub bytes: u32,
    /// How many seconds' worth may come at once.
    pub burst_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet_bytes: 256 * 1024,
            sessions: 1000,
            subscriptions: 64,
            topic_levels: 16,
            client_id_bytes: 128,
            retained: 10_000,
            queue: Queue { messages: 1000, bytes: 4 * 1024 * 1024 },
            service_queue: Queue { messages: 50_000, bytes: 64 * 1024 * 1024 },
            inflight: 100,
            service_inflight: 1000,
            publish_rate: Rate { messages: 10_000, bytes: 8 * 1024 * 1024, burst_seconds: 2 },
            handshake: Duration::from_secs(10),
            // Shorter than the five seconds that rmqtt waits for a session it throws out to answer.
            write: Duration::from_secs(3),
            session_expiry: Duration::from_hours(24),
            recheck: Duration::from_secs(3),
            threads: 2,
        }
    }
}
