//! Records of the stream `gateway`: claims, receipts and texts, each taking effect once, in the transaction that counts it
//! as delivered.

use crate::{
    Result, Store,
    db::Tx,
    ingest::{self, Heard, NOT_STORABLE, Note, Privacy, Raw, RecordName, SEQ_TOO_LARGE, Streams, TOO_MANY_GAPS, Verdict},
    messages::{
        facts::Change,
        grants::{self, Grant},
        inbound::{self, InboundText, Routed},
        receipts::{self, Receipt},
        rows,
    },
    rejects::{self, NewReject},
    users,
};
use kosmo_domain::Timestamp;
use kosmo_failpoints::fail_point;
use std::{collections::BTreeSet, fmt, slice, time::Duration};
use uuid::Uuid;

/// The code of a receipt of a bridge that was not granted the message.
pub const NOT_GRANTED: &str = "not_granted";
/// The code of a receipt for a message that there is not.
pub const UNKNOWN_MESSAGE: &str = "unknown_message";
/// The code of an acknowledgement that is not the destination's.
pub const NOT_DESTINATION: &str = "not_destination";

/// How often a batch is tried again that lost to another replica in a deadlock.
const DEADLOCK_RETRIES: u32 = 3;

/// One record of a bridge's spool, already validated.
#[derive(Clone)]
pub struct GatewayRecord {
    /// Where it comes from, which names it for good.
    pub origin: RecordName,
    /// When what it says was so: when the bridge heard or did it.
    pub at: Timestamp,
    /// The packet it came in, if it is a text.
    pub heard: Option<Heard>,
    /// Whether that is for everybody.
    pub privacy: Option<Privacy>,
    /// What it says.
    pub body: GatewayBody,
    /// The record as it came, to be kept if it is refused.
    pub raw: Raw,
}

impl fmt::Debug for GatewayRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The record as it came may hold a text, which stands in no log.
        f.debug_struct("GatewayRecord")
            .field("origin", &self.origin)
            .field("at", &self.at)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// What a record says.
#[derive(Debug, Clone)]
pub enum GatewayBody {
    /// A claim or a receipt.
    Receipt {
        /// The message it is about.
        message: Uuid,
        /// What happened to it.
        receipt: Receipt,
    },
    /// A text that was heard.
    Text(InboundText),
    /// Nothing that can be used, and why.
    Rejected(Note),
}

/// What became of a record. Either way it has been answered for, and its bridge need not keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayOutcome {
    /// It has taken effect.
    Committed(Effect),
    /// It was refused, and is kept raw with the reason.
    Rejected {
        /// The reason's code.
        code: String,
    },
}

/// What a record did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A bridge asked for a message, and this is the answer to it; a claim that is sent again is answered again.
    Claim {
        /// The message.
        message: Uuid,
        /// What to answer.
        grant: Grant,
    },
    /// Facts were added to a message; `news` says whether they were any.
    Changed(Change),
    /// It is known what a message waits for.
    Waits {
        /// The message.
        message: Uuid,
    },
    /// A text went to whom it is for; an answer may have changed the message it answers.
    Text(Routed, Option<Change>),
    /// None: the record was delivered before.
    Known,
}

