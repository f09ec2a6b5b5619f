//! Records of bridges become rows: one transaction for a batch, and an outcome for each record.
//!
//! The steps, each over the whole batch:
//! 1. `streams`: drop what this spool has delivered before, by `(bridge, epoch, stream, seq)`;
//!    `privacy`: leave out what was heard on private channels, and note who agrees to be shown;
//! 2. `nodes`: find or make the nodes, and lock them;
//! 3. `packets`: drop what another bridge has delivered before, by the packet's `(from, id)`, but keep who heard it how;
//! 4. `identity`: link nodes that bear the same key;
//! 5. `readings`, `latest` and `dirty`: store what was measured, show it, and have its hours summarised again;
//! 6. `reports`: what is known of the nodes besides.
//!
//! Locks are always taken in this order, and within a step in the order of ids, so that several replicas can ingest
//! side by side. A record that the database refuses is found by halving the batch, and kept as a reject; the others are
//! stored.

pub(crate) mod dirty;
mod identity;
mod latest;
mod nodes;
mod packets;
mod privacy;
mod readings;
mod record;
mod reports;
mod streams;
mod told;

pub use crate::ingest::record::{
    Body, HealthMetrics, Heard, HostStats, Neighbor, NodeReport, Note, Outcome, Privacy, RadioStats, Raw, Reception, Record, Traceroute,
    TrafficStats, User, Waypoint,
};
pub(crate) use crate::ingest::{
    packets::json,
    streams::{Streams, Verdict},
};
pub use crate::{
    ingest::{dirty::ROLLUP_JOB, streams::MAX_RANGES},
    rejects::RecordName,
};

use crate::{
    Error, Result, Store,
    db::Tx,
    ingest::privacy::Closed,
    network::Kind,
    rejects::{self, NewReject},
};
use kosmo_domain::Timestamp;
use kosmo_failpoints::fail_point;
use std::{collections::BTreeSet, iter, ops::Range};

/// How often a batch is tried again that lost to another replica in a deadlock.
const DEADLOCK_RETRIES: u32 = 3;

/// The code of a record whose stream has more gaps than the store keeps account of.
pub const TOO_MANY_GAPS: &str = "too_many_gaps";
/// The code of a record whose sequence number no column holds.
pub const SEQ_TOO_LARGE: &str = "seq_too_large";
/// The code of a record that the database refused.
pub const NOT_STORABLE: &str = "not_storable";

impl Store {
    /// Stores a batch of records, and returns what became of each. Once this returns, every one of them may be acknowledged.
    ///
    /// Records may be sent again, be heard by several bridges, come late, and be repeated within a batch: a packet makes
    /// one reading, and a reading that comes in parts is one row. A record that cannot be stored is kept as a reject.
    ///
    /// # Errors
    /// If the database fails for no fault of a record's. Some of the batch may be stored then; it is to be sent again as a whole.
    pub async fn ingest(&self, batch: &[Record], now: Timestamp) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(batch.len());
        // The parts still to be stored, the first on top.
        let mut parts: Vec<Range<usize>> = iter::once(0..batch.len()).collect();
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            match self.ingest_part(&batch[part.clone()], now).await {
                Ok(stored) => outcomes.extend(stored),
                Err(error) if !blames_a_record(&error) => return Err(error),
                Err(error) if part.len() == 1 => {
                    let record = &batch[part.start];
                    tracing::error!(bridge.id = %record.origin.bridge, record.seq = record.origin.seq, error = &error as &dyn std::error::Error,
                        "the database refused a record, which is kept as a reject");
                    outcomes.push(self.refuse(record, now).await?);
                }
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        debug_assert_eq!(outcomes.len(), batch.len(), "each record has its outcome");
        Ok(outcomes)
    }

    /// Stores a record that was refused before, now that it can be read, or more of it; the spool it came from has long
    /// forgotten it. What is refused again stays the reject it is.
    ///
    /// # Errors
    /// If the database fails for no fault of the record's.
    pub async fn replay(&self, record: &Record, now: Timestamp) -> Result<Outcome> {
        let mut tx = self.begin().await?;
        match store_contents(&mut tx, &[record], Repeats::Store, now).await {
            Ok(mut outcomes) => {
                tx.commit().await?;
                Ok(outcomes.remove(0))
            }
            Err(error) if blames_a_record(&error) => Ok(Outcome::Rejected { code: NOT_STORABLE.to_owned() }),
            Err(error) => Err(error),
        }
    }

