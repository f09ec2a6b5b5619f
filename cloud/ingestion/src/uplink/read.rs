//! Reads a message of a broker: whose packet it is, whether it is taken, what it says, and who may see that.

use crate::{
    packets,
    uplink::{
        SEALED, Source, UNPOISONED, UPLINKS, UplinkConfig,
        convert::Judge,
        desk::{Admission, Desk, Named},
    },
};
use kosmo_domain::{NodeId, PacketId, Timestamp, observed_at};
use kosmo_meshtastic::{
    crypto::{ChannelKey, Keyring, PRESET_CHANNELS, Sealed, channel_hash},
    envelope::{Envelope, EnvelopeError, Legacy, OnChannel, TopicKind, UplinkTopic, read_topic},
    packet::{self, Received, port},
};
use kosmo_store::{
    OpenChannels, Visibility,
    ingest::{Body, Heard, Reception},
    messages::{ChannelName, InboundText},
    packets::{NewPacket, Teller},
    uplinks::UplinkReception,
};
use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    sync::Mutex,
    time::Duration,
};
use uuid::Builder;

/// What a channel is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelTag {
    pub(crate) name: String,
    pub(crate) hash: u8,
    pub(crate) public: bool,
    /// Whether an operator has made it public, so that everybody may read what is said on it.
    pub(crate) is_published: bool,
}

/// A packet that is to be stored.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The broker it came from.
    pub(crate) source: usize,
    /// What of it may be shown to everybody.
    pub(crate) bodies: Vec<Body>,
    /// What it says to everybody on a channel that an operator has made public.
    pub(crate) text: Option<InboundText>,
    pub(crate) heard: Heard,
    pub(crate) reception: UplinkReception,
    /// Whether its sender agrees to be passed on, if that is news.
    pub(crate) consent: Option<bool>,
    /// What the log of packets is told: every packet passes here, whether or not it could be read.
    pub(crate) packet: NewPacket,
}

/// What messages are read with.
#[derive(Debug)]
pub(crate) struct Reader {
    sources: Vec<Source>,
    ring: Keyring<ChannelTag>,
    legacy_json: bool,
    oldest: Duration,
    hasher: RandomState,
}

impl Reader {
    /// Returns a reader that opens nothing.
    pub(crate) fn without_keys(config: &UplinkConfig) -> Self {
        Self {
            sources: config.sources.clone(),
            ring: Keyring::default(),
            legacy_json: config.legacy_json,
            oldest: config.oldest,
            hasher: RandomState::new(),
        }
    }

    /// Returns a reader with these channels, and with those that every radio has; `published` are those, by name and hash, whose texts
    /// everybody may read.
    pub(crate) fn with_keys(&self, channels: &OpenChannels, presets: bool, published: &BTreeSet<(String, u8)>) -> Self {
        let everybodys = ChannelKey::expand(&[1]).expect("one byte is a key");
        let presets = PRESET_CHANNELS.iter().filter(|_| presets).map(|name| (*name, everybodys, true));
        let kept = |by_operator| {
            channels.channels.iter().filter(move |channel| channel.by_operator == by_operator).filter_map(|channel| {
                Some((channel.name.as_str(), ChannelKey::expand(&channel.key).ok()?, channel.visibility == Visibility::Public))
            })
        };
        // What an operator says of a channel counts; what a bridge reports of those that everybody has makes them no more private.
        let mut ring = Keyring::default();
        for (name, key, public) in kept(true).chain(presets).chain(kept(false)) {
            let named = (name.to_owned(), channel_hash(name, &key));
            let is_published = published.contains(&named);
            let (name, hash) = named;
            ring.add(ChannelTag { name: name.clone(), hash, public, is_published }, name, key);
        }
        Self { sources: self.sources.clone(), ring, legacy_json: self.legacy_json, oldest: self.oldest, hasher: self.hasher.clone() }
    }

