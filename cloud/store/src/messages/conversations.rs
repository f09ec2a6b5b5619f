//! What a member and the nodes said to each other.

use crate::{
    Result, Store,
    db::{Tx, on_reader, on_tx},
    messages::{
        columns::parse_status,
        events::{self, EventKind},
        follow,
        rows::{InboundColumns, InboundRow, MessageColumns, MessageRow},
    },
    types::{At, Node, unsigned},
    users::{self, Peer, PeerColumns},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Status, Timestamp};
use std::fmt;
use uuid::Uuid;

/// The most conversations, or texts of one, listed at once.
const MAX_PAGE: u32 = 200;

/// A conversation, as a list shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Conversation {
    /// With whom.
    pub node: NodeId,
    /// The number of the last text, by which the list is ordered.
    pub last_seq: i64,
    /// When that was.
    pub last_at: Timestamp,
    /// What it says.
    pub last_text: String,
    /// What became of it, if it is the member's own.
    pub last_status: Option<Status>,
    /// How many of the node's texts the member has not read.
    pub unread: u64,
    /// Up to which text the member has read it.
    pub read_seq: i64,
    /// What is known of the node; nothing if it was never heard.
    pub peer: Option<Peer>,
}

/// How far a member has read a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    /// With whom.
    pub node: NodeId,
    /// Up to which text.
    pub read_seq: i64,
    /// How many later texts of the node's there are.
    pub unread: u64,
}

/// A text of a conversation.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a page has some dozens, and most are the member's own")]
pub enum Said {
    /// The member's own.
    Sent(MessageRow),
    /// The node's.
    Received(InboundRow),
}

/// Where a page of a conversation lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFrom {
    /// The first texts after the one with this number; 0 is before all.
    After(i64),
    /// The last texts before the one with this number; `i64::MAX` is after all.
    Before(i64),
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("node", &self.node).field("last_seq", &self.last_seq).finish_non_exhaustive()
    }
}

impl Said {
    /// Returns its number: later texts have greater ones.
    pub fn seq(&self) -> i64 {
        match self {
            Self::Sent(message) => message.seq,
            Self::Received(text) => text.seq.unwrap_or(0),
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    node_id: Node,
    last_seq: i64,
    last_at: At,
    sent: Option<String>,
    status: Option<String>,
    received: Option<String>,
    unread: i64,
    read_seq: i64,
    #[sqlx(flatten)]
    peer: PeerColumns,
}

impl TryFrom<Row> for Conversation {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            node: row.node_id.0,
            last_seq: row.last_seq,
            last_at: row.last_at.0,
            last_text: row.sent.or(row.received).unwrap_or_default(),
            last_status: row.status.as_deref().map(parse_status).transpose()?,
            unread: unsigned(row.unread, "a number of texts")?,
            read_seq: row.read_seq,
            peer: row.peer.into(),
        })
    }
}

