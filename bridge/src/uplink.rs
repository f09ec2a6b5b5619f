//! The uplink: records to their topics, answers and offers from theirs, and the retained status with its last will.

use crate::{config::Config, counters::Counter, record::Kind, spool::Stored};
use kosmo_contract::{
    Ack, BridgeState, Offer, Request, RequestBody, Status, V1, parse,
    topic::{self, OUTBOUND, Topic},
};
use kosmo_domain::{BridgeId, Timestamp};
use kosmo_failpoints::fail_point;
use kosmo_mqtt::{Client, Delivery, Event, Incoming, Login, Message, Options, OptionsError, PublishError, Reason, Receipt, Subscription};
use rand::RngCore;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many messages may wait for the client: everything that may be in flight at once, and statuses besides.
const WAITING: usize = 1024;
/// The client id is the login's name with this before it, so that a person with the same login throws no bridge out.
const CLIENT_PREFIX: &str = "kosmo-bridge-";

/// What the uplink has to tell.
#[derive(Debug)]
pub(crate) enum UplinkEvent {
    /// A connection to the broker stands. What was published before it and not answered for is to be published again.
    Connected,
    /// There is none, and why.
    Disconnected(Reason),
    /// The cloud answered.
    Answer(Box<Ack>),
    /// The cloud offers a text.
    Offered(Box<Offer>),
    /// An operator wants something found out.
    Requested(RequestBody),
    /// Something came that is no answer or no offer, and is counted as this.
    Nonsense(Counter),
    /// The broker does not let this login hear something.
    Deaf(Deaf),
}

/// What a broker does not let a bridge hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deaf {
    /// Answers: nothing will ever leave the spool.
    Answers,
    /// Texts for the mesh.
    Offers,
}

impl Deaf {
    /// Says what follows from it, to whoever looks after the bridge.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Answers => "the broker does not let this bridge hear answers: nothing will leave its spool",
            Self::Offers => "the broker does not let this bridge hear texts for the mesh: it sends none",
        }
    }
}

/// A handle to the MQTT client and to the task that feeds it.
#[derive(Debug)]
pub(crate) struct Uplink {
    topics: Topics,
    bridge: BridgeId,
    client: Client,
    incoming: Incoming,
    outbox: mpsc::Sender<Outgoing>,
    /// Which connection messages are for: those for an earlier one are stale, for everything is published anew.
    connection: Arc<AtomicU64>,
    /// How many records were published and are not at the broker.
    underway: Arc<AtomicUsize>,
    publisher: JoinHandle<()>,
    /// Ends the client when this handle is dropped, however that comes.
    stop: DropGuard,
}

#[derive(Debug)]
struct Outgoing {
    connection: u64,
    message: Message,
    /// Counts it as under way until it is dropped; of records alone.
    underway: Option<Underway>,
}

/// A record on its way to the broker.
#[derive(Debug)]
struct Underway(Arc<AtomicUsize>);

impl Underway {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct Topics {
    reading: String,
    node: String,
    inbound: String,
    receipt: String,
    status: String,
    ack: String,
    request: String,
}

impl Uplink {
    /// Starts to keep a connection to the broker.
    ///
    /// # Errors
    /// [`OptionsError`] if no connection could be made of the configuration.
    pub(crate) fn start(config: &Config, rng: impl RngCore + Send + 'static) -> Result<Self, OptionsError> {
        let topics = Topics::of(&config.bridge);
        let options = Options {
            ca_pem: config.ca_pem.clone(),
            login: config.password.clone().map(|password| Login { name: config.bridge.to_string(), password }),
            subscriptions: [topics.ack.as_str(), OUTBOUND, topics.request.as_str()].map(Subscription::at_least_once).into(),
            will: Some(topics.status_message(&offline(&config.bridge))),
            backoff: config.pace.broker,
            ..Options::new(config.broker.clone(), format!("{CLIENT_PREFIX}{}", config.bridge)).with_keep_alive(config.pace.keep_alive)
        };
        let stop = CancellationToken::new();
        let (client, incoming) = kosmo_mqtt::connect(options, rng, stop.clone())?;
        let (outbox, waiting) = mpsc::channel(WAITING);
        let connection = Arc::new(AtomicU64::new(0));
        let publisher = tokio::spawn(publish_all(client.clone(), waiting, Arc::clone(&connection)));
        let (bridge, underway) = (config.bridge.clone(), Arc::default());
        Ok(Self { topics, bridge, client, incoming, outbox, connection, underway, publisher, stop: stop.drop_guard() })
    }

