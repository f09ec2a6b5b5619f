//! Questions for the way to a node that operators have bridges ask. Each costs everybody on the way some air, so they are few.

use crate::{
    Error, Result, Store,
    db::{on_reader, on_tx, on_writer},
    ingest::Traceroute,
    messages::columns::parse_bridge,
    types::{At, Node},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, DAY, NodeId, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// How far two questions by one bridge are apart: firmware drops what comes within half a minute of another.
pub const ROUTE_EVERY: Duration = Duration::from_secs(35);
/// After this long a question that no bridge was asked is not asked any more.
const STALE: Duration = Duration::from_mins(1);

/// A question that is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRequest {
    /// Its id.
    pub id: Uuid,
    /// Which bridge is to ask.
    pub bridge: BridgeId,
    /// For the way to which node.
    pub node: NodeId,
}

/// What came of wanting to know a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteWanted {
    /// It will be asked.
    Noted,
    /// The bridge asked for another a moment ago; from when on it may again.
    TooSoon(Timestamp),
}

impl Store {
    /// Has a bridge asked for the way to a node, unless it asked for one a moment ago.
    ///
    /// # Errors
    /// As the database does.
    pub async fn want_route(&self, request: &RouteRequest, now: Timestamp) -> Result<RouteWanted> {
        const LAST: &str = "select max(asked_at) from route_requests where bridge = $1";
        const INSERT: &str = "insert into route_requests (id, bridge, node_id, asked_at)
                              select $1, $2, $3, $4
                               where not exists (select 1 from route_requests where bridge = $2 and asked_at > $5)";
        const FORGET: &str = "delete from route_requests where asked_at < $1";
        let bridge = request.bridge.as_str();
        let mut tx = self.begin().await?;
        on_tx!(tx, |db| sqlx::query(FORGET).bind(At(now.minus(DAY))).execute(db).map_ok(drop))?;
        let rows = on_tx!(tx, |db| {
            sqlx::query(INSERT)
                .bind(request.id)
                .bind(bridge)
                .bind(Node(request.node))
                .bind(At(now))
                .bind(At(now.minus(ROUTE_EVERY)))
                .execute(db)
                .map_ok(|done| done.rows_affected())
        })?;
        tx.commit().await?;
        if rows > 0 {
            return Ok(RouteWanted::Noted);
        }
        let last: Option<At> = on_reader!(self, |db| sqlx::query_scalar(LAST).bind(bridge).fetch_one(db))?;
        Ok(RouteWanted::TooSoon(last.map_or(now, |last| last.0.plus(ROUTE_EVERY))))
    }

    /// Returns the questions that are to be asked, at most `limit`, each once.
    ///
    /// # Errors
    /// As the database does.
    pub async fn routes_to_ask(&self, now: Timestamp, limit: u32) -> Result<Vec<RouteRequest>> {
        const ANY: &str = "select count(*) from route_requests where sent_at is null and asked_at > $1";
        const SQL: &str = "update route_requests set sent_at = $1
                            where id in (select id from route_requests where sent_at is null and asked_at > $2 order by asked_at, id limit $3)
                              and sent_at is null
                        returning id, bridge, node_id";
        let fresh = At(now.minus(STALE));
        let waiting: i64 = on_reader!(self, |db| sqlx::query_scalar(ANY).bind(fresh).fetch_one(db))?;
        if waiting == 0 {
            return Ok(Vec::new());
        }
        let rows: Vec<(Uuid, String, Node)> =
            on_writer!(self, |db| sqlx::query_as(SQL).bind(At(now)).bind(fresh).bind(i64::from(limit)).fetch_all(db))?;
        rows.into_iter().map(|(id, bridge, node)| Ok(RouteRequest { id, bridge: parse_bridge(&bridge)?, node: node.0 })).collect()
    }

    /// Returns the way to a node as it was last found from another, if that was at `since` or later.
    ///
    /// # Errors
    /// As the database does.
    pub async fn route_found(&self, to: NodeId, from: NodeId, since: Timestamp) -> Result<Option<Traceroute>> {
        const SQL: &str = "select t.route from traceroutes t
                            where t.node = (select i.node from node_identities i where i.node_id = $1 limit 1) and t.to_node = $2 and t.at >= $3";
        let route: Option<String> =
            on_reader!(self, |db| sqlx::query_scalar(SQL).bind(Node(to)).bind(Node(from)).bind(At(since)).fetch_optional(db))?;
        route.map(|route| serde_json::from_str(&route).map_err(|_| Error::Corrupt("a traceroute is none".to_owned()))).transpose()
    }
}
