//! Takes kept rejects through the validation again, after what they were refused for has changed: a new version knows a
//! metric, a range was widened, a defect was mended.

use crate::decode::{Decoded, Rules, decode};
use bytes::Bytes;
use kosmo_domain::{Epoch, Stream, Timestamp};
use kosmo_store::{
    Result, Store,
    ingest::{Body, Note, Outcome, Record, RecordName},
    rejects::{MAX_PAGE, RejectFilter, RejectRow, ReplayOutcome},
};

/// What came of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Rejects whose record was stored, or whose refused field was.
    pub accepted: u64,
    /// Rejects that were refused again.
    pub refused: u64,
    /// Rejects of which too little was kept to try.
    pub truncated: u64,
}

/// Takes the rejects that match `filter`, and that no replay has got accepted, through the validation again.
///
/// Clocks are judged as of the moment the record arrived, not as of the replay. What is stored merges with what is there, so a
/// second replay of the same reject changes nothing.
///
/// # Errors
/// As the database does; what was replayed before that stays so.
pub async fn replay(store: &Store, filter: &RejectFilter, rules: &Rules, now: Timestamp) -> Result<Replayed> {
    let filter = RejectFilter { open: true, ..filter.clone() };
    let mut replayed = Replayed::default();
    let mut before = None;
    loop {
        let page = store.rejects(&filter, before, MAX_PAGE).await?;
        let Some(last) = page.last() else { return Ok(replayed) };
        before = Some(last.id);
        for reject in &page {
            if reject.truncated {
                replayed.truncated += 1;
                continue;
            }
            let outcome = replay_one(store, reject, rules, now).await?;
            store.mark_replayed(reject.id, outcome, now).await?;
            match outcome {
                ReplayOutcome::Accepted => replayed.accepted += 1,
                ReplayOutcome::Refused => replayed.refused += 1,
            }
        }
    }
}

async fn replay_one(store: &Store, reject: &RejectRow, rules: &Rules, now: Timestamp) -> Result<ReplayOutcome> {
    let Decoded::Record(record) = decode(&reject.topic, &Bytes::copy_from_slice(&reject.payload), reject.received_at, rules) else {
        return Ok(ReplayOutcome::Refused);
    };
    if record.body == Body::Rejected || record.notes.iter().any(|note| is_same(note, reject)) {
        return Ok(ReplayOutcome::Refused);
    }
    let outcomes = store.ingest(&[as_new(*record, reject.id)], now).await?;
    Ok(match outcomes.first() {
        Some(Outcome::Committed { .. }) => ReplayOutcome::Accepted,
        Some(Outcome::Rejected { .. }) | None => ReplayOutcome::Refused,
    })
}

/// Tells whether a note says what the reject says, so that nothing has changed for it.
fn is_same(note: &Note, reject: &RejectRow) -> bool {
    note.code == reject.code && note.field == reject.field
}

/// Gives the record a name of its own: by its first one, and by the packet it came in, the store knows it and would store nothing.
/// What else is refused of it has been kept the first time.
fn as_new(record: Record, reject: i64) -> Record {
    const PER_EPOCH: i64 = 1000;
    let epoch = Epoch::from_random(u128::from((reject / PER_EPOCH).unsigned_abs()));
    let seq = (reject % PER_EPOCH).unsigned_abs() + 1;
    let origin = RecordName { bridge: record.origin.bridge, epoch, stream: Stream::Ingest, seq };
    Record { origin, heard: None, notes: Vec::new(), ..record }
}
