//! The virtual radio: while the bridge has the radio's one place for a client, others connect to the bridge as if it were the radio.
//!
//! Handshakes are answered from what the radio told the bridge. What the radio hears goes to all. What clients send waits here until
//! it is its turn beside the bridge's own packets; acknowledgements go to whoever sent the packet.

mod client;
mod portrait;
mod secrets;
mod sending;

pub(crate) use crate::share::client::ClientEvent;

use crate::share::{
    client::{Line, Write},
    portrait::{Portrait, frame},
    sending::{Route, Waiting},
};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, from_radio::PayloadVariant as Said, mesh_packet::PayloadVariant,
        to_radio::PayloadVariant as Asked,
    },
    stream::{Decoder, Piece},
};
use rand::rngs::StdRng;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Radios take a moment before they are done telling; some clients stumble over one that does not.
const BEFORE_COMPLETE: Duration = Duration::from_millis(50);
/// A heartbeat with this nonce asks the radio to announce itself, and is not answered.
const ANNOUNCE_NONCE: u32 = 1;

/// How a radio is shared.
#[derive(Debug, Clone)]
pub struct ShareConfig {
    /// Where clients connect.
    pub listener: Arc<std::net::TcpListener>,
    /// Whether they may change the radio's settings.
    pub admin: bool,
}

/// The shared radio.
#[derive(Debug)]
pub(crate) struct Share {
    is_admin: bool,
    events: mpsc::Receiver<ClientEvent>,
    clients: BTreeMap<u64, Client>,
    decoder: Decoder,
    /// What the handshake under way has told so far.
    told: Option<Portrait>,
    /// The radio as it is, while there is one that is ready.
    portrait: Option<Portrait>,
    /// The radio that clients know.
    known: Option<u32>,
    waiting: VecDeque<Waiting>,
    /// The packet that the radio has and has not answered for.
    in_flight: Option<Waiting>,
    routes: VecDeque<Route>,
    /// Whether the bridge sent last, so that it is the clients' turn.
    is_turn: bool,
    /// Whether a client has changed the radio's settings, so that the bridge knows old ones.
    has_changed: bool,
    rng: StdRng,
    _end: DropGuard,
}

struct Client {
    line: Line,
    stage: Stage,
    ids: VecDeque<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has asked for nothing and is told nothing.
    Silent,
    /// It asked with this nonce, and there is no radio yet.
    Asked(u32),
    Live,
}

impl Share {
    /// Begins to accept clients. They are let go with this value.
    ///
    /// # Errors
    /// If the listener is none that can be used here.
    pub(crate) fn start(config: &ShareConfig, rng: StdRng) -> io::Result<Self> {
        config.listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(config.listener.try_clone()?)?;
        let address = listener.local_addr()?;
        if address.ip().is_loopback() {
            tracing::info!(%address, admin = config.admin, "the radio is shared with other Meshtastic programs on this machine");
        } else {
            tracing::warn!(%address, admin = config.admin, "the radio is shared: whoever reaches this address sends in its name");
        }
        let end = CancellationToken::new();
        let events = client::listen(listener, end.clone());
        Ok(Self {
            is_admin: config.admin,
            events,
            clients: BTreeMap::new(),
            decoder: Decoder::new(),
            told: None,
            portrait: None,
            known: None,
            waiting: VecDeque::new(),
            in_flight: None,
            routes: VecDeque::new(),
            is_turn: false,
            has_changed: false,
            rng,
            _end: end.drop_guard(),
        })
    }

    /// Returns what a client does next. Safe to cancel.
    pub(crate) async fn next(&mut self) -> ClientEvent {
        match self.events.recv().await {
            Some(event) => event,
            // The listener ends only with this value.
            None => std::future::pending().await,
        }
    }

