//! Backups: a folder with the data and a manifest that says how much of what is in it.
//!
//! A backup is of one moment, while everything goes on. What was written is read again and held to what was read before the
//! backup gets its name, and held to it again before anything is replaced by it. What is replaced is set aside.

mod archive;
mod error;
mod manifest;
mod postgres;
mod server;
mod sqlite;

pub use crate::backup::{
    error::{BackupError, Blame},
    manifest::{Kind, Manifest, TableSum},
};

use crate::{Database, Store, db::Db};
use kosmo_domain::Timestamp;
use manifest::{About, clear, sync};
use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// The name of the manifest in a backup's folder.
pub const MANIFEST: &str = "manifest.json";

/// What belongs to a running system and is not in a backup.
const NOT_INCLUDED: [&str; 5] = [
    "the spools of bridges: they lie beside their radios, and hold what the cloud has not answered for",
    "the secrets in the data folder, and bridges' own secret files: the database has their hashes alone",
    "the key that the keys of channels are sealed with (`secrets.key`, or secrets/store-key in the data folder): keep a copy elsewhere",
    "kosmo.toml, certificates and keys",
    "the files of an outside broker: its logins, rules and retained messages",
];

/// What is being done, for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The data is being copied.
    Copying,
    /// A table is being counted and summed up, and has so many rows so far.
    Summing {
        /// The table.
        table: &'a str,
        /// How many rows of it were seen.
        rows: u64,
    },
    /// What was written is being read again.
    Checking,
    /// What was restored takes its place.
    Swapping,
}

/// Who is told what is being done.
pub type Listener<'a> = &'a (dyn Fn(Step<'_>) + Send + Sync);

/// After how many rows of a table somebody is told again.
const TELL_EVERY: u64 = 100_000;

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Where what was there before lies, if anything was.
    pub set_aside: Option<String>,
    /// How many texts that were under way when the backup was made are settled: nobody knows what became of them since.
    pub texts_settled: u64,
}

/// Writes a backup of the database into a new folder at `to`, while everything goes on.
///
/// # Errors
/// A [`BackupError`]; then nothing is left at `to`.
pub async fn back_up(database: &Database, to: &Path, program: &str, now: Timestamp, tell: Listener<'_>) -> Result<Manifest, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let partial = beside(to, ".partial");
    // One of an attempt that was killed.
    clear(&partial);
    DirBuilder::new().recursive(true).mode(0o700).create(&partial).map_err(BackupError::file(&partial, "made"))?;
    let written = write(database, &partial, program, now, tell).await;
    let named = written.and_then(|manifest| {
        fs::rename(&partial, to).map_err(BackupError::file(to, "made"))?;
        sync(to).map(|()| manifest)
    });
    named.inspect_err(|_| clear(&partial))
}

async fn write(database: &Database, folder: &Path, program: &str, now: Timestamp, tell: Listener<'_>) -> Result<Manifest, BackupError> {
    let store = Store::open(database).await?;
    store.check_schema().await?;
    let schema = store.schema_version().await?;
    let (kind, path, tables) = match (&store.db, database) {
        (Db::Sqlite { write, .. }, _) => {
            let path = folder.join("kosmo.db");
            let tables = sqlite::copy(write, &path, tell).await?;
            (Kind::Sqlite, path, tables)
        }
        (Db::Postgres(_), Database::Postgres { url, .. }) => {
            let path = folder.join("kosmo.pgdump");
            let tables = postgres::dump(url, &path, tell).await?;
            (Kind::Postgres, path, tables)
        }
        (Db::Postgres(_), Database::Sqlite { .. }) => unreachable!("it was opened as what it is"),
    };
    store.close().await;
    sync(&path)?;
    let about = About { program: program.to_owned(), database: kind, schema, made_at: now };
    let manifest = Manifest::of_file(&path, about, tables)?;
    manifest.write(folder)?;
    sync(&folder.join(MANIFEST))?;
    Ok(manifest)
}

/// Puts the backup at `from` in the place of the database, which nobody uses meanwhile.
///
/// It is restored beside what is there and held to its manifest first; then the one takes the place of the other in one step.
/// What was there is set aside, and with `force` alone if it holds data.
///
/// # Errors
/// A [`BackupError`]; then what was there is as it was.
pub async fn restore(database: &Database, from: &Path, force: bool, now: Timestamp, tell: Listener<'_>) -> Result<Restored, BackupError> {
    tell(Step::Checking);
    let manifest = Manifest::read_and_check(from)?;
    let target = match database {
        Database::Sqlite { .. } => Kind::Sqlite,
        Database::Postgres { .. } => Kind::Postgres,
    };
    if manifest.database != target {
        return Err(BackupError::OtherDatabase { backup: manifest.database.words(), target: target.words() });
    }
    let known = Store::newest_schema();
    if manifest.schema > known {
        return Err(BackupError::SchemaTooNew { found: manifest.schema, known });
    }
    match database {
        Database::Sqlite { path } => sqlite::restore(path, from, manifest, force, now, tell).await,
        Database::Postgres { url, .. } => server::restore(url, from, manifest, force, now, tell).await,
    }
}

/// Brings what was restored up to date, and settles the texts that were under way when the backup was made: what became of
/// them since is not in it, and to offer them once more might show somebody a text twice.
async fn complete(database: &Database, now: Timestamp) -> Result<u64, BackupError> {
    let store = Store::open(database).await?;
    let done = async {
        store.migrate().await?;
        store.settle_unsure(now).await
    };
    let settled = done.await;
    store.close().await;
    Ok(settled?)
}

/// Returns the path with this after its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Returns a time as a part of a name: `20261121t131500z`.
fn stamp(now: Timestamp) -> String {
    let seconds = now.floor_to(std::time::Duration::from_secs(1)).to_string();
    seconds.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
