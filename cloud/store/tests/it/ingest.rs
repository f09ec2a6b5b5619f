//! What becomes of records that bridges deliver: once each, however often and by whomever they come.

use crate::{
    spools::{KNOWN, NEW, Spool, in_packet, metrics, node, note, trusted, without_device_time},
    stores::{self, Fixture, at},
};
use kosmo_domain::{Metric, NodeId, Timestamp, Trust};
use kosmo_store::{
    Store,
    ingest::{MAX_RANGES, NOT_STORABLE, Outcome, Record, SEQ_TOO_LARGE, TOO_MANY_GAPS},
    rejects::RejectFilter,
    weather::ReadingRow,
};
use std::time::Duration;

const NODE: NodeId = NodeId::from_number(0xa1b2_c3d4);
const OTHER: NodeId = NodeId::from_number(0x4daa_1001);

fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn seconds(seconds: u64) -> Timestamp {
    noon().plus(Duration::from_secs(seconds))
}

async fn readings(store: &Store, node: NodeId) -> Vec<ReadingRow> {
    store.readings(node, Timestamp::EPOCH, Timestamp::MAX, None, 1000).await.unwrap().unwrap_or_default()
}

async fn deliver(store: &Store, batch: &[Record]) -> Vec<Outcome> {
    store.ingest(batch, seconds(60)).await.unwrap()
}

