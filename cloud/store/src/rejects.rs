//! What was refused: the raw payload with the reason, so that a person can look at it, and replay it once the cause is gone.

use crate::{
    Error, Result, Store,
    db::{Tx, on_reader, on_tx, on_writer},
    network::topic_word,
    types::{At, signed, storable, unsigned},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, Epoch, Stream, Timestamp};
use kosmo_failpoints::fail_point;
use uuid::Uuid;

/// The most that is kept of a payload, in bytes.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// The most that is kept of a topic, in bytes; MQTT allows as many.
const MAX_TOPIC: usize = 64 * 1024;
/// The most that is kept of a code or a field's name, in bytes.
const MAX_NAME: usize = 64;
/// The most that is kept of a reason, in bytes.
const MAX_DETAIL: usize = 1024;
/// The most rejects listed at once.
pub const MAX_PAGE: u32 = 100;

/// The record that was refused, or had a field refused, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordName {
    /// Whose it is.
    pub bridge: BridgeId,
    /// The life of the spool it comes from.
    pub epoch: Epoch,
    /// The stream of that spool.
    pub stream: Stream,
    /// Its number in the stream.
    pub seq: u64,
}

/// Something to be kept as refused.
#[derive(Debug, Clone, Copy)]
pub struct NewReject<'a> {
    /// The record, if it could be told which it is. Of one record, each field is refused once, however often it is sent.
    pub record: Option<&'a RecordName>,
    /// The topic it came on.
    pub topic: &'a str,
    /// The payload as it came; [`MAX_PAYLOAD`] bytes of it are kept.
    pub payload: &'a [u8],
    /// Whether the record as a whole was refused, or only a field of it.
    pub whole: bool,
    /// The stable code of the reason.
    pub code: &'a str,
    /// The field that was refused; empty if it is the whole.
    pub field: &'a str,
    /// The reason as a sentence.
    pub detail: &'a str,
}

/// Something that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectRow {
    /// Its number; later ones have greater numbers.
    pub id: i64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The record, if it could be told which it is.
    pub record: Option<RecordName>,
    /// The topic it came on.
    pub topic: String,
    /// What is kept of the payload.
    pub payload: Vec<u8>,
    /// Whether the payload was longer than what is kept, so that it cannot be replayed.
    pub truncated: bool,
    /// Whether the record as a whole was refused.
    pub whole: bool,
    /// The stable code of the reason.
    pub code: String,
    /// The field that was refused; empty if it is the whole.
    pub field: String,
    /// The reason as a sentence.
    pub detail: String,
    /// When it was last replayed.
    pub replayed_at: Option<Timestamp>,
    /// What came of that.
    pub outcome: Option<ReplayOutcome>,
}

/// Something that was refused, without what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectHead {
    /// Its number; later ones have greater numbers.
    pub id: i64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Whose it is, if that could be told.
    pub bridge: Option<BridgeId>,
    /// The kind of topic it came on: a word of the contract, or `other`.
    pub topic: &'static str,
    /// Whether the record as a whole was refused.
    pub whole: bool,
    /// The stable code of the reason.
    pub code: String,
    /// The field that was refused; empty if it is the whole.
    pub field: String,
    /// What came of the last replay.
    pub outcome: Option<ReplayOutcome>,
}

/// What came of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayOutcome {
    /// It was accepted this time.
    Accepted,
    /// It was refused again.
    Refused,
    /// It tells of a moment that is over, so that no replay can do anything with it.
    Over,
}

impl ReplayOutcome {
    const ALL: [Self; 3] = [Self::Accepted, Self::Refused, Self::Over];

    /// Returns the name used in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Over => "over",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| Error::Corrupt(format!("{text:?} is no outcome of a replay")))
    }
}

/// Which rejects to list.
#[derive(Debug, Clone, Default)]
pub struct RejectFilter {
    /// Only those with this code.
    pub code: Option<String>,
    /// Only those of this bridge.
    pub bridge: Option<BridgeId>,
    /// Only those that a replay may still get accepted.
    pub open: bool,
}

