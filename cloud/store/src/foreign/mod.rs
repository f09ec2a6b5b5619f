//! Databases of other programs, read and never written: the SQLite files of MeshMonitor and of Meshview.
//!
//! Such a file may come from anywhere. It is opened without the right to write, what is no plain table is not read, every value is
//! asked for by its type and cut to a length, and pages are short, so that a file that lies costs no more than the time to skip it.

mod meshmonitor;
mod meshview;

pub use crate::foreign::{
    meshmonitor::{Measured, MonitorNode, MonitorText},
    meshview::{ViewNode, ViewPacket},
};

use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use std::{io::Read as _, path::Path, time::Duration};

/// How many rows are read at once.
pub const PAGE: i64 = 500;
/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// It cannot be opened.
    #[error("the file cannot be opened")]
    File(#[source] std::io::Error),
    /// It is something else.
    #[error("this is no SQLite database")]
    NoDatabase,
    /// A table or a column is not there: it is another program's, or an older version's.
    #[error("the table `{table}` with a column `{column}` is missing: is this the database of another program, or of an older version?")]
    Lacks {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// It is damaged, or another program holds it.
    #[error("the database cannot be read")]
    Database(#[from] sqlx::Error),
}

/// Another program's database.
#[derive(Debug)]
pub struct Foreign {
    connection: SqliteConnection,
}

impl Foreign {
    /// Opens a file that has these tables with these columns.
    ///
    /// # Errors
    /// If there is no such file, or it has them not.
    pub async fn open(path: &Path, needed: &[(&'static str, &[&'static str])]) -> Result<Self, ForeignError> {
        let mut start = [0; 16];
        let file = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
        match file {
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(ForeignError::File(error)),
            Ok(()) if start == *MAGIC => {}
            Ok(()) | Err(_) => return Err(ForeignError::NoDatabase),
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(10))
            // Nothing in the file is to be run.
            .pragma("trusted_schema", "off")
            .pragma("cell_size_check", "on")
            .pragma("query_only", "on");
        let mut foreign = Self { connection: SqliteConnection::connect_with(&options).await? };
        for (table, columns) in needed {
            for column in *columns {
                if !foreign.has(table, column).await? {
                    return Err(ForeignError::Lacks { table, column });
                }
            }
        }
        Ok(foreign)
    }

    /// Tells whether a plain table has a column.
    async fn has(&mut self, table: &str, column: &str) -> Result<bool, ForeignError> {
        const SQL: &str = "select count(*) from sqlite_master m, pragma_table_info(m.name) c
                            where m.type = 'table' and m.name = $1 and c.name = $2 and m.sql not like 'create virtual%'";
        let found: i64 = sqlx::query_scalar(SQL).bind(table).bind(column).fetch_one(&mut self.connection).await?;
        Ok(found > 0)
    }

    /// Returns how many rows there are in all of these tables.
    async fn count(&mut self, statements: &[&'static str]) -> Result<u64, ForeignError> {
        let mut all = 0;
        for sql in statements {
            let rows: i64 = sqlx::query_scalar(*sql).fetch_one(&mut self.connection).await?;
            all += u64::try_from(rows).unwrap_or(0);
        }
        Ok(all)
    }

    /// Returns the rows of a statement after a row id, [`PAGE`] of them at most.
    async fn page<R>(&mut self, sql: &'static str, after: i64) -> Result<Vec<R>, ForeignError>
    where
        R: for<'r> sqlx::FromRow<'r, SqliteRow> + Send + Unpin,
    {
        Ok(sqlx::query_as(sql).bind(after).bind(PAGE).fetch_all(&mut self.connection).await?)
    }
}
