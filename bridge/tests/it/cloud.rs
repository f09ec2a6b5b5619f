//! A test's cloud: hears everything a bridge publishes, and answers as it is told to.

use crate::world::PATIENCE;
use bytes::Bytes;
use kosmo_contract::{
    Ack, AckBody, Evidence, InboundBody, NodeBody, Offer, Ranges, ReadingBody, ReceiptBody, Record, Status, V1, parse, topic::Topic,
};
use kosmo_domain::{BridgeId, Epoch, SeqSet, Stream};
use kosmo_mqtt::{Backoff, Client, Event, Incoming, Message, Options, Subscription};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// What was heard so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    pub(crate) readings: Vec<Record<ReadingBody>>,
    pub(crate) nodes: Vec<Record<NodeBody>>,
    pub(crate) texts: Vec<Record<InboundBody>>,
    pub(crate) receipts: Vec<Record<ReceiptBody>>,
    /// (stream, number) of every record in order of arrival, repetitions too.
    pub(crate) numbers: Vec<(Stream, u64)>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) epoch: Option<Epoch>,
    /// How often a connection to the broker came about.
    pub(crate) connections: usize,
}

impl Heard {
    pub(crate) fn status(&self) -> Option<&Status> {
        self.statuses.last()
    }

    /// Returns what was told of a text, each receipt once, in order.
    pub(crate) fn told(&self, message_id: Uuid) -> Vec<Evidence> {
        let of_text: BTreeMap<_, _> =
            self.receipts.iter().filter(|record| record.body.message_id == message_id).map(|record| (record.seq, &record.body)).collect();
        of_text.into_values().map(|body| body.evidence.clone()).collect()
    }

    /// Returns how many distinct records of a stream were heard.
    pub(crate) fn distinct(&self, stream: Stream) -> u64 {
        self.set(stream).len()
    }

    pub(crate) fn set(&self, stream: Stream) -> SeqSet {
        self.numbers.iter().filter(|(of, _)| *of == stream).map(|(_, seq)| *seq).collect()
    }
}

pub(crate) struct Cloud {
    client: Client,
    heard: watch::Receiver<Heard>,
    answers: Arc<AtomicBool>,
    _stop: DropGuard,
}

fn roof() -> BridgeId {
    "roof".parse().unwrap()
}

impl Cloud {
    /// Connects, and waits until it hears. It answers for every record as committed unless told otherwise.
    pub(crate) async fn connect(broker: &str) -> Self {
        let stop = CancellationToken::new();
        let options = Options {
            subscriptions: ["kosmo/mesh/+/+", "kosmo/bridge/+/status"].map(Subscription::at_least_once).into(),
            backoff: Backoff { min: Duration::from_millis(5), max: Duration::from_millis(10), ..Backoff::default() },
            ..Options::new(broker.parse().unwrap(), "cloud")
        };
        let (client, incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), stop.clone()).unwrap();
        let answers = Arc::new(AtomicBool::new(true));
        let (heard_in, heard) = watch::channel(Heard::default());
        tokio::spawn(listen(client.clone(), incoming, heard_in, Arc::clone(&answers)));
        let cloud = Self { client, heard, answers, _stop: stop.drop_guard() };
        cloud.until("a connection to the broker", |heard| heard.connections == 1).await;
        cloud
    }

    /// Has records from here on answered for as they come, or not.
    pub(crate) fn set_answering(&self, answers: bool) {
        self.answers.store(answers, Ordering::SeqCst);
    }

    /// Waits until what was heard is as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl FnMut(&Heard) -> bool) -> Heard {
        let mut heard = self.heard.clone();
        let Ok(found) = tokio::time::timeout(PATIENCE, heard.wait_for(wanted)).await else {
            panic!("waited in vain for {what}; heard: {}", summary(&self.heard.borrow()));
        };
        found.expect("the cloud listens as long as its handle lives").clone()
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.borrow().clone()
    }

    /// Answers for records as committed.
    pub(crate) async fn answer(&self, epoch: Epoch, stream: Stream, committed: SeqSet) {
        let body = AckBody::Records { epoch, stream, committed: Ranges(committed), rejected: Vec::new() };
        self.send(serde_json::to_vec(&Ack { v: V1, bridge: roof(), body }).unwrap()).await;
    }

    /// Sends anything to the topic of answers.
    pub(crate) async fn send(&self, payload: impl Into<Bytes>) {
        self.publish(Message::new(Topic::Ack(roof()).to_string(), payload.into())).await;
    }

    pub(crate) async fn publish(&self, message: Message) {
        self.client.publish(message).await.unwrap().await.unwrap();
    }

    /// Offers a text.
    pub(crate) async fn offer(&self, offer: &Offer) {
        self.publish(Message::new(Topic::Outbound(offer.to).to_string(), serde_json::to_vec(offer).unwrap())).await;
    }

    pub(crate) async fn grant(&self, message_id: Uuid) {
        self.send(serde_json::to_vec(&Ack { v: V1, bridge: roof(), body: AckBody::Granted { message_id } }).unwrap()).await;
    }

    /// Asks for a text whose writer wants it back.
    pub(crate) async fn cancel(&self, message_id: Uuid) {
        self.send(serde_json::to_vec(&Ack { v: V1, bridge: roof(), body: AckBody::Cancelled { message_id } }).unwrap()).await;
    }

    pub(crate) async fn revoke(&self, message_id: Uuid) {
        self.send(serde_json::to_vec(&Ack { v: V1, bridge: roof(), body: AckBody::Revoked { message_id } }).unwrap()).await;
    }
}

