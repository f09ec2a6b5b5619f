//! What a connection is made of.

use crate::Backoff;
use bytes::Bytes;
use std::{fmt, str::FromStr, time::Duration};

/// Everything a client needs to know before it connects.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the broker is.
    pub server: Server,
    /// The certificate authorities (PEM) an `mqtts` server is checked against; those of the system if absent.
    pub ca_pem: Option<Vec<u8>>,
    /// The client id. A second client with the same id throws this one out.
    pub client_id: String,
    /// Name and password, if the broker wants them.
    pub login: Option<Login>,
    /// How often to ping. Between 1 s and 65,535 s.
    pub keep_alive: Duration,
    /// Whether the broker forgets subscriptions and undelivered messages when the connection ends.
    pub clean_session: bool,
    /// What to subscribe: on the first connection and on every later one for which the broker kept no session.
    pub subscriptions: Vec<Subscription>,
    /// What the broker publishes if this client vanishes without a DISCONNECT.
    pub will: Option<Message>,
    /// Bounds on packets and on what waits in memory.
    pub limits: Limits,
    /// How long to leave with the system what comes after a message, to take it all at once: waking for each of many messages costs
    /// more than reading them. What is published waits as long. For whoever is in no hurry; zero takes each as it comes.
    pub gather: Duration,
    /// How long to wait between attempts.
    pub backoff: Backoff,
}

impl Options {
    /// Returns options with a clean session, 30 s keep-alive, and the default limits and backoff.
    pub fn new(server: Server, client_id: impl Into<String>) -> Self {
        Self {
            server,
            ca_pem: None,
            client_id: client_id.into(),
            login: None,
            keep_alive: Duration::from_secs(30),
            clean_session: true,
            subscriptions: Vec::new(),
            will: None,
            limits: Limits::default(),
            gather: Duration::ZERO,
            backoff: Backoff::default(),
        }
    }

    /// Returns the same options with this patience: how long neither side is silent, and how long the broker may take to answer.
    #[must_use]
    pub fn with_keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self.limits.acknowledge = keep_alive;
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionsError> {
        if self.client_id.is_empty() || self.client_id.len() > MAX_TEXT || self.client_id.contains('\0') {
            return Err(OptionsError::ClientId);
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(65_535)).contains(&self.keep_alive) {
            return Err(OptionsError::KeepAlive);
        }
        if self.limits.window == 0 {
            return Err(OptionsError::Window);
        }
        if let Some(wrong) = self.subscriptions.iter().find(|subscription| !is_text(&subscription.filter)) {
            return Err(OptionsError::Filter(wrong.filter.clone()));
        }
        match &self.will {
            Some(will) if !is_topic(&will.topic) || will.payload.len() > MAX_TEXT => Err(OptionsError::Will),
            _ => Ok(()),
        }
    }
}

/// Says what is wrong with [`Options`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The client id is empty, too long or contains a NUL.
    #[error("an MQTT client id is 1 to 65535 bytes without NUL")]
    ClientId,
    /// The keep-alive does not fit the protocol.
    #[error("an MQTT keep-alive is between 1 s and 65535 s")]
    KeepAlive,
    /// The publishing window has no room at all.
    #[error("an MQTT publishing window has room for at least one message")]
    Window,
    /// The subscription is no topic filter.
    #[error("`{0}` is no MQTT topic filter")]
    Filter(String),
    /// The last will's topic is no topic, or its payload is over 65535 bytes.
    #[error("the last will's topic or payload does not fit into MQTT")]
    Will,
    /// The certificate authorities could not be read.
    #[error("no certificate authority to check the MQTT server against: {0}")]
    CertificateAuthority(String),
}

/// A broker's address, written `mqtt://host:port` (default port 1883) or `mqtts://host:port` (TLS, default port 8883).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Server {
    /// Returns the address of a broker on this machine, as in-process services use it.
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self { tls: false, host: host.into(), port }
    }

    /// Tells whether the connection is encrypted.
    pub const fn is_tls(&self) -> bool {
        self.tls
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "mqtts" } else { "mqtt" }, self.host, self.port)
    }
}

impl From<std::net::SocketAddr> for Server {
    /// The address in plain MQTT.
    fn from(addr: std::net::SocketAddr) -> Self {
        let host = if addr.is_ipv6() { format!("[{}]", addr.ip()) } else { addr.ip().to_string() };
        Self::plain(host, addr.port())
    }
}

