//! A radio's MQTT by way of its client: one without a network of its own hands its client what it would publish, and takes from it
//! what it would have subscribed to (`proxy_to_client_enabled`; firmware's `MQTT.cpp` and `MeshService.cpp`).
//!
//! Who carries between the two is the last that can say no. Whatever a radio says, only its own gateway's topics under its own root
//! are published to; whatever a broker says, only what the radio's channels ask for is handed in. What went one way never goes the
//! other, whoever tells of it again, so that no packet runs in circles.

use crate::{
    dedupe::SeenPackets,
    envelope::{Envelope, PKI_CHANNEL, TopicKind, UplinkTopic, read_topic},
    packet::port,
    proto,
    radio::RadioState,
};
use kosmo_domain::NodeId;
use prost::Message as _;
use proto::{mesh_packet::PayloadVariant, mqtt_client_proxy_message::PayloadVariant as Content};
use std::{fmt, net::Ipv4Addr};

/// The longest topic that a radio takes, in bytes (`mqtt.options`: 60 with its end).
pub const MAX_TOPIC: usize = 59;
/// The longest message that a radio gives or takes, in bytes (`mqtt.options`).
pub const MAX_MESSAGE: usize = 435;
/// The longest root that is believed, in bytes; firmware allows 31.
const MAX_ROOT: usize = 64;
/// The most hops that a packet has.
const MAX_HOPS: u32 = 7;
/// A packet's header on the air.
const HEADER_BYTES: usize = 16;

/// How a radio wants its MQTT carried. Its server and its login there stay in the radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// What its topics stand under.
    pub root: String,
    /// Whether it publishes packets as they are on the air, and takes no others.
    pub encrypts: bool,
    /// Whether it asks who sent a packet for their consent. It does not if its server is named by a private address, where nobody but
    /// its owner is thought to listen.
    pub asks_consent: bool,
}

impl ProxySettings {
    /// Returns how a radio wants its MQTT carried, if it does and its root is one.
    pub(crate) fn read(module: &proto::module_config::MqttConfig) -> Option<Self> {
        let root = if module.root.is_empty() { "msh" } else { &module.root };
        let is_root = root.len() <= MAX_ROOT && !root.contains(['+', '#', '$']) && !root.chars().any(char::is_control);
        let host = module.address.split(':').next().unwrap_or_default();
        (module.enabled && module.proxy_to_client_enabled && is_root).then(|| Self {
            root: root.to_owned(),
            encrypts: module.encryption_enabled,
            asks_consent: !host.parse().is_ok_and(is_private),
        })
    }
}

/// The addresses at which firmware takes a server for its owner's own (`isPrivateIpAddress`).
fn is_private(address: Ipv4Addr) -> bool {
    let shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
    address.is_private() || address.is_link_local() || address == Ipv4Addr::LOCALHOST || shared
}

/// Why a message is not carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum ProxyRefusal {
    /// Its topic is none of this radio's.
    #[error("a topic that is none of this radio's")]
    Topic,
    /// It is JSON, which tells everybody on the broker what channels with keys say.
    #[error("JSON, which is not encrypted")]
    Json,
    /// It is longer than a radio gives or takes.
    #[error("a message that is too long")]
    TooLong,
    /// It is no envelope, or one that contradicts its topic.
    #[error("no envelope, or one that contradicts its topic")]
    Envelope,
    /// Its packet has no id, so that it could not be known again.
    #[error("a packet without an id")]
    Unnamed,
    /// Its packet went the other way, came before, or is the radio's own.
    #[error("a packet that went the other way, came before, or is the radio's own")]
    Echo,
    /// Nobody asked its sender.
    #[error("a packet whose sender was not asked")]
    Consent,
    /// It is not encrypted, or tells radios what to do.
    #[error("a packet that is not encrypted, or tells radios what to do")]
    Open,
}

impl ProxyRefusal {
    /// Every reason.
    pub const ALL: [Self; 8] =
        [Self::Topic, Self::Json, Self::TooLong, Self::Envelope, Self::Unnamed, Self::Echo, Self::Consent, Self::Open];

