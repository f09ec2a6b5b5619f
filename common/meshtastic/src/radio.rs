//! What a radio tells of itself in its handshake, as far as a client needs it. Keys stay in the radio.

use crate::{
    airtime::Modem,
    crypto::{ChannelKey, channel_hash},
    name::{MAX_CHANNEL_NAME, clean},
    node::{NodeInfo, UserInfo},
    outgoing::DEFAULT_HOP_LIMIT,
    proto,
    proxy::ProxySettings,
};
use kosmo_domain::{NodeId, Timestamp};
use std::collections::HashMap;

/// The most nodes taken from one handshake; radios remember some 40 to 250.
pub const MAX_NODES: usize = 1000;

/// The radio at the other end, as of the last handshake.
#[derive(Debug, Clone, PartialEq)]
pub struct RadioState {
    /// Its own node.
    pub node: NodeId,
    /// Its firmware's version, like `2.7.26.54e0d8d`.
    pub firmware: Option<String>,
    /// The protocol's name for the model of its hardware, or its number.
    pub hardware: Option<String>,
    /// How it uses the air.
    pub lora: Option<Lora>,
    /// How it wants its MQTT carried by its client, if it does.
    pub proxy: Option<ProxySettings>,
    /// Its channels, by index.
    pub channels: Vec<Channel>,
    /// The nodes it knows, itself among them.
    pub nodes: Vec<NodeInfo>,
}

/// How a radio uses the air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lora {
    /// The protocol's name for its region, or its number; a radio at `UNSET` sends nothing.
    pub region: String,
    /// The protocol's name for its modem preset, or its number; nothing if its parameters were set one by one.
    pub modem_preset: Option<String>,
    /// How it modulates; the slowest way there is if it uses one that this version does not know.
    pub modem: Modem,
    /// How many hops its packets may take.
    pub hop_limit: u32,
    /// Whether it sends at all.
    pub tx_enabled: bool,
}

/// A channel of a radio, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its index, 0 to 7.
    pub index: u8,
    /// Its name; none is the name of the modem preset.
    pub name: Option<String>,
    /// What it is used for.
    pub role: ChannelRole,
    /// Whether packets on it may go up to an MQTT broker, and come down from one.
    pub uplink: bool,
    /// The same for what comes down.
    pub downlink: bool,
    /// How secret its key is.
    pub secrecy: Secrecy,
    /// What its key adds to its hash, which every packet on it shows.
    key_hash: u8,
}

/// How secret the key of a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// There is none, or it is one that every radio knows.
    Public,
    /// It is known to those who were given it.
    Private,
    /// A channel beside the primary one without a key of its own: it has the primary one's.
    AsPrimary,
}

/// What a channel is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelRole {
    /// Nothing.
    Disabled,
    /// Everything that names no other channel.
    Primary,
    /// Packets that name it.
    Secondary,
}

impl RadioState {
    /// Returns what is known of a radio that only gave its number.
    pub fn new(node: NodeId) -> Self {
        Self { node, firmware: None, hardware: None, lora: None, proxy: None, channels: Vec::new(), nodes: Vec::new() }
    }

    /// Returns the radio with the one channel that radios come with.
    #[must_use]
    pub fn with_default_channel(mut self) -> Self {
        let settings = proto::ChannelSettings { psk: vec![1], ..Default::default() };
        self.take_channel(&proto::Channel { index: 0, settings: Some(settings), role: proto::channel::Role::Primary.into() });
        self
    }

    /// Takes in what the radio says of its firmware and hardware.
    pub(crate) fn take_metadata(&mut self, metadata: &proto::DeviceMetadata) {
        let model = proto::HardwareModel::try_from(metadata.hw_model);
        self.firmware = clean(&metadata.firmware_version, 40);
        self.hardware = Some(model.map_or_else(|_| metadata.hw_model.to_string(), |model| model.as_str_name().to_owned()));
    }

    /// Takes in a part of its configuration, of which only the LoRa part is of interest.
    pub(crate) fn take_config(&mut self, config: &proto::Config) {
        use proto::config::{
            PayloadVariant,
            lo_ra_config::{ModemPreset, RegionCode},
        };
        let Some(PayloadVariant::Lora(lora)) = &config.payload_variant else { return };
        let region = RegionCode::try_from(lora.region);
        let preset = ModemPreset::try_from(lora.modem_preset);
        let preset = || preset.map_or_else(|_| lora.modem_preset.to_string(), |preset| preset.as_str_name().to_owned());
        self.lora = Some(Lora {
            region: region.map_or_else(|_| lora.region.to_string(), |region| region.as_str_name().to_owned()),
            modem: read_modem(lora),
            modem_preset: lora.use_preset.then(preset),
            hop_limit: lora.hop_limit.min(7),
            tx_enabled: lora.tx_enabled,
        });
    }

    /// Takes in the configuration of a module, of which only MQTT is of interest, and leaves the login there behind.
    pub(crate) fn take_module(&mut self, config: &proto::ModuleConfig) {
        if let Some(proto::module_config::PayloadVariant::Mqtt(mqtt)) = &config.payload_variant {
            self.proxy = ProxySettings::read(mqtt);
        }
    }