    /// Returns what happens next. Safe to cancel.
    pub(crate) async fn next(&mut self) -> UplinkEvent {
        loop {
            // The client ends only when this handle does.
            let Some(event) = self.incoming.next().await else { std::future::pending().await };
            if let Some(event) = self.take(event) {
                return event;
            }
        }
    }

    /// Returns what has already happened, if anything, so that what came together is committed together.
    pub(crate) fn try_next(&mut self) -> Option<UplinkEvent> {
        loop {
            let event = self.incoming.try_next()?;
            if let Some(event) = self.take(event) {
                return Some(event);
            }
        }
    }

    fn take(&mut self, event: Event) -> Option<UplinkEvent> {
        Some(match event {
            Event::Connected { .. } => {
                self.connection.fetch_add(1, Ordering::SeqCst);
                UplinkEvent::Connected
            }
            Event::Disconnected { reason } => UplinkEvent::Disconnected(reason),
            Event::SubscriptionRefused { filter } if filter == OUTBOUND => UplinkEvent::Deaf(Deaf::Offers),
            // The broker's rules are of a version that knew no requests, and nothing else suffers.
            Event::SubscriptionRefused { filter } if filter == self.topics.request => UplinkEvent::Nonsense(Counter::RequestsRefused),
            Event::SubscriptionRefused { .. } => UplinkEvent::Deaf(Deaf::Answers),
            Event::Message(delivery) => {
                let event = self.read(&delivery);
                // An answer that is lost from here on is no loss: its records are published again, and answered again.
                // Nor is an offer: it is made again until a bridge is granted the text.
                fail_point!("uplink::acknowledge::before");
                self.client.acknowledge(delivery.token);
                fail_point!("uplink::acknowledge::after");
                event?
            }
        })
    }

    fn read(&self, delivery: &Delivery) -> Option<UplinkEvent> {
        if delivery.topic == self.topics.ack {
            let answer = parse::<Ack>(&delivery.payload).ok().filter(|ack| ack.bridge == self.bridge);
            return Some(answer.map_or(UplinkEvent::Nonsense(Counter::AcksMalformed), |ack| UplinkEvent::Answer(Box::new(ack))));
        }
        if delivery.topic == self.topics.request {
            // One that a broker kept is of another day.
            let request = parse::<Request>(&delivery.payload).ok().filter(|request| request.bridge == self.bridge && !delivery.retain);
            return Some(request.map_or(UplinkEvent::Nonsense(Counter::RequestsRefused), |request| UplinkEvent::Requested(request.body)));
        }
        if !topic::matches(OUTBOUND, &delivery.topic) {
            return None;
        }
        // Offers are made again and again while they stand. One that a broker kept may be of another day.
        if delivery.retain {
            return Some(UplinkEvent::Nonsense(Counter::OffersRetained));
        }
        let offer = parse::<Offer>(&delivery.payload).ok();
        let offer = offer.filter(|offer| delivery.topic.parse() == Ok(Topic::Outbound(offer.to)));
        Some(offer.map_or(UplinkEvent::Nonsense(Counter::OffersRefused), |offer| UplinkEvent::Offered(Box::new(offer))))
    }

    /// Returns how many messages can be taken.
    pub(crate) fn room(&self) -> usize {
        self.outbox.capacity()
    }

    /// Returns a future that ends when there is room again, worth a look into the spool.
    pub(crate) fn has_room(&self) -> impl Future<Output = ()> + Send + 'static {
        let outbox = self.outbox.clone();
        async move { drop(outbox.reserve_many(WAITING / 4).await) }
    }

    /// Publishes records, for which there must be room, on the connection that stands. Whether they arrived is not asked here:
    /// only an answer counts.
    pub(crate) fn publish(&self, records: Vec<Stored>) {
        for record in records {
            let underway = Some(Underway::begin(&self.underway));
            self.send(Message::new(self.topics.of_kind(record.kind), record.payload), underway);
        }
    }

