//! Writing to the log.

use crate::{
    Change, Result, Store,
    db::{Tx, TxDb, on_tx, on_writer},
    ingest::{Reception, json},
    packets::{KeepPackets, MAX_FIELDS, MAX_NAME, NewPacket, Teller},
    types::{At, Node},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, NodeId, PacketId, Timestamp};
use serde_json::json as value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// What came of logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logged {
    /// How many packets are new.
    pub new: usize,
    /// How many were told of again.
    pub again: usize,
}

/// A packet, and how many told of it.
struct Row<'a> {
    packet: &'a NewPacket,
    receptions: i64,
    port: Option<u32>,
    channel: Option<Cow<'a, str>>,
    private: bool,
    fields: Option<String>,
}

impl<'a> Row<'a> {
    fn of(packet: &'a NewPacket) -> Self {
        let channel = packet.channel.as_deref().filter(|_| !packet.private).map(|name| bounded(name, MAX_NAME));
        Self { packet, receptions: 1, port: packet.port, channel, private: packet.private, fields: fields(packet) }
    }

    /// Adds what another one tells of the same packet.
    fn merge(&mut self, other: Row<'a>) {
        self.receptions += other.receptions;
        self.port = self.port.or(other.port);
        // Where one says that it is not for everybody, it is not.
        self.private |= other.private;
        self.channel = self.channel.take().or(other.channel).filter(|_| !self.private);
        self.fields = match (self.fields.take(), other.fields) {
            (Some(ours), Some(theirs)) if ours != theirs => Some(joined(&ours, &theirs)),
            (ours, theirs) => ours.or(theirs),
        }
        .filter(|_| !self.private);
    }

    const fn key(&self) -> (NodeId, PacketId) {
        (self.packet.from, self.packet.id)
    }

    /// Returns between which times a packet of this key is the same one.
    fn span(&self) -> (Timestamp, Timestamp) {
        let at = self.packet.reception.at;
        (at.minus(DAY), at.plus(DAY))
    }
}

impl Store {
    /// Logs packets, and gives up the oldest where there are more than are to be kept. A packet that was told of before, by the
    /// same sender and id within a day, is counted once more; what was not known of it then is added.
    ///
    /// # Errors
    /// As the database does.
    pub async fn log_packets(&self, packets: &[NewPacket], keep: &KeepPackets) -> Result<Logged> {
        if packets.is_empty() || keep.number == 0 {
            return Ok(Logged::default());
        }
        let mut named: BTreeMap<(NodeId, PacketId), Row<'_>> = BTreeMap::new();
        let mut rows = Vec::new();
        for packet in packets {
            let row = Row::of(packet);
            if !packet.id.is_given() {
                rows.push(row);
            } else if let Some(known) = named.get_mut(&row.key()) {
                known.merge(row);
            } else {
                named.insert(row.key(), row);
            }
        }
        let mut tx = self.begin().await?;
        alone(&mut tx).await?;
        let known = count_again(&mut tx, &named.values().collect::<Vec<_>>()).await?;
        let again = known.len();
        rows.extend(named.into_values().filter(|row| !known.contains(&row.key())));
        // Ids grow with the time of arrival, as far as that is known.
        rows.sort_by_key(|row| row.packet.reception.at);
        if let Some(newest) = insert(&mut tx, &rows).await? {
            const SQL: &str = "delete from packets where id <= $1";
            let last = newest - i64::from(keep.number);
            on_tx!(tx, |db| sqlx::query(SQL).bind(last).execute(db).map_ok(drop))?;
            tx.tell(Change::Packets(newest));
        }
        tx.commit().await?;
        Ok(Logged { new: rows.len(), again })
    }

    /// Gives up what is older than is to be kept, and returns how much that was.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_packets(&self, keep: &KeepPackets, now: Timestamp) -> Result<u64> {
        const SQL: &str = "delete from packets where heard_at < $1";
        let before = At(now.minus(keep.age));
        on_writer!(self, |db| sqlx::query(SQL).bind(before).execute(db).map_ok(|done| done.rows_affected())).map_err(Into::into)
    }
}

