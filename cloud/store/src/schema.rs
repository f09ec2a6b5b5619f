//! Migrations: one list per database, with the same numbers and names.

use crate::{
    Error, Result, Store,
    db::{Db, on_reader},
};
use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

impl Store {
    /// Brings the schema up to date, and tells TimescaleDB about the readings where it is there.
    /// Several processes may do so at once: all but one wait.
    ///
    /// # Errors
    /// [`Error::SchemaTooNew`] if a newer program has migrated the database, and then nothing is touched.
    pub async fn migrate(&self) -> Result<()> {
        let found = self.schema_version().await?;
        if found > self.known_version() {
            return Err(Error::SchemaTooNew { found, known: self.known_version() });
        }
        match &self.db {
            // Its migrations take no lock by themselves, so they run within one transaction that has the write lock.
            Db::Sqlite { write, .. } => {
                let mut tx = write.begin_with("begin immediate").await?;
                SQLITE.run(&mut *tx).await?;
                tx.commit().await?;
            }
            Db::Postgres(pool) => {
                POSTGRES.run(pool).await?;
                self.enable_timescale().await?;
            }
        }
        if found < self.known_version() {
            tracing::info!(schema.version = self.known_version(), "brought the database schema up to date");
        }
        Ok(())
    }

    /// Checks that the schema is the one this program was written for.
    ///
    /// # Errors
    /// [`Error::SchemaTooNew`] or [`Error::SchemaTooOld`], which name both versions.
    pub async fn check_schema(&self) -> Result<()> {
        let (found, known) = (self.schema_version().await?, self.known_version());
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Err(Error::SchemaTooOld { found, known }),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(Error::SchemaTooNew { found, known }),
        }
    }

    /// Returns what tells this program's PostgreSQL schema from that of any other version: whoever keeps a migrated
    /// database to copy, names it by this.
    pub fn schema_fingerprint() -> String {
        let hash = POSTGRES.iter().fold(Sha256::new(), |hash, migration| hash.chain_update(&migration.checksum));
        hash.finalize().iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
    }

    /// Returns the number of the newest migration the database has had; 0 if it is empty.
    pub(crate) async fn schema_version(&self) -> Result<i64> {
        // The migrations' own table is missing in an empty database, and each database lists its tables in its own way.
        let exists: i64 = match &self.db {
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select count(*) from sqlite_master where type = 'table' and name = '_sqlx_migrations'";
                sqlx::query_scalar(SQL).fetch_one(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select count(*) from pg_class where oid = to_regclass('_sqlx_migrations')";
                sqlx::query_scalar(SQL).fetch_one(pool).await?
            }
        };
        if exists == 0 {
            return Ok(0);
        }
        let newest: Option<i64> = on_reader!(self, |db| sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(db))?;
        Ok(newest.unwrap_or(0))
    }

    /// Returns the number of the newest migration that this program knows, the same for both databases.
    pub(crate) fn newest_schema() -> i64 {
        SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    fn known_version(&self) -> i64 {
        let migrations = match &self.db {
            Db::Sqlite { .. } => &SQLITE,
            Db::Postgres(_) => &POSTGRES,
        };
        migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |migrations: &Migrator| migrations.iter().map(|m| (m.version, m.description.to_string())).collect::<Vec<_>>();
        assert_eq!(names(&SQLITE), names(&POSTGRES));
        assert!(!names(&SQLITE).is_empty());
    }
}
