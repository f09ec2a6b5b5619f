//! The radio as its last handshake described it, kept up to date by what it says since: what a client of the shared radio is told
//! in its own handshake.

use crate::share::secrets;
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, from_radio::PayloadVariant as Said, mesh_packet::PayloadVariant,
        telemetry::Variant,
    },
    stream,
};
use std::{collections::BTreeMap, mem::discriminant};

/// A client that asks with this nonce wants the configuration and no other nodes.
const ONLY_CONFIG: u32 = 69_420;
/// A client that asks with this nonce wants the nodes and no configuration.
const ONLY_NODES: u32 = 69_421;
/// The most of anything that is kept of a handshake; radios tell far less.
const MAX_PARTS: usize = 256;
const MAX_NODES: usize = 1_000;

/// A radio's description of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Portrait {
    info: proto::MyNodeInfo,
    screen: Option<proto::DeviceUiConfig>,
    metadata: Option<proto::DeviceMetadata>,
    /// What this version has no name for, as it came.
    unknown: Vec<Vec<u8>>,
    channels: Vec<proto::Channel>,
    sections: Vec<proto::Config>,
    modules: Vec<proto::ModuleConfig>,
    files: Vec<proto::FileInfo>,
    nodes: BTreeMap<u32, proto::NodeInfo>,
}

impl Portrait {
    /// Returns what is known of a radio that has only begun to tell.
    pub(crate) fn of(info: proto::MyNodeInfo) -> Self {
        Self { info, ..Self::default() }
    }

    /// Returns the radio's own node.
    pub(crate) fn number(&self) -> u32 {
        self.info.my_node_num
    }

    /// Takes in a part of a handshake, or a node that the radio tells of later.
    pub(crate) fn take(&mut self, said: Said) {
        fn push<T>(parts: &mut Vec<T>, part: T) {
            if parts.len() < MAX_PARTS {
                parts.push(part);
            }
        }
        match said {
            Said::DeviceuiConfig(screen) => self.screen = Some(screen),
            Said::Metadata(metadata) => self.metadata = Some(metadata),
            Said::Channel(channel) => push(&mut self.channels, channel),
            // The key is not kept where it is never told.
            Said::Config(mut config) => {
                if let Some(proto::config::PayloadVariant::Security(security)) = &mut config.payload_variant {
                    security.private_key.clear();
                }
                push(&mut self.sections, config);
            }
            Said::ModuleConfig(module) => push(&mut self.modules, module),
            Said::FileInfo(file) => push(&mut self.files, file),
            Said::NodeInfo(node) => self.take_node(node),
            _ => {}
        }
    }

    /// Takes in a part of a handshake that this version has no name for.
    pub(crate) fn take_unknown(&mut self, payload: Vec<u8>) {
        if self.unknown.len() < MAX_PARTS {
            self.unknown.push(payload);
        }
    }

    fn take_node(&mut self, node: proto::NodeInfo) {
        if self.nodes.len() >= MAX_NODES && !self.nodes.contains_key(&node.num) {
            let own = self.number();
            let oldest = self.nodes.values().filter(|known| known.num != own).min_by_key(|known| known.last_heard).map(|known| known.num);
            oldest.and_then(|number| self.nodes.remove(&number));
        }
        self.nodes.insert(node.num, node);
    }

