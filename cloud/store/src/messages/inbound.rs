//! Texts heard on the mesh: whose each is, and what an answer proves.
//!
//! Only what is addressed to a bridge's radio, and answers to members' packets, reach members; the talk of channels is kept by
//! channel. A text is its message's sender's if it answers a packet, else the one member's who wrote to its sender lately,
//! else the operators'.

use crate::{
    Result,
    db::{Tx, on_tx},
    messages::{
        chat::{self, ChannelName},
        conversations,
        events::{self, EventKind},
        facts::{self, Change, Teller},
        packets::{self, Borne},
        rows,
    },
    network::Kind,
    types::{At, Node, storable},
    users,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, CLOCK_TOLERANCE, DAY, DeliveryEvidence, Fact, NodeId, PacketId, Timestamp};
use kosmo_failpoints::fail_point;
use std::{fmt, time::Duration};
use uuid::Uuid;

/// The most that is kept of a text, in bytes; no packet carries more.
const MAX_TEXT: usize = 1024;

/// A text that a bridge heard.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are facts about a packet, independent of each other")]
pub struct InboundText {
    /// The id it shall have: a UUIDv7.
    pub id: Uuid,
    /// Who claims to have sent it.
    pub from: NodeId,
    /// Whom it is addressed to.
    pub to: NodeId,
    /// The sender's id for its packet.
    pub packet_id: PacketId,
    /// Whether `to` is known as a bridge's radio. The store knows those besides that members' texts went out by.
    pub to_bridge: bool,
    /// Whether it was heard over LoRa itself: neither through MQTT, nor stored and forwarded.
    pub over_lora: bool,
    /// What it says.
    pub text: String,
    /// The packet it answers or reacts to.
    pub reply_to: Option<PacketId>,
    /// Whether it is a reaction.
    pub reaction: bool,
    /// Whether a router had kept it for those who were not there.
    pub stored: bool,
    /// The channel it was said on to everybody.
    pub channel: Option<ChannelName>,
}

impl fmt::Debug for InboundText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What people write to each other stands in no log.
        f.debug_struct("InboundText").field("id", &self.id).field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// Whose a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    /// The sender's of the message that it answers.
    Answer {
        /// The member.
        user: Uuid,
        /// The message.
        message: Uuid,
    },
    /// The one member's who wrote to its sender lately.
    Correspondent {
        /// The member.
        user: Uuid,
    },
    /// The operators'.
    Operators,
    /// Everybody's on a channel.
    Channel,
    /// Nobody's: talk of a channel that its bridge does not name.
    Dropped,
    /// It was stored before.
    Known,
}

/// Stores a text inside a use-case, unless it is known or nobody's, and draws from an answer what it proves.
pub(super) async fn take(
    tx: &mut Tx,
    bridge: &BridgeId,
    text: &InboundText,
    heard_at: Timestamp,
    window: Duration,
    now: Timestamp,
) -> Result<(Routed, Option<Change>)> {
    let answered = match text.reply_to {
        Some(packet) => match packets::find(tx, packet, text.from, text.to).await? {
            None if text.to_bridge => packets::foretell(tx, packet, text.from, text.to, bridge).await?,
            found => found,
        },
        None => None,
    };
    let to_bridge = text.to_bridge || packets::is_radio_of_ours(tx, text.to).await?;
    let answered = answered.filter(|borne| to_bridge || borne.node == text.from);
    // Another bridge may have heard it better: what it proves is drawn even from a text that is known.
    let change = match answered {
        Some(borne) if proves_delivery(text, borne) => prove(tx, bridge, borne, heard_at, now).await?,
        Some(_) | None => None,
    };
    let chat = text.channel.as_ref().filter(|_| text.to.is_broadcast());
    if answered.is_none() && !to_bridge && chat.is_none() {
        return Ok((Routed::Dropped, change));
    }
    if !is_new(tx, text, heard_at).await? {
        return Ok((Routed::Known, change));
    }
    let mut is_told = true;
    if let Some(channel) = chat {
        // Our own are there since they were written, whichever bridge hears them.
        if packets::is_radio_of_ours(tx, text.from).await? && packets::is_sent(tx, text.packet_id, text.from).await? {
            return Ok((Routed::Known, change));
        }
        is_told = chat::store(tx, bridge, channel, text, heard_at, now).await?;
    }
    if answered.is_none() && !to_bridge && !is_told {
        return Ok((Routed::Known, change));
    }
    if answered.is_none() && !to_bridge {
        tx.tally.count(Kind::TextHeard, 1, now);
        tx.tally.count(Kind::Packet, 1, now);
        return Ok((Routed::Channel, change));
    }
    let routed = match answered {
        Some(borne) => Routed::Answer { user: borne.user, message: borne.message },
        None => correspondent(tx, text.from, heard_at, window).await?.map_or(Routed::Operators, |user| Routed::Correspondent { user }),
    };
    store(tx, bridge, text, routed, heard_at, now).await?;
    tx.tally.count(Kind::TextHeard, 1, now);
    tx.tally.count(Kind::Packet, 1, now);
    Ok((routed, change))
}

