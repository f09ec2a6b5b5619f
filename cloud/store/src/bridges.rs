//! Bridges: who may log in as one, what each last said of itself, and when it was last heard of.

use crate::{
    Change, Constraint, Error, Result, SecretHash, Store,
    db::{Tx, on_reader, on_tx, on_writer},
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, Timestamp};
use kosmo_failpoints::fail_point;
use std::time::Duration;

/// The longest status kept of a bridge, in bytes.
pub const MAX_STATUS: usize = 8 * 1024;

/// The most bridges that one page has.
const MAX_PAGE: u32 = 500;

/// A bridge's last sign of life is written at most this often, so that traffic does not rewrite its row all the time.
const SEEN_STEP: Duration = Duration::from_secs(10);

/// What adding a bridge came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeAdded {
    /// There was none of this id.
    New,
    /// There was a revoked one; it has the new secret.
    Renewed,
}

/// A bridge as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeRow {
    /// Its id, which is also its MQTT login.
    pub id: BridgeId,
    /// When it was added, or last added again.
    pub added_at: Timestamp,
    /// When its login was taken away.
    pub revoked_at: Option<Timestamp>,
    /// When it was last heard of, to within ten seconds.
    pub last_seen_at: Option<Timestamp>,
    /// The last status it published: JSON as it came.
    pub status: Option<String>,
    /// When that arrived.
    pub status_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    added_at: At,
    revoked_at: Option<At>,
    last_seen_at: Option<At>,
    status: Option<String>,
    status_at: Option<At>,
}

impl TryFrom<Row> for BridgeRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id.parse().map_err(|_| Error::Corrupt(format!("{:?} is no bridge id", row.id)))?,
            added_at: row.added_at.0,
            revoked_at: row.revoked_at.map(Timestamp::from),
            last_seen_at: row.last_seen_at.map(Timestamp::from),
            status: row.status,
            status_at: row.status_at.map(Timestamp::from),
        })
    }
}

impl Store {
    /// Adds a bridge, or gives a revoked one a new secret.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is one that is not revoked, or a login of this name.
    pub async fn add_bridge(&self, id: &BridgeId, secret: &SecretHash, now: Timestamp) -> Result<BridgeAdded> {
        const TAKEN: &str = "select count(*) from mqtt_logins where name = $1";
        const INSERT: &str = "insert into bridges (id, secret_hash, added_at) values ($1, $2, $3) on conflict (id) do nothing";
        const RENEW: &str = "update bridges
                                set secret_hash = $2, added_at = $3, revoked_at = null, status = null, status_at = null
                              where id = $1 and revoked_at is not null";
        let mut tx = self.begin().await?;
        let taken: i64 = on_tx!(tx, |db| sqlx::query_scalar(TAKEN).bind(id.as_str()).fetch_one(db))?;
        if taken > 0 {
            return Err(Error::Conflict(Constraint::Login));
        }
        let write = |sql| (sql, id.as_str(), secret.as_bytes().to_vec());
        for (statement, added) in [(write(INSERT), BridgeAdded::New), (write(RENEW), BridgeAdded::Renewed)] {
            let (sql, id, hash) = statement;
            let rows = on_tx!(tx, |db| sqlx::query(sql).bind(id).bind(hash).bind(At(now)).execute(db).map_ok(|done| done.rows_affected()))?;
            if rows > 0 {
                tx.commit().await?;
                return Ok(added);
            }
        }
        Err(Error::Conflict(Constraint::Bridge))
    }

    /// Returns all bridges, the revoked ones too, by id.
    ///
    /// # Errors
    /// As the database does.
    pub async fn bridges(&self) -> Result<Vec<BridgeRow>> {
        const SQL: &str = "select id, added_at, revoked_at, last_seen_at, status, status_at from bridges order by id";
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).fetch_all(db))?;
        rows.into_iter().map(BridgeRow::try_from).collect()
    }

    /// Returns the bridges that have a login by id: at most `limit` that come after `after`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn bridges_page(&self, after: Option<&BridgeId>, limit: u32) -> Result<Vec<BridgeRow>> {
        const SQL: &str = "select id, added_at, revoked_at, last_seen_at, status, status_at
                             from bridges
                            where revoked_at is null and id > $1
                            order by id
                            limit $2";
        let after = after.map_or("", BridgeId::as_str);
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(after).bind(i64::from(limit.min(MAX_PAGE))).fetch_all(db))?;
        rows.into_iter().map(BridgeRow::try_from).collect()
    }

    /// Takes a bridge's login away, and tells whether it had one. What it delivered stays.
    ///
    /// # Errors
    /// As the database does.
    pub async fn revoke_bridge(&self, id: &BridgeId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "update bridges set revoked_at = $2 where id = $1 and revoked_at is null";
        let rows = on_writer!(self, |db| sqlx::query(SQL).bind(id.as_str()).bind(At(now)).execute(db).map_ok(|done| done.rows_affected()))?;
        Ok(rows > 0)
    }

    /// Returns what a bridge's secret is checked against; nothing if it is unknown or revoked.
    ///
    /// # Errors
    /// As the database does.
    pub async fn bridge_login(&self, id: &BridgeId) -> Result<Option<SecretHash>> {
        const SQL: &str = "select secret_hash from bridges where id = $1 and revoked_at is null";
        let hash: Option<Vec<u8>> = on_reader!(self, |db| sqlx::query_scalar(SQL).bind(id.as_str()).fetch_optional(db))?;
        hash.map(SecretHash::try_from).transpose()
    }

    /// Keeps what a bridge says of itself, unless something later is kept already, and tells whether it was kept.
    /// What comes from an unknown or revoked bridge is not.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`MAX_STATUS`].
    pub async fn note_bridge_status(&self, id: &BridgeId, status: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str = "update bridges
                              set status = $2, status_at = $3, last_seen_at = $3
                            where id = $1 and revoked_at is null and (status_at is null or status_at <= $3)";
        if status.len() > MAX_STATUS {
            return Err(Error::TooLarge { what: "a bridge's status", max: MAX_STATUS });
        }
        let mut tx = self.begin().await?;
        let rows = on_tx!(tx, |db| {
            sqlx::query(SQL).bind(id.as_str()).bind(status).bind(At(now)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        if rows > 0 {
            tx.tell(Change::Bridge(id.clone()));
        }
        tx.commit().await?;
        fail_point!("status::noted");
        Ok(rows > 0)
    }
}

/// Notes inside a use-case that a bridge was heard of.
pub(crate) async fn note_seen(tx: &mut Tx, id: &BridgeId, now: Timestamp) -> Result<()> {
    const SQL: &str = "update bridges set last_seen_at = $2 where id = $1 and (last_seen_at is null or last_seen_at < $3)";
    let stale = now.minus(SEEN_STEP);
    on_tx!(tx, |db| sqlx::query(SQL).bind(id.as_str()).bind(At(now)).bind(At(stale)).execute(db).map_ok(drop))?;
    Ok(())
}
