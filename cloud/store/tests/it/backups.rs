//! Backups on both databases: of one moment while everything goes on, and refused if they are not as they were written.

use crate::{
    outbound::{ANA, accept, join, message, text, used},
    spools::Spool,
    stores::{self, Fixture, at},
};
use kosmo_domain::{Metric, NodeId, Plan, Status, Timestamp};
use kosmo_store::{
    Database, Error, Store,
    backup::{BackupError, Blame, MANIFEST, Manifest, Restored, back_up, restore},
};
use kosmo_test_support::TestDatabase;
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use uuid::Uuid;

const NODE: NodeId = NodeId::from_number(0xa1b2_c3d4);

fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

/// A place that a backup can be restored to, with nothing in it.
struct Elsewhere {
    database: Database,
    _folder: TempDir,
    _cluster: Option<TestDatabase>,
}

impl Elsewhere {
    fn like(fixture: &Fixture) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = fixture.sqlite_path().is_none().then(TestDatabase::empty);
        let file = || Database::Sqlite { path: folder.path().join("new/kosmo.db") };
        let database = cluster.as_ref().map_or_else(file, |cluster| stores::postgres_at(cluster.url().to_owned()));
        Self { database, _folder: folder, _cluster: cluster }
    }
}

/// Something to keep backups in.
fn shelf() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backups/monday");
    (folder, path)
}

async fn backed_up(fixture: &Fixture, to: &Path) -> Manifest {
    back_up(&fixture.database, to, "0.0.0-test", noon(), &|_| {}).await.unwrap()
}

async fn restored(database: &Database, from: &Path, force: bool) -> Result<Restored, BackupError> {
    restore(database, from, force, noon(), &|_| {}).await
}

async fn readings(store: &Store) -> usize {
    store.readings(NODE, Timestamp::EPOCH, Timestamp::MAX, None, 1000).await.unwrap().unwrap_or_default().len()
}

/// Stores ten readings in one transaction.
async fn measure(store: &Store, spool: &mut Spool, round: u64) {
    let reading = |n| noon().plus(Duration::from_secs(round * 10 + n));
    let batch: Vec<_> = (0..10).map(|n| spool.reading(NODE, reading(n), &[(Metric::Temperature, 0.1)])).collect();
    store.ingest(&batch, noon()).await.unwrap();
}

async fn check_a_backup_of_one_moment(fixture: Fixture) {
    let (_shelf, path) = shelf();
    let (store, mut spool) = (fixture.store.clone(), Spool::of("roof"));
    measure(&store, &mut spool, 0).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (writer, stopped) = (store.clone(), Arc::clone(&stop));
    let writing = tokio::spawn(async move {
        let mut round = 1;
        while !stopped.load(Ordering::SeqCst) && round < 90 {
            measure(&writer, &mut spool, round).await;
            round += 1;
        }
    });
    let manifest = backed_up(&fixture, &path).await;
    stop.store(true, Ordering::SeqCst);
    writing.await.unwrap();

    let elsewhere = Elsewhere::like(&fixture);
    let told = restored(&elsewhere.database, &path, false).await.unwrap();
    assert_eq!((told.manifest.rows(), told.set_aside), (manifest.rows(), None));
    let copy = Store::open_serving(&elsewhere.database).await.unwrap();
    copy.check_schema().await.unwrap();
    let count = readings(&copy).await;
    assert!(count >= 10 && count % 10 == 0 && count <= readings(&store).await, "{count} readings: batches are in it whole");
    let table = manifest.tables.iter().find(|table| table.name == "readings").unwrap();
    assert_eq!(usize::try_from(table.rows).unwrap(), count);
    // What comes after the restore gets numbers of its own.
    measure(&copy, &mut Spool::of("cellar"), 95).await;
    assert_eq!(readings(&copy).await, count + 10);
    copy.close().await;
}

#[tokio::test]
async fn a_backup_of_sqlite_is_of_one_moment_while_everything_goes_on() {
    check_a_backup_of_one_moment(stores::sqlite().await).await;
}

