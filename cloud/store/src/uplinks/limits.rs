//! Of whom it was too much, and whom an operator will not have.

use crate::{
    Error, Result, Store,
    db::{Tx, on_reader, on_tx, on_writer},
    types::{At, Node},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{HOUR, NodeId, Timestamp};

/// The most rows of a list that is read at once.
const MOST_ROWS: i64 = 500;
/// The most nodes an operator can deny.
const MOST_DENIALS: i64 = 10_000;

/// As what a node is meant: as who sends, or as who publishes what others send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It sends packets.
    Node,
    /// It publishes packets that it received.
    Gateway,
}

/// What was not taken since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitTally {
    /// The broker it came from.
    pub source: String,
    /// As what the node is meant.
    pub role: Role,
    /// The node.
    pub node: NodeId,
    /// Why.
    pub reason: &'static str,
    /// When first.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
    /// How many packets.
    pub number: u64,
}

/// Of whom more came than is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// The broker it came from.
    pub source: String,
    /// As what the node is meant.
    pub role: Role,
    /// The node.
    pub node: NodeId,
    /// Why.
    pub reason: String,
    /// When first.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
    /// How many packets.
    pub number: u64,
}

/// Whom an operator will not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenialRow {
    /// As what the node is meant.
    pub role: Role,
    /// The node.
    pub node: NodeId,
    /// Since when.
    pub at: Timestamp,
}

/// Adds up what was not taken.
pub(super) async fn count(tx: &mut Tx, limits: &[LimitTally]) -> Result<()> {
    const SQL: &str = "insert into uplink_limits (hour, source, role, node_id, reason, first_at, last_at, number)
                       values ($1, $2, $3, $4, $5, $6, $7, $8)
                       on conflict (hour, source, role, node_id, reason) do update
                          set last_at = excluded.last_at, number = uplink_limits.number + excluded.number";
    // In the order of their names, so that replicas wait for each other and do not lock each other out.
    let mut limits: Vec<_> = limits.iter().collect();
    limits.sort_by_key(|tally| (&tally.source, tally.role, tally.node, tally.reason));
    for tally in limits {
        on_tx!(tx, |db| {
            sqlx::query(SQL)
                .bind(At(tally.last_at.floor_to(HOUR)))
                .bind(&tally.source)
                .bind(tally.role.as_str())
                .bind(Node(tally.node))
                .bind(tally.reason)
                .bind(At(tally.first_at))
                .bind(At(tally.last_at))
                .bind(i64::try_from(tally.number).unwrap_or(i64::MAX))
                .execute(db)
                .map_ok(drop)
        })?;
    }
    Ok(())
}

impl Store {
    /// Returns of whom more came than is taken since the hour of a moment, those of whom most did first.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_limits(&self, since: Timestamp) -> Result<Vec<LimitRow>> {
        const SQL: &str = "select source, role, node_id, reason, min(first_at), max(last_at), cast(sum(number) as bigint)
                             from uplink_limits where hour >= $1
                            group by source, role, node_id, reason order by 7 desc, 3, 1, 2, 4 limit $2";
        let since = At(since.floor_to(HOUR));
        let rows: Vec<(String, String, Node, String, At, At, i64)> =
            on_reader!(self, |db| sqlx::query_as(SQL).bind(since).bind(MOST_ROWS).fetch_all(db))?;
        rows.into_iter()
            .map(|(source, role, node, reason, first_at, last_at, number)| {
                let (role, number) = (Role::parse(&role)?, number.unsigned_abs());
                Ok(LimitRow { source, role, node: node.0, reason, first_at: first_at.0, last_at: last_at.0, number })
            })
            .collect()
    }

    /// Will not have a node's packets from now on, and tells whether that is news.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than ten thousand.
    pub async fn deny_uplink(&self, role: Role, node: NodeId, now: Timestamp) -> Result<bool> {
        const NUMBER: &str = "select count(*) from uplink_denials";
        const SQL: &str =
            "insert into uplink_denials (role, node_id, denied_at) values ($1, $2, $3) on conflict (role, node_id) do nothing";
        let mut tx = self.begin().await?;
        let number: i64 = on_tx!(tx, |db| sqlx::query_scalar(NUMBER).fetch_one(db))?;
        if number >= MOST_DENIALS {
            return Err(Error::TooLarge { what: "the list of denied nodes", max: usize::try_from(MOST_DENIALS).unwrap_or(usize::MAX) });
        }
        let rows = on_tx!(tx, |db| {
            sqlx::query(SQL).bind(role.as_str()).bind(Node(node)).bind(At(now)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        tx.commit().await?;
        Ok(rows > 0)
    }

    /// Has a node's packets again, and tells whether they were denied.
    ///
    /// # Errors
    /// As the database does.
    pub async fn allow_uplink(&self, role: Role, node: NodeId) -> Result<bool> {
        const SQL: &str = "delete from uplink_denials where role = $1 and node_id = $2";
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(role.as_str()).bind(Node(node)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Returns whom an operator will not have, the latest first.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_denials(&self) -> Result<Vec<DenialRow>> {
        const SQL: &str = "select role, node_id, denied_at from uplink_denials order by denied_at desc, role, node_id limit $1";
        let rows: Vec<(String, Node, At)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(MOST_DENIALS).fetch_all(db))?;
        rows.into_iter().map(|(role, node, at)| Ok(DenialRow { role: Role::parse(&role)?, node: node.0, at: at.0 })).collect()
    }
}

impl Role {
    /// Returns the name used in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Gateway => "gateway",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let known = [Self::Node, Self::Gateway].into_iter().find(|role| role.as_str() == text);
        known.ok_or_else(|| Error::Corrupt(format!("{text:?} is no role of a node")))
    }
}