/// Has one process log at a time, or two would each take the same packet for new.
async fn alone(tx: &mut Tx) -> Result<()> {
    match &mut tx.db {
        // SQLite has one writer.
        TxDb::Sqlite(_) => {}
        TxDb::Postgres(tx) => {
            sqlx::query("select pg_advisory_xact_lock(7103424)").execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Counts the packets once more that are known, adds what was not known of them, and returns which those are.
async fn count_again(tx: &mut Tx, rows: &[&Row<'_>]) -> Result<BTreeSet<(NodeId, PacketId)>> {
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let known: Vec<(Node, i64)> = match &mut tx.db {
        // Lists are JSON, which has no booleans that a column takes.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "update packets
                                  set receptions = packets.receptions + new.receptions,
                                      port = coalesce(packets.port, new.port),
                                      private = packets.private or new.private,
                                      channel = case when packets.private or new.private then null else coalesce(packets.channel, new.channel) end,
                                      fields = case when packets.private or new.private then null else coalesce(packets.fields, new.fields) end
                                 from (select value ->> 0 as sender, value ->> 1 as packet_id, value ->> 2 as receptions, value ->> 3 as port,
                                              value ->> 4 as private, value ->> 5 as channel, value ->> 6 as fields,
                                              value ->> 7 as since, value ->> 8 as until
                                         from json_each($1)) new
                                where packets.sender = new.sender and packets.packet_id = new.packet_id
                                  and packets.heard_at > new.since and packets.heard_at < new.until
                            returning packets.sender, packets.packet_id";
            let rows: Vec<_> = rows
                .iter()
                .map(|row| {
                    let ((from, id), (since, until)) = (row.key(), row.span());
                    value!([
                        from.number(),
                        id.0,
                        row.receptions,
                        row.port,
                        u8::from(row.private),
                        row.channel,
                        row.fields,
                        since.as_micros(),
                        until.as_micros(),
                    ])
                })
                .collect();
            sqlx::query_as(SQL).bind(json(&rows)).fetch_all(&mut **tx).await?
        }
        // Lists are arrays.
        TxDb::Postgres(tx) => {
            const SQL: &str = "update packets
                                  set receptions = packets.receptions + new.receptions,
                                      port = coalesce(packets.port, new.port),
                                      private = packets.private or new.private,
                                      channel = case when packets.private or new.private then null else coalesce(packets.channel, new.channel) end,
                                      fields = case when packets.private or new.private then null else coalesce(packets.fields, new.fields) end
                                 from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[], $6::text[], $7::text[],
                                             $8::timestamptz[], $9::timestamptz[])
                                      new (sender, packet_id, receptions, port, private, channel, fields, since, until)
                                where packets.sender = new.sender and packets.packet_id = new.packet_id
                                  and packets.heard_at > new.since and packets.heard_at < new.until
                            returning packets.sender, packets.packet_id";
            sqlx::query_as(SQL)
                .bind(rows.iter().map(|row| Node(row.packet.from)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| i64::from(row.packet.id.0)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.receptions).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.port.map(i64::from)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.private).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.channel.as_deref()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.fields.as_deref()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| At(row.span().0)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| At(row.span().1)).collect::<Vec<_>>())
                .fetch_all(&mut **tx)
                .await?
        }
    };
    Ok(known.into_iter().map(|(sender, id)| (sender.0, PacketId(u32::try_from(id).unwrap_or(0)))).collect())
}

