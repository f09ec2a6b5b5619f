//! What happens to a member, numbered for each without a gap, so that whoever follows can resume where they were.

use crate::{
    Change, Error, Result, Store,
    db::{Tx, on_reader, on_tx},
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::Timestamp;
use kosmo_failpoints::fail_point;
use uuid::Uuid;

/// The most events listed at once.
const MAX_PAGE: u32 = 500;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A message of the member's was accepted.
    MessageAccepted,
    /// More is known of a message of the member's.
    MessageChanged,
    /// A text came for the member.
    TextReceived,
    /// The member read a conversation.
    ConversationRead,
}

/// Something that happened to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberEvent {
    /// Its number.
    pub seq: i64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What kind of thing it is.
    pub kind: EventKind,
    /// The message or the text that it is about; of a conversation that was read, the number of its node.
    pub subject: Uuid,
}

impl EventKind {
    const ALL: [Self; 4] = [Self::MessageAccepted, Self::MessageChanged, Self::TextReceived, Self::ConversationRead];

    /// Returns the name used in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessageAccepted => "message_accepted",
            Self::MessageChanged => "message_changed",
            Self::TextReceived => "text_received",
            Self::ConversationRead => "conversation_read",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| Error::Corrupt(format!("{name:?} is no kind of event")))
    }
}

impl Store {
    /// Lists what happened to a member after the event with the number `after`, at most `limit` events.
    ///
    /// # Errors
    /// As the database does.
    pub async fn member_events(&self, user: Uuid, after: i64, limit: u32) -> Result<Vec<MemberEvent>> {
        const SQL: &str = "select seq, at, kind, subject from member_events where user_id = $1 and seq > $2 order by seq limit $3";
        let limit = i64::from(limit.min(MAX_PAGE));
        let rows: Vec<(i64, At, String, Uuid)> =
            on_reader!(self, |db| sqlx::query_as(SQL).bind(user).bind(after).bind(limit).fetch_all(db))?;
        rows.into_iter()
            .map(|(seq, at, kind, subject)| Ok(MemberEvent { seq, at: at.0, kind: EventKind::parse(&kind)?, subject }))
            .collect()
    }
}

/// Numbers an event inside the use-case that causes it, and returns its number. The member's row stays locked until that
/// ends, so that numbers become visible in their order.
pub(super) async fn append(tx: &mut Tx, user: Uuid, kind: EventKind, subject: Uuid, now: Timestamp) -> Result<i64> {
    const COUNT: &str = "update users set event_seq = event_seq + 1 where id = $1 returning event_seq";
    const INSERT: &str = "insert into member_events (user_id, seq, at, kind, subject) values ($1, $2, $3, $4, $5)";
    let seq: i64 = on_tx!(tx, |db| sqlx::query_scalar(COUNT).bind(user).fetch_one(db))?;
    on_tx!(tx, |db| { sqlx::query(INSERT).bind(user).bind(seq).bind(At(now)).bind(kind.as_str()).bind(subject).execute(db).map_ok(drop) })?;
    fail_point!("event::written");
    tx.tell(Change::Member(user));
    Ok(seq)
}
