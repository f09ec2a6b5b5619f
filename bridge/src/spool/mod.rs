//! The spool: what the bridge has heard and the cloud has not answered for, on disk.
//!
//! A record is safe once [`Spool::append`] has returned; it leaves when [`Spool::apply`] takes an answer that names its
//! number, and in no other way except one: above the byte cap, and beyond the greatest age, the oldest telemetry is dropped and
//! counted, texts of people never. Numbers run from 1 within each stream. Whoever opens the file begins another life of the spool, with an epoch of
//! its own: the file may be a copy of an earlier day, and the numbers after its last may have been given before. So a number and
//! an epoch are never given twice. Texts for the mesh lie in the same file, so that one commit says what is done with
//! a text and has the cloud told. After a failure the database is closed and opened again, so that what is known
//! in memory is always what the file holds.

mod change;
mod due;
mod error;
mod file;
mod flight;
mod texts;

pub use crate::spool::{
    error::SpoolError,
    file::Stored,
    flight::{LIVE_PLACES, MAX_IN_FLIGHT, Resend},
};

use crate::{
    outbound::{Changes, Row},
    record::NewRecord,
    spool::{change::Change, due::Due, flight::Flight},
};
use file::{Content, Life, SpoolLock};
use kosmo_contract::{QueueDepth, Queues};
use kosmo_domain::{BridgeId, Epoch, NodeId, SeqSet, Stream, Uptime};
use kosmo_failpoints::fail_point;
use rand::RngCore;
use sqlx::{Connection as _, SqliteConnection};
use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// How far the file may exceed twice the cap: its tables need room at any cap.
const FILE_MARGIN: u64 = 128 * 1024;

/// How much a spool may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Bytes of records above which the oldest telemetry is dropped. The file may grow to twice that, by texts alone.
    pub cap_bytes: u64,
    /// For how many hours of running telemetry is kept. The clock is not asked: a machine in a shed may begin in 1970, and be set
    /// right a month later.
    pub max_hours: u32,
    /// How many records a second of what piled up are published.
    pub backlog_per_s: u32,
    /// When a record without an answer is published again.
    pub resend: Resend,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self { cap_bytes: 256 * 1024 * 1024, max_hours: 90 * 24, backlog_per_s: 500, resend: Resend::default() }
    }
}

/// A spool, open in this process alone.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    bridge: BridgeId,
    epoch: Epoch,
    /// The lives of which records are there, in order; the last one is this process's.
    lives: Vec<Life>,
    limits: SpoolLimits,
    /// Absent after a failure, until the next use.
    db: Option<SqliteConnection>,
    ingest: Lane,
    gateway: Lane,
    /// Whether everything published has reached the broker.
    is_calm: bool,
    _lock: SpoolLock,
}

/// One stream: what the file holds of it, and what of that is in flight.
#[derive(Debug)]
struct Lane {
    content: Content,
    flight: Flight,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// How many old telemetry records were dropped to make room.
    pub dropped: u64,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// How many records left the spool because the cloud has them.
    pub committed: u64,
    /// How many left because the cloud refused them for good.
    pub rejected: u64,
    /// Whether the answer was to another life of the spool, and changed nothing.
    pub other_epoch: bool,
}

impl Spool {
    /// Opens the spool of `bridge` at `path`, or begins one there. Either begins a life of the epoch `fresh`, which the caller
    /// draws; what lies there keeps the names it has.
    ///
    /// # Errors
    /// [`SpoolError`] if another process has it, it is another bridge's, or it cannot be read.
    pub async fn open(path: &Path, bridge: &BridgeId, fresh: Epoch, limits: SpoolLimits) -> Result<Self, SpoolError> {
        let lock = file::lock(path)?;
        file::create(path)?;
        let lane = || Lane { content: Content::default(), flight: Flight::new(limits.resend) };
        let (path, bridge) = (path.to_owned(), bridge.clone());
        let (ingest, gateway) = (lane(), lane());
        let mut spool =
            Self { path, bridge, epoch: fresh, lives: Vec::new(), limits, db: None, ingest, gateway, is_calm: true, _lock: lock };
        let mut db = spool.connect().await?;
        let failed = |error| SpoolError::from_database(&spool.path, error);
        file::begin_life(&mut db, fresh).await.map_err(failed)?;
        spool.lives = file::lives(&mut db).await.map_err(failed)?;
        spool.db = Some(db);
        Ok(spool)
    }

