//! How much is taken of one node and one gateway. The state is bounded, whatever names a flood invents.

use crate::uplink::generations::Generations;
use kosmo_domain::{NodeId, Timestamp};
use kosmo_store::uplinks::Role;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// How much is taken of one node and one gateway.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UplinkLimits {
    /// How many packets of a node a second, in the long run; a busy node sends one in ten seconds.
    pub node_per_s: f64,
    /// How many at once after a time of silence.
    pub node_burst: f64,
    /// How many of a gateway's messages a second, in the long run.
    pub gateway_per_s: f64,
    /// How many at once after a time of silence.
    pub gateway_burst: f64,
    /// How many nodes that nobody has heard of a gateway brings a second, in the long run: names cost nothing to invent.
    pub strangers_per_s: f64,
    /// How many at once.
    pub strangers_burst: f64,
    /// How often a node may say the very same within [`REPEATS_WITHIN`].
    pub repeats: u32,
}

impl Default for UplinkLimits {
    fn default() -> Self {
        Self {
            node_per_s: 1.0,
            node_burst: 60.0,
            gateway_per_s: 50.0,
            gateway_burst: 1_500.0,
            strangers_per_s: 1.0,
            strangers_burst: 500.0,
            repeats: 6,
        }
    }
}

/// Within which time the same counts as said again.
pub(crate) const REPEATS_WITHIN: Duration = Duration::from_mins(10);
/// How old a packet may be by the clock of the gateway that received it. What is older is played again.
const OLDEST: Duration = Duration::from_mins(30);
/// How many gateways that nobody has heard of a broker brings a second, in the long run, and how many at once.
const GATEWAYS_PER_S: f64 = 1.0;
const GATEWAYS_BURST: f64 = 500.0;
/// How many nodes that nobody has heard of a broker brings a second, by however many gateways, and how many at once.
const NODES_PER_S: f64 = 5.0;
const NODES_BURST: f64 = 2_000.0;
/// How many nodes, gateways and contents are remembered.
const NODES: usize = 20_000;
const GATEWAYS: usize = 4_000;
const CONTENTS: usize = 20_000;

/// Why something is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// An operator will not have it.
    Denied,
    /// There was too much of it.
    TooFast,
    /// It brings too many nodes that nobody has heard of.
    TooManyStrangers,
    /// It says the same again and again.
    Repeats,
    /// It was received long ago.
    Replay,
}

impl Limit {
    /// Returns the name used in the database, in counters and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::TooFast => "too_fast",
            Self::TooManyStrangers => "too_many_strangers",
            Self::Repeats => "repeats",
            Self::Replay => "replay",
        }
    }
}

/// A bucket that fills with time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    pub(crate) const fn full(burst: f64, now: Timestamp) -> Self {
        Self { tokens: burst, at: now }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, now: Timestamp, per_s: f64, burst: f64) -> bool {
        self.tokens = (self.tokens + now.since(self.at).as_secs_f64() * per_s).min(burst);
        // A clock that went back gives nothing twice.
        self.at = self.at.max(now);
        let has = self.tokens >= 1.0;
        if has {
            self.tokens -= 1.0;
        }
        has
    }

    fn give_back(&mut self, burst: f64) {
        self.tokens = (self.tokens + 1.0).min(burst);
    }
}

#[derive(Debug)]
struct Content {
    since: Timestamp,
    times: u32,
}

/// Who sent and published how much of late.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: UplinkLimits,
    denied: HashSet<(Role, NodeId)>,
    nodes: Generations<NodeId, Bucket>,
    gateways: Generations<(usize, NodeId), (Bucket, Bucket)>,
    /// Of each broker, what is left of gateways and of nodes that nobody has heard of.
    sources: HashMap<usize, (Bucket, Bucket)>,
    contents: Generations<(NodeId, u64), Content>,
}

impl Guard {
    pub(crate) fn new(limits: UplinkLimits) -> Self {
        Self {
            limits,
            denied: HashSet::new(),
            nodes: Generations::new(NODES),
            gateways: Generations::new(GATEWAYS),
            sources: HashMap::new(),
            contents: Generations::new(CONTENTS),
        }
    }