    /// Reads a message; nothing if it is not taken, or is a packet that was told of before. What is refused is counted.
    pub(crate) fn take(
        &self,
        source: usize,
        topic: &str,
        payload: &[u8],
        retained: bool,
        now: Timestamp,
        desk: &Mutex<Desk>,
    ) -> Option<Box<Taken>> {
        let outcome = self.try_take(source, topic, payload, retained, now, desk);
        let name = match &outcome {
            Ok(_) => "packet",
            Err(refused) => refused,
        };
        metrics::counter!(UPLINKS, "outcome" => name).increment(1);
        outcome.ok()
    }

    fn try_take(
        &self,
        source: usize,
        topic: &str,
        payload: &[u8],
        retained: bool,
        now: Timestamp,
        desk: &Mutex<Desk>,
    ) -> Result<Box<Taken>, &'static str> {
        // Firmware asks no broker to keep what it publishes: what is kept is old news, of whoever put it there.
        if retained {
            return Err("retained");
        }
        let topic = read_topic(topic).map_err(|_| "topic")?;
        if topic.kind == TopicKind::Json {
            if !self.legacy_json {
                return Err("json");
            }
            let Legacy { received, gateway } = Legacy::read(payload).map_err(|_| "undecodable")?;
            let gateway = topic.gateway.or(gateway).ok_or("no_gateway")?;
            let named = Named { from: received.from, id: received.id, carries: self.hash(&received.payload), rx_time: received.rx_time };
            Self::admit(source, gateway, &named, &reception(&received, gateway, now), now, desk)?;
            let channel = self.ring.named(topic.channel).map(|channel| &channel.tag);
            return self.open(source, &topic, gateway, &received, channel, now, desk);
        }
        let envelope = Envelope::read(payload).map_err(EnvelopeError::name)?;
        // A broker lets a login publish to its own topic alone, so that the topic is the better witness.
        let gateway = topic.gateway.or(envelope.gateway).ok_or("no_gateway")?;
        let header = Received::read(kosmo_meshtastic::proto::MeshPacket { payload_variant: None, ..envelope.packet.clone() }, Vec::new());
        let named = Named { from: header.from, id: header.id, carries: self.hash(envelope.payload()), rx_time: header.rx_time };
        Self::admit(source, gateway, &named, &reception(&header, gateway, now), now, desk)?;
        match envelope.open(&self.ring) {
            Ok((received, OnChannel::Proven(tag))) => self.open(source, &topic, gateway, &received, Some(tag), now, desk),
            Ok((received, OnChannel::Claimed(tag))) => self.open(source, &topic, gateway, &received, tag, now, desk),
            Err((sealed, received)) => Ok(Self::keep_closed(source, gateway, sealed, &received, now)),
        }
    }

    fn admit(
        source: usize,
        gateway: NodeId,
        named: &Named,
        reception: &UplinkReception,
        now: Timestamp,
        desk: &Mutex<Desk>,
    ) -> Result<(), &'static str> {
        debug_assert_eq!(reception.gateway, gateway, "a reception is its gateway's");
        match desk.lock().expect(UNPOISONED).admit(source, named, reception, now) {
            Admission::New => Ok(()),
            Admission::Copy => Err("copy"),
            Admission::Limited(_) => Err("limited"),
        }
    }

    /// A packet that can be read.
    #[expect(clippy::too_many_arguments, reason = "they are what one message is made of, and have no life together")]
    fn open(
        &self,
        source: usize,
        topic: &UplinkTopic<'_>,
        gateway: NodeId,
        received: &Received,
        channel: Option<&ChannelTag>,
        now: Timestamp,
        desk: &Mutex<Desk>,
    ) -> Result<Box<Taken>, &'static str> {
        let says = self.hasher.hash_one((received.port, received.to.number(), &received.payload));
        let consent = {
            let mut desk = desk.lock().expect(UNPOISONED);
            desk.was_read(source, received.from, received.id, says, now).map_err(|_| "limited")?;
            received.ok_to_mqtt().filter(|agrees| desk.consents(received.from, *agrees, now))
        };
        let broker = &self.sources[source];
        // A report for maps is its owner's consent; everything else has to say so itself, and what says nothing does not.
        // Anybody can publish a private channel's packet under that topic, so that it takes the report itself.
        let is_map_report = topic.kind == TopicKind::Map && received.port == port::MAP_REPORT;
        let agrees = is_map_report || received.ok_to_mqtt() == Some(true);
        let on_public_channel = is_map_report || channel.is_some_and(|channel| channel.public);
        let public = broker.public && agrees && on_public_channel;
        let judge = Judge { now, trust: broker.trust, oldest: self.oldest };
        let bodies = if public { judge.bodies(received) } else { Vec::new() };
        let text = channel.filter(|channel| public && channel.is_published).and_then(|channel| self.text(received, channel, now));
        let mut packet = logged(received, gateway, now);
        packet.channel = channel.filter(|channel| channel.public).map(|channel| channel.name.clone());
        packet.private = !public;
        packet.fields = bodies.first().and_then(packets::fields_of);
        Ok(Box::new(Taken {
            source,
            bodies,
            text,
            heard: heard(received, now),
            reception: reception(received, gateway, now),
            consent,
            packet,
        }))
    }

    /// A packet that cannot be read: who, to whom, and how far.
    fn keep_closed(source: usize, gateway: NodeId, sealed: Sealed, received: &Received, now: Timestamp) -> Box<Taken> {
        metrics::counter!(SEALED, "why" => sealed.name()).increment(1);
        let packet = NewPacket { port: None, private: true, ..logged(received, gateway, now) };
        let reception = reception(received, gateway, now);
        Box::new(Taken { source, bodies: Vec::new(), text: None, heard: heard(received, now), reception, consent: None, packet })
    }

    /// What is said to everybody on a channel, as far as anybody can read it.
    fn text(&self, received: &Received, channel: &ChannelTag, now: Timestamp) -> Option<InboundText> {
        let packet::Body::Text { text } = &received.body else { return None };
        if !received.to.is_broadcast() || text.is_empty() {
            return None;
        }
        let drawn = [0, 1].map(|part| self.hasher.hash_one((received.from, received.id, text, now, part)).to_be_bytes());
        let bytes = drawn.concat();
        let random: &[u8; 10] = bytes.first_chunk().expect("it has sixteen bytes");
        Some(InboundText {
            id: Builder::from_unix_timestamp_millis(now.as_micros().unsigned_abs() / 1000, random).into_uuid(),
            from: received.from,
            to: received.to,
            packet_id: received.id,
            to_bridge: false,
            over_lora: false,
            text: text.clone(),
            reply_to: received.reply_id.filter(|id| id.is_given()),
            reaction: received.emoji,
            stored: false,
            channel: Some(ChannelName { name: channel.name.clone(), hash: channel.hash }),
        })
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }
}

