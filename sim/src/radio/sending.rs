//! What a radio does to get packets on air: sixteen slots ordered by priority, one packet on air at a time, and those that
//! want an acknowledgement sent again until one comes.

use crate::lora::{self, Pace};
use kosmo_domain::Uptime;
use kosmo_meshtastic::{
    airtime::Modem,
    proto::{self, PortNum, mesh_packet::PayloadVariant, mesh_packet::Priority},
};
use std::{collections::VecDeque, time::Duration};

/// The slots for packets to be transmitted.
pub(crate) const SLOTS: u32 = 16;
/// Transmissions of a packet that wants an acknowledgement, the first included.
const TRIES: u32 = 3;
/// Packets that wait for an acknowledgement at once; firmware's memory has room for about so many.
const WAITING_FOR_ACK: usize = 64;
/// How long a radio listens before it sends.
const LISTENING: Duration = Duration::from_millis(150);
/// Over how long airtime is counted where the law limits it.
const DUTY_WINDOW: Duration = Duration::from_hours(1);

/// The sending half of a radio.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are conditions of the radio's, independent of each other")]
pub(crate) struct Sending {
    pace: Pace,
    modem: Modem,
    /// Whether broadcasts are signed.
    signs: bool,
    /// The next to be sent first.
    queue: VecDeque<proto::MeshPacket>,
    pending: Vec<Pending>,
    /// When the first of the queue goes on air.
    starts: Option<Uptime>,
    busy_until: Uptime,
    /// Somebody else keeps the channel busy.
    jammed: bool,
    disabled: bool,
    /// It is set up to send (`lora.tx_enabled`, and a region).
    enabled: bool,
    /// The most airtime in an hour, in percent.
    duty_limit: Option<f64>,
    spent: VecDeque<(Uptime, Duration)>,
}

#[derive(Debug)]
struct Pending {
    packet: proto::MeshPacket,
    tries_left: u32,
    due: Uptime,
}

/// Why a packet does not go into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotQueued {
    /// Every slot is taken by packets no less urgent.
    Full,
    /// The radio is set not to send.
    Disabled,
}

/// Something that came of time passing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// A packet goes on air.
    Transmit(Uptime, proto::MeshPacket),
    /// A packet was sent as often as it is, and nobody was heard acknowledging it.
    GiveUp(Uptime, proto::MeshPacket),
    /// The region's limit of airtime does not allow to send this again.
    OverLimit(Uptime, proto::MeshPacket),
}

impl Sending {
    pub(crate) fn new(pace: Pace, modem: Modem, signs: bool) -> Self {
        Self {
            pace,
            modem,
            signs,
            queue: VecDeque::new(),
            pending: Vec::new(),
            starts: None,
            busy_until: Uptime::default(),
            jammed: false,
            disabled: false,
            enabled: true,
            duty_limit: None,
            spent: VecDeque::new(),
        }
    }

    /// Starts anew with nothing to send; what the radio is set to, and the channel around it, stay as they are.
    pub(crate) fn restart(&mut self) {
        let Self { pace, modem, signs, jammed, disabled, enabled, duty_limit, .. } = *self;
        *self = Self { jammed, disabled, enabled, duty_limit, ..Self::new(pace, modem, signs) };
    }

    /// Takes over how its radio is set up: how it modulates, and whether it sends at all.
    pub(crate) fn set_up(&mut self, modem: Modem, enabled: bool) {
        (self.modem, self.enabled) = (modem, enabled);
    }

    /// Begins to sign what is for everybody.
    pub(crate) fn sign(&mut self) {
        self.signs = true;
    }

    /// Returns how many slots are free.
    pub(crate) fn free(&self) -> u32 {
        SLOTS.saturating_sub(u32::try_from(self.queue.len()).unwrap_or(SLOTS))
    }

    /// Takes a packet to be sent until it is acknowledged, if it wants that.
    ///
    /// As in firmware (`ReliableRouter::send`), a copy for the next try is kept before a slot is looked for: what found
    /// the queue full is tried again all the same.
    pub(crate) fn send(&mut self, packet: proto::MeshPacket, now: Uptime) -> Result<(), NotQueued> {
        if packet.want_ack {
            let due = now.plus(self.retry_after(&packet));
            self.pending.retain(|pending| pending.packet.id != packet.id);
            self.pending.truncate(WAITING_FOR_ACK - 1);
            self.pending.push(Pending { packet: packet.clone(), tries_left: TRIES - 1, due });
        }
        self.enqueue(packet, now)
    }

    /// Takes a packet to be sent once.
    pub(crate) fn enqueue(&mut self, packet: proto::MeshPacket, now: Uptime) -> Result<(), NotQueued> {
        self.delay_others(&packet);
        if self.disabled || !self.enabled {
            return Err(NotQueued::Disabled);
        }
        let urgency = urgency_of(&packet);
        if self.free() == 0 {
            if self.queue.back().is_none_or(|last| urgency_of(last) >= urgency) {
                return Err(NotQueued::Full);
            }
            self.queue.pop_back();
        }
        let place = self.queue.iter().position(|waiting| urgency_of(waiting) < urgency);
        self.queue.insert(place.unwrap_or(self.queue.len()), packet);
        self.plan(now);
        Ok(())
    }

