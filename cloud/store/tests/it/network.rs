//! How the network fares: what came in, who is silent, which services run.

use crate::{
    outbound::{ANA, HUT, Outbox, commit, direct, handed_over, join},
    spools::{Spool, in_packet, node, note},
    stores::at,
};
use kosmo_domain::{DAY, Metric, NodeId, PacketId, Plan, Timestamp};
use kosmo_store::{
    Secret, Store,
    ingest::{Heard, NodeReport, RadioStats, Reception, Record},
    messages::{GatewayRecord, InboundText, Receipt},
    network::{FIRST_GAPS, Kind, NotReady, RejectHour, ServiceRun, SilentFrom, Width},
    rejects::{NewReject, RejectFilter},
};
use std::time::Duration;
use uuid::Uuid;

const STATION: NodeId = NodeId::from_number(0xa1b2_c3d4);
const WARM: [(Metric, f64); 1] = [(Metric::Temperature, 21.5)];

fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn minutes(minutes: u64) -> Timestamp {
    noon().plus(Duration::from_mins(minutes))
}

/// Returns what was counted: minutes after noon, kind, number.
async fn counted(store: &Store, width: Width) -> Vec<(u64, Kind, u64)> {
    let traffic = store.traffic(width, Timestamp::EPOCH).await.unwrap();
    traffic.rows.iter().map(|row| (row.at.since(noon()).as_secs() / 60, row.kind, row.number)).collect()
}

/// Has a node speak this often, every so many minutes from noon on, and returns when it last did.
async fn speaks(store: &Store, spool: &mut Spool, who: NodeId, times: u64, every: u64) -> Timestamp {
    for time in 0..times {
        let record = spool.reading(who, minutes(time * every), &WARM);
        store.ingest(&[record], minutes(time * every)).await.unwrap();
    }
    minutes((times - 1) * every)
}

async fn silent(store: &Store, now: Timestamp) -> Vec<(NodeId, u64)> {
    let rows = store.silent_nodes(now, now.minus(DAY * 30), None, 100).await.unwrap();
    rows.into_iter().map(|row| (row.node, row.usual_gap.as_secs())).collect()
}

fn refused<'a>(topic: &'a str, code: &'a str) -> NewReject<'a> {
    NewReject { record: None, topic, payload: b"x", whole: true, code, field: "", detail: "it is so" }
}

