//! The spool's file: a small SQLite database, the lock that keeps it to one process, and every statement run on it.

use crate::{record::Kind, spool::error::SpoolError};
use bytes::Bytes;
use kosmo_domain::{BridgeId, Epoch, NodeId, Stream};
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// The format of the file, kept as SQLite's `user_version`.
const FORMAT: i64 = 5;
/// Bytes of a SQLite page.
const PAGE: u64 = 4096;
/// What SQLite may keep of the file in memory, in KiB (hence negative).
const CACHE_KIB: &str = "-1024";

/// The lock that keeps a spool to one process. The system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct SpoolLock {
    _file: File,
}

/// A life of a spool: from one opening of its file to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) epoch: Epoch,
    /// The first numbers that were given in it.
    ingest: u64,
    gateway: u64,
}

impl Life {
    pub(crate) const fn first(&self, stream: Stream) -> u64 {
        match stream {
            Stream::Ingest => self.ingest,
            Stream::Gateway => self.gateway,
        }
    }
}

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Content {
    pub(crate) last_seq: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// A record as it lies in the file: ready to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number within its stream.
    pub seq: u64,
    /// Where it goes to.
    pub kind: Kind,
    /// What is published.
    pub payload: Bytes,
}

/// Takes the lock of the spool at `path`, which also makes sure that its folder is there.
pub(crate) fn lock(path: &Path) -> Result<SpoolLock, SpoolError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = PathBuf::from(name);
    let refuse = |source| SpoolError::File { path: lock.clone(), source };
    let file = create_private(&lock).map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => Ok(SpoolLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(SpoolError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(refuse(source)),
    }
}

/// Makes the spool's file if it is missing, readable by its owner alone: texts of people wait in it.
pub(crate) fn create(path: &Path) -> Result<(), SpoolError> {
    create_private(path).map(drop).map_err(|source| SpoolError::File { path: path.to_owned(), source })
}

fn create_private(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Opens a file that [`create`] has made. It never grows beyond `max_bytes`, however little the rest of its disk is used.
pub(crate) async fn connect(path: &Path, max_bytes: u64) -> sqlx::Result<SqliteConnection> {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // What is in the spool must survive a power cut.
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", CACHE_KIB)
        .pragma("max_page_count", (max_bytes / PAGE).max(1).to_string())
        .connect()
        .await
}

/// Makes the tables if they are missing, and makes sure that the file is this bridge's.
pub(crate) async fn prepare(db: &mut SqliteConnection, path: &Path, bridge: &BridgeId) -> Result<(), SpoolError> {
    let failed = |error| SpoolError::from_database(path, error);
    let found: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&mut *db).await.map_err(failed)?;
    match found {
        0 => begin_anew(db, bridge).await.map_err(failed)?,
        1 => upgrade(db, &[TEXTS, LIVES, HOURS, WISHES]).await.map_err(failed)?,
        2 => upgrade(db, &[LIVES, HOURS, WISHES]).await.map_err(failed)?,
        3 => upgrade(db, &[HOURS, WISHES]).await.map_err(failed)?,
        4 => upgrade(db, &[WISHES]).await.map_err(failed)?,
        FORMAT => {}
        _ => return Err(SpoolError::Newer { path: path.to_owned(), found, known: FORMAT }),
    }
    let owner: String = sqlx::query_scalar("select bridge from spool").fetch_one(db).await.map_err(failed)?;
    let owner = owner.parse::<BridgeId>().map_err(|_| SpoolError::Damaged(path.to_owned()))?;
    if owner == *bridge { Ok(()) } else { Err(SpoolError::OtherBridge { path: path.to_owned(), owner }) }
}

async fn begin_anew(db: &mut SqliteConnection, bridge: &BridgeId) -> sqlx::Result<()> {
    // `last_seq` outlives the records: a number is never given twice, also when nothing is left.
    const TABLES: &str = "
        create table spool   (bridge text not null, epoch blob) strict;
        create table streams (stream integer primary key, last_seq integer not null) strict;
        create table records (stream integer not null, seq integer not null, kind integer not null, body blob not null,
                              primary key (stream, seq)) strict, without rowid;
        insert into streams (stream, last_seq) values (0, 0), (1, 0);";
    const OWNER: &str = "insert into spool (bridge) values ($1)";
    let mut tx = db.begin_with("begin immediate").await?;
    sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
    sqlx::query(OWNER).bind(bridge.as_str()).execute(&mut *tx).await?;
    sqlx::raw_sql(TEXTS).execute(&mut *tx).await?;
    sqlx::raw_sql(LIVES).execute(&mut *tx).await?;
    sqlx::raw_sql(HOURS).execute(&mut *tx).await?;
    sqlx::raw_sql(WISHES).execute(&mut *tx).await?;
    tx.commit().await
}

