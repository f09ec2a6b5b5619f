//! When bridges listened: what each says of it moves its track, and leaves gaps behind.

use crate::{
    Change, Error, Result, Store,
    db::{Tx, TxDb, on_reader, on_tx, on_writer},
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BELIEVED, BridgeId, Epoch, GapChange, GapReason, Listening, Timestamp, Track};
use std::time::Duration;
use uuid::Uuid;

/// Gaps of one bridge that follow each other this closely, for the same reason, are one: a radio that comes and goes.
const MERGED: Duration = Duration::from_secs(10);
/// The most gaps that are kept; of more, the oldest go.
const MAX_GAPS: i64 = 50_000;

/// A time in which a bridge may not have listened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRow {
    /// The bridge.
    pub bridge: BridgeId,
    /// Since when.
    pub from: Timestamp,
    /// Until when; nothing while it goes on.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: GapReason,
}

/// A bridge that has listened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerRow {
    /// The bridge.
    pub bridge: BridgeId,
    /// Since when it has listened, gaps aside.
    pub first_at: Timestamp,
    /// Until when it was a bridge of ours.
    pub revoked_at: Option<Timestamp>,
}

fn bridge(name: &str) -> Result<BridgeId> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no bridge id")))
}

fn reason(name: &str) -> Result<GapReason> {
    GapReason::of_name(name).ok_or_else(|| Error::Corrupt(format!("{name:?} is no reason of a gap")))
}

impl Store {
    /// Takes in what a run of a bridge said of its listening at `at`, and tells whether its gaps are other than before. Replicas may
    /// take in the same. A bridge that is unknown or revoked is passed over.
    ///
    /// # Errors
    /// As the database does.
    pub async fn note_listening(&self, id: &BridgeId, said: Listening, life: Option<Epoch>, at: Timestamp) -> Result<bool> {
        let mut tx = self.begin().await?;
        let changed = hear(&mut tx, id, said, life, at).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Begins a gap for each bridge that has not been heard of for too long, and returns which those are.
    ///
    /// # Errors
    /// As the database does.
    pub async fn note_silence(&self, now: Timestamp) -> Result<Vec<BridgeId>> {
        const SQL: &str = "select l.bridge
                             from listening l join bridges b on b.id = l.bridge
                            where b.revoked_at is null and l.told_at < $1
                              and not exists (select 1 from listening_gaps g where g.bridge = l.bridge and g.ended_at is null)
                            order by l.bridge";
        let long_ago = At(now.minus(BELIEVED));
        let names: Vec<String> = on_reader!(self, |db| sqlx::query_scalar(SQL).bind(long_ago).fetch_all(db))?;
        let mut silent = Vec::new();
        for name in names {
            let id = bridge(&name)?;
            let mut tx = self.begin().await?;
            // It may have said something meanwhile.
            if load(&mut tx, &id).await?.is_some_and(|track| track.is_silent(now))
                && hear(&mut tx, &id, Listening::Silent, None, now).await?
            {
                tx.commit().await?;
                silent.push(id);
            }
        }
        Ok(silent)
    }

    /// Returns the gaps that reach into the time from `from` to `to`, the latest first: at most `limit` that began before `before`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn gaps(&self, from: Timestamp, to: Timestamp, before: Option<(Timestamp, BridgeId)>, limit: u32) -> Result<Vec<GapRow>> {
        const SQL: &str = "select bridge, began_at, ended_at, reason
                             from listening_gaps
                            where began_at < $2 and (ended_at is null or ended_at > $1)
                              and (began_at < $3 or (began_at = $3 and bridge > $4))
                            order by began_at desc, bridge
                            limit $5";
        let (began, after) = before.map_or((Timestamp::MAX, String::new()), |(began, bridge)| (began, bridge.to_string()));
        let rows: Vec<(String, At, Option<At>, String)> = on_reader!(self, |db| {
            sqlx::query_as(SQL).bind(At(from)).bind(At(to)).bind(At(began)).bind(after).bind(i64::from(limit)).fetch_all(db)
        })?;
        rows.into_iter()
            .map(|(name, from, until, why)| {
                Ok(GapRow { bridge: bridge(&name)?, from: from.0, until: until.map(Timestamp::from), reason: reason(&why)? })
            })
            .collect()
    }

    /// Returns the bridges that have ever listened.
    ///
    /// # Errors
    /// As the database does.
    pub async fn listeners(&self) -> Result<Vec<ListenerRow>> {
        const SQL: &str = "select l.bridge, l.first_at, b.revoked_at from listening l join bridges b on b.id = l.bridge order by l.bridge";
        let rows: Vec<(String, At, Option<At>)> = on_reader!(self, |db| sqlx::query_as(SQL).fetch_all(db))?;
        rows.into_iter()
            .map(|(name, first_at, revoked_at)| {
                Ok(ListenerRow { bridge: bridge(&name)?, first_at: first_at.0, revoked_at: revoked_at.map(Timestamp::from) })
            })
            .collect()
    }

    /// Gives up the gaps that ended before `before`, and the oldest of those that are too many, and returns how many those are.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_gaps(&self, before: Timestamp) -> Result<u64> {
        const OLD: &str = "delete from listening_gaps where ended_at < $1";
        const SURPLUS: &str = "delete from listening_gaps
                                where ended_at is not null
                                  and began_at <= (select began_at from listening_gaps order by began_at desc limit 1 offset $1)";
        let old = on_writer!(self, |db| sqlx::query(OLD).bind(At(before)).execute(db).map_ok(|done| done.rows_affected()))?;
        let surplus = on_writer!(self, |db| sqlx::query(SURPLUS).bind(MAX_GAPS).execute(db).map_ok(|done| done.rows_affected()))?;
        Ok(old + surplus)
    }
}