store_test! {
    async fn a_reading_is_stored_as_it_was_measured(store: Store) {
        let values = [(Metric::Temperature, -0.1), (Metric::Rain, 0.0), (Metric::Uptime, 4_294_967_295.0)];
        assert_eq!(deliver(&store, &[Spool::of("roof").reading(NODE, noon(), &values)]).await, [NEW]);
        let rows = readings(&store, NODE).await;
        assert_eq!((rows[0].at, rows[0].received_at, rows[0].trust), (noon(), seconds(60), Trust::Claimed));
        assert_eq!(rows[0].metrics, metrics(&values));
        assert_eq!((rows[0].metrics.get(Metric::Rain), rows[0].metrics.get(Metric::Humidity)), (Some(0.0), None));
    }

    async fn every_metric_has_its_column(store: Store) {
        let values: Vec<_> = kosmo_domain::METRICS.iter().enumerate().map(|(n, spec)| (spec.metric, spec.min + (spec.max - spec.min) / (n as f64 + 3.0))).collect();
        let mut spool = Spool::of("roof");
        let batch: Vec<_> = (0..40).map(|n| spool.reading(NODE, seconds(n), &values)).collect();
        deliver(&store, &batch).await;
        let rows = readings(&store, NODE).await;
        assert_eq!(rows.len(), 40);
        assert!(rows.iter().all(|row| row.metrics == metrics(&values)), "{:?}", rows[0].metrics);
    }

    async fn a_packet_that_two_bridges_hear_is_one_reading_with_both_receptions(store: Store) {
        let (mut roof, mut cellar) = (Spool::of("roof"), Spool::of("cellar"));
        let heard = |spool: &mut Spool, second, snr| {
            in_packet(without_device_time(spool.reading(NODE, seconds(second), &[(Metric::Temperature, 21.5)])), NODE, 77, seconds(second), snr)
        };
        assert_eq!(deliver(&store, &[heard(&mut roof, 0, 7.5)]).await, [NEW]);
        assert_eq!(deliver(&store, &[heard(&mut cellar, 3, -12.25), heard(&mut cellar, 90, -12.25)]).await, [KNOWN, KNOWN]);

        assert_eq!(readings(&store, NODE).await.len(), 1);
        let detail = store.node(NODE).await.unwrap().unwrap();
        let bridges: Vec<_> = detail.receptions.iter().map(|r| (r.bridge.as_str(), r.reception.snr_db, r.reception.at)).collect();
        assert_eq!(bridges, [("cellar", Some(-12.25), seconds(90)), ("roof", Some(7.5), seconds(0))]);
        assert_eq!(detail.node.last_heard, seconds(90));
    }

    async fn two_copies_in_one_batch_are_one_reading(store: Store) {
        let (mut roof, mut cellar) = (Spool::of("roof"), Spool::of("cellar"));
        let heard = |spool: &mut Spool, second| {
            in_packet(without_device_time(spool.reading(NODE, seconds(second), &[(Metric::Temperature, 21.5)])), NODE, 77, seconds(second), 1.0)
        };
        let first = heard(&mut roof, 0);
        let batch = [first.clone(), heard(&mut cellar, 3), first];
        assert_eq!(deliver(&store, &batch).await, [NEW, KNOWN, KNOWN]);
        assert_eq!(readings(&store, NODE).await.len(), 1);
    }

    async fn what_is_sent_again_is_stored_once(store: Store) {
        let mut spool = Spool::of("roof");
        let batch: Vec<_> = (0..3).map(|n| spool.reading(NODE, seconds(n), &[(Metric::Humidity, 40.0)])).collect();
        assert_eq!(deliver(&store, &batch).await, [NEW, NEW, NEW]);
        let more = [batch[2].clone(), spool.reading(NODE, seconds(3), &[(Metric::Humidity, 41.0)]), batch[0].clone()];
        assert_eq!(deliver(&store, &more).await, [KNOWN, NEW, KNOWN]);
        assert_eq!(readings(&store, NODE).await.len(), 4);
    }

    async fn a_spool_begun_anew_is_not_taken_for_the_old_one(store: Store) {
        let mut old = Spool::of("roof");
        let mut new = old.begun_anew();
        assert_eq!(deliver(&store, &[old.reading(NODE, seconds(0), &[(Metric::Humidity, 40.0)])]).await, [NEW]);
        assert_eq!(deliver(&store, &[new.reading(NODE, seconds(5), &[(Metric::Humidity, 41.0)])]).await, [NEW]);
        assert_eq!(readings(&store, NODE).await.len(), 2);
    }

    async fn the_same_id_from_two_senders_is_two_packets(store: Store) {
        let mut spool = Spool::of("roof");
        let batch = [NODE, OTHER].map(|node| in_packet(spool.reading(node, noon(), &[(Metric::Humidity, 40.0)]), node, 77, noon(), 1.0));
        assert_eq!(deliver(&store, &batch).await, [NEW, NEW]);
        assert_eq!((readings(&store, NODE).await.len(), readings(&store, OTHER).await.len()), (1, 1));
    }

    async fn packets_without_an_id_are_told_apart_by_what_they_say(store: Store) {
        let (mut roof, mut cellar) = (Spool::of("roof"), Spool::of("cellar"));
        let heard = |spool: &mut Spool, second| in_packet(spool.reading(NODE, seconds(second), &[(Metric::Humidity, 40.0)]), NODE, 0, seconds(50), 1.0);
        assert_eq!(deliver(&store, &[heard(&mut roof, 0), heard(&mut roof, 30)]).await, [NEW, NEW]);
        assert_eq!(deliver(&store, &[heard(&mut cellar, 0), heard(&mut cellar, 30)]).await, [NEW, NEW]);
        assert_eq!(readings(&store, NODE).await.len(), 2);
    }

    async fn an_id_that_comes_again_after_a_day_is_another_packet(store: Store) {
        let mut spool = Spool::of("roof");
        let mut heard = |second| {
            in_packet(without_device_time(spool.reading(NODE, seconds(second), &[(Metric::Humidity, 40.0)])), NODE, 77, seconds(second), 1.0)
        };
        let batch = [heard(0), heard(86_399), heard(2 * 86_400)];
        assert_eq!(store.ingest(&batch, seconds(3 * 86_400)).await.unwrap(), [NEW, KNOWN, NEW]);
        assert_eq!(readings(&store, NODE).await.len(), 2);
    }

    async fn one_packet_may_say_several_things(store: Store) {
        let mut spool = Spool::of("roof");
        let parts = [
            spool.reading(NODE, seconds(0), &[(Metric::Humidity, 40.0)]),
            spool.reading(NODE, seconds(10), &[(Metric::Humidity, 41.0)]),
            spool.user(NODE, seconds(10), "Roof", None),
        ];
        let batch = parts.map(|part| in_packet(part, NODE, 77, seconds(20), 1.0));
        assert_eq!(deliver(&store, &batch).await, [NEW, NEW, NEW]);
        assert_eq!(readings(&store, NODE).await.len(), 2);
        assert_eq!(store.node(NODE).await.unwrap().unwrap().node.long_name.as_deref(), Some("Roof"));
    }

    async fn telemetry_that_comes_in_parts_is_one_reading(store: Store) {
        let mut spool = Spool::of("roof");
        let air = [(Metric::Temperature, 20.0), (Metric::Humidity, 50.0)];
        let batch = [spool.reading(NODE, noon(), &air), spool.reading(NODE, noon(), &[(Metric::Pm25, 8.0)])];
        deliver(&store, &batch).await;
        deliver(&store, &[spool.reading(NODE, noon(), &[(Metric::Battery, 90.0), (Metric::Temperature, 20.5)])]).await;
        let rows = readings(&store, NODE).await;
        let merged = [(Metric::Temperature, 20.5), (Metric::Humidity, 50.0), (Metric::Pm25, 8.0), (Metric::Battery, 90.0)];
        assert_eq!(rows.iter().map(|row| row.metrics).collect::<Vec<_>>(), [metrics(&merged)]);
    }

    async fn what_is_less_trusted_does_not_touch_what_is_more(store: Store) {
        let mut spool = Spool::of("roof");
        deliver(&store, &[spool.reading(NODE, noon(), &[(Metric::Temperature, 60.0), (Metric::Humidity, 1.0)])]).await;
        deliver(&store, &[trusted(spool.reading(NODE, noon(), &[(Metric::Temperature, 20.0)]), Trust::Hmac)]).await;
        deliver(&store, &[spool.reading(NODE, noon(), &[(Metric::Temperature, 61.0), (Metric::Humidity, 2.0)])]).await;
        let rows = readings(&store, NODE).await;
        assert_eq!((rows.len(), rows[0].trust), (1, Trust::Hmac));
        assert_eq!(rows[0].metrics, metrics(&[(Metric::Temperature, 20.0)]));
    }

    async fn refused_fields_are_kept_beside_the_rest(store: Store) {
        let mut spool = Spool::of("roof");
        let reading = spool.reading(NODE, noon(), &[(Metric::Temperature, 20.0)]);
        let partly = Record { notes: vec![note("out_of_range", "humidity_pct")], ..reading };
        let batch = [partly.clone(), spool.rejected("malformed"), partly];
        let rejected = Outcome::Rejected { code: "malformed".to_owned() };
        assert_eq!(deliver(&store, &batch).await, [NEW, rejected, KNOWN]);
        deliver(&store, &batch).await;

        let rejects = store.rejects(&RejectFilter::default(), None, 10).await.unwrap();
        let rows: Vec<_> = rejects.iter().map(|r| (r.code.as_str(), r.field.as_str(), r.whole, r.payload.as_slice())).collect();
        assert_eq!(rows, [("malformed", "", true, &b"record 2"[..]), ("out_of_range", "humidity_pct", false, b"record 1")]);
        assert_eq!(readings(&store, NODE).await.len(), 1);
    }

    async fn a_replay_stores_what_can_now_be_understood(store: Store) {
        let mut spool = Spool::of("roof");
        let heard = |record| in_packet(record, NODE, 77, noon(), 1.0);
        let reading = heard(spool.reading(NODE, noon(), &[(Metric::Temperature, 20.0)]));
        deliver(&store, &[Record { notes: vec![note("out_of_range", "humidity_pct")], ..reading }]).await;
        spool.skip_to(1);
        let understood = heard(spool.reading(NODE, noon(), &[(Metric::Temperature, 20.0), (Metric::Humidity, 50.0)]));
        assert_eq!(store.replay(&understood, seconds(99)).await.unwrap(), NEW);
        let rows = readings(&store, NODE).await;
        assert_eq!((rows.len(), rows[0].metrics.len()), (1, 2));
    }

    async fn a_stream_with_thousands_of_gaps_is_refused_beyond_them(store: Store) {
        let mut spool = Spool::of("roof");
        let gappy: Vec<_> = (0..=MAX_RANGES as u64)
            .map(|n| {
                spool.skip_to(10 * n + 1);
                spool.user(NODE, noon(), "Roof", None)
            })
            .collect();
        let outcomes = deliver(&store, &gappy).await;
        assert!(outcomes[..MAX_RANGES].iter().all(|outcome| *outcome == NEW));
        assert_eq!(outcomes[MAX_RANGES], Outcome::Rejected { code: TOO_MANY_GAPS.to_owned() });
        spool.skip_to(2);
        assert_eq!(deliver(&store, &[spool.user(NODE, noon(), "Roof", None)]).await, [NEW]);
        spool.skip_to(u64::MAX);
        assert_eq!(deliver(&store, &[spool.user(NODE, noon(), "Roof", None)]).await, [Outcome::Rejected { code: SEQ_TOO_LARGE.to_owned() }]);
    }

    async fn two_replicas_that_get_the_same_packets_store_them_once(store: Store) {
        let (mut roof, mut cellar) = (Spool::of("roof"), Spool::of("cellar"));
        for round in 0..5_u32 {
            let heard = |spool: &mut Spool, late: u64| -> Vec<_> {
                let record = |n: u32| {
                    let (node, second) = (node(0x100 + n), u64::from(round * 100) + late);
                    let reading = spool.reading(node, seconds(second), &[(Metric::Humidity, 40.0)]);
                    in_packet(without_device_time(reading), node, 1000 + round, seconds(second), 1.0)
                };
                (0..20).map(record).collect()
            };
            let (first, mut second) = (heard(&mut roof, 0), heard(&mut cellar, 1));
            second.reverse();
            let (a, b, again) = tokio::join!(
                store.ingest(&first, seconds(1000)),
                store.ingest(&second, seconds(1000)),
                store.ingest(&first, seconds(1000))
            );
            let all = [a.unwrap(), b.unwrap(), again.unwrap()].concat();
            assert_eq!(all.iter().filter(|outcome| **outcome == NEW).count(), 20, "round {round}");
        }
        for n in 0..20 {
            assert_eq!(readings(&store, node(0x100 + n)).await.len(), 5);
        }
    }

    async fn an_empty_batch_is_nothing(store: Store) {
        assert!(store.ingest(&[], noon()).await.unwrap().is_empty());
    }
}