/// What format 2 has and format 1 had not.
const TEXTS: &str = "
    create table texts (message_id blob primary key, to_node integer not null, words text not null, reply_to integer,
                        attempt integer not null, ttl_left_us integer not null, written_at_us integer not null,
                        stage integer not null, grant_order integer, packet_id integer, radio integer, reason integer,
                        told integer, left_us integer) strict, without rowid;
    pragma user_version = 2";

/// What format 3 has and format 2 had not: a spool had one epoch for good, which is its first life's.
const LIVES: &str = "
    create table lives (epoch blob primary key, ingest integer not null, gateway integer not null) strict, without rowid;
    insert into lives (epoch, ingest, gateway) select epoch, 1, 1 from spool where epoch is not null;
    alter table spool drop column epoch;
    pragma user_version = 3";

/// What format 4 has and format 3 had not: the last number of telemetry at the end of each hour of running, and which radio was here.
const HOURS: &str = "
    create table hours (hour integer primary key, last_seq integer not null) strict;
    alter table spool add column radio integer;
    pragma user_version = 4";

/// What format 5 has and format 4 had not: how a text is to be sent.
const WISHES: &str = "
    alter table texts add column wish text;
    pragma user_version = 5";

/// Makes a file of an earlier format one of this, in these steps.
async fn upgrade(db: &mut SqliteConnection, steps: &[&'static str]) -> sqlx::Result<()> {
    let mut tx = db.begin_with("begin immediate").await?;
    for step in steps {
        sqlx::raw_sql(*step).execute(&mut *tx).await?;
    }
    tx.commit().await
}

/// Begins a life with the next numbers, and forgets those of which no record is left.
pub(crate) async fn begin_life(db: &mut SqliteConnection, epoch: Epoch) -> sqlx::Result<()> {
    const BEGIN: &str = "insert or ignore into lives (epoch, ingest, gateway)
                         select $1, (select last_seq + 1 from streams where stream = 0), (select last_seq + 1 from streams where stream = 1)";
    // A life ends where the next one begins; it has records if the first one that is left comes before that.
    const FORGET: &str = "
        delete from lives
        where epoch <> $1
          and not exists (
            select 1 from records r
            where (r.stream = 0 and r.seq >= lives.ingest
                   and r.seq < coalesce((select min(l.ingest) from lives l where l.ingest > lives.ingest), 9223372036854775807))
               or (r.stream = 1 and r.seq >= lives.gateway
                   and r.seq < coalesce((select min(l.gateway) from lives l where l.gateway > lives.gateway), 9223372036854775807)))";
    let mut tx = db.begin_with("begin immediate").await?;
    sqlx::query(BEGIN).bind(epoch.as_uuid()).execute(&mut *tx).await?;
    sqlx::query(FORGET).bind(epoch.as_uuid()).execute(&mut *tx).await?;
    tx.commit().await
}

/// Returns the lives whose records may be there, in order.
pub(crate) async fn lives(db: &mut SqliteConnection) -> sqlx::Result<Vec<Life>> {
    const SQL: &str = "select epoch, ingest, gateway from lives order by ingest, gateway";
    let rows = sqlx::query(SQL).fetch_all(db).await?;
    let life = |row: &SqliteRow| {
        Ok(Life { epoch: Epoch::from_uuid(row.try_get::<Uuid, _>(0)?), ingest: unsigned(row, 1), gateway: unsigned(row, 2) })
    };
    rows.iter().map(life).collect()
}

/// Returns what a stream holds.
pub(crate) async fn content(db: &mut SqliteConnection, stream: Stream) -> sqlx::Result<Content> {
    const SQL: &str = "
        select s.last_seq, count(r.seq), coalesce(sum(length(r.body)), 0)
        from streams s left join records r on r.stream = s.stream
        where s.stream = $1";
    let row = sqlx::query(SQL).bind(number(stream)).fetch_one(db).await?;
    Ok(Content { last_seq: unsigned(&row, 0), records: unsigned(&row, 1), bytes: unsigned(&row, 2) })
}

/// Adds one record.
pub(crate) async fn insert(db: &mut SqliteConnection, seq: u64, kind: Kind, payload: &[u8]) -> sqlx::Result<()> {
    const SQL: &str = "insert into records (stream, seq, kind, body) values ($1, $2, $3, $4)";
    let query = sqlx::query(SQL).bind(number(kind.stream())).bind(signed(seq)).bind(kind as i64).bind(payload);
    query.execute(db).await.map(drop)
}

/// Notes the last number given in a stream.
pub(crate) async fn set_last_seq(db: &mut SqliteConnection, stream: Stream, seq: u64) -> sqlx::Result<()> {
    const SQL: &str = "update streams set last_seq = $2 where stream = $1";
    sqlx::query(SQL).bind(number(stream)).bind(signed(seq)).execute(db).await.map(drop)
}

/// Returns the oldest records of a stream as (number, bytes), at most `limit`.
pub(crate) async fn oldest(db: &mut SqliteConnection, stream: Stream, limit: usize) -> sqlx::Result<Vec<(u64, u64)>> {
    const SQL: &str = "select seq, length(body) from records where stream = $1 order by seq limit $2";
    let rows = sqlx::query(SQL).bind(number(stream)).bind(signed(limit as u64)).fetch_all(db).await?;
    Ok(rows.iter().map(|row| (unsigned(row, 0), unsigned(row, 1))).collect())
}

/// Deletes the records numbered `first` to `last`, and returns them as (number, bytes).
pub(crate) async fn delete(db: &mut SqliteConnection, stream: Stream, first: u64, last: u64) -> sqlx::Result<Vec<(u64, u64)>> {
    const SQL: &str = "delete from records where stream = $1 and seq between $2 and $3 returning seq, length(body)";
    let rows = sqlx::query(SQL).bind(number(stream)).bind(signed(first)).bind(signed(last)).fetch_all(db).await?;
    Ok(rows.iter().map(|row| (unsigned(row, 0), unsigned(row, 1))).collect())
}

/// Returns the records numbered above `after` and up to `until`, in order, at most `limit`.
pub(crate) async fn between(db: &mut SqliteConnection, stream: Stream, after: u64, until: u64, limit: usize) -> sqlx::Result<Vec<Stored>> {
    const SQL: &str = "select seq, kind, body from records where stream = $1 and seq > $2 and seq <= $3 order by seq limit $4";
    let query = sqlx::query(SQL).bind(number(stream)).bind(signed(after)).bind(signed(until)).bind(signed(limit as u64));
    let rows = query.fetch_all(db).await?;
    rows.into_iter().map(|row| stored(&row)).collect()
}

/// Notes that an hour is over at which the last number of telemetry was `last_seq`, and deletes what is older than so many of them;
/// returns that as (number, bytes).
pub(crate) async fn pass_hour(db: &mut SqliteConnection, last_seq: u64, max_hours: u32) -> sqlx::Result<Vec<(u64, u64)>> {
    const PASS: &str = "insert into hours (hour, last_seq) select coalesce(max(hour), 0) + 1, $1 from hours returning hour";
    const OLD: &str = "select max(last_seq) from hours where hour <= $1";
    const FORGET: &str = "delete from hours where hour <= $1";
    let mut tx = db.begin_with("begin immediate").await?;
    let hour: i64 = sqlx::query_scalar(PASS).bind(signed(last_seq)).fetch_one(&mut *tx).await?;
    let end = hour - i64::from(max_hours);
    let old: Option<i64> = sqlx::query_scalar(OLD).bind(end).fetch_one(&mut *tx).await?;
    let mut deleted = Vec::new();
    if let Some(last) = old.and_then(|last| u64::try_from(last).ok()) {
        deleted = delete(&mut tx, Stream::Ingest, 0, last).await?;
        sqlx::query(FORGET).bind(end).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(deleted)
}

/// Returns the radio that was here last.
pub(crate) async fn radio(db: &mut SqliteConnection) -> sqlx::Result<Option<NodeId>> {
    let number: Option<i64> = sqlx::query_scalar("select radio from spool").fetch_one(db).await?;
    Ok(number.and_then(|number| u32::try_from(number).ok()).map(NodeId::from_number))
}

/// Remembers which radio is here.
pub(crate) async fn set_radio(db: &mut SqliteConnection, radio: NodeId) -> sqlx::Result<()> {
    sqlx::query("update spool set radio = $1 where radio is not $1").bind(radio.number()).execute(db).await.map(drop)
}

/// Returns those of the numbered records that are there.
pub(crate) async fn these(db: &mut SqliteConnection, stream: Stream, numbers: &[u64]) -> sqlx::Result<Vec<Stored>> {
    const SQL: &str = "
        select seq, kind, body from records
        where stream = $1 and seq in (select value from json_each($2)) order by seq";
    let list = serde_json::to_string(numbers).expect("numbers always serialise");
    let rows = sqlx::query(SQL).bind(number(stream)).bind(list).fetch_all(db).await?;
    rows.into_iter().map(|row| stored(&row)).collect()
}

fn stored(row: &SqliteRow) -> sqlx::Result<Stored> {
    let kind = Kind::from_number(row.get(1)).ok_or_else(|| sqlx::Error::Decode("a record of an unknown kind".into()))?;
    Ok(Stored { seq: unsigned(row, 0), kind, payload: row.get::<Vec<u8>, _>(2).into() })
}

/// The streams' numbers in spool files.
const fn number(stream: Stream) -> i64 {
    match stream {
        Stream::Ingest => 0,
        Stream::Gateway => 1,
    }
}

/// SQLite's integers are signed; numbers beyond them are never given, so an answer that names some names none of ours.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &SqliteRow, column: usize) -> u64 {
    u64::try_from(row.get::<i64, _>(column)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_committed_survives_a_power_cut_and_the_file_has_a_limit() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        create(&path).unwrap();
        let mut db = connect(&path, 8 * 1024 * 1024).await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("pragma synchronous").fetch_one(&mut db).await.unwrap();
        let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut db).await.unwrap();
        let pages: i64 = sqlx::query_scalar("pragma max_page_count").fetch_one(&mut db).await.unwrap();
        assert_eq!((synchronous, journal.as_str(), pages), (FULL, "wal", 2048));
    }

    #[tokio::test]
    async fn a_file_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        create(&path).unwrap();
        let mut db = connect(&path, 8 * 1024 * 1024).await.unwrap();
        sqlx::query("pragma user_version = 9").execute(&mut db).await.unwrap();
        let refusal = prepare(&mut db, &path, &"roof".parse().unwrap()).await.unwrap_err().to_string();
        assert!(refusal.contains("written by a newer version of this program (format 9, known is 5)"), "{refusal}");
    }

    #[tokio::test]
    async fn a_file_of_the_first_format_keeps_its_records_and_takes_texts() {
        const FIRST: &str = "
            create table spool   (bridge text not null, epoch blob not null) strict;
            create table streams (stream integer primary key, last_seq integer not null) strict;
            create table records (stream integer not null, seq integer not null, kind integer not null, body blob not null,
                                  primary key (stream, seq)) strict, without rowid;
            insert into streams (stream, last_seq) values (0, 0), (1, 7);
            insert into records values (1, 7, 3, x'7b7d');
            pragma user_version = 1";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        create(&path).unwrap();
        let mut db = connect(&path, 8 * 1024 * 1024).await.unwrap();
        sqlx::raw_sql(FIRST).execute(&mut db).await.unwrap();
        let epoch = Epoch::from_random(5);
        sqlx::query("insert into spool values ('roof', $1)").bind(epoch.as_uuid()).execute(&mut db).await.unwrap();

        for _ in 0..2 {
            prepare(&mut db, &path, &"roof".parse().unwrap()).await.unwrap();
            let content = content(&mut db, Stream::Gateway).await.unwrap();
            let lives = lives(&mut db).await.unwrap();
            assert_eq!((content.last_seq, content.records), (7, 1));
            assert_eq!(lives, [Life { epoch, ingest: 1, gateway: 1 }]);
            assert_eq!(crate::spool::texts::all(&mut db).await.unwrap(), []);
        }
    }
}