    /// Learns from a packet what it says of its sender.
    pub(crate) fn learn(&mut self, packet: &proto::MeshPacket) {
        let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return };
        if packet.from == 0 || packet.from == u32::MAX {
            return;
        }
        let mut node = self.nodes.get(&packet.from).cloned().unwrap_or(proto::NodeInfo { num: packet.from, ..Default::default() });
        if packet.from != self.number() {
            node.snr = packet.rx_snr;
            if packet.hop_start >= packet.hop_limit {
                node.hops_away = Some(packet.hop_start - packet.hop_limit);
            }
        }
        if packet.rx_time > node.last_heard {
            node.last_heard = packet.rx_time;
        }
        match PortNum::try_from(data.portnum) {
            Ok(PortNum::NodeinfoApp) => {
                if let Ok(user) = proto::User::decode(&data.payload[..]) {
                    node.user = Some(user);
                }
            }
            Ok(PortNum::PositionApp) => {
                if let Ok(position) = proto::Position::decode(&data.payload[..]) {
                    node.position = Some(position);
                }
            }
            Ok(PortNum::TelemetryApp) => {
                if let Ok(proto::Telemetry { variant: Some(Variant::DeviceMetrics(metrics)), .. }) =
                    proto::Telemetry::decode(&data.payload[..])
                {
                    node.device_metrics = Some(metrics);
                }
            }
            _ => {}
        }
        self.take_node(node);
    }

    /// Takes in a change that the radio has confirmed.
    pub(crate) fn change(&mut self, change: Admin) {
        match change {
            Admin::SetChannel(channel) => {
                if channel.role == i32::from(proto::channel::Role::Primary) {
                    for other in self.channels.iter_mut().filter(|other| other.role == i32::from(proto::channel::Role::Primary)) {
                        other.role = proto::channel::Role::Secondary.into();
                    }
                }
                if let Some(known) = self.channels.iter_mut().find(|known| known.index == channel.index) {
                    *known = channel;
                }
            }
            Admin::SetConfig(config) => {
                if let Some(known) =
                    self.sections.iter_mut().find(|known| is_alike(known.payload_variant.as_ref(), config.payload_variant.as_ref()))
                {
                    *known = config;
                }
            }
            Admin::SetModuleConfig(module) => {
                if let Some(known) =
                    self.modules.iter_mut().find(|known| is_alike(known.payload_variant.as_ref(), module.payload_variant.as_ref()))
                {
                    *known = module;
                }
            }
            Admin::StoreUiConfig(screen) => self.screen = Some(screen),
            Admin::SetOwner(owner) => self.own(|node| {
                let user = node.user.get_or_insert_default();
                if !owner.long_name.is_empty() {
                    user.long_name = owner.long_name;
                }
                if !owner.short_name.is_empty() {
                    user.short_name = owner.short_name;
                }
                user.is_licensed = owner.is_licensed;
                user.is_unmessagable = owner.is_unmessagable.or(user.is_unmessagable);
            }),
            Admin::SetFixedPosition(position) => self.own(|node| node.position = Some(position)),
            Admin::RemoveFixedPosition(_) => self.own(|node| node.position = None),
            Admin::RemoveByNodenum(number) => _ = self.nodes.remove(&number),
            Admin::SetFavoriteNode(number) => self.mark(number, |node| node.is_favorite = true),
            Admin::RemoveFavoriteNode(number) => self.mark(number, |node| node.is_favorite = false),
            Admin::SetIgnoredNode(number) => self.mark(number, |node| node.is_ignored = true),
            Admin::RemoveIgnoredNode(number) => self.mark(number, |node| node.is_ignored = false),
            Admin::AddContact(contact) => {
                let user = contact.user;
                self.take_node(proto::NodeInfo { num: contact.node_num, user, is_favorite: true, ..Default::default() });
            }
            // What else there is either changes nothing of this, or restarts the radio, which then tells all of it anew.
            _ => {}
        }
    }

    fn own(&mut self, change: impl FnOnce(&mut proto::NodeInfo)) {
        self.mark(self.number(), change);
    }

    fn mark(&mut self, number: u32, change: impl FnOnce(&mut proto::NodeInfo)) {
        if let Some(node) = self.nodes.get_mut(&number) {
            change(node);
        }
    }

    /// Returns the handshake for a nonce as frames, in the order that apps rely on: everything, and its end.
    pub(crate) fn handshake(&self, nonce: u32, is_admin: bool) -> (Vec<u8>, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut say = |said: Said| bytes.extend(frame(said).unwrap_or_default());
        let wants_config = nonce != ONLY_NODES;
        let own = self.nodes.get(&self.number()).cloned();
        if wants_config {
            say(Said::MyInfo(self.info.clone()));
            if let Some(screen) = &self.screen {
                say(Said::DeviceuiConfig(screen.clone()));
            }
        }
        if let Some(own) = own {
            say(Said::NodeInfo(own));
        }
        if wants_config {
            if let Some(metadata) = &self.metadata {
                say(Said::Metadata(metadata.clone()));
            }
            for channel in &self.channels {
                let mut channel = channel.clone();
                secrets::of_channel(&mut channel, is_admin);
                say(Said::Channel(channel));
            }
            for section in &self.sections {
                let mut section = section.clone();
                secrets::of_config(&mut section, is_admin);
                say(Said::Config(section));
            }
            for module in &self.modules {
                let mut module = module.clone();
                secrets::of_module(&mut module, is_admin);
                say(Said::ModuleConfig(module));
            }
        }
        if nonce != ONLY_CONFIG {
            for node in self.nodes.values().filter(|node| node.num != self.number()) {
                say(Said::NodeInfo(node.clone()));
            }
        }
        if wants_config {
            for file in &self.files {
                say(Said::FileInfo(file.clone()));
            }
            for unknown in &self.unknown {
                bytes.extend(stream::encode(unknown).unwrap_or_default());
            }
        }
        (bytes, frame(Said::ConfigCompleteId(nonce)).unwrap_or_default())
    }
}

/// Returns a message as a frame; nothing if it does not fit, of which firmware too says nothing.
pub(crate) fn frame(said: Said) -> Option<Vec<u8>> {
    stream::encode(&proto::FromRadio { id: 0, payload_variant: Some(said) }.encode_to_vec()).ok()
}

fn is_alike<T>(known: Option<&T>, new: Option<&T>) -> bool {
    match (known, new) {
        (Some(known), Some(new)) => discriminant(known) == discriminant(new),
        _ => false,
    }
}