async fn a_record_that_the_database_refuses_holds_up_nobody(fixture: Fixture) {
    let (store, mut spool) = (&fixture.store, Spool::of("roof"));
    let batch: Vec<_> = (0..50)
        .map(|n| spool.reading(NODE, seconds(n), &[(Metric::Temperature, if n == 17 || n == 49 { 66.625 } else { 20.0 })]))
        .collect();
    let outcomes = deliver(store, &batch).await;
    let refused: Vec<_> = (0..50).filter(|n| outcomes[*n] == Outcome::Rejected { code: NOT_STORABLE.to_owned() }).collect();
    assert_eq!(refused, [17, 49]);
    assert_eq!(readings(store, NODE).await.len(), 48);
    let rejects = store.rejects(&RejectFilter::default(), None, 10).await.unwrap();
    assert_eq!(rejects.iter().map(|row| row.payload.as_slice()).collect::<Vec<_>>(), [b"record 50", b"record 18"]);
    assert_eq!(deliver(store, &batch).await, vec![KNOWN; 50]);
}

mod a_record_that_the_database_refuses_holds_up_nobody {
    use super::stores;

    #[tokio::test]
    async fn sqlite() {
        let fixture = stores::sqlite().await;
        fixture
            .execute("create trigger poison before insert on readings when new.temperature_c = 66.625 begin select raise(abort, 'no'); end")
            .await;
        super::a_record_that_the_database_refuses_holds_up_nobody(fixture).await;
    }

    #[tokio::test]
    async fn postgres() {
        let fixture = stores::postgres().await;
        fixture.execute("alter table readings add constraint poison check (temperature_c <> 66.625)").await;
        super::a_record_that_the_database_refuses_holds_up_nobody(fixture).await;
    }
}
