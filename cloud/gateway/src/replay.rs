//! Takes kept rejects through the decoder again, after what they were refused for has changed: a new version knows an
//! evidence, a defect was mended.
//!
//! A text that was heard, and a receipt, tell of what has happened, which is as true later. A claim asks for a message: its
//! bridge has long asked again or given up, and a grant that it does not wait for would keep the message from every other.

use crate::{
    decode::{Decoded, decode},
    radios::Radios,
    shared::draw_id,
};
use bytes::Bytes;
use kosmo_domain::Timestamp;
use kosmo_store::{
    Result, Store,
    ingest::Note,
    messages::{Effect, GatewayBody, Receipt, Routed},
    rejects::{RejectRow, ReplayOutcome},
};
use rand::RngCore;
use std::time::Duration;

/// What became of a reject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// It is a text that was heard, and went to whom it is for.
    Text(Routed),
    /// It is a receipt, and its message knows what it tells.
    Receipt,
    /// It is a claim, and grants nothing.
    Claim,
    /// It is refused again, and why.
    Refused(Note),
}

/// Takes a reject of one of the gateway's topics through the decoder again, has it take effect if it is good now, and notes what
/// came of it.
///
/// A text's packet and a message's facts count once, so that a second replay of the same reject changes nothing.
///
/// # Errors
/// As the database does.
pub async fn replay(
    store: &Store,
    reject: &RejectRow,
    answer_window: Duration,
    rng: &mut impl RngCore,
    now: Timestamp,
) -> Result<Replayed> {
    let replayed = take(store, reject, answer_window, rng, now).await?;
    let outcome = match replayed {
        Replayed::Text(_) | Replayed::Receipt => ReplayOutcome::Accepted,
        Replayed::Claim => ReplayOutcome::Over,
        Replayed::Refused(_) => ReplayOutcome::Refused,
    };
    store.mark_replayed(reject.id, outcome, now).await?;
    Ok(replayed)
}

async fn take(store: &Store, reject: &RejectRow, answer_window: Duration, rng: &mut impl RngCore, now: Timestamp) -> Result<Replayed> {
    let payload = Bytes::copy_from_slice(&reject.payload);
    // Clocks are judged as of the moment when the record arrived.
    let mut record = match decode(&reject.topic, &payload, reject.received_at, draw_id(now, rng)) {
        Decoded::Record(record) => record,
        Decoded::Garbage { reason, .. } => return Ok(Replayed::Refused(reason)),
    };
    match &mut record.body {
        GatewayBody::Receipt { receipt: Receipt::Claimed, .. } => return Ok(Replayed::Claim),
        GatewayBody::Receipt { .. } | GatewayBody::Rejected(_) => {}
        GatewayBody::Text(text) => {
            text.to_bridge = Radios::default().is_addressed(&record.origin.bridge, text.to, store).await?;
        }
    }
    Ok(match store.replay_gateway_record(&record, reject.received_at, answer_window, now).await? {
        Ok(Effect::Text(routed, _)) => Replayed::Text(routed),
        Ok(Effect::Changed(_) | Effect::Waits { .. } | Effect::Known) => Replayed::Receipt,
        Ok(Effect::Claim { .. }) => Replayed::Claim,
        Err(refusal) => Replayed::Refused(refusal),
    })
}
