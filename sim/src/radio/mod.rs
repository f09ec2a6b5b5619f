//! One radio as its client sees it: the StreamAPI of firmware 2.7.26 as a state machine without sockets or clock.

mod admin;
pub(crate) mod config;
mod handshake;
mod limits;
mod lockdown;
mod nodedb;
mod proxy;
pub(crate) mod requests;
pub(crate) mod routing;
mod sending;
pub(crate) mod server;
mod session;
mod settings;

use crate::{
    firmware::Firmware,
    ids::{PacketIds, Seen},
    lora::Pace,
};
use admin::Office;
use kosmo_domain::{NodeId, Uptime};
use kosmo_meshtastic::{
    Message as _,
    proto::{self, PortNum, from_radio::PayloadVariant as Said, mesh_packet::PayloadVariant, to_radio::PayloadVariant as Asked},
    stream::{self, Piece},
};
pub(crate) use nodedb::NodeDb;
pub(crate) use proxy::by_client;
use sending::{SLOTS, Sending};
use session::{Session, Stage, Told};
use settings::Settings;
use std::collections::VecDeque;

/// A client that asks with this nonce wants the configuration and no other nodes.
pub const ONLY_CONFIG: u32 = 69_420;
/// A client that asks with this nonce wants the nodes and no configuration.
pub const ONLY_NODES: u32 = 69_421;

/// A radio's own device metrics and statistics, once each.
const WAITING_OWN: usize = 2;
/// A heartbeat with this nonce asks the radio to announce itself, and is not answered.
const ANNOUNCE_NONCE: u32 = 1;

/// Who a radio is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) number: u32,
    pub(crate) user: proto::User,
    pub(crate) private_key: [u8; 32],
    /// Empty if the radio does not know where it is.
    pub(crate) position: proto::Position,
}

/// What a radio is set up with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// How many packets wait for a client.
    pub(crate) room: usize,
    pub(crate) firmware: Firmware,
    pub(crate) pace: Pace,
    /// The modem preset it comes with.
    pub(crate) preset: String,
    /// What its packet ids are drawn from.
    pub(crate) salt: u64,
    /// Whether it is locked with a passphrase.
    pub(crate) locked: bool,
}

/// A moment as a radio knows it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moment {
    pub(crate) at: Uptime,
    /// Seconds since 1970; 0 while the clock was not set.
    pub(crate) stamp: u32,
}

/// A radio.
#[derive(Debug)]
pub(crate) struct Radio {
    identity: Identity,
    settings: Settings,
    preset: String,
    office: Office,
    /// The seconds since 1970 that a client told a radio without a clock, and when.
    told_time: Option<(Uptime, u32)>,
    device: proto::DeviceMetrics,
    nodes: NodeDb,
    /// The one queue of what was heard, for whichever client is there.
    to_phone: VecDeque<proto::MeshPacket>,
    /// What its client is to publish.
    proxied: VecDeque<proto::MqttClientProxyMessage>,
    room: usize,
    lost: u64,
    firmware: Firmware,
    pace: Pace,
    sending: Sending,
    ids: PacketIds,
    seen: Seen,
    /// The free places of the transmit queue, as a client was last told.
    told_free: u32,
    loses_statuses: bool,
    /// It is locked with a passphrase.
    locked: bool,
    /// It started anew by itself, and whoever was connected over the network no longer is.
    hung_up: bool,
    /// Counts clients, so that a connection that was replaced takes nothing from its successor.
    client: u64,
    session: Session,
}

/// What bytes of a client came to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// At least one message was understood, so the client is alive.
    pub(crate) alive: bool,
    /// The client takes its leave.
    pub(crate) leaves: bool,
}

/// What is to be written next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outgoing {
    /// A frame, and the packet in it if it holds one.
    Frame { bytes: Vec<u8>, packet: Option<Box<proto::MeshPacket>>, completes: bool },
    /// Bytes that are no frame.
    Raw(Vec<u8>),
}

impl Radio {
    pub(crate) fn new(identity: Identity, device: proto::DeviceMetrics, nodes: NodeDb, setup: Setup) -> Self {
        let settings = Settings::of_factory(&identity, &setup.preset);
        let sending = Sending::new(setup.pace, settings.modem(), setup.firmware.is_28());
        Self {
            identity,
            settings,
            preset: setup.preset,
            office: Office::default(),
            told_time: None,
            hung_up: false,
            device,
            nodes,
            to_phone: VecDeque::new(),
            proxied: VecDeque::new(),
            room: setup.room,
            lost: 0,
            firmware: setup.firmware,
            pace: setup.pace,
            sending,
            ids: PacketIds::new(setup.salt),
            seen: Seen::default(),
            told_free: SLOTS,
            loses_statuses: false,
            locked: setup.locked,
            client: 0,
            session: Session::default(),
        }
    }

