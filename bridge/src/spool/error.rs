//! What can be wrong with a spool, in words for who looks after the bridge.

use kosmo_domain::BridgeId;
use sqlx::error::DatabaseError;
use std::{io, path::PathBuf};

/// Says what is wrong with a spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it open.
    #[error("another process uses the spool {0}: stop that one, or give this bridge a spool of its own")]
    InUse(PathBuf),
    /// It was begun for a bridge of another name, whose records it may still hold.
    #[error("the spool {path} belongs to the bridge `{owner}`: use that name, or give this bridge a spool of its own")]
    OtherBridge {
        /// The spool.
        path: PathBuf,
        /// Whose it is.
        owner: BridgeId,
    },
    /// A later version of this program wrote it.
    #[error("the spool {path} was written by a newer version of this program (format {found}, known is {known})")]
    Newer {
        /// The spool.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format that this version knows.
        known: i64,
    },
    /// Something in it is not what this program writes.
    #[error("the spool {0} is damaged: move it away to begin a new one")]
    Damaged(PathBuf),
    /// A file beside it cannot be made or opened.
    #[error("cannot open {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no room for more.
    #[error("the disk under the spool is full, or the spool has reached its limit")]
    Full(#[source] sqlx::Error),
    /// The database failed.
    #[error("the spool's database failed")]
    Database(#[source] sqlx::Error),
}

/// SQLite's result codes (the low byte of the extended ones).
const SQLITE_CORRUPT: i64 = 11;
const SQLITE_FULL: i64 = 13;
const SQLITE_NOTADB: i64 = 26;

impl SpoolError {
    /// Sorts a database error by what a person would do about it.
    pub(crate) fn from_database(path: &std::path::Path, error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) {
            return Self::Damaged(path.to_owned());
        }
        let code = error.as_database_error().and_then(DatabaseError::code).and_then(|code| code.parse::<i64>().ok());
        match code.map(|code| code & 0xff) {
            Some(SQLITE_FULL) => Self::Full(error),
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Damaged(path.to_owned()),
            Some(_) | None => Self::Database(error),
        }
    }
}