/// How often something was refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RejectCount {
    /// The code of the reason.
    pub code: String,
    /// How often.
    pub total: i64,
    /// How many of these a replay may still get accepted.
    pub open: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    received_at: At,
    bridge: Option<String>,
    epoch: Option<Uuid>,
    stream: Option<String>,
    seq: Option<i64>,
    topic: String,
    payload: Vec<u8>,
    truncated: bool,
    whole: bool,
    code: String,
    field: String,
    detail: String,
    replayed_at: Option<At>,
    outcome: Option<String>,
}

impl TryFrom<Row> for RejectRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let record = match (row.bridge, row.epoch, row.stream, row.seq) {
            (Some(bridge), Some(epoch), Some(stream), Some(seq)) => Some(RecordName {
                bridge: bridge.parse().map_err(|_| Error::Corrupt(format!("{bridge:?} is no bridge id")))?,
                epoch: Epoch::from_uuid(epoch),
                stream: stream.parse().map_err(|_| Error::Corrupt(format!("{stream:?} is no stream")))?,
                seq: unsigned(seq, "a sequence number")?,
            }),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            received_at: row.received_at.0,
            record,
            topic: row.topic,
            payload: row.payload,
            truncated: row.truncated,
            whole: row.whole,
            code: row.code,
            field: row.field,
            detail: row.detail,
            replayed_at: row.replayed_at.map(Timestamp::from),
            outcome: row.outcome.as_deref().map(ReplayOutcome::parse).transpose()?,
        })
    }
}

impl Store {
    /// Keeps what was refused outside of a batch, and returns how many were new.
    ///
    /// # Errors
    /// As the database does.
    pub async fn add_rejects(&self, rejects: &[NewReject<'_>], now: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let added = insert(&mut tx, rejects, now).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// Lists what was refused, newest first: at most `limit` with an id below `before`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn rejects(&self, filter: &RejectFilter, before: Option<i64>, limit: u32) -> Result<Vec<RejectRow>> {
        const SQL: &str = "select id, received_at, bridge, epoch, stream, seq, topic, payload, truncated, whole, code, field, detail, replayed_at, outcome
                             from rejects
                            where id < $1
                              and ($2 is null or code = $2)
                              and ($3 is null or bridge = $3)
                              and (not $4 or outcome is null or outcome = 'refused')
                            order by id desc
                            limit $5";
        let rows: Vec<Row> = on_reader!(self, |db| {
            sqlx::query_as(SQL)
                .bind(before.unwrap_or(i64::MAX))
                .bind(filter.code.as_deref())
                .bind(filter.bridge.as_ref().map(BridgeId::as_str))
                .bind(filter.open)
                .bind(i64::from(limit.min(MAX_PAGE)))
                .fetch_all(db)
        })?;
        rows.into_iter().map(RejectRow::try_from).collect()
    }

    /// Lists what was refused as [`Store::rejects`] does, without what it said.
    ///
    /// # Errors
    /// As the database does.
    pub async fn reject_heads(&self, filter: &RejectFilter, before: Option<i64>, limit: u32) -> Result<Vec<RejectHead>> {
        const SQL: &str = "select id, received_at, bridge, substr(topic, 1, 100), whole, code, field, outcome
                             from rejects
                            where id < $1
                              and ($2 is null or code = $2)
                              and ($3 is null or bridge = $3)
                              and (not $4 or outcome is null or outcome = 'refused')
                            order by id desc
                            limit $5";
        type Head = (i64, At, Option<String>, String, bool, String, String, Option<String>);
        let rows: Vec<Head> = on_reader!(self, |db| {
            sqlx::query_as(SQL)
                .bind(before.unwrap_or(i64::MAX))
                .bind(filter.code.as_deref())
                .bind(filter.bridge.as_ref().map(BridgeId::as_str))
                .bind(filter.open)
                .bind(i64::from(limit.min(MAX_PAGE + 1)))
                .fetch_all(db)
        })?;
        rows.into_iter()
            .map(|(id, received_at, bridge, topic, whole, code, field, outcome)| {
                let bridge =
                    bridge.map(|bridge| bridge.parse().map_err(|_| Error::Corrupt(format!("{bridge:?} is no bridge id")))).transpose()?;
                let outcome = outcome.as_deref().map(ReplayOutcome::parse).transpose()?;
                Ok(RejectHead { id, received_at: received_at.0, bridge, topic: topic_word(&topic), whole, code, field, outcome })
            })
            .collect()
    }

    /// Returns one thing that was refused.
    ///
    /// # Errors
    /// As the database does.
    pub async fn reject(&self, id: i64) -> Result<Option<RejectRow>> {
        const SQL: &str = "select id, received_at, bridge, epoch, stream, seq, topic, payload, truncated, whole, code, field, detail, replayed_at, outcome
                             from rejects
                            where id = $1";
        let row: Option<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).fetch_optional(db))?;
        row.map(RejectRow::try_from).transpose()
    }

    /// Notes what came of a replay, and tells whether there is such a reject that was open before.
    ///
    /// # Errors
    /// As the database does.
    pub async fn mark_replayed(&self, id: i64, outcome: ReplayOutcome, now: Timestamp) -> Result<bool> {
        const SQL: &str = "update rejects
                              set replayed_at = $2, outcome = $3
                            where id = $1 and (outcome is null or outcome = 'refused')";
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(id).bind(At(now)).bind(outcome.as_str()).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Counts what was refused by its reason.
    ///
    /// # Errors
    /// As the database does.
    pub async fn reject_counts(&self) -> Result<Vec<RejectCount>> {
        const SQL: &str = "select code,
                                  count(*) as total,
                                  count(*) filter (where outcome is null or outcome = 'refused') as open
                             from rejects
                            group by code
                            order by code";
        Ok(on_reader!(self, |db| sqlx::query_as(SQL).fetch_all(db))?)
    }

    /// Removes what arrived before `before`, and all but the newest `keep`, and returns how many that were.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_rejects(&self, before: Timestamp, keep: u32) -> Result<u64> {
        const SQL: &str = "delete from rejects
                            where received_at < $1
                               or id <= (select id from rejects order by id desc limit 1 offset $2)";
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(At(before)).bind(i64::from(keep)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows)
    }
}

