//! Gives up what is old, a bounded piece at a time.

use crate::{
    Result, Store,
    db::{Db, TxDb, on_tx, on_writer},
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, HOUR, Timestamp};
use std::time::Duration;

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Raw readings. Their summaries stay for good.
    pub readings: Duration,
    /// Who heard which packet how. Packets are told apart for a day, so at least two days are kept.
    pub receptions: Duration,
    /// Which records of a spool are stored, counted from the last of them.
    pub streams: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self { readings: DAY * 400, receptions: DAY * 7, streams: DAY * 180 }
    }
}

/// How much was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Raw readings.
    pub readings: u64,
    /// Receptions.
    pub receptions: u64,
    /// Streams.
    pub streams: u64,
    /// Whether there may be more to do.
    pub more: bool,
    /// Whether readings that are old enough were left, for an hour that is as old is still to be summarised.
    pub held: bool,
}

impl Store {
    /// Gives up what is older than is to be kept, at most `limit` rows of each kind.
    ///
    /// A raw reading stays until its hour has been summarised. What is too old is never summarised again, so that a late
    /// reading does not replace the summary of a whole hour.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_weather(&self, keep: &Keep, now: Timestamp, limit: u32) -> Result<Purged> {
        let wanted = now.minus(keep.readings).floor_to(HOUR);
        let before = self.raise_watermark(wanted).await?;
        let limit = i64::from(limit);
        let readings = self.purge_readings(before, limit).await?;
        let receptions = self.purge_receptions(now.minus(keep.receptions.max(DAY * 2)), limit).await?;
        let streams = {
            const SQL: &str = "delete from bridge_streams where updated_at < $1";
            let before = At(now.minus(keep.streams));
            on_writer!(self, |db| sqlx::query(SQL).bind(before).execute(db).map_ok(|done| done.rows_affected()))?
        };
        let more = [readings, receptions].iter().any(|rows| i64::try_from(*rows) == Ok(limit));
        Ok(Purged { readings, receptions, streams, more, held: before < wanted })
    }

    /// Moves the time before which raw readings are given up forward to `before`, but not past an hour that is still to be
    /// summarised, nor past the one before it. Returns where it is then. It is moved before anything is removed, so that a
    /// summary in the making that misses a removed reading is not written.
    async fn raise_watermark(&self, before: Timestamp) -> Result<Timestamp> {
        const OLDEST: &str = "select min(hour) from dirty_hours";
        const RAISE: &str = "update raw_watermark set before = case when $1 > before then $1 else before end returning before";
        let mut tx = self.begin().await?;
        let oldest: Option<At> = on_tx!(tx, |db| sqlx::query_scalar(OLDEST).fetch_one(db))?;
        let before = oldest.map_or(before, |oldest| before.min(oldest.0.minus(HOUR)));
        let raised: At = match &mut tx.db {
            TxDb::Sqlite(tx) => sqlx::query_scalar(RAISE).bind(At(before)).fetch_one(&mut **tx).await?,
            TxDb::Postgres(tx) => sqlx::query_scalar(RAISE).bind(At(before)).fetch_one(&mut **tx).await?,
        };
        tx.commit().await?;
        Ok(raised.0)
    }

    async fn purge_readings(&self, before: Timestamp, limit: i64) -> Result<u64> {
        // The index is by node and time, so the old rows are found node by node; rows are named in each database's own way.
        Ok(match &self.db {
            Db::Sqlite { write, .. } => {
                const SQL: &str = "delete from readings
                                    where rowid in (select r.rowid from nodes n cross join readings r on r.node = n.id and r.at < $1 limit $2)";
                sqlx::query(SQL).bind(At(before)).bind(limit).execute(write).await?.rows_affected()
            }
            Db::Postgres(pool) => {
                const SQL: &str = "delete from readings
                                    using (select r.node, r.at
                                             from nodes n
                                            cross join lateral (select node, at from readings where node = n.id and at < $1 limit $2) r
                                            limit $2) old
                                    where readings.node = old.node and readings.at = old.at";
                sqlx::query(SQL).bind(At(before)).bind(limit).execute(pool).await?.rows_affected()
            }
        })
    }

    async fn purge_receptions(&self, before: Timestamp, limit: i64) -> Result<u64> {
        const SQL: &str = "delete from receptions
                            where (heard_at, sender, packet_id, part, bridge) in
                                  (select heard_at, sender, packet_id, part, bridge from receptions where heard_at < $1 order by heard_at limit $2)";
        Ok(on_writer!(self, |db| sqlx::query(SQL).bind(At(before)).bind(limit).execute(db).map_ok(|done| done.rows_affected()))?)
    }
}
