//! The radio's MQTT module in the way that shows at a client: with `proxy_to_client_enabled` the client publishes for the radio, and
//! hands in what it subscribed to (`MQTT.cpp`: `onSend`, `onClientProxyReceive`).

use crate::radio::{Moment, Radio};
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{
    Message as _,
    crypto::{ChannelKey, channel_hash},
    envelope::PKI_CHANNEL,
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, channel::Role, config::PayloadVariant as Section,
        mesh_packet::PayloadVariant, mesh_packet::TransportMechanism, module_config::PayloadVariant as Module,
        mqtt_client_proxy_message::PayloadVariant as Content,
    },
    radio::preset_channel_name,
};

/// Messages that wait for the client; more push out the oldest.
const WAITING: usize = 8;
/// The most hops of a packet.
const MAX_HOPS: u32 = 7;
/// What encryption for one node adds: a tag and a nonce.
const PKI_BYTES: usize = 12;
/// The servers that range tests and sensors of doors are not published on.
const PUBLIC_SERVER: &str = "mqtt.meshtastic.org";

/// A channel as it encrypts.
struct Lock {
    name: String,
    key: ChannelKey,
    uplink: bool,
    downlink: bool,
}

/// Returns how a radio's MQTT module is set up that has its client carry everything, encrypted as on the air.
pub(crate) fn by_client() -> proto::module_config::MqttConfig {
    proto::module_config::MqttConfig {
        enabled: true,
        proxy_to_client_enabled: true,
        encryption_enabled: true,
        root: "msh/EU_868".to_owned(),
        address: "mqtt.example.org".to_owned(),
        ..Default::default()
    }
}

impl Radio {
    /// Has its client carry its MQTT, by which its first channel goes both ways.
    pub(crate) fn have_client_carry(&mut self, mqtt: proto::module_config::MqttConfig) {
        let settings = proto::ChannelSettings { psk: vec![1], uplink_enabled: true, downlink_enabled: true, ..Default::default() };
        let lora = proto::config::LoRaConfig { ignore_mqtt: false, ..self.settings.lora() };
        for change in [
            Admin::SetModuleConfig(proto::ModuleConfig { payload_variant: Some(Module::Mqtt(mqtt)) }),
            Admin::SetChannel(proto::Channel { index: 0, settings: Some(settings), role: Role::Primary.into() }),
            Admin::SetConfig(proto::Config { payload_variant: Some(Section::Lora(lora)) }),
        ] {
            self.set_up(change, Moment::default());
        }
    }

