//! Accepting a text: the member's right to send it, its quota, its row and its way to the bridges, all or nothing.

use crate::{
    Error, Result, Store,
    db::{Tx, on_tx},
    jobs::{self, NewJob},
    messages::{
        conversations, events,
        events::EventKind,
        idempotency::{self, Seen},
        offers::OFFER_EVERY,
        quota, rows, timeline,
    },
    types::{At, Node, storable},
    users,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{Allowance, NodeId, NotAllowed, PacketId, Period, Timestamp};
use kosmo_failpoints::fail_point;
use std::fmt;
use uuid::Uuid;

/// The kind of the jobs that have a message offered to the bridges; the payload is `{"message_id": …}`.
pub const OFFER_JOB: &str = "offer_message";

/// The longest idempotency key, in bytes.
pub const MAX_KEY: usize = 255;
/// The longest text, in bytes, handle included: more than any packet carries.
const MAX_TEXT: usize = 1024;

/// A text that a member wants sent.
#[derive(Clone)]
pub struct NewMessage {
    /// The id it shall have: a UUIDv7.
    pub id: Uuid,
    /// Who writes.
    pub user: Uuid,
    /// Whom it is for.
    pub node: NodeId,
    /// As it was written.
    pub text: String,
    /// As it shall go on the air.
    pub air_text: String,
    /// The packet it answers.
    pub reply_to: Option<PacketId>,
    /// Until when it may be given to a radio.
    pub deadline: Timestamp,
    /// What a repetition of the request is known by.
    pub idempotency: Option<IdempotencyKey>,
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What people write to each other stands in no log.
        f.debug_struct("NewMessage").field("id", &self.id).field("user", &self.user).field("node", &self.node).finish_non_exhaustive()
    }
}

/// What tells a repeated request from a new one, for a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key: at most [`MAX_KEY`] bytes, the member's own.
    pub key: String,
    /// What is the same if and only if the request is.
    pub body_hash: [u8; 32],
}

/// A text that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: Uuid,
    /// Its place in the member's conversations.
    pub seq: i64,
    /// Whom it is for.
    pub node: NodeId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Until when it may be given to a radio.
    pub deadline: Timestamp,
    /// Whether this answers a request that was answered before, with nothing stored or charged anew.
    pub repeated: bool,
}

/// Why a text was not accepted. Nothing of it is stored or charged.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// There is no such member.
    #[error("there is no such member")]
    UnknownUser,
    /// The key was used for another request within a day.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The member's plan does not allow it.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The period's quota is used up.
    #[error("the quota of {limit} texts is used up until {resets_at}")]
    QuotaExhausted {
        /// How many texts the plan sends in a period.
        limit: u32,
        /// When the next period begins.
        resets_at: Timestamp,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Accepts a text: in one transaction it is stored, its quota reserved, and its offer to the bridges enqueued.
    ///
    /// A request that is repeated with its key within a day gets the first answer again, whatever became of plan and quota.
    ///
    /// # Errors
    /// An [`AcceptError`], of which the first in this order: the member, the key, the plan, the quota.
    pub async fn accept_message(&self, new: &NewMessage, now: Timestamp) -> Result<Accepted, AcceptError> {
        check_lengths(new)?;
        let mut tx = self.begin().await?;
        let Some(user) = users::lock(&mut tx, new.user).await? else { return Err(AcceptError::UnknownUser) };
        if let Some(key) = &new.idempotency {
            match idempotency::look_up(&mut tx, new.user, key, now).await? {
                Seen::New => {}
                Seen::Before(message) => return Ok(first_answer(&mut tx, message).await?),
                Seen::OtherBody => return Err(AcceptError::KeyReused),
            }
        }
        let reach = users::reach(&mut tx, new.user, new.node).await?;
        user.plan.may_write_to(new.node, reach)?;
        let (allowance, period) = (user.plan.allowance(), Period::at(user.anchor, now));
        if !quota::reserve(&mut tx, new.user, period, allowance).await? {
            let limit = match allowance {
                Allowance::Limited(limit) => limit,
                Allowance::Unlimited => unreachable!("what has no limit is never used up"),
            };
            return Err(AcceptError::QuotaExhausted { limit, resets_at: period.end });
        }
        let seq = store(&mut tx, new, period, now).await?;
        if let Some(key) = &new.idempotency {
            idempotency::remember(&mut tx, new.user, key, new.id, now).await?;
        }
        enqueue_offer(&mut tx, new.id, now).await?;
        fail_point!("accept::commit::before");
        tx.commit().await?;
        fail_point!("accept::commit::after");
        Ok(Accepted { id: new.id, seq, node: new.node, created_at: now, deadline: new.deadline, repeated: false })
    }
}

fn check_lengths(new: &NewMessage) -> Result<()> {
    if new.text.len().max(new.air_text.len()) > MAX_TEXT {
        return Err(Error::TooLarge { what: "a text", max: MAX_TEXT });
    }
    if new.idempotency.as_ref().is_some_and(|key| key.key.len() > MAX_KEY) {
        return Err(Error::TooLarge { what: "an idempotency key", max: MAX_KEY });
    }
    Ok(())
}

/// Returns what was answered to the request that made this message.
async fn first_answer(tx: &mut Tx, message: Uuid) -> Result<Accepted> {
    let Some(row) = rows::load(tx, message).await? else {
        return Err(Error::Corrupt("an idempotency key names a message that is not there".to_owned()));
    };
    Ok(Accepted { id: row.id, seq: row.seq, node: row.node, created_at: row.created_at, deadline: row.deadline, repeated: true })
}

/// Stores the message with all that begins with it, and returns its place in the member's conversations.
async fn store(tx: &mut Tx, new: &NewMessage, period: Period, now: Timestamp) -> Result<i64> {
    const SQL: &str = "insert into messages (id, user_id, seq, node_id, text, air_text, reply_to, created_at, deadline, period_start, status, charge, next_offer_at)
                       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', 'reserved', $11)";
    let seq = events::append(tx, new.user, EventKind::MessageAccepted, new.id, now).await?;
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(new.id)
            .bind(new.user)
            .bind(seq)
            .bind(Node(new.node))
            .bind(storable(&new.text, MAX_TEXT))
            .bind(storable(&new.air_text, MAX_TEXT))
            .bind(new.reply_to.map(|id| i64::from(id.0)))
            .bind(At(now))
            .bind(At(new.deadline))
            .bind(At(period.start))
            // The job offers it first; this is for when the offer finds no taker.
            .bind(At(now.plus(OFFER_EVERY)))
            .execute(db)
            .map_ok(drop)
    })?;
    timeline::begin(tx, new.id, now).await?;
    conversations::continue_with(tx, new.user, new.node, seq, now).await?;
    Ok(seq)
}

/// Has a message offered to the bridges at once, inside the use-case that stores it.
pub(super) async fn enqueue_offer(tx: &mut Tx, message: Uuid, now: Timestamp) -> Result<()> {
    jobs::enqueue(tx, &offer_job(message, now), now).await.map(drop)
}

fn offer_job(message: Uuid, now: Timestamp) -> NewJob {
    let payload = serde_json::json!({ "message_id": message });
    NewJob { kind: OFFER_JOB, dedupe_key: Some(message.to_string()), payload, run_at: now }
}