    /// Returns the epoch of this life of the spool.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Stores a batch in one commit. Once this returns, it survives a power cut.
    ///
    /// # Errors
    /// [`SpoolError::Full`] or [`SpoolError::Database`]; then nothing of the batch is stored.
    pub async fn append(&mut self, batch: &[NewRecord]) -> Result<Appended, SpoolError> {
        fail_point!("spool::heard::before");
        let appended = self.write(batch, &[], &[]).await?;
        fail_point!("spool::heard::after");
        Ok(appended)
    }

    /// Stores what became of texts and what is told of it, in one commit: neither is ever known without the other.
    ///
    /// # Errors
    /// [`SpoolError::Full`] or [`SpoolError::Database`]; then nothing of it is stored.
    pub(crate) async fn commit(&mut self, changes: &Changes) -> Result<Appended, SpoolError> {
        fail_point!("spool::texts::before");
        let appended = self.write(&changes.receipts, &changes.rows, &changes.gone).await?;
        fail_point!("spool::texts::after");
        Ok(appended)
    }

    /// Returns the texts for the mesh.
    ///
    /// # Errors
    /// [`SpoolError::Database`], or [`SpoolError::Damaged`] if one of them is none.
    pub(crate) async fn texts(&mut self) -> Result<Vec<Row>, SpoolError> {
        let mut db = self.take_db().await?;
        let rows = texts::all(&mut db).await.map_err(|error| SpoolError::from_database(&self.path, error))?;
        self.db = Some(db);
        Ok(rows)
    }

    async fn write(&mut self, batch: &[NewRecord], rows: &[Row], gone: &[Uuid]) -> Result<Appended, SpoolError> {
        if batch.is_empty() && rows.is_empty() && gone.is_empty() {
            return Ok(Appended::default());
        }
        let mut db = self.take_db().await?;
        let mut change = Change { ingest: self.ingest.content, gateway: self.gateway.content, dropped: Vec::new() };
        let written = async {
            let mut tx = db.begin_with("begin immediate").await?;
            change.append(&mut tx, batch, &self.bridge, self.epoch, self.limits.cap_bytes).await?;
            texts::write(&mut tx, rows, gone).await?;
            if rows.is_empty() && gone.is_empty() {
                fail_point!("spool::heard::within");
            } else {
                fail_point!("spool::texts::within");
            }
            tx.commit().await
        };
        let written = written.await;
        written.map_err(|error| SpoolError::from_database(&self.path, error))?;
        self.db = Some(db);
        (self.ingest.content, self.gateway.content) = (change.ingest, change.gateway);
        for &seq in &change.dropped {
            self.ingest.flight.forget(seq);
        }
        Ok(Appended { dropped: change.dropped.len() as u64 })
    }

    /// Returns the records of a stream that are to be published now, in order, at most `limit`, and takes them for
    /// published: those whose answer is overdue, then those not published on this connection.
    ///
    /// # Errors
    /// [`SpoolError::Database`].
    pub async fn take_due(
        &mut self,
        stream: Stream,
        now: Uptime,
        limit: usize,
        rng: &mut (dyn RngCore + Send),
    ) -> Result<Vec<Stored>, SpoolError> {
        if limit == 0 || !self.lane(stream).has_due(now, self.is_calm) {
            return Ok(Vec::new());
        }
        let mut db = self.take_db().await?;
        let (is_calm, per_s) = (self.is_calm, self.limits.backlog_per_s);
        let lane = self.lane_mut(stream);
        let (overdue, last_seq) = (lane.flight.overdue(now, limit, is_calm), lane.content.last_seq);
        let next = lane.flight.next(now, last_seq, limit - overdue.len(), per_s);
        let read = due::read(&mut db, stream, &overdue, next).await;
        let Due { again, live, backlog, is_all_live, is_all_backlog } =
            read.map_err(|error| SpoolError::from_database(&self.path, error))?;
        self.db = Some(db);
        let flight = &mut self.lane_mut(stream).flight;
        for seq in overdue {
            if again.binary_search_by_key(&seq, |record| record.seq).is_err() {
                flight.forget(seq);
            }
        }
        let due: Vec<_> = again.into_iter().chain(live).chain(backlog).collect();
        for record in &due {
            flight.note_sent(record.seq, now, rng);
        }
        if is_all_live {
            flight.skip_live(last_seq);
        }
        if is_all_backlog {
            flight.end_backlog();
        }
        Ok(due)
    }