    /// Takes in a channel, and leaves its key behind.
    pub(crate) fn take_channel(&mut self, channel: &proto::Channel) {
        let Some(index) = u8::try_from(channel.index).ok().filter(|index| *index < 8) else { return };
        let role = match proto::channel::Role::try_from(channel.role) {
            Ok(proto::channel::Role::Primary) => ChannelRole::Primary,
            Ok(proto::channel::Role::Secondary) => ChannelRole::Secondary,
            Ok(proto::channel::Role::Disabled) | Err(_) => ChannelRole::Disabled,
        };
        let name = channel.settings.as_ref().and_then(|settings| clean(&settings.name, MAX_CHANNEL_NAME));
        let settings = channel.settings.as_ref();
        let psk = settings.map_or(&[][..], |settings| &settings.psk);
        // What no radio would take for a key is nobody's.
        let key = ChannelKey::expand(psk).unwrap_or(ChannelKey::None);
        let secrecy = match role {
            ChannelRole::Secondary if psk.is_empty() => Secrecy::AsPrimary,
            _ if key.is_public() => Secrecy::Public,
            _ => Secrecy::Private,
        };
        let (uplink, downlink) = settings.map_or((false, false), |settings| (settings.uplink_enabled, settings.downlink_enabled));
        self.channels.retain(|known| known.index != index);
        self.channels.push(Channel { index, name, role, uplink, downlink, secrecy, key_hash: channel_hash("", &key) });
        self.channels.sort_by_key(|channel| channel.index);
    }

    /// Takes in a node, and tells whether there was room.
    pub(crate) fn take_node(&mut self, node: NodeInfo) -> bool {
        if let Some(known) = self.nodes.iter_mut().find(|known| known.node == node.node) {
            *known = node;
            return true;
        }
        let room = self.nodes.len() < MAX_NODES;
        if room {
            self.nodes.push(node);
        }
        room
    }

    /// Tells whether its firmware is at least this version; an unknown one is not.
    pub fn has_firmware(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.firmware.iter().flat_map(|version| version.split('.')).map(|part| part.parse::<u32>().ok());
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(has_major), Some(has_minor)) => (has_major, has_minor) >= (major, minor),
            _ => false,
        }
    }

    /// Returns who the radio says it is.
    pub fn own_user(&self) -> Option<&UserInfo> {
        self.nodes.iter().find(|node| node.node == self.node)?.user.as_ref()
    }

    /// Returns the channel with this index, if it is in use.
    pub fn channel(&self, index: u32) -> Option<&Channel> {
        self.channels.iter().find(|channel| u32::from(channel.index) == index && channel.role != ChannelRole::Disabled)
    }

    /// Returns a channel's name as the mesh means it: one without a name is called like the modem's preset.
    pub fn channel_name<'a>(&'a self, channel: &'a Channel) -> &'a str {
        let preset = || self.lora.as_ref().map_or("LongFast", |lora| preset_channel_name(lora.modem_preset.as_deref()));
        channel.name.as_deref().unwrap_or_else(preset)
    }

    /// Returns the hash that packets of a channel bear on the air.
    pub fn channel_hash(&self, channel: &Channel) -> u8 {
        let name = channel_hash(self.channel_name(channel), &ChannelKey::None);
        name ^ self.key_of(channel).key_hash
    }

    /// Tells whether anybody can read a channel: it has no key, or one that every radio knows.
    pub fn is_public(&self, channel: &Channel) -> bool {
        self.key_of(channel).secrecy == Secrecy::Public
    }

    /// Returns the channel whose key a channel has.
    fn key_of<'a>(&'a self, channel: &'a Channel) -> &'a Channel {
        let primary = || self.channels.iter().find(|other| other.role == ChannelRole::Primary);
        if channel.secrecy == Secrecy::AsPrimary { primary().unwrap_or(channel) } else { channel }
    }

    /// Returns how many hops its packets may take.
    pub fn hop_limit(&self) -> u32 {
        self.lora.as_ref().map_or(DEFAULT_HOP_LIMIT, |lora| lora.hop_limit)
    }

    /// Returns how it modulates; the slowest way there is if it does not say.
    pub fn modem(&self) -> Modem {
        self.lora.as_ref().map_or(Modem::SLOWEST, |lora| lora.modem)
    }

    /// Returns when each node was last heard before the handshake.
    pub(crate) fn last_heard(&self) -> HashMap<NodeId, Timestamp> {
        self.nodes.iter().filter_map(|node| Some((node.node, node.last_heard?))).collect()
    }
}

