//! What only one of several processes may do at a time.

use crate::{Result, Store, db::on_writer, types::At};
use futures_util::TryFutureExt as _;
use kosmo_domain::Timestamp;
use std::time::Duration;
use uuid::Uuid;

impl Store {
    /// Takes or prolongs a lease until `length` from now, and tells whether `holder` has it. Who has none asks again now and then.
    ///
    /// A lease that seems to last for longer than anybody may have asked for was taken by a clock that was wrong, and binds nobody.
    ///
    /// # Errors
    /// As the database does; who then does not know whether it has the lease stops when the last one it had is over.
    pub async fn hold_lease(&self, name: &str, holder: Uuid, length: Duration, now: Timestamp) -> Result<bool> {
        const SQL: &str = "insert into leases (name, holder, ends_at)
                           values ($1, $2, $3)
                           on conflict (name) do update
                              set holder = excluded.holder, ends_at = excluded.ends_at
                            where leases.holder = excluded.holder or leases.ends_at <= $4 or leases.ends_at > $5";
        let (ends_at, implausible) = (At(now.plus(length)), At(now.plus(length * 10)));
        let changed = on_writer!(self, |db| {
            sqlx::query(SQL)
                .bind(name)
                .bind(holder)
                .bind(ends_at)
                .bind(At(now))
                .bind(implausible)
                .execute(db)
                .map_ok(|done| done.rows_affected())
        })?;
        Ok(changed > 0)
    }

    /// Gives a lease back, so that another need not wait for its end.
    ///
    /// # Errors
    /// As the database does.
    pub async fn release_lease(&self, name: &str, holder: Uuid) -> Result<()> {
        const SQL: &str = "delete from leases where name = $1 and holder = $2";
        on_writer!(self, |db| sqlx::query(SQL).bind(name).bind(holder).execute(db).map_ok(drop))?;
        Ok(())
    }
}
