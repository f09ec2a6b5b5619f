//! Backups of a SQLite file.

use crate::{
    Database, Error,
    backup::{
        BackupError, Listener, Manifest, Restored, Step, TELL_EVERY, TableSum, beside, complete,
        manifest::{RowSum, measure, sync},
        stamp,
    },
    database::lock_for_serving,
};
use futures_util::TryStreamExt as _;
use kosmo_domain::Timestamp;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Decode, Row as _, Sqlite, SqliteConnection, SqlitePool, TypeInfo as _,
    ValueRef as _,
    error::BoxDynError,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// How often to look whether the copy has begun.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// What lies beside a SQLite file while it is in use.
const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];
/// SQLite's result codes (the low byte of the extended ones).
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const FULL: u32 = 13;

/// Copies the database to `to` as it is at one moment, and returns what was in it then, having found the same in the copy.
pub(super) async fn copy(write: &SqlitePool, to: &Path, tell: Listener<'_>) -> Result<Vec<TableSum>, BackupError> {
    const COPY: &str = "vacuum into $1";
    tell(Step::Copying);
    let options = write.connect_options().as_ref().clone().optimize_on_close(false, None);
    let (mut reader, mut writer) = (options.connect().await?, options.connect().await?);
    let Some(name) = to.to_str().map(str::to_owned) else {
        return Err(BackupError::Unsupported("the name of the backup is no text"));
    };
    // Nobody writes until both have begun to read, so that what is summed up is what is copied: the copy's file grows once it has.
    let quiet = write.begin_with("begin immediate").await?;
    let mut snapshot = reader.begin().await?;
    sqlx::query("select count(*) from sqlite_master").execute(&mut *snapshot).await?;
    let copying = tokio::spawn(async move { sqlx::query(COPY).bind(name).execute(&mut writer).await });
    while !copying.is_finished() && fs::metadata(to).map_or(0, |file| file.len()) == 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    quiet.rollback().await?;
    let before = sums(&mut snapshot, tell).await;
    let copied = copying.await.map_err(|_| sqlx::Error::WorkerCrashed)?;
    copied.map_err(|error| if code_of(&error) == Some(FULL) { BackupError::DiskFull(to.to_owned()) } else { error.into() })?;
    let before = before?;
    snapshot.rollback().await?;
    tell(Step::Checking);
    let after = inspect(to, tell).await?;
    if before == after { Ok(before) } else { Err(BackupError::Unequal("the copy of the database differs from it".to_owned())) }
}

/// Returns what is in a file that nobody uses, having found it sound.
async fn inspect(path: &Path, tell: Listener<'_>) -> Result<Vec<TableSum>, BackupError> {
    let damaged = |what: String| BackupError::Damaged { path: path.to_owned(), what };
    let mut db = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true).connect().await?;
    let checked: Result<Vec<String>, _> = sqlx::query_scalar("pragma integrity_check(1)").fetch_all(&mut db).await;
    match checked.as_deref() {
        Ok([ok]) if ok == "ok" => sums(&mut db, tell).await,
        Ok(found) => Err(damaged(found.join("; "))),
        Err(error) => Err(damaged(error.to_string())),
    }
}

/// Counts and sums up every table.
async fn sums(db: &mut SqliteConnection, tell: Listener<'_>) -> Result<Vec<TableSum>, BackupError> {
    const TABLES: &str = r"select name from sqlite_master where type = 'table' and name not like 'sqlite\_%' escape '\' order by name";
    let names: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut *db).await?;
    let mut tables = Vec::with_capacity(names.len());
    let mut bytes = Vec::new();
    for table in names {
        // A name cannot be bound. These come from the catalogue, and quotes within are doubled.
        let sql = AssertSqlSafe(format!("select * from \"{}\"", table.replace('"', "\"\"")));
        let mut sum = RowSum::default();
        let mut rows = sqlx::query(sql).fetch(&mut *db);
        while let Some(row) = rows.try_next().await? {
            bytes.clear();
            encode(&row, &mut bytes).map_err(|error| Error::Corrupt(format!("a row of {table}: {error}")))?;
            sum.add(&bytes);
            if sum.rows % TELL_EVERY == 0 {
                tell(Step::Summing { table: &table, rows: sum.rows });
            }
        }
        drop(rows);
        tables.push(sum.of_table(table));
    }
    Ok(tables)
}

