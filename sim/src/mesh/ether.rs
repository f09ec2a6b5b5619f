//! What goes on in the air: who waits for it to be free, who sends, what collides, who hears it and passes it on.
//!
//! Managed flooding as firmware does it (`FloodingRouter`, `RadioInterface::getTxDelayMsecWeighted`): whoever hears a packet
//! for the first time and has hops left relays it once; the worse it was heard the sooner; who overhears another relay first
//! refrains, unless they are a router. A node that sends hears nothing; of two packets at once a receiver understands the
//! stronger one, if it is stronger by enough.

use crate::{
    lora::{self, Pace},
    mesh::air::{Air, Copy},
    noise,
    region::Role,
};
use kosmo_domain::Uptime;
use kosmo_meshtastic::proto;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

const STREAM_WAIT: u64 = 52;
/// By how much a packet must be stronger than another to be understood in spite of it, in dB.
const CAPTURE_DB: f64 = 6.0;
/// The contention window in powers of two, and what is heard best and worst, in dB (`CWmin`, `CWmax`).
const WINDOW: (f64, f64) = (3.0, 8.0);
const HEARD: (f64, f64) = (-20.0, 10.0);
/// Over how long the use of the channel and of a node's airtime are measured.
const CHANNEL_WINDOW: Duration = Duration::from_mins(1);
const DUTY_WINDOW: Duration = Duration::from_hours(1);
/// Packets that wait in a node to be sent; firmware has as many slots.
const SLOTS: usize = 16;

/// What the mesh is to do next, at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A node tries to send what waits.
    Attempt { node: usize, item: u64 },
    /// A transmission ends.
    Land { wave: u64 },
}

/// One packet on its way through the mesh.
#[derive(Debug)]
pub(crate) struct Flood {
    pub(crate) packet: proto::MeshPacket,
    /// The node that sent it first, whatever it says about its sender.
    pub(crate) origin: usize,
    to: Option<usize>,
    chance: u64,
    heard: Vec<bool>,
    echoed: bool,
    /// What waits or is on the air.
    live: usize,
}

/// What came of a transmission.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) flood: u64,
    pub(crate) node: usize,
    pub(crate) hops: u32,
    /// When it began.
    pub(crate) start: Uptime,
    pub(crate) hearers: Vec<usize>,
    /// How it arrived where it was new, and the first time at its sender.
    pub(crate) copies: Vec<Copy>,
    /// Receivers that would have understood it, had nobody else been sending.
    pub(crate) collided: usize,
}

#[derive(Debug)]
struct Item {
    id: u64,
    flood: u64,
    hops: u32,
    path: Vec<(usize, f64)>,
    /// How often the channel was busy when its turn came.
    tries: u64,
}

#[derive(Debug, Default)]
struct Mac {
    waiting: Vec<Item>,
    sends_until: Uptime,
    sent: VecDeque<(Uptime, Duration)>,
    busy: VecDeque<(Uptime, Duration)>,
}

#[derive(Debug)]
struct Wave {
    flood: u64,
    node: usize,
    hops: u32,
    path: Vec<(usize, f64)>,
    start: Uptime,
    end: Uptime,
    over: bool,
    /// What was on the air at the same time.
    rivals: Vec<u64>,
}

/// The air, and each node's turn at it.
#[derive(Debug)]
pub(crate) struct Ether {
    pub(crate) air: Air,
    pace: Pace,
    seed: u64,
    /// Whether packets get in each other's way.
    crowded: bool,
    /// Whether broadcasts are signed, as firmware 2.8 does.
    pub(crate) signs: bool,
    roles: Vec<Role>,
    macs: Vec<Mac>,
    floods: BTreeMap<u64, Flood>,
    waves: BTreeMap<u64, Wave>,
    given: u64,
}

impl Ether {
    pub(crate) fn new(air: Air, pace: Pace, seed: u64, crowded: bool, signs: bool, roles: Vec<Role>) -> Self {
        let macs = roles.iter().map(|_| Mac::default()).collect();
        Self { air, pace, seed, crowded, signs, roles, macs, floods: BTreeMap::new(), waves: BTreeMap::new(), given: 0 }
    }

    /// Returns a packet on its way.
    pub(crate) fn flood(&self, flood: u64) -> Option<&Flood> {
        self.floods.get(&flood)
    }