store_test! {
    async fn what_is_stored_is_counted_once_by_minute_and_by_hour(store: Store) {
        let (mut roof, mut cellar) = (Spool::of("roof"), Spool::of("cellar"));
        let first = in_packet(roof.reading(STATION, noon(), &WARM), STATION, 7, noon(), 1.0);
        let user = in_packet(roof.user(STATION, noon(), "Ana", None), STATION, 7, noon(), 1.0);
        let other = in_packet(roof.reading(STATION, minutes(1), &WARM), STATION, 8, minutes(1), 1.0);
        store.ingest(&[first.clone(), user, roof.rejected("not_json")], minutes(0)).await.unwrap();
        store.ingest(&[first.clone(), other], minutes(1)).await.unwrap();
        // What another bridge heard as well is no news.
        let again = in_packet(cellar.reading(STATION, noon(), &WARM), STATION, 7, noon(), 1.0);
        store.ingest(&[again], minutes(2)).await.unwrap();

        let by_minute = [(0, Kind::Packet, 1), (0, Kind::Reading, 1), (0, Kind::Reject, 1), (1, Kind::Packet, 1), (1, Kind::Reading, 1)];
        assert_eq!(counted(&store, Width::Minute).await, by_minute);
        assert_eq!(counted(&store, Width::Hour).await, [(0, Kind::Packet, 2), (0, Kind::Reading, 2), (0, Kind::Reject, 1)]);
        let traffic = store.traffic(Width::Minute, minutes(1)).await.unwrap();
        assert_eq!((traffic.known_since, traffic.rows.len()), (Some(noon()), 2));
    }

    async fn nothing_is_known_of_the_time_before_the_first_count(store: Store) {
        let traffic = store.traffic(Width::Hour, Timestamp::EPOCH).await.unwrap();
        assert_eq!((traffic.known_since, traffic.rows.as_slice()), (None, &[][..]));
    }

    async fn many_records_of_one_batch_and_of_batches_side_by_side_add_up(store: Store) {
        let batch = |bridge: &'static str, first: u32| -> Vec<Record> {
            let mut spool = Spool::of(bridge);
            (0..50).map(|n| in_packet(spool.reading(node(first + n), noon(), &WARM), node(first + n), 9, noon(), 1.0)).collect()
        };
        let (roof, cellar, barn) = (batch("roof", 100), batch("cellar", 200), batch("barn", 300));
        let (a, b, c) = tokio::join!(store.ingest(&roof, noon()), store.ingest(&cellar, noon()), store.ingest(&barn, noon()));
        a.unwrap();
        b.unwrap();
        c.unwrap();
        assert_eq!(counted(&store, Width::Hour).await, [(0, Kind::Packet, 150), (0, Kind::Reading, 150)]);
    }

    async fn texts_are_counted_when_they_are_heard_for_somebody_and_when_they_were_sent(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let mut roof = Outbox::of("roof");
        let message = handed_over(&store, &mut roof, 1, 70).await;
        let sent = |roof: &mut Outbox| roof.receipt(message, Receipt::Transmitted, minutes(0));
        let (first, second) = (sent(&mut roof), sent(&mut roof));
        commit(&store, &[first, second]).await;
        let mut cellar = Outbox::of("cellar");
        commit(&store, &[roof.heard(direct(9, HUT, 5, "hello"), minutes(0))]).await;
        commit(&store, &[cellar.heard(direct(10, HUT, 5, "hello"), minutes(0))]).await;
        let counted = counted(&store, Width::Hour).await;
        let of = |kind| counted.iter().find(|row| row.1 == kind).map(|row| row.2);
        assert_eq!((of(Kind::TextSent), of(Kind::TextHeard)), (Some(1), Some(1)));
    }

    async fn who_is_heard_by_texts_alone_is_in_the_registry_with_every_bridge_that_heard(store: Store) {
        let (mut roof, mut cellar) = (Outbox::of("roof"), Outbox::of("cellar"));
        let heard = |snr_db, at| {
            let reception = Reception { at, snr_db: Some(snr_db), rssi_dbm: None, hops_away: Some(2), relay_node: None, via_mqtt: false };
            Some(Heard { from: HUT, id: PacketId(5), reception })
        };
        // The talk of a channel is kept nowhere, and tells all the same who speaks.
        let talk = |id| InboundText { to: NodeId::BROADCAST, to_bridge: false, ..direct(id, HUT, 5, "hello") };
        let first = GatewayRecord { heard: heard(1.5, minutes(0)), ..roof.heard(talk(9), minutes(0)) };
        let second = GatewayRecord { heard: heard(-7.0, minutes(1)), ..cellar.heard(talk(10), minutes(1)) };
        commit(&store, std::slice::from_ref(&first)).await;
        commit(&store, &[second, first]).await;
        let detail = store.node(HUT).await.unwrap().unwrap();
        assert_eq!((detail.node.first_heard, detail.node.last_heard), (minutes(0), minutes(1)));
        let by: Vec<_> = detail.receptions.iter().map(|row| (row.bridge.as_str(), row.reception.snr_db, row.reception.hops_away)).collect();
        assert_eq!(by, [("cellar", Some(-7.0), Some(2)), ("roof", Some(1.5), Some(2))]);
    }

    async fn rejects_are_counted_by_reason_topic_and_hour_even_when_they_are_no_longer_kept(store: Store) {
        let now = minutes(30);
        store.add_rejects(&[refused("kosmo/mesh/reading/roof", "not_json"), refused("<b>/a/b/c", "unknown_topic")], now).await.unwrap();
        store.add_rejects(&[refused("kosmo/mesh/reading/cellar", "not_json")], minutes(50)).await.unwrap();
        store.add_rejects(&[refused("kosmo/mesh/reading/cellar", "not_json")], minutes(70)).await.unwrap();
        store.purge_rejects(minutes(80), 0).await.unwrap();
        let row = |at, code: &str, topic: &str, number| RejectHour { at, code: code.to_owned(), topic: topic.to_owned(), number };
        let expect = [row(noon(), "not_json", "reading", 2), row(noon(), "unknown_topic", "other", 1), row(minutes(60), "not_json", "reading", 1)];
        assert_eq!(store.reject_hours(Timestamp::EPOCH).await.unwrap(), expect);
        assert_eq!(store.reject_hours(minutes(60)).await.unwrap().len(), 1);
    }

    async fn a_record_that_is_sent_again_is_counted_as_refused_once(store: Store) {
        let record = Spool::of("roof").rejected("not_json");
        for _ in 0..3 {
            store.ingest(std::slice::from_ref(&record), noon()).await.unwrap();
        }
        assert_eq!(counted(&store, Width::Hour).await, [(0, Kind::Reject, 1)]);
    }

    async fn counts_are_given_up_when_they_are_old(store: Store) {
        store.add_rejects(&[refused("kosmo/mesh/reading/roof", "not_json")], noon()).await.unwrap();
        assert_eq!(store.purge_traffic(noon().plus(DAY)).await.unwrap(), 0);
        assert_eq!(store.purge_traffic(noon().plus(DAY * 3)).await.unwrap(), 1);
        assert_eq!(counted(&store, Width::Minute).await, []);
        assert_eq!(store.purge_traffic(noon().plus(DAY * 91)).await.unwrap(), 2);
        assert_eq!(counted(&store, Width::Hour).await, []);
    }

    async fn what_was_refused_is_listed_without_what_it_said(store: Store) {
        let record = Record { notes: vec![note("out_of_range", "body.metrics.iaq")], ..Spool::of("roof").reading(STATION, noon(), &WARM) };
        store.ingest(&[record], noon()).await.unwrap();
        store.add_rejects(&[refused("elsewhere", "unknown_topic")], noon()).await.unwrap();
        let heads = store.reject_heads(&RejectFilter::default(), None, 10).await.unwrap();
        assert_eq!((heads[0].code.as_str(), heads[0].topic, heads[0].bridge.as_ref(), heads[0].whole), ("unknown_topic", "other", None, true));
        let bridge = heads[1].bridge.as_ref().map(kosmo_domain::BridgeId::as_str);
        assert_eq!((heads[1].code.as_str(), heads[1].topic, bridge, heads[1].whole), ("out_of_range", "reading", Some("roof"), false));
        assert_eq!(heads[1].field, "body.metrics.iaq");
        assert_eq!(store.reject_heads(&RejectFilter::default(), Some(heads[0].id), 10).await.unwrap(), heads[1..]);
        let of_code = RejectFilter { code: Some("unknown_topic".to_owned()), ..RejectFilter::default() };
        assert_eq!(store.reject_heads(&of_code, None, 10).await.unwrap(), heads[..1]);
    }

    async fn a_node_is_missed_after_four_of_its_own_usual_gaps(store: Store) {
        let (mut spool, slow) = (Spool::of("roof"), node(0xb));
        let often = speaks(&store, &mut spool, STATION, 20, 10).await;
        let seldom = speaks(&store, &mut spool, slow, 10, 60).await;
        assert_eq!(silent(&store, often.plus(Duration::from_mins(40))).await, []);
        assert_eq!(silent(&store, often.plus(Duration::from_mins(41))).await, [(STATION, 600)]);
        assert_eq!(silent(&store, seldom.plus(Duration::from_hours(4))).await, [(STATION, 600)]);
        assert_eq!(silent(&store, seldom.plus(Duration::from_mins(241))).await, [(slow, 3600), (STATION, 600)]);

        let now = seldom.plus(Duration::from_mins(241));
        let rows = store.silent_nodes(now, now.minus(DAY * 30), None, 1).await.unwrap();
        assert_eq!((rows.len(), rows[0].node, rows[0].last_heard, rows[0].metrics.as_slice()), (1, slow, seldom, &[Metric::Temperature][..]));
        let from = SilentFrom { last_heard: rows[0].last_heard, node: rows[0].node };
        let rest = store.silent_nodes(now, now.minus(DAY * 30), Some(from), 10).await.unwrap();
        assert_eq!(rest.iter().map(|row| row.node).collect::<Vec<_>>(), [STATION]);
        assert!(store.silent_nodes(now, seldom.plus(Duration::from_mins(1)), None, 10).await.unwrap().is_empty(), "gone for good");
    }

    async fn what_was_heard_too_seldom_to_have_a_habit_is_not_missed(store: Store) {
        let mut spool = Spool::of("roof");
        let last = speaks(&store, &mut spool, STATION, u64::from(FIRST_GAPS), 10).await;
        assert_eq!(silent(&store, last.plus(DAY)).await, []);
        store.ingest(&[spool.reading(STATION, last.plus(Duration::from_mins(10)), &WARM)], noon()).await.unwrap();
        assert_eq!(silent(&store, last.plus(DAY)).await, [(STATION, 600)]);
    }

    async fn what_comes_in_one_breath_is_no_gap_and_one_long_absence_teaches_little(store: Store) {
        let mut spool = Spool::of("roof");
        let last = speaks(&store, &mut spool, STATION, 20, 10).await;
        for second in 1..30 {
            let record = spool.reading(STATION, last.plus(Duration::from_secs(second)), &WARM);
            store.ingest(&[record], last).await.unwrap();
        }
        let last = last.plus(Duration::from_secs(29));
        assert_eq!(silent(&store, last.plus(Duration::from_mins(41))).await, [(STATION, 600)]);
        let back = last.plus(DAY * 3);
        store.ingest(&[spool.reading(STATION, back, &WARM)], back).await.unwrap();
        assert_eq!(silent(&store, back.plus(DAY)).await, [(STATION, 1050)]);
    }

    async fn late_readings_change_no_habit(store: Store) {
        let mut spool = Spool::of("roof");
        let last = speaks(&store, &mut spool, STATION, 20, 10).await;
        store.ingest(&[spool.reading(STATION, noon().minus(DAY), &WARM)], last).await.unwrap();
        assert_eq!(silent(&store, last.plus(DAY)).await, [(STATION, 600)]);
    }

    async fn radios_tell_what_they_count_of_the_air(store: Store) {
        let stats = RadioStats { channel_utilization_pct: 12.5, air_util_tx_pct: 1.5, nodes_online: 7, ..RadioStats::default() };
        let record = Spool::of("roof").report(STATION, noon(), NodeReport::RadioStats(stats));
        store.ingest(&[record], noon()).await.unwrap();
        let told = store.radio_stats(&[STATION, node(0xb)]).await.unwrap();
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [(STATION, (stats, noon()))]);
        assert!(store.radio_stats(&[]).await.unwrap().is_empty());
    }

    async fn services_are_listed_until_they_say_farewell_or_are_long_gone(store: Store) {
        let of = |run: u128, service: &str, seen: Timestamp| ServiceRun {
            run: Uuid::from_u128(run),
            service: service.to_owned(),
            version: "1.2.3".to_owned(),
            started_at: noon(),
            seen_at: seen,
            not_ready: vec![NotReady { name: "broker".to_owned(), reason: "is not connected".to_owned() }],
        };
        store.note_services(&[of(1, "weather", noon()), of(1, "web", noon())], Timestamp::EPOCH).await.unwrap();
        store.note_services(&[of(2, "web", minutes(1))], Timestamp::EPOCH).await.unwrap();
        let well = ServiceRun { not_ready: Vec::new(), ..of(1, "web", minutes(2)) };
        store.note_services(std::slice::from_ref(&well), Timestamp::EPOCH).await.unwrap();
        assert_eq!(store.services().await.unwrap(), [of(1, "weather", noon()), well, of(2, "web", minutes(1))]);
        store.note_services(&[], minutes(1)).await.unwrap();
        store.forget_services(Uuid::from_u128(2)).await.unwrap();
        let left: Vec<_> = store.services().await.unwrap().into_iter().map(|run| run.service).collect();
        assert_eq!(left, ["web"]);
    }

    async fn bridges_with_a_login_come_in_pages(store: Store) {
        let secret = Secret::from_random([1; 32]).hash();
        for name in ["c", "a", "b", "gone"] {
            store.add_bridge(&name.parse().unwrap(), &secret, noon()).await.unwrap();
        }
        store.revoke_bridge(&"gone".parse().unwrap(), noon()).await.unwrap();
        let first = store.bridges_page(None, 2).await.unwrap();
        let rest = store.bridges_page(Some(&first[1].id), 2).await.unwrap();
        assert_eq!(first.iter().chain(&rest).map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