    /// Takes over whom an operator will not have.
    pub(crate) fn deny(&mut self, denied: HashSet<(Role, NodeId)>) {
        self.denied = denied;
    }

    /// Tells whether a gateway's message is taken, whosever packet it is, and if not, because of whom: everybody stands for gateways
    /// that nobody has heard of, whose names cost nothing to invent.
    pub(crate) fn gateway(&mut self, source: usize, gateway: NodeId, now: Timestamp) -> Result<(), (NodeId, Limit)> {
        if self.denied.contains(&(Role::Gateway, gateway)) {
            return Err((gateway, Limit::Denied));
        }
        let limits = self.limits;
        if self.gateways.get_mut(&(source, gateway)).is_none() && !self.source(source, now).0.take(now, GATEWAYS_PER_S, GATEWAYS_BURST) {
            return Err((NodeId::BROADCAST, Limit::TooManyStrangers));
        }
        let full = |burst| Bucket::full(burst, now);
        let (messages, _) = self.gateways.entry((source, gateway), || (full(limits.gateway_burst), full(limits.strangers_burst)));
        if messages.take(now, limits.gateway_per_s, limits.gateway_burst) { Ok(()) } else { Err((gateway, Limit::TooFast)) }
    }

    /// Gives a gateway back what a message took of its measure. A gateway is not to blame for a node that floods, and what else it
    /// receives would not be taken because of that.
    pub(crate) fn give_back(&mut self, source: usize, gateway: NodeId) {
        let burst = self.limits.gateway_burst;
        if let Some((messages, _)) = self.gateways.get_mut(&(source, gateway)) {
            messages.give_back(burst);
        }
    }

    fn source(&mut self, source: usize, now: Timestamp) -> &mut (Bucket, Bucket) {
        self.sources.entry(source).or_insert_with(|| (Bucket::full(GATEWAYS_BURST, now), Bucket::full(NODES_BURST, now)))
    }

    /// Tells whether a node's packet is taken that no gateway has told of.
    pub(crate) fn node(&mut self, source: usize, gateway: NodeId, node: NodeId, now: Timestamp) -> Result<(), (Role, Limit)> {
        if self.denied.contains(&(Role::Node, node)) {
            return Err((Role::Node, Limit::Denied));
        }
        let limits = self.limits;
        if self.nodes.get_mut(&node).is_none() {
            if let Some((_, strangers)) = self.gateways.get_mut(&(source, gateway))
                && !strangers.take(now, limits.strangers_per_s, limits.strangers_burst)
            {
                return Err((Role::Gateway, Limit::TooManyStrangers));
            }
            if !self.source(source, now).1.take(now, NODES_PER_S, NODES_BURST) {
                return Err((Role::Gateway, Limit::TooManyStrangers));
            }
        }
        let bucket = self.nodes.entry(node, || Bucket::full(limits.node_burst, now));
        if bucket.take(now, limits.node_per_s, limits.node_burst) { Ok(()) } else { Err((Role::Node, Limit::TooFast)) }
    }

    /// Tells whether a node may say this: the same, under whatever ids, only so often. What has no id is known by this alone.
    pub(crate) fn content(&mut self, node: NodeId, content: u64, has_id: bool, now: Timestamp) -> Result<(), Limit> {
        let most = if has_id { self.limits.repeats } else { 1 };
        let known = self.contents.entry((node, content), || Content { since: now, times: 0 });
        if now.since(known.since) > REPEATS_WITHIN {
            *known = Content { since: now, times: 0 };
        }
        known.times = known.times.saturating_add(1);
        if known.times <= most { Ok(()) } else { Err(Limit::Repeats) }
    }

