//! Why a backup could not be made or restored, in words for whoever asked for it.

use crate::Error;
use std::{io, path::PathBuf};

/// Says why a backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The place for the backup is taken.
    #[error("there is something at {} already: a backup is written to a place of its own", .0.display())]
    Exists(PathBuf),
    /// What is to be restored would take the place of what is there.
    #[error("{0} holds data already: with --force what is there is set aside and the backup takes its place")]
    NotEmpty(String),
    /// Somebody works with what is to be replaced.
    #[error("{0} is in use: stop every kosmo process that uses it first")]
    InUse(String),
    /// It is no backup.
    #[error("{} is no backup of KosmoConnect: it has no readable {}", .0.display(), super::MANIFEST)]
    NoBackup(PathBuf),
    /// It is one, and not as it was written.
    #[error("the backup {} is not as it was written: {what}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What was written or restored is not what was read.
    #[error("what was written is not what was read, so nothing was replaced: {0}")]
    Unequal(String),
    /// The backup is of the other database.
    #[error(
        "the backup is of {backup}, and the database that is configured is {target}: set `database.url` to the kind that the backup is of"
    )]
    OtherDatabase {
        /// Of what the backup is.
        backup: &'static str,
        /// What is configured.
        target: &'static str,
    },
    /// A newer program made it.
    #[error(
        "the backup has schema version {found}, and this program knows versions up to {known}: a newer version of KosmoConnect made it; use that version"
    )]
    SchemaTooNew {
        /// The version of the backup.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// There is no room.
    #[error("the disk of {} is full: what was begun there is removed", .0.display())]
    DiskFull(PathBuf),
    /// A file could not be read or written.
    #[error("{} cannot be {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program of PostgreSQL is not there.
    #[error("{name} of PostgreSQL {major} or later is needed and not found: install Debian's `postgresql-client`")]
    NoProgram {
        /// Its name.
        name: &'static str,
        /// The server's version.
        major: u32,
    },
    /// A program of PostgreSQL failed.
    #[error("{name} failed: {said}")]
    Program {
        /// Its name.
        name: &'static str,
        /// The last of what it said.
        said: String,
    },
    /// It is not done here.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The role may not make databases.
    #[error(
        "the role may not make a database, and a backup is restored into one of its own before it takes the place of another: \
         let an administrator say `alter role … createdb`"
    )]
    NoRight,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What a failure says about the backup, for exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Something failed that may work another time.
    Circumstances,
    /// The backup is none, or not as it was written.
    Backup,
    /// It was refused, and nothing was touched.
    Refused,
}

impl BackupError {
    /// Tells what is to blame.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::NoBackup(_) | Self::Damaged { .. } | Self::Unequal(_) => Blame::Backup,
            Self::Exists(_)
            | Self::NotEmpty(_)
            | Self::InUse(_)
            | Self::OtherDatabase { .. }
            | Self::SchemaTooNew { .. }
            | Self::Unsupported(_)
            | Self::NoRight => Blame::Refused,
            Self::DiskFull(_) | Self::File { .. } | Self::NoProgram { .. } | Self::Program { .. } | Self::Store(_) => Blame::Circumstances,
        }
    }

    /// Returns a function that says what could not be done with this file.
    pub(super) fn file(path: &std::path::Path, what: &'static str) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path.clone()),
            _ => Self::File { path: path.clone(), what, source },
        }
    }
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
