//! Latest values and history, raw and summarised, and what is given up after a while.

use crate::{
    spools::{Spool, in_packet, node},
    stores::{self, Fixture, at},
};
use kosmo_domain::{DAY, METRICS, Metric, NodeId, Timestamp};
use kosmo_store::{
    Store,
    ingest::ROLLUP_JOB,
    weather::{Bucket, Keep, RollupRow},
};
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const NODE: NodeId = NodeId::from_number(0xa1b2_c3d4);

fn minutes(minutes: u64) -> Timestamp {
    at("2026-06-01T12:00:00Z").plus(Duration::from_secs(60 * minutes))
}

async fn run_rollups(store: &Store) {
    while store.run_rollups(7).await.unwrap().more {}
}

async fn summaries(store: &Store, bucket: Bucket) -> Vec<RollupRow> {
    store.rollups(NODE, bucket, Timestamp::EPOCH, Timestamp::MAX, None, 1000).await.unwrap().unwrap()
}

store_test! {
    async fn each_metric_is_latest_at_its_own_time(store: Store) {
        let mut spool = Spool::of("roof");
        store.ingest(&[spool.reading(NODE, minutes(10), &[(Metric::Temperature, 20.0), (Metric::Humidity, 50.0)])], minutes(11)).await.unwrap();
        store.ingest(&[spool.reading(NODE, minutes(20), &[(Metric::Temperature, 0.0)])], minutes(21)).await.unwrap();
        // A late reading changes only what is older than it.
        let late = [(Metric::Temperature, 15.0), (Metric::Humidity, 55.0), (Metric::Co2, 600.0)];
        store.ingest(&[spool.reading(NODE, minutes(15), &late)], minutes(22)).await.unwrap();
        let latest = store.latest(Some(NODE)).await.unwrap();
        assert_eq!((latest.len(), latest[0].node, latest[0].at), (1, NODE, minutes(20)));
        let values: Vec<_> = latest[0].values.iter().map(|v| (v.metric, v.value, v.at)).collect();
        assert_eq!(values, [
            (Metric::Temperature, 0.0, minutes(20)),
            (Metric::Humidity, 55.0, minutes(15)),
            (Metric::Co2, 600.0, minutes(15)),
        ]);
        assert_eq!(store.latest(None).await.unwrap(), latest);
    }

    async fn history_ascends_by_page_and_ends_before_its_end(store: Store) {
        let mut spool = Spool::of("roof");
        let batch: Vec<_> = [40, 10, 30, 20, 50].map(|n| spool.reading(NODE, minutes(n), &[(Metric::Humidity, n as f64)])).into();
        store.ingest(&batch, minutes(60)).await.unwrap();
        let page = async |after, limit| {
            let rows = store.readings(NODE, minutes(10), minutes(50), after, limit).await.unwrap().unwrap();
            rows.iter().map(|row| row.at.since(minutes(0)).as_secs() / 60).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 100).await, [10, 20, 30, 40]);
        assert_eq!(page(None, 2).await, [10, 20]);
        assert_eq!(page(Some(minutes(20)), 100).await, [30, 40]);
        assert!(page(Some(minutes(49)), 100).await.is_empty());
        assert_eq!(store.readings(NODE, minutes(100), minutes(200), None, 9).await.unwrap(), Some(Vec::new()));
    }

    async fn hours_and_days_are_summarised(store: Store) {
        let mut spool = Spool::of("roof");
        let values = |temperature, rain, window, uptime| {
            [(Metric::Temperature, temperature), (Metric::Rain, rain), (Metric::Rain24h, window), (Metric::Uptime, uptime)]
        };
        let batch = [
            spool.reading(NODE, minutes(50), &values(10.0, 0.5, 8.0, 1000.0)),
            spool.reading(NODE, minutes(70), &values(20.0, 0.0, 8.0, 2200.0)),
            spool.reading(NODE, minutes(80), &values(18.0, 1.0, 9.0, 100.0)),
        ];
        store.ingest(&batch, minutes(90)).await.unwrap();
        run_rollups(&store).await;
        let primary = |rows: &[RollupRow], metric| rows.iter().map(|row| row.rollup.primary(metric)).collect::<Vec<_>>();
        let (hours, days) = (summaries(&store, Bucket::Hour).await, summaries(&store, Bucket::Day).await);
        assert_eq!(hours.iter().map(|row| row.at).collect::<Vec<_>>(), [minutes(0), minutes(60)]);
        assert_eq!(days.iter().map(|row| row.at).collect::<Vec<_>>(), [at("2026-06-01T00:00:00Z")]);
        assert_eq!((primary(&hours, Metric::Temperature), primary(&days, Metric::Temperature)), (vec![Some(10.0), Some(19.0)], vec![Some(16.0)]));
        assert_eq!((primary(&hours, Metric::Rain), primary(&days, Metric::Rain)), (vec![Some(0.5), Some(1.0)], vec![Some(1.5)]));
        assert_eq!((primary(&hours, Metric::Rain24h), primary(&days, Metric::Rain24h)), (vec![Some(8.0), Some(9.0)], vec![Some(9.0)]));
        assert_eq!((primary(&hours, Metric::Uptime), primary(&days, Metric::Uptime)), (vec![None, Some(1300.0)], vec![Some(1300.0)]));
        assert_eq!(days[0].rollup.readings(), 3);
        assert_eq!(primary(&days, Metric::Humidity), [None]);
    }

    async fn the_hour_that_is_going_on_is_computed_on_the_spot(store: Store) {
        let (mut spool, earlier) = (Spool::of("roof"), at("2026-06-01T03:00:00Z"));
        let rain = async |bucket| summaries(&store, bucket).await.iter().map(|row| row.rollup.primary(Metric::Rain).unwrap()).collect::<Vec<_>>();
        store.ingest(&[spool.reading(NODE, earlier, &[(Metric::Rain, 1.0)]), spool.reading(NODE, minutes(5), &[(Metric::Rain, 2.0)])], minutes(6)).await.unwrap();
        assert_eq!((rain(Bucket::Hour).await, rain(Bucket::Day).await), (vec![1.0, 2.0], vec![3.0]));
        run_rollups(&store).await;
        store.ingest(&[spool.reading(NODE, minutes(15), &[(Metric::Rain, 4.0)])], minutes(16)).await.unwrap();
        assert_eq!((rain(Bucket::Hour).await, rain(Bucket::Day).await), (vec![1.0, 6.0], vec![7.0]));
        let page = store.rollups(NODE, Bucket::Hour, Timestamp::EPOCH, Timestamp::MAX, Some(earlier), 1).await.unwrap().unwrap();
        assert_eq!(page.iter().map(|row| row.at).collect::<Vec<_>>(), [minutes(0)]);
    }

    async fn hours_are_summarised_once_they_are_over_and_late_ones_soon(store: Store) {
        let (mut spool, lease) = (Spool::of("roof"), Duration::from_mins(1));
        let next_job = async || store.next_job_due(&[ROLLUP_JOB]).await.unwrap();
        for n in 1..4 {
            store.ingest(&[spool.reading(NODE, minutes(n), &[(Metric::Humidity, 50.0)])], minutes(n)).await.unwrap();
        }
        assert_eq!(next_job().await, Some(minutes(65)));
        store.ingest(&[spool.reading(NODE, at("2026-05-31T12:30:00Z"), &[(Metric::Humidity, 50.0)])], minutes(4)).await.unwrap();
        let soon = minutes(4).plus(Duration::from_secs(30));
        assert_eq!(next_job().await, Some(soon));

        for (now, hours, next) in [(soon, 1, Some(minutes(65))), (minutes(65), 1, None)] {
            let job = store.claim_due_jobs("test", &[ROLLUP_JOB], lease, 9, now).await.unwrap().remove(0);
            let progress = store.run_due_rollups(now, 100).await.unwrap();
            assert_eq!((progress.hours, progress.more), (hours, false));
            store.complete_job(&job).await.unwrap();
            assert_eq!(next_job().await, next);
        }
    }

    async fn nothing_is_missed_that_comes_while_hours_are_summarised(store: Store) {
        let mut spool = Spool::of("roof");
        let batches: Vec<_> = (0..60).map(|n| [spool.reading(NODE, minutes(n), &[(Metric::Rain, 1.0)])]).collect();
        let done = CancellationToken::new();
        let ingest = async {
            for batch in &batches {
                store.ingest(batch, minutes(60)).await.unwrap();
            }
            done.cancel();
        };
        let summarise = async || {
            while !done.is_cancelled() {
                store.run_rollups(10).await.unwrap();
            }
        };
        tokio::join!(ingest, summarise(), summarise());
        run_rollups(&store).await;
        for bucket in [Bucket::Hour, Bucket::Day] {
            let sums: Vec<_> = summaries(&store, bucket).await.iter().map(|row| row.rollup.primary(Metric::Rain)).collect();
            assert_eq!(sums, [Some(60.0)]);
        }
    }

    async fn what_is_given_up_stays_summarised_and_a_straggler_changes_nothing(store: Store) {
        let (mut spool, keep) = (Spool::of("roof"), Keep { readings: DAY, ..Keep::default() });
        let batch: Vec<_> = (0..48).map(|n| {
            in_packet(spool.reading(NODE, minutes(60 * n), &[(Metric::Rain, 1.0)]), NODE, u32::try_from(n + 1).unwrap(), minutes(60 * n), 1.0)
        }).collect();
        let end = minutes(60 * 48);
        store.ingest(&batch, end).await.unwrap();
        // Nothing is given up that has not been summarised.
        assert_eq!(store.purge_weather(&keep, end, 1000).await.unwrap().readings, 0);
        run_rollups(&store).await;
        let before = (summaries(&store, Bucket::Hour).await, summaries(&store, Bucket::Day).await);

        let mut purged = Vec::new();
        loop {
            let step = store.purge_weather(&keep, end, 10).await.unwrap();
            purged.push(step.readings);
            if !step.more { break; }
        }
        assert_eq!(purged, [10, 10, 4]);
        assert_eq!(store.readings(NODE, Timestamp::EPOCH, end, None, 100).await.unwrap().unwrap().len(), 24);

        store.ingest(&[spool.reading(NODE, minutes(65), &[(Metric::Rain, 100.0)])], end).await.unwrap();
        assert_eq!(store.run_rollups(10).await.unwrap().outdated, 1);
        run_rollups(&store).await;
        assert_eq!((summaries(&store, Bucket::Hour).await, summaries(&store, Bucket::Day).await), before);

        let much_later = end.plus(DAY * 365);
        let purged = store.purge_weather(&keep, much_later, 1000).await.unwrap();
        assert_eq!((purged.readings, purged.receptions, purged.streams), (25, 48, 1));
        assert_eq!(summaries(&store, Bucket::Day).await, before.1);
    }
}