async fn hear(tx: &mut Tx, id: &BridgeId, said: Listening, life: Option<Epoch>, at: Timestamp) -> Result<bool> {
    const BEGIN: &str = "insert into listening (bridge, first_at, heard_until, told_at, life)
                         select id, $2, $3, $4, $5 from bridges where id = $1 and revoked_at is null
                         on conflict (bridge) do nothing";
    const MOVE: &str = "update listening set heard_until = $2, told_at = $3, life = $4 where bridge = $1";
    let Some(mut track) = load(tx, id).await? else {
        let Some(track) = Track::begin(said, life, at) else { return Ok(false) };
        let (first, until, told) = (At(track.first_at), At(track.heard_until), At(track.told_at));
        let rows = on_tx!(tx, |db| {
            sqlx::query(BEGIN)
                .bind(id.as_str())
                .bind(first)
                .bind(until)
                .bind(told)
                .bind(life.map(Epoch::as_uuid))
                .execute(db)
                .map_ok(|done| done.rows_affected())
        })?;
        return Ok(rows > 0);
    };
    let changes: Vec<_> = track.hear(said, life, at).collect();
    let (until, told, life) = (At(track.heard_until), At(track.told_at), track.life.map(Epoch::as_uuid));
    on_tx!(tx, |db| sqlx::query(MOVE).bind(id.as_str()).bind(until).bind(told).bind(life).execute(db).map_ok(drop))?;
    if changes.is_empty() {
        return Ok(false);
    }
    for change in changes {
        apply(tx, id, change).await?;
    }
    tx.tell(Change::Bridge(id.clone()));
    Ok(true)
}

/// Returns what is known of a bridge's listening, locked until the use-case ends.
async fn load(tx: &mut Tx, id: &BridgeId) -> Result<Option<Track>> {
    const OPEN: &str = "select began_at, reason from listening_gaps where bridge = $1 and ended_at is null";
    let row: Option<(At, At, At, Option<Uuid>)> = match &mut tx.db {
        // SQLite has one writer, so nothing is locked.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "select first_at, heard_until, told_at, life from listening where bridge = $1";
            sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(&mut **tx).await?
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = "select first_at, heard_until, told_at, life from listening where bridge = $1 for update";
            sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(&mut **tx).await?
        }
    };
    let Some((first_at, heard_until, told_at, life)) = row else { return Ok(None) };
    let open: Option<(At, String)> = on_tx!(tx, |db| sqlx::query_as(OPEN).bind(id.as_str()).fetch_optional(db))?;
    let open = open.map(|(from, why)| reason(&why).map(|reason| (from.0, reason))).transpose()?;
    Ok(Some(Track { first_at: first_at.0, heard_until: heard_until.0, told_at: told_at.0, life: life.map(Epoch::from_uuid), open }))
}

async fn apply(tx: &mut Tx, id: &BridgeId, change: GapChange) -> Result<()> {
    const REOPEN: &str = "update listening_gaps set ended_at = null
                           where bridge = $1 and ended_at >= $2 and reason = $3
                             and began_at = (select max(began_at) from listening_gaps where bridge = $1)";
    const INSERT: &str = "insert into listening_gaps (bridge, began_at, ended_at, reason) values ($1, $2, $3, $4)
                          on conflict (bridge, began_at) do update set ended_at = excluded.ended_at, reason = excluded.reason";
    const CLOSE: &str = "update listening_gaps set ended_at = $2, reason = $3 where bridge = $1 and ended_at is null";
    const REASON: &str = "update listening_gaps set reason = $2 where bridge = $1 and ended_at is null";
    const DROP: &str = "delete from listening_gaps where bridge = $1 and ended_at is null";
    let id = id.as_str();
    match change {
        GapChange::Open(from, why) => {
            let lately = At(from.minus(MERGED));
            let reopened = on_tx!(tx, |db| {
                sqlx::query(REOPEN).bind(id).bind(lately).bind(why.as_str()).execute(db).map_ok(|done| done.rows_affected())
            })?;
            if reopened == 0 {
                on_tx!(tx, |db| {
                    sqlx::query(INSERT).bind(id).bind(At(from)).bind(None::<At>).bind(why.as_str()).execute(db).map_ok(drop)
                })?;
            }
        }
        GapChange::Was(from, until, why) => on_tx!(tx, |db| {
            sqlx::query(INSERT).bind(id).bind(At(from)).bind(Some(At(until))).bind(why.as_str()).execute(db).map_ok(drop)
        })?,
        GapChange::Close(until, why) => {
            on_tx!(tx, |db| sqlx::query(CLOSE).bind(id).bind(At(until)).bind(why.as_str()).execute(db).map_ok(drop))?;
        }
        GapChange::Reason(why) => on_tx!(tx, |db| sqlx::query(REASON).bind(id).bind(why.as_str()).execute(db).map_ok(drop))?,
        GapChange::Drop => on_tx!(tx, |db| sqlx::query(DROP).bind(id).execute(db).map_ok(drop))?,
    }
    Ok(())
}
