//! The ways that packets took, as nodes that asked for them were told.

use crate::{
    Error, Result, Store,
    db::{Db, json_list, on_reader, on_writer},
    ingest::Traceroute,
    types::{At, Node},
    weather::MAX_PAGE,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, NodeId, Timestamp};
use std::{collections::BTreeSet, time::Duration};

/// Where a page of traceroutes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceroutePlace {
    /// When the last one was taken.
    pub at: Timestamp,
    /// What the registry calls its node.
    pub node: i64,
    /// Who had asked for it.
    pub to: NodeId,
}

/// The last way between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct TracerouteRow {
    /// Where it stands in this listing.
    pub place: TraceroutePlace,
    /// The node that was asked for.
    pub node: NodeId,
    /// The way.
    pub way: Traceroute,
}

/// For how long the way between two nodes is kept, and how many ways at most: those that were taken last.
const KEEP: Duration = DAY.saturating_mul(90);
const MOST: i64 = 20_000;

impl Store {
    /// Gives up old ways between nodes, and the oldest of too many.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_traceroutes(&self, now: Timestamp) -> Result<u64> {
        const SQL: &str = "delete from traceroutes
                            where at < $1 or at < (select at from traceroutes order by at desc limit 1 offset $2)";
        Ok(on_writer!(self, |db| sqlx::query(SQL).bind(At(now.minus(KEEP))).bind(MOST).execute(db).map_ok(|done| done.rows_affected()))?)
    }

    /// Returns the last way between any two nodes, the latest first: at most `limit` that stand after `after`, of those that begin or end
    /// at `node` or lead through it, if that is given. A relay that wants not to be shown is told as everybody
    /// ([`NodeId::BROADCAST`]), as firmware writes one that it does not know.
    ///
    /// # Errors
    /// As the database does.
    pub async fn traceroutes(&self, node: Option<NodeId>, after: Option<TraceroutePlace>, limit: u32) -> Result<Vec<TracerouteRow>> {
        const SQL: &str = "select t.node, n.node_id, t.to_node, t.at, t.route
                             from traceroutes t join nodes n on n.id = t.node
                            where (t.at, t.node, t.to_node) < ($1, $2, $3)
                              and n.hidden = 0
                              and not exists (select 1 from node_identities i join nodes h on h.id = i.node
                                               where i.node_id = t.to_node and h.hidden <> 0)
                              and ($4 is null or n.node_id = $4 or replace(t.route, $5, '') <> t.route)
                            order by t.at desc, t.node desc, t.to_node desc
                            limit $6";
        let after = after.unwrap_or(TraceroutePlace { at: Timestamp::MAX, node: i64::MAX, to: NodeId::BROADCAST });
        // As it stands in JSON.
        let quoted = node.map_or_else(String::new, |node| format!("\"{node}\""));
        let rows: Vec<(i64, Node, Node, At, String)> = on_reader!(self, |db| {
            sqlx::query_as(SQL)
                .bind(At(after.at))
                .bind(after.node)
                .bind(Node(after.to))
                .bind(node.map(Node))
                .bind(&quoted)
                .bind(i64::from(limit.min(MAX_PAGE)))
                .fetch_all(db)
        })?;
        let mut found = Vec::with_capacity(rows.len());
        for (id, node, to, at, route) in rows {
            let place = TraceroutePlace { at: at.0, node: id, to: to.0 };
            found.push(TracerouteRow { place, node: node.0, way: read(&route)? });
        }
        let hidden = self.hidden_among(&found.iter().flat_map(|row| relays(&row.way)).collect()).await?;
        for row in &mut found {
            veil(&mut row.way, &hidden);
        }
        Ok(found)
    }

    /// Returns those of the nodes that want not to be shown.
    pub(super) async fn hidden_among(&self, nodes: &BTreeSet<NodeId>) -> Result<BTreeSet<NodeId>> {
        if nodes.is_empty() {
            return Ok(BTreeSet::new());
        }
        // Lists are JSON in SQLite, and arrays in PostgreSQL.
        let rows: Vec<Node> = match &self.db {
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select i.node_id from node_identities i join nodes n on n.id = i.node
                                    where i.node_id in (select value from json_each($1)) and n.hidden <> 0";
                let numbers: Vec<u32> = nodes.iter().map(|node| node.number()).collect();
                sqlx::query_scalar(SQL).bind(json_list(&numbers)).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select i.node_id from node_identities i join nodes n on n.id = i.node
                                    where i.node_id = any($1) and n.hidden <> 0";
                sqlx::query_scalar(SQL).bind(nodes.iter().copied().map(Node).collect::<Vec<_>>()).fetch_all(pool).await?
            }
        };
        Ok(rows.into_iter().map(|node| node.0).collect())
    }
}

/// Reads a way from its JSON.
pub(super) fn read(json: &str) -> Result<Traceroute> {
    serde_json::from_str(json).map_err(|_| Error::Corrupt("a traceroute in the registry of nodes cannot be read".to_owned()))
}

fn relays(way: &Traceroute) -> impl Iterator<Item = NodeId> {
    way.route.iter().chain(&way.route_back).copied()
}

/// Takes the names of relays out of a way that want not to be shown.
pub(super) fn veil(way: &mut Traceroute, hidden: &BTreeSet<NodeId>) {
    for relay in way.route.iter_mut().chain(&mut way.route_back).filter(|relay| hidden.contains(relay)) {
        *relay = NodeId::BROADCAST;
    }
}
