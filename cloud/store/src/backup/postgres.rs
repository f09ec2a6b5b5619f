//! Backups of a PostgreSQL database, in the format of its own `pg_dump`.

use crate::backup::{BackupError, Listener, Step, TELL_EVERY, TableSum, archive::Programs, manifest::RowSum};
use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, PgConnection};
use std::path::Path;

/// Writes an archive of the database at `url` as it is at one moment, and returns what was in it then, having found the same in
/// the archive.
pub(super) async fn dump(url: &str, to: &Path, tell: Listener<'_>) -> Result<Vec<TableSum>, BackupError> {
    const BEGIN: &str = "begin isolation level repeatable read, read only";
    let mut db = PgConnection::connect(url).await?;
    refuse_timescale(&mut db).await?;
    let programs = Programs::of(url, major(&mut db).await?);
    sqlx::raw_sql(BEGIN).execute(&mut db).await?;
    let snapshot: String = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut db).await?;
    tell(Step::Copying);
    programs.dump(&snapshot, to).await?;
    let before = sums(&mut db, tell).await?;
    sqlx::raw_sql("rollback").execute(&mut db).await?;
    db.close().await?;
    tell(Step::Checking);
    let after = programs.sums(to).await?;
    if before == after { Ok(before) } else { Err(BackupError::Unequal("the archive differs from the database".to_owned())) }
}

/// Returns the server's major version.
pub(super) async fn major(db: &mut PgConnection) -> Result<u32, BackupError> {
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(db).await?;
    Ok(u32::try_from(version / 10_000).unwrap_or(0))
}

/// Counts and sums up every table of the schema `public`, by its rows as `pg_dump` writes them.
pub(super) async fn sums(db: &mut PgConnection, tell: Listener<'_>) -> Result<Vec<TableSum>, BackupError> {
    const SETTINGS: &str =
        "set timezone = 'UTC'; set datestyle = iso; set intervalstyle = postgres; set extra_float_digits = 3; set bytea_output = hex";
    const TABLES: &str = "select cast(c.relname as text), format('copy public.%I (%s) to stdout', c.relname, string_agg(quote_ident(a.attname), ', ' order by a.attnum))
                            from pg_class c
                            join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                           where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
                           group by c.oid, c.relname";
    sqlx::raw_sql(SETTINGS).execute(&mut *db).await?;
    let mut copies: Vec<(String, String)> = sqlx::query_as(TABLES).fetch_all(&mut *db).await?;
    copies.sort();
    let mut tables = Vec::with_capacity(copies.len());
    for (table, copy) in copies {
        let mut sum = RowSum::default();
        // A piece is a row, as servers send them; one that is more or less is put right here.
        let mut begun: Vec<u8> = Vec::new();
        let mut pieces = db.copy_out_raw(&copy).await?;
        while let Some(piece) = pieces.try_next().await? {
            let mut lines = piece.split(|byte| *byte == b'\n');
            let mut line = lines.next().unwrap_or_default();
            for next in lines {
                begun.extend_from_slice(line);
                sum.add(&begun);
                begun.clear();
                line = next;
                if sum.rows % TELL_EVERY == 0 {
                    tell(Step::Summing { table: &table, rows: sum.rows });
                }
            }
            begun.extend_from_slice(line);
        }
        drop(pieces);
        tables.push(sum.of_table(table));
    }
    Ok(tables)
}

async fn refuse_timescale(db: &mut PgConnection) -> Result<(), BackupError> {
    let found: i64 = sqlx::query_scalar("select count(*) from pg_extension where extname = 'timescaledb'").fetch_one(db).await?;
    if found == 0 {
        return Ok(());
    }
    Err(BackupError::Unsupported(
        "the database uses TimescaleDB, whose tables need more than `pg_dump` alone: back it up as TimescaleDB's manual says",
    ))
}