    /// Notes whether everything published has reached the broker. While it has not, what is merely behind is not published again.
    pub const fn set_calm(&mut self, is_calm: bool) {
        self.is_calm = is_calm;
    }

    /// Returns when there is something to publish: an answer is overdue, or more of a backlog may go.
    pub fn next_due(&self) -> Option<Uptime> {
        [&self.ingest, &self.gateway].into_iter().filter_map(|lane| lane.flight.next_due(self.is_calm)).min()
    }

    /// Forgets what was published, as a new connection demands: everything not answered for is to be published again. Telemetry
    /// that is there already goes beside what is heard from here on; texts and receipts stay in their order.
    pub fn restart_publishing(&mut self) {
        self.ingest.flight.restart(self.ingest.content.last_seq);
        self.gateway.flight.restart(0);
        self.is_calm = true;
    }

    /// Notes that another hour of running is over, and drops the telemetry that is too old by that; returns how much that was.
    ///
    /// # Errors
    /// [`SpoolError`]; then nothing was dropped.
    pub async fn pass_hour(&mut self) -> Result<Appended, SpoolError> {
        let mut db = self.take_db().await?;
        let old = file::pass_hour(&mut db, self.ingest.content.last_seq, self.limits.max_hours).await;
        let old = old.map_err(|error| SpoolError::from_database(&self.path, error))?;
        self.db = Some(db);
        for &(seq, bytes) in &old {
            self.ingest.content.remove(bytes);
            self.ingest.flight.forget(seq);
        }
        Ok(Appended { dropped: old.len() as u64 })
    }

    /// Returns the radio that was here last.
    ///
    /// # Errors
    /// [`SpoolError::Database`].
    pub(crate) async fn radio(&mut self) -> Result<Option<NodeId>, SpoolError> {
        let mut db = self.take_db().await?;
        let radio = file::radio(&mut db).await.map_err(|error| SpoolError::from_database(&self.path, error))?;
        self.db = Some(db);
        Ok(radio)
    }

    /// Remembers which radio is here.
    ///
    /// # Errors
    /// [`SpoolError::Full`] or [`SpoolError::Database`].
    pub(crate) async fn set_radio(&mut self, radio: NodeId) -> Result<(), SpoolError> {
        let mut db = self.take_db().await?;
        file::set_radio(&mut db, radio).await.map_err(|error| SpoolError::from_database(&self.path, error))?;
        self.db = Some(db);
        Ok(())
    }

    /// Takes an answer: the records it names leave. Numbers that this process never published are not touched, for an
    /// answer to them cannot be true.
    ///
    /// # Errors
    /// [`SpoolError::Database`]; then nothing has left.
    pub async fn apply(&mut self, epoch: Epoch, stream: Stream, committed: &SeqSet, rejected: &SeqSet) -> Result<Applied, SpoolError> {
        let Some(place) = self.lives.iter().position(|life| life.epoch == epoch) else {
            return Ok(Applied { other_epoch: true, ..Applied::default() });
        };
        let first = self.lives[place].first(stream);
        let end = self.lives.get(place + 1).map_or(u64::MAX, |next| next.first(stream).saturating_sub(1));
        let numbers = first..=end.min(self.lane(stream).flight.highest());
        let mut db = self.take_db().await?;
        fail_point!("spool::answer::before");
        let deleted = delete_named(&mut db, stream, numbers, [committed, rejected]).await;
        fail_point!("spool::answer::after");
        let [committed, rejected] = deleted.map_err(|error| SpoolError::from_database(&self.path, error))?;
        self.db = Some(db);
        let lane = self.lane_mut(stream);
        for &(seq, bytes) in committed.iter().chain(&rejected) {
            lane.content.remove(bytes);
            lane.flight.note_answered(seq);
        }
        Ok(Applied { committed: committed.len() as u64, rejected: rejected.len() as u64, other_epoch: false })
    }

