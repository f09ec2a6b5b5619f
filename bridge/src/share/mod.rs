//! The virtual radio: while the bridge has the radio's one place for a client, others connect to the bridge as if it were the radio.
//!
//! Handshakes are answered from what the radio told the bridge. What the radio hears goes to all. What clients send waits here until
//! it is its turn beside the bridge's own packets; acknowledgements go to whoever sent the packet.

mod client;
mod portrait;
mod secrets;

pub(crate) use crate::share::client::ClientEvent;

use crate::share::{
    client::{Line, Write},
    portrait::{Portrait, frame},
};
use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    Message as _,
    admin::is_question,
    outgoing::{Outgoing, Traffic},
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, from_radio::PayloadVariant as Said, mesh_packet::PayloadVariant,
        routing::Error as RoutingError, to_radio::PayloadVariant as Asked,
    },
    session::HandOver,
    stream::{Decoder, Piece},
};
use rand::{RngCore as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The places that each client has for packets to be sent, as many as a radio has.
const PLACES: usize = 16;
/// `QueueStatus.res`: the queue is full (`ERRNO_UNKNOWN`), and there is no radio (`ERRNO_NO_INTERFACES`).
const FULL: i32 = 32;
const NO_RADIO: i32 = 33;
/// A packet with an id among this many of a client's before is ignored without a word, as radios do.
const REMEMBERED_IDS: usize = 20;
/// The packets whose sender is remembered, for what comes back.
const REMEMBERED_ROUTES: usize = 1_000;
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

#[derive(Debug, Clone)]
struct Waiting {
    client: u64,
    packet: Outgoing,
}

#[derive(Debug)]
struct Route {
    packet: u32,
    client: u64,
    /// What the packet changes, once the radio confirms it.
    change: Option<Admin>,
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

    /// Takes a packet that a client wants to be sent.
    fn on_packet(&mut self, client: u64, mut packet: proto::MeshPacket) {
        let Some(known) = self.clients.get_mut(&client) else { return };
        if packet.id == 0 {
            packet.id = self.rng.next_u32().max(1);
        } else if known.ids.contains(&packet.id) {
            return;
        }
        if known.ids.len() == REMEMBERED_IDS {
            known.ids.pop_front();
        }
        known.ids.push_back(packet.id);
        let id = packet.id;
        let Some(own) = self.portrait.as_ref().map(Portrait::number) else { return self.tell_status(client, NO_RADIO, id) };
        let change = match self.judge(&packet, own) {
            Ok(change) => change,
            Err(error) => {
                self.tell_status(client, 0, id);
                return self.refuse(client, id, own, error);
            }
        };
        let taken = self.waiting.iter().filter(|waiting| waiting.client == client).count();
        let packet = Outgoing::of_client(packet, NodeId::from_number(own)).filter(|_| taken < PLACES);
        let Some(packet) = packet else { return self.tell_status(client, FULL, id) };
        self.waiting.push_back(Waiting { client, packet });
        if self.routes.len() == REMEMBERED_ROUTES {
            self.routes.pop_front();
        }
        self.routes.push_back(Route { packet: id, client, change });
        self.tell_status(client, 0, id);
    }

    /// Tells whether a client may send a packet, and what it changes of the radio.
    fn judge(&self, packet: &proto::MeshPacket, own: u32) -> Result<Option<Admin>, RoutingError> {
        let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return Ok(None) };
        if data.portnum != i32::from(PortNum::AdminApp) {
            return Ok(None);
        }
        let asked = proto::AdminMessage::decode(&data.payload[..]).ok().and_then(|message| message.payload_variant);
        let Some(asked) = asked else { return Err(RoutingError::BadRequest) };
        if is_question(&asked) && packet.to == own {
            return Ok(None);
        }
        if !self.is_admin || (packet.to == own && secrets::loses_key(&asked)) {
            return Err(RoutingError::NotAuthorized);
        }
        Ok(Some(asked).filter(|_| packet.to == own))
    }

    /// Says to a client, in the radio's name, that a packet of it failed.
    fn refuse(&mut self, client: u64, about: u32, own: u32, error: RoutingError) {
        let routing = proto::Routing { variant: Some(proto::routing::Variant::ErrorReason(error.into())) };
        let data =
            proto::Data { portnum: PortNum::RoutingApp.into(), payload: routing.encode_to_vec(), request_id: about, ..Default::default() };
        let id = self.rng.next_u32().max(1);
        let payload_variant = Some(PayloadVariant::Decoded(data));
        self.tell(client, Said::Packet(proto::MeshPacket { from: own, to: own, id, payload_variant, ..Default::default() }));
    }

    fn tell_status(&mut self, client: u64, res: i32, mesh_packet_id: u32) {
        let taken = self.waiting.iter().filter(|waiting| waiting.client == client).count();
        let [free, maxlen] = [PLACES.saturating_sub(taken), PLACES].map(|places| u32::try_from(places).unwrap_or(0));
        self.tell(client, Said::QueueStatus(proto::QueueStatus { res, free, maxlen, mesh_packet_id }));
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

    fn route(&mut self, packet: u32) -> Option<&mut Route> {
        self.routes.iter_mut().rev().find(|route| route.packet == packet)
    }

    /// Returns from when on there is a packet to send, given from when on the radio takes one of its kind.
    pub(crate) fn send_due(&self, may_send: impl Fn(Traffic) -> Option<Uptime>) -> Option<Uptime> {
        self.waiting.iter().filter_map(|waiting| may_send(waiting.packet.traffic())).min()
    }

    /// Notes that the bridge gave the radio a packet of its own.
    pub(crate) fn note_bridge_sent(&mut self) {
        self.is_turn = !self.waiting.is_empty();
    }

    /// Tells whether a client's packet goes before the bridge's next.
    pub(crate) fn is_turn(&self) -> bool {
        self.is_turn
    }

    /// Returns the next packet that the radio takes now, if there is one.
    pub(crate) fn take_due(&mut self, may_send: impl Fn(Traffic) -> Option<Uptime>, now: Uptime) -> Option<Outgoing> {
        let is_due = |waiting: &Waiting| may_send(waiting.packet.traffic()).is_some_and(|from| from <= now);
        let place = self.waiting.iter().position(is_due)?;
        let waiting = self.waiting.remove(place)?;
        self.is_turn = false;
        let packet = waiting.packet.clone();
        self.in_flight = Some(waiting);
        Some(packet)
    }

    /// Takes in what became of a packet that was given to the radio, if it was a client's; tells whether it was.
    pub(crate) fn on_hand_over(&mut self, hand_over: HandOver) -> bool {
        let Some(given) = self.in_flight.take_if(|given| given.packet.id() == hand_over.id()) else { return false };
        let PacketId(id) = hand_over.id();
        match hand_over {
            HandOver::RefusedByRadio { code, .. } => self.tell_status(given.client, code.cast_signed(), id),
            HandOver::NotReady { .. } | HandOver::Busy { .. } => self.waiting.push_front(given),
            // The packet was another radio's, whose clients begin anew.
            HandOver::OtherRadio { .. } => {}
            HandOver::Accepted { .. } | HandOver::QueueFull { .. } | HandOver::Unanswered { .. } => {
                // A place is free again, which clients wait for that filled theirs.
                self.tell_status(given.client, 0, 0);
            }
        }
        true
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
