//! The task that keeps a client connected.

use crate::{
    AckToken, Client, ConnectionState, Delivery, Event, Incoming, Login, Message, Options, OptionsError, Qos, Reason, Refusal,
    backoff::Delays,
    client::Shared,
    link::{Link, Waiting},
    tls,
};
use kosmo_failpoints::fail_point;
use rand::RngCore;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, EventLoop, LastWill, MqttOptions, Outgoing, Packet, StateError, SubAck,
    SubscribeFilter, SubscribeReasonCode, Transport, mqttbytes,
};
use std::{future::poll_fn, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// Starts a client: a task of the current runtime that connects, reconnects and ends when `shutdown` is cancelled.
///
/// # Errors
/// Refuses options that no connection could be made of. An unreachable broker is no error: the client keeps trying.
///
/// # Panics
/// Outside a tokio runtime.
pub fn connect(
    options: Options,
    rng: impl RngCore + Send + 'static,
    shutdown: CancellationToken,
) -> Result<(Client, Incoming), OptionsError> {
    options.check()?;
    let transport = if options.server.tls { tls::transport(options.ca_pem.as_deref())? } else { Transport::tcp() };
    let (client, shared) = Client::new(options.limits.packet);
    let (events, received) = mpsc::unbounded_channel();
    let waiting = Arc::new(Waiting::default());
    let driver =
        Driver { delays: Delays::new(options.backoff), options, transport, shared, events, waiting: Arc::clone(&waiting), shutdown };
    tokio::spawn(driver.run(rng));
    Ok((client, Incoming::new(received, waiting)))
}

struct Driver {
    options: Options,
    transport: Transport,
    delays: Delays,
    shared: Arc<Shared>,
    events: mpsc::UnboundedSender<Event>,
    waiting: Arc<Waiting>,
    shutdown: CancellationToken,
}

impl Driver {
    async fn run(mut self, mut rng: impl RngCore) {
        let mut failures = 0_u32;
        let mut subscribed_before = false;
        for generation in 1.. {
            let mut connection = Connection::open(&self, generation);
            let reason = connection.serve(subscribed_before).await;
            let lived = connection.since.map_or(Duration::ZERO, |since| since.elapsed());
            subscribed_before |= connection.subscribed;
            drop(connection);
            failures = if lived.is_zero() { failures.saturating_add(1) } else { 1 };
            if self.shutdown.is_cancelled() {
                break;
            }
            let delay = self.delays.next(lived, &mut rng);
            self.report_loss(&reason, failures, delay);
            tokio::select! {
                () = sleep(delay) => {}
                () = self.shutdown.cancelled() => break,
            }
        }
        let _ = self.events.send(Event::Disconnected { reason: Reason::Shutdown });
        self.shared.set_state(ConnectionState::Closed);
    }

    fn report_loss(&self, reason: &Reason, failures: u32, delay: Duration) {
        fail_point!("mqtt::lost");
        let (server, client_id) = (&self.options.server, &self.options.client_id);
        if failures == 1 || matches!(reason, Reason::Refused(_)) {
            tracing::warn!(%server, client_id, retry_in = ?delay, "no connection to {server}: {reason}");
        } else {
            tracing::debug!(%server, client_id, failures, retry_in = ?delay, "still no connection to {server}: {reason}");
        }
        let _ = self.events.send(Event::Disconnected { reason: reason.clone() });
        self.shared.set_state(ConnectionState::Disconnected { reason: reason.clone(), failures });
    }
}

/// One connection, from its first byte to its last.
struct Connection<'a> {
    driver: &'a Driver,
    link: Link,
    event_loop: EventLoop,
    /// When the broker accepted it.
    since: Option<Instant>,
    /// Filters whose answer is outstanding.
    asked: Vec<String>,
    subscribed: bool,
    session_present: bool,
    dropped: u64,
    disconnecting: bool,
}

