//! What is held against each other: what the simulator saw, and what the system says.

use kosmo_domain::{NodeId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How surely something that a radio handed over was written down by its bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surety {
    /// No radio handed it over.
    Never,
    /// A radio handed it over so shortly before its bridge died that it may not have come to disk.
    Perhaps,
    /// It was on disk, unless the bridge broke its word.
    Surely,
}

/// A reading that a radio handed over whole.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardReading {
    /// Who measured.
    pub station: NodeId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub temperature: f64,
    /// Whether a bridge has it.
    pub surety: Surety,
    /// Its place among what the radio of the bridge that died handed over before that, if no other radio did.
    pub place: Option<usize>,
}

/// What people's radios do with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// They confirm it.
    Confirms,
    /// They refuse it, or are away.
    Fails,
}

/// What the gateway said to a member who took a text back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// It was surely not sent, and never will be.
    Done,
    /// The bridge that has it is asked.
    Asked,
    /// A radio had it.
    TooLate,
}

/// A text that was accepted, and what became of it on the air.
#[derive(Debug, Clone)]
pub struct SentText {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub member: Uuid,
    /// What the addressee does.
    pub habit: Habit,
    /// The senders and packet ids that it was on the air under.
    pub packets: BTreeSet<(NodeId, u32)>,
    /// How often the addressee was shown it.
    pub shown: usize,
    /// Whether a confirmation or an answer was handed over.
    pub confirmed: Surety,
    /// Whether a refusal was.
    pub refused: Surety,
    /// What was said when it was taken back, if it was.
    pub taken_back: Option<TakenBack>,
}

/// A text from the mesh that a radio handed over whole.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardText {
    /// Who sent it.
    pub from: NodeId,
    /// Its packet.
    pub packet: u32,
    /// The text that it answers.
    pub answers: Option<Uuid>,
    /// Whether a bridge has it.
    pub surety: Surety,
}

/// What the simulator saw.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// Readings.
    pub readings: Vec<HeardReading>,
    /// Texts of members.
    pub texts: Vec<SentText>,
    /// Answers from the mesh.
    pub answers: Vec<HeardText>,
    /// The bridge that died, and when.
    pub death: Option<(String, Timestamp)>,
}

/// A span in which a bridge is said not to have listened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The bridge.
    pub bridge: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when; nothing while it goes on.
    pub until: Option<Timestamp>,
}

/// A text as the API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldText {
    /// The status.
    pub status: String,
    /// What became of its quota.
    pub charge: String,
    /// How often it was handed over, by attempt.
    pub attempts: Vec<u64>,
}

/// A text from the mesh as the API tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceivedText {
    /// Who sent it.
    pub from: NodeId,
    /// Its packet.
    pub packet: u32,
    /// The text that it answers.
    pub answers: Option<Uuid>,
}

/// The summary of an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hour {
    /// How many readings.
    pub readings: u64,
    /// The mean temperature.
    pub mean: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// What the system has of a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The quota that is reserved.
    pub reserved: u64,
    /// The quota that is spent.
    pub committed: u64,
    /// Events: number, kind and what each is about.
    pub events: Vec<(i64, String, Uuid)>,
    /// Texts that came for the member, with the id of each.
    pub received: Vec<(Uuid, ReceivedText)>,
}

/// What the system says.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Raw readings, by station: times and temperatures, as often as they are there.
    pub readings: BTreeMap<NodeId, Vec<(Timestamp, f64)>>,
    /// Hours, by station and beginning.
    pub hours: BTreeMap<(NodeId, Timestamp), Hour>,
    /// Texts of members.
    pub texts: BTreeMap<Uuid, ToldText>,
    /// Members.
    pub members: BTreeMap<Uuid, Ledger>,
    /// When bridges did not listen.
    pub gaps: Vec<Gap>,
}