    /// Gives the client's place to a new client, and returns the number that its connection acts under.
    pub(crate) fn attach(&mut self) -> u64 {
        self.session = Session::default();
        self.client += 1;
        self.client
    }

    /// Frees the place, and tells whether nobody else had taken it.
    pub(crate) fn detach(&mut self, client: u64) -> bool {
        let held_it = self.client == client;
        if held_it {
            self.attach();
        }
        held_it
    }

    /// Returns how many packets found no room in the queue.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes in what the client sent.
    pub(crate) fn receive(&mut self, client: u64, bytes: &[u8], now: Moment) -> Heard {
        let mut heard = Heard::default();
        if client != self.client {
            return heard;
        }
        let now = self.moment(now);
        self.session.decoder.push(bytes);
        while let Some(piece) = self.session.decoder.next() {
            let Piece::Frame(payload) = piece else { continue };
            if let Ok(message) = proto::ToRadio::decode(&payload[..]) {
                heard.alive = true;
                self.obey(message, now, &mut heard);
            }
        }
        heard
    }

    /// Takes in a packet for its client, whatever is in it.
    pub(crate) fn hear(&mut self, packet: proto::MeshPacket) {
        self.nodes.learn(&packet);
        self.queue(packet);
    }

    /// Takes in what the radio says about itself, which never takes a place from what it heard.
    pub(crate) fn tell_own(&mut self, packet: proto::MeshPacket) {
        if let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant
            && let Ok(telemetry) = proto::Telemetry::decode(&data.payload[..])
            && let Some(proto::telemetry::Variant::DeviceMetrics(metrics)) = telemetry.variant
        {
            self.device = metrics;
        }
        let own = self.to_phone.iter().filter(|waiting| waiting.from == self.identity.number).count();
        if own == self.to_phone.len() && own < WAITING_OWN {
            self.queue(packet);
        }
    }

    /// Restarts as one on a cable does: what was queued is lost, and a client that is still there is told so.
    pub(crate) fn reboot(&mut self) {
        self.start_anew();
        self.session.raw.extend(frame(Said::Rebooted(true)));
    }

    /// Restarts as one on the network does, whose clients find their connection closed.
    fn restart(&mut self) {
        self.start_anew();
        self.hung_up = true;
    }

    fn start_anew(&mut self) {
        self.to_phone.clear();
        self.proxied.clear();
        self.session = Session::default();
        self.sending.restart();
        self.seen = Seen::default();
        self.told_free = SLOTS;
        self.told_time = None;
        self.device.uptime_seconds = Some(0);
    }

    /// Tells once whether the radio has left its client behind.
    pub(crate) fn has_hung_up(&mut self) -> bool {
        std::mem::take(&mut self.hung_up)
    }

    /// Replaces its keys, as a factory reset does.
    pub(crate) fn renew_keys(&mut self, public_key: [u8; 32], private_key: [u8; 32]) {
        self.identity.user.public_key = public_key.to_vec();
        self.identity.private_key = private_key;
        self.settings = self.factory_settings();
        self.apply_settings();
    }

    /// Takes over firmware 2.8, which numbers nodes by their keys. Under its old number it stays behind in its own list, without a key and
    /// ignored (`createNewIdentity`).
    pub(crate) fn update(&mut self, number: u32) {
        let Identity { number: before, user, .. } = &mut self.identity;
        let ghost = proto::User { public_key: Vec::new(), ..user.clone() };
        self.nodes.know(proto::NodeInfo { num: *before, user: Some(ghost), is_ignored: true, ..Default::default() });
        (*before, user.id) = (number, NodeId::from_number(number).to_string());
        self.firmware = Firmware::V28;
        self.room = self.room.min(Firmware::V28.queue());
        self.sending.sign();
        self.restart();
    }

    fn factory_settings(&self) -> Settings {
        Settings::of_factory(&self.identity, &self.preset)
    }

    /// Has what was set take effect on how it sends.
    fn apply_settings(&mut self) {
        let lora = self.settings.lora();
        let is_set_up = lora.region != i32::from(proto::config::lo_ra_config::RegionCode::Unset);
        self.sending.set_up(self.settings.modem(), lora.tx_enabled && is_set_up);
    }

