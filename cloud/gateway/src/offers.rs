//! Offers texts to the bridges, again and again until one takes them; asks bridges for those that are taken back, and for routes that
//! operators want to know; and settles texts whose time has run out.

use crate::{
    ack,
    telemetry::{EXPIRED, OFFERS},
};
use bytes::Bytes;
use kosmo_contract::{AckBody, Base64Bytes, ChannelRef, Contact, Offer, Priority, Request, RequestBody, Text, V1, topic::Topic};
use kosmo_domain::{Clock, Fact, NodeId};
use kosmo_failpoints::fail_point;
use kosmo_mqtt::{Client, Message, Receipt};
use kosmo_store::{
    ANSWERS_WITHIN, Error, Store, in_time,
    jobs::{Failure, Job, Worker},
    messages::{MessageRow, NodeContact, OFFER_JOB, Teller},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often to look what is due. A new text is not waited for: its job calls.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many texts are taken at once.
const AT_ONCE: u32 = 100;

/// Offers texts. Several replicas may do so at once.
pub(crate) struct Offers {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client: Client,
    /// Says that a bridge has come that may take what others did not.
    pub(crate) bridge_came: Arc<Notify>,
}

/// What the job of a new text says.
#[derive(Deserialize)]
struct NewText {
    message_id: Uuid,
}

impl Offers {
    pub(crate) async fn run(&self, shutdown: &CancellationToken) {
        let worker = Worker::new(self.store.clone(), Arc::clone(&self.clock), "gateway", &[OFFER_JOB], |job| self.offer_new(job));
        tokio::join!(worker.run(shutdown.clone()), self.offer_regularly(shutdown));
    }

    /// Offers a new text at once. If the broker is away, the text stays pending, and is offered as soon as it is back.
    async fn offer_new(&self, job: Job) -> Result<(), Failure> {
        let NewText { message_id } = serde_json::from_value(job.payload).map_err(|_| Failure::Never("it names no message".to_owned()))?;
        let offering = async {
            match self.store.message_to_offer(message_id, self.clock.now()).await? {
                Some(message) => self.offer(&[message]).await,
                None => Ok(()),
            }
        };
        Ok(in_time(ANSWERS_WITHIN, offering).await?)
    }

    /// Looks again and again for what is due.
    async fn offer_regularly(&self, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connection = self.client.state();
        let mut was_connected = false;
        loop {
            let bridge_came = tokio::select! {
                _ = ticks.tick() => false,
                Ok(()) = connection.changed() => false,
                () = self.bridge_came.notified() => true,
                () = shutdown.cancelled() => return,
            };
            let is_connected = self.client.is_connected();
            // Whatever was offered last may have gone into the void.
            let hurry = is_connected && (bridge_came || !was_connected);
            match in_time(ANSWERS_WITHIN, self.look(is_connected, hurry)).await {
                Ok(()) => was_connected = is_connected,
                Err(error) => tracing::warn!(%error, "cannot look which texts are due, and tries again"),
            }
        }
    }

    async fn look(&self, is_connected: bool, hurry: bool) -> Result<(), Error> {
        self.settle().await?;
        if hurry {
            self.store.hasten_offers(self.clock.now()).await?;
        }
        if is_connected {
            self.ask_for_cancelled().await?;
            self.ask_for_routes().await?;
        }
        while is_connected && self.store.next_offer_due().await?.is_some_and(|due| due <= self.clock.now()) {
            let due = self.store.messages_to_offer(self.clock.now(), AT_ONCE).await?;
            self.offer(&due).await?;
            if due.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Settles what no bridge took in time, and what went with a bridge that is not heard of any more.
    async fn settle(&self) -> Result<(), Error> {
        let never = self.store.expire_never_granted(self.clock.now(), AT_ONCE).await?;
        let vanished = self.store.settle_vanished(self.clock.now(), AT_ONCE).await?;
        metrics::counter!(EXPIRED, "outcome" => "not_sent").increment(never.len() as u64);
        metrics::counter!(EXPIRED, "outcome" => "unknown").increment(vanished.len() as u64);
        Ok(())
    }

    /// Asks bridges for the texts whose writers want them back. What gets lost is asked again.
    async fn ask_for_cancelled(&self) -> Result<(), Error> {
        for message in self.store.messages_to_cancel(self.clock.now(), AT_ONCE).await? {
            let Some((_, bridge)) = &message.facts.granted else { continue };
            let question = ack::message(bridge, AckBody::Cancelled { message_id: message.id });
            fail_point!("cancel::publish::before");
            if let Err(error) = self.client.publish(question).await {
                tracing::debug!(%error, message.id = %message.id, "a bridge could not be asked for a text yet");
            }
        }
        Ok(())
    }

    /// Asks bridges for the ways to nodes that operators want to know.
    async fn ask_for_routes(&self) -> Result<(), Error> {
        for route in self.store.routes_to_ask(self.clock.now(), AT_ONCE).await? {
            let request = Request { v: V1, bridge: route.bridge.clone(), body: RequestBody::Traceroute { to: route.node } };
            let json = serde_json::to_vec(&request).expect("a request is made of texts and numbers");
            let request = Message::new(Topic::Request(route.bridge).to_string(), Bytes::from(json));
            if let Err(error) = self.client.publish(request).await {
                tracing::debug!(%error, "a bridge could not be asked for a route");
            }
        }
        Ok(())
    }

    /// Returns the offer of a text; nothing if it has to wait for its writer first, or has less time left than a bridge counts in.
    async fn prepare(&self, message: &MessageRow) -> Result<Option<Message>, Error> {
        if message.channel.is_some() {
            return Ok(offer(message, None, message.deadline.since(self.clock.now())));
        }
        let held = self.store.key_holds(message.user, message.node).await?;
        if held && self.store.hold_for_key(message.id, self.clock.now()).await? {
            return Ok(None);
        }
        let contact = match self.store.node_contact(message.node).await? {
            Some(known) => {
                let is_confirmed = self.store.node_key(message.user, message.node).await?.confirmed_at.is_some();
                contact(known, is_confirmed)
            }
            None => None,
        };
        Ok(offer(message, contact, message.deadline.since(self.clock.now())))
    }

    /// Publishes the offers, and notes which the broker has taken. Those that it has not are offered again in a while.
    async fn offer(&self, messages: &[MessageRow]) -> Result<(), Error> {
        let mut under_way: Vec<(&MessageRow, Receipt)> = Vec::with_capacity(messages.len());
        for message in messages {
            let Some(offer) = self.prepare(message).await? else { continue };
            fail_point!("offer::publish::before");
            match self.client.publish(offer).await {
                Ok(receipt) => under_way.push((message, receipt)),
                Err(error) => {
                    metrics::counter!(OFFERS, "outcome" => "failed").increment(1);
                    tracing::debug!(%error, message.id = %message.id, "a text could not be offered yet");
                }
            }
        }
        for (message, receipt) in under_way {
            if receipt.await.is_err() {
                metrics::counter!(OFFERS, "outcome" => "failed").increment(1);
                continue;
            }
            metrics::counter!(OFFERS, "outcome" => "taken").increment(1);
            fail_point!("offer::taken");
            if message.facts.offered_at.is_none() {
                let now = self.clock.now();
                self.store.add_facts(message.id, &[(Fact::Offered, now)], &Teller::Cloud, now).await?;
            }
        }
        Ok(())
    }
}

/// Returns what a radio has to know of a node, as far as the contract has room for it.
fn contact(known: NodeContact, confirmed: bool) -> Option<Contact> {
    let NodeContact { public_key, long_name, short_name } = known;
    let public_key = Base64Bytes::try_from(public_key).ok().filter(|key: &Base64Bytes<32>| key.as_bytes().len() == 32)?;
    let (long_name, short_name) = (long_name.as_deref().map(Text::cut), short_name.as_deref().map(Text::cut));
    Some(Contact { public_key, long_name, short_name, confirmed })
}

/// Returns by what bridges tell one member's texts from others'. It is no name that a member could be found or recognised by elsewhere.
fn member(user: Uuid) -> Text<32> {
    let hash = Sha256::new().chain_update(b"kosmo member").chain_update(user.as_bytes()).finalize();
    let first = hash.first_chunk().expect("a hash of 256 bits has 8 bytes");
    Text::cut(&format!("{:016x}", u64::from_be_bytes(*first)))
}

/// Returns the offer of a text that may be sent for so long; none if that is less than the second that a bridge counts in.
fn offer(message: &MessageRow, contact: Option<Contact>, left: Duration) -> Option<Message> {
    let ttl_s = u32::try_from(left.as_secs()).ok().filter(|seconds| *seconds > 0)?;
    let Ok(text) = Text::try_from(message.air_text.clone()) else {
        tracing::error!(message.id = %message.id, "a text that was accepted is too long to be offered");
        return None;
    };
    let channel = message.channel.as_ref().map(|(name, hash)| ChannelRef { name: Text::cut(name), hash: *hash });
    // What operators say to everybody goes before what one says to another.
    let priority = if channel.is_some() { Priority::High } else { Priority::Normal };
    let to = if channel.is_some() { NodeId::BROADCAST } else { message.node };
    let (message_id, member, reply_to) = (message.id, Some(member(message.user)), message.reply_to);
    let offer = Offer { v: V1, message_id, bridge: None, to, channel, member, priority, contact, text, reply_to, ttl_s };
    let json = serde_json::to_vec(&offer).expect("an offer is made of numbers and texts");
    Some(Message::new(Topic::Outbound(to).to_string(), Bytes::from(json)))
}
