//! What is said to everybody on a channel: heard by bridges, or written by operators.
//!
//! A channel is told by its name and hash, as the mesh does. What was said on one that is private, or was when it was said, is shown to
//! operators alone.

use crate::{
    Change, Error, Result, Store,
    db::{Tx, TxDb, on_reader, on_tx},
    messages::{
        accept,
        columns::{parse_bridge, parse_packet, parse_status},
        events::{self, EventKind},
        inbound::InboundText,
        timeline,
    },
    types::{At, Node, storable},
    users,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, DAY, NodeId, PacketId, Period, Status, Timestamp};
use std::fmt;
use uuid::Uuid;

/// The most texts that are listed at once.
const MAX_PAGE: u32 = 200;
/// The longest text, in bytes.
const MAX_TEXT: usize = 1024;

/// Which channel is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName {
    /// What it is called.
    pub name: String,
    /// What its packets show on the air.
    pub hash: u8,
}

/// Who reads what was said on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody: what was said since the channel is public, by nodes that want to be shown.
    Everybody {
        /// Since when it is.
        since: Option<Timestamp>,
    },
    /// Operators, who read everything.
    Operators,
}

/// A text to everybody on a channel.
#[derive(Clone, PartialEq)]
pub struct ChannelText {
    /// Its id.
    pub id: Uuid,
    /// Who sent it; nothing while an operator's has not been handed over.
    pub from: Option<NodeId>,
    /// The sender's id for its packet; 0 if it has none.
    pub packet_id: PacketId,
    /// What it says.
    pub text: String,
    /// The packet it answers or reacts to.
    pub reply_to: Option<PacketId>,
    /// Whether it is a reaction.
    pub reaction: bool,
    /// Whether a router had kept it for those who were not there.
    pub stored: bool,
    /// The bridge that heard it first, or sent it.
    pub bridge: Option<BridgeId>,
    /// When it was heard, or written.
    pub heard_at: Timestamp,
    /// When it arrived here; pages are ordered by it.
    pub received_at: Timestamp,
    /// How it stands, if an operator wrote it here. It is never delivered: nobody can confirm for everybody.
    pub status: Option<Status>,
}

/// A text that an operator wants sent to everybody on a channel.
#[derive(Clone)]
pub struct NewChannelText {
    /// The id it shall have: a UUIDv7.
    pub id: Uuid,
    /// In whose name.
    pub user: Uuid,
    /// On which channel.
    pub channel: ChannelName,
    /// As it was written.
    pub text: String,
    /// As it shall go on the air.
    pub air_text: String,
    /// Until when it may be given to a radio.
    pub deadline: Timestamp,
}

impl fmt::Debug for ChannelText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelText").field("id", &self.id).field("from", &self.from).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewChannelText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewChannelText").field("id", &self.id).field("channel", &self.channel).finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    from_node: Option<Node>,
    packet_id: i64,
    text: String,
    reply_to: Option<i64>,
    reaction: bool,
    stored: bool,
    bridge: Option<String>,
    heard_at: At,
    received_at: At,
    status: Option<String>,
}

impl TryFrom<Row> for ChannelText {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            from: row.from_node.map(NodeId::from),
            packet_id: parse_packet(row.packet_id)?,
            text: row.text,
            reply_to: row.reply_to.map(parse_packet).transpose()?,
            reaction: row.reaction,
            stored: row.stored,
            bridge: row.bridge.as_deref().map(parse_bridge).transpose()?,
            heard_at: row.heard_at.0,
            received_at: row.received_at.0,
            status: row.status.as_deref().map(parse_status).transpose()?,
        })
    }
}

impl Store {
    /// Returns what was said on a channel since `since`, the latest first: at most `limit` texts before the one that arrived at `before`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn channel_texts(
        &self,
        channel: &ChannelName,
        audience: Audience,
        before: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<Vec<ChannelText>> {
        const SQL: &str = "select c.id, coalesce(c.from_node, p.radio) as from_node,
                                  case when c.packet_id <> 0 then c.packet_id else coalesce(p.packet_id, 0) end as packet_id,
                                  c.text, c.reply_to, c.reaction, c.stored, coalesce(c.bridge, p.bridge) as bridge,
                                  c.heard_at, c.received_at, m.status
                             from channel_texts c
                             left join messages m on m.id = c.message_id
                             left join sent_packets p on p.message_id = c.message_id
                                                     and p.attempt = (select max(o.attempt) from sent_packets o where o.message_id = c.message_id)
                            where c.channel_name = $1 and c.channel_hash = $2 and c.received_at >= $3
                              and (c.received_at < $4 or (c.received_at = $4 and c.id < $5))
                              and (not $7 or c.from_node is null
                                   or not exists (select 1 from node_identities i join nodes n on n.id = i.node
                                                   where i.node_id = c.from_node and n.hidden <> 0))
                            order by c.received_at desc, c.id desc
                            limit $6";
        let (before, id) = before.unwrap_or((Timestamp::MAX, Uuid::max()));
        let (since, is_everybody) = match audience {
            Audience::Everybody { since } => (since.unwrap_or(Timestamp::EPOCH), true),
            Audience::Operators => (Timestamp::EPOCH, false),
        };
        let rows: Vec<Row> = on_reader!(self, |db| {
            sqlx::query_as(SQL)
                .bind(&channel.name)
                .bind(i64::from(channel.hash))
                .bind(At(since))
                .bind(At(before))
                .bind(id)
                .bind(i64::from(limit.min(MAX_PAGE)))
                .bind(is_everybody)
                .fetch_all(db)
        })?;
        rows.into_iter().map(ChannelText::try_from).collect()
    }