/// Tells whether the answer proves that the destination's radio had the packet: it is the destination's, addressed to the
/// radio that sent the packet, and was heard over LoRa itself.
fn proves_delivery(text: &InboundText, borne: Borne) -> bool {
    text.over_lora && text.from == borne.node && text.to == borne.radio
}

async fn prove(tx: &mut Tx, bridge: &BridgeId, borne: Borne, at: Timestamp, now: Timestamp) -> Result<Option<Change>> {
    let Some(row) = rows::lock(tx, borne.message).await? else { return Ok(None) };
    let facts = [(Fact::Delivered(DeliveryEvidence::Reply), at), (Fact::Answered, at)];
    facts::add(tx, row, &facts, &Teller::Bridge(bridge.clone()), now).await.map(Some)
}

/// Tells whether the text was not heard within a day, and remembers it. One statement that guards itself, because two
/// bridges' records may be stored side by side.
async fn is_new(tx: &mut Tx, text: &InboundText, heard_at: Timestamp) -> Result<bool> {
    const SQL: &str = "insert into inbound_packets (from_node, packet_id, heard_at)
                       values ($1, $2, $3)
                       on conflict (from_node, packet_id) do update
                          set heard_at = excluded.heard_at
                        where inbound_packets.heard_at <= $4 or inbound_packets.heard_at >= $5";
    if !text.packet_id.is_given() {
        return Ok(true);
    }
    let rows = on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(Node(text.from))
            .bind(i64::from(text.packet_id.0))
            .bind(At(heard_at))
            .bind(At(heard_at.minus(DAY)))
            .bind(At(heard_at.plus(DAY)))
            .execute(db)
            .map_ok(|done| done.rows_affected())
    })?;
    Ok(rows > 0)
}

/// Returns the one member who wrote to the node within the window before; nothing if none did, or several. What was surely
/// not sent cannot be meant, nor what was written after the text was heard, as far as clocks can tell.
async fn correspondent(tx: &mut Tx, node: NodeId, heard_at: Timestamp, window: Duration) -> Result<Option<Uuid>> {
    const SQL: &str = "select distinct user_id
                         from messages
                        where node_id = $1 and created_at >= $2 and created_at <= $3 and charge <> 'released'
                        limit 2";
    let (since, until) = (At(heard_at.minus(window)), At(heard_at.plus(CLOCK_TOLERANCE)));
    let users: Vec<Uuid> = on_tx!(tx, |db| sqlx::query_scalar(SQL).bind(Node(node)).bind(since).bind(until).fetch_all(db))?;
    Ok(match users.as_slice() {
        [user] => Some(*user),
        _ => None,
    })
}

async fn store(tx: &mut Tx, bridge: &BridgeId, text: &InboundText, routed: Routed, heard_at: Timestamp, now: Timestamp) -> Result<()> {
    const SQL: &str = "insert into inbound_texts (id, user_id, seq, from_node, to_node, packet_id, text, reply_to, reaction, bridge, heard_at, received_at, message_id)
                       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let (user, message) = match routed {
        Routed::Answer { user, message } => (Some(user), Some(message)),
        Routed::Correspondent { user } => (Some(user), None),
        Routed::Operators | Routed::Channel | Routed::Dropped | Routed::Known => (None, None),
    };
    let seq = match user {
        Some(user) => {
            users::lock(tx, user).await?;
            let seq = events::append(tx, user, EventKind::TextReceived, text.id, now).await?;
            conversations::continue_with(tx, user, text.from, seq, heard_at).await?;
            Some(seq)
        }
        None => None,
    };
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(text.id)
            .bind(user)
            .bind(seq)
            .bind(Node(text.from))
            .bind(Node(text.to))
            .bind(i64::from(text.packet_id.0))
            .bind(storable(&text.text, MAX_TEXT))
            .bind(text.reply_to.map(|id| i64::from(id.0)))
            .bind(text.reaction)
            .bind(bridge.as_str())
            .bind(At(heard_at))
            .bind(At(now))
            .bind(message)
            .execute(db)
            .map_ok(drop)
    })?;
    fail_point!("inbound::written");
    Ok(())
}
