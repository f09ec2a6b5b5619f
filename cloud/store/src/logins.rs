//! MQTT logins that are no bridges: viewers, who may read the public topics, and services of ours that run apart.

use crate::{
    Constraint, Error, Result, SecretHash, Store,
    db::{on_reader, on_tx, on_writer},
    types::{At, Node},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, NodeId, Timestamp};

/// What a login may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginKind {
    /// Reads what is public.
    Viewer,
    /// A service of ours: reads and writes everything.
    Service,
    /// A node that publishes what it hears, to its own topics.
    Uplink(NodeId),
    /// A node that does so, and is told what others publish on the channels it asks for.
    UplinkAndDownlink(NodeId),
}

impl LoginKind {
    /// Returns the name used in the database and by the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Service => "service",
            Self::Uplink(_) => "uplink",
            Self::UplinkAndDownlink(_) => "uplink+downlink",
        }
    }

    /// Returns the node whose login it is, if it is a node's.
    pub const fn node(self) -> Option<NodeId> {
        match self {
            Self::Uplink(node) | Self::UplinkAndDownlink(node) => Some(node),
            Self::Viewer | Self::Service => None,
        }
    }

    fn parse(text: &str, node: Option<Node>) -> Result<Self> {
        match (text, node) {
            ("viewer", _) => Ok(Self::Viewer),
            ("service", _) => Ok(Self::Service),
            ("uplink", Some(node)) => Ok(Self::Uplink(node.0)),
            ("uplink+downlink", Some(node)) => Ok(Self::UplinkAndDownlink(node.0)),
            _ => Err(Error::Corrupt(format!("{text:?} is no kind of login"))),
        }
    }
}

/// Who logs in, and what the secret is checked against.
#[derive(Debug, Clone)]
pub enum Login {
    /// A bridge, which has its own topics.
    Bridge(BridgeId, SecretHash),
    /// Somebody else.
    Other(LoginKind, SecretHash),
}

impl Login {
    /// Returns what the secret is checked against.
    pub const fn secret(&self) -> &SecretHash {
        match self {
            Self::Bridge(_, secret) | Self::Other(_, secret) => secret,
        }
    }
}

/// A login that is no bridge, as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRow {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub kind: LoginKind,
    /// When it was added.
    pub added_at: Timestamp,
}

impl Store {
    /// Adds a login. Names have the form of bridge ids and are taken from the same stock.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is a login, or a bridge (revoked ones too), of this name.
    pub async fn add_login(&self, name: &BridgeId, kind: LoginKind, secret: &SecretHash, now: Timestamp) -> Result<()> {
        const TAKEN: &str = "select count(*) from bridges where id = $1";
        const INSERT: &str = "insert into mqtt_logins (name, kind, secret_hash, added_at) values ($1, $2, $3, $4)
                              on conflict (name) do nothing";
        let mut tx = self.begin().await?;
        let taken: i64 = on_tx!(tx, |db| sqlx::query_scalar(TAKEN).bind(name.as_str()).fetch_one(db))?;
        let rows = on_tx!(tx, |db| {
            sqlx::query(INSERT)
                .bind(name.as_str())
                .bind(kind.as_str())
                .bind(secret.as_bytes())
                .bind(At(now))
                .execute(db)
                .map_ok(|done| done.rows_affected())
        })?;
        if taken > 0 || rows == 0 {
            return Err(Error::Conflict(Constraint::Login));
        }
        tx.commit().await
    }

    /// Removes a login, and tells whether there was one.
    ///
    /// # Errors
    /// As the database does.
    pub async fn remove_login(&self, name: &BridgeId) -> Result<bool> {
        const SQL: &str = "delete from mqtt_logins where name = $1";
        let rows = on_writer!(self, |db| sqlx::query(SQL).bind(name.as_str()).execute(db).map_ok(|done| done.rows_affected()))?;
        Ok(rows > 0)
    }

    /// Returns the logins that are no bridges, by name.
    ///
    /// # Errors
    /// As the database does.
    pub async fn logins(&self) -> Result<Vec<LoginRow>> {
        const SQL: &str = "select name, kind, added_at, node_id from mqtt_logins order by name";
        let rows: Vec<(String, String, At, Option<Node>)> = on_reader!(self, |db| sqlx::query_as(SQL).fetch_all(db))?;
        rows.into_iter().map(|(name, kind, at, node)| Ok(LoginRow { name, kind: LoginKind::parse(&kind, node)?, added_at: at.0 })).collect()
    }

    /// Returns who this is that wants to log in to MQTT: a bridge that is not revoked, or somebody else.
    ///
    /// # Errors
    /// As the database does.
    pub async fn mqtt_login(&self, name: &str) -> Result<Option<Login>> {
        const SQL: &str = "select 'bridge' as kind, secret_hash, cast(null as bigint) as node_id
                             from bridges where id = $1 and revoked_at is null
                           union all
                           select kind, secret_hash, node_id from mqtt_logins where name = $1";
        let Ok(id) = name.parse::<BridgeId>() else { return Ok(None) };
        let found: Option<(String, Vec<u8>, Option<Node>)> =
            on_reader!(self, |db| sqlx::query_as(SQL).bind(id.as_str()).fetch_optional(db))?;
        let Some((kind, hash, node)) = found else { return Ok(None) };
        let secret = SecretHash::try_from(hash)?;
        Ok(Some(if kind == "bridge" { Login::Bridge(id, secret) } else { Login::Other(LoginKind::parse(&kind, node)?, secret) }))
    }
}
