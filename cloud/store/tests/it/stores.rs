//! A migrated store of its own for each test.

use kosmo_domain::Timestamp;
use kosmo_store::{Database, Store};
use kosmo_test_support::TestDatabase;
use tempfile::TempDir;

/// A store, and what has to outlive it.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) database: Database,
    _folder: Option<TempDir>,
    _cloned: Option<TestDatabase>,
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
    Fixture { store, database, _folder: Some(folder), _cloned: None }
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
    Fixture { store, database, _folder: None, _cloned: Some(cloned) }
}

/// Returns the database at this URL, with few connections: a hundred tests share one cluster.
pub(crate) fn postgres_at(url: String) -> Database {
    Database::Postgres { url, max_connections: 4 }
}

/// Returns a point in time.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
