//! Carries the MQTT of a radio that has no network of its own (`proxy_to_client_enabled`): what the radio wants published goes to a
//! broker under a login that is this radio's, and what its channels take comes back.
//!
//! It is a connection of its own, so that no flood of another broker holds up what the bridge says for itself. As with firmware, what
//! finds no connection is lost: QoS 0, and counted.

use crate::{
    config::Config,
    counters::Counter,
    health::{Finding, Trouble},
};
use kosmo_domain::{NodeId, Uptime};
use kosmo_meshtastic::{
    proto,
    proxy::{Delivered, Proxy, ProxyRefusal},
    radio::RadioState,
};
use kosmo_mqtt::{Backoff, Client, Delivery, Event, Incoming, Limits, Login, Message, Options, Server, Subscription};
use rand::{SeedableRng as _, rngs::StdRng};
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How much may wait to be published; a radio hears a packet each second at most.
const WAITING: usize = 64;
/// Bounds of the connection: a radio's messages are half a kilobyte, and what cannot be handed in soon is old.
const MAX_PACKET: usize = 8 * 1024;
const WAITING_MESSAGES: usize = 256;
const WAITING_BYTES: usize = 256 * 1024;
/// The share of the time that what comes down may be on the air, and how much of it at once.
const SHARE: u32 = 10;
const AT_ONCE: Duration = Duration::from_secs(12);
/// How many messages of a broker are handed in each second at most, and how many at once, whether or not they go on the air.
const MESSAGE: Duration = Duration::from_millis(500);
const MESSAGES_AT_ONCE: Duration = Duration::from_secs(5);

/// Where the MQTT of one radio is carried to.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// The radio, by its node: another one at the same place is not let publish as this one.
    pub node: NodeId,
    /// The broker.
    pub broker: Server,
    /// The login there, if it wants one.
    pub login: Option<Login>,
    /// The certificate authorities (PEM) an `mqtts` broker is checked against; those of the system if absent.
    pub ca_pem: Option<Vec<u8>>,
}

/// Something that happened at the broker.
#[derive(Debug)]
pub(crate) enum ProxyEvent {
    /// It said this on one of the topics that the radio's channels take.
    Came(Delivery),
    /// How the connection stands has changed.
    Changed,
}

/// What carries a radio's MQTT.
pub(crate) struct Carrier {
    brokers: Vec<ProxyConfig>,
    backoff: Backoff,
    keep_alive: Duration,
    rng: StdRng,
    proxy: Proxy,
    line: Option<Line>,
    /// The radio that wants its MQTT carried and has nobody to.
    missing: Option<NodeId>,
    air: Allowance,
    messages: Allowance,
}

/// The connection for one radio.
struct Line {
    node: NodeId,
    filters: Vec<String>,
    broker: String,
    incoming: Incoming,
    outbox: mpsc::Sender<Message>,
    is_online: bool,
    /// Why there is no connection, and what is not let be heard.
    away: Option<String>,
    deaf: Option<String>,
    publisher: JoinHandle<()>,
    _stop: DropGuard,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.publisher.abort();
    }
}

impl Carrier {
    pub(crate) fn new(config: &Config, rng: StdRng) -> Self {
        Self {
            brokers: config.proxies.clone(),
            backoff: config.pace.broker,
            keep_alive: config.pace.keep_alive,
            rng,
            proxy: Proxy::default(),
            line: None,
            missing: None,
            air: Allowance::new(SHARE, AT_ONCE),
            messages: Allowance::new(1, MESSAGES_AT_ONCE),
        }
    }

    /// Takes over what a radio wants carried, as of its handshake.
    pub(crate) fn set_radio(&mut self, radio: &RadioState) {
        self.proxy.set_radio(radio);
        let broker = self.brokers.iter().find(|broker| broker.node == radio.node).filter(|_| self.proxy.is_wanted());
        self.missing = (self.proxy.is_wanted() && broker.is_none()).then_some(radio.node);
        let filters = self.proxy.filters();
        let Some(broker) = broker else {
            self.line = None;
            return;
        };
        if self.line.as_ref().is_some_and(|line| line.node == radio.node && line.filters == filters) {
            return;
        }
        // The old connection ends first: two under one name would throw each other out.
        self.line = None;
        match Line::open(broker, filters, self.backoff, self.keep_alive, StdRng::from_rng(&mut self.rng)) {
            Ok(line) => self.line = Some(line),
            Err(error) => tracing::error!(radio.node = %radio.node, %error, "the radio's MQTT cannot be carried"),
        }
    }

    /// Returns what happens next at the broker, if there is one. Safe to cancel.
    pub(crate) async fn next(&mut self) -> ProxyEvent {
        let Some(line) = &mut self.line else { return std::future::pending().await };
        match line.incoming.next().await {
            None => std::future::pending().await,
            Some(Event::Message(delivery)) => ProxyEvent::Came(delivery),
            Some(Event::Connected { .. }) => {
                (line.is_online, line.away) = (true, None);
                tracing::info!(broker = line.broker, radio.node = %line.node, "the radio's MQTT is carried");
                ProxyEvent::Changed
            }
            Some(Event::Disconnected { reason }) => {
                (line.is_online, line.away, line.deaf) = (false, Some(reason.to_string()), None);
                ProxyEvent::Changed
            }
            Some(Event::SubscriptionRefused { filter }) => {
                line.deaf = Some(filter);
                ProxyEvent::Changed
            }
        }
    }

