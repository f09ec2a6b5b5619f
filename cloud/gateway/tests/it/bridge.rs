//! A bridge as the gateway knows it: a login on the broker that claims, tells and hears.

use bytes::Bytes;
use kosmo_contract::{
    Ack, AckBody, ChannelRef, Evidence, InboundBody, Offer, Packet, ReceiptBody, Record, Text, Transport, V1, topic, topic::Topic,
};
use kosmo_domain::{BridgeId, Clock as _, Epoch, ManualClock, NodeId, PacketId, Stream};
use kosmo_meshtastic::outgoing::packet_id;
use kosmo_mqtt::{Client, Event, Incoming, Message, Options, Server, Subscription};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::Serialize;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::house::node;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Bridge {
    pub(crate) id: BridgeId,
    pub(crate) radio: NodeId,
    client: Client,
    incoming: Incoming,
    clock: Arc<ManualClock>,
    epoch: Epoch,
    seq: u64,
    offers: VecDeque<Offer>,
    acks: VecDeque<AckBody>,
    _disconnect: DropGuard,
}

/// Returns the id of the packet that a message goes out in first.
pub(crate) fn first_packet(message_id: Uuid) -> PacketId {
    packet_id(message_id.as_u128(), 0)
}

impl Bridge {
    pub(crate) async fn connect(server: Server, name: &str, radio: &str, clock: Arc<ManualClock>) -> Self {
        let id: BridgeId = name.parse().unwrap();
        let mut options = Options::new(server, name);
        options.subscriptions = topic::bridge_reads(&id).map(Subscription::at_least_once).into();
        let disconnect = CancellationToken::new();
        let seed = name.bytes().map(u64::from).sum();
        let (client, incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(seed), disconnect.clone()).unwrap();
        assert!(client.connected().await);
        let bridge = Self {
            id,
            radio: node(radio),
            client,
            incoming,
            clock,
            epoch: Epoch::from_random(seed.into()),
            seq: 0,
            offers: VecDeque::new(),
            acks: VecDeque::new(),
            _disconnect: disconnect.drop_guard(),
        };
        bridge.say_online().await;
        bridge
    }

    /// Publishes its status: ready, by its radio.
    pub(crate) async fn say_online(&self) {
        let status = serde_json::json!({
            "v": 1,
            "bridge": self.id,
            "state": "online",
            "at": self.clock.now(),
            "radio": { "link": "ready", "node_id": self.radio },
        });
        let message = Message::new(Topic::Status(self.id.clone()).to_string(), serde_json::to_vec(&status).unwrap()).retained();
        self.client.publish(message).await.unwrap().await.unwrap();
    }

    /// Waits for the next offer.
    pub(crate) async fn offer(&mut self) -> Offer {
        loop {
            if let Some(offer) = self.offers.pop_front() {
                return offer;
            }
            self.hear().await;
        }
    }

    /// Waits for the next answer to a claim, and tells which message it is about and whether it was granted.
    pub(crate) async fn answer(&mut self) -> (Uuid, bool) {
        loop {
            let place = self.acks.iter().position(|ack| matches!(ack, AckBody::Granted { .. } | AckBody::Revoked { .. }));
            match place.and_then(|place| self.acks.remove(place)) {
                Some(AckBody::Granted { message_id }) => return (message_id, true),
                Some(AckBody::Revoked { message_id }) => return (message_id, false),
                Some(AckBody::Cancelled { .. } | AckBody::Records { .. }) => unreachable!("passed over above"),
                None => self.hear().await,
            }
        }
    }

    /// Waits until the bridge is asked for a text that its writer takes back.
    pub(crate) async fn asked_back(&mut self) -> Uuid {
        loop {
            let asked = self.acks.iter().find_map(|ack| if let AckBody::Cancelled { message_id } = ack { Some(*message_id) } else { None });
            match asked {
                Some(message_id) => return message_id,
                None => self.hear().await,
            }
        }
    }

    /// Waits until a record is answered for, and returns why it was refused, if it was.
    pub(crate) async fn answered(&mut self, wanted: u64) -> Option<String> {
        loop {
            for ack in &self.acks {
                let AckBody::Records { epoch, stream: Stream::Gateway, committed, rejected } = ack else { continue };
                if *epoch != self.epoch {
                    continue;
                }
                if let Some(rejection) = rejected.iter().find(|rejection| rejection.seq == wanted) {
                    return Some(rejection.code.to_string());
                }
                if committed.0.contains(wanted) {
                    return None;
                }
            }
            self.hear().await;
        }
    }

    /// Tells something of a message, waits until it is answered for, and returns why it was refused, if it was.
    pub(crate) async fn tell(&mut self, message_id: Uuid, evidence: Evidence) -> Option<String> {
        let seq = self.tell_only(message_id, evidence).await;
        self.answered(seq).await
    }

    /// Tells something of a message, and returns the record's number.
    pub(crate) async fn tell_only(&mut self, message_id: Uuid, evidence: Evidence) -> u64 {
        let topic = Topic::Receipt(self.id.clone()).to_string();
        self.deliver(&topic, None, ReceiptBody { message_id, evidence }).await
    }