    /// Has a text of an operator's sent to everybody on a channel, by whichever bridge is on it. It costs no quota.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a text that no packet carries; as the database does. Tells whether there is such a member.
    pub async fn send_to_channel(&self, new: &NewChannelText, now: Timestamp) -> Result<bool> {
        const MESSAGE: &str =
            "insert into messages (id, user_id, seq, node_id, text, air_text, created_at, deadline, period_start, status, charge,
                                                     next_offer_at, channel_name, channel_hash)
                               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', 'released', $7, $10, $11)";
        const TEXT: &str = "insert into channel_texts (id, channel_name, channel_hash, packet_id, text, reaction, stored, heard_at, received_at, message_id)
                            values ($1, $2, $3, 0, $4, $5, $5, $6, $6, $1)";
        if new.text.len().max(new.air_text.len()) > MAX_TEXT {
            return Err(Error::TooLarge { what: "a text", max: MAX_TEXT });
        }
        let mut tx = self.begin().await?;
        let Some(user) = users::lock(&mut tx, new.user).await? else { return Ok(false) };
        let (period, hash) = (Period::at(user.anchor, now), i64::from(new.channel.hash));
        let seq = events::append(&mut tx, new.user, EventKind::MessageAccepted, new.id, now).await?;
        on_tx!(tx, |db| {
            sqlx::query(MESSAGE)
                .bind(new.id)
                .bind(new.user)
                .bind(seq)
                .bind(Node(NodeId::BROADCAST))
                .bind(storable(&new.text, MAX_TEXT))
                .bind(storable(&new.air_text, MAX_TEXT))
                .bind(At(now))
                .bind(At(new.deadline))
                .bind(At(period.start))
                .bind(&new.channel.name)
                .bind(hash)
                .execute(db)
                .map_ok(drop)
        })?;
        on_tx!(tx, |db| {
            sqlx::query(TEXT)
                .bind(new.id)
                .bind(&new.channel.name)
                .bind(hash)
                .bind(storable(&new.air_text, MAX_TEXT))
                .bind(false)
                .bind(At(now))
                .execute(db)
                .map_ok(drop)
        })?;
        timeline::begin(&mut tx, new.id, now).await?;
        accept::enqueue_offer(&mut tx, new.id, now).await?;
        tx.tell(Change::Chat(new.channel.name.clone(), new.channel.hash));
        tx.commit().await?;
        Ok(true)
    }
}

/// Stores what was heard on a channel inside another use-case, unless it was told of before, and returns whether it was not: a bridge
/// and an uplink may tell of the same packet.
pub(super) async fn store(
    tx: &mut Tx,
    bridge: &BridgeId,
    channel: &ChannelName,
    text: &InboundText,
    heard_at: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    const KNOWN: &str = "select count(*) from (select 1 from channel_texts
                                                where channel_name = $1 and channel_hash = $2 and received_at >= $3
                                                  and from_node = $4 and packet_id = $5 and heard_at > $3 and heard_at < $6
                                                limit 1) known";
    const SQL: &str = "insert into channel_texts (id, channel_name, channel_hash, from_node, packet_id, text, reply_to, reaction, stored, bridge, heard_at, received_at)
                       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    if text.packet_id.is_given() {
        alone(tx, text).await?;
        let known: i64 = on_tx!(tx, |db| {
            sqlx::query_scalar(KNOWN)
                .bind(storable(&channel.name, 32))
                .bind(i64::from(channel.hash))
                .bind(At(heard_at.minus(DAY)))
                .bind(Node(text.from))
                .bind(i64::from(text.packet_id.0))
                .bind(At(heard_at.plus(DAY)))
                .fetch_one(db)
        })?;
        if known > 0 {
            return Ok(false);
        }
    }
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(text.id)
            .bind(storable(&channel.name, 32))
            .bind(i64::from(channel.hash))
            .bind(Node(text.from))
            .bind(i64::from(text.packet_id.0))
            .bind(storable(&text.text, MAX_TEXT))
            .bind(text.reply_to.map(|id| i64::from(id.0)))
            .bind(text.reaction)
            .bind(text.stored)
            .bind(bridge.as_str())
            .bind(At(heard_at))
            .bind(At(now))
            .execute(db)
            .map_ok(drop)
    })?;
    tx.tell(Change::Chat(channel.name.clone(), channel.hash));
    Ok(true)
}

/// Has one process at a time look whether a packet's text is known, or two would each take it for new.
async fn alone(tx: &mut Tx, text: &InboundText) -> Result<()> {
    match &mut tx.db {
        // SQLite has one writer.
        TxDb::Sqlite(_) => {}
        TxDb::Postgres(tx) => {
            let name = (i64::from(text.from.number()) << 32) | i64::from(text.packet_id.0);
            sqlx::query("select pg_advisory_xact_lock($1)").bind(name).execute(&mut **tx).await?;
        }
    }
    Ok(())
}