impl Store {
    /// Lists a member's conversations, the one with the latest text first: at most `limit` whose last text has a number
    /// below `before`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn conversations(&self, user: Uuid, before: Option<i64>, limit: u32) -> Result<Vec<Conversation>> {
        const SQL: &str = "select c.node_id, c.last_seq, c.last_at, c.read_seq, m.text as sent, m.status, t.text as received,
                                  p.long_name, p.short_name, p.unmessagable, p.key_changed_at, p.last_heard,
                                  (select count(*) from inbound_texts n
                                    where n.user_id = c.user_id and n.from_node = c.node_id and n.seq > c.read_seq) as unread
                             from conversations c
                             left join messages m on m.user_id = c.user_id and m.seq = c.last_seq
                             left join inbound_texts t on t.user_id = c.user_id and t.seq = c.last_seq
                             left join nodes p on p.id = (select i.node from node_identities i where i.node_id = c.node_id limit 1)
                            where c.user_id = $1 and c.last_seq < $2
                            order by c.last_seq desc
                            limit $3";
        let (before, limit) = (before.unwrap_or(i64::MAX), i64::from(limit.min(MAX_PAGE)));
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(user).bind(before).bind(limit).fetch_all(db))?;
        rows.into_iter().map(Conversation::try_from).collect()
    }

    /// Returns a page of a conversation, at most `limit` texts in their order.
    ///
    /// # Errors
    /// As the database does.
    pub async fn conversation(&self, user: Uuid, node: NodeId, from: PageFrom, limit: u32) -> Result<Vec<Said>> {
        const NEWEST: &str = "select event_seq from users where id = $1";
        const SENT: [&str; 2] = [
            "select * from messages where user_id = $1 and node_id = $2 and seq > $3 and seq < $4 order by seq limit $5",
            "select * from messages where user_id = $1 and node_id = $2 and seq > $3 and seq < $4 order by seq desc limit $5",
        ];
        const RECEIVED: [&str; 2] = [
            "select * from inbound_texts where user_id = $1 and from_node = $2 and seq > $3 and seq < $4 order by seq limit $5",
            "select * from inbound_texts where user_id = $1 and from_node = $2 and seq > $3 and seq < $4 order by seq desc limit $5",
        ];
        let limit = limit.min(MAX_PAGE);
        // Numbers become visible in their order, so up to this one nothing is still to come between the two statements:
        // whoever goes on from the page's last text misses none.
        let newest: Option<i64> = on_reader!(self, |db| sqlx::query_scalar(NEWEST).bind(user).fetch_optional(db))?;
        let end = newest.unwrap_or(0).saturating_add(1);
        let (direction, after, before) = match from {
            PageFrom::After(seq) => (0, seq, end),
            PageFrom::Before(seq) => (1, 0, seq.min(end)),
        };
        let sent: Vec<MessageColumns> = on_reader!(self, |db| {
            sqlx::query_as(SENT[direction]).bind(user).bind(Node(node)).bind(after).bind(before).bind(i64::from(limit)).fetch_all(db)
        })?;
        let received: Vec<InboundColumns> = on_reader!(self, |db| {
            sqlx::query_as(RECEIVED[direction]).bind(user).bind(Node(node)).bind(after).bind(before).bind(i64::from(limit)).fetch_all(db)
        })?;
        let mut page = Vec::with_capacity(sent.len() + received.len());
        for row in sent {
            page.push(Said::Sent(row.try_into()?));
        }
        for row in received {
            page.push(Said::Received(row.try_into()?));
        }
        page.sort_by_key(Said::seq);
        let (limit, surplus) = (limit as usize, page.len().saturating_sub(limit as usize));
        match from {
            PageFrom::After(_) => page.truncate(limit),
            PageFrom::Before(_) => drop(page.drain(..surplus)),
        }
        Ok(page)
    }

    /// Notes that a member has read a conversation up to the text with this number, and returns how far it is read then; nothing
    /// if there is no such conversation. What was read stays read.
    ///
    /// # Errors
    /// As the database does.
    pub async fn mark_read(&self, user: Uuid, node: NodeId, up_to: i64, now: Timestamp) -> Result<Option<ReadMark>> {
        const SQL: &str = "update conversations
                              set read_seq = case when $3 < last_seq then $3 else last_seq end
                            where user_id = $1 and node_id = $2 and read_seq < $3 and read_seq < last_seq";
        let mut tx = self.begin().await?;
        users::lock(&mut tx, user).await?;
        let rows =
            on_tx!(tx, |db| { sqlx::query(SQL).bind(user).bind(Node(node)).bind(up_to).execute(db).map_ok(|done| done.rows_affected()) })?;
        if rows > 0 {
            events::append(&mut tx, user, EventKind::ConversationRead, follow::subject_of(node), now).await?;
            tx.commit().await?;
        }
        self.read_mark(user, node).await
    }

    /// Returns how far a member has read a conversation.
    pub(super) async fn read_mark(&self, user: Uuid, node: NodeId) -> Result<Option<ReadMark>> {
        const SQL: &str = "select c.read_seq, (select count(*) from inbound_texts n
                                                where n.user_id = c.user_id and n.from_node = c.node_id and n.seq > c.read_seq)
                             from conversations c
                            where c.user_id = $1 and c.node_id = $2";
        let row: Option<(i64, i64)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(user).bind(Node(node)).fetch_optional(db))?;
        row.map(|(read_seq, unread)| Ok(ReadMark { node, read_seq, unread: unsigned(unread, "a number of texts")? })).transpose()
    }
}

/// Continues a member's conversation with a node, or begins it, inside the use-case that has numbered the text.
pub(super) async fn continue_with(tx: &mut Tx, user: Uuid, node: NodeId, seq: i64, at: Timestamp) -> Result<()> {
    const SQL: &str = "insert into conversations (user_id, node_id, last_seq, last_at)
                       values ($1, $2, $3, $4)
                       on conflict (user_id, node_id) do update set last_seq = excluded.last_seq, last_at = excluded.last_at";
    on_tx!(tx, |db| sqlx::query(SQL).bind(user).bind(Node(node)).bind(seq).bind(At(at)).execute(db).map_ok(drop))?;
    Ok(())
}