    /// Says a claim again, as a spool does that was not answered.
    pub(crate) async fn repeat_claim(&self, message_id: Uuid, seq: u64) {
        let body = ReceiptBody { message_id, evidence: Evidence::Claimed };
        self.say(&Topic::Receipt(self.id.clone()).to_string(), seq, None, body).await;
    }

    /// Claims a message, and tells whether it was granted.
    pub(crate) async fn claim(&mut self, message_id: Uuid) -> bool {
        self.tell(message_id, Evidence::Claimed).await;
        let (about, granted) = self.answer().await;
        assert_eq!(about, message_id);
        granted
    }

    /// Claims a message and sends it, and returns the id of its packet.
    pub(crate) async fn transmit(&mut self, message_id: Uuid) -> u32 {
        assert!(self.claim(message_id).await);
        let packet_id = first_packet(message_id);
        self.tell(message_id, Evidence::HandedOver { attempt: 0, packet_id, radio: self.radio }).await;
        self.tell(message_id, Evidence::Transmitted { packet_id }).await;
        packet_id.0
    }

    /// Returns the packet of a direct message to this bridge's radio.
    pub(crate) fn packet(&self, from: &str, id: u32) -> Packet {
        Packet {
            from: node(from),
            to: self.radio,
            id: PacketId(id),
            port: 1,
            channel: 0,
            rx_time: None,
            snr_db: Some(7.5),
            rssi_dbm: Some(-60),
            hops_away: Some(0),
            relay_node: None,
            transport: Some(Transport::Lora),
            via_mqtt: false,
            replayed: false,
        }
    }

    /// Tells of a text that was heard, and waits until it is answered for.
    pub(crate) async fn hear_text(&mut self, packet: Packet, text: &str, reply_to: Option<u32>) {
        let topic = Topic::Inbound(self.id.clone()).to_string();
        let seq = self.deliver(&topic, Some(packet), text_body(text, reply_to)).await;
        assert_eq!(self.answered(seq).await, None);
    }

    /// Tells of a text to everybody on a channel, and waits until it is answered for.
    pub(crate) async fn hear_on_channel(&mut self, name: &str, hash: u8, id: u32, text: &str) {
        let channel = Some(ChannelRef { name: Text::cut(name), hash });
        let packet = Packet { to: NodeId::BROADCAST, ..self.packet("!a1b2c3d4", id) };
        let topic = Topic::Inbound(self.id.clone()).to_string();
        let seq = self.deliver(&topic, Some(packet), InboundBody { channel, ..text_body(text, None) }).await;
        assert_eq!(self.answered(seq).await, None);
    }

    /// Tells of a text as bridges of version 0.1 do.
    pub(crate) async fn hear_text_on_the_bare_topic(&mut self, packet: Packet, text: &str) {
        self.deliver(topic::INBOUND_BARE, Some(packet), text_body(text, None)).await;
    }

    /// Publishes a record, and returns its number.
    async fn deliver<B: Serialize>(&mut self, topic: &str, packet: Option<Packet>, body: B) -> u64 {
        self.seq += 1;
        self.say(topic, self.seq, packet, body).await;
        self.seq
    }

    async fn say<B: Serialize>(&self, topic: &str, seq: u64, packet: Option<Packet>, body: B) {
        let (bridge, epoch, heard_at) = (self.id.clone(), self.epoch, self.clock.now());
        let record = Record { v: V1, bridge, epoch, stream: Stream::Gateway, seq, heard_at, packet, privacy: None, body };
        self.publish(topic, serde_json::to_vec(&record).unwrap()).await;
    }

    pub(crate) async fn publish(&self, topic: &str, payload: impl Into<Bytes>) {
        self.client.publish(Message::new(topic, payload.into())).await.unwrap().await.unwrap();
    }

    /// Takes what comes next.
    async fn hear(&mut self) {
        let event = tokio::time::timeout(PATIENCE, self.incoming.next()).await.expect("nothing came").unwrap();
        let Event::Message(delivery) = event else { return };
        match delivery.topic.parse().unwrap() {
            Topic::Outbound(to) => {
                let offer: Offer = kosmo_contract::parse(&delivery.payload).unwrap();
                assert_eq!(offer.to, to);
                self.offers.push_back(offer);
            }
            Topic::Ack(bridge) => {
                let ack: Ack = kosmo_contract::parse(&delivery.payload).unwrap();
                assert_eq!((&ack.bridge, &bridge), (&self.id, &self.id));
                self.acks.push_back(ack.body);
            }
            other => panic!("a bridge reads nothing of {other}"),
        }
        self.client.acknowledge(delivery.token);
    }
}

fn text_body(text: &str, reply_to: Option<u32>) -> InboundBody {
    InboundBody {
        text: Text::try_from(text.to_owned()).unwrap(),
        reply_to: reply_to.map(PacketId),
        reaction: false,
        channel: None,
        stored: false,
    }
}
