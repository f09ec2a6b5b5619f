//! A clock that leaps ten years ahead and comes back.

use crate::{
    outbound::{ANA, join, message, text},
    spools::Spool,
    stores::at,
};
use kosmo_domain::{DAY, HOUR, Metric, NodeId, Plan, Timestamp};
use kosmo_store::{
    jobs::NewJob,
    messages::NewMessage,
    weather::{Bucket, Keep},
};
use std::time::Duration;

const NODE: NodeId = NodeId::from_number(0xa1b2_c3d4);
const KIND: &str = "something";

fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn ten_years_later() -> Timestamp {
    noon().plus(DAY * 3652)
}

store_test! {
    async fn a_clock_that_leaps_has_nothing_given_up(store: Store) {
        let keep = Keep::default();
        assert_eq!(store.retention_time(ten_years_later(), DAY).await.unwrap(), None, "nothing is old where nothing was heard");
        store.ingest(&[Spool::of("roof").reading(NODE, noon(), &[(Metric::Temperature, 21.5)])], noon()).await.unwrap();
        store.run_rollups(100).await.unwrap();
        assert_eq!(store.retention_time(noon(), Duration::ZERO).await.unwrap(), Some(noon()));
        for hour in 1..=10 {
            let now = store.retention_time(ten_years_later().plus(HOUR * hour), DAY).await.unwrap().unwrap();
            assert_eq!(now, noon().plus(DAY * hour), "a day for each hour, at most");
            let purged = store.purge_weather(&keep, now, 1000).await.unwrap();
            assert_eq!((purged.readings, purged.receptions), (0, 0));
        }
        let now = noon().plus(HOUR * 11);
        assert_eq!(store.retention_time(now, DAY).await.unwrap(), Some(now), "it is never later than the clock");
        // What comes late is summarised as ever.
        store.ingest(&[Spool::of("cellar").reading(NODE, noon().plus(Duration::from_mins(5)), &[(Metric::Temperature, 22.5)])], now).await.unwrap();
        store.run_rollups(100).await.unwrap();
        let hours = store.rollups(NODE, Bucket::Hour, noon(), noon().plus(HOUR), None, 10).await.unwrap().unwrap();
        assert_eq!(hours[0].rollup.readings(), 2);
    }

    async fn what_a_clock_that_leapt_has_left_for_a_day_to_come_is_due(store: Store) {
        let later = ten_years_later();
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let new = NewMessage { deadline: later.plus(HOUR), ..text(1, "written by a clock that was wrong") };
        store.accept_message(&new, later).await.unwrap();
        let job = NewJob { kind: KIND, dedupe_key: None, payload: serde_json::Value::Null, run_at: later };
        store.enqueue_job(&job, later).await.unwrap();
        store.ingest(&[Spool::of("roof").reading(NODE, noon(), &[(Metric::Temperature, 21.5)])], later).await.unwrap();

        let now = noon().plus(HOUR * 3);
        assert_eq!(store.messages_to_offer(now, 10).await.unwrap(), []);
        assert_eq!(store.claim_due_jobs("test", &[KIND], HOUR, 10, now).await.unwrap(), []);
        assert_eq!(store.run_due_rollups(now, 10).await.unwrap().hours, 0);

        assert!(store.settle_time(now).await.unwrap() >= 3);
        assert_eq!(store.settle_time(now).await.unwrap(), 0, "once");
        let row = message(&store, new.id).await;
        assert_eq!((row.created_at, row.deadline), (now, now.plus(HOUR)), "it has the hour that it was to have");
        assert_eq!(store.messages_to_offer(now, 10).await.unwrap().len(), 1);
        assert_eq!(store.claim_due_jobs("test", &[KIND], HOUR, 10, now).await.unwrap().len(), 1);
        assert_eq!(store.run_due_rollups(now.plus(Duration::from_mins(1)), 10).await.unwrap().hours, 1);
    }

    async fn what_is_dated_far_ahead_gives_way_to_what_is_measured_now(store: Store) {
        let (mut spool, later) = (Spool::of("roof"), ten_years_later());
        store.ingest(&[spool.reading(NODE, later, &[(Metric::Temperature, -40.0)])], later).await.unwrap();
        store.ingest(&[spool.reading(NODE, noon(), &[(Metric::Temperature, 21.5)])], noon()).await.unwrap();
        let latest = store.latest(Some(NODE)).await.unwrap();
        let values: Vec<_> = latest[0].values.iter().map(|value| (value.metric, value.value, value.at)).collect();
        assert_eq!(values, [(Metric::Temperature, 21.5, noon())]);
    }
}
