//! The gateways, how much of them is taken, whom an operator will not have, and when brokers were listened to.

use crate::{
    Error, Result, Store,
    db::{Tx, on_reader, on_tx, on_writer},
    types::{At, Node},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, HOUR, NodeId, Timestamp};
use std::time::Duration;

/// The most rows of a list that is read at once.
const MOST_ROWS: i64 = 500;
/// How many gateways of a broker are kept; of more, those that were heard of last.
const MOST_GATEWAYS: i64 = 2_000;
/// The most nodes an operator can deny.
const MOST_DENIALS: i64 = 10_000;
/// For how long what was not taken is told.
const KEEP_LIMITS: Duration = DAY.saturating_mul(7);
/// For how long it is told when brokers were listened to.
const KEEP_SESSIONS: Duration = DAY.saturating_mul(90);

/// As what a node is meant: as who sends, or as who publishes what others send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It sends packets.
    Node,
    /// It publishes packets that it received.
    Gateway,
}

/// What came by a gateway since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayTally {
    /// The broker.
    pub source: String,
    /// The gateway.
    pub gateway: NodeId,
    /// When it published last.
    pub at: Timestamp,
    /// Packets that nobody had told of before.
    pub packets: u64,
    /// Packets that another gateway had told of.
    pub copies: u64,
    /// Packets that were not taken.
    pub limited: u64,
}

/// What was not taken since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitTally {
    /// As what the node is meant.
    pub role: Role,
    /// The node.
    pub node: NodeId,
    /// Why.
    pub reason: &'static str,
    /// When last.
    pub at: Timestamp,
    /// How many packets.
    pub number: u64,
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayRow {
    /// The broker.
    pub source: String,
    /// The gateway, as it calls itself.
    pub gateway: NodeId,
    /// When it was heard of first.
    pub first_at: Timestamp,
    /// When it was heard of last.
    pub last_at: Timestamp,
    /// Packets that nobody had told of before.
    pub packets: u64,
    /// Packets that another gateway had told of.
    pub copies: u64,
    /// Packets that were not taken.
    pub limited: u64,
}

/// Of whom more came than is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    /// As what the node is meant.
    pub role: Role,
    /// The node.
    pub node: NodeId,
    /// Why.
    pub reason: String,
    /// The last hour in which that was so.
    pub last_hour: Timestamp,
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

/// A time in which a broker was listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The broker.
    pub source: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Adds up what came by which gateway, and what was not taken.
pub(super) async fn count(tx: &mut Tx, gateways: &[GatewayTally], limits: &[LimitTally]) -> Result<()> {
    const GATEWAY: &str = "insert into uplink_gateways (source, gateway, first_at, last_at, packets, copies, limited)
                           values ($1, $2, $3, $3, $4, $5, $6)
                           on conflict (source, gateway) do update
                              set last_at = excluded.last_at, packets = uplink_gateways.packets + excluded.packets,
                                  copies = uplink_gateways.copies + excluded.copies, limited = uplink_gateways.limited + excluded.limited";
    const LIMIT: &str = "insert into uplink_limits (hour, role, node_id, reason, number) values ($1, $2, $3, $4, $5)
                         on conflict (hour, role, node_id, reason) do update set number = uplink_limits.number + excluded.number";
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    // In the order of their names, so that replicas wait for each other and do not lock each other out.
    let mut gateways: Vec<_> = gateways.iter().collect();
    gateways.sort_by_key(|tally| (&tally.source, tally.gateway));
    for tally in gateways {
        on_tx!(tx, |db| {
            sqlx::query(GATEWAY)
                .bind(&tally.source)
                .bind(Node(tally.gateway))
                .bind(At(tally.at))
                .bind(signed(tally.packets))
                .bind(signed(tally.copies))
                .bind(signed(tally.limited))
                .execute(db)
                .map_ok(drop)
        })?;
    }
    let mut limits: Vec<_> = limits.iter().collect();
    limits.sort_by_key(|tally| (tally.role, tally.node, tally.reason));
    for tally in limits {
        on_tx!(tx, |db| {
            sqlx::query(LIMIT)
                .bind(At(tally.at.floor_to(HOUR)))
                .bind(tally.role.as_str())
                .bind(Node(tally.node))
                .bind(tally.reason)
                .bind(signed(tally.number))
                .execute(db)
                .map_ok(drop)
        })?;
    }
    Ok(())
}