    /// Tells whether a packet waits for its acknowledgement.
    pub(crate) fn waits_for(&self, id: u32) -> bool {
        self.pending.iter().any(|pending| pending.packet.id == id)
    }

    /// Tries a packet no more. What waits to be sent again is taken out of the queue, what was never sent is not.
    pub(crate) fn settle(&mut self, id: u32) {
        let Some(index) = self.pending.iter().position(|pending| pending.packet.id == id) else { return };
        if self.pending.remove(index).tries_left < TRIES - 1 {
            self.queue.retain(|waiting| waiting.id != id);
        }
    }

    /// Waits longer for acknowledgements, which cannot have come while another packet was on air.
    pub(crate) fn delay_others(&mut self, packet: &proto::MeshPacket) {
        let taken = self.pace.of(self.modem.airtime(lora::length(packet, self.signs)));
        for pending in self.pending.iter_mut().filter(|pending| pending.packet.id != packet.id) {
            pending.due = pending.due.plus(taken);
        }
    }

    /// Tells whether the last hour's airtime is beyond the limit.
    pub(crate) fn is_over_limit(&mut self, now: Uptime) -> bool {
        let window = self.pace.of(DUTY_WINDOW);
        while self.spent.front().is_some_and(|&(at, _)| now.since(at) > window) {
            self.spent.pop_front();
        }
        let spent: Duration = self.spent.iter().map(|&(_, airtime)| airtime).sum();
        self.duty_limit.is_some_and(|percent| spent.as_secs_f64() * 100.0 > window.as_secs_f64() * percent)
    }

    /// Sets how much of an hour may be sent, in percent.
    pub(crate) fn limit(&mut self, percent: Option<f64>) {
        self.duty_limit = percent;
    }

    /// Keeps the channel busy, so that nothing can be sent, or lets go of it.
    pub(crate) fn jam(&mut self, jammed: bool, now: Uptime) {
        self.jammed = jammed;
        self.plan(now);
    }

    /// Sets the radio not to send.
    pub(crate) fn disable(&mut self, disabled: bool) {
        self.disabled = disabled;
    }

    /// Returns when [`Sending::step`] has something to do.
    pub(crate) fn next_due(&self) -> Option<Uptime> {
        self.pending.iter().map(|pending| pending.due).chain(self.starts).min()
    }

    /// Does what is due first, if it is due by `now`.
    pub(crate) fn step(&mut self, now: Uptime) -> Option<Step> {
        loop {
            let due = self.next_due().filter(|&due| due <= now)?;
            if self.starts == Some(due) {
                self.starts = None;
                let Some(packet) = self.queue.pop_front() else { continue };
                let airtime = self.pace.of(self.modem.airtime(lora::length(&packet, self.signs)));
                self.busy_until = due.plus(airtime);
                self.spent.push_back((due, airtime));
                self.plan(due);
                return Some(Step::Transmit(due, packet));
            }
            let index = self.pending.iter().position(|pending| pending.due == due)?;
            if self.pending[index].tries_left == 0 {
                return Some(Step::GiveUp(due, self.pending.remove(index).packet));
            }
            if self.is_over_limit(due) {
                return Some(Step::OverLimit(due, self.pending.remove(index).packet));
            }
            let packet = self.pending[index].packet.clone();
            let next = due.plus(self.retry_after(&packet));
            let pending = &mut self.pending[index];
            pending.tries_left -= 1;
            pending.due = next;
            // What finds no slot now gets its next try.
            let _ = self.enqueue(packet, due);
        }
    }

    fn plan(&mut self, now: Uptime) {
        let ready = !self.queue.is_empty() && !self.jammed;
        self.starts = ready.then(|| self.starts.unwrap_or_else(|| now.max(self.busy_until).plus(self.pace.of(LISTENING))));
    }

    fn retry_after(&self, packet: &proto::MeshPacket) -> Duration {
        self.pace.of(lora::retry_after(self.modem, lora::length(packet, self.signs)))
    }
}

/// Returns a packet's priority, as firmware chooses it where the client does not (`MeshPacketQueue.cpp`, `fixPriority`).
fn urgency_of(packet: &proto::MeshPacket) -> i32 {
    if packet.priority != i32::from(Priority::Unset) {
        return packet.priority;
    }
    let port = match &packet.payload_variant {
        Some(PayloadVariant::Decoded(data)) => PortNum::try_from(data.portnum).ok(),
        Some(PayloadVariant::Encrypted(_)) | None => None,
    };
    let priority = match port {
        Some(PortNum::RoutingApp) => Priority::Ack,
        Some(PortNum::TextMessageApp | PortNum::AdminApp) => Priority::High,
        _ if packet.want_ack => Priority::Reliable,
        _ => Priority::Default,
    };
    priority.into()
}