#[tokio::test]
async fn a_backup_of_postgres_is_of_one_moment_while_everything_goes_on() {
    check_a_backup_of_one_moment(stores::postgres().await).await;
}

/// Writes a manifest as somebody would who knows how its seal is made.
fn seal(folder: &Path, mut manifest: Manifest) {
    manifest.seal.clear();
    let digest = Sha256::digest(serde_json::to_vec(&manifest).unwrap());
    for byte in digest {
        write!(manifest.seal, "{byte:02x}").unwrap();
    }
    fs::write(folder.join(MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
}

async fn check_that_what_was_touched_is_refused(fixture: Fixture) {
    let (_shelf, path) = shelf();
    measure(&fixture.store, &mut Spool::of("roof"), 0).await;
    let manifest = backed_up(&fixture, &path).await;
    let data = fs::read(path.join(&manifest.file)).unwrap();
    let json = fs::read(path.join(MANIFEST)).unwrap();
    let elsewhere = Elsewhere::like(&fixture);
    let refused = async |what: &str, damage: &dyn Fn()| {
        fs::write(path.join(&manifest.file), &data).unwrap();
        fs::write(path.join(MANIFEST), &json).unwrap();
        damage();
        let error = restored(&elsewhere.database, &path, true).await.unwrap_err();
        let nothing = Store::open(&elsewhere.database).await.unwrap();
        assert!(matches!(nothing.check_schema().await, Err(Error::SchemaTooOld { found: 0, .. })), "{what}: nothing was touched");
        nothing.close().await;
        if let Database::Sqlite { path } = &elsewhere.database {
            fs::remove_file(path).unwrap();
        }
        (error.blame(), error.to_string())
    };
    let file = path.join(&manifest.file);
    let with = |change: &dyn Fn(&mut Manifest)| {
        let mut changed = manifest.clone();
        change(&mut changed);
        seal(&path, changed);
    };
    let flipped = || {
        let mut bytes = data.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
    };
    let cases: [(&str, &dyn Fn(), Blame, &str); 9] = [
        ("cut", &|| fs::write(&file, &data[..data.len() / 2]).unwrap(), Blame::Backup, "bytes and had"),
        ("flipped", &flipped, Blame::Backup, "was changed"),
        ("gone", &|| fs::remove_file(&file).unwrap(), Blame::Backup, "is missing"),
        ("no manifest", &|| fs::remove_file(path.join(MANIFEST)).unwrap(), Blame::Backup, "is no backup of KosmoConnect"),
        ("other JSON", &|| fs::write(path.join(MANIFEST), "[1]").unwrap(), Blame::Backup, "is no backup of KosmoConnect"),
        (
            "manifest changed",
            &|| fs::write(path.join(MANIFEST), String::from_utf8_lossy(&json).replace("0.0.0-test", "0.0.0-tesu")).unwrap(),
            Blame::Backup,
            "manifest.json was changed",
        ),
        (
            "newer",
            &|| with(&|manifest| manifest.schema = 9999),
            Blame::Refused,
            "schema version 9999, and this program knows versions up to",
        ),
        ("rows", &|| with(&|manifest| manifest.tables[0].checksum = "0".repeat(32)), Blame::Backup, "has other rows"),
        (
            "other database",
            &|| {
                with(&|manifest| {
                    manifest.database = match manifest.database {
                        kosmo_store::backup::Kind::Sqlite => kosmo_store::backup::Kind::Postgres,
                        kosmo_store::backup::Kind::Postgres => kosmo_store::backup::Kind::Sqlite,
                    };
                });
            },
            Blame::Refused,
            "set `database.url` to the kind that the backup is of",
        ),
    ];
    for (what, damage, blame, words) in cases {
        let (found, sentence) = refused(what, damage).await;
        assert_eq!(found, blame, "{what}: {sentence}");
        assert!(sentence.contains(words), "{what}: {sentence}");
    }
}

#[tokio::test]
async fn a_backup_of_sqlite_that_was_touched_is_refused() {
    check_that_what_was_touched_is_refused(stores::sqlite().await).await;
}

#[tokio::test]
async fn a_backup_of_postgres_that_was_touched_is_refused() {
    check_that_what_was_touched_is_refused(stores::postgres().await).await;
}

async fn check_that_what_is_there_is_set_aside(fixture: Fixture) {
    let (_shelf, path) = shelf();
    let (store, mut spool) = (&fixture.store, Spool::of("roof"));
    join(store, ANA, "ana", Plan::Wanderer).await;
    accept(store, &text(1, "on its way when the backup is made")).await.unwrap();
    measure(store, &mut spool, 0).await;
    backed_up(&fixture, &path).await;
    assert!(matches!(back_up(&fixture.database, &path, "x", noon(), &|_| {}).await, Err(BackupError::Exists(_))));
    measure(store, &mut spool, 1).await;

    for force in [false, true] {
        let refused = restored(&fixture.database, &path, force).await.unwrap_err();
        let expected = if force { "is in use: stop every kosmo process" } else { "with --force what is there is set aside" };
        assert!(refused.to_string().contains(expected) && refused.blame() == Blame::Refused, "{refused}");
        assert_eq!(readings(store).await, 20, "nothing was touched");
    }
    store.close().await;
    let told = restored(&fixture.database, &path, true).await.unwrap();
    assert_eq!(told.texts_settled, 1);
    let store = Store::open_serving(&fixture.database).await.unwrap();
    assert_eq!(readings(&store).await, 10, "as it was");
    let row = message(&store, Uuid::from_u128(1)).await;
    assert_eq!(row.status, Status::Expired, "nobody knows what became of it since, so it is not sent once more");
    assert!(row.facts.unknown_at.is_some() && row.facts.not_sent.is_none());
    assert_eq!(store.message_to_offer(row.id, noon()).await.unwrap(), None);
    assert_eq!(used(&store).await, (1, 0));
    store.close().await;

    let aside = told.set_aside.expect("there was something");
    let before = match &fixture.database {
        Database::Sqlite { .. } => Database::Sqlite { path: aside.into() },
        Database::Postgres { url, .. } => {
            let name = aside.strip_prefix("the database ").unwrap();
            stores::postgres_at(format!("{}/{name}", url.rsplit_once('/').unwrap().0))
        }
    };
    let before = Store::open(&before).await.unwrap();
    assert_eq!(readings(&before).await, 20, "what was there is kept");
    before.close().await;
    if let (Database::Postgres { url, .. }, Some(name)) = (&fixture.database, told_name(&fixture)) {
        // It has another name than the fixture's, which removes only its own.
        let pool = sqlx::PgPool::connect(url).await.unwrap();
        let names: Vec<String> = sqlx::query_scalar("select cast(datname as text) from pg_database where datname like $1")
            .bind(format!("{name}\\_before\\_%"))
            .fetch_all(&pool)
            .await
            .unwrap();
        for name in names {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("drop database \"{name}\" with (force)"))).execute(&pool).await.unwrap();
        }
    }
}

fn told_name(fixture: &Fixture) -> Option<String> {
    match &fixture.database {
        Database::Sqlite { .. } => None,
        Database::Postgres { url, .. } => url.rsplit_once('/').map(|(_, name)| name.to_owned()),
    }
}

#[tokio::test]
async fn what_is_there_is_set_aside_in_sqlite() {
    check_that_what_is_there_is_set_aside(stores::sqlite().await).await;
}

#[tokio::test]
async fn what_is_there_is_set_aside_in_postgres() {
    check_that_what_is_there_is_set_aside(stores::postgres().await).await;
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_as_it_is() {
    let fixture = stores::sqlite().await;
    let (_shelf, path) = shelf();
    measure(&fixture.store, &mut Spool::of("roof"), 0).await;
    backed_up(&fixture, &path).await;
    fixture.store.close().await;
    let file = fixture.sqlite_path().unwrap();
    fs::write(file, "not a database any more").unwrap();
    let told = restored(&fixture.database, &path, true).await.unwrap();
    assert_eq!(fs::read(told.set_aside.unwrap()).unwrap(), b"not a database any more");
    let store = Store::open_serving(&fixture.database).await.unwrap();
    assert_eq!(readings(&store).await, 10);
}