impl Store {
    /// Has a batch of records take effect, each once, and returns what became of each. Once this returns, every one of them
    /// may be acknowledged. `window` is how long after a member wrote to a node the node's texts are taken for answers.
    ///
    /// # Errors
    /// If the database fails for no fault of a record's. Some of the batch may be stored then; it is to be sent again as a whole.
    pub async fn commit_gateway_batch(&self, batch: &[GatewayRecord], window: Duration, now: Timestamp) -> Result<Vec<GatewayOutcome>> {
        match self.commit_part(batch, window, now).await {
            Err(error) if ingest::blames_a_record(&error) => {}
            done => return done,
        }
        // One of them is to blame, and only it is to be refused.
        let mut outcomes = Vec::with_capacity(batch.len());
        for record in batch {
            match self.commit_part(slice::from_ref(record), window, now).await {
                Ok(stored) => outcomes.extend(stored),
                Err(error) if ingest::blames_a_record(&error) => {
                    tracing::error!(bridge.id = %record.origin.bridge, record.seq = record.origin.seq, error = &error as &dyn std::error::Error,
                        "the database refused a record, which is kept as a reject");
                    let note = note(NOT_STORABLE, "the database refused the record");
                    let refused = GatewayRecord { heard: None, body: GatewayBody::Rejected(note), ..record.clone() };
                    outcomes.extend(self.commit_part(slice::from_ref(&refused), window, now).await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(outcomes)
    }

    /// Has a record that was refused when it arrived, at `received_at`, take effect now that it can be read; the spool it came from
    /// has long forgotten it. What is refused again, and why, is returned: it stays the reject it is.
    ///
    /// A replay grants nothing, and believes nothing that a bridge told of a message before it was granted it.
    ///
    /// # Errors
    /// If the database fails for no fault of the record's.
    pub async fn replay_gateway_record(
        &self,
        record: &GatewayRecord,
        received_at: Timestamp,
        window: Duration,
        now: Timestamp,
    ) -> Result<Result<Effect, Note>> {
        let mut tx = self.begin().await?;
        match replay(&mut tx, record, received_at, window, now).await {
            Ok(Ok(effect)) => {
                tx.commit().await?;
                Ok(Ok(effect))
            }
            Ok(Err(refusal)) => Ok(Err(refusal)),
            Err(error) if ingest::blames_a_record(&error) => Ok(Err(note(NOT_STORABLE, "the database refused the record"))),
            Err(error) => Err(error),
        }
    }

    /// Commits records in one transaction, again if that lost to another one in a deadlock.
    async fn commit_part(&self, records: &[GatewayRecord], window: Duration, now: Timestamp) -> Result<Vec<GatewayOutcome>> {
        let mut tries = 0;
        loop {
            let mut tx = self.begin().await?;
            match take_all(&mut tx, records, window, now).await {
                Ok(outcomes) => {
                    fail_point!("receipts::commit::before");
                    tx.commit().await?;
                    fail_point!("receipts::commit::after");
                    return Ok(outcomes);
                }
                Err(error) if ingest::is_deadlock(&error) && tries < DEADLOCK_RETRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

async fn take_all(tx: &mut Tx, records: &[GatewayRecord], window: Duration, now: Timestamp) -> Result<Vec<GatewayOutcome>> {
    let mut streams = Streams::load(tx, records.iter().map(|record| &record.origin), now).await?;
    lock_members(tx, records).await?;
    let mut outcomes = Vec::with_capacity(records.len());
    let mut heard = Vec::new();
    for record in records {
        outcomes.push(match streams.take(&record.origin) {
            Verdict::New => {
                heard.extend(record.heard.clone().map(|heard| (record.origin.clone(), heard, record.privacy.clone())));
                take(tx, record, window, now).await?
            }
            Verdict::Known => again(tx, record, now).await?,
            Verdict::TooManyGaps => {
                reject(tx, record, &note(TOO_MANY_GAPS, "the stream has more gaps than the server keeps account of"), now).await?
            }
            Verdict::TooLarge => reject(tx, record, &note(SEQ_TOO_LARGE, "a sequence number is below 2^63"), now).await?,
        });
    }
    // Nodes come last: ingestion locks them, and nothing of ours after them.
    ingest::hear(tx, heard).await?;
    streams.save(tx).await?;
    Ok(outcomes)
}

/// Locks the members whose messages the records are about, in the order of their ids.
async fn lock_members(tx: &mut Tx, records: &[GatewayRecord]) -> Result<()> {
    let mut owners = BTreeSet::new();
    let messages: BTreeSet<Uuid> = records
        .iter()
        .filter_map(|record| match &record.body {
            GatewayBody::Receipt { message, .. } => Some(*message),
            GatewayBody::Text(_) | GatewayBody::Rejected(_) => None,
        })
        .collect();
    for message in messages {
        owners.extend(rows::owner(tx, message).await?);
    }
    users::lock_all(tx, &owners).await
}

/// Has a record take effect that was not delivered before.
async fn take(tx: &mut Tx, record: &GatewayRecord, window: Duration, now: Timestamp) -> Result<GatewayOutcome> {
    match apply(tx, record, window, now).await? {
        Ok(effect) => Ok(GatewayOutcome::Committed(effect)),
        Err(refusal) => reject(tx, record, &refusal, now).await,
    }
}

/// Has a record take effect, or says why it cannot.
async fn apply(tx: &mut Tx, record: &GatewayRecord, window: Duration, now: Timestamp) -> Result<Result<Effect, Note>> {
    let bridge = &record.origin.bridge;
    match &record.body {
        GatewayBody::Receipt { message, receipt } => {
            let taken = receipts::take(tx, bridge, *message, receipt, record.at, now).await?;
            Ok(taken.map_err(|(code, detail)| note(code, detail)))
        }
        GatewayBody::Text(text) => {
            let (routed, change) = inbound::take(tx, bridge, text, record.at, window, now).await?;
            Ok(Ok(Effect::Text(routed, change)))
        }
        GatewayBody::Rejected(refusal) => Ok(Err(refusal.clone())),
    }
}

/// Has a record take effect that arrived earlier and was refused.
async fn replay(
    tx: &mut Tx,
    record: &GatewayRecord,
    received_at: Timestamp,
    window: Duration,
    now: Timestamp,
) -> Result<Result<Effect, Note>> {
    lock_members(tx, slice::from_ref(record)).await?;
    if let GatewayBody::Receipt { message, receipt } = &record.body {
        if *receipt == Receipt::Claimed {
            return Ok(Err(note(NOT_GRANTED, "a replay grants nothing")));
        }
        let granted = rows::lock(tx, *message).await?.and_then(|row| row.facts.granted);
        if granted.is_some_and(|(at, _)| at > received_at) {
            return Ok(Err(note(NOT_GRANTED, "the message was not granted to this bridge when it told this")));
        }
    }
    apply(tx, record, window, now).await
}

/// Answers for a record that was delivered before. A claim is answered again, for the bridge may not have got the answer.
async fn again(tx: &mut Tx, record: &GatewayRecord, now: Timestamp) -> Result<GatewayOutcome> {
    let effect = match &record.body {
        GatewayBody::Receipt { message, receipt: Receipt::Claimed } => {
            Effect::Claim { message: *message, grant: grants::claim(tx, *message, &record.origin.bridge, now).await? }
        }
        GatewayBody::Receipt { .. } | GatewayBody::Text(_) | GatewayBody::Rejected(_) => Effect::Known,
    };
    Ok(GatewayOutcome::Committed(effect))
}

fn note(code: &str, detail: &str) -> Note {
    Note { code: code.to_owned(), field: String::new(), detail: detail.to_owned() }
}

/// Keeps a record that is refused.
async fn reject(tx: &mut Tx, record: &GatewayRecord, note: &Note, now: Timestamp) -> Result<GatewayOutcome> {
    let named = i64::try_from(record.origin.seq).is_ok();
    let refused = NewReject {
        record: named.then_some(&record.origin),
        topic: &record.raw.topic,
        payload: &record.raw.payload,
        whole: true,
        code: &note.code,
        field: &note.field,
        detail: &note.detail,
    };
    rejects::insert(tx, &[refused], now).await?;
    Ok(GatewayOutcome::Rejected { code: note.code.clone() })
}