    /// Leaves a packet that was heard or is sent for the client to publish, if the radio's settings say so.
    pub(super) fn publish(&mut self, packet: &proto::MeshPacket) {
        let mqtt = self.settings.mqtt();
        if !mqtt.enabled || !mqtt.proxy_to_client_enabled || packet.via_mqtt {
            return;
        }
        let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return };
        let locks = self.locks();
        let Some((_, lock)) = locks.iter().find(|(index, _)| *index == packet.channel) else { return };
        let is_direct = packet.pki_encrypted;
        if !(lock.uplink || (is_direct && locks.iter().any(|(_, lock)| lock.uplink))) {
            return;
        }
        let agrees = data.bitfield.is_some_and(|bits| bits & 1 == 1);
        if packet.from != self.identity.number && !agrees {
            return;
        }
        let is_local = [PortNum::RangeTestApp, PortNum::DetectionSensorApp].map(i32::from).contains(&data.portnum);
        if is_local && (mqtt.address.is_empty() || mqtt.address == PUBLIC_SERVER) {
            return;
        }
        let channel_id = if is_direct { PKI_CHANNEL.to_owned() } else { lock.name.clone() };
        let gateway_id = NodeId::from_number(self.identity.number).to_string();
        let topic = format!("{}/2/e/{channel_id}/{gateway_id}", if mqtt.root.is_empty() { "msh" } else { &mqtt.root });
        let packet = if mqtt.encryption_enabled { sealed(packet, data, lock) } else { packet.clone() };
        let envelope = proto::ServiceEnvelope { packet: Some(packet), channel_id, gateway_id };
        if self.proxied.len() == WAITING {
            self.proxied.pop_front();
        }
        let payload_variant = Some(Content::Data(envelope.encode_to_vec()));
        self.proxied.push_back(proto::MqttClientProxyMessage { topic, retained: false, payload_variant });
    }

    /// Takes what the client has from the broker, as if it had been heard.
    pub(super) fn take_from_broker(&mut self, message: proto::MqttClientProxyMessage, now: Moment) {
        let mqtt = self.settings.mqtt();
        let Some(Content::Data(bytes)) = message.payload_variant.filter(|_| mqtt.enabled) else { return };
        let Ok(proto::ServiceEnvelope { packet: Some(packet), channel_id, gateway_id }) = proto::ServiceEnvelope::decode(&bytes[..]) else {
            return;
        };
        let by_mqtt = i32::from(TransportMechanism::TransportMqtt);
        let (own, is_own) = (NodeId::from_number(self.identity.number).to_string(), packet.from == self.identity.number);
        if gateway_id == own || is_own {
            if gateway_id == own && is_own {
                // Somebody else had it from the broker, or so it is taken to be.
                self.overhear(proto::MeshPacket { transport_mechanism: by_mqtt, ..packet }, now);
            }
            return;
        }
        let locks = self.locks();
        let lock = locks.iter().find(|(_, lock)| lock.name == channel_id && lock.downlink);
        if packet.hop_limit > MAX_HOPS || packet.hop_start > MAX_HOPS || self.settings.lora().ignore_mqtt {
            return;
        }
        let Some((index, data)) = lock.and_then(|(index, lock)| Some((*index, opened(&packet, lock, mqtt.encryption_enabled)?))) else {
            // Direct messages of others are only relayed, and nobody here can read them.
            return;
        };
        let packet = proto::MeshPacket {
            channel: index,
            via_mqtt: true,
            transport_mechanism: by_mqtt,
            rx_time: now.stamp,
            rx_snr: 0.0,
            rx_rssi: 0,
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..packet
        };
        let is_new = !self.seen.knows(packet.from, packet.id);
        let relayed = proto::MeshPacket { hop_limit: packet.hop_limit.saturating_sub(1), rx_time: 0, want_ack: false, ..packet.clone() };
        let goes_on = is_new && packet.hop_limit > 0 && packet.to != self.identity.number;
        self.overhear(packet, now);
        if goes_on {
            // Without a place in the queue it is lost, as anything that is relayed.
            let _ = self.sending.enqueue(relayed, now.at);
        }
    }

    /// Returns the channels in use, by index.
    fn locks(&self) -> Vec<(u32, Lock)> {
        let lora = self.settings.lora();
        let preset = proto::config::lo_ra_config::ModemPreset::try_from(lora.modem_preset).ok();
        let preset = preset_channel_name(preset.filter(|_| lora.use_preset).map(|preset| preset.as_str_name()));
        let channels = self.settings.channels();
        let primary =
            channels.iter().find(|channel| channel.role == i32::from(Role::Primary)).and_then(|channel| channel.settings.as_ref());
        let used = (0..).zip(channels).filter(|(_, channel)| channel.role != i32::from(Role::Disabled));
        used.filter_map(|(index, channel)| {
            let settings = channel.settings.as_ref()?;
            let borrowed = settings.psk.is_empty() && channel.role == i32::from(Role::Secondary);
            let psk = if borrowed { &primary?.psk } else { &settings.psk };
            let name = if settings.name.is_empty() { preset.to_owned() } else { settings.name.clone() };
            let (uplink, downlink) = (settings.uplink_enabled, settings.downlink_enabled);
            Some((index, Lock { name, key: ChannelKey::expand(psk).ok()?, uplink, downlink }))
        })
        .collect()
    }
}

/// Returns a packet as it is on the air.
fn sealed(packet: &proto::MeshPacket, data: &proto::Data, lock: &Lock) -> proto::MeshPacket {
    let mut bytes = data.encode_to_vec();
    lock.key.apply(NodeId::from_number(packet.from), PacketId(packet.id), &mut bytes);
    if packet.pki_encrypted {
        bytes.resize(bytes.len() + PKI_BYTES, 0);
    }
    let channel = if packet.pki_encrypted { 0 } else { u32::from(channel_hash(&lock.name, &lock.key)) };
    proto::MeshPacket { channel, rx_time: 0, payload_variant: Some(PayloadVariant::Encrypted(bytes)), ..packet.clone() }
}

/// Returns what a packet of a broker says, if this channel's key opens it.
fn opened(packet: &proto::MeshPacket, lock: &Lock, encrypts: bool) -> Option<proto::Data> {
    match &packet.payload_variant {
        Some(PayloadVariant::Decoded(data)) if !encrypts && data.portnum != i32::from(PortNum::AdminApp) => Some(data.clone()),
        Some(PayloadVariant::Encrypted(bytes)) if packet.channel == u32::from(channel_hash(&lock.name, &lock.key)) => {
            let mut bytes = bytes.clone();
            lock.key.apply(NodeId::from_number(packet.from), PacketId(packet.id), &mut bytes);
            proto::Data::decode(&bytes[..]).ok().filter(|data| data.portnum != 0)
        }
        _ => None,
    }
}
