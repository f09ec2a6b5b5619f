//! What is known of the packets of late, and what is to be told to the store of them: who else received them, by which
//! gateways they came, and what was not taken. All of it is bounded.

use crate::uplink::{
    Source,
    generations::Generations,
    guard::{Guard, Limit, UplinkLimits},
};
use kosmo_domain::{HOUR, NodeId, PacketId, Timestamp};
use kosmo_store::uplinks::{GatewayTally, LimitTally, PacketReceptions, Role, Taken, UplinkReception};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// How many packets are remembered.
const PACKETS: usize = 65_536;
/// How many packets' further receptions wait to be stored, how many gateways' tallies, and how many nodes' limits.
const PENDING: usize = 20_000;
const TALLIES: usize = 500;
const LIMITS: usize = 200;
/// Of how many nodes it is remembered whether they agree.
const CONSENTS: usize = 20_000;
/// How often the store is told again whether a node agrees.
const AGAIN: Duration = Duration::from_mins(10);

/// A packet as an envelope names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Named {
    pub(crate) from: NodeId,
    pub(crate) id: PacketId,
    /// A hash of what it carries, encrypted or not.
    pub(crate) carries: u64,
    pub(crate) rx_time: Option<Timestamp>,
}

/// What is remembered of a packet.
#[derive(Debug, Clone, Copy)]
struct Known {
    first_at: Timestamp,
    carries: u64,
    /// Whether it could be read: if not, another one of its name may be the true one.
    was_read: bool,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nobody has told of this packet.
    New,
    /// Another gateway has, or this one: who received it is noted.
    Copy,
    /// It is not taken.
    Limited(Limit),
}

/// What waits to be stored.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) receptions: Vec<PacketReceptions>,
    pub(crate) gateways: Vec<GatewayTally>,
    pub(crate) limits: Vec<LimitTally>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Desk {
    sources: Arc<[Source]>,
    guard: Guard,
    known: Generations<(NodeId, PacketId), Known>,
    consents: Generations<NodeId, (bool, Timestamp)>,
    pending: HashMap<(NodeId, PacketId), PacketReceptions>,
    tallies: HashMap<(usize, NodeId), GatewayTally>,
    limits: HashMap<(usize, Role, NodeId, Limit), LimitTally>,
}

impl Desk {
    pub(crate) fn new(sources: Arc<[Source]>, limits: UplinkLimits) -> Self {
        Self {
            sources,
            guard: Guard::new(limits),
            known: Generations::new(PACKETS),
            consents: Generations::new(CONSENTS),
            pending: HashMap::new(),
            tallies: HashMap::new(),
            limits: HashMap::new(),
        }
    }

    pub(crate) fn deny(&mut self, denied: HashSet<(Role, NodeId)>) {
        self.guard.deny(denied);
    }

    /// Decides what becomes of a gateway's message.
    pub(crate) fn admit(&mut self, source: usize, packet: &Named, reception: &UplinkReception, now: Timestamp) -> Admission {
        let gateway = reception.gateway;
        let admission = self.judge(source, gateway, packet, now);
        match admission {
            Ok(Admission::Copy) => {
                // Who receives what at a broker that is not for everybody is kept nowhere.
                if self.sources.get(source).is_some_and(|source| source.public) {
                    self.receive(packet.from, packet.id, *reception);
                }
                self.tally(source, gateway, now, |taken| taken.copies += 1);
                Admission::Copy
            }
            Ok(other) => {
                self.tally(source, gateway, now, |taken| taken.packets += 1);
                other
            }
            Err((role, node, limit)) => {
                self.limit(source, role, node, limit, now);
                if !node.is_broadcast() {
                    self.tally(source, gateway, now, |taken| taken.limited += 1);
                }
                Admission::Limited(limit)
            }
        }
    }

    fn judge(&mut self, source: usize, gateway: NodeId, packet: &Named, now: Timestamp) -> Result<Admission, (Role, NodeId, Limit)> {
        self.guard.gateway(source, gateway, now).map_err(|(node, limit)| (Role::Gateway, node, limit))?;
        Guard::age(packet.rx_time, now).map_err(|limit| (Role::Gateway, gateway, limit))?;
        if packet.id.is_given() {
            let known = self.known.get_mut(&(packet.from, packet.id));
            if known.is_some_and(|known| known.was_read || known.carries == packet.carries) {
                return Ok(Admission::Copy);
            }
        }
        if let Err((role, limit)) = self.guard.node(source, gateway, packet.from, now) {
            if role == Role::Node {
                self.guard.give_back(source, gateway);
            }
            return Err((role, if role == Role::Node { packet.from } else { gateway }, limit));
        }
        if packet.id.is_given() {
            self.known.insert((packet.from, packet.id), Known { first_at: now, carries: packet.carries, was_read: false });
        }
        Ok(Admission::New)
    }