/// Says why a text is no broker address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// The text begins with neither scheme.
    #[error("a broker address begins with mqtt:// or mqtts://")]
    Scheme,
    /// The address contains a name and password.
    #[error("a broker address contains no login: give name and password apart from it")]
    Login,
    /// The host is missing or not a host.
    #[error("a broker address names a host, like mqtt://broker.example.org:1883")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("a broker's port is a number from 1 to 65535")]
    Port,
    /// TLS checks the server's name; an IPv6 literal is none that the TLS layer takes.
    #[error("an mqtts:// address needs a host name or an IPv4 address")]
    TlsHost,
}

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let (tls, rest) = match (text.strip_prefix("mqtt://"), text.strip_prefix("mqtts://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            (None, None) => return Err(ServerError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(ServerError::Login);
        }
        let host_len = rest.find(']').map_or_else(|| rest.find(':').unwrap_or(rest.len()), |bracket| bracket + 1);
        let (host, port) = rest.split_at(host_len);
        let is_v6 = host.starts_with('[') && host.ends_with(']') && host[1..host.len() - 1].parse::<std::net::Ipv6Addr>().is_ok();
        let is_name =
            !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        if !is_v6 && !is_name {
            return Err(ServerError::Host);
        }
        if tls && is_v6 {
            return Err(ServerError::TlsHost);
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => {
                if tls {
                    8883
                } else {
                    1883
                }
            }
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(|_| ServerError::Port)?,
            None | Some(_) => return Err(ServerError::Port),
        };
        if port == 0 { Err(ServerError::Port) } else { Ok(Self { tls, host: host.to_owned(), port }) }
    }
}

/// A user name and its password, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How hard the protocol tries. QoS 2 is not used: acknowledgements end to end do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Qos {
    /// At most once: lost if nobody listens.
    AtMostOnce,
    /// At least once: acknowledged, and repeated if the acknowledgement is missing.
    AtLeastOnce,
}

/// A topic filter and the highest QoS in which its messages are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The filter, with `$share/{group}/` before it if the messages are shared out among several.
    pub filter: String,
    /// The highest QoS.
    pub qos: Qos,
}

impl Subscription {
    /// Returns a subscription at QoS 1.
    pub fn at_least_once(filter: impl Into<String>) -> Self {
        Self { filter: filter.into(), qos: Qos::AtLeastOnce }
    }

    /// Returns a subscription at QoS 0.
    pub fn at_most_once(filter: impl Into<String>) -> Self {
        Self { filter: filter.into(), qos: Qos::AtMostOnce }
    }
}

/// A message to publish.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic, without wildcards.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// Whether it is acknowledged.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}

impl Message {
    /// Returns a message at QoS 1 that is not retained.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos: Qos::AtLeastOnce, retain: false }
    }

    /// Returns the same message at QoS 0.
    #[must_use]
    pub fn at_most_once(self) -> Self {
        Self { qos: Qos::AtMostOnce, ..self }
    }

    /// Returns the same message, to be kept by the broker for later subscribers.
    #[must_use]
    pub fn retained(self) -> Self {
        Self { retain: true, ..self }
    }
}

impl fmt::Debug for Message {
    /// Leaves the payload out: texts of members travel in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("bytes", &self.payload.len())
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .finish()
    }
}

/// Bounds on packets, on what is in flight, and on what waits in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest packet in bytes, in either direction. A larger one from the broker ends the connection.
    pub packet: usize,
    /// How many published messages may wait for their acknowledgement.
    pub window: u16,
    /// How many received messages may wait to be taken.
    pub waiting_messages: usize,
    /// How many bytes of payload the received messages that wait may have.
    pub waiting_bytes: usize,
    /// How long connecting may take, from the name's resolution to the broker's answer.
    pub connect: Duration,
    /// How long the broker may take to acknowledge a message before the connection is given up.
    pub acknowledge: Duration,
    /// How long a shutdown waits for outstanding acknowledgements.
    pub flush: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet: 256 * 1024,
            window: 200,
            waiting_messages: 4096,
            waiting_bytes: 16 * 1024 * 1024,
            connect: Duration::from_secs(10),
            acknowledge: Duration::from_secs(30),
            flush: Duration::from_secs(5),
        }
    }
}

/// The longest text a packet can hold, in bytes.
const MAX_TEXT: usize = 65_535;

pub(crate) fn is_topic(topic: &str) -> bool {
    is_text(topic) && !topic.contains(['+', '#'])
}

fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT).contains(&text.len()) && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        for (text, expected) in [
            ("mqtt://localhost", "mqtt://localhost:1883"),
            ("mqtt://localhost:1884/", "mqtt://localhost:1884"),
            ("mqtts://broker.example.org", "mqtts://broker.example.org:8883"),
            ("mqtt://[::1]:1883", "mqtt://[::1]:1883"),
            ("mqtt://192.168.1.2", "mqtt://192.168.1.2:1883"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn other_addresses_are_refused_with_a_reason() {
        for (text, expected) in [
            ("localhost:1883", ServerError::Scheme),
            ("http://localhost", ServerError::Scheme),
            ("mqtt://roof:secret@localhost", ServerError::Login),
            ("mqtt://", ServerError::Host),
            ("mqtt://:1883", ServerError::Host),
            ("mqtt://a b", ServerError::Host),
            ("mqtt://[::1", ServerError::Host),
            ("mqtt://]", ServerError::Host),
            ("mqtt://host:0", ServerError::Port),
            ("mqtt://host:65536", ServerError::Port),
            ("mqtt://host:+1", ServerError::Port),
            ("mqtt://host:", ServerError::Port),
            ("mqtts://[::1]", ServerError::TlsHost),
        ] {
            assert_eq!(text.parse::<Server>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_login_keeps_its_password_out_of_logs() {
        let login = Login { name: "roof".to_owned(), password: "hunter2".to_owned() };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
