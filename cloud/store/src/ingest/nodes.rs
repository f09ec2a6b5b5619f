//! The nodes that a batch speaks of: found by their mesh ids or made, locked, and when and how they were last heard.

use crate::{
    Error, Result,
    db::{Tx, TxDb},
    ingest::{Body, NodeReport, Reception, Record, packets::json},
    types::{At, Node},
};
use kosmo_domain::{NodeId, Timestamp};
use std::collections::BTreeMap;

/// The internal ids of a batch's nodes, and how those were before that were known.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    ids: BTreeMap<NodeId, i64>,
    before: BTreeMap<NodeId, Before>,
}

/// How a node was before a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// Why it is not shown, bit by bit.
    pub(super) hidden: i64,
    pub(super) last_heard: Timestamp,
}

impl Nodes {
    /// Returns the internal id of a node of the batch.
    pub(super) fn id(&self, node: NodeId) -> Result<i64> {
        self.ids.get(&node).copied().ok_or_else(|| Error::Corrupt(format!("node {node} vanished while it was written to")))
    }

    /// Returns how a node was before the batch; nothing of one that is new.
    pub(super) fn before(&self, node: NodeId) -> Option<Before> {
        self.before.get(&node).copied()
    }

    /// Has all mesh ids of one node lead to another one.
    pub(super) fn redirect(&mut self, from: i64, to: i64) {
        for id in self.ids.values_mut().filter(|id| **id == from) {
            *id = to;
        }
    }
}

/// From when to when a batch has heard of a node.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Timestamp,
    last: Timestamp,
}

/// Finds the nodes that the records speak of, makes those that are missing, locks them, and notes when they were heard.
pub(super) async fn resolve(tx: &mut Tx, records: &[&Record]) -> Result<Nodes> {
    let mut spans: BTreeMap<NodeId, Span> = BTreeMap::new();
    let mut hear = |node: NodeId, at: Timestamp| {
        let span = spans.entry(node).or_insert(Span { first: at, last: at });
        *span = Span { first: span.first.min(at), last: span.last.max(at) };
    };
    for record in records {
        if let Some(heard) = &record.heard {
            hear(heard.from, heard.reception.at);
        }
        match &record.body {
            Body::Reading { reading, .. } => hear(reading.node, reading.at),
            Body::Node { node, at, .. } => hear(*node, *at),
            Body::Text | Body::Rejected => {}
        }
    }
    if spans.is_empty() {
        return Ok(Nodes::default());
    }
    let mut nodes = lock(tx, spans.keys().copied()).await?;
    let missing: Vec<_> = spans.iter().filter(|(node, _)| !nodes.ids.contains_key(node)).map(|(node, span)| (*node, *span)).collect();
    if !missing.is_empty() {
        create(tx, &missing).await?;
        nodes = Nodes { before: nodes.before, ..lock(tx, spans.keys().copied()).await? };
    }
    note_spans(tx, &nodes, &spans).await?;
    Ok(nodes)
}

async fn lock(tx: &mut Tx, nodes: impl Iterator<Item = NodeId>) -> Result<Nodes> {
    let rows: Vec<(Node, i64, i64, At)> = match &mut tx.db {
        // SQLite has one writer, so nothing is locked; lists are JSON.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "select distinct i.node_id, i.node, n.hidden, n.last_heard
                                 from node_identities i join nodes n on n.id = i.node
                                where i.node_id in (select value from json_each($1))";
            sqlx::query_as(SQL).bind(json(&nodes.map(NodeId::number).collect::<Vec<_>>())).fetch_all(&mut **tx).await?
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = "select i.node_id, i.node, n.hidden, n.last_heard
                                 from node_identities i join nodes n on n.id = i.node
                                where i.node_id = any($1)
                                order by n.id
                                  for update of n";
            sqlx::query_as(SQL).bind(nodes.map(Node).collect::<Vec<_>>()).fetch_all(&mut **tx).await?
        }
    };
    let mut nodes = Nodes::default();
    for (node, id, hidden, last_heard) in rows {
        nodes.ids.insert(node.0, id);
        nodes.before.insert(node.0, Before { hidden, last_heard: last_heard.0 });
    }
    Ok(nodes)
}