impl Store {
    /// Returns the gateways that were heard of last.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_gateways(&self) -> Result<Vec<GatewayRow>> {
        const SQL: &str = "select source, gateway, first_at, last_at, packets, copies, limited
                             from uplink_gateways order by last_at desc, source, gateway limit $1";
        let rows: Vec<(String, Node, At, At, i64, i64, i64)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(MOST_ROWS).fetch_all(db))?;
        let row = |(source, gateway, first_at, last_at, packets, copies, limited): (String, Node, At, At, i64, i64, i64)| GatewayRow {
            source,
            gateway: gateway.0,
            first_at: first_at.0,
            last_at: last_at.0,
            packets: packets.unsigned_abs(),
            copies: copies.unsigned_abs(),
            limited: limited.unsigned_abs(),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Returns of whom more came than is taken, those of whom most did first.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_limits(&self, since: Timestamp) -> Result<Vec<LimitRow>> {
        const SQL: &str = "select role, node_id, reason, max(hour), cast(sum(number) as bigint)
                             from uplink_limits where hour >= $1
                            group by role, node_id, reason order by 5 desc, 2 limit $2";
        let since = At(since.floor_to(HOUR));
        let rows: Vec<(String, Node, String, At, i64)> =
            on_reader!(self, |db| sqlx::query_as(SQL).bind(since).bind(MOST_ROWS).fetch_all(db))?;
        rows.into_iter()
            .map(|(role, node, reason, hour, number)| {
                Ok(LimitRow { role: Role::parse(&role)?, node: node.0, reason, last_hour: hour.0, number: number.unsigned_abs() })
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

    /// Notes that a broker was listened to from one moment to another.
    ///
    /// # Errors
    /// As the database does.
    pub async fn note_uplink_session(&self, session: &SessionRow) -> Result<()> {
        const SQL: &str = "insert into uplink_listening (source, from_at, until_at) values ($1, $2, $3)
                           on conflict (source, from_at) do update set until_at = excluded.until_at";
        let SessionRow { source, from, until } = session;
        on_writer!(self, |db| sqlx::query(SQL).bind(source).bind(At(*from)).bind(At(*until)).execute(db).map_ok(drop))?;
        Ok(())
    }

    /// Returns when brokers were listened to since a moment, the latest first. What was published between is lost.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_sessions(&self, since: Timestamp) -> Result<Vec<SessionRow>> {
        const SQL: &str = "select source, from_at, until_at from uplink_listening where until_at >= $1
                            order by from_at desc, source limit $2";
        let rows: Vec<(String, At, At)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(At(since)).bind(MOST_ROWS).fetch_all(db))?;
        Ok(rows.into_iter().map(|(source, from, until)| SessionRow { source, from: from.0, until: until.0 }).collect())
    }

    /// Gives up receptions of packets from before `receptions`, and what is old of everything else.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_uplinks(&self, receptions: Timestamp, now: Timestamp) -> Result<()> {
        const RECEPTIONS: &str = "delete from uplink_receptions where hour < $1";
        const LIMITS: &str = "delete from uplink_limits where hour < $1";
        const SESSIONS: &str = "delete from uplink_listening where until_at < $1";
        const GATEWAYS: &str = "delete from uplink_gateways
                                 where last_at < coalesce((select last_at from uplink_gateways order by last_at desc limit 1 offset $1), $2)";
        for (sql, before) in [(RECEPTIONS, receptions), (LIMITS, now.minus(KEEP_LIMITS)), (SESSIONS, now.minus(KEEP_SESSIONS))] {
            on_writer!(self, |db| sqlx::query(sql).bind(At(before.floor_to(HOUR))).execute(db).map_ok(drop))?;
        }
        on_writer!(self, |db| sqlx::query(GATEWAYS).bind(MOST_GATEWAYS).bind(At(Timestamp::EPOCH)).execute(db).map_ok(drop))?;
        Ok(())
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