    /// Has a node send a packet that everybody relays, and returns when its turn comes; nothing if too much waits there.
    pub(crate) fn send(&mut self, node: usize, to: Option<usize>, packet: proto::MeshPacket, now: Uptime) -> Option<(Uptime, Turn)> {
        let flood = self.next();
        let mut heard = vec![false; self.macs.len()];
        heard[node] = true;
        let chance = noise::hash(self.seed, &[flood, packet.id.into()]);
        self.floods.insert(flood, Flood { packet, origin: node, to, chance, heard, echoed: false, live: 0 });
        let wait = Duration::from_secs_f64(0.05 + 0.4 * noise::unit(self.seed, &[STREAM_WAIT, flood]));
        let turn = self.queue(node, flood, 0, Vec::new(), wait, now);
        self.forget(flood);
        turn
    }

    /// Does what is due, and returns when what is due next because of it, and what came of a transmission that ended.
    pub(crate) fn act(&mut self, turn: Turn, now: Uptime, next: &mut Vec<(Uptime, Turn)>) -> Option<Landed> {
        match turn {
            Turn::Attempt { node, item } => {
                next.extend(self.attempt(node, item, now));
                None
            }
            Turn::Land { wave } => self.land(wave, now, next),
        }
    }

    /// Returns how much of the last minute a node heard the channel in use, and how much of the last hour it sent, in percent.
    pub(crate) fn utilisation(&mut self, node: usize, now: Uptime) -> (f64, f64) {
        let pace = self.pace;
        let share = |spans: &mut VecDeque<(Uptime, Duration)>, window: Duration| {
            let window = pace.of(window);
            while spans.front().is_some_and(|&(at, _)| now.since(at) > window) {
                spans.pop_front();
            }
            let used: Duration = spans.iter().map(|&(_, span)| span).sum();
            used.as_secs_f64() * 100.0 / window.as_secs_f64().max(f64::MIN_POSITIVE)
        };
        let mac = &mut self.macs[node];
        (share(&mut mac.busy, CHANNEL_WINDOW).min(100.0), share(&mut mac.sent, DUTY_WINDOW))
    }

