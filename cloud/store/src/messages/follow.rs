//! A member's events with what they are about, for whoever follows.

use crate::{
    Error, Result, Store,
    db::{Db, on_reader},
    messages::{
        conversations::ReadMark,
        events::EventKind,
        rows::{InboundColumns, InboundRow, MessageColumns, MessageRow},
    },
};
use kosmo_domain::NodeId;
use std::collections::HashMap;
use uuid::Uuid;

/// An event of a member's, with what it is about as it stands.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are about a message")]
pub enum OwnEvent {
    /// A message was accepted, or more is known of it.
    Message {
        /// Whether it was accepted just then.
        accepted: bool,
        /// The message.
        message: MessageRow,
    },
    /// A text came.
    Text(InboundRow),
    /// A conversation was read.
    Read(ReadMark),
}

/// What happened to a member after an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// Events with their numbers. What an event was about may be gone by now, and then it is left out.
    pub events: Vec<(i64, OwnEvent)>,
    /// The number to go on from.
    pub after: i64,
    /// Whether events are missing before these: they are not kept any more, or the number never was one.
    pub reset: bool,
    /// Whether there may be more.
    pub more: bool,
}

impl Store {
    /// Returns the number of a member's last event.
    ///
    /// # Errors
    /// As the database does.
    pub async fn last_event(&self, user: Uuid) -> Result<i64> {
        const SQL: &str = "select event_seq from users where id = $1";
        let last: Option<i64> = on_reader!(self, |db| sqlx::query_scalar(SQL).bind(user).fetch_optional(db))?;
        Ok(last.unwrap_or(0))
    }

    /// Returns what happened to a member after the event with the number `after`, at most `limit` events.
    ///
    /// # Errors
    /// As the database does.
    pub async fn follow(&self, user: Uuid, after: i64, limit: u32) -> Result<Followed> {
        let last = self.last_event(user).await?;
        if after > last {
            return Ok(Followed { events: Vec::new(), after: last, reset: true, more: false });
        }
        let events = self.member_events(user, after, limit).await?;
        let begins_late = events.first().map_or(last > after, |first| first.seq != after + 1);
        if begins_late {
            return Ok(Followed { events: Vec::new(), after: last, reset: true, more: false });
        }
        let of = |kinds: &[EventKind]| events.iter().filter(|event| kinds.contains(&event.kind)).map(|event| event.subject).collect();
        let messages = self.messages_by_id(user, of(&[EventKind::MessageAccepted, EventKind::MessageChanged])).await?;
        let texts = self.texts_by_id(user, of(&[EventKind::TextReceived])).await?;
        let mut told = Vec::with_capacity(events.len());
        for event in &events {
            let about = match event.kind {
                EventKind::MessageAccepted | EventKind::MessageChanged => messages
                    .get(&event.subject)
                    .map(|message| OwnEvent::Message { accepted: event.kind == EventKind::MessageAccepted, message: message.clone() }),
                EventKind::TextReceived => texts.get(&event.subject).cloned().map(OwnEvent::Text),
                EventKind::ConversationRead => self.read_mark(user, node_of(event.subject)?).await?.map(OwnEvent::Read),
            };
            told.extend(about.map(|about| (event.seq, about)));
        }
        let after = events.last().map_or(after, |event| event.seq);
        Ok(Followed { events: told, after, reset: false, more: after < last })
    }

    async fn messages_by_id(&self, user: Uuid, ids: Vec<Uuid>) -> Result<HashMap<Uuid, MessageRow>> {
        let rows: Vec<MessageColumns> = match &self.db {
            _ if ids.is_empty() => Vec::new(),
            // Lists are JSON, and ids bytes.
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select * from messages where user_id = $1 and id in (select unhex(value) from json_each($2))";
                sqlx::query_as(SQL).bind(user).bind(hex_list(&ids)).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select * from messages where user_id = $1 and id = any($2)";
                sqlx::query_as(SQL).bind(user).bind(ids).fetch_all(pool).await?
            }
        };
        rows.into_iter().map(|row| MessageRow::try_from(row).map(|row| (row.id, row))).collect()
    }

    async fn texts_by_id(&self, user: Uuid, ids: Vec<Uuid>) -> Result<HashMap<Uuid, InboundRow>> {
        let rows: Vec<InboundColumns> = match &self.db {
            _ if ids.is_empty() => Vec::new(),
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select * from inbound_texts where user_id = $1 and id in (select unhex(value) from json_each($2))";
                sqlx::query_as(SQL).bind(user).bind(hex_list(&ids)).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select * from inbound_texts where user_id = $1 and id = any($2)";
                sqlx::query_as(SQL).bind(user).bind(ids).fetch_all(pool).await?
            }
        };
        rows.into_iter().map(|row| InboundRow::try_from(row).map(|row| (row.id, row))).collect()
    }
}

/// Returns the subject of the event that a conversation with a node was read.
pub(super) fn subject_of(node: NodeId) -> Uuid {
    Uuid::from_u128(node.number().into())
}

fn node_of(subject: Uuid) -> Result<NodeId> {
    let number = u32::try_from(subject.as_u128()).map_err(|_| Error::Corrupt(format!("{subject} names no node")))?;
    Ok(NodeId::from_number(number))
}

fn hex_list(ids: &[Uuid]) -> String {
    let hex: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
    serde_json::to_string(&hex).expect("texts are always JSON")
}
