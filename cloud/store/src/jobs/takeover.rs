//! What a process held when it died, where it is known to be dead.

use crate::{
    Result, Store,
    db::{Db, on_tx},
};
use futures_util::TryFutureExt as _;

impl Store {
    /// Frees what the process before this one had taken for a while: jobs that it had claimed, and what only one may do at a time.
    /// SQLite has one serving process, so that whoever opened the file for serving knows that the one before is dead; with PostgreSQL
    /// others may be alive, and what a dead one held ends with its lease. Returns how many jobs were freed.
    ///
    /// # Errors
    /// As the database does.
    pub async fn take_over(&self) -> Result<u64> {
        const JOBS: &str = "update jobs set claimed = null, locked_until = null, worker = null where locked_until is not null";
        const LEASES: &str = "delete from leases";
        let Db::Sqlite { .. } = &self.db else { return Ok(0) };
        if self.lock.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let freed = on_tx!(tx, |db| sqlx::query(JOBS).execute(db).map_ok(|done| done.rows_affected()))?;
        on_tx!(tx, |db| sqlx::query(LEASES).execute(db).map_ok(drop))?;
        tx.commit().await?;
        Ok(freed)
    }
}
