//! Workers, and what wakes them.

use crate::stores::{self, at};
use kosmo_domain::{Clock, ManualClock, Timestamp};
use kosmo_store::{
    Database, Store,
    jobs::{Failure, Job, NewJob, Worker},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Far longer than anything here takes, and far shorter than a test may.
const PATIENCE: Duration = Duration::from_secs(20);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(at("2026-04-12T12:00:00Z")))
}

fn job(payload: Value, clock: &ManualClock) -> NewJob {
    NewJob { kind: "mail", dedupe_key: None, payload, run_at: clock.now() }
}

store_test! {
    async fn a_worker_runs_what_is_due_and_repeats_what_fails(store: Store) {
        let clock = clock();
        let calls = AtomicU32::new(0);
        let worker = Worker::new(store.clone(), clock.clone(), "test", &["mail"], |job: Job| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            async move {
                match (call, job.attempts) {
                    (0, _) => Err(Failure::Later("the server is away".to_owned())),
                    (1, _) => panic!("a defect in one job is no end of the worker"),
                    _ => Ok(()),
                }
            }
        });
        store.enqueue_job(&job(json!(1), &clock), clock.now()).await.unwrap();
        assert_eq!(worker.run_due().await.unwrap(), 1);
        assert_eq!(worker.run_due().await.unwrap(), 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(worker.run_due().await.unwrap(), 1);
        assert_eq!(store.jobs(false, None, 1).await.unwrap()[0].last_error.as_deref(), Some("it panicked"));
        clock.advance(Duration::from_secs(2));
        assert_eq!(worker.run_due().await.unwrap(), 1);
        assert!(store.jobs(false, None, 1).await.unwrap().is_empty());
        assert!(store.jobs(true, None, 1).await.unwrap().is_empty());
    }

    async fn a_job_that_always_fails_is_given_up_and_holds_up_nobody(store: Store) {
        let clock = clock();
        let done = AtomicU32::new(0);
        let worker = Worker::new(store.clone(), clock.clone(), "test", &["mail"], |job: Job| {
            let outcome = match job.payload.as_str() {
                Some("bad") => Err(Failure::Later("never works".to_owned())),
                Some("hopeless") => Err(Failure::Never("no such address".to_owned())),
                _ => {
                    done.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
            };
            async move { outcome }
        });
        for payload in ["bad", "hopeless", "good"] {
            store.enqueue_job(&job(json!(payload), &clock), clock.now()).await.unwrap();
        }
        assert_eq!(worker.run_due().await.unwrap(), 3);
        assert_eq!(done.load(Ordering::Relaxed), 1);
        for _ in 0..20 {
            clock.advance(Duration::from_mins(10));
            worker.run_due().await.unwrap();
        }
        assert!(store.jobs(false, None, 1).await.unwrap().is_empty());
        let dead = store.jobs(true, None, 10).await.unwrap();
        let reasons: Vec<_> = dead.iter().map(|job| (job.attempts, job.last_error.as_deref().unwrap())).collect();
        assert_eq!(reasons, [(12, "never works"), (1, "no such address")]);
    }

    async fn a_running_worker_is_woken_by_a_new_job_and_ends_when_told(store: Store) {
        let (clock, shutdown) = (clock(), CancellationToken::new());
        let (done, mut ran) = mpsc::unbounded_channel();
        let worker = Worker::new(store.clone(), clock.clone(), "test", &["mail"], move |job: Job| {
            let done = done.clone();
            async move { done.send(job.payload).map_err(|_| Failure::Never("nobody looks".to_owned())) }
        });
        let running = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { worker.run(shutdown).await }
        });
        for number in 0..3 {
            store.enqueue_job(&job(json!(number), &clock), clock.now()).await.unwrap();
            assert_eq!(time::timeout(PATIENCE, ran.recv()).await.unwrap(), Some(json!(number)));
        }
        shutdown.cancel();
        time::timeout(PATIENCE, running).await.unwrap().unwrap();
        assert!(store.jobs(false, None, 1).await.unwrap().is_empty());
    }
}

/// Enqueues jobs until the waiter wakes: the first may come before it listens.
async fn wakes(waiter: &Store, enqueuer: &Store) -> bool {
    let clock = clock();
    let mut wakeups = waiter.job_wakeups();
    let waiting = async {
        wakeups.arm();
        wakeups.wait(PATIENCE * 2).await;
    };
    let enqueuing = async {
        loop {
            enqueuer.enqueue_job(&job(json!(1), &clock), clock.now()).await.unwrap();
            time::sleep(Duration::from_millis(50)).await;
        }
    };
    time::timeout(PATIENCE, async {
        tokio::select! {
            () = waiting => {}
            () = enqueuing => {}
        }
    })
    .await
    .is_ok()
}

/// Cuts the connections that listen.
const CUT: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and query ilike 'listen%'";

