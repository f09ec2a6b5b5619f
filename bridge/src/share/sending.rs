//! What clients of the shared radio send: who may send what, its wait for its turn beside the bridge's own packets, and whose it was
//! when something comes back.

use crate::share::{Portrait, Share, secrets};
use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    Message as _,
    admin::is_question,
    outgoing::{Outgoing, Traffic},
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, from_radio::PayloadVariant as Said, mesh_packet::PayloadVariant,
        routing::Error as RoutingError,
    },
    session::HandOver,
};
use rand::RngCore as _;

/// The places that each client has for packets to be sent, as many as a radio has.
const PLACES: usize = 16;
/// `QueueStatus.res`: the queue is full (`ERRNO_UNKNOWN`), and there is no radio (`ERRNO_NO_INTERFACES`).
const FULL: i32 = 32;
const NO_RADIO: i32 = 33;
/// A packet with an id among this many of a client's before is ignored without a word, as radios do.
const REMEMBERED_IDS: usize = 20;
/// The packets whose sender is remembered, for what comes back.
const REMEMBERED_ROUTES: usize = 1_000;

#[derive(Debug, Clone)]
pub(super) struct Waiting {
    client: u64,
    packet: Outgoing,
}

#[derive(Debug)]
pub(super) struct Route {
    packet: u32,
    pub(super) client: u64,
    /// What the packet changes, once the radio confirms it.
    pub(super) change: Option<Admin>,
}

impl Share {
    /// Takes a packet that a client wants to be sent.
    pub(super) fn on_packet(&mut self, client: u64, mut packet: proto::MeshPacket) {
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

    pub(super) fn tell_status(&mut self, client: u64, res: i32, mesh_packet_id: u32) {
        let taken = self.waiting.iter().filter(|waiting| waiting.client == client).count();
        let [free, maxlen] = [PLACES.saturating_sub(taken), PLACES].map(|places| u32::try_from(places).unwrap_or(0));
        self.tell(client, Said::QueueStatus(proto::QueueStatus { res, free, maxlen, mesh_packet_id }));
    }

    pub(super) fn route(&mut self, packet: u32) -> Option<&mut Route> {
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