async fn columns(fixture: &Fixture) -> Vec<String> {
    if let Some(path) = fixture.sqlite_path() {
        let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
        let sql = "select name || ' ' || lower(type) from pragma_table_info('readings') order by cid";
        return sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
    }
    let mut connection = PgConnection::connect(fixture.url()).await.unwrap();
    let sql = "select column_name || ' ' || replace(data_type, 'double precision', 'real')
                 from information_schema.columns where table_name = 'readings' order by ordinal_position";
    sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
}

#[tokio::test]
async fn the_columns_of_a_reading_are_the_metrics_in_their_order() {
    let expected: Vec<_> = METRICS.iter().map(|spec| format!("{} real", spec.name)).collect();
    for fixture in [stores::sqlite().await, stores::postgres().await] {
        let columns = columns(&fixture).await;
        assert_eq!(columns[columns.len() - METRICS.len()..], expected);
    }
}

#[tokio::test]
async fn a_day_of_one_node_is_found_by_its_index() {
    let fixture = stores::sqlite().await;
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(fixture.sqlite_path().unwrap())).await.unwrap();
    let sql = "explain query plan select at from readings where node = 1 and at >= 2 and at < 3 order by at";
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
    assert!(plan.len() == 1 && plan[0].3.contains("(node=? AND at>? AND at<?)"), "{plan:?}");
    assert!(fixture.store.node(node(5)).await.unwrap().is_none());
}