fn reception(received: &Received, gateway: NodeId, now: Timestamp) -> UplinkReception {
    UplinkReception { gateway, at: now, snr_db: received.snr, rssi_dbm: received.rssi, hops_away: received.hops_away() }
}

fn heard(received: &Received, now: Timestamp) -> Heard {
    Heard { from: received.from, id: received.id, reception: by_mqtt(received, now) }
}

/// Whatever a gateway tells of the air, it is told by MQTT, and is no evidence of it.
fn by_mqtt(received: &Received, now: Timestamp) -> Reception {
    Reception {
        at: observed_at(None, received.rx_time, now, now).at,
        snr_db: received.snr,
        rssi_dbm: received.rssi,
        hops_away: received.hops_away(),
        relay_node: received.relay_node,
        via_mqtt: true,
    }
}

fn logged(received: &Received, gateway: NodeId, now: Timestamp) -> NewPacket {
    NewPacket {
        from: received.from,
        id: received.id,
        to: Some(received.to),
        port: Some(received.port),
        gateway: gateway.to_string(),
        teller: Teller::Uplink,
        channel: None,
        private: true,
        reception: by_mqtt(received, now),
        bytes: u32::try_from(received.payload.len()).ok(),
        fields: None,
    }
}

/// Tells whether a packet has an id, without which who received it has no name.
pub(crate) const fn has_name(id: PacketId) -> bool {
    id.is_given()
}
