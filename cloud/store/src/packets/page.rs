//! Reading the log.

use crate::{
    Result, Store,
    db::on_reader,
    ingest::Reception,
    packets::Teller,
    types::{At, Node},
    uplinks::{self, UplinkReception},
};
use kosmo_domain::{DAY, NodeId, PacketId};
use std::collections::BTreeMap;

/// The most packets of a page.
pub const MAX_PAGE: u32 = 500;
/// The most gateways that are told of one packet.
const MOST_RECEPTIONS: usize = 500;

/// Which packets are looked for. What is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PacketFilter {
    /// Sent by this node, or to it.
    pub node: Option<NodeId>,
    /// Of this port.
    pub port: Option<u32>,
    /// First told of by this bridge or uplink.
    pub gateway: Option<String>,
    /// On the channel of this name, unless that is private.
    pub channel: Option<String>,
    /// With this in what they say, small or capital; of those alone whose contents are for everybody.
    pub text: Option<String>,
}

/// A packet of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct PacketRow {
    /// Its place in the log; later ones have greater numbers.
    pub id: i64,
    /// Who claims to have sent it.
    pub from: NodeId,
    /// The sender's id for it.
    pub packet_id: PacketId,
    /// Whom it is for.
    pub to: Option<NodeId>,
    /// Its port, if it could be decrypted.
    pub port: Option<u32>,
    /// Who told of it first.
    pub gateway: String,
    /// Whether that is a bridge or an uplink.
    pub teller: Teller,
    /// The channel.
    pub channel: Option<String>,
    /// Whether what it says is not for everybody.
    pub private: bool,
    /// How it was received by whoever told of it first, and when.
    pub reception: Reception,
    /// How many bytes of payload it has.
    pub bytes: Option<u32>,
    /// How often it was told of.
    pub receptions: u64,
    /// What it says: a JSON object.
    pub fields: Option<String>,
}

/// How one gateway received a packet.
#[derive(Debug, Clone, PartialEq)]
pub struct PacketReception {
    /// The bridge, or the node that published it.
    pub gateway: String,
    /// How, and when.
    pub reception: Reception,
}

#[derive(sqlx::FromRow)]
struct Columns {
    id: i64,
    heard_at: At,
    sender: Node,
    packet_id: i64,
    addressee: Option<i64>,
    port: Option<i64>,
    gateway: String,
    uplink: bool,
    channel: Option<String>,
    private: bool,
    snr_db: Option<f32>,
    rssi_dbm: Option<i64>,
    hops_away: Option<i64>,
    relay_node: Option<i64>,
    via_mqtt: bool,
    bytes: Option<i64>,
    receptions: i64,
    fields: Option<String>,
}

impl From<Columns> for PacketRow {
    fn from(row: Columns) -> Self {
        Self {
            id: row.id,
            from: row.sender.0,
            packet_id: PacketId(small(row.packet_id).unwrap_or(0)),
            to: row.addressee.and_then(small).map(NodeId::from_number),
            port: row.port.and_then(small),
            gateway: row.gateway,
            teller: if row.uplink { Teller::Uplink } else { Teller::Bridge },
            channel: row.channel.filter(|_| !row.private),
            private: row.private,
            reception: Reception {
                at: row.heard_at.0,
                snr_db: row.snr_db,
                rssi_dbm: row.rssi_dbm.and_then(small),
                hops_away: row.hops_away.and_then(small),
                relay_node: row.relay_node.and_then(small),
                via_mqtt: row.via_mqtt,
            },
            bytes: row.bytes.and_then(small),
            receptions: u64::try_from(row.receptions).unwrap_or(0),
            fields: row.fields.filter(|_| !row.private),
        }
    }
}

fn small<T: TryFrom<i64>>(number: i64) -> Option<T> {
    T::try_from(number).ok()
}

