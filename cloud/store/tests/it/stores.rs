//! A migrated store of its own for each test.

use kosmo_domain::Timestamp;
use kosmo_store::{Database, Store};
use kosmo_test_support::TestDatabase;
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, time::Duration};
use tempfile::TempDir;

/// A store, and what has to outlive it.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) database: Database,
    _folder: Option<TempDir>,
    cloned: Option<TestDatabase>,
}

impl Fixture {
    /// Returns the URL of the test's PostgreSQL database.
    pub(crate) fn url(&self) -> &str {
        self.cloned.as_ref().expect("the fixture is PostgreSQL").url()
    }

    /// Returns the test's SQLite file, if that is what it is.
    pub(crate) fn sqlite_path(&self) -> Option<&Path> {
        match &self.database {
            Database::Sqlite { path } => Some(path),
            Database::Postgres { .. } => None,
        }
    }

    /// Returns how many bytes of disk a table takes with its indexes; of SQLite, all of the database.
    pub(crate) async fn bytes_of(&self, table: &'static str) -> i64 {
        if let Some(path) = self.sqlite_path() {
            let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(10));
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            let pages = "select page_count * page_size from pragma_page_count, pragma_page_size";
            sqlx::query_scalar(pages).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = PgConnection::connect(self.url()).await.unwrap();
            sqlx::query_scalar("select pg_total_relation_size(cast($1 as text)::regclass)")
                .bind(table)
                .fetch_one(&mut connection)
                .await
                .unwrap()
        }
    }

    /// Does to the database what no method of the store does.
    pub(crate) async fn execute(&self, sql: &'static str) {
        if let Some(path) = self.sqlite_path() {
            let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(10));
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(self.url()).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
    }
}

/// Defines one test for each database: `store_test!(async fn name(store: Store) { … });` expands to `name::sqlite` and
/// `name::postgres`.
macro_rules! store_test {
    ($(async fn $name:ident($store:ident: Store) $body:block)+) => {$(
        async fn $name($store: kosmo_store::Store) $body

        mod $name {
            #[tokio::test]
            async fn sqlite() {
                let fixture = $crate::stores::sqlite().await;
                super::$name(fixture.store.clone()).await;
            }

            #[tokio::test]
            async fn postgres() {
                let fixture = $crate::stores::postgres().await;
                super::$name(fixture.store.clone()).await;
            }
        }
    )+};
}

/// Returns a migrated store in a file of its own.
pub(crate) async fn sqlite() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite { path: folder.path().join("kosmo.db") };
    let store = Store::open(&database).await.unwrap();
    store.migrate().await.unwrap();
    Fixture { store, database, _folder: Some(folder), cloned: None }
}

/// Returns a migrated store in a database of its own, cloned from a template that is migrated once per run.
pub(crate) async fn postgres() -> Fixture {
    let template = format!("store {}", Store::schema_fingerprint());
    let cloned = TestDatabase::from_template(&template, |url| async {
        let store = Store::open(&postgres_at(url)).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await;
    })
    .await;
    let database = postgres_at(cloned.url().to_owned());
    let store = Store::open(&database).await.unwrap();
    Fixture { store, database, _folder: None, cloned: Some(cloned) }
}

/// Returns the database at this URL, with few connections: a hundred tests share one cluster.
pub(crate) fn postgres_at(url: String) -> Database {
    Database::Postgres { url, max_connections: 4 }
}

/// Returns a point in time.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