/// Keeps inside a use-case what was refused, and returns how many were new.
pub(crate) async fn insert(tx: &mut Tx, rejects: &[NewReject<'_>], now: Timestamp) -> Result<u64> {
    const SQL: &str = "insert into rejects (received_at, bridge, epoch, stream, seq, topic, payload, truncated, whole, code, field, detail)
                       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                       on conflict (bridge, epoch, stream, seq, field) do nothing";
    let mut added = 0;
    for reject in rejects {
        let payload = &reject.payload[..reject.payload.len().min(MAX_PAYLOAD)];
        let seq = reject.record.map(|record| signed(record.seq, "a sequence number")).transpose()?;
        let rows = on_tx!(tx, |db| {
            sqlx::query(SQL)
                .bind(At(now))
                .bind(reject.record.map(|record| record.bridge.as_str()))
                .bind(reject.record.map(|record| record.epoch.as_uuid()))
                .bind(reject.record.map(|record| record.stream.as_str()))
                .bind(seq)
                .bind(storable(reject.topic, MAX_TOPIC))
                .bind(payload)
                .bind(payload.len() < reject.payload.len())
                .bind(reject.whole)
                .bind(storable(reject.code, MAX_NAME))
                .bind(storable(reject.field, MAX_NAME))
                .bind(storable(reject.detail, MAX_DETAIL))
                .execute(db)
                .map_ok(|done| done.rows_affected())
        })?;
        if rows > 0 {
            tx.tally.count_reject(&storable(reject.code, MAX_NAME), reject.topic, now);
        }
        added += rows;
        fail_point!("rejects::written");
    }
    Ok(added)
}
