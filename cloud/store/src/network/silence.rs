//! Who used to speak and is silent, each judged by how often it usually speaks.
//!
//! Ingestion learns the usual gap of each node while it notes when the node was heard; see `ingest::nodes`.

use crate::{
    Error, Result, Store,
    db::Db,
    ingest::RadioStats,
    types::{At, Node},
    weather::latest::Values,
};
use kosmo_domain::{BridgeId, Metric, NodeId, Timestamp};
use std::{collections::BTreeMap, time::Duration};

/// From how many gaps a node's usual one must have been learnt before it is missed.
pub const FIRST_GAPS: u32 = 5;
/// How many of its usual gaps a node is silent before it is missed: three may be lost on the air.
const MISSED_GAPS: f64 = 4.0;
/// How long a node is silent at least before it is missed, in seconds.
const LEAST_S: f64 = 300.0;
/// The most nodes that are listed at once.
const MAX_PAGE: u32 = 500;

/// Where a list of silent nodes goes on: after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilentFrom {
    /// When the last one of the page before was last heard.
    pub last_heard: Timestamp,
    /// Which one that was.
    pub node: NodeId,
}

/// A node that used to speak and is silent.
#[derive(Debug, Clone, PartialEq)]
pub struct SilentNode {
    /// Its present id.
    pub node: NodeId,
    /// The name its owner gave it. It is whatever was typed.
    pub long_name: Option<String>,
    /// Its short name.
    pub short_name: Option<String>,
    /// When it was last heard.
    pub last_heard: Timestamp,
    /// How long its gaps usually are.
    pub usual_gap: Duration,
    /// The bridge that heard it last.
    pub bridge: Option<BridgeId>,
    /// What it measured, as far as that is still shown.
    pub metrics: Vec<Metric>,
}

#[derive(sqlx::FromRow)]
struct Row {
    node_id: Node,
    long_name: Option<String>,
    short_name: Option<String>,
    last_heard: At,
    usual_gap_s: f64,
    bridge: Option<String>,
    metrics: Option<String>,
}

/// The list, where `$silent` says until when a node that is not missed was last heard.
macro_rules! select_silent {
    ($silent:literal) => {
        concat!(
            "select n.node_id, n.long_name, n.short_name, n.last_heard, n.usual_gap_s,
                    (select r.bridge from node_receptions r where r.node = n.id order by r.heard_at desc, r.bridge limit 1) as bridge,
                    (select l.metrics from latest l where l.node = n.id) as metrics
               from nodes n
              where n.hidden = 0 and n.gaps >= $2 and n.usual_gap_s is not null and n.last_heard >= $5
                and ",
            $silent,
            " and (n.last_heard < $6 or (n.last_heard = $6 and n.node_id > $7))
              order by n.last_heard desc, n.node_id
              limit $8"
        )
    };
}

impl Store {
    /// Returns the nodes that are missed at `now` and were heard at `oldest` or later, those that fell silent last first:
    /// at most `limit` that come after `from`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn silent_nodes(&self, now: Timestamp, oldest: Timestamp, from: Option<SilentFrom>, limit: u32) -> Result<Vec<SilentNode>> {
        let (last, node) = from.map_or((Timestamp::MAX, -1), |from| (from.last_heard, i64::from(from.node.number())));
        let limit = i64::from(limit.min(MAX_PAGE));
        let rows: Vec<Row> = match &self.db {
            // Times are microseconds here, and intervals are added to them there.
            Db::Sqlite { read, .. } => {
                const SQL: &str = select_silent!("n.last_heard + max(n.usual_gap_s * $3, $4) * 1000000 < $1");
                let query = sqlx::query_as(SQL).bind(At(now)).bind(i64::from(FIRST_GAPS)).bind(MISSED_GAPS).bind(LEAST_S);
                query.bind(At(oldest)).bind(At(last)).bind(node).bind(limit).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = select_silent!("n.last_heard + make_interval(secs => greatest(n.usual_gap_s * $3, $4)) < $1");
                let query = sqlx::query_as(SQL).bind(At(now)).bind(i64::from(FIRST_GAPS)).bind(MISSED_GAPS).bind(LEAST_S);
                query.bind(At(oldest)).bind(At(last)).bind(node).bind(limit).fetch_all(pool).await?
            }
        };
        rows.into_iter().map(SilentNode::try_from).collect()
    }

    /// Returns what the radios with these ids count, and when they said so; those that have said nothing are left out.
    ///
    /// # Errors
    /// As the database does.
    pub async fn radio_stats(&self, radios: &[NodeId]) -> Result<BTreeMap<NodeId, (RadioStats, Timestamp)>> {
        let rows: Vec<(Node, String, At)> = match &self.db {
            // Lists are JSON here, and arrays there.
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select node_id, radio_stats, radio_stats_at from nodes
                                    where node_id in (select value from json_each($1)) and radio_stats is not null and radio_stats_at is not null";
                let numbers: Vec<_> = radios.iter().map(|node| node.number()).collect();
                sqlx::query_as(SQL).bind(crate::ingest::json(&numbers)).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select node_id, radio_stats, radio_stats_at from nodes
                                    where node_id = any($1) and radio_stats is not null and radio_stats_at is not null";
                sqlx::query_as(SQL).bind(radios.iter().copied().map(Node).collect::<Vec<_>>()).fetch_all(pool).await?
            }
        };
        rows.into_iter()
            .map(|(node, json, at)| {
                let stats = serde_json::from_str(&json).map_err(|_| Error::Corrupt("the counters of a radio cannot be read".to_owned()))?;
                Ok((node.0, (stats, at.0)))
            })
            .collect()
    }
}

impl TryFrom<Row> for SilentNode {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let bridge =
            row.bridge.map(|bridge| bridge.parse().map_err(|_| Error::Corrupt(format!("{bridge:?} is no bridge id")))).transpose()?;
        let metrics = row.metrics.as_deref().map(Values::read).transpose()?.unwrap_or_default();
        Ok(Self {
            node: row.node_id.0,
            long_name: row.long_name,
            short_name: row.short_name,
            last_heard: row.last_heard.0,
            usual_gap: Duration::try_from_secs_f64(row.usual_gap_s).map_err(|_| Error::Corrupt("a usual gap is no span".to_owned()))?,
            bridge,
            metrics: metrics.into_iter().map(|value| value.metric).collect(),
        })
    }
}
