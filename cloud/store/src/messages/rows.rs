//! Messages and texts heard, as they are stored and shown.

use crate::{
    Error, Result, Store,
    db::{Tx, on_reader, on_tx},
    messages::{
        columns::{FactColumns, parse_bridge, parse_charge, parse_packet, parse_status},
        receipts::WaitReason,
    },
    types::{At, Node},
    users,
};
use kosmo_domain::{BridgeId, Charge, Facts, NodeId, PacketId, Status, Timestamp};
use std::fmt;
use uuid::Uuid;

/// A member's text to a node.
#[derive(Clone, PartialEq)]
pub struct MessageRow {
    /// Its id.
    pub id: Uuid,
    /// Who wrote it.
    pub user: Uuid,
    /// Its place in the member's conversations: later ones have greater numbers.
    pub seq: i64,
    /// Whom it is for.
    pub node: NodeId,
    /// As it was written.
    pub text: String,
    /// As it goes on the air.
    pub air_text: String,
    /// The packet it answers.
    pub reply_to: Option<PacketId>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Until when it may be given to a radio.
    pub deadline: Timestamp,
    /// What is known of it.
    pub facts: Facts,
    /// What may be claimed of it.
    pub status: Status,
    /// What became of its quota.
    pub charge: Charge,
    /// What it waits for in its bridge, and since when; only while it is queued.
    pub waiting: Option<(WaitReason, Timestamp)>,
    /// Since when it has waited for its writer to confirm the key that its node shows; only while no bridge has it.
    pub held_at: Option<Timestamp>,
    /// When its writer asked to have it back, and a bridge had it.
    pub cancel_asked_at: Option<Timestamp>,
    /// The channel it is for everybody on: its name, and its hash.
    pub channel: Option<(String, u8)>,
}

/// A text that was heard on the mesh.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is; the operators' if it is nobody's.
    pub user: Option<Uuid>,
    /// Its place in the member's conversations, if it is a member's.
    pub seq: Option<i64>,
    /// Who sent it.
    pub from: NodeId,
    /// Whom it was addressed to.
    pub to: NodeId,
    /// The sender's id for its packet.
    pub packet_id: PacketId,
    /// What it says.
    pub text: String,
    /// The packet it answers or reacts to.
    pub reply_to: Option<PacketId>,
    /// Whether it is a reaction.
    pub reaction: bool,
    /// The bridge that heard it first.
    pub bridge: BridgeId,
    /// When that was.
    pub heard_at: Timestamp,
    /// When it arrived here.
    pub received_at: Timestamp,
    /// The message it answers.
    pub message: Option<Uuid>,
}

// What people write to each other stands in no log.

impl fmt::Debug for MessageRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRow")
            .field("id", &self.id)
            .field("seq", &self.seq)
            .field("node", &self.node)
            .field("status", &self.status)
            .field("charge", &self.charge)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InboundRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundRow")
            .field("id", &self.id)
            .field("seq", &self.seq)
            .field("from", &self.from)
            .field("packet_id", &self.packet_id)
            .finish_non_exhaustive()
    }
}

/// The columns of a message.
#[derive(sqlx::FromRow)]
pub(super) struct MessageColumns {
    id: Uuid,
    user_id: Uuid,
    seq: i64,
    node_id: Node,
    text: String,
    air_text: String,
    reply_to: Option<i64>,
    created_at: At,
    deadline: At,
    status: String,
    charge: String,
    waiting: Option<String>,
    waiting_at: Option<At>,
    held_at: Option<At>,
    cancel_asked_at: Option<At>,
    channel_name: Option<String>,
    channel_hash: Option<i64>,
    #[sqlx(flatten)]
    facts: FactColumns,
}

impl TryFrom<MessageColumns> for MessageRow {
    type Error = Error;

    fn try_from(row: MessageColumns) -> Result<Self> {
        let status = parse_status(&row.status)?;
        let waiting = row.waiting.as_deref().map(WaitReason::parse).transpose()?.zip(row.waiting_at.map(Timestamp::from));
        Ok(Self {
            id: row.id,
            user: row.user_id,
            seq: row.seq,
            node: row.node_id.0,
            text: row.text,
            air_text: row.air_text,
            reply_to: row.reply_to.map(parse_packet).transpose()?,
            created_at: row.created_at.0,
            deadline: row.deadline.0,
            facts: Facts::try_from(row.facts)?,
            status,
            charge: parse_charge(&row.charge)?,
            waiting: waiting.filter(|_| status == Status::Queued),
            held_at: row.held_at.map(Timestamp::from),
            cancel_asked_at: row.cancel_asked_at.map(Timestamp::from),
            channel: row.channel_name.zip(row.channel_hash.and_then(|hash| u8::try_from(hash).ok())),
        })
    }
}

/// The columns of a text that was heard.
#[derive(sqlx::FromRow)]
pub(super) struct InboundColumns {
    id: Uuid,
    user_id: Option<Uuid>,
    seq: Option<i64>,
    from_node: Node,
    to_node: Node,
    packet_id: i64,
    text: String,
    reply_to: Option<i64>,
    reaction: bool,
    bridge: String,
    heard_at: At,
    received_at: At,
    message_id: Option<Uuid>,
}

impl TryFrom<InboundColumns> for InboundRow {
    type Error = Error;

    fn try_from(row: InboundColumns) -> Result<Self> {
        Ok(Self {
            id: row.id,
            user: row.user_id,
            seq: row.seq,
            from: row.from_node.0,
            to: row.to_node.0,
            packet_id: parse_packet(row.packet_id)?,
            text: row.text,
            reply_to: row.reply_to.map(parse_packet).transpose()?,
            reaction: row.reaction,
            bridge: parse_bridge(&row.bridge)?,
            heard_at: row.heard_at.0,
            received_at: row.received_at.0,
            message: row.message_id,
        })
    }
}

impl Store {
    /// Returns a message of this member's; nothing if it is another's, or nobody's.
    ///
    /// # Errors
    /// As the database does.
    pub async fn message(&self, user: Uuid, id: Uuid) -> Result<Option<MessageRow>> {
        const SQL: &str = "select * from messages where id = $1 and user_id = $2";
        let row: Option<MessageColumns> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).bind(user).fetch_optional(db))?;
        row.map(MessageRow::try_from).transpose()
    }
}

/// Returns a message inside a use-case.
pub(super) async fn load(tx: &mut Tx, id: Uuid) -> Result<Option<MessageRow>> {
    const SQL: &str = "select * from messages where id = $1";
    let row: Option<MessageColumns> = on_tx!(tx, |db| sqlx::query_as(SQL).bind(id).fetch_optional(db))?;
    row.map(MessageRow::try_from).transpose()
}

/// Returns whose a message is, inside a use-case.
pub(super) async fn owner(tx: &mut Tx, id: Uuid) -> Result<Option<Uuid>> {
    const SQL: &str = "select user_id from messages where id = $1";
    Ok(on_tx!(tx, |db| sqlx::query_scalar(SQL).bind(id).fetch_optional(db))?)
}

/// Returns a message inside a use-case that changes it, with its member's row locked.
pub(super) async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<MessageRow>> {
    let Some(owner) = owner(tx, id).await? else { return Ok(None) };
    users::lock(tx, owner).await?;
    load(tx, id).await
}
