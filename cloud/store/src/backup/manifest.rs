//! What a backup says of itself: by whom, of what, when, and how much of everything.

use crate::backup::{BackupError, MANIFEST};
use kosmo_domain::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

/// The form of manifests that this program writes and reads.
const FORMAT: u32 = 1;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the manifest.
    pub format: u32,
    /// The version of the program that made the backup.
    pub program: String,
    /// `sqlite` or `postgres`.
    pub database: Kind,
    /// The version of the schema.
    pub schema: i64,
    /// When it was made.
    pub made_at: Timestamp,
    /// The name of the file beside the manifest.
    pub file: String,
    /// How long that is, in bytes.
    pub file_bytes: u64,
    /// The SHA-256 of it.
    pub file_sha256: String,
    /// How much is in each table, in the order of their names.
    pub tables: Vec<TableSum>,
    /// What belongs to a running system and is not in the backup.
    pub not_included: Vec<String>,
    /// The SHA-256 of all of the above.
    pub seal: String,
}

/// The databases there are backups of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Kind {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// How much is in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// A sum over all rows that does not depend on their order: 32 hexadecimal digits.
    pub checksum: String,
}

/// Adds up the rows of a table, in any order.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct RowSum {
    pub(super) rows: u64,
    sum: u128,
}

impl RowSum {
    /// Adds a row by what is the same if and only if the row is.
    pub(super) fn add(&mut self, row: &[u8]) {
        let digest: [u8; 32] = Sha256::digest(row).into();
        let (first, _) = digest.split_first_chunk::<16>().expect("32 bytes begin with 16");
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(*first));
    }

    pub(super) fn of_table(self, name: String) -> TableSum {
        TableSum { name, rows: self.rows, checksum: format!("{:032x}", self.sum) }
    }
}

impl Manifest {
    /// Returns the manifest of the file at `path`, sealed.
    pub(super) fn of_file(path: &Path, about: About, tables: Vec<TableSum>) -> Result<Self, BackupError> {
        let (file_bytes, file_sha256) = measure(path)?;
        let mut manifest = Self {
            format: FORMAT,
            program: about.program,
            database: about.database,
            schema: about.schema,
            made_at: about.made_at,
            file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            file_bytes,
            file_sha256,
            tables,
            not_included: super::NOT_INCLUDED.map(str::to_owned).into(),
            seal: String::new(),
        };
        manifest.seal = manifest.sealed();
        Ok(manifest)
    }

    fn sealed(&self) -> String {
        let unsealed = Self { seal: String::new(), ..self.clone() };
        hex(&Sha256::digest(serde_json::to_vec(&unsealed).expect("texts and numbers are always JSON")))
    }

    /// Returns how many rows there are in all.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST);
        let mut json = serde_json::to_vec_pretty(self).expect("texts and numbers are always JSON");
        json.push(b'\n');
        let written = File::create_new(&path).and_then(|mut file| file.write_all(&json).and_then(|()| file.sync_all()));
        written.map_err(BackupError::file(&path, "written"))
    }

    /// Reads the manifest of the backup at `folder`, and holds the file beside it to it.
    pub(super) fn read_and_check(folder: &Path) -> Result<Self, BackupError> {
        /// Far more than any manifest has.
        const MOST: u64 = 4 * 1024 * 1024;
        let damaged = |what: String| BackupError::Damaged { path: folder.to_owned(), what };
        let mut json = Vec::new();
        let read = File::open(folder.join(MANIFEST)).and_then(|file| file.take(MOST).read_to_end(&mut json));
        read.map_err(|_| BackupError::NoBackup(folder.to_owned()))?;
        let value: serde_json::Value = serde_json::from_slice(&json).map_err(|_| BackupError::NoBackup(folder.to_owned()))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64).ok_or_else(|| BackupError::NoBackup(folder.to_owned()))?;
        if format != u64::from(FORMAT) {
            return Err(damaged(format!("its form is number {format}, and this program knows number {FORMAT}")));
        }
        let manifest: Self = serde_json::from_value(value).map_err(|_| damaged(format!("{MANIFEST} lacks something")))?;
        if manifest.seal != manifest.sealed() {
            return Err(damaged(format!("{MANIFEST} was changed")));
        }
        let path = folder.join(&manifest.file);
        if manifest.file.contains('/') || !path.is_file() {
            return Err(damaged(format!("the file {} is missing", manifest.file)));
        }
        let (bytes, sha256) = measure(&path)?;
        if bytes != manifest.file_bytes {
            return Err(damaged(format!("{} has {bytes} bytes and had {}", manifest.file, manifest.file_bytes)));
        }
        if sha256 != manifest.file_sha256 {
            return Err(damaged(format!("{} was changed", manifest.file)));
        }
        Ok(manifest)
    }

    /// Says in which tables this is not what the manifest says; nothing if it is in none.
    pub(super) fn difference(&self, found: &[TableSum]) -> Option<String> {
        for told in &self.tables {
            let Some(is) = found.iter().find(|is| is.name == told.name) else { return Some(format!("the table {} is missing", told.name)) };
            if is.rows != told.rows {
                return Some(format!("the table {} has {} rows and had {}", told.name, is.rows, told.rows));
            }
            if is.checksum != told.checksum {
                return Some(format!("the table {} has other rows", told.name));
            }
        }
        let more = found.iter().find(|is| self.tables.iter().all(|told| told.name != is.name));
        more.map(|table| format!("there is a table {} more", table.name))
    }
}

/// What is known of a backup before it is written.
pub(super) struct About {
    pub(super) program: String,
    pub(super) database: Kind,
    pub(super) schema: i64,
    pub(super) made_at: Timestamp,
}

/// Returns length and SHA-256 of a file.
pub(super) fn measure(path: &Path) -> Result<(u64, String), BackupError> {
    let mut hasher = Sha256::new();
    let copied = File::open(path).and_then(|mut file| io::copy(&mut file, &mut hasher));
    let bytes = copied.map_err(BackupError::file(path, "read"))?;
    Ok((bytes, hex(&hasher.finalize())))
}

/// Has a file and the name of it written to the disk.
pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    synced.and_then(|()| File::open(folder)?.sync_all()).map_err(BackupError::file(path, "written"))
}

/// Removes what an attempt that failed has left.
pub(super) fn clear(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_does_not_depend_on_the_order_and_does_on_every_row() {
        let sum = |rows: &[&[u8]]| {
            let mut sum = RowSum::default();
            for row in rows {
                sum.add(row);
            }
            sum.of_table("t".to_owned())
        };
        assert_eq!(sum(&[b"a", b"b", b"b"]), sum(&[b"b", b"a", b"b"]));
        assert_ne!(sum(&[b"a", b"b", b"b"]), sum(&[b"b", b"a", b"a"]));
        assert_ne!(sum(&[b"ab"]), sum(&[b"a", b"b"]));
    }
}
