//! The gateways, and how much comes by each.

use crate::{
    Result, Store,
    db::{Tx, on_reader, on_tx, on_writer},
    types::{At, Node},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, HOUR, NodeId, Timestamp};
use std::time::Duration;

/// The most rows of a list that is read at once.
const MOST_ROWS: i64 = 500;
/// How many gateways are kept; of more, those that were heard of last.
const MOST_GATEWAYS: i64 = 2_000;
/// For how long it is told by hours what came by a gateway.
const KEEP_HOURS: Duration = DAY.saturating_mul(2);
/// For how long what was not taken is told.
const KEEP_LIMITS: Duration = DAY.saturating_mul(7);
/// For how long it is told when brokers were listened to.
const KEEP_SESSIONS: Duration = DAY.saturating_mul(90);
/// For how long it is told how brokers fared that nobody listens to any more.
const KEEP_BROKERS: Duration = DAY.saturating_mul(7);

/// What came by a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Packets that nobody had told of before.
    pub packets: u64,
    /// Packets that another gateway had told of.
    pub copies: u64,
    /// Packets that were not taken.
    pub limited: u64,
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
    /// How much.
    pub taken: Taken,
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
    /// What came by it since.
    pub ever: Taken,
    /// What came by it within the last 24 hours, the one that runs among them.
    pub day: Taken,
    /// How many messages came within the hour that runs and the one before, taken or not.
    pub lately: u64,
}

#[derive(sqlx::FromRow)]
struct Stored {
    source: String,
    gateway: Node,
    first_at: At,
    last_at: At,
    packets: i64,
    copies: i64,
    limited: i64,
    day_packets: i64,
    day_copies: i64,
    day_limited: i64,
    lately: i64,
}

/// Adds up what came by which gateway.
pub(super) async fn count(tx: &mut Tx, gateways: &[GatewayTally]) -> Result<()> {
    const GATEWAY: &str = "insert into uplink_gateways (source, gateway, first_at, last_at, packets, copies, limited)
                           values ($1, $2, $3, $3, $4, $5, $6)
                           on conflict (source, gateway) do update
                              set last_at = excluded.last_at, packets = uplink_gateways.packets + excluded.packets,
                                  copies = uplink_gateways.copies + excluded.copies, limited = uplink_gateways.limited + excluded.limited";
    const HOURLY: &str = "insert into uplink_gateway_hours (source, gateway, hour, packets, copies, limited)
                          values ($1, $2, $3, $4, $5, $6)
                          on conflict (source, gateway, hour) do update
                             set packets = uplink_gateway_hours.packets + excluded.packets,
                                 copies = uplink_gateway_hours.copies + excluded.copies,
                                 limited = uplink_gateway_hours.limited + excluded.limited";
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    // In the order of their names, so that replicas wait for each other and do not lock each other out.
    let mut gateways: Vec<_> = gateways.iter().collect();
    gateways.sort_by_key(|tally| (&tally.source, tally.gateway));
    for (sql, width) in [(GATEWAY, None), (HOURLY, Some(HOUR))] {
        for tally in &gateways {
            let at = width.map_or(tally.at, |width| tally.at.floor_to(width));
            on_tx!(tx, |db| {
                sqlx::query(sql)
                    .bind(&tally.source)
                    .bind(Node(tally.gateway))
                    .bind(At(at))
                    .bind(signed(tally.taken.packets))
                    .bind(signed(tally.taken.copies))
                    .bind(signed(tally.taken.limited))
                    .execute(db)
                    .map_ok(drop)
            })?;
        }
    }
    Ok(())
}

impl Store {
    /// Returns the gateways that were heard of last, with what came by them about `now`; 500 at most.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_gateways(&self, now: Timestamp) -> Result<Vec<GatewayRow>> {
        const SQL: &str = "select g.source, g.gateway, g.first_at, g.last_at, g.packets, g.copies, g.limited,
                                  cast(coalesce(sum(h.packets), 0) as bigint) as day_packets,
                                  cast(coalesce(sum(h.copies), 0) as bigint) as day_copies,
                                  cast(coalesce(sum(h.limited), 0) as bigint) as day_limited,
                                  cast(coalesce(sum(case when h.hour >= $2 then h.packets + h.copies + h.limited else 0 end), 0) as bigint) as lately
                             from (select * from uplink_gateways order by last_at desc, source, gateway limit $3) g
                             left join uplink_gateway_hours h on h.source = g.source and h.gateway = g.gateway and h.hour > $1
                            group by g.source, g.gateway, g.first_at, g.last_at, g.packets, g.copies, g.limited
                            order by g.last_at desc, g.source, g.gateway";
        let hour = now.floor_to(HOUR);
        let rows: Vec<Stored> = on_reader!(self, |db| {
            sqlx::query_as(SQL).bind(At(hour.minus(DAY))).bind(At(hour.minus(HOUR))).bind(MOST_ROWS).fetch_all(db)
        })?;
        let taken = |packets: i64, copies: i64, limited: i64| Taken {
            packets: packets.unsigned_abs(),
            copies: copies.unsigned_abs(),
            limited: limited.unsigned_abs(),
        };
        let row = |row: Stored| GatewayRow {
            source: row.source,
            gateway: row.gateway.0,
            first_at: row.first_at.0,
            last_at: row.last_at.0,
            ever: taken(row.packets, row.copies, row.limited),
            day: taken(row.day_packets, row.day_copies, row.day_limited),
            lately: row.lately.unsigned_abs(),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Gives up receptions of packets from before `receptions`, and what is old of everything else.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_uplinks(&self, receptions: Timestamp, now: Timestamp) -> Result<()> {
        const RECEPTIONS: &str = "delete from uplink_receptions where hour < $1";
        const LIMITS: &str = "delete from uplink_limits where hour < $1";
        const HOURS: &str = "delete from uplink_gateway_hours where hour < $1";
        const SESSIONS: &str = "delete from uplink_listening where until_at < $1";
        const BROKERS: &str = "delete from uplink_brokers where noted_at < $1";
        const GATEWAYS: &str = "delete from uplink_gateways
                                 where last_at < coalesce((select last_at from uplink_gateways order by last_at desc limit 1 offset $1), $2)";
        for (sql, before) in [
            (RECEPTIONS, receptions),
            (LIMITS, now.minus(KEEP_LIMITS)),
            (HOURS, now.minus(KEEP_HOURS)),
            (SESSIONS, now.minus(KEEP_SESSIONS)),
            (BROKERS, now.minus(KEEP_BROKERS)),
        ] {
            on_writer!(self, |db| sqlx::query(sql).bind(At(before.floor_to(HOUR))).execute(db).map_ok(drop))?;
        }
        on_writer!(self, |db| sqlx::query(GATEWAYS).bind(MOST_GATEWAYS).bind(At(Timestamp::EPOCH)).execute(db).map_ok(drop))?;
        Ok(())
    }
}