    /// Takes in what a client does.
    pub(crate) fn on_event(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Joined(client, line) => {
                tracing::debug!(peer = %line.peer, "a client of the shared radio connects");
                self.clients.insert(client, Client { line, stage: Stage::Silent, ids: VecDeque::new() });
            }
            // What it sent before stays, as it would with a radio.
            ClientEvent::Left(client) => _ = self.clients.remove(&client),
            ClientEvent::Said(client, asked) => self.on_asked(client, asked),
        }
    }

    fn on_asked(&mut self, client: u64, asked: Asked) {
        match asked {
            Asked::WantConfigId(nonce) => {
                if let Some(known) = self.clients.get_mut(&client) {
                    known.stage = Stage::Asked(nonce);
                }
                self.answer_handshakes();
            }
            Asked::Heartbeat(heartbeat) if heartbeat.nonce != ANNOUNCE_NONCE => self.tell_status(client, 0, 0),
            Asked::Packet(packet) => self.on_packet(client, packet),
            Asked::Heartbeat(_) | Asked::Disconnect(_) | Asked::XmodemPacket(_) | Asked::MqttClientProxyMessage(_) => {}
        }
    }

    fn answer_handshakes(&mut self) {
        let Some(portrait) = &self.portrait else { return };
        let mut slow = Vec::new();
        for (&number, client) in &mut self.clients {
            let Stage::Asked(nonce) = client.stage else { continue };
            let (body, end) = portrait.handshake(nonce, self.is_admin);
            client.stage = Stage::Live;
            let writes = [Write::Bytes(body.into()), Write::Pause(BEFORE_COMPLETE), Write::Bytes(end.into())];
            if !writes.into_iter().all(|write| client.line.write(write)) {
                slow.push(number);
            }
        }
        self.known = Some(portrait.number());
        self.drop_slow(slow);
    }

    fn tell(&mut self, client: u64, said: Said) {
        let Some(bytes) = frame(said) else { return };
        let is_slow = self.clients.get(&client).is_some_and(|known| !known.line.write(Write::Bytes(bytes.into())));
        self.drop_slow(is_slow.then_some(client));
    }

    /// Tells all clients that have had their handshake.
    fn tell_all(&mut self, said: Said) {
        let Some(bytes) = frame(said) else { return };
        let write = Write::Bytes(bytes.into());
        let live = self.clients.iter().filter(|(_, client)| client.stage == Stage::Live);
        let slow: Vec<_> = live.filter(|(_, client)| !client.line.write(write.clone())).map(|(&number, _)| number).collect();
        self.drop_slow(slow);
    }

    fn drop_slow(&mut self, slow: impl IntoIterator<Item = u64>) {
        for number in slow {
            if let Some(client) = self.clients.remove(&number) {
                tracing::warn!(peer = %client.line.peer, "a client of the shared radio is dropped because it reads too slowly");
            }
        }
    }

    /// Takes in bytes from the radio.
    pub(crate) fn on_radio_bytes(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
        while let Some(piece) = self.decoder.next() {
            let Piece::Frame(payload) = piece else { continue };
            match proto::FromRadio::decode(&payload[..]) {
                Ok(proto::FromRadio { payload_variant: Some(said), .. }) => self.on_said(said),
                Ok(_) => {
                    if let Some(told) = &mut self.told {
                        told.take_unknown(payload);
                    }
                }
                Err(_) => self.decoder.rescan(),
            }
        }
    }

    /// Tells once whether a client has changed what the bridge needs to know of the radio.
    pub(crate) fn has_changed_settings(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// Notes that a connection to the radio begins or ends.
    pub(crate) fn on_radio_lost(&mut self) {
        self.decoder.reset();
        (self.told, self.portrait) = (None, None);
        if let Some(packet) = self.in_flight.take() {
            self.waiting.push_front(packet);
        }
    }

    fn on_said(&mut self, said: Said) {
        match said {
            Said::MyInfo(info) => self.told = Some(Portrait::of(info)),
            Said::ConfigCompleteId(_) => self.on_complete(),
            Said::Rebooted(true) => {
                self.on_radio_lost();
                self.known = None;
            }
            Said::Packet(packet) => self.on_heard(packet),
            Said::ClientNotification(notification) => {
                let client = notification.reply_id.and_then(|id| self.route(id)).map(|route| route.client);
                match client {
                    Some(client) => self.tell(client, Said::ClientNotification(notification)),
                    None => self.tell_all(Said::ClientNotification(notification)),
                }
            }
            Said::NodeInfo(node) if self.told.is_none() => {
                if let Some(portrait) = &mut self.portrait {
                    portrait.take(Said::NodeInfo(node.clone()));
                }
                self.tell_all(Said::NodeInfo(node));
            }
            // Log lines may quote what people wrote, and the rest is between the radio and the bridge.
            Said::LogRecord(_) | Said::QueueStatus(_) | Said::Rebooted(false) | Said::XmodemPacket(_) | Said::MqttClientProxyMessage(_) => {
            }
            part => {
                if let Some(told) = &mut self.told {
                    told.take(part);
                }
            }
        }
    }

    /// Takes over what a handshake told. Clients of another radio, or of one that has restarted, are told to begin anew.
    fn on_complete(&mut self) {
        let Some(told) = self.told.take() else { return };
        if self.known != Some(told.number()) {
            self.tell_all(Said::Rebooted(true));
            for client in self.clients.values_mut().filter(|client| client.stage == Stage::Live) {
                client.stage = Stage::Silent;
            }
        }
        self.portrait = Some(told);
        self.answer_handshakes();
    }

    /// Passes on what the radio heard: answers to a client's question for the radio to that client, everything else to all.
    fn on_heard(&mut self, mut packet: proto::MeshPacket) {
        if let Some(portrait) = &mut self.portrait {
            portrait.learn(&packet);
        }
        let own = self.portrait.as_ref().map(Portrait::number);
        let Some(PayloadVariant::Decoded(data)) = &mut packet.payload_variant else { return self.tell_all(Said::Packet(packet)) };
        let is_admin = data.portnum == i32::from(PortNum::AdminApp);
        if is_admin {
            let Some(payload) = secrets::of_admin(&data.payload, self.is_admin) else { return };
            data.payload = payload;
        }
        let is_outcome = is_admin || data.portnum == i32::from(PortNum::RoutingApp);
        if data.request_id == 0 || !is_outcome {
            // What somebody tells the radio to do is between the two.
            if !is_admin {
                self.tell_all(Said::Packet(packet));
            }
            return;
        }
        let succeeded = is_success(data);
        let Some(route) = self.route(data.request_id) else { return };
        let (client, change) = (route.client, route.change.take().filter(|_| succeeded && Some(packet.from) == own));
        if let (Some(change), Some(portrait)) = (change, &mut self.portrait) {
            self.has_changed |=
                matches!(change, Admin::SetChannel(_) | Admin::SetConfig(_) | Admin::SetModuleConfig(_) | Admin::SetOwner(_));
            portrait.change(change);
        }
        self.tell(client, Said::Packet(packet));
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({}, {:?})", self.line.peer, self.stage)
    }
}

/// Tells whether an answer says that what was asked is done.
fn is_success(data: &proto::Data) -> bool {
    if data.portnum != i32::from(PortNum::RoutingApp) {
        return true;
    }
    let routing = proto::Routing::decode(&data.payload[..]).ok().and_then(|routing| routing.variant);
    matches!(routing, Some(proto::routing::Variant::ErrorReason(0)))
}