    /// Returns how many records wait.
    pub fn depths(&self) -> Queues {
        let depth = |lane: &Lane| QueueDepth { waiting: lane.content.records, in_flight: lane.flight.len() as u64 };
        Queues { ingest: depth(&self.ingest), gateway: depth(&self.gateway), outbound: QueueDepth::default() }
    }

    /// Returns the bytes of records, as they count against the cap.
    pub fn bytes(&self) -> u64 {
        self.ingest.content.cost() + self.gateway.content.cost()
    }

    /// Closes the file, so that nothing beside it is left for the next process to read through.
    pub async fn close(mut self) {
        if let Some(db) = self.db.take()
            && let Err(error) = db.close().await
        {
            tracing::warn!(%error, "the spool did not close cleanly; what it holds is safe all the same");
        }
    }

    const fn lane(&self, stream: Stream) -> &Lane {
        match stream {
            Stream::Ingest => &self.ingest,
            Stream::Gateway => &self.gateway,
        }
    }

    const fn lane_mut(&mut self, stream: Stream) -> &mut Lane {
        match stream {
            Stream::Ingest => &mut self.ingest,
            Stream::Gateway => &mut self.gateway,
        }
    }

    /// Takes the connection out, so that it is gone unless whoever uses it comes to a good end and puts it back.
    async fn take_db(&mut self) -> Result<SqliteConnection, SpoolError> {
        if let Some(db) = self.db.take() {
            return Ok(db);
        }
        let known = (self.ingest.content, self.gateway.content);
        let mut db = self.connect().await?;
        let lives = file::lives(&mut db).await.map_err(|error| SpoolError::from_database(&self.path, error))?;
        let is_older = self.ingest.content.last_seq < known.0.last_seq || self.gateway.content.last_seq < known.1.last_seq;
        // Somebody put another file in its place: numbers that were given could be given again.
        if lives != self.lives || is_older {
            (self.ingest.content, self.gateway.content) = known;
            return Err(SpoolError::Damaged(self.path.clone()));
        }
        Ok(db)
    }

    async fn connect(&mut self) -> Result<SqliteConnection, SpoolError> {
        let failed = |error| SpoolError::from_database(&self.path, error);
        let mut db =
            file::connect(&self.path, self.limits.cap_bytes.saturating_mul(2).saturating_add(FILE_MARGIN)).await.map_err(failed)?;
        file::prepare(&mut db, &self.path, &self.bridge).await?;
        let ingest = file::content(&mut db, Stream::Ingest).await.map_err(failed)?;
        let gateway = file::content(&mut db, Stream::Gateway).await.map_err(failed)?;
        (self.ingest.content, self.gateway.content) = (ingest, gateway);
        Ok(db)
    }
}

impl Lane {
    /// Tells whether there may be something to publish, so that a look into the file is worth its cost.
    fn has_due(&self, now: Uptime, is_calm: bool) -> bool {
        self.flight.next_due(is_calm).is_some_and(|due| due <= now) || self.flight.has_next(now, self.content.last_seq)
    }
}

/// Deletes those of the numbered records that are in each of the sets, all or none, and returns what was deleted.
async fn delete_named(
    db: &mut SqliteConnection,
    stream: Stream,
    numbers: RangeInclusive<u64>,
    sets: [&SeqSet; 2],
) -> sqlx::Result<[Vec<(u64, u64)>; 2]> {
    let mut deleted = [Vec::new(), Vec::new()];
    let mut tx = db.begin_with("begin immediate").await?;
    for (set, deleted) in sets.into_iter().zip(&mut deleted) {
        for range in set.ranges().take_while(|range| range.start() <= numbers.end()) {
            let (first, last) = (*range.start().max(numbers.start()), *range.end().min(numbers.end()));
            if first <= last {
                deleted.extend(file::delete(&mut tx, stream, first, last).await?);
            }
        }
    }
    fail_point!("spool::answer::within");
    tx.commit().await?;
    Ok(deleted)
}