/// Adds rows, and returns the id of the newest.
async fn insert(tx: &mut Tx, rows: &[Row<'_>]) -> Result<Option<i64>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let ids: Vec<i64> = match &mut tx.db {
        TxDb::Sqlite(tx) => {
            const SQL: &str = "insert into packets (heard_at, sender, packet_id, addressee, port, gateway, uplink, channel, private,
                                                    snr_db, rssi_dbm, hops_away, relay_node, via_mqtt, bytes, receptions, fields)
                               select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
                                      value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14,
                                      value ->> 15, value ->> 16
                                 from json_each($1)
                            returning id";
            let rows: Vec<_> = rows
                .iter()
                .map(|row| {
                    let (packet, how) = (row.packet, &row.packet.reception);
                    value!([
                        how.at.as_micros(),
                        packet.from.number(),
                        packet.id.0,
                        packet.to.map(NodeId::number),
                        row.port,
                        bounded(&packet.gateway, MAX_NAME),
                        u8::from(packet.teller == Teller::Uplink),
                        row.channel,
                        u8::from(row.private),
                        how.snr_db,
                        how.rssi_dbm,
                        how.hops_away,
                        how.relay_node,
                        u8::from(how.via_mqtt),
                        packet.bytes,
                        row.receptions,
                        row.fields,
                    ])
                })
                .collect();
            sqlx::query_scalar(SQL).bind(json(&rows)).fetch_all(&mut **tx).await?
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = "insert into packets (heard_at, sender, packet_id, addressee, port, gateway, uplink, channel, private,
                                                    snr_db, rssi_dbm, hops_away, relay_node, via_mqtt, bytes, receptions, fields)
                               select * from unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
                                                    $7::boolean[], $8::text[], $9::boolean[], $10::real[], $11::bigint[], $12::bigint[],
                                                    $13::bigint[], $14::boolean[], $15::bigint[], $16::bigint[], $17::text[])
                            returning id";
            let how = || rows.iter().map(|row| &row.packet.reception);
            let packets = || rows.iter().map(|row| row.packet);
            sqlx::query_scalar(SQL)
                .bind(how().map(|how: &Reception| At(how.at)).collect::<Vec<_>>())
                .bind(packets().map(|packet| Node(packet.from)).collect::<Vec<_>>())
                .bind(packets().map(|packet| i64::from(packet.id.0)).collect::<Vec<_>>())
                .bind(packets().map(|packet| packet.to.map(|to| i64::from(to.number()))).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.port.map(i64::from)).collect::<Vec<_>>())
                .bind(packets().map(|packet| bounded(&packet.gateway, MAX_NAME).into_owned()).collect::<Vec<_>>())
                .bind(packets().map(|packet| packet.teller == Teller::Uplink).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.channel.as_deref()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.private).collect::<Vec<_>>())
                .bind(how().map(|how| how.snr_db).collect::<Vec<_>>())
                .bind(how().map(|how| how.rssi_dbm.map(i64::from)).collect::<Vec<_>>())
                .bind(how().map(|how| how.hops_away.map(i64::from)).collect::<Vec<_>>())
                .bind(how().map(|how| how.relay_node.map(i64::from)).collect::<Vec<_>>())
                .bind(how().map(|how| how.via_mqtt).collect::<Vec<_>>())
                .bind(packets().map(|packet| packet.bytes.map(i64::from)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.receptions).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.fields.as_deref()).collect::<Vec<_>>())
                .fetch_all(&mut **tx)
                .await?
        }
    };
    Ok(ids.into_iter().max())
}

/// Returns what of a packet's contents is kept, as JSON.
fn fields(packet: &NewPacket) -> Option<String> {
    let fields = packet.fields.as_ref().filter(|fields| packet.is_open() && !fields.is_empty())?;
    let json = serde_json::to_string(fields).expect("a JSON object is always JSON");
    Some(kept(json))
}

/// Returns the fields of two parts of one packet; of a name that both have, the first one's value.
fn joined(ours: &str, theirs: &str) -> String {
    let read = |json: &str| serde_json::from_str::<serde_json::Map<_, _>>(json).unwrap_or_default();
    let mut all = read(theirs);
    all.extend(read(ours));
    kept(serde_json::to_string(&all).expect("a JSON object is always JSON"))
}

/// Returns JSON that is short enough, and without what a column refuses.
fn kept(json: String) -> String {
    if json.len() > MAX_FIELDS { r#"{"too_long":true}"#.to_owned() } else { json }
}

/// Returns the beginning of a name; a NUL, which no column takes, is left out.
fn bounded(name: &str, longest: usize) -> Cow<'_, str> {
    let cut = &name[..name.floor_char_boundary(longest)];
    if cut.contains('\0') { Cow::Owned(cut.replace('\0', "")) } else { Cow::Borrowed(cut) }
}
