//! A mesh as somebody wrote it down: who stands where, what they are, and what happens when. Small files that a person can
//! read; docs/simulator.md describes them.

mod file;

pub use file::ScenarioError;

use crate::{
    firmware::Firmware,
    mesh::Trouble,
    person::Person,
    region::{self, Kind, Node},
};
use kosmo_domain::NodeId;
use std::time::Duration;

/// The most nodes of a scenario, the most radios among them, and the most that can happen.
pub(crate) const MAX_NODES: usize = 500;
/// The most radios that a bridge can attach to.
pub(crate) const MAX_RADIOS: usize = 16;
/// The most events.
pub(crate) const MAX_EVENTS: usize = 1_000;
/// The longest file, in bytes.
pub(crate) const MAX_FILE: usize = 1_000_000;

/// A mesh as somebody wrote it down.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub(crate) about: String,
    pub(crate) seed: u64,
    pub(crate) preset: String,
    pub(crate) duty_pct: f64,
    pub(crate) firmware: Firmware,
    pub(crate) chat_every: Option<Duration>,
    /// Radios first.
    pub(crate) cast: Vec<Member>,
    pub(crate) plan: Vec<Planned>,
}

/// A node, and how often it says what it says by itself; nothing if it keeps silent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) node: Node,
    pub(crate) every: Option<Duration>,
    /// Of a radio: whether it is locked with a passphrase, and whether its client carries its MQTT.
    pub(crate) locked: bool,
    pub(crate) mqtt_by_client: bool,
}

/// Something that is to happen, counted from the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// When, after the start.
    pub at: Duration,
    /// By or to whom.
    pub node: NodeId,
    /// What.
    pub act: Act,
}

/// Something that happens to or by a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// It sends a text.
    Say {
        /// To whom; everybody, if that is the broadcast address.
        to: NodeId,
        /// What.
        text: String,
    },
    /// It asks for the way to another.
    Trace {
        /// To whom.
        to: NodeId,
    },
    /// It sends what no sound node does.
    Misbehave(Trouble),
    /// It is switched off or on.
    Switch {
        /// Off, or on.
        off: bool,
    },
    /// It is reset, and tells the mesh its new key.
    NewKey,
    /// It gets firmware 2.8, keeps its key, and has a number that follows from it.
    Update,
    /// It is a radio with a client, and this is done to it.
    Radio(RadioAct),
}

/// Something that is done to a radio and shows at its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RadioAct {
    /// Its client's connection ends.
    Cut,
    /// It starts anew.
    Reboot,
    /// It stops writing, or goes on.
    Stall(bool),
    /// The channel around it is taken, or free.
    Jam(bool),
    /// It is set not to send, or to send.
    Disable(bool),
    /// It loses queue statuses, or does not.
    LoseStatuses(bool),
    /// It is locked with a passphrase, or unlocked.
    Lock(bool),
}

impl Scenario {
    /// Reads a scenario, with seed 1 and firmware 2.7 where it names none.
    ///
    /// # Errors
    /// [`ScenarioError`], which names the field and the limit.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        Self::parse_with(text, 1, Firmware::V27)
    }

    /// Reads a scenario, with this seed and this firmware where it names none: ids that it does not name follow from both.
    ///
    /// # Errors
    /// [`ScenarioError`], which names the field and the limit.
    pub fn parse_with(text: &str, seed: u64, firmware: Firmware) -> Result<Self, ScenarioError> {
        file::parse(text, seed, firmware)
    }

    /// Returns what it is about, in its author's words.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Returns how many radios it has.
    pub fn radios(&self) -> usize {
        self.cast.iter().filter(|member| member.node.kind == Kind::Bridge).count()
    }

    /// Returns its nodes, the radios first.
    pub fn nodes(&self) -> Vec<Node> {
        self.cast.iter().map(|member| member.node.clone()).collect()
    }

    /// Returns the seed it goes by.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns a radio as it was written down.
    pub(crate) fn radio(&self, index: usize) -> Option<&Member> {
        self.cast.get(index).filter(|member| member.node.kind == Kind::Bridge)
    }

    pub(crate) fn every(&self, node: usize) -> Option<Duration> {
        self.cast.get(node)?.every
    }

    pub(crate) fn plan(&self) -> Vec<Planned> {
        self.plan.clone()
    }
}

/// Returns what happens in a demonstration of the built-in region with this seed, so that every view has something to show: a radio whose
/// owner asks for the way to somebody, and a node that was reset and has another key.
pub fn demonstration(seed: u64) -> Vec<Planned> {
    let nodes = region::nodes(seed, 1);
    let bridge = nodes.first().map(|node| node.id);
    let trace = |minutes| bridge.map(|node| Planned { at: Duration::from_mins(minutes), node, act: Act::Trace { to: region::LENA } });
    // By then bridges are there on slow machines, too, and know the key that it had.
    let reset = Planned { at: Duration::from_mins(6), node: region::person(Person::BehindRelay), act: Act::NewKey };
    [1, 3, 5].into_iter().filter_map(trace).chain([reset]).collect()
}