impl Store {
    /// Returns the packets that fit, the latest first, with ids below `before` and above `after`; at most `limit` and [`MAX_PAGE`]. Of what
    /// comes from a node that wants not to be shown there is the header, whenever it began to.
    ///
    /// # Errors
    /// As the database does.
    pub async fn packets(&self, filter: &PacketFilter, before: Option<i64>, after: Option<i64>, limit: u32) -> Result<Vec<PacketRow>> {
        const SQL: &str = "select id, heard_at, sender, packet_id, addressee, port, gateway, uplink, channel,
                                  private or exists (select 1 from node_identities i join nodes n on n.id = i.node
                                                      where i.node_id = packets.sender and n.hidden <> 0) as private,
                                  snr_db, rssi_dbm, hops_away, relay_node, via_mqtt, bytes, receptions, fields
                             from packets
                            where id < $1
                              and id > $2
                              and ($3 is null or sender = $3 or addressee = $3)
                              and ($4 is null or port = $4)
                              and ($5 is null or gateway = $5)
                              and ($6 is null or channel = $6)
                              and ($7 is null or replace(lower(fields), $7, '') <> lower(fields))
                              and (($6 is null and $7 is null)
                                   or not exists (select 1 from node_identities i join nodes n on n.id = i.node
                                                   where i.node_id = packets.sender and n.hidden <> 0))
                            order by id desc
                            limit $8";
        let rows: Vec<Columns> = on_reader!(self, |db| {
            sqlx::query_as(SQL)
                .bind(before.unwrap_or(i64::MAX))
                .bind(after.unwrap_or(0))
                .bind(filter.node.map(Node))
                .bind(filter.port.map(i64::from))
                .bind(filter.gateway.as_deref())
                .bind(filter.channel.as_deref())
                .bind(filter.text.as_deref().map(str::to_lowercase))
                .bind(i64::from(limit.min(MAX_PAGE + 1)))
                .fetch_all(db)
        })?;
        Ok(rows.into_iter().map(PacketRow::from).collect())
    }

    /// Returns a packet of the log, and how each bridge and each node that published it received it, as far as that is still known.
    ///
    /// # Errors
    /// As the database does.
    pub async fn packet(&self, id: i64) -> Result<Option<(PacketRow, Vec<PacketReception>)>> {
        let Some(row) = self.packets(&PacketFilter::default(), id.checked_add(1), id.checked_sub(1), 1).await?.pop() else {
            return Ok(None);
        };
        let receptions = if row.packet_id.is_given() { self.receptions_of(&row).await? } else { Vec::new() };
        Ok(Some((row, receptions)))
    }

    async fn receptions_of(&self, packet: &PacketRow) -> Result<Vec<PacketReception>> {
        const SQL: &str = "select bridge, heard_at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt
                             from receptions
                            where sender = $1 and packet_id = $2 and heard_at > $3 and heard_at < $4
                            order by heard_at, bridge
                            limit 500";
        type Row = (String, At, Option<f32>, Option<i64>, Option<i64>, Option<i64>, bool);
        let at = packet.reception.at;
        let rows: Vec<Row> = on_reader!(self, |db| {
            sqlx::query_as(SQL)
                .bind(Node(packet.from))
                .bind(i64::from(packet.packet_id.0))
                .bind(At(at.minus(DAY)))
                .bind(At(at.plus(DAY)))
                .fetch_all(db)
        })?;
        // One packet may say several things, each of which is a row of its own.
        let mut by_gateway: BTreeMap<String, Reception> = BTreeMap::new();
        for (gateway, at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt) in rows {
            let reception = Reception {
                at: at.0,
                snr_db,
                rssi_dbm: rssi_dbm.and_then(small),
                hops_away: hops_away.and_then(small),
                relay_node: relay_node.and_then(small),
                via_mqtt,
            };
            by_gateway.entry(gateway).or_insert(reception);
        }
        // Of what nodes publish, the store of readings knows the broker alone; who received it is kept apart.
        let published = self.uplink_receptions(packet.from, packet.packet_id, at).await?;
        if !published.is_empty() {
            by_gateway.retain(|gateway, reception| !(reception.via_mqtt && uplinks::is_broker(gateway)));
        }
        for UplinkReception { gateway, at, snr_db, rssi_dbm, hops_away } in published {
            let reception = Reception { at, snr_db, rssi_dbm, hops_away, relay_node: None, via_mqtt: true };
            by_gateway.entry(gateway.to_string()).or_insert(reception);
        }
        Ok(by_gateway.into_iter().take(MOST_RECEPTIONS).map(|(gateway, reception)| PacketReception { gateway, reception }).collect())
    }
}
