//! Where the data lies, and opening it.

use crate::{
    Error, Result, Store,
    db::{Db, on_reader},
    pool::{self, Purpose},
    signals::Signals,
};
use sqlx::{
    Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

/// How long a call waits for a connection to SQLite, or for its write lock, before it says that the database is unavailable.
const PATIENCE: Duration = Duration::from_secs(10);
/// Readers of a SQLite file; more than this many only queue for the same two or four cores.
const SQLITE_READERS: u32 = 4;
/// Bytes of a SQLite page; measured best for rows of some 100 bytes.
const SQLITE_PAGE: u32 = 8192;
/// Rows per index that SQLite looks at for its statistics, as its manual recommends.
const SQLITE_ANALYSIS_LIMIT: u32 = 400;
/// What the writing connection keeps of the file in memory (16 MB; negative counts in KiB). Readings of many nodes touch a page
/// each, and pages that do not fit are read again for each batch.
const WRITER_CACHE_KIB: &str = "-16384";
/// After how many pages (32 MB) the write-ahead log goes into the file. A page that many batches touch is then written there
/// once, which an SD card is grateful for.
const CHECKPOINT_PAGES: &str = "4000";

/// Where the data lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file on this machine, made if it is missing.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL server, with or without TimescaleDB.
    Postgres {
        /// `postgres://user:password@host:port/database`.
        url: String,
        /// The most connections this process opens.
        max_connections: u32,
    },
}

/// Says that a text names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a database is `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`")]
pub struct DatabaseUrlError;

impl Database {
    /// The connections of a process to PostgreSQL unless configured otherwise.
    pub const DEFAULT_CONNECTIONS: u32 = 10;
}

impl FromStr for Database {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres { url: text.to_owned(), max_connections: Self::DEFAULT_CONNECTIONS });
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite { path: path.strip_prefix("//").unwrap_or(path).into() }),
            _ => Err(DatabaseUrlError),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            // The URL has the password in it.
            Self::Postgres { max_connections, .. } => {
                f.debug_struct("Postgres").field("max_connections", max_connections).finish_non_exhaustive()
            }
        }
    }
}

/// The lock that makes this the one serving process of a SQLite file. The system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct ServingLock {
    _file: File,
}

impl Store {
    /// Opens the database for a command that works beside the serving process, and makes a SQLite file if there is none.
    /// The schema is not looked at: [`Store::migrate`] and [`Store::check_schema`] do that.
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Unavailable`] if it cannot be opened.
    pub async fn open(database: &Database) -> Result<Self> {
        match database {
            Database::Sqlite { path } => open_sqlite(path, None).await,
            Database::Postgres { url, max_connections } => open_postgres(url, *max_connections, Purpose::Command).await,
        }
    }

    /// Opens the database for the process that serves from it. A SQLite file has one such process; PostgreSQL any number.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process serves from the file, else as [`Store::open`].
    pub async fn open_serving(database: &Database) -> Result<Self> {
        match database {
            Database::Sqlite { path } => open_sqlite(path, Some(lock_for_serving(path)?)).await,
            Database::Postgres { url, max_connections } => open_postgres(url, *max_connections, Purpose::Serving).await,
        }
    }

    /// Asks the database for nothing, to see whether it answers, and whether it can write where that is a matter of this machine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it does not or cannot.
    pub async fn ping(&self) -> Result<()> {
        on_reader!(self, |db| sqlx::query_scalar::<_, i32>("select 1").fetch_one(db))?;
        if let Db::Sqlite { write, .. } = &self.db {
            // Writes a page, and says nothing by it: it is the migrations' own table that knows the version of the schema.
            sqlx::query("pragma user_version = 0").execute(write).await?;
        }
        Ok(())
    }

    /// Waits until the connections are given back, and closes them. Other clones of the store are closed too.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

async fn open_sqlite(path: &Path, lock: Option<ServingLock>) -> Result<Store> {
    create_private(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .page_size(SQLITE_PAGE)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledgement must survive a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .optimize_on_close(true, SQLITE_ANALYSIS_LIMIT);
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        // On a full disk SQLite ends a transaction by itself. The driver does not learn of it, and would take the connection for
        // one within a transaction for ever.
        .before_acquire(|connection, _| {
            let is_sound = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_sound) })
        })
        .connect_with(options.clone().pragma("cache_size", WRITER_CACHE_KIB).pragma("wal_autocheckpoint", CHECKPOINT_PAGES))
        .await?;
    let read = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.optimize_on_close(false, None).pragma("query_only", "on"));
    Ok(Store { db: Db::Sqlite { write, read }, signals: Arc::new(Signals::in_process()), lock: lock.map(Arc::new) })
}

async fn open_postgres(url: &str, max_connections: u32, purpose: Purpose) -> Result<Store> {
    let (pool, options) = pool::open(url, max_connections, purpose).await?;
    Ok(Store { db: Db::Postgres(pool), signals: Arc::new(Signals::from_postgres(options)), lock: None })
}

/// Makes the file if it is missing, readable by its owner alone; SQLite gives its side files the same rights.
fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

/// Takes the lock that makes this the one process that serves from a SQLite file, or replaces it.
pub(crate) fn lock_for_serving(path: &Path) -> Result<ServingLock> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = PathBuf::from(name);
    let refuse = |source| Error::File { path: lock.clone(), source };
    create_private(&lock).map_err(refuse)?;
    let file = File::open(&lock).map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => Ok(ServingLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(refuse(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{AssertSqlSafe, SqliteConnection};

    async fn pragma(connection: &mut SqliteConnection, name: &str) -> String {
        let sql = AssertSqlSafe(format!("select cast({name} as text) from pragma_{name}"));
        sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
    }

    #[tokio::test]
    async fn every_connection_that_writes_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
        let Db::Sqlite { write, read } = &store.db else { panic!("it was opened as SQLite") };
        assert_eq!(write.options().get_max_connections(), 1);
        // The second round is a connection made anew, after the first was closed.
        for _ in 0..2 {
            let mut connection = write.acquire().await.unwrap();
            assert_eq!(pragma(&mut connection, "synchronous").await, "2");
            assert_eq!(pragma(&mut connection, "journal_mode").await, "wal");
            assert_eq!(pragma(&mut connection, "foreign_keys").await, "1");
            assert_eq!(pragma(&mut connection, "page_size").await, "8192");
            connection.detach().close().await.unwrap();
        }
        let mut reader = read.acquire().await.unwrap();
        assert_eq!(pragma(&mut reader, "query_only").await, "1");
    }

    #[test]
    fn a_database_is_named_by_its_url() {
        let file = |path: &str| Ok(Database::Sqlite { path: path.into() });
        assert_eq!("sqlite:data/kosmo.db".parse(), file("data/kosmo.db"));
        assert_eq!("sqlite:///var/lib/kosmo.db".parse(), file("/var/lib/kosmo.db"));
        assert!(matches!("postgres://u:p@h/d".parse(), Ok(Database::Postgres { .. })));
        for text in ["", "sqlite:", "mysql://h/d", "/data/kosmo.db"] {
            assert_eq!(text.parse::<Database>(), Err(DatabaseUrlError), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let database: Database = "postgres://kosmo:hunter2@db/kosmo".parse().unwrap();
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}