async fn create(tx: &mut Tx, missing: &[(NodeId, Span)]) -> Result<()> {
    // Another replica may make the same node at the same time; the later one of them waits here, and finds it.
    match &mut tx.db {
        TxDb::Sqlite(tx) => {
            const NODES: &str = "insert into nodes (node_id, first_heard, last_heard)
                                 select value ->> 0, value ->> 1, value ->> 2 from json_each($1) where true
                                 on conflict (node_id) do nothing";
            const IDENTITIES: &str = "insert into node_identities (node_id, public_key, node, first_heard)
                                      select node_id, x'', id, first_heard from nodes where node_id in (select value ->> 0 from json_each($1))
                                      on conflict do nothing";
            let rows: Vec<_> = missing.iter().map(|(node, span)| (node.number(), span.first.as_micros(), span.last.as_micros())).collect();
            let rows = json(&rows);
            sqlx::query(NODES).bind(&rows).execute(&mut **tx).await?;
            sqlx::query(IDENTITIES).bind(&rows).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const NODES: &str = "insert into nodes (node_id, first_heard, last_heard)
                                 select * from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[])
                                 on conflict (node_id) do nothing";
            const IDENTITIES: &str = "insert into node_identities (node_id, public_key, node, first_heard)
                                      select node_id, '', id, first_heard from nodes where node_id = any($1)
                                      on conflict do nothing";
            let numbers: Vec<_> = missing.iter().map(|(node, _)| Node(*node)).collect();
            sqlx::query(NODES)
                .bind(&numbers)
                .bind(missing.iter().map(|(_, span)| At(span.first)).collect::<Vec<_>>())
                .bind(missing.iter().map(|(_, span)| At(span.last)).collect::<Vec<_>>())
                .execute(&mut **tx)
                .await?;
            sqlx::query(IDENTITIES).bind(&numbers).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Notes from when to when nodes were heard, and learns how long the gap before that usually is: `$gap` seconds.
///
/// What is heard within a minute belongs together and is no gap. An estimate rises faster than it falls, so that it tells the
/// long ones among a node's gaps; it rises by a part of at most four times itself, so that one long absence teaches little.
/// The names of functions and of the list of what was heard differ between the databases.
macro_rules! note_heard {
    ($min:literal, $max:literal, $gap:literal, $heard:literal) => {
        concat!(
            "update nodes set first_heard = ",
            $min,
            "(first_heard, heard.first), last_heard = ",
            $max,
            "(last_heard, heard.last),
                    gaps = case when ",
            $gap,
            " < 60 then gaps else gaps + 1 end,
                    usual_gap_s = case
                        when ",
            $gap,
            " < 60 then usual_gap_s
                        when usual_gap_s is null then ",
            $min,
            "(",
            $gap,
            ", 86400.0)
                        when ",
            $gap,
            " > usual_gap_s then usual_gap_s + (",
            $min,
            "(",
            $gap,
            ", usual_gap_s * 4) - usual_gap_s) * 0.25
                        else usual_gap_s + (",
            $gap,
            " - usual_gap_s) * 0.05
                    end
               from ",
            $heard,
            "
              where nodes.id = heard.id and (nodes.first_heard > heard.first or nodes.last_heard < heard.last)"
        )
    };
}

async fn note_spans(tx: &mut Tx, nodes: &Nodes, spans: &BTreeMap<NodeId, Span>) -> Result<()> {
    let mut by_id: BTreeMap<i64, Span> = BTreeMap::new();
    for (node, span) in spans {
        let sum = by_id.entry(nodes.id(*node)?).or_insert(*span);
        *sum = Span { first: sum.first.min(span.first), last: sum.last.max(span.last) };
    }
    match &mut tx.db {
        TxDb::Sqlite(tx) => {
            const SQL: &str = note_heard!(
                "min",
                "max",
                "(heard.first - nodes.last_heard) / 1e6",
                "(select value ->> 0 as id, value ->> 1 as first, value ->> 2 as last from json_each($1)) heard"
            );
            let rows: Vec<_> = by_id.iter().map(|(id, span)| (id, span.first.as_micros(), span.last.as_micros())).collect();
            sqlx::query(SQL).bind(json(&rows)).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = note_heard!(
                "least",
                "greatest",
                "extract(epoch from heard.first - nodes.last_heard)::double precision",
                "unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) heard (id, first, last)"
            );
            sqlx::query(SQL)
                .bind(by_id.keys().copied().collect::<Vec<_>>())
                .bind(by_id.values().map(|span| At(span.first)).collect::<Vec<_>>())
                .bind(by_id.values().map(|span| At(span.last)).collect::<Vec<_>>())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// A node, the bridge that received it, and whether it did over MQTT.
type Way<'a> = (i64, &'a str, bool);

/// Keeps how each bridge received each node last, by radio and over MQTT apart, whether or not what it heard was news.
pub(super) async fn keep_receptions(tx: &mut Tx, records: &[&Record], nodes: &Nodes) -> Result<()> {
    let mut newest: BTreeMap<Way<'_>, Reception> = BTreeMap::new();
    for record in records {
        let (node, reception) = match (&record.heard, &record.body) {
            (Some(heard), _) => (heard.from, heard.reception),
            (None, Body::Node { node, report: NodeReport::Link { snr_db, hops_away, via_mqtt }, at }) => {
                let (snr_db, hops_away, via_mqtt) = (*snr_db, *hops_away, *via_mqtt);
                (*node, Reception { at: *at, snr_db, rssi_dbm: None, hops_away, relay_node: None, via_mqtt })
            }
            (None, _) => continue,
        };
        let last = newest.entry((nodes.id(node)?, record.origin.bridge.as_str(), reception.via_mqtt)).or_insert(reception);
        if reception.at >= last.at {
            *last = reception;
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    upsert_receptions(tx, &newest).await
}

/// The conflict clause of both arms: what was received earlier changes nothing.
macro_rules! unless_older {
    ($insert:literal) => {
        concat!(
            $insert,
            " on conflict (node, bridge, via_mqtt) do update
                 set heard_at = excluded.heard_at, snr_db = excluded.snr_db, rssi_dbm = excluded.rssi_dbm,
                     hops_away = excluded.hops_away, relay_node = excluded.relay_node
               where excluded.heard_at >= node_receptions.heard_at"
        )
    };
}

async fn upsert_receptions(tx: &mut Tx, newest: &BTreeMap<Way<'_>, Reception>) -> Result<()> {
    match &mut tx.db {
        TxDb::Sqlite(tx) => {
            const SQL: &str = unless_older!(
                "insert into node_receptions (node, bridge, heard_at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt)
                 select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
                   from json_each($1)
                  where true"
            );
            let row = |((node, bridge, via_mqtt), r): (&Way<'_>, &Reception)| {
                let bridge = (*bridge).to_owned();
                (*node, bridge, r.at.as_micros(), r.snr_db, r.rssi_dbm, r.hops_away, r.relay_node, u8::from(*via_mqtt))
            };
            sqlx::query(SQL).bind(json(&newest.iter().map(row).collect::<Vec<_>>())).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = unless_older!(
                "insert into node_receptions (node, bridge, heard_at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt)
                 select * from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::real[], $5::bigint[], $6::bigint[], $7::bigint[], $8::boolean[])"
            );
            sqlx::query(SQL)
                .bind(newest.keys().map(|(node, ..)| *node).collect::<Vec<_>>())
                .bind(newest.keys().map(|(_, bridge, _)| *bridge).collect::<Vec<_>>())
                .bind(newest.values().map(|r| At(r.at)).collect::<Vec<_>>())
                .bind(newest.values().map(|r| r.snr_db).collect::<Vec<_>>())
                .bind(newest.values().map(|r| r.rssi_dbm.map(i64::from)).collect::<Vec<_>>())
                .bind(newest.values().map(|r| r.hops_away.map(i64::from)).collect::<Vec<_>>())
                .bind(newest.values().map(|r| r.relay_node.map(i64::from)).collect::<Vec<_>>())
                .bind(newest.values().map(|r| r.via_mqtt).collect::<Vec<_>>())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}