    /// Tells whether a packet is of now, by the clock of the gateway that received it. A clock that was never set tells nothing.
    pub(crate) fn age(rx_time: Option<Timestamp>, now: Timestamp) -> Result<(), Limit> {
        let told = rx_time.filter(|at| *at >= kosmo_domain::EARLIEST_PLAUSIBLE);
        if told.is_some_and(|at| now.since(at) > OLDEST) { Err(Limit::Replay) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_unix_seconds(1_780_315_200 + seconds)
    }

    fn node(number: u32) -> NodeId {
        NodeId::from_number(number)
    }

    #[test]
    fn a_node_that_floods_is_limited_and_the_others_are_not() {
        let mut guard = Guard::new(UplinkLimits::default());
        let (mut flood, mut others) = (0, 0);
        for second in 0..600 {
            assert!(guard.gateway(0, node(1), at(second)).is_ok());
            for _ in 0..50 {
                flood += u32::from(guard.node(0, node(1), node(66), at(second)).is_ok());
            }
            others += u32::from(second % 10 == 0 && guard.node(0, node(1), node(70), at(second)).is_ok());
        }
        assert!((600..=670).contains(&flood), "{flood} of 30,000");
        assert_eq!(others, 60);
    }

    #[test]
    fn a_gateway_cannot_invent_nodes_without_end() {
        let mut guard = Guard::new(UplinkLimits::default());
        guard.gateway(0, node(9), at(0)).unwrap();
        let taken = (100..100_000).filter(|number| guard.node(0, node(9), node(*number), at(0)).is_ok()).count();
        assert_eq!(taken, 500);
        assert_eq!(guard.node(0, node(9), node(100_001), at(0)), Err((Role::Gateway, Limit::TooManyStrangers)));
        guard.gateway(0, node(8), at(0)).unwrap();
        assert!(guard.node(0, node(8), node(100_001), at(0)).is_ok(), "by another gateway it is heard");
    }

    #[test]
    fn a_broker_cannot_invent_gateways_and_nodes_without_end() {
        let mut guard = Guard::new(UplinkLimits::default());
        let gateways: Vec<_> = (1..=10_000).map(node).filter(|gateway| guard.gateway(7, *gateway, at(0)).is_ok()).collect();
        assert_eq!(gateways.len(), 500);
        assert_eq!(guard.gateway(7, node(20_000), at(0)), Err((NodeId::BROADCAST, Limit::TooManyStrangers)));
        assert!(guard.gateway(7, node(1), at(0)).is_ok(), "those that are known are heard");
        assert!(guard.gateway(8, node(20_000), at(0)).is_ok(), "and those of other brokers");
        let nodes = (100_000..200_000).zip(gateways.iter().cycle());
        let taken = nodes.filter(|(number, gateway)| guard.node(7, **gateway, node(*number), at(0)).is_ok()).count();
        assert_eq!(taken, 2_000);
        assert!(guard.node(8, node(20_000), node(300_000), at(0)).is_ok());
    }

    #[test]
    fn the_same_again_and_again_is_taken_a_few_times() {
        let mut guard = Guard::new(UplinkLimits::default());
        let mut taken =
            |has_id, second| (0..20).filter(|_| guard.content(node(7), 42 + u64::from(has_id), has_id, at(second)).is_ok()).count();
        assert_eq!((taken(true, 0), taken(false, 0)), (6, 1));
        assert_eq!((taken(true, 601), taken(false, 601)), (6, 1));
    }

    #[test]
    fn what_was_received_yesterday_is_played_again() {
        assert_eq!(Guard::age(Some(at(0)), at(24 * 3600)), Err(Limit::Replay));
        assert_eq!(Guard::age(Some(at(0)), at(60)), Ok(()));
        assert_eq!(Guard::age(Some(Timestamp::from_unix_seconds(77)), at(60)), Ok(()), "its clock was never set");
        assert_eq!(Guard::age(None, at(60)), Ok(()));
    }

    #[test]
    fn who_is_denied_is_not_heard_in_that_role_alone() {
        let mut guard = Guard::new(UplinkLimits::default());
        guard.deny([(Role::Node, node(7)), (Role::Gateway, node(8))].into());
        assert_eq!(guard.node(0, node(9), node(7), at(0)), Err((Role::Node, Limit::Denied)));
        assert_eq!(guard.gateway(0, node(8), at(0)), Err((node(8), Limit::Denied)));
        assert!(guard.gateway(0, node(7), at(0)).is_ok() && guard.node(0, node(7), node(8), at(0)).is_ok());
    }
}