    fn next(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    fn queue(
        &mut self,
        node: usize,
        flood: u64,
        hops: u32,
        path: Vec<(usize, f64)>,
        wait: Duration,
        now: Uptime,
    ) -> Option<(Uptime, Turn)> {
        if self.macs[node].waiting.len() >= SLOTS {
            return None;
        }
        let item = self.next();
        self.macs[node].waiting.push(Item { id: item, flood, hops, path, tries: 0 });
        self.floods.get_mut(&flood)?.live += 1;
        Some((now.plus(self.pace.of(wait)), Turn::Attempt { node, item }))
    }

    fn attempt(&mut self, node: usize, item: u64, now: Uptime) -> Option<(Uptime, Turn)> {
        let place = self.macs[node].waiting.iter().position(|waiting| waiting.id == item)?;
        let sends_until = self.macs[node].sends_until;
        let is_heard = |wave: &Wave| !wave.over && self.air.notices(node, wave.node);
        if self.crowded && (sends_until > now || self.waves.values().any(is_heard)) {
            let waiting = &mut self.macs[node].waiting[place];
            waiting.tries += 1;
            // The window of a busy channel: some more slots at random.
            let slots = 1.0 + 15.0 * noise::unit(self.seed, &[STREAM_WAIT, item, waiting.tries]);
            let wait = self.air.modem().slot().mul_f64(slots);
            return Some((now.max(sends_until).plus(self.pace.of(wait)), Turn::Attempt { node, item }));
        }
        let Item { flood, hops, path, .. } = self.macs[node].waiting.remove(place);
        let length = self.floods.get(&flood).map(|flood| lora::length(&flood.packet, self.signs))?;
        let airtime = self.pace.of(self.air.modem().airtime(length));
        let end = now.plus(airtime);
        let wave = self.next();
        let mut rivals = Vec::new();
        for (&id, other) in self.waves.iter_mut().filter(|(_, other)| self.crowded && !other.over) {
            other.rivals.push(wave);
            rivals.push(id);
        }
        self.waves.insert(wave, Wave { flood, node, hops, path, start: now, end, over: false, rivals });
        let mac = &mut self.macs[node];
        mac.sends_until = end;
        // What nobody asks for is not kept.
        if self.crowded {
            note(&mut mac.sent, self.pace.of(DUTY_WINDOW), (now, airtime));
            note(&mut mac.busy, self.pace.of(CHANNEL_WINDOW), (now, airtime));
        }
        Some((end, Turn::Land { wave }))
    }

    fn land(&mut self, id: u64, now: Uptime, next: &mut Vec<(Uptime, Turn)>) -> Option<Landed> {
        let wave = self.waves.get_mut(&id)?;
        wave.over = true;
        let (flood_id, sender, hops, start, span) = (wave.flood, wave.node, wave.hops, wave.start, wave.end.since(wave.start));
        let (rivals, path) = (wave.rivals.clone(), wave.path.clone());
        let rivals: Vec<_> = rivals.iter().filter_map(|rival| self.waves.get(rival)).map(|rival| rival.node).collect();
        let mut landed = Landed { flood: flood_id, node: sender, hops, start, hearers: Vec::new(), copies: Vec::new(), collided: 0 };
        let neighbours = self.air.neighbours(sender).to_vec();
        for node in neighbours {
            if self.crowded && self.air.notices(node, sender) {
                note(&mut self.macs[node].busy, self.pace.of(CHANNEL_WINDOW), (start, span));
            }
            let Some((rssi, snr)) = self.air.receive(sender, node, id) else { continue };
            let drowned = |&rival: &usize| rival == node || self.air.mean(rival, node) > rssi - CAPTURE_DB;
            if self.crowded && rivals.iter().any(drowned) {
                landed.collided += 1;
                continue;
            }
            landed.hearers.push(node);
            let mut so_far = path.clone();
            so_far.push((node, snr));
            let copy = Copy { node, relay: sender, hops, rssi, snr, after: Duration::ZERO, path: so_far };
            next.extend(self.take_in(flood_id, copy, now, &mut landed.copies));
        }
        if self.crowded {
            self.waves_end();
        } else {
            self.waves.remove(&id);
        }
        Some(landed)
    }

    /// Lets a node hear a packet: what is new it keeps, and passes on if it is its place to.
    fn take_in(&mut self, id: u64, copy: Copy, now: Uptime, copies: &mut Vec<Copy>) -> Option<(Uptime, Turn)> {
        let node = copy.node;
        let flood = self.floods.get_mut(&id)?;
        if flood.heard[node] {
            if node == flood.origin && !std::mem::replace(&mut flood.echoed, true) {
                copies.push(copy);
            } else if self.roles[node] != Role::Router && node != flood.origin {
                let waiting = self.macs[node].waiting.iter().position(|waiting| waiting.flood == id);
                if let Some(place) = waiting {
                    self.macs[node].waiting.remove(place);
                    flood.live -= 1;
                }
            }
            return None;
        }
        flood.heard[node] = true;
        let relays = self.roles[node] != Role::Mute && Some(node) != flood.to && flood.packet.hop_limit > copy.hops;
        let (hops, path, chance) = (copy.hops + 1, copy.path.clone(), flood.chance);
        let wait = self.relay_wait(node, copy.snr, chance);
        copies.push(copy);
        if relays { self.queue(node, id, hops, path, wait, now) } else { None }
    }

    fn relay_wait(&self, node: usize, snr: f64, chance: u64) -> Duration {
        let share = ((snr - HEARD.0) / (HEARD.1 - HEARD.0)).clamp(0.0, 1.0);
        let window = (WINDOW.0 + share * (WINDOW.1 - WINDOW.0)).floor();
        let drawn = noise::unit(self.seed, &[STREAM_WAIT, chance, node as u64]);
        let slots = match self.roles[node] {
            Role::Router => drawn * 2.0 * window,
            Role::Client | Role::Mute => 2.0 * WINDOW.1 + drawn * window.exp2(),
        };
        self.air.modem().slot().mul_f64(slots)
    }

    /// Gives up on what no longer goes on, and on what can no longer be in anybody's way.
    fn waves_end(&mut self) {
        let live: Vec<_> = self.waves.iter().filter(|(_, wave)| !wave.over).map(|(&id, _)| id).collect();
        self.waves.retain(|_, wave| !wave.over || wave.rivals.iter().any(|rival| live.contains(rival)));
    }

    /// Ends a flood's count of a transmission that was dealt with.
    pub(crate) fn settle(&mut self, flood: u64) {
        if let Some(known) = self.floods.get_mut(&flood) {
            known.live = known.live.saturating_sub(1);
        }
        self.forget(flood);
    }

    fn forget(&mut self, flood: u64) {
        if self.floods.get(&flood).is_some_and(|flood| flood.live == 0) {
            self.floods.remove(&flood);
        }
    }
}

/// Notes that something took its time, and forgets what was too long ago to count.
fn note(spans: &mut VecDeque<(Uptime, Duration)>, window: Duration, span: (Uptime, Duration)) {
    while spans.front().is_some_and(|&(at, _)| span.0.since(at) > window) {
        spans.pop_front();
    }
    spans.push_back(span);
}

#[cfg(test)]
mod tests;
