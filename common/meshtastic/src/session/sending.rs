//! Giving packets to a radio: one at a time, and not too soon after another.

use crate::{
    outgoing::{Outgoing, Traffic},
    session::event::{HandOver, QueueStatus},
};
use kosmo_domain::{NodeId, PacketId, Uptime};
use std::time::Duration;

/// How far texts are apart.
pub const PAUSE: Duration = Traffic::Text.pause();
/// How long a radio may take to say what became of a packet. It keeps two such answers, so some never come.
pub const ANSWER: Duration = Duration::from_secs(5);

/// What is between a session and its radio. There is no queue: the real one is on disk, where a packet is noted as
/// handed over just before it is written.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    in_flight: Option<InFlight>,
    /// When the next of each kind may be written. It outlives a connection, because the radio's memory of the last one may.
    not_before: [Uptime; Traffic::ALL.len()],
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    id: PacketId,
    deadline: Uptime,
}

impl Sending {
    /// Returns from when on a packet of this kind may be written; nothing while one is under way.
    pub(crate) const fn open_from(&self, traffic: Traffic) -> Option<Uptime> {
        if self.in_flight.is_none() { Some(self.not_before[traffic as usize]) } else { None }
    }

    /// Returns until when the radio may answer.
    pub(crate) fn deadline(&self) -> Option<Uptime> {
        self.in_flight.map(|packet| packet.deadline)
    }

    /// Notes that the packet is written to the radio with this node, or tells why it must not be.
    pub(crate) fn begin(&mut self, packet: &Outgoing, radio: NodeId, now: Uptime) -> Result<(), HandOver> {
        let id = packet.id();
        if packet.sent().radio != radio {
            return Err(HandOver::OtherRadio { id });
        }
        let traffic = packet.traffic();
        if self.open_from(traffic).is_none_or(|at| now < at) {
            return Err(HandOver::Busy { id });
        }
        self.in_flight = Some(InFlight { id, deadline: now.plus(ANSWER) });
        self.not_before[traffic as usize] = now.plus(traffic.pause());
        Ok(())
    }

    /// Takes in what the radio says of its queue, and returns what that says of the packet under way.
    pub(crate) fn on_status(&mut self, status: &QueueStatus) -> Option<HandOver> {
        let InFlight { id, .. } = self.in_flight.take_if(|packet| status.packet == Some(packet.id))?;
        Some(match *status {
            QueueStatus { result: 0, free: 0, .. } => HandOver::QueueFull { id },
            QueueStatus { result: 0, free, .. } => HandOver::Accepted { id, free },
            QueueStatus { result: code, .. } => HandOver::RefusedByRadio { id, code },
        })
    }

    /// Gives up the packet under way, if its time is over.
    pub(crate) fn on_time(&mut self, now: Uptime) -> Option<HandOver> {
        self.in_flight.take_if(|packet| now >= packet.deadline).map(InFlight::unanswered)
    }

    /// Gives up the packet under way.
    pub(crate) fn on_lost(&mut self) -> Option<HandOver> {
        self.in_flight.take().map(InFlight::unanswered)
    }
}

impl InFlight {
    const fn unanswered(self) -> HandOver {
        HandOver::Unanswered { id: self.id }
    }
}
