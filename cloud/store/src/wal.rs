//! SQLite's write-ahead log, which readers that overlap without end keep from being begun anew.

use crate::{Result, Store, db::Db};
use std::{ffi::OsString, path::PathBuf};

impl Store {
    /// Writes SQLite's log into the file and begins it anew, if it is longer than so many bytes, and tells whether it was.
    ///
    /// After a commit SQLite does so by itself only if nobody reads at that moment. Where somebody always does, the log would grow
    /// without end (a gigabyte within minutes, measured at 2,000 readings a second), and each commit would write all that it can
    /// of it into the file. This waits for those who read, while writers wait for it.
    ///
    /// # Errors
    /// As the database does.
    pub async fn fold_log(&self, longest: u64) -> Result<bool> {
        const SQL: &str = "pragma wal_checkpoint(truncate)";
        let Db::Sqlite { write, .. } = &self.db else { return Ok(false) };
        let mut log: OsString = write.connect_options().get_filename().as_os_str().to_owned();
        log.push("-wal");
        if std::fs::metadata(PathBuf::from(log)).map_or(0, |file| file.len()) <= longest {
            return Ok(false);
        }
        let (busy, ..): (i64, i64, i64) = sqlx::query_as(SQL).fetch_one(write).await?;
        Ok(busy == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;
    use sqlx::{ConnectOptions as _, Connection as _};

    #[tokio::test]
    async fn a_log_that_readers_kept_growing_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kosmo.db");
        let store = Store::open(&Database::Sqlite { path: path.clone() }).await.unwrap();
        store.migrate().await.unwrap();
        let Db::Sqlite { write, .. } = &store.db else { panic!("it was opened as SQLite") };
        let mut reader = write.connect_options().as_ref().clone().connect().await.unwrap();
        let mut reading = reader.begin().await.unwrap();
        sqlx::query("select count(*) from nodes").execute(&mut *reading).await.unwrap();
        for _ in 0..50 {
            store.ping().await.unwrap();
        }
        reading.rollback().await.unwrap();
        let length = || std::fs::metadata(folder.path().join("kosmo.db-wal")).unwrap().len();
        let before = length();
        assert!(before > 100_000, "{before}");
        assert!(!store.fold_log(before).await.unwrap(), "it is not too long");
        assert!(store.fold_log(before - 1).await.unwrap());
        assert_eq!(length(), 0);
    }
}