    /// Publishes what the radio wants published; tells what it is counted as.
    pub(crate) fn publish(&mut self, message: proto::MqttClientProxyMessage) -> Counter {
        // What nobody is configured to carry is not looked at.
        let Some(line) = &self.line else { return Counter::ProxyLost };
        match self.proxy.publish(message) {
            Err(refusal) => note(refusal),
            Ok(_) if !line.is_online => Counter::ProxyLost,
            // Nothing is retained: what firmware retains would outlive its truth.
            Ok(publication) => match line.outbox.try_send(Message::new(publication.topic, publication.payload).at_most_once()) {
                Ok(()) => Counter::ProxyUp,
                Err(_) => Counter::ProxyLost,
            },
        }
    }

    /// Returns what the radio is handed of what a broker said, or what it is counted as. `airtime` is how long that many bytes are on
    /// the air, and nothing if there is no room for them.
    pub(crate) fn deliver(
        &mut self,
        delivery: &Delivery,
        airtime: impl FnOnce(usize) -> Option<Duration>,
        now: Uptime,
    ) -> Result<proto::MqttClientProxyMessage, Counter> {
        // What a broker kept is of another day.
        if delivery.retain {
            return Err(Counter::ProxyRefused);
        }
        if !self.messages.has(MESSAGE, now) {
            return Err(Counter::ProxyLost);
        }
        let Delivered { message, bytes_on_air } = self.proxy.deliver(&delivery.topic, &delivery.payload).map_err(note)?;
        self.messages.take(MESSAGE);
        if let Some(bytes) = bytes_on_air {
            let airtime = airtime(bytes).filter(|airtime| self.air.has(*airtime, now)).ok_or(Counter::ProxyLost)?;
            self.air.take(airtime);
        }
        Ok(message)
    }

    /// Returns what is wrong with it.
    pub(crate) fn finding(&self) -> Option<Finding> {
        if let Some(node) = self.missing {
            let says = format!("the radio {node} wants its MQTT messages carried, and no broker is named for it: they are dropped");
            return Some(Finding::new(Trouble::ProxyMissing, says));
        }
        let line = self.line.as_ref()?;
        if let Some(filter) = &line.deaf {
            let says = format!("the broker for the radio's MQTT does not let it hear `{filter}`");
            return Some(Finding::new(Trouble::ProxyDeaf, says));
        }
        let away = line.away.as_ref()?;
        Some(Finding::new(Trouble::ProxyAway, format!("no connection to the broker for the radio's MQTT: {away}")))
    }
}

fn note(refusal: ProxyRefusal) -> Counter {
    metrics::counter!("kosmo_bridge_proxy_refused_total", "why" => refusal.name()).increment(1);
    Counter::ProxyRefused
}

impl Line {
    fn open(
        config: &ProxyConfig,
        filters: Vec<String>,
        backoff: Backoff,
        keep_alive: Duration,
        rng: StdRng,
    ) -> Result<Self, kosmo_mqtt::OptionsError> {
        // Firmware's own, so that the radio with a network of its own and this one are never both connected.
        let mut options = Options::new(config.broker.clone(), config.node.to_string()).with_keep_alive(keep_alive);
        options.ca_pem.clone_from(&config.ca_pem);
        options.login.clone_from(&config.login);
        options.subscriptions = filters.iter().map(Subscription::at_most_once).collect();
        options.backoff = backoff;
        let waiting = Limits { packet: MAX_PACKET, waiting_messages: WAITING_MESSAGES, waiting_bytes: WAITING_BYTES, ..options.limits };
        options.limits = waiting;
        let stop = CancellationToken::new();
        let (client, incoming) = kosmo_mqtt::connect(options, rng, stop.clone())?;
        let (outbox, waiting) = mpsc::channel(WAITING);
        let publisher = tokio::spawn(publish_all(client, waiting));
        let (node, broker) = (config.node, config.broker.to_string());
        let (is_online, away, deaf) = (false, None, None);
        Ok(Self { node, filters, broker, incoming, outbox, is_online, away, deaf, publisher, _stop: stop.drop_guard() })
    }
}

async fn publish_all(client: Client, mut waiting: mpsc::Receiver<Message>) {
    while let Some(message) = waiting.recv().await {
        if let Err(error) = client.publish(message).await {
            tracing::debug!(%error, "a message of the radio's MQTT is lost");
        }
    }
}

/// An allowance of time that grows back: one part in so many, and no more than so much at once.
#[derive(Debug)]
struct Allowance {
    one_in: u32,
    most: Duration,
    left: Duration,
    at: Uptime,
}

impl Allowance {
    const fn new(one_in: u32, most: Duration) -> Self {
        Self { one_in, most, left: most, at: Uptime(Duration::ZERO) }
    }

    fn has(&mut self, span: Duration, now: Uptime) -> bool {
        self.left = (self.left + now.since(self.at) / self.one_in).min(self.most);
        self.at = now;
        span <= self.left
    }

    fn take(&mut self, span: Duration) {
        self.left = self.left.saturating_sub(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_down_has_a_tenth_of_the_air_and_a_little_at_once() {
        let (mut air, second) = (Allowance::new(SHARE, AT_ONCE), Duration::from_secs(1));
        let mut given = 0;
        for now in 0..3600 {
            for _ in 0..3 {
                if air.has(second, Uptime(Duration::from_secs(now))) {
                    air.take(second);
                    given += 1;
                }
            }
        }
        assert_eq!(given, 12 + 359);
    }
}
