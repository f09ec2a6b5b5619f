//! What other programs have kept of a mesh, taken over: nodes, places, readings, and what was said to everybody.
//!
//! Nothing is doubled by a second import, or by one of a file that has grown: a reading is its node and time, of what is known of a
//! node the newest counts, and a text is its sender, packet, time and words. What people wrote to each other alone is left where it
//! is: it is theirs, not whoever's who has the file. Everything passes the checks that bridges' records pass.

mod meshmonitor;
mod meshview;
mod pages;

use crate::decode::{Rules, printable};
use kosmo_domain::{
    BridgeId, CLOCK_TOLERANCE, EARLIEST_PLAUSIBLE, Epoch, Metrics, NodeId, Position, Reading, Source, Stream, TimeSource, Timestamp, Trust,
};
use kosmo_store::{
    Store,
    foreign::ForeignError,
    ingest::{Body, NodeReport, Privacy, Raw, Record, RecordName, User},
    messages::ImportedText,
};
use std::{collections::BTreeMap, path::Path};

/// How many records are stored in one transaction; whoever else has to write need not wait long.
const BATCH: usize = 250;

/// The programs whose databases are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// MeshMonitor.
    MeshMonitor,
    /// Meshview.
    Meshview,
}

/// Why nothing, or not everything, was taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] kosmo_store::Error),
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many nodes said who they are.
    pub nodes: u64,
    /// How many places of nodes.
    pub positions: u64,
    /// How many readings, those that were there before included.
    pub readings: u64,
    /// How many texts that were not there before.
    pub texts: u64,
    /// What was left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// How far an import is: how many rows of how many.
pub type Listener<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Whether those of whom a file tells agree to be shown. Such files do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// Nobody knows: nodes that are new here are shown once they say so on the air, and others as they are.
    Unknown,
    /// The operator knows that they do.
    Vouched,
}

/// Takes over what a file holds. `epoch` is drawn at random for each import.
///
/// # Errors
/// [`ImportError`]; what was stored until then stays, and an import may be repeated.
///
/// # Panics
/// Never: the name it stores under is one.
pub async fn import(
    program: Program,
    file: &Path,
    store: &Store,
    (epoch, now): (Epoch, Timestamp),
    rules: &Rules,
    agreement: Agreement,
    tell: Listener<'_>,
) -> Result<Imported, ImportError> {
    let bridge = "import".parse().expect("`import` is a name");
    let mut taker = Taker {
        store,
        bridge,
        epoch,
        now,
        rules: *rules,
        agreement,
        seq: 0,
        records: Vec::new(),
        texts: Vec::new(),
        done: Imported::default(),
    };
    match program {
        Program::MeshMonitor => meshmonitor::read(file, &mut taker, tell).await?,
        Program::Meshview => meshview::read(file, &mut taker, tell).await?,
    }
    taker.flush().await?;
    Ok(taker.done)
}

/// Gathers what is to be stored, and stores it.
struct Taker<'a> {
    store: &'a Store,
    bridge: BridgeId,
    epoch: Epoch,
    now: Timestamp,
    rules: Rules,
    agreement: Agreement,
    seq: u64,
    records: Vec<Record>,
    texts: Vec<ImportedText>,
    done: Imported,
}

impl Taker<'_> {
    fn leave_out(&mut self, reason: &'static str) {
        *self.done.left_out.entry(reason).or_default() += 1;
    }

    /// Returns the node of a number, if there can be one.
    fn node(&mut self, number: Option<i64>) -> Option<NodeId> {
        let node = number.and_then(|number| u32::try_from(number).ok()).map(NodeId::from_number).filter(|node| node.sender().is_ok());
        if node.is_none() {
            self.leave_out("of no node");
        }
        node
    }

    /// Returns a time that can be true and is not too old to be kept.
    fn time(&mut self, at: Option<Timestamp>) -> Option<Timestamp> {
        let Some(at) = at.filter(|at| (EARLIEST_PLAUSIBLE..=self.now.plus(CLOCK_TOLERANCE)).contains(at)) else {
            self.leave_out("of no time that can be");
            return None;
        };
        if self.now.since(at) > self.rules.oldest {
            self.leave_out("older than readings are kept");
            return None;
        }
        Some(at)
    }

    fn reading(&mut self, node: NodeId, at: Timestamp, metrics: &Metrics) {
        if metrics.is_empty() {
            return;
        }
        self.done.readings += 1;
        let reading = Reading { node, at, metrics: *metrics };
        let (time_source, device_time) = (TimeSource::Device, Some(at));
        self.push(Body::Reading { reading, time_source, device_time, trust: Trust::Claimed, source: Source::Uplink });
    }

    fn position(
        &mut self,
        node: NodeId,
        at: Timestamp,
        (latitude, longitude): (f64, f64),
        altitude: Option<f64>,
        precision_bits: Option<u8>,
    ) {
        let height = altitude.filter(|height| (-500.0..=10_000.0).contains(height));
        match Position::new(latitude, longitude, height) {
            Ok(position) => {
                self.done.positions += 1;
                self.push(Body::Node { node, report: NodeReport::Position { position, precision_bits }, at });
            }
            Err(_) => self.leave_out("at no place that there is"),
        }
    }

    fn user(&mut self, node: NodeId, at: Timestamp, user: User) {
        let seen = |name: Option<String>| name.as_deref().and_then(printable);
        let user = User {
            long_name: seen(user.long_name),
            short_name: seen(user.short_name),
            hardware: seen(user.hardware),
            role: seen(user.role),
            ..user
        };
        self.done.nodes += 1;
        self.push(Body::Node { node, report: NodeReport::User(user), at });
    }

    fn text(&mut self, text: ImportedText) {
        self.texts.push(text);
    }

    fn push(&mut self, body: Body) {
        self.seq += 1;
        let origin = RecordName { bridge: self.bridge.clone(), epoch: self.epoch, stream: Stream::Ingest, seq: self.seq };
        let privacy = Some(Privacy { agrees: (self.agreement == Agreement::Vouched).then_some(true), private_channel: None });
        self.records.push(Record { origin, heard: None, privacy, body, notes: Vec::new(), raw: Raw::default() });
    }

    /// Stores what was gathered, if that is much.
    async fn flush_if_full(&mut self) -> Result<(), ImportError> {
        if self.records.len() >= BATCH || self.texts.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), ImportError> {
        for records in self.records.chunks(BATCH) {
            self.store.ingest(records, self.now).await?;
        }
        self.records.clear();
        if !self.texts.is_empty() {
            self.done.texts += self.store.import_texts(&self.texts, self.now).await?;
            self.texts.clear();
        }
        Ok(())
    }
}
