//! Opening a database, and the versions of its schema.

use crate::stores::{self, Fixture};
use kosmo_store::{Database, Error, Store};
use kosmo_test_support::TestDatabase;
use std::os::unix::fs::PermissionsExt as _;

async fn check_that_a_newer_schema_is_refused(fixture: &Fixture) {
    fixture
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, '', 0)",
        )
        .await;
    for refused in [fixture.store.check_schema().await, fixture.store.migrate().await] {
        let sentence = refused.unwrap_err().to_string();
        assert!(sentence.contains("schema version 9999") && sentence.contains("knows versions up to "), "{sentence}");
        assert!(sentence.contains("newer version of KosmoConnect"), "{sentence}");
    }
}

#[tokio::test]
async fn an_older_program_refuses_a_newer_sqlite_file() {
    check_that_a_newer_schema_is_refused(&stores::sqlite().await).await;
}

#[tokio::test]
async fn an_older_program_refuses_a_newer_postgres_database() {
    check_that_a_newer_schema_is_refused(&stores::postgres().await).await;
}

async fn check_that_an_empty_database_is_migrated_by_several_at_once(database: &Database) {
    let (one, two) = (Store::open(database).await.unwrap(), Store::open(database).await.unwrap());
    let sentence = one.check_schema().await.unwrap_err().to_string();
    assert!(sentence.contains("schema version 0") && sentence.contains("kosmo migrate"), "{sentence}");
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.unwrap();
    second.unwrap();
    one.check_schema().await.unwrap();
    one.migrate().await.unwrap();
    two.ping().await.unwrap();
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn an_empty_postgres_database_is_migrated_by_several_at_once() {
    let database = TestDatabase::empty();
    check_that_an_empty_database_is_migrated_by_several_at_once(&stores::postgres_at(database.url().to_owned())).await;
}

#[tokio::test]
async fn a_missing_sqlite_file_is_made_and_migrated_by_several_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/kosmo.db");
    check_that_an_empty_database_is_migrated_by_several_at_once(&Database::Sqlite { path: path.clone() }).await;
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "only its owner reads the file");
}

#[tokio::test]
async fn one_process_serves_from_a_sqlite_file_and_others_work_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite { path: folder.path().join("kosmo.db") };
    let serving = Store::open_serving(&database).await.unwrap();
    serving.migrate().await.unwrap();

    let refused = Store::open_serving(&database).await.unwrap_err();
    assert!(matches!(refused, Error::InUse(_)));
    assert!(refused.to_string().contains("kosmo.db: stop it first"), "{refused}");
    let beside = Store::open(&database).await.unwrap();
    beside.check_schema().await.unwrap();

    let clone = serving.clone();
    drop(serving);
    assert!(Store::open_serving(&database).await.is_err(), "a clone still serves");
    drop(clone);
    Store::open_serving(&database).await.unwrap();
}

#[tokio::test]
async fn several_processes_serve_from_postgres() {
    let fixture = stores::postgres().await;
    let (one, two) = (Store::open_serving(&fixture.database).await.unwrap(), Store::open_serving(&fixture.database).await.unwrap());
    one.ping().await.unwrap();
    two.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_passing_trouble() {
    // Nothing ever listens on port 1 of this machine.
    let database: Database = "postgres://kosmo:hunter2@127.0.0.1:1/kosmo".parse().unwrap();
    let error = Store::open(&database).await.unwrap_err();
    assert!(error.is_transient());
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_store_recovers_from_lost_connections() {
    let fixture = stores::postgres().await;
    fixture.store.ping().await.unwrap();
    let pool = sqlx::PgPool::connect(fixture.url()).await.unwrap();
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    sqlx::query(cut).execute(&pool).await.unwrap();
    fixture.store.ping().await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_place_that_no_file_can_have_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file/kosmo.db");
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = Store::open(&Database::Sqlite { path: path.clone() }).await.unwrap_err();
    assert!(matches!(&error, Error::File { path: named, .. } if *named == path), "{error:?}");
    assert!(!error.is_transient());
}
