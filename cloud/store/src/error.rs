//! What can go wrong in the store, sorted by what a caller does about it.

use std::path::PathBuf;

/// The result of a store method.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something that there may be only one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Constraint {
    /// A bridge of this id that is not revoked.
    #[error("a bridge with this id")]
    Bridge,
    /// A job with this key that is still to be done.
    #[error("a pending job with this key")]
    Job,
    /// An MQTT login, or a bridge, of this name.
    #[error("a login with this name")]
    Login,
    /// A member with this id.
    #[error("a member with this id")]
    User,
    /// A member with this handle.
    #[error("a member with this handle")]
    Handle,
}

/// Why a store method did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is one already.
    #[error("there is {0} already")]
    Conflict(Constraint),
    /// The database cannot do it at the moment; the same call may succeed later.
    #[error("the database is unavailable at the moment")]
    Unavailable(#[source] sqlx::Error),
    /// What the database holds is not what we write.
    #[error("the database holds what cannot be read back: {0}")]
    Corrupt(String),
    /// A value is too large to be kept.
    #[error("{what} is larger than {max} bytes")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Another process serves from this SQLite file.
    #[error("another kosmo process already serves from {}: stop it first, or use PostgreSQL to run several", .0.display())]
    InUse(PathBuf),
    /// The lock file or the database file cannot be made.
    #[error("{} cannot be opened", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The database was last migrated by a newer program.
    #[error(
        "the database has schema version {found}, and this program knows versions up to {known}: a newer version of KosmoConnect has used it; start that version, or restore an older backup"
    )]
    SchemaTooNew {
        /// The version of the database.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The database lacks migrations.
    #[error("the database has schema version {found}, and this program needs version {known}: run `kosmo migrate`")]
    SchemaTooOld {
        /// The version of the database; 0 if it is empty.
        found: i64,
        /// The version this program needs.
        known: i64,
    },
    /// A migration failed.
    #[error("the schema cannot be brought up to date")]
    Migration(#[source] Box<sqlx::migrate::MigrateError>),
    /// Anything else: a defect of ours or of the database.
    #[error("the database refused what was asked of it")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// Tells whether the same call may succeed later without anybody changing anything but the database's health.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Tells whether there is no room for more on the database's disk.
    pub fn is_full(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(error)) = self else { return false };
        // PostgreSQL's disk_full, and SQLite's SQLITE_FULL.
        error.code().is_some_and(|code| code == "53100" || (code.len() < 5 && code.parse::<u32>().is_ok_and(|code| code & 0xff == 13)))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt(error.to_string()),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(error)
            }
            sqlx::Error::Database(inner) if inner.code().is_some_and(|code| is_passing(&code)) => Self::Unavailable(error),
            _ => Self::Database(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => error.into(),
            other => Self::Migration(Box::new(other)),
        }
    }
}

/// Tells whether a database's error code speaks of a state that passes: a lost connection, a full disk, a lock, a
/// server that starts or stops, or one that took back what was held for too long.
fn is_passing(code: &str) -> bool {
    match code.parse::<u32>() {
        // SQLite gives its extended result code as a decimal number; the low byte is the kind: busy, locked,
        // out of memory, I/O error, disk full. A SQLSTATE has five characters, SQLite's numbers at most four.
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 7 | 10 | 13),
        _ => {
            let class = code.get(..2).unwrap_or_default();
            matches!(class, "08" | "53" | "57" | "58") || matches!(code, "25006" | "25P03" | "40001" | "40P01" | "55P03")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for code in ["5", "517", "6", "13", "778", "08006", "53100", "57P01", "57P03", "25P03", "40001", "40P01"] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["1", "19", "2067", "787", "23505", "42P01", "22P02", "", "é"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