    /// Returns the name used in counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Json => "json",
            Self::TooLong => "too_long",
            Self::Envelope => "envelope",
            Self::Unnamed => "unnamed",
            Self::Echo => "echo",
            Self::Consent => "consent",
            Self::Open => "open",
        }
    }
}

/// A message for a broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Publication {
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
}

/// A message for a radio.
#[derive(Clone, PartialEq)]
pub struct Delivered {
    /// The message.
    pub message: proto::MqttClientProxyMessage,
    /// How many bytes its packet has on the air, should the radio pass it on; nothing if it has no hops left.
    pub bytes_on_air: Option<usize>,
}

/// What carries a radio's MQTT. It outlives handshakes, so that what was carried before one is known after it.
#[derive(Debug, Default)]
pub struct Proxy {
    radio: Option<Radio>,
    went_up: SeenPackets,
    came_down: SeenPackets,
}

#[derive(Debug, PartialEq, Eq)]
struct Radio {
    node: NodeId,
    settings: ProxySettings,
    /// The names of the channels that go up.
    uplink: Vec<String>,
    /// The names of those that come down.
    downlink: Vec<String>,
}

impl Proxy {
    /// Takes over what a radio wants, as of its handshake.
    pub fn set_radio(&mut self, radio: &RadioState) {
        let names = |is_wanted: fn(&crate::radio::Channel) -> bool| {
            let used = radio.channels.iter().filter(|channel| radio.channel(channel.index.into()).is_some() && is_wanted(channel));
            used.map(|channel| radio.channel_name(channel).to_owned()).collect()
        };
        self.radio = radio.proxy.clone().map(|settings| Radio {
            node: radio.node,
            settings,
            uplink: names(|channel| channel.uplink),
            downlink: names(|channel| channel.downlink),
        });
    }

    /// Tells whether the radio wants anything carried.
    pub const fn is_wanted(&self) -> bool {
        self.radio.is_some()
    }

    /// Returns what is to be subscribed to, as firmware would (`MQTT::sendSubscriptions`): what others publish on the channels that
    /// come down, and direct messages if there are such channels.
    pub fn filters(&self) -> Vec<String> {
        let Some(Radio { settings, downlink, .. }) = &self.radio else { return Vec::new() };
        let fit = downlink.iter().filter(|name| !name.contains(['+', '#', '/'])).map(String::as_str);
        let mut channels: Vec<_> = fit.collect();
        channels.extend((!channels.is_empty()).then_some(PKI_CHANNEL));
        channels.iter().map(|channel| format!("{}/2/e/{channel}/+", settings.root)).collect()
    }

    /// Takes what the radio wants published, and returns what is.
    ///
    /// # Errors
    /// [`ProxyRefusal`]
    pub fn publish(&mut self, message: proto::MqttClientProxyMessage) -> Result<Publication, ProxyRefusal> {
        let radio = self.radio.as_ref().ok_or(ProxyRefusal::Topic)?;
        let topic = radio.own_topic(&message.topic)?;
        let Some(Content::Data(payload)) = message.payload_variant else { return Err(ProxyRefusal::Json) };
        if topic.kind == TopicKind::Json {
            return Err(ProxyRefusal::Json);
        }
        if payload.len() > MAX_MESSAGE {
            return Err(ProxyRefusal::TooLong);
        }
        let envelope = Envelope::read(&payload).map_err(|_| ProxyRefusal::Envelope)?;
        let is_map = topic.kind == TopicKind::Map;
        let contradicts = envelope.gateway != Some(radio.node) || (!is_map && envelope.channel != topic.channel);
        if contradicts || !is_map && !radio.goes_up(topic.channel) {
            return Err(ProxyRefusal::Envelope);
        }
        if !envelope.id().is_given() {
            return Err(ProxyRefusal::Unnamed);
        }
        if envelope.packet.via_mqtt || self.came_down.knows(envelope.from(), envelope.id()) {
            return Err(ProxyRefusal::Echo);
        }
        if is_admin(&envelope) {
            return Err(ProxyRefusal::Open);
        }
        if envelope.from() != radio.node && !radio.settings.asks_consent && !says_yes(&envelope) {
            return Err(ProxyRefusal::Consent);
        }
        self.went_up.is_new(envelope.from(), envelope.id());
        Ok(Publication { topic: message.topic, payload })
    }

