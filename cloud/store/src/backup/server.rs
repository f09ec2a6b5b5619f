//! Restoring a PostgreSQL database: into one of its own, which then takes the name of the other.

use crate::{
    Database,
    backup::{BackupError, Listener, Manifest, Restored, Step, archive::Programs, complete, postgres, stamp},
};
use kosmo_domain::Timestamp;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, error::DatabaseError, postgres::PgConnectOptions};
use std::{path::Path, str::FromStr as _};

/// The longest name that PostgreSQL takes, and what of it is left for a database's own.
const LONGEST_NAME: usize = 63 - 24;

/// PostgreSQL's codes of what is used by others, of what is not there, and of what the role may not do.
const IN_USE: &str = "55006";
const NO_DATABASE: &str = "3D000";
const NO_RIGHT: &str = "42501";

/// Puts the backup at `from` in the place of the database at `url`.
pub(super) async fn restore(
    url: &str,
    from: &Path,
    manifest: Manifest,
    force: bool,
    now: Timestamp,
    tell: Listener<'_>,
) -> Result<Restored, BackupError> {
    let options = PgConnectOptions::from_str(url)?.application_name("kosmo");
    let name = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
    let is_there = look(&options, &name, force).await?;
    // Every server has this database, for whoever makes and renames others.
    let mut admin = options.clone().database("postgres").connect().await?;
    let major = postgres::major(&mut admin).await?;
    let scratch = format!("{}_restoring", cut(&name));
    let programs = Programs::of(url, major).at(&scratch);
    say(&mut admin, &format!("drop database if exists {} with (force)", quoted(&scratch))).await?;
    say(&mut admin, &format!("create database {} template template0 encoding 'UTF8'", quoted(&scratch))).await?;
    let restored = async {
        tell(Step::Copying);
        programs.restore(&from.join(&manifest.file)).await?;
        tell(Step::Checking);
        let mut db = options.clone().database(&scratch).connect().await?;
        let found = postgres::sums(&mut db, tell).await?;
        db.close().await?;
        if let Some(what) = manifest.difference(&found) {
            return Err(BackupError::Unequal(what));
        }
        let url = of_database(url, &scratch);
        let settled = complete(&Database::Postgres { url, max_connections: 2 }, now).await?;
        tell(Step::Swapping);
        Ok((settled, swap(&mut admin, &name, &scratch, is_there, now).await?))
    };
    let restored = restored.await;
    if restored.is_err() {
        // The error that there is tells more than one of the clearing up would.
        let _ = say(&mut admin, &format!("drop database if exists {} with (force)", quoted(&scratch))).await;
    }
    let (texts_settled, set_aside) = restored?;
    Ok(Restored { manifest, set_aside, texts_settled })
}

/// What there is in the place that a backup is to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    Empty,
    Data,
}

/// Looks at the database that is to be replaced.
async fn look(options: &PgConnectOptions, name: &str, force: bool) -> Result<There, BackupError> {
    let mut db = match options.connect().await {
        Ok(db) => db,
        Err(error) if has_code(&error, NO_DATABASE) => return Ok(There::Nothing),
        Err(error) => return Err(error.into()),
    };
    let sql = "select count(*) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace";
    let tables: i64 = sqlx::query_scalar(sql).fetch_one(&mut db).await?;
    db.close().await?;
    match tables {
        0 => Ok(There::Empty),
        _ if force => Ok(There::Data),
        _ => Err(BackupError::NotEmpty(format!("the database {name}"))),
    }
}

/// Gives the restored database the name of the old one, both in one transaction.
async fn swap(admin: &mut PgConnection, name: &str, scratch: &str, there: There, now: Timestamp) -> Result<Option<String>, BackupError> {
    let aside = format!("{}_before_{}", cut(name), stamp(now));
    let mut tx = admin.begin().await?;
    let renamed = async {
        if there != There::Nothing {
            say(&mut tx, &format!("alter database {} rename to {}", quoted(name), quoted(&aside))).await?;
        }
        say(&mut tx, &format!("alter database {} rename to {}", quoted(scratch), quoted(name))).await
    };
    renamed.await.map_err(|error| match error {
        BackupError::InUse(_) => BackupError::InUse(format!("the database {name}")),
        error => error,
    })?;
    tx.commit().await?;
    if there == There::Empty {
        say(admin, &format!("drop database if exists {}", quoted(&aside))).await?;
    }
    Ok((there == There::Data).then(|| format!("the database {aside}")))
}

/// Runs a statement about a database, whose name cannot be bound.
async fn say(db: &mut PgConnection, sql: &str) -> Result<(), BackupError> {
    match sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(db).await {
        Ok(_) => Ok(()),
        Err(error) if has_code(&error, IN_USE) => Err(BackupError::InUse("the database".to_owned())),
        Err(error) if has_code(&error, NO_RIGHT) => Err(BackupError::NoRight),
        Err(error) => Err(error.into()),
    }
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|found| found == code)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the beginning of a name, so that something can be added to it.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}

/// Returns the address of another database of the same server.
fn of_database(url: &str, database: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, String::new()), |(address, query)| (address, format!("?{query}")));
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    format!("{}/{}{query}", &address[..end], encoded(database))
}

fn encoded(name: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(one).collect()
}