#[tokio::test]
async fn processes_on_postgres_wake_each_other_again_after_the_connection_was_lost() {
    let fixture = stores::postgres().await;
    let other = Store::open(&fixture.database).await.unwrap();
    assert!(wakes(&fixture.store, &other).await);

    let pool = sqlx::PgPool::connect(fixture.url()).await.unwrap();
    let cut: i64 = sqlx::query_scalar(CUT).fetch_one(&pool).await.unwrap();
    assert!(cut > 0, "somebody listened");
    assert!(wakes(&fixture.store, &other).await);
    pool.close().await;
}

#[tokio::test]
async fn what_a_dead_process_had_claimed_is_done_at_once_by_the_next_one_that_serves_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite { path: folder.path().join("kosmo.db") };
    let clock = clock();
    let dead = Store::open_serving(&database).await.unwrap();
    dead.migrate().await.unwrap();
    dead.enqueue_job(&job(json!(1), &clock), clock.now()).await.unwrap();
    assert_eq!(dead.claim_due_jobs("dead", &["mail"], Duration::from_mins(1), 1, clock.now()).await.unwrap().len(), 1);
    assert!(dead.hold_lease("bare", Uuid::from_u128(1), Duration::from_mins(1), clock.now()).await.unwrap());

    let beside = Store::open(&database).await.unwrap();
    assert_eq!(beside.take_over().await.unwrap(), 0, "a command beside a server takes nothing from it");
    assert!(beside.claim_due_jobs("beside", &["mail"], Duration::from_mins(1), 1, clock.now()).await.unwrap().is_empty());
    beside.close().await;
    dead.close().await;
    drop((dead, beside));

    let next = Store::open_serving(&database).await.unwrap();
    assert_eq!(next.take_over().await.unwrap(), 1);
    assert_eq!(next.claim_due_jobs("next", &["mail"], Duration::from_mins(1), 1, clock.now()).await.unwrap().len(), 1);
    assert!(next.hold_lease("bare", Uuid::from_u128(2), Duration::from_mins(1), clock.now()).await.unwrap());
    next.close().await;
}

#[tokio::test]
async fn what_another_process_has_claimed_in_postgres_stays_its_own() {
    let fixture = stores::postgres().await;
    let clock = clock();
    fixture.store.enqueue_job(&job(json!(1), &clock), clock.now()).await.unwrap();
    assert_eq!(fixture.store.claim_due_jobs("alive", &["mail"], Duration::from_mins(1), 1, clock.now()).await.unwrap().len(), 1);
    let other = Store::open_serving(&fixture.database).await.unwrap();
    assert_eq!(other.take_over().await.unwrap(), 0);
    assert!(other.claim_due_jobs("other", &["mail"], Duration::from_mins(1), 1, clock.now()).await.unwrap().is_empty());
    other.close().await;
}

/// A clock that counts how often it is looked at.
struct Watched {
    clock: ManualClock,
    looks: watch::Sender<u32>,
}

impl Clock for Watched {
    fn now(&self) -> Timestamp {
        self.looks.send_modify(|looks| *looks += 1);
        self.clock.now()
    }
}

#[tokio::test]
async fn a_worker_whom_nobody_wakes_looks_for_jobs_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite { path: folder.path().join("kosmo.db") };
    let store = Store::open(&database).await.unwrap();
    store.migrate().await.unwrap();
    let watched = Arc::new(Watched { clock: ManualClock::at(at("2026-04-12T12:00:00Z")), looks: watch::Sender::new(0) });
    let (clock, mut looks) = (clock(), watched.looks.subscribe());
    // Far off: the worker asks for the time to know how long there is nothing to do.
    let later = NewJob { run_at: clock.now().plus(Duration::from_hours(9)), ..job(json!("later"), &clock) };
    store.enqueue_job(&later, clock.now()).await.unwrap();
    let (done, mut ran) = mpsc::unbounded_channel();
    let worker = Worker::new(store.clone(), watched, "test", &["mail"], move |job: Job| {
        let done = done.clone();
        async move { done.send(job.payload).map_err(|_| Failure::Never("nobody looks".to_owned())) }
    });
    let shutdown = CancellationToken::new();
    let running = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { worker.run(shutdown).await }
    });
    // Once when it looked for what is due, and once when it had found nothing.
    time::timeout(PATIENCE, looks.wait_for(|looks| *looks >= 2)).await.unwrap().unwrap();

    // As a command does beside the process that serves from the file, which hears nothing of it.
    let beside = Store::open(&database).await.unwrap();
    beside.enqueue_job(&job(json!("now"), &clock), clock.now()).await.unwrap();

    assert_eq!(time::timeout(PATIENCE * 2, ran.recv()).await.unwrap(), Some(json!("now")));
    shutdown.cancel();
    time::timeout(PATIENCE, running).await.unwrap().unwrap();
}