/// Returns what a channel without a name is called, by the protocol's name for the modem preset; nothing is a radio whose parameters
/// were set one by one (`DisplayFormatters::getModemPresetDisplayName`).
pub fn preset_channel_name(preset: Option<&str>) -> &'static str {
    match preset {
        None => "Custom",
        Some("SHORT_TURBO") => "ShortTurbo",
        Some("SHORT_SLOW") => "ShortSlow",
        Some("SHORT_FAST") => "ShortFast",
        Some("MEDIUM_TURBO") => "MediumTurbo",
        Some("MEDIUM_SLOW") => "MediumSlow",
        Some("MEDIUM_FAST") => "MediumFast",
        Some("LONG_SLOW") => "LongSlow",
        Some("LONG_FAST") => "LongFast",
        Some("LONG_TURBO") => "LongTurbo",
        Some("LONG_MODERATE") => "LongMod",
        Some("VERY_LONG_SLOW") => "VeryLongSlow",
        Some(_) => "Invalid",
    }
}

fn read_modem(lora: &proto::config::LoRaConfig) -> Modem {
    use proto::config::lo_ra_config::ModemPreset;
    let modem = if lora.use_preset {
        ModemPreset::try_from(lora.modem_preset).ok().and_then(|preset| Modem::from_preset(preset.as_str_name()))
    } else {
        Modem::from_parameters(lora.spread_factor, lora.bandwidth, lora.coding_rate)
    };
    let is_wide = proto::config::lo_ra_config::RegionCode::try_from(lora.region) == Ok(proto::config::lo_ra_config::RegionCode::Lora24);
    // Parameters set one by one name their bandwidth; presets mean a wider one there.
    let modem = if is_wide && lora.use_preset { modem.map(Modem::at_2400_mhz) } else { modem };
    modem.unwrap_or(Modem::SLOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let mut radio = RadioState::new(NodeId::from_number(7));
        assert!(!radio.has_firmware(2, 8));
        for (version, expect) in [("2.8.0.abc", true), ("2.10.1", true), ("3.0", true), ("2.7.26.54e0d8d", false), ("two.eight", false)] {
            radio.firmware = Some(version.to_owned());
            assert_eq!(radio.has_firmware(2, 8), expect, "{version}");
        }
    }

    #[test]
    fn an_unknown_way_to_modulate_is_taken_for_the_slowest() {
        let modem = |lora: proto::config::LoRaConfig| {
            let mut radio = RadioState::new(NodeId::from_number(7));
            radio.take_config(&proto::Config { payload_variant: Some(proto::config::PayloadVariant::Lora(lora)) });
            radio.modem()
        };
        let lora = proto::config::LoRaConfig { use_preset: true, ..Default::default() };
        assert_eq!(Some(modem(lora.clone())), Modem::from_preset("LONG_FAST"));
        assert_eq!(modem(proto::config::LoRaConfig { modem_preset: 1000, ..lora.clone() }), Modem::SLOWEST);
        let own = proto::config::LoRaConfig { use_preset: false, spread_factor: 9, bandwidth: 250, coding_rate: 5, ..lora };
        assert_eq!(Some(modem(own.clone())), Modem::from_preset("MEDIUM_FAST"));
        assert_eq!(modem(proto::config::LoRaConfig { coding_rate: 0, ..own }), Modem::SLOWEST);
        assert_eq!(RadioState::new(NodeId::from_number(7)).modem(), Modem::SLOWEST);
    }

    fn radio_with(channels: &[(i32, i32, &str, &[u8])]) -> RadioState {
        let mut radio = RadioState::new(NodeId::from_number(7));
        let lora = proto::config::LoRaConfig { use_preset: true, region: 3, ..Default::default() };
        radio.take_config(&proto::Config { payload_variant: Some(proto::config::PayloadVariant::Lora(lora)) });
        for &(index, role, name, psk) in channels {
            let settings = proto::ChannelSettings { name: name.to_owned(), psk: psk.to_vec(), ..Default::default() };
            radio.take_channel(&proto::Channel { index, role, settings: Some(settings) });
        }
        radio
    }

    /// Hashes as recorded on the air: 8 is that of `LongFast` with the key every radio comes with.
    #[test]
    fn a_channel_is_known_by_its_hash_and_its_key_stays_in_the_radio() {
        let own = [9_u8; 32];
        let radio = radio_with(&[(0, 1, "", &[1]), (1, 2, "ops", &own), (2, 2, "side", &[]), (3, 0, "off", &[1])]);
        let told: Vec<_> = (0..4)
            .map(|index| {
                radio.channel(index).map(|channel| (radio.channel_name(channel), radio.channel_hash(channel), radio.is_public(channel)))
            })
            .collect();
        let plain = |name: &str| name.bytes().fold(0, |hash, byte| hash ^ byte);
        let default_key = plain("LongFast") ^ 8;
        assert_eq!(
            told,
            [Some(("LongFast", 8, true)), Some(("ops", plain("ops"), false)), Some(("side", plain("side") ^ default_key, true)), None]
        );
        assert!(!format!("{radio:?}").contains("9, 9, 9"));
    }

    #[test]
    fn a_radio_with_endless_nodes_fills_a_bounded_list() {
        let mut radio = RadioState::new(NodeId::from_number(7));
        let node = |num| NodeInfo::read(&proto::NodeInfo { num, ..Default::default() });
        for num in 0..2000 {
            assert_eq!(radio.take_node(node(num)), num < 1000);
        }
        assert!(radio.take_node(node(500)));
        assert_eq!(radio.nodes.len(), MAX_NODES);
    }
}
