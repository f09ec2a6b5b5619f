//! TimescaleDB as an accelerator of the readings table: a hypertable, compressed after a while. It is no dialect: every
//! statement is the same with and without it, and so are the answers.

use crate::{Result, Store, db::Db};

/// Installed by the operator's package manager, or not; asking does not need it.
const AVAILABLE: &str = "select count(*) from pg_available_extensions where name = 'timescaledb'";

impl Store {
    /// Turns the readings into a hypertable where the extension is available; does nothing elsewhere, nor a second time.
    pub(crate) async fn enable_timescale(&self) -> Result<()> {
        let Db::Postgres(pool) = &self.db else { return Ok(()) };
        let available: i64 = sqlx::query_scalar(AVAILABLE).fetch_one(pool).await?;
        if available == 0 {
            return Ok(());
        }
        sqlx::raw_sql(include_str!("timescale.sql")).execute(pool).await?;
        tracing::info!("the readings are a TimescaleDB hypertable");
        Ok(())
    }
}