async fn listen(client: Client, mut incoming: Incoming, heard: watch::Sender<Heard>, answers: Arc<AtomicBool>) {
    while let Some(event) = incoming.next().await {
        match event {
            Event::Connected { .. } => heard.send_modify(|heard| heard.connections += 1),
            Event::Message(delivery) => {
                client.acknowledge(delivery.token);
                let mut number = None;
                heard.send_modify(|heard| number = note(heard, &delivery.topic, &delivery.payload));
                if let Some((epoch, stream, seq)) = number.filter(|_| answers.load(Ordering::SeqCst)) {
                    let body = AckBody::Records { epoch, stream, committed: Ranges([seq].into_iter().collect()), rejected: Vec::new() };
                    let ack = serde_json::to_vec(&Ack { v: V1, bridge: roof(), body }).unwrap();
                    // An answer that is lost is given again to the record's next publishing.
                    let _ = client.publish(Message::new(Topic::Ack(roof()).to_string(), ack)).await;
                }
            }
            Event::Disconnected { .. } | Event::SubscriptionRefused { .. } => {}
        }
    }
}

/// Notes a message; a payload against the contract fails the test.
fn note(heard: &mut Heard, topic: &str, payload: &[u8]) -> Option<(Epoch, Stream, u64)> {
    // What a test offers.
    if topic.starts_with("kosmo/mesh/outbound/") {
        return None;
    }
    let number = match topic.parse().unwrap() {
        Topic::Status(_) => {
            heard.statuses.push(parse(payload).unwrap());
            return None;
        }
        Topic::Reading(_) => note_record(&mut heard.readings, payload),
        Topic::Node(_) => note_record(&mut heard.nodes, payload),
        Topic::Inbound(_) => note_record(&mut heard.texts, payload),
        Topic::Receipt(_) => note_record(&mut heard.receipts, payload),
        other => panic!("a bridge does not publish to {other}"),
    };
    heard.numbers.push((number.1, number.2));
    heard.epoch = Some(number.0);
    Some(number)
}

fn note_record<B: serde::de::DeserializeOwned>(records: &mut Vec<Record<B>>, payload: &[u8]) -> (Epoch, Stream, u64) {
    let record: Record<B> = parse(payload).unwrap();
    let number = (record.epoch, record.stream, record.seq);
    records.push(record);
    number
}

fn summary(heard: &Heard) -> String {
    let status = serde_json::to_string_pretty(&heard.status()).unwrap();
    let Heard { readings, nodes, texts, connections, .. } = heard;
    format!("{} readings, {} nodes, {} texts, {connections} connections, {status}", readings.len(), nodes.len(), texts.len())
}