/// Appends what is the same if and only if the row is: of each value its type, its length and its bytes.
fn encode(row: &SqliteRow, into: &mut Vec<u8>) -> Result<(), BoxDynError> {
    for column in 0..row.len() {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            into.push(0);
            continue;
        }
        let kind = value.type_info().name().to_owned();
        match kind.as_str() {
            "REAL" => {
                into.push(1);
                into.extend(<f64 as Decode<Sqlite>>::decode(value)?.to_bits().to_le_bytes());
            }
            "TEXT" | "BLOB" => {
                let bytes = <&[u8] as Decode<Sqlite>>::decode(value)?;
                into.push(if kind == "TEXT" { 2 } else { 3 });
                into.extend((bytes.len() as u64).to_le_bytes());
                into.extend(bytes);
            }
            _ => {
                into.push(4);
                into.extend(<i64 as Decode<Sqlite>>::decode(value)?.to_le_bytes());
            }
        }
    }
    Ok(())
}

/// Puts the backup at `from` in the place of the file at `path`.
pub(super) async fn restore(
    path: &Path,
    from: &Path,
    manifest: Manifest,
    force: bool,
    now: Timestamp,
    tell: Listener<'_>,
) -> Result<Restored, BackupError> {
    let named = path.display().to_string();
    let _lock = lock_for_serving(path).map_err(|error| match error {
        Error::InUse(_) => BackupError::InUse(named.clone()),
        error => error.into(),
    })?;
    let is_there = fs::metadata(path).is_ok_and(|file| file.len() > 0);
    if is_there && !force {
        return Err(BackupError::NotEmpty(named));
    }
    let scratch = beside(path, ".restoring");
    remove(&scratch);
    let restored = async {
        tell(Step::Copying);
        fs::copy(from.join(&manifest.file), &scratch).map_err(BackupError::file(&scratch, "written"))?;
        private(&scratch)?;
        if measure(&scratch)? != (manifest.file_bytes, manifest.file_sha256.clone()) {
            return Err(BackupError::Unequal(format!("{} was copied wrong", manifest.file)));
        }
        tell(Step::Checking);
        if let Some(what) = manifest.difference(&inspect(&scratch, tell).await?) {
            return Err(BackupError::Damaged { path: from.to_owned(), what });
        }
        let settled = complete(&Database::Sqlite { path: scratch.clone() }, now).await?;
        sync(&scratch)?;
        if is_there {
            release(path).await?;
        }
        tell(Step::Swapping);
        Ok((settled, swap(path, &scratch, now)?))
    };
    let (texts_settled, set_aside) = restored.await.inspect_err(|_| remove(&scratch))?;
    Ok(Restored { manifest, set_aside: set_aside.map(|path| path.display().to_string()), texts_settled })
}

/// Has everything that lies beside the old file written into it, and makes sure that nobody has it open.
async fn release(path: &Path) -> Result<(), BackupError> {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::ZERO);
    let closed = async {
        let mut db = options.connect().await?;
        // Fails while anybody else has the file open, and leaves no log beside it.
        sqlx::query("pragma journal_mode = delete").execute(&mut db).await?;
        sqlx::query("begin exclusive").execute(&mut db).await?;
        sqlx::query("rollback").execute(&mut db).await?;
        db.close().await
    };
    match closed.await {
        Err(error) if matches!(code_of(&error), Some(BUSY | LOCKED)) => Err(BackupError::InUse(path.display().to_string())),
        // One that is damaged is set aside as it is, with what lies beside it.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Lets the restored file take the place of the old one, which is set aside.
fn swap(path: &Path, scratch: &Path, now: Timestamp) -> Result<Option<PathBuf>, BackupError> {
    let aside = beside(path, &format!(".before-{}", stamp(now)));
    let failed = BackupError::file(path, "replaced");
    let mut kept = None;
    for side in SIDE_FILES {
        forgive_missing(fs::rename(beside(path, side), beside(&aside, side))).map_err(&failed)?;
    }
    if fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        // Under both names for a moment, so that there is always a file of this name; not every file system can do that.
        fs::hard_link(path, &aside).or_else(|_| fs::rename(path, &aside)).map_err(&failed)?;
        kept = Some(aside);
    }
    fs::rename(scratch, path).map_err(&failed)?;
    sync(path)?;
    Ok(kept)
}

fn forgive_missing(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn private(path: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(BackupError::file(path, "kept private"))
}

/// Removes a file and what lies beside it, as far as they are there.
fn remove(path: &Path) {
    for side in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(beside(path, side));
    }
}

fn code_of(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|code| code & 0xff)
}
