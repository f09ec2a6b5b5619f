//! Takes kept rejects through the validation again, after what they were refused for has changed: a new version knows a
//! metric, a range was widened, a defect was mended.

use crate::{
    decode::{Decoded, Rules, decode},
    reason::Reason,
};
use bytes::Bytes;
use kosmo_domain::Timestamp;
use kosmo_store::{
    Result, Store,
    ingest::{Body, Note, Outcome},
    rejects::{RejectRow, ReplayOutcome},
};

/// What became of a reject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It was accepted: its record is stored, or the field of it that was refused.
    Stored,
    /// It is a status, of a moment that is over, and changes nothing.
    Status,
    /// It is refused again, and why.
    Refused(Note),
}

/// Takes a reject through the validation again, stores what is good now, and notes what came of it.
///
/// Clocks are judged as of the moment the record arrived, not as of the replay, unless that moment is still to come: then the server's
/// own clock was wrong. What is stored merges with what is there, so a
/// second replay of the same reject changes nothing.
///
/// # Errors
/// As the database does.
pub async fn replay(store: &Store, reject: &RejectRow, rules: &Rules, now: Timestamp) -> Result<Replayed> {
    let replayed = take(store, reject, rules, now).await?;
    let outcome = match replayed {
        Replayed::Stored => ReplayOutcome::Accepted,
        Replayed::Status => ReplayOutcome::Over,
        Replayed::Refused(_) => ReplayOutcome::Refused,
    };
    store.mark_replayed(reject.id, outcome, now).await?;
    Ok(replayed)
}

async fn take(store: &Store, reject: &RejectRow, rules: &Rules, now: Timestamp) -> Result<Replayed> {
    let record = match decode(&reject.topic, &Bytes::copy_from_slice(&reject.payload), reject.received_at.min(now), rules) {
        Decoded::Record(record) => record,
        Decoded::Status { .. } => return Ok(Replayed::Status),
        Decoded::Garbage { reason, .. } => return Ok(Replayed::Refused(reason)),
    };
    let is_refused = record.body == Body::Rejected;
    if let Some(note) = record.notes.iter().find(|note| is_refused || is_same(note, reject)) {
        return Ok(Replayed::Refused(note.clone()));
    }
    Ok(match store.replay(&record, now).await? {
        Outcome::Committed { .. } | Outcome::Withheld => Replayed::Stored,
        Outcome::Rejected { .. } => Replayed::Refused(Reason::NotStorable.note("", "the database refused the record")),
    })
}

/// Tells whether a note says what the reject says, so that nothing has changed for it.
fn is_same(note: &Note, reject: &RejectRow) -> bool {
    note.code == reject.code && note.field == reject.field
}