    /// Notes that a packet could be read, and decides whether its sender may say this once more.
    pub(crate) fn was_read(&mut self, source: usize, from: NodeId, id: PacketId, content: u64, now: Timestamp) -> Result<(), Limit> {
        if let Some(known) = self.known.get_mut(&(from, id)) {
            known.was_read = true;
        }
        let said = self.guard.content(from, content, id.is_given(), now);
        if let Err(limit) = said {
            self.limit(source, Role::Node, from, limit, now);
        }
        said
    }

    /// Returns whether a node's word on being passed on is news: `Some` with the word if it is.
    pub(crate) fn consents(&mut self, node: NodeId, agrees: bool, now: Timestamp) -> bool {
        let known = self.consents.get_mut(&node).copied();
        // It is told again now and then: the store forgets what is said of a node that nobody has heard yet.
        let is_news = known.is_none_or(|(said, at)| said != agrees || now.since(at) > AGAIN);
        if is_news {
            self.consents.insert(node, (agrees, now));
        }
        is_news
    }

    /// Notes who else received a packet.
    pub(crate) fn receive(&mut self, from: NodeId, id: PacketId, reception: UplinkReception) {
        let first_at = self.known.get_mut(&(from, id)).map_or(reception.at, |known| known.first_at);
        if self.pending.len() >= PENDING && !self.pending.contains_key(&(from, id)) {
            return;
        }
        let packet = self.pending.entry((from, id)).or_insert_with(|| PacketReceptions { from, id, first_at, by: Vec::new() });
        // A gateway that repeats itself received it once.
        if packet.by.len() < 64 && !packet.by.iter().any(|other| other.gateway == reception.gateway) {
            packet.by.push(reception);
        }
    }

    /// Returns what waits to be stored, and forgets it.
    pub(crate) fn due(&mut self) -> Due {
        Due {
            receptions: self.pending.drain().map(|(_, packet)| packet).collect(),
            gateways: self.tallies.drain().map(|(_, tally)| tally).collect(),
            limits: self.limits.drain().map(|(_, tally)| tally).collect(),
        }
    }

    /// Takes back what could not be stored.
    pub(crate) fn undo(&mut self, due: Due) {
        for packet in due.receptions {
            if packet.first_at.floor_to(HOUR) != Timestamp::EPOCH && self.pending.len() < PENDING {
                self.pending.entry((packet.from, packet.id)).or_insert(packet);
            }
        }
    }

    fn tally(&mut self, source: usize, gateway: NodeId, now: Timestamp, add: impl FnOnce(&mut Taken)) {
        let key = (source, gateway);
        if self.tallies.len() >= TALLIES && !self.tallies.contains_key(&key) {
            return;
        }
        let name = self.name(source);
        let tally = self.tallies.entry(key).or_insert_with(|| GatewayTally { source: name, gateway, at: now, taken: Taken::default() });
        tally.at = tally.at.max(now);
        add(&mut tally.taken);
    }

    fn limit(&mut self, source: usize, role: Role, node: NodeId, limit: Limit, now: Timestamp) {
        metrics::counter!(super::LIMITED, "reason" => limit.as_str()).increment(1);
        let key = (source, role, node, limit);
        if self.limits.len() >= LIMITS && !self.limits.contains_key(&key) {
            return;
        }
        let source = self.name(source);
        let fresh = || LimitTally { source, role, node, reason: limit.as_str(), first_at: now, last_at: now, number: 0 };
        let tally = self.limits.entry(key).or_insert_with(fresh);
        tally.last_at = tally.last_at.max(now);
        tally.number += 1;
    }

    fn name(&self, source: usize) -> String {
        self.sources.get(source).map_or_else(String::new, |source| source.name.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten minutes of a node at 50 packets a second beside forty a second of others, all by one gateway.
    #[test]
    fn what_else_a_gateway_receives_is_taken_beside_a_node_that_floods() {
        let mut desk = Desk::new(Arc::new([]), UplinkLimits::default());
        let gateway = NodeId::from_number(1);
        let (mut flood, mut others, mut id) = (0, 0, 0);
        let mut is_taken = |from: u32, at| {
            id += 1;
            let packet = Named { from: NodeId::from_number(from), id: PacketId(id), carries: u64::from(id), rx_time: None };
            let reception = UplinkReception { gateway, at, snr_db: None, rssi_dbm: None, hops_away: None };
            u32::from(desk.admit(0, &packet, &reception, at) == Admission::New)
        };
        for second in 0..600 {
            let at = Timestamp::from_unix_seconds(1_780_315_200 + second);
            flood += (0..50).map(|_| is_taken(66, at)).sum::<u32>();
            others += (0..40).map(|number| is_taken(100 + number, at)).sum::<u32>();
        }
        assert_eq!(others, 24_000);
        assert!((600..=670).contains(&flood), "{flood} of 30,000");
    }
}
