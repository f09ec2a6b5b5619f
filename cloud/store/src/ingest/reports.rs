//! What is known of nodes besides readings. Reports are few, so each is a statement of its own. One that is
//! older than what is stored changes nothing.

use crate::{
    Result,
    db::{Tx, on_tx},
    ingest::{Body, Neighbor, NodeReport, Record, Traceroute, User, nodes::Nodes},
    types::{At, Node, storable},
    uplinks::{self, OPTED_OUT},
    waypoints,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Position, Timestamp};
use serde::Serialize;

/// The most that is kept of a long name, or of the name of a model or role, in bytes.
const MAX_NAME: usize = 100;
/// The most that is kept of a short name, in bytes.
const MAX_SHORT_NAME: usize = 40;
/// The most neighbours that are kept of a node; the firmware tells of ten.
const MAX_NEIGHBORS: usize = 64;

/// Stores the reports among the records.
pub(super) async fn store(tx: &mut Tx, records: &[&Record], nodes: &Nodes) -> Result<()> {
    for record in records {
        let Body::Node { node, report, at } = &record.body else { continue };
        store_one(tx, (nodes.id(*node)?, *node), report, *at).await?;
    }
    Ok(())
}

async fn store_one(tx: &mut Tx, (node, id): (i64, NodeId), report: &NodeReport, at: Timestamp) -> Result<()> {
    match report {
        NodeReport::User(user) => store_user(tx, node, user, at).await,
        NodeReport::Position { position, precision_bits } => store_position(tx, node, position, *precision_bits, at).await,
        NodeReport::RadioStats(stats) => store_stats(tx, RADIO_STATS, node, stats, at).await,
        NodeReport::HostStats(stats) => store_stats(tx, HOST_STATS, node, stats, at).await,
        NodeReport::TrafficStats(stats) => store_stats(tx, TRAFFIC_STATS, node, stats, at).await,
        NodeReport::HealthMetrics(metrics) => store_stats(tx, HEALTH_METRICS, node, metrics, at).await,
        NodeReport::Waypoint(place) => waypoints::store(tx, id, place, at).await,
        NodeReport::Neighbors(neighbors) => store_neighbors(tx, node, neighbors, at).await,
        NodeReport::Traceroute(route) => store_traceroute(tx, node, route, at).await,
        // What a radio remembers is shown among the latest values, and how it hears a node among the receptions.
        NodeReport::Device(_) | NodeReport::Link { .. } => Ok(()),
    }
}

async fn store_user(tx: &mut Tx, node: i64, user: &User, at: Timestamp) -> Result<()> {
    const SQL: &str = "update nodes
                          set long_name = coalesce($2, long_name), short_name = coalesce($3, short_name),
                              hardware = coalesce($4, hardware), role = coalesce($5, role),
                              licensed = $6, unmessagable = $7, user_at = $8, hidden = (hidden & ~$9) | $10
                        where id = $1 and (user_at is null or user_at <= $8)";
    let opts_out = [&user.long_name, &user.short_name].into_iter().flatten().any(|name| uplinks::opts_out(name));
    let kept = |text: &'_ Option<String>, max| text.as_deref().map(|text| storable(text, max).into_owned());
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(node)
            .bind(kept(&user.long_name, MAX_NAME))
            .bind(kept(&user.short_name, MAX_SHORT_NAME))
            .bind(kept(&user.hardware, MAX_NAME))
            .bind(kept(&user.role, MAX_NAME))
            .bind(user.licensed)
            .bind(user.unmessagable)
            .bind(At(at))
            .bind(OPTED_OUT)
            .bind(if opts_out { OPTED_OUT } else { 0 })
            .execute(db)
            .map_ok(drop)
    })?;
    Ok(())
}

async fn store_position(tx: &mut Tx, node: i64, position: &Position, precision_bits: Option<u8>, at: Timestamp) -> Result<()> {
    const SQL: &str = "update nodes
                          set latitude = $2, longitude = $3, altitude_m = $4, precision_bits = $5, position_at = $6
                        where id = $1 and (position_at is null or position_at <= $6)";
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(node)
            .bind(position.latitude())
            .bind(position.longitude())
            .bind(position.altitude_m())
            .bind(precision_bits.map(i64::from))
            .bind(At(at))
            .execute(db)
            .map_ok(drop)
    })?;
    Ok(())
}

/// What a node, its computer and its traffic management count, and what it measures on its bearer: the latest of each.
const RADIO_STATS: &str = "update nodes set radio_stats = $2, radio_stats_at = $3
                            where id = $1 and (radio_stats_at is null or radio_stats_at <= $3)";
const HOST_STATS: &str = "update nodes set host_stats = $2, host_stats_at = $3
                           where id = $1 and (host_stats_at is null or host_stats_at <= $3)";
const TRAFFIC_STATS: &str = "update nodes set traffic_stats = $2, traffic_stats_at = $3
                              where id = $1 and (traffic_stats_at is null or traffic_stats_at <= $3)";

const HEALTH_METRICS: &str = "update nodes set health_metrics = $2, health_metrics_at = $3
                               where id = $1 and (health_metrics_at is null or health_metrics_at <= $3)";

async fn store_stats(tx: &mut Tx, sql: &'static str, node: i64, stats: &impl Serialize, at: Timestamp) -> Result<()> {
    let stats = serde_json::to_string(stats).expect("numbers are always JSON");
    on_tx!(tx, |db| sqlx::query(sql).bind(node).bind(stats).bind(At(at)).execute(db).map_ok(drop))?;
    Ok(())
}

async fn store_neighbors(tx: &mut Tx, node: i64, neighbors: &[Neighbor], at: Timestamp) -> Result<()> {
    const NEWER: &str = "select count(*) from neighbors where node = $1 and at > $2";
    const FORGET: &str = "delete from neighbors where node = $1";
    const SQL: &str = "insert into neighbors (node, neighbor, snr_db, at) values ($1, $2, $3, $4)
                       on conflict (node, neighbor) do update set snr_db = excluded.snr_db, at = excluded.at";
    let newer: i64 = on_tx!(tx, |db| sqlx::query_scalar(NEWER).bind(node).bind(At(at)).fetch_one(db))?;
    if newer > 0 {
        return Ok(());
    }
    on_tx!(tx, |db| sqlx::query(FORGET).bind(node).execute(db).map_ok(drop))?;
    // SQLite has no NaN, and a signal that is no number says nothing.
    for neighbor in neighbors.iter().filter(|neighbor| neighbor.snr_db.is_finite()).take(MAX_NEIGHBORS) {
        on_tx!(tx, |db| sqlx::query(SQL).bind(node).bind(Node(neighbor.node)).bind(neighbor.snr_db).bind(At(at)).execute(db).map_ok(drop))?;
    }
    Ok(())
}

async fn store_traceroute(tx: &mut Tx, node: i64, route: &Traceroute, at: Timestamp) -> Result<()> {
    const SQL: &str = "insert into traceroutes (node, to_node, at, route) values ($1, $2, $3, $4)
                       on conflict (node, to_node) do update set at = excluded.at, route = excluded.route
                        where excluded.at >= traceroutes.at";
    let json = serde_json::to_string(route).expect("numbers and texts are always JSON");
    on_tx!(tx, |db| sqlx::query(SQL).bind(node).bind(Node(route.to)).bind(At(at)).bind(json).execute(db).map_ok(drop))?;
    Ok(())
}
