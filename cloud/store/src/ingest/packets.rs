//! Who heard which packet how, and whether it was heard before.
//!
//! A packet is the same for a day when sender and id are; an id of 0 says nothing, and then only the reading's own time
//! and node tell. One packet can say several things and make several records: each has its `part`, so that the second
//! is not taken for a repetition of the first.

use crate::{
    Result,
    db::{Tx, TxDb},
    ingest::{Body, Heard, NodeReport, Reception, Record},
    types::{At, Node},
};
use kosmo_domain::{DAY, NodeId, PacketId, TimeSource, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// Returns what tells apart the things one packet says. A reading with a time of its device's own has that time, which
/// is far above the small numbers of the other kinds.
fn part(body: &Body) -> i64 {
    match body {
        Body::Reading { reading, time_source: TimeSource::Device, .. } => reading.at.as_micros(),
        Body::Rejected => 0,
        Body::Text => 9,
        Body::Reading { .. } => 1,
        Body::Node { report, .. } => match report {
            NodeReport::User(_) => 2,
            NodeReport::Position { .. } => 3,
            NodeReport::Device(_) => 4,
            NodeReport::RadioStats(_) => 5,
            NodeReport::Neighbors(_) => 6,
            NodeReport::Traceroute(_) => 7,
            NodeReport::Link { .. } => 8,
            NodeReport::HostStats(_) => 10,
            NodeReport::TrafficStats(_) => 11,
            NodeReport::Waypoint(_) => 12,
            NodeReport::HealthMetrics(_) => 13,
        },
    }
}

/// Keeps how the records' packets were received, and tells for each record whether what it says is known already.
pub(super) async fn keep_receptions(tx: &mut Tx, records: &[&Record]) -> Result<Vec<bool>> {
    let given: BTreeSet<_> = records
        .iter()
        .filter_map(|record| record.heard.as_ref())
        .filter(|heard| heard.id.is_given())
        .map(|heard| (heard.from, heard.id))
        .collect();
    let mut known: HashMap<(NodeId, PacketId, i64), Vec<(String, Timestamp)>> = HashMap::new();
    for row in heard_before(tx, &given).await? {
        known.entry((row.sender, row.packet_id, row.part)).or_default().push((row.bridge, row.heard_at));
    }

    let mut duplicates = Vec::new();
    let mut receptions = Vec::new();
    for record in records {
        let Some(heard) = &record.heard else {
            duplicates.push(false);
            continue;
        };
        let reception = HeardPart { bridge: record.origin.bridge.as_str(), heard, part: part(&record.body) };
        if !heard.id.is_given() {
            duplicates.push(false);
            receptions.push(reception);
            continue;
        }
        let at = heard.reception.at;
        let others = known.entry((heard.from, heard.id, reception.part)).or_default();
        let mut within_a_day = others.iter().filter(|(_, other)| at.since(*other).max(other.since(at)) < DAY).peekable();
        duplicates.push(within_a_day.peek().is_some());
        if !within_a_day.any(|(bridge, _)| bridge == reception.bridge) {
            others.push((reception.bridge.to_owned(), at));
            receptions.push(reception);
        }
    }
    insert(tx, &receptions).await?;
    Ok(duplicates)
}

/// A part of a packet, as a bridge heard it.
struct HeardPart<'a> {
    bridge: &'a str,
    heard: &'a Heard,
    part: i64,
}

/// A part of a packet that was heard before.
struct Known {
    sender: NodeId,
    packet_id: PacketId,
    part: i64,
    bridge: String,
    heard_at: Timestamp,
}

async fn heard_before(tx: &mut Tx, packets: &BTreeSet<(NodeId, PacketId)>) -> Result<Vec<Known>> {
    if packets.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Node, i64, i64, String, At)> = match &mut tx.db {
        // Lists are JSON; `cross join` has the list looked up in the index, not the other way round.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "select r.sender, r.packet_id, r.part, r.bridge, r.heard_at
                                 from json_each($1) p
                                cross join receptions r on r.sender = p.value ->> 0 and r.packet_id = p.value ->> 1";
            let packets: Vec<_> = packets.iter().map(|(sender, id)| (sender.number(), id.0)).collect();
            sqlx::query_as(SQL).bind(json(&packets)).fetch_all(&mut **tx).await?
        }
        // Lists are arrays.
        TxDb::Postgres(tx) => {
            const SQL: &str = "select r.sender, r.packet_id, r.part, r.bridge, r.heard_at
                                 from unnest($1::bigint[], $2::bigint[]) p (sender, id)
                                 join receptions r on r.sender = p.sender and r.packet_id = p.id";
            let (senders, ids): (Vec<_>, Vec<_>) = packets.iter().map(|(sender, id)| (Node(*sender), i64::from(id.0))).unzip();
            sqlx::query_as(SQL).bind(senders).bind(ids).fetch_all(&mut **tx).await?
        }
    };
    let known = |(sender, id, part, bridge, at): (Node, i64, i64, String, At)| Known {
        sender: sender.0,
        packet_id: PacketId(u32::try_from(id).unwrap_or(0)),
        part,
        bridge,
        heard_at: at.0,
    };
    Ok(rows.into_iter().map(known).collect())
}

async fn insert(tx: &mut Tx, receptions: &[HeardPart<'_>]) -> Result<()> {
    if receptions.is_empty() {
        return Ok(());
    }
    match &mut tx.db {
        TxDb::Sqlite(tx) => {
            const SQL: &str =
                "insert into receptions (heard_at, sender, packet_id, part, bridge, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt)
                               select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
                                      value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9
                                 from json_each($1)
                                where true
                               on conflict do nothing";
            let row = |r: &HeardPart<'_>| {
                let &Reception { at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt } = &r.heard.reception;
                let bridge = r.bridge.to_owned();
                (
                    at.as_micros(),
                    r.heard.from.number(),
                    r.heard.id.0,
                    r.part,
                    bridge,
                    snr_db,
                    rssi_dbm,
                    hops_away,
                    relay_node,
                    u8::from(via_mqtt),
                )
            };
            let rows: Vec<_> = receptions.iter().map(row).collect();
            sqlx::query(SQL).bind(json(&rows)).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const SQL: &str =
                "insert into receptions (heard_at, sender, packet_id, part, bridge, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt)
                               select * from unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[],
                                                    $6::real[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[])
                               on conflict do nothing";
            let reception = || receptions.iter().map(|r| &r.heard.reception);
            sqlx::query(SQL)
                .bind(reception().map(|r| At(r.at)).collect::<Vec<_>>())
                .bind(receptions.iter().map(|r| Node(r.heard.from)).collect::<Vec<_>>())
                .bind(receptions.iter().map(|r| i64::from(r.heard.id.0)).collect::<Vec<_>>())
                .bind(receptions.iter().map(|r| r.part).collect::<Vec<_>>())
                .bind(receptions.iter().map(|r| r.bridge).collect::<Vec<_>>())
                .bind(reception().map(|r| r.snr_db).collect::<Vec<_>>())
                .bind(reception().map(|r| r.rssi_dbm.map(i64::from)).collect::<Vec<_>>())
                .bind(reception().map(|r| r.hops_away.map(i64::from)).collect::<Vec<_>>())
                .bind(reception().map(|r| r.relay_node.map(i64::from)).collect::<Vec<_>>())
                .bind(reception().map(|r| r.via_mqtt).collect::<Vec<_>>())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// Returns a list of rows as SQLite takes it.
pub(crate) fn json<T: serde::Serialize>(rows: &[T]) -> String {
    serde_json::to_string(rows).expect("numbers and texts are always JSON")
}