    /// Tells whether every record that was published has reached the broker.
    pub(crate) fn is_calm(&self) -> bool {
        self.underway.load(Ordering::SeqCst) == 0
    }

    /// Publishes the status, retained.
    pub(crate) fn publish_status(&self, status: &Status) {
        self.send(self.topics.status_message(status), None);
    }

    fn send(&self, message: Message, underway: Option<Underway>) {
        let connection = self.connection.load(Ordering::SeqCst);
        if self.outbox.try_send(Outgoing { connection, message, underway }).is_err() {
            tracing::debug!("a message to the broker found no room and is published later");
        }
    }

    /// Says that the bridge goes, and closes the connection. What was not published is in the spool.
    pub(crate) async fn finish(self, now: Timestamp, patience: Duration) {
        let Self { topics, bridge, client, incoming, outbox, connection, underway: _, publisher, stop } = self;
        connection.fetch_add(1, Ordering::SeqCst);
        let farewell = async {
            // With its time, which tells it from a last will: the bridge went by itself.
            let farewell = Status { at: Some(now), ..offline(&bridge) };
            if let Ok(receipt) = client.publish(topics.status_message(&farewell)).await {
                let _ = receipt.await;
            }
        };
        if client.is_connected() && timeout(patience, farewell).await.is_err() {
            tracing::info!("the broker did not confirm the farewell; it publishes the last will");
        }
        drop((outbox, incoming));
        drop(stop);
        let closed = timeout(patience, client.closed()).await;
        if closed.is_err() || timeout(patience, publisher).await.is_err() {
            tracing::info!("the connection to the broker did not close in time");
        }
    }
}

/// Returns what a bridge says, or has said of it, that is not there.
fn offline(bridge: &BridgeId) -> Status {
    Status {
        v: V1,
        bridge: bridge.clone(),
        state: BridgeState::Offline,
        at: None,
        version: None,
        uptime_s: None,
        epoch: None,
        radio: None,
        queues: None,
        air: None,
        problems: Vec::new(),
        counters: BTreeMap::new(),
    }
}

/// Feeds the client, which waits for room in its window. What finds no connection is dropped: the next one begins anew.
async fn publish_all(client: Client, mut waiting: mpsc::Receiver<Outgoing>, connection: Arc<AtomicU64>) {
    let (confirmed, receipts) = mpsc::unbounded_channel();
    // Bounded by the window of messages that the broker has not acknowledged.
    let arrivals = tokio::spawn(await_all(receipts));
    while let Some(Outgoing { connection: meant, message, underway }) = waiting.recv().await {
        if meant != connection.load(Ordering::SeqCst) {
            continue;
        }
        match client.publish(message).await {
            Ok(receipt) => drop(confirmed.send((receipt, underway))),
            Err(PublishError::NotConnected) => {}
            Err(error @ (PublishError::Topic | PublishError::TooLarge { .. })) => {
                tracing::error!(%error, "a record cannot be published and stays in the spool");
            }
        }
    }
    arrivals.abort();
}

/// Waits for messages to arrive at the broker, which acknowledges them in order.
async fn await_all(mut receipts: mpsc::UnboundedReceiver<(Receipt, Option<Underway>)>) {
    while let Some((receipt, underway)) = receipts.recv().await {
        let _ = receipt.await;
        drop(underway);
    }
}

impl Topics {
    fn of(bridge: &BridgeId) -> Self {
        Self {
            reading: Topic::Reading(bridge.clone()).to_string(),
            node: Topic::Node(bridge.clone()).to_string(),
            inbound: Topic::Inbound(bridge.clone()).to_string(),
            receipt: Topic::Receipt(bridge.clone()).to_string(),
            status: Topic::Status(bridge.clone()).to_string(),
            ack: Topic::Ack(bridge.clone()).to_string(),
            request: Topic::Request(bridge.clone()).to_string(),
        }
    }

    fn of_kind(&self, kind: Kind) -> &str {
        match kind {
            Kind::Reading => &self.reading,
            Kind::Node => &self.node,
            Kind::Inbound => &self.inbound,
            Kind::Receipt => &self.receipt,
        }
    }

    fn status_message(&self, status: &Status) -> Message {
        let payload = serde_json::to_vec(status).expect("a status has text keys only, and none of its types fail to serialise");
        Message::new(self.status.clone(), payload).retained()
    }
}