    /// Takes what a broker says, and returns what the radio is handed.
    ///
    /// # Errors
    /// [`ProxyRefusal`]
    pub fn deliver(&mut self, topic: &str, payload: &[u8]) -> Result<Delivered, ProxyRefusal> {
        let radio = self.radio.as_ref().ok_or(ProxyRefusal::Topic)?;
        let read = read_topic(topic).map_err(|_| ProxyRefusal::Topic)?;
        if read.root != radio.settings.root || read.kind != TopicKind::Envelope || !radio.comes_down(read.channel) {
            return Err(ProxyRefusal::Topic);
        }
        if topic.len() > MAX_TOPIC || payload.len() > MAX_MESSAGE {
            return Err(ProxyRefusal::TooLong);
        }
        if read.gateway == Some(radio.node) {
            return Err(ProxyRefusal::Echo);
        }
        let envelope = Envelope::read(payload).map_err(|_| ProxyRefusal::Envelope)?;
        let hops = [envelope.packet.hop_limit, envelope.packet.hop_start];
        if envelope.gateway != read.gateway || envelope.channel != read.channel || hops.iter().any(|hops| *hops > MAX_HOPS) {
            return Err(ProxyRefusal::Envelope);
        }
        if !envelope.id().is_given() {
            return Err(ProxyRefusal::Unnamed);
        }
        let is_open = matches!(envelope.packet.payload_variant, Some(PayloadVariant::Decoded(_)));
        if is_admin(&envelope) || (is_open && radio.settings.encrypts) {
            return Err(ProxyRefusal::Open);
        }
        let (from, id) = (envelope.from(), envelope.id());
        if from == radio.node || self.went_up.knows(from, id) || !self.came_down.is_new(from, id) {
            return Err(ProxyRefusal::Echo);
        }
        let content = Content::Data(payload.to_vec());
        let message = proto::MqttClientProxyMessage { topic: topic.to_owned(), retained: false, payload_variant: Some(content) };
        let bytes_on_air = (envelope.packet.hop_limit > 0).then(|| HEADER_BYTES + content_bytes(&envelope));
        Ok(Delivered { message, bytes_on_air })
    }
}

impl Radio {
    fn own_topic<'a>(&self, topic: &'a str) -> Result<UplinkTopic<'a>, ProxyRefusal> {
        let read = read_topic(topic).map_err(|_| ProxyRefusal::Topic)?;
        let is_own = read.root == self.settings.root && read.gateway.is_none_or(|gateway| gateway == self.node);
        if is_own { Ok(read) } else { Err(ProxyRefusal::Topic) }
    }

    fn goes_up(&self, channel: &str) -> bool {
        is_among(&self.uplink, channel)
    }

    fn comes_down(&self, channel: &str) -> bool {
        is_among(&self.downlink, channel)
    }
}

/// Tells whether a channel is one of these, or stands for direct messages beside any of them.
fn is_among(names: &[String], channel: &str) -> bool {
    names.iter().any(|name| name == channel) || (channel == PKI_CHANNEL && !names.is_empty())
}

/// Tells whether a packet says of itself that it may be passed on by MQTT.
fn says_yes(envelope: &Envelope) -> bool {
    matches!(&envelope.packet.payload_variant, Some(PayloadVariant::Decoded(data)) if data.bitfield.is_some_and(|bits| bits & 1 == 1))
}

fn is_admin(envelope: &Envelope) -> bool {
    matches!(&envelope.packet.payload_variant, Some(PayloadVariant::Decoded(data)) if data.portnum == port::ADMIN.cast_signed())
}

fn content_bytes(envelope: &Envelope) -> usize {
    match &envelope.packet.payload_variant {
        Some(PayloadVariant::Encrypted(bytes)) => bytes.len(),
        Some(PayloadVariant::Decoded(data)) => data.encoded_len(),
        None => 0,
    }
}

impl fmt::Debug for Publication {
    /// Leaves out what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Publication({}, {} bytes)", self.topic, self.payload.len())
    }
}

impl fmt::Debug for Delivered {
    /// Leaves out what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivered({}, {:?} bytes on the air)", self.message.topic, self.bytes_on_air)
    }
}

#[cfg(test)]
mod tests;
