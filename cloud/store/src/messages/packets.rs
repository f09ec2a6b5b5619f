//! The packets that messages went out in: what acknowledgements and answers on the mesh refer to.

use crate::{
    Error, Result, Store,
    db::{Tx, on_reader, on_tx},
    messages::columns::{parse_bridge, parse_packet},
    types::{At, Node, unsigned},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, NodeId, PacketId, Timestamp, packet_id};
use kosmo_failpoints::fail_point;
use uuid::Uuid;

/// The attempts that a packet is looked for among whose message has not told of any.
const FORETOLD_ATTEMPTS: u8 = 8;

/// A packet that a message was, or was about to be, given to a radio in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPacket {
    /// Which attempt, from 0.
    pub attempt: u8,
    /// The id of the packet on the mesh.
    pub packet_id: PacketId,
    /// The radio's node, which the mesh sees as the sender.
    pub radio: NodeId,
    /// The bridge of that radio.
    pub bridge: BridgeId,
    /// When it was handed over, by the bridge's clock.
    pub at: Timestamp,
    /// When that became known here.
    pub recorded_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    attempt: i64,
    packet_id: i64,
    radio: Node,
    bridge: String,
    at: At,
    recorded_at: At,
}

impl TryFrom<Row> for SentPacket {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let attempt = unsigned(row.attempt, "an attempt")?;
        Ok(Self {
            attempt: u8::try_from(attempt).map_err(|_| Error::Corrupt(format!("{attempt} is no attempt")))?,
            packet_id: parse_packet(row.packet_id)?,
            radio: row.radio.0,
            bridge: parse_bridge(&row.bridge)?,
            at: row.at.0,
            recorded_at: row.recorded_at.0,
        })
    }
}

impl Store {
    /// Returns the packets that a message went out in, by attempt.
    pub(super) async fn sent_packets(&self, message: Uuid) -> Result<Vec<SentPacket>> {
        const SQL: &str =
            "select attempt, packet_id, radio, bridge, at, recorded_at from sent_packets where message_id = $1 order by attempt";
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(message).fetch_all(db))?;
        rows.into_iter().map(SentPacket::try_from).collect()
    }
}

/// Remembers the packet of an attempt, and tells whether it was not known before.
pub(super) async fn remember(tx: &mut Tx, message: Uuid, packet: &SentPacket) -> Result<bool> {
    const SQL: &str = "insert into sent_packets (message_id, attempt, packet_id, radio, bridge, at, recorded_at)
                       values ($1, $2, $3, $4, $5, $6, $7)
                       on conflict (message_id, attempt) do nothing";
    let rows = on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(message)
            .bind(i64::from(packet.attempt))
            .bind(i64::from(packet.packet_id.0))
            .bind(Node(packet.radio))
            .bind(packet.bridge.as_str())
            .bind(At(packet.at))
            .bind(At(packet.recorded_at))
            .execute(db)
            .map_ok(|done| done.rows_affected())
    })?;
    fail_point!("hand_over::written");
    Ok(rows > 0)
}

/// The message that a packet bore.
#[derive(Debug, Clone, Copy)]
pub(super) struct Borne {
    pub(super) message: Uuid,
    pub(super) user: Uuid,
    /// Whom the message was for.
    pub(super) node: NodeId,
    /// The radio that sent the packet.
    pub(super) radio: NodeId,
}

/// Finds the message that an answer refers to. Ids of packets recur over the years; the packet that went to the one who
/// answers counts first, then the one that was sent by the radio which the answer is addressed to, then the latest.
pub(super) async fn find(tx: &mut Tx, id: PacketId, from: NodeId, to: NodeId) -> Result<Option<Borne>> {
    const SQL: &str = "select p.message_id, m.user_id, m.node_id, p.radio
                         from sent_packets p join messages m on m.id = p.message_id
                        where p.packet_id = $1
                        order by case when m.node_id = $2 then 0 else 1 end,
                                 case when p.radio = $3 then 0 else 1 end,
                                 p.recorded_at desc
                        limit 1";
    if !id.is_given() {
        return Ok(None);
    }
    let row: Option<(Uuid, Uuid, Node, Node)> =
        on_tx!(tx, |db| sqlx::query_as(SQL).bind(i64::from(id.0)).bind(Node(from)).bind(Node(to)).fetch_optional(db))?;
    Ok(row.map(|(message, user, node, radio)| Borne { message, user, node: node.0, radio: radio.0 }))
}

/// Finds the message that its addressee answers by this packet before its bridge's word of the packet is here: records overtake
/// each other where a broker dies between them. The id follows from the message, so that it tells all the same. `bridge` is who
/// heard the answer, at the radio that it is addressed to.
pub(super) async fn foretell(tx: &mut Tx, id: PacketId, from: NodeId, to: NodeId, bridge: &BridgeId) -> Result<Option<Borne>> {
    const SQL: &str = "select m.id, m.user_id
                         from messages m
                        where m.node_id = $1 and m.granted_bridge = $2
                        order by m.created_at desc
                        limit 100";
    if !id.is_given() {
        return Ok(None);
    }
    let rows: Vec<(Uuid, Uuid)> = on_tx!(tx, |db| sqlx::query_as(SQL).bind(Node(from)).bind(bridge.as_str()).fetch_all(db))?;
    let bears = |message: &Uuid| (0..FORETOLD_ATTEMPTS).any(|attempt| packet_id(message.as_u128(), attempt) == id);
    Ok(rows.into_iter().find(|(message, _)| bears(message)).map(|(message, user)| Borne { message, user, node: from, radio: to }))
}

/// Tells whether this is a radio that members' texts were sent with: what is addressed to it is addressed to us.
pub(super) async fn is_radio_of_ours(tx: &mut Tx, node: NodeId) -> Result<bool> {
    const SQL: &str = "select count(*) from (select 1 from sent_packets where radio = $1 limit 1) known";
    let known: i64 = on_tx!(tx, |db| sqlx::query_scalar(SQL).bind(Node(node)).fetch_one(db))?;
    Ok(known > 0)
}

/// Tells whether a packet is one of ours that this radio sent.
pub(super) async fn is_sent(tx: &mut Tx, id: PacketId, radio: NodeId) -> Result<bool> {
    const SQL: &str = "select count(*) from (select 1 from sent_packets where packet_id = $1 and radio = $2 limit 1) known";
    let known: i64 = on_tx!(tx, |db| sqlx::query_scalar(SQL).bind(i64::from(id.0)).bind(Node(radio)).fetch_one(db))?;
    Ok(known > 0)
}