    /// Stores records in one transaction, again if that lost to another one in a deadlock.
    async fn ingest_part(&self, records: &[Record], now: Timestamp) -> Result<Vec<Outcome>> {
        let mut tries = 0;
        loop {
            let mut tx = self.begin().await?;
            match store(&mut tx, records, now).await {
                Ok(outcomes) => {
                    fail_point!("ingest::commit::before");
                    tx.commit().await?;
                    fail_point!("ingest::commit::after");
                    return Ok(outcomes);
                }
                Err(error) if is_deadlock(&error) && tries < DEADLOCK_RETRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Keeps a record as a reject that the database refused, and counts it as delivered.
    async fn refuse(&self, record: &Record, now: Timestamp) -> Result<Outcome> {
        let mut tx = self.begin().await?;
        let mut streams = Streams::load(&mut tx, iter::once(&record.origin), now).await?;
        streams.take(&record.origin);
        let outcome = reject(&mut tx, record, NOT_STORABLE, "the database refused the record", now).await?;
        streams.save(&mut tx).await?;
        tx.commit().await?;
        Ok(outcome)
    }
}

/// Takes a batch through the steps.
async fn store(tx: &mut Tx, records: &[Record], now: Timestamp) -> Result<Vec<Outcome>> {
    let mut streams = Streams::load(tx, records.iter().map(|record| &record.origin), now).await?;
    let mut outcomes = vec![Outcome::Committed { duplicate: true }; records.len()];
    let mut fresh = Vec::with_capacity(records.len());
    for (record, outcome) in records.iter().zip(&mut outcomes) {
        match streams.take(&record.origin) {
            Verdict::New => fresh.push((record, outcome)),
            Verdict::Known => {}
            Verdict::TooManyGaps => {
                *outcome = reject(tx, record, TOO_MANY_GAPS, "the stream has more gaps than the server keeps account of", now).await?;
            }
            Verdict::TooLarge => *outcome = reject(tx, record, SEQ_TOO_LARGE, "a sequence number is below 2^63", now).await?,
        }
    }

    let heard: Vec<&Record> = fresh.iter().map(|(record, _)| *record).collect();
    for ((_, outcome), stored) in fresh.into_iter().zip(store_contents(tx, &heard, Repeats::Drop, now).await?) {
        *outcome = stored;
    }
    streams.save(tx).await?;
    Ok(outcomes)
}

/// What becomes of a packet that was stored before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// It is dropped.
    Drop,
    /// It is stored again, for now more of it can be understood. That is harmless: it merges with what it was.
    Store,
}

/// Stores records inside another use-case that no spool delivers, and returns what became of each.
pub(crate) async fn store_heard(tx: &mut Tx, records: &[&Record], now: Timestamp) -> Result<Vec<Outcome>> {
    if records.is_empty() { Ok(Vec::new()) } else { store_contents(tx, records, Repeats::Drop, now).await }
}

/// Stores what records say that this spool has not delivered before, as far as it is for everybody.
async fn store_contents(tx: &mut Tx, records: &[&Record], repeats: Repeats, now: Timestamp) -> Result<Vec<Outcome>> {
    let closed = Closed::among(tx, records).await?;
    closed.count(tx, records, now).await?;
    let open: Vec<_> = records.iter().copied().filter(|record| !closed.has(record)).collect();
    let mut stored = store_open(tx, &open, repeats, now).await?.into_iter();
    let outcome = |record: &&Record| if closed.has(record) { Some(Outcome::Withheld) } else { stored.next() };
    Ok(records.iter().filter_map(outcome).collect())
}

async fn store_open(tx: &mut Tx, records: &[&Record], repeats: Repeats, now: Timestamp) -> Result<Vec<Outcome>> {
    // The nodes are locked first, so that of two replicas with the same packet the second one sees what the first has stored.
    let nodes = nodes::resolve(tx, records).await?;
    let duplicates = packets::keep_receptions(tx, records).await?;
    let mut outcomes = Vec::with_capacity(records.len());
    let mut news = Vec::with_capacity(records.len());
    for (&record, duplicate) in records.iter().zip(duplicates) {
        let duplicate = duplicate && repeats == Repeats::Drop;
        outcomes.push(first_outcome(record, duplicate));
        if !duplicate {
            keep_notes(tx, record, now).await?;
            news.push(record);
        }
    }
    privacy::note_consents(tx, records, &nodes).await?;
    count(tx, &news, now);
    tx.tell_nodes(&told::nodes(&news));
    let nodes = identity::identify(tx, &news, nodes).await?;
    nodes::keep_receptions(tx, records, &nodes).await?;
    let readings = readings::store(tx, &news, &nodes, now).await?;
    latest::show(tx, &news, &readings, &nodes, now).await?;
    reports::store(tx, &news, &nodes).await?;
    dirty::mark(tx, &readings, now).await?;
    Ok(outcomes)
}

/// Notes inside another use-case that senders of texts were heard, and how: it is the same mesh that they are heard on.
pub(crate) async fn hear(tx: &mut Tx, texts: Vec<(RecordName, Heard, Option<Privacy>)>) -> Result<()> {
    let record = |(origin, heard, privacy)| {
        let (heard, notes, raw) = (Some(heard), Vec::new(), Raw::default());
        Record { origin, heard, privacy, body: Body::Text, notes, raw }
    };
    let records: Vec<_> = texts.into_iter().map(record).collect();
    let closed = Closed::among(tx, &records.iter().collect::<Vec<_>>()).await?;
    let records: Vec<_> = records.iter().filter(|record| !closed.has(record)).collect();
    let nodes = nodes::resolve(tx, &records).await?;
    packets::keep_receptions(tx, &records).await?;
    nodes::keep_receptions(tx, &records, &nodes).await?;
    privacy::note_consents(tx, &records, &nodes).await?;
    tx.tell_nodes(&told::nodes(&records));
    Ok(())
}

/// Counts what is new. What one packet says in several records is one packet; one without an id is one for each record.
fn count(tx: &mut Tx, news: &[&Record], now: Timestamp) {
    let readings = news.iter().filter(|record| matches!(record.body, Body::Reading { .. })).count();
    let heard = || news.iter().filter_map(|record| record.heard.as_ref());
    let named: BTreeSet<_> = heard().filter(|heard| heard.id.is_given()).map(|heard| (heard.from, heard.id)).collect();
    let nameless = heard().filter(|heard| !heard.id.is_given()).count();
    tx.tally.count(Kind::Reading, readings, now);
    tx.tally.count(Kind::Packet, named.len() + nameless, now);
}

fn first_outcome(record: &Record, duplicate: bool) -> Outcome {
    match &record.body {
        Body::Rejected => {
            Outcome::Rejected { code: record.notes.first().map_or_else(|| NOT_STORABLE.to_owned(), |note| note.code.clone()) }
        }
        Body::Reading { .. } | Body::Node { .. } | Body::Text => Outcome::Committed { duplicate },
    }
}

/// Keeps what ingestion refused of a record.
async fn keep_notes(tx: &mut Tx, record: &Record, now: Timestamp) -> Result<()> {
    let whole = record.body == Body::Rejected;
    let refused: Vec<_> = record
        .notes
        .iter()
        .map(|note| NewReject {
            record: Some(&record.origin),
            topic: &record.raw.topic,
            payload: &record.raw.payload,
            whole,
            code: &note.code,
            field: &note.field,
            detail: &note.detail,
        })
        .collect();
    rejects::insert(tx, &refused, now).await?;
    Ok(())
}

/// Keeps a record that the store itself refuses.
async fn reject(tx: &mut Tx, record: &Record, code: &str, detail: &str, now: Timestamp) -> Result<Outcome> {
    let named = i64::try_from(record.origin.seq).is_ok();
    let refused = NewReject {
        record: named.then_some(&record.origin),
        topic: &record.raw.topic,
        payload: &record.raw.payload,
        whole: true,
        code,
        field: "",
        detail,
    };
    rejects::insert(tx, &[refused], now).await?;
    Ok(Outcome::Rejected { code: code.to_owned() })
}

/// Tells whether the database refused a value, rather than to work.
pub(crate) fn blames_a_record(error: &Error) -> bool {
    let Error::Database(sqlx::Error::Database(error)) = error else { return false };
    let Some(code) = error.code() else { return false };
    match code.parse::<u32>() {
        // SQLite: too big, constraint, mismatch; its numbers have at most four digits, a SQLSTATE has five.
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 18..=20),
        _ => matches!(code.get(..2), Some("22" | "23")),
    }
}

/// Tells whether PostgreSQL ended the transaction for the sake of another one.
pub(crate) fn is_deadlock(error: &Error) -> bool {
    let Error::Unavailable(sqlx::Error::Database(error)) = error else { return false };
    matches!(error.code().as_deref(), Some("40001" | "40P01"))
}