impl<'a> Connection<'a> {
    fn open(driver: &'a Driver, generation: u64) -> Self {
        let options = &driver.options;
        let (requests, mut event_loop) = AsyncClient::new(mqtt_options(options, driver.transport.clone()), REQUESTS);
        event_loop.network_options.set_tcp_nodelay(true);
        event_loop.network_options.set_connection_timeout(options.limits.connect.as_secs().max(1));
        let link = Link::new(generation, requests, options.limits.window);
        Self {
            driver,
            link,
            event_loop,
            since: None,
            asked: Vec::new(),
            subscribed: false,
            session_present: false,
            dropped: 0,
            disconnecting: false,
        }
    }

    /// Runs the connection to its end and says why it ended.
    async fn serve(&mut self, subscribed_before: bool) -> Reason {
        let shutdown = self.driver.shutdown.clone();
        // Until the broker has answered there is nothing to flush.
        let accepted = tokio::select! {
            accepted = self.event_loop.poll() => accepted,
            () = shutdown.cancelled() => return Reason::Shutdown,
        };
        let reason = match accepted {
            Ok(rumqttc::Event::Incoming(Packet::ConnAck(answer))) => {
                self.begin(answer.session_present, subscribed_before);
                self.exchange(&shutdown).await
            }
            Ok(_) => Reason::Protocol("the first packet was not CONNACK".to_owned()),
            Err(error) => reason(error),
        };
        self.driver.shared.set_link(None);
        self.link.abandon();
        if self.dropped > 0 {
            tracing::warn!(dropped = self.dropped, "messages at QoS 0 were dropped because more came than were taken");
        }
        reason
    }

    fn begin(&mut self, session_present: bool, subscribed_before: bool) {
        self.since = Some(Instant::now());
        self.session_present = session_present;
        // A kept session may have been made by an earlier build with other filters, so the first connection always asks.
        let wanted = if session_present && subscribed_before { &[] } else { &self.driver.options.subscriptions[..] };
        if wanted.is_empty() {
            self.stand();
            return;
        }
        self.asked = wanted.iter().map(|subscription| subscription.filter.clone()).collect();
        let filters = wanted.iter().map(|subscription| SubscribeFilter::new(subscription.filter.clone(), wire_qos(subscription.qos)));
        if self.link.requests.try_subscribe_many(filters).is_err() {
            // rumqttc knows these filters to be malformed, so the broker is not asked.
            self.refuse_asked();
            self.stand();
        }
    }

    /// Opens the connection to the handles.
    fn stand(&mut self) {
        self.subscribed = true;
        if self.driver.shutdown.is_cancelled() {
            return;
        }
        fail_point!("mqtt::connected");
        self.driver.shared.set_link(Some(self.link.clone()));
        let _ = self.driver.events.send(Event::Connected { session_present: self.session_present });
        self.driver.shared.set_state(ConnectionState::Connected);
        tracing::info!(server = %self.driver.options.server, client_id = self.driver.options.client_id, "connected to {}", self.driver.options.server);
    }

    async fn exchange(&mut self, shutdown: &CancellationToken) -> Reason {
        let limits = self.driver.options.limits;
        let patience = self.driver.options.keep_alive + limits.connect * 2;
        let mut deadline: Option<Instant> = None;
        let mut has_waited = false;
        loop {
            let polled = {
                // An abandoned poll can lose a half-written packet, so it is given up only together with the connection.
                let mut polling = pin!(timeout(patience, self.event_loop.poll()));
                let mut polling = poll_fn(|context| {
                    let polled = polling.as_mut().poll(context);
                    has_waited |= polled.is_pending();
                    polled
                });
                loop {
                    tokio::select! {
                        polled = &mut polling => break polled,
                        () = shutdown.cancelled(), if deadline.is_none() => {
                            deadline = Some(Instant::now() + limits.flush);
                            self.driver.shared.set_link(None);
                            self.link.close();
                            say_goodbye_when_idle(&self.link, &mut self.disconnecting);
                        }
                        () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => return Reason::Shutdown,
                    }
                }
            };
            let outcome = match polled {
                Err(_) => Err(Reason::TimedOut),
                Ok(Err(error)) => {
                    self.take_rest();
                    Err(reason(error))
                }
                Ok(Ok(event)) => self.handle(event),
            };
            if let Err(reason) = outcome {
                return if deadline.is_some() { Reason::Shutdown } else { reason };
            }
            if deadline.is_some() {
                say_goodbye_when_idle(&self.link, &mut self.disconnecting);
            } else if self.link.longest_wait() > limits.acknowledge {
                return Reason::Unacknowledged;
            } else if has_waited && self.event_loop.state.events.is_empty() {
                has_waited = false;
                wait(self.driver.options.gather, shutdown).await;
            }
        }
    }

