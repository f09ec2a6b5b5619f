//! The queue of jobs.

use crate::stores::at;
use kosmo_domain::Timestamp;
use kosmo_store::{
    Constraint, Error,
    jobs::{Completed, Job, NewJob, Retry},
};
use serde_json::json;
use std::{collections::HashSet, time::Duration};

const LEASE: Duration = Duration::from_mins(1);

fn noon() -> Timestamp {
    at("2026-04-12T12:00:00Z")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn rollup(key: &str, run_at: Timestamp) -> NewJob {
    NewJob { kind: "rollup", dedupe_key: Some(key.to_owned()), payload: json!({ "key": key }), run_at }
}

async fn claim(store: &kosmo_store::Store, now: Timestamp) -> Vec<Job> {
    store.claim_due_jobs("worker", &["rollup", "purge"], LEASE, 100, now).await.unwrap()
}

fn keys(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().filter_map(|job| job.dedupe_key.as_deref()).collect()
}

store_test! {
    async fn jobs_are_claimed_when_due_longest_due_first(store: Store) {
        for (key, delay) in [("late", 30), ("soon", 10), ("now", 0)] {
            store.enqueue_job(&rollup(key, noon().plus(seconds(delay))), noon()).await.unwrap();
        }
        assert_eq!(store.next_job_due(&["rollup"]).await.unwrap(), Some(noon()));
        let due = claim(&store, noon().plus(seconds(10))).await;
        assert_eq!(keys(&due), ["now", "soon"]);
        assert_eq!((due[0].payload.clone(), due[0].attempts), (json!({ "key": "now" }), 1));
        assert!(claim(&store, noon().plus(seconds(10))).await.is_empty());
        assert_eq!(store.next_job_due(&["rollup"]).await.unwrap(), Some(noon().plus(seconds(30))));
        assert_eq!(store.complete_job(&due[0]).await.unwrap(), Completed::Done);
        assert_eq!(store.complete_job(&due[0]).await.unwrap(), Completed::Lost);
        assert_eq!(store.jobs(false, None, 10).await.unwrap().len(), 2);
    }

    async fn a_worker_gets_its_kinds_and_no_more_than_it_wants(store: Store) {
        for key in ["a", "b", "c"] {
            store.enqueue_job(&rollup(key, noon()), noon()).await.unwrap();
        }
        assert!(store.claim_due_jobs("worker", &["mail"], LEASE, 10, noon()).await.unwrap().is_empty());
        assert!(store.claim_due_jobs("worker", &[], LEASE, 10, noon()).await.unwrap().is_empty());
        assert_eq!(store.next_job_due(&["mail"]).await.unwrap(), None);
        assert_eq!(keys(&store.claim_due_jobs("worker", &["mail", "rollup"], LEASE, 2, noon()).await.unwrap()), ["a", "b"]);
    }

    async fn of_pending_jobs_with_one_key_there_is_one_at_the_earlier_time(store: Store) {
        store.enqueue_job(&rollup("a", noon().plus(seconds(20))), noon()).await.unwrap();
        store.enqueue_job(&rollup("a", noon().plus(seconds(10))), noon()).await.unwrap();
        store.enqueue_job(&NewJob { payload: json!("newest"), ..rollup("a", noon().plus(seconds(30))) }, noon()).await.unwrap();
        store.enqueue_job(&NewJob { kind: "purge", ..rollup("a", noon()) }, noon()).await.unwrap();
        for _ in 0..2 {
            store.enqueue_job(&NewJob { dedupe_key: None, ..rollup("", noon()) }, noon()).await.unwrap();
        }
        let listed = store.jobs(false, None, 10).await.unwrap();
        assert_eq!(listed.len(), 4);
        let deduped = listed.iter().find(|job| job.kind == "rollup" && job.dedupe_key.is_some()).unwrap();
        assert_eq!((deduped.run_at, deduped.payload.as_str()), (noon().plus(seconds(10)), "\"newest\""));
    }

    async fn no_two_workers_get_the_same_job(store: Store) {
        for number in 0..40 {
            store.enqueue_job(&rollup(&number.to_string(), noon()), noon()).await.unwrap();
        }
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let store = store.clone();
            workers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let jobs = store.claim_due_jobs("worker", &["rollup"], LEASE, 3, noon()).await.unwrap();
                    if jobs.is_empty() {
                        return mine;
                    }
                    mine.extend(jobs.into_iter().map(|job| job.id));
                }
            });
        }
        let claimed = workers.join_all().await.concat();
        assert_eq!(claimed.len(), 40);
        assert_eq!(claimed.into_iter().collect::<HashSet<_>>().len(), 40);
    }

    async fn a_job_whose_worker_vanished_is_claimed_again_and_the_first_worker_has_lost_it(store: Store) {
        store.enqueue_job(&rollup("a", noon()), noon()).await.unwrap();
        let first = claim(&store, noon()).await.remove(0);
        assert!(store.extend_job(&first, LEASE, noon().plus(seconds(30))).await.unwrap());
        assert_eq!(store.next_job_due(&["rollup"]).await.unwrap(), Some(noon().plus(seconds(90))));
        assert!(claim(&store, noon().plus(seconds(89))).await.is_empty());

        let after = noon().plus(seconds(90));
        let second = claim(&store, after).await.remove(0);
        assert_eq!((second.id, second.attempts), (first.id, 2));
        assert!(!store.extend_job(&first, LEASE, after).await.unwrap());
        assert!(!store.fail_job(&first, "too late", Retry::Never, after).await.unwrap());
        assert_eq!(store.complete_job(&first).await.unwrap(), Completed::Lost);
        assert_eq!(store.complete_job(&second).await.unwrap(), Completed::Done);
    }

    async fn a_job_enqueued_while_it_runs_runs_once_more_at_its_new_time(store: Store) {
        store.enqueue_job(&rollup("a", noon()), noon()).await.unwrap();
        let running = claim(&store, noon()).await.remove(0);
        for delay in [9, 5, 7] {
            store.enqueue_job(&rollup("a", noon().plus(seconds(delay))), noon()).await.unwrap();
        }
        assert!(claim(&store, noon().plus(seconds(20))).await.is_empty());
        assert_eq!(store.complete_job(&running).await.unwrap(), Completed::Again);
        assert!(claim(&store, noon().plus(seconds(4))).await.is_empty());
        let again = claim(&store, noon().plus(seconds(5))).await.remove(0);
        assert_eq!((again.id, again.attempts), (running.id, 1));
        assert_eq!(store.complete_job(&again).await.unwrap(), Completed::Done);
        assert!(store.jobs(false, None, 10).await.unwrap().is_empty());
    }

    async fn a_failed_job_waits_and_is_given_up_visibly(store: Store) {
        store.enqueue_job(&rollup("a", noon()), noon()).await.unwrap();
        let job = claim(&store, noon()).await.remove(0);
        let later = noon().plus(seconds(5));
        assert!(store.fail_job(&job, "no luck", Retry::At(later), noon()).await.unwrap());
        assert!(claim(&store, noon()).await.is_empty());
        let listed = store.jobs(false, None, 10).await.unwrap().remove(0);
        assert_eq!((listed.last_error.as_deref(), listed.attempts, listed.worker), (Some("no luck"), 1, None));

        let job = claim(&store, later).await.remove(0);
        assert_eq!(job.attempts, 2);
        assert!(store.fail_job(&job, "a\0b", Retry::Never, later).await.unwrap());
        assert!(claim(&store, later.plus(LEASE * 2)).await.is_empty());
        assert!(store.jobs(false, None, 10).await.unwrap().is_empty());
        let dead = store.jobs(true, None, 10).await.unwrap().remove(0);
        assert_eq!((dead.dead_at, dead.last_error.as_deref(), dead.attempts), (Some(later), Some("a b"), 2));
        assert!(store.jobs(true, Some(dead.id), 10).await.unwrap().is_empty());

        assert_eq!(store.purge_dead_jobs(later).await.unwrap(), 0);
        assert_eq!(store.purge_dead_jobs(later.plus(seconds(1))).await.unwrap(), 1);
    }

    async fn a_job_enqueued_while_it_fails_for_good_is_tried_afresh(store: Store) {
        store.enqueue_job(&rollup("a", noon()), noon()).await.unwrap();
        let job = claim(&store, noon()).await.remove(0);
        store.enqueue_job(&rollup("a", noon().plus(seconds(5))), noon()).await.unwrap();
        assert!(store.fail_job(&job, "no luck", Retry::Never, noon()).await.unwrap());
        assert!(store.jobs(true, None, 10).await.unwrap().is_empty());
        assert_eq!(claim(&store, noon().plus(seconds(5))).await[0].attempts, 1);
    }

    async fn a_dead_job_is_taken_up_again_unless_another_has_its_key(store: Store) {
        store.enqueue_job(&rollup("a", noon()), noon()).await.unwrap();
        let job = claim(&store, noon()).await.remove(0);
        store.fail_job(&job, "no luck", Retry::Never, noon()).await.unwrap();
        store.enqueue_job(&rollup("a", noon()), noon()).await.unwrap();
        let refused = store.requeue_job(job.id, noon()).await;
        assert!(matches!(refused, Err(Error::Conflict(Constraint::Job))), "{refused:?}");

        let other = claim(&store, noon()).await.remove(0);
        store.complete_job(&other).await.unwrap();
        assert!(store.requeue_job(job.id, noon()).await.unwrap());
        assert!(!store.requeue_job(job.id, noon()).await.unwrap());
        let again = claim(&store, noon()).await.remove(0);
        assert_eq!((again.id, again.attempts), (job.id, 1));
    }
}
