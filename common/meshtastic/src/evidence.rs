//! What a received packet proves about one that was sent.
//!
//! An acknowledgement is a packet like any other: who says it, to whom, and over what way decides what it is worth.
//! Only [`judge`] can make a [`Proof`], and it makes none from what came over MQTT, from what a radio tells again from
//! memory, or from an implicit acknowledgement, where a neighbour was heard passing the packet on.

pub use crate::refusal::{HandedOver, Prospect, Refusal, Voice};

use crate::{
    packet::{Body, Received, Transport, port},
    payload::{Routing, RoutingError},
};
use kosmo_domain::{NodeId, PacketId};

/// A packet that was given to a radio, as far as it takes to judge what comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub packet_id: PacketId,
    /// Whom it was for.
    pub to: NodeId,
    /// The radio's own node, which the mesh sees as its sender.
    pub radio: NodeId,
}

/// What a received packet says about one that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The addressee's radio has it.
    Acknowledged(Proof),
    /// The addressee answered it.
    Replied(Proof),
    /// A neighbour was heard passing it on; nobody knows who read it.
    Relayed,
    /// The radio or the addressee refused it.
    Refused(Refusal),
}

/// The proof that the addressee's radio has a packet, as good as the channel's key is kept: whoever has that key can
/// forge an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    by: NodeId,
    packet_id: PacketId,
}

impl Proof {
    /// Returns the node that confirmed, which is the addressee.
    pub const fn by(self) -> NodeId {
        self.by
    }

    /// Returns the packet that it has.
    pub const fn packet_id(self) -> PacketId {
        self.packet_id
    }
}

/// Returns what a received packet proves about a sent one; nothing if it is about another, or worth nothing.
pub fn judge(sent: &Sent, received: &Received) -> Option<Verdict> {
    let about = Some(sent.packet_id).filter(|id| id.is_given())?;
    if received.to != sent.radio || received.via_mqtt || received.replayed {
        return None;
    }
    match &received.body {
        Body::Routing(Routing::Outcome(outcome)) if received.request_id == Some(about) => judge_outcome(sent, received, *outcome),
        Body::Routing(_) => None,
        _ if received.reply_id == Some(about) && received.port == port::TEXT_MESSAGE => prove(sent, received).map(Verdict::Replied),
        _ => None,
    }
}

fn judge_outcome(sent: &Sent, received: &Received, outcome: RoutingError) -> Option<Verdict> {
    let refused = |voice| Verdict::Refused(Refusal { code: outcome.0, by: received.from, voice });
    if is_word_of_radio(sent, received) {
        return Some(if outcome.is_success() { Verdict::Relayed } else { refused(Voice::Radio) });
    }
    let proof = prove(sent, received)?;
    Some(if outcome.is_success() { Verdict::Acknowledged(proof) } else { refused(Voice::Addressee) })
}

/// Tells whether the radio itself says so. It marks with their way what came back by an MQTT broker; what bears its
/// number and was heard over the air is somebody else's. (Firmware before 2.7 marks nothing: there, an echo from a broker
/// passes for a neighbour's.)
fn is_word_of_radio(sent: &Sent, received: &Received) -> bool {
    received.from == sent.radio && received.transport == Transport::Internal
}

/// Returns the proof, if the packet came from the addressee over the air.
///
/// Recorded acknowledgements of firmware 2.7 name LoRa as their way. Firmware before that names none; there, what came
/// over the air shows by the strength of its signal, which [`Transport`] heeds, and the rest is worth nothing.
fn prove(sent: &Sent, received: &Received) -> Option<Proof> {
    let by_addressee = received.from == sent.to && sent.to != sent.radio && !sent.to.is_broadcast() && sent.to.sender().is_ok();
    let heard = received.transport == Transport::Lora;
    (by_addressee && heard).then_some(Proof { by: received.from, packet_id: sent.packet_id })
}
