//! TimescaleDB as an accelerator of the readings table: a hypertable, compressed after a while. It is no dialect: every
//! statement is the same with and without it, and so are the answers.

use crate::{Result, Store, db::Db};

/// Installed by the operator's package manager, or not; asking does not need it.
const AVAILABLE: &str = "select count(*) from pg_available_extensions where name = 'timescaledb'";

impl Store {
    /// Turns the readings into a hypertable where the extension is available; does nothing elsewhere, nor a second time.
    /// Where it is there but cannot be used (not preloaded, or the role may not create it), the readings stay a table.
    pub(crate) async fn enable_timescale(&self) -> Result<()> {
        let Db::Postgres(pool) = &self.db else { return Ok(()) };
        let available: i64 = sqlx::query_scalar(AVAILABLE).fetch_one(pool).await?;
        if available == 0 {
            return Ok(());
        }
        match sqlx::raw_sql(include_str!("timescale.sql")).execute(pool).await {
            Ok(_) => tracing::info!("the readings are a TimescaleDB hypertable"),
            Err(error) => tracing::warn!(%error, "TimescaleDB is installed but cannot be used, and the readings stay an ordinary table"),
        }
        Ok(())
    }
}
