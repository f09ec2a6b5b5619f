//! The logins of nodes that publish to our broker, each for its own topics.

use crate::{
    Constraint, Error, LoginKind, LoginRow, Result, SecretHash, Store,
    db::on_tx,
    types::{At, Node},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, NodeId, Timestamp};

impl Store {
    /// Adds the login of a node that publishes what it hears, and with `downlink` is told what others publish. Its name is taken from
    /// the same stock as those of bridges.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is a login, or a bridge (revoked ones too), of this name.
    pub async fn add_uplink(&self, name: &BridgeId, node: NodeId, downlink: bool, secret: &SecretHash, now: Timestamp) -> Result<()> {
        const TAKEN: &str = "select count(*) from bridges where id = $1";
        const INSERT: &str = "insert into mqtt_logins (name, kind, secret_hash, added_at, node_id) values ($1, $2, $3, $4, $5)
                              on conflict (name) do nothing";
        let kind = if downlink { LoginKind::UplinkAndDownlink(node) } else { LoginKind::Uplink(node) };
        let mut tx = self.begin().await?;
        let taken: i64 = on_tx!(tx, |db| sqlx::query_scalar(TAKEN).bind(name.as_str()).fetch_one(db))?;
        let rows = on_tx!(tx, |db| {
            let query = sqlx::query(INSERT).bind(name.as_str()).bind(kind.as_str()).bind(secret.as_bytes());
            query.bind(At(now)).bind(Node(node)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        if taken > 0 || rows == 0 {
            return Err(Error::Conflict(Constraint::Login));
        }
        tx.commit().await
    }

    /// Returns the logins of nodes by name: name, what it may do, and since when.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplinks(&self) -> Result<Vec<LoginRow>> {
        Ok(self.logins().await?.into_iter().filter(|row| row.kind.node().is_some()).collect())
    }
}