    /// Takes what was received before the connection broke: rumqttc reads in batches.
    fn take_rest(&mut self) {
        while let Some(event) = self.event_loop.state.events.pop_front() {
            if self.handle(event).is_err() {
                return;
            }
        }
    }

    fn handle(&mut self, event: rumqttc::Event) -> Result<(), Reason> {
        match event {
            rumqttc::Event::Incoming(Packet::Publish(publish)) => self.deliver(publish),
            rumqttc::Event::Incoming(Packet::PubAck(ack)) => {
                fail_point!("mqtt::published");
                self.link.note_acknowledged(ack.pkid);
                Ok(())
            }
            rumqttc::Event::Incoming(Packet::SubAck(answer)) => {
                self.note_subscribed(&answer);
                Ok(())
            }
            rumqttc::Event::Outgoing(Outgoing::Publish(packet_id)) => {
                self.link.note_published(packet_id);
                Ok(())
            }
            // It was written and flushed when it is reported.
            rumqttc::Event::Outgoing(Outgoing::Disconnect) => Err(Reason::Shutdown),
            rumqttc::Event::Incoming(Packet::PubRec(_) | Packet::PubComp(_) | Packet::PubRel(_)) => {
                Err(Reason::Protocol("a packet of QoS 2, which was never used".to_owned()))
            }
            rumqttc::Event::Incoming(_) | rumqttc::Event::Outgoing(_) => Ok(()),
        }
    }

    fn deliver(&mut self, publish: rumqttc::Publish) -> Result<(), Reason> {
        let packet_id = match publish.qos {
            rumqttc::QoS::AtMostOnce => None,
            rumqttc::QoS::AtLeastOnce => Some(publish.pkid),
            rumqttc::QoS::ExactlyOnce => return Err(Reason::Protocol("a message at QoS 2, which was not asked for".to_owned())),
        };
        let limits = &self.driver.options.limits;
        if !self.driver.waiting.put(publish.payload.len(), limits.waiting_messages, limits.waiting_bytes) {
            if packet_id.is_some() {
                return Err(Reason::Overrun);
            }
            self.dropped += 1;
            return Ok(());
        }
        let delivery = Delivery {
            topic: publish.topic,
            payload: publish.payload,
            retain: publish.retain,
            duplicate: publish.dup,
            arrived: Instant::now(),
            token: AckToken { generation: self.link.generation, packet_id },
        };
        fail_point!("mqtt::received");
        let _ = self.driver.events.send(Event::Message(delivery));
        Ok(())
    }

    fn note_subscribed(&mut self, answer: &SubAck) {
        let asked = std::mem::take(&mut self.asked);
        if asked.is_empty() {
            return;
        }
        let mut codes = answer.return_codes.iter();
        for filter in asked {
            match codes.next() {
                Some(SubscribeReasonCode::Success(_)) => {}
                Some(SubscribeReasonCode::Failure) | None => self.asked.push(filter),
            }
        }
        self.refuse_asked();
        self.stand();
    }

    fn refuse_asked(&mut self) {
        for filter in self.asked.drain(..) {
            tracing::error!(filter, server = %self.driver.options.server, "the broker refused the subscription to {filter}");
            self.driver.shared.set_refused();
            let _ = self.driver.events.send(Event::SubscriptionRefused { filter });
        }
    }
}