    fn hop_limit(&self) -> u32 {
        self.settings.lora().hop_limit
    }

    /// Returns a moment as the radio knows it, which may have been told the time.
    fn moment(&self, now: Moment) -> Moment {
        let told =
            self.told_time.map(|(since, seconds)| seconds.saturating_add(u32::try_from(now.at.since(since).as_secs()).unwrap_or(u32::MAX)));
        Moment { stamp: if now.stamp == 0 { told.unwrap_or(0) } else { now.stamp }, ..now }
    }

    /// Changes how it sends.
    pub(crate) fn sending(&mut self) -> &mut Sending {
        &mut self.sending
    }

    /// Forgets a node.
    pub(crate) fn forget(&mut self, number: u32) {
        self.nodes.forget(number);
    }

    /// Keeps clients from being told queue statuses, except in answer to a heartbeat.
    pub(crate) fn lose_statuses(&mut self, lost: bool) {
        self.loses_statuses = lost;
    }

    /// Puts bytes between the frames.
    pub(crate) fn garble(&mut self, bytes: Vec<u8>) {
        self.session.raw.push_back(bytes);
    }

    /// Returns what is to be written next to this client, and counts it as given to it.
    pub(crate) fn next(&mut self, client: u64) -> Option<Outgoing> {
        if client != self.client {
            return None;
        }
        if let Some(bytes) = self.session.raw.pop_front() {
            return Some(Outgoing::Raw(bytes));
        }
        loop {
            let said = match self.next_message()? {
                Told::Known(said) => said,
                Told::Later(payload) => {
                    let bytes = stream::encode(&payload).expect("these messages are a few bytes long");
                    return Some(Outgoing::Frame { bytes, packet: None, completes: false });
                }
            };
            let packet = if let Said::Packet(packet) = &said { Some(Box::new(packet.clone())) } else { None };
            let completes = matches!(said, Said::ConfigCompleteId(_));
            // Firmware too says nothing of what does not fit.
            if let Some(bytes) = frame(said) {
                return Some(Outgoing::Frame { bytes, packet, completes });
            }
        }
    }

    fn next_message(&mut self) -> Option<Told> {
        if let Some(aside) = self.next_aside() {
            return Some(Told::Known(aside));
        }
        if self.locked {
            self.withhold();
        }
        match &mut self.session.stage {
            Stage::Silent => None,
            Stage::Telling(rest) => {
                let said = rest.pop_front();
                if rest.is_empty() {
                    self.session.stage = Stage::Live;
                }
                said
            }
            Stage::Live => {
                let proxied = self.proxied.pop_front().map(Said::MqttClientProxyMessage);
                proxied.or_else(|| self.to_phone.pop_front().map(Said::Packet)).map(Told::Known)
            }
        }
    }

    fn obey(&mut self, message: proto::ToRadio, now: Moment, heard: &mut Heard) {
        match message.payload_variant {
            Some(Asked::WantConfigId(nonce)) => self.session.stage = Stage::Telling(self.handshake(nonce)),
            Some(Asked::Heartbeat(heartbeat)) => self.session.heartbeat = heartbeat.nonce != ANNOUNCE_NONCE,
            Some(Asked::Disconnect(_)) => heard.leaves = true,
            Some(Asked::Packet(packet)) => self.accept(packet, now),
            Some(Asked::MqttClientProxyMessage(message)) if matches!(self.session.stage, Stage::Live) => {
                self.take_from_broker(message, now);
            }
            Some(Asked::XmodemPacket(_) | Asked::MqttClientProxyMessage(_)) | None => {}
        }
    }

    fn queue(&mut self, packet: proto::MeshPacket) {
        if self.to_phone.len() >= self.room {
            self.lost += 1;
            if !is_text(&packet) {
                return;
            }
            self.to_phone.pop_front();
        }
        self.to_phone.push_back(packet);
    }
}

fn frame(said: Said) -> Option<Vec<u8>> {
    stream::encode(&proto::FromRadio { id: 0, payload_variant: Some(said) }.encode_to_vec()).ok()
}

fn status(res: i32, free: u32, mesh_packet_id: u32) -> proto::QueueStatus {
    proto::QueueStatus { res, free, maxlen: SLOTS, mesh_packet_id }
}

fn is_text(packet: &proto::MeshPacket) -> bool {
    let text = [PortNum::TextMessageApp, PortNum::RangeTestApp].map(i32::from);
    matches!(&packet.payload_variant, Some(PayloadVariant::Decoded(data)) if text.contains(&data.portnum))
}

#[cfg(test)]
mod tests;