/// Lets more come before it is taken, where that is wanted: what has come so far was all there was.
async fn wait(gather: Duration, shutdown: &CancellationToken) {
    if !gather.is_zero() {
        tokio::select! {
            () = sleep(gather) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Asks for DISCONNECT once nothing is owed; acknowledgements given before go out before it.
fn say_goodbye_when_idle(link: &Link, disconnecting: &mut bool) {
    if !*disconnecting && link.is_idle() {
        *disconnecting = link.requests.try_disconnect().is_ok();
    }
}

fn mqtt_options(options: &Options, transport: Transport) -> MqttOptions {
    let mut mqtt = MqttOptions::new(options.client_id.clone(), options.server.host.clone(), options.server.port);
    mqtt.set_transport(transport)
        .set_keep_alive(options.keep_alive)
        .set_clean_session(options.clean_session)
        .set_max_packet_size(options.limits.packet, usize::MAX)
        .set_manual_acks(true)
        // rumqttc stalls if a packet id comes round before it was acknowledged. Our own window is smaller, so it cannot.
        .set_inflight(options.limits.window.saturating_mul(4).max(1000));
    if let Some(Login { name, password }) = &options.login {
        mqtt.set_credentials(name, password);
    }
    if let Some(Message { topic, payload, qos, retain }) = &options.will {
        mqtt.set_last_will(LastWill::new(topic, payload.clone(), wire_qos(*qos), *retain));
    }
    mqtt
}

const fn wire_qos(qos: Qos) -> rumqttc::QoS {
    match qos {
        Qos::AtMostOnce => rumqttc::QoS::AtMostOnce,
        Qos::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
    }
}

fn reason(error: ConnectionError) -> Reason {
    match error {
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => Refusal::BadCredentials.into(),
            ConnectReturnCode::BadClientId => Refusal::ClientId.into(),
            ConnectReturnCode::RefusedProtocolVersion => Refusal::ProtocolVersion.into(),
            ConnectReturnCode::ServiceUnavailable => Refusal::Unavailable.into(),
            ConnectReturnCode::Success => Reason::Protocol("an acceptance reported as a refusal".to_owned()),
        },
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => Reason::TimedOut,
        ConnectionError::Io(error) => io_reason(&error),
        ConnectionError::Tls(rumqttc::TlsError::Io(error)) => tls_or_network(&error),
        ConnectionError::Tls(error) => Reason::Tls(error.to_string()),
        ConnectionError::MqttState(error) => state_reason(error),
        ConnectionError::NotConnAck(_) => Reason::Protocol("the first packet was not CONNACK".to_owned()),
        ConnectionError::RequestsDone => Reason::Shutdown,
    }
}

fn state_reason(error: StateError) -> Reason {
    match error {
        StateError::ConnectionAborted => Reason::Closed,
        StateError::AwaitPingResp => Reason::TimedOut,
        StateError::CollisionTimeout => Reason::Unacknowledged,
        StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)) => io_reason(&error),
        StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded(bytes)) => Reason::TooLarge(bytes),
        StateError::Deserialization(error) => Reason::Protocol(error.to_string()),
        StateError::InvalidState | StateError::Unsolicited(_) | StateError::WrongPacket | StateError::EmptySubscription => {
            Reason::Protocol(error.to_string())
        }
    }
}

fn io_reason(error: &std::io::Error) -> Reason {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Reason::Closed,
        ErrorKind::TimedOut => Reason::TimedOut,
        _ => Reason::Network(error.to_string()),
    }
}

/// rustls reports a certificate it refuses inside an I/O error.
fn tls_or_network(error: &std::io::Error) -> Reason {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => Reason::Tls(tls::words(error)),
        None => io_reason(error),
    }
}

/// Room for requests between the handles and rumqttc. Publishes are bounded by the window and acknowledgements by what was
/// delivered, so this is never reached; were it, a request would fail as if the connection had ended.
const REQUESTS: usize = 1 << 20;
