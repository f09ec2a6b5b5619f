//! The registry of nodes: who they say they are, where they are, and under which ids and keys they were heard.

use crate::{
    spools::{NEW, Spool, in_packet, node},
    stores::at,
};
use kosmo_domain::{DAY, Metric, Metrics, NodeId, Position, Timestamp};
use kosmo_store::{
    Store,
    ingest::{Heard, Neighbor, NodeReport, RadioStats, Reception, Record, Traceroute, User},
    weather::{BridgeReception, Bucket, NodeDetail, NodeListing},
};
use std::time::Duration;

const OLD: NodeId = NodeId::from_number(0x4daa_1001);
const NEW_ID: NodeId = NodeId::from_number(0x4daa_2002);

fn hours(hours: u64) -> Timestamp {
    at("2026-06-01T12:00:00Z").plus(Duration::from_secs(3600 * hours))
}

async fn detail(store: &Store, node: NodeId) -> NodeDetail {
    store.node(node).await.unwrap().unwrap()
}

store_test! {
    async fn old_ways_between_nodes_are_given_up(store: Store) {
        let mut spool = Spool::of("roof");
        let way = |to| Traceroute { to, route: vec![], snr_towards_db: vec![], route_back: vec![], snr_back_db: vec![] };
        let old = spool.report(OLD, hours(0), NodeReport::Traceroute(way(NEW_ID)));
        let later = spool.report(OLD, hours(0).plus(DAY * 80), NodeReport::Traceroute(way(node(9))));
        store.ingest(&[old, later], hours(0)).await.unwrap();
        assert_eq!(store.purge_traceroutes(hours(0).plus(DAY * 89)).await.unwrap(), 0);
        assert_eq!(store.purge_traceroutes(hours(0).plus(DAY * 91)).await.unwrap(), 1);
        let left: Vec<_> = store.traceroutes(None, None, 10).await.unwrap().into_iter().map(|row| row.way.to).collect();
        assert_eq!(left, [node(9)]);
    }

    async fn an_unknown_node_is_none(store: Store) {
        assert_eq!(store.node(OLD).await.unwrap(), None);
        assert_eq!(store.readings(OLD, hours(0), hours(1), None, 10).await.unwrap(), None);
        assert_eq!(store.rollups(OLD, Bucket::Day, hours(0), hours(1), None, 10).await.unwrap(), None);
        assert!(store.latest(Some(OLD)).await.unwrap().is_empty() && store.latest(None).await.unwrap().is_empty());
        assert!(store.list_nodes(None, Timestamp::EPOCH, 10).await.unwrap().is_empty());
    }

    async fn what_a_node_says_of_itself_is_kept(store: Store) {
        let mut spool = Spool::of("roof");
        let name = "<img src=x onerror=alert(1)> \u{202e}\0";
        let user = User {
            long_name: Some(name.to_owned()),
            short_name: Some("🌧".to_owned()),
            hardware: Some("T_DECK".to_owned()),
            role: Some("CLIENT".to_owned()),
            public_key: Some([7; 32]),
            licensed: false,
            unmessagable: true,
        };
        let place = Position::new(50.93, 6.95, Some(53.0)).unwrap();
        let stats = RadioStats { uptime_s: 75, packets_tx: 3, noise_floor_dbm: Some(-98), ..RadioStats::default() };
        let route = Traceroute { to: NEW_ID, route: vec![node(9)], snr_towards_db: vec![Some(6.0), None], route_back: vec![], snr_back_db: vec![Some(-3.25)] };
        let neighbors = vec![Neighbor { node: NEW_ID, snr_db: 6.5 }, Neighbor { node: node(9), snr_db: f32::NAN }];
        let batch = [
            NodeReport::User(user),
            NodeReport::Position { position: place, precision_bits: Some(13) },
            NodeReport::RadioStats(stats),
            NodeReport::Neighbors(neighbors),
            NodeReport::Traceroute(route.clone()),
        ]
        .map(|report| spool.report(OLD, hours(0), report));
        assert_eq!(store.ingest(&batch, hours(1)).await.unwrap(), vec![NEW; 5]);

        let known = detail(&store, OLD).await;
        assert_eq!(known.node.long_name.as_deref(), Some("<img src=x onerror=alert(1)> \u{202e} "));
        assert_eq!((known.node.short_name.as_deref(), known.node.hardware.as_deref()), (Some("🌧"), Some("T_DECK")));
        assert_eq!((known.node.licensed, known.node.unmessagable, known.node.public_key), (Some(false), Some(true), Some([7; 32])));
        let position = known.node.position.unwrap();
        assert_eq!((position.position, position.precision_bits, position.at), (place, Some(13), hours(0)));
        assert_eq!(known.radio_stats, Some((stats, hours(0))));
        assert_eq!(known.neighbors.iter().map(|n| (n.node, n.snr_db)).collect::<Vec<_>>(), [(NEW_ID, 6.5)]);
        assert_eq!(known.traceroutes, [(route, hours(0))]);
    }

    async fn an_older_report_changes_nothing(store: Store) {
        let mut spool = Spool::of("roof");
        let place = |latitude| NodeReport::Position { position: Position::new(latitude, 6.0, None).unwrap(), precision_bits: None };
        let later = [spool.user(OLD, hours(5), "Later", None), spool.report(OLD, hours(5), place(51.0))];
        let earlier = [spool.user(OLD, hours(1), "Earlier", None), spool.report(OLD, hours(1), place(50.0))];
        store.ingest(&later, hours(6)).await.unwrap();
        store.ingest(&earlier, hours(6)).await.unwrap();
        let node = detail(&store, OLD).await.node;
        assert_eq!((node.long_name.as_deref(), node.position.map(|p| p.position.latitude())), (Some("Later"), Some(51.0)));
        assert_eq!((node.first_heard, node.last_heard), (hours(1), hours(5)));
    }

    async fn what_a_radio_remembers_is_shown_but_is_no_reading(store: Store) {
        let mut spool = Spool::of("roof");
        let mut device = Metrics::NONE;
        device.set(Metric::Battery, 78.0).unwrap();
        let link = NodeReport::Link { snr_db: Some(6.25), hops_away: Some(0), via_mqtt: false };
        let batch = [spool.report(OLD, hours(0), NodeReport::Device(device)), spool.report(OLD, hours(0), link)];
        store.ingest(&batch, hours(1)).await.unwrap();
        let latest = store.latest(Some(OLD)).await.unwrap();
        assert_eq!(latest[0].values.iter().map(|v| (v.metric, v.value, v.at)).collect::<Vec<_>>(), [(Metric::Battery, 78.0, hours(0))]);
        assert_eq!(store.readings(OLD, hours(0), hours(9), None, 10).await.unwrap(), Some(Vec::new()));
        let receptions = detail(&store, OLD).await.receptions;
        assert_eq!((receptions.len(), receptions[0].reception.snr_db, receptions[0].reception.hops_away), (1, Some(6.25), Some(0)));
    }

    async fn a_node_under_a_new_id_with_its_old_key_keeps_its_history(store: Store) {
        let (mut spool, rain) = (Spool::of("roof"), [(Metric::Rain, 0.5)]);
        let before = [spool.user(OLD, hours(0), "Roof", Some(7)), in_packet(spool.reading(OLD, hours(0), &rain), OLD, 1, hours(0), 2.0)];
        store.ingest(&before, hours(0)).await.unwrap();
        // Under its new id it is heard as a stranger first; one of its readings is summarised before it shows its key.
        store.ingest(&[spool.reading(NEW_ID, hours(24), &rain)], hours(24)).await.unwrap();
        while store.run_rollups(100).await.unwrap().more {}
        let after = [spool.user(NEW_ID, hours(25), "Roof", Some(7)), in_packet(spool.reading(NEW_ID, hours(25), &rain), NEW_ID, 2, hours(25), 3.0)];
        store.ingest(&after, hours(25)).await.unwrap();
        // An old packet that comes late is the same node's, too.
        store.ingest(&[spool.reading(OLD, hours(1), &rain)], hours(26)).await.unwrap();
        while store.run_rollups(100).await.unwrap().more {}

        let nodes = store.list_nodes(None, Timestamp::EPOCH, 10).await.unwrap();
        assert_eq!(nodes.iter().map(|node| node.node.node).collect::<Vec<_>>(), [NEW_ID]);
        let known = detail(&store, OLD).await;
        assert_eq!(known, detail(&store, NEW_ID).await);
        assert_eq!((known.node.first_heard, known.node.key_changed_at), (hours(0), None));
        let keyed: Vec<_> = known.identities.iter().filter(|i| i.public_key.is_some()).map(|i| (i.node, i.first_heard)).collect();
        assert_eq!(keyed, [(NEW_ID, hours(25)), (OLD, hours(0))]);
        let times = store.readings(NEW_ID, hours(0), hours(99), None, 10).await.unwrap().unwrap().iter().map(|row| row.at).collect::<Vec<_>>();
        assert_eq!(times, [hours(0), hours(1), hours(24), hours(25)]);
        let days = store.rollups(NEW_ID, Bucket::Day, Timestamp::EPOCH, Timestamp::MAX, None, 10).await.unwrap().unwrap();
        assert_eq!(days.iter().map(|day| day.rollup.primary(Metric::Rain)).collect::<Vec<_>>(), [Some(1.0), Some(1.0)]);
        assert_eq!(store.latest(None).await.unwrap().iter().map(|latest| (latest.node, latest.at)).collect::<Vec<_>>(), [(NEW_ID, hours(25))]);
    }

    async fn a_changed_key_is_noted_and_stays_the_same_node(store: Store) {
        let mut spool = Spool::of("roof");
        store.ingest(&[spool.user(OLD, hours(0), "Roof", Some(7))], hours(0)).await.unwrap();
        store.ingest(&[spool.user(OLD, hours(9), "Roof", Some(8))], hours(9)).await.unwrap();
        store.ingest(&[spool.user(OLD, hours(3), "Roof", Some(7))], hours(10)).await.unwrap();
        let known = detail(&store, OLD).await;
        assert_eq!((known.node.public_key, known.node.key_changed_at), (Some([8; 32]), Some(hours(9))));
        let keys: Vec<_> = known.identities.iter().filter_map(|identity| identity.public_key).map(|key| key[0]).collect();
        assert_eq!(keys, [8, 7]);
    }

    async fn names_link_nothing_and_neither_does_a_stolen_key(store: Store) {
        let mut spool = Spool::of("roof");
        let (victim, thief) = (node(0x1111), node(0x2222));
        let keyed = [spool.user(victim, hours(0), "Roof", Some(7)), spool.user(thief, hours(0), "Roof", Some(8))];
        store.ingest(&keyed, hours(0)).await.unwrap();
        // One that has a key of its own, and one that has a history of weeks, are not taken for another node.
        let old_station = node(0x3333);
        store.ingest(&[spool.reading(old_station, hours(0), &[(Metric::Rain, 1.0)])], hours(0)).await.unwrap();
        let later = hours(24 * 30);
        let claims = [spool.user(thief, later, "Roof", Some(7)), spool.user(old_station, later, "Roof", Some(7))];
        store.ingest(&claims, later).await.unwrap();
        assert_eq!(store.list_nodes(None, Timestamp::EPOCH, 10).await.unwrap().len(), 3);
        assert_eq!(detail(&store, victim).await.node.key_changed_at, None);
        assert_eq!(detail(&store, thief).await.node.key_changed_at, Some(later));
        assert_eq!(store.readings(old_station, Timestamp::EPOCH, later.plus(DAY), None, 9).await.unwrap().unwrap().len(), 1);
    }

    async fn nodes_are_listed_by_page(store: Store) {
        let mut spool = Spool::of("roof");
        let batch: Vec<_> = [0xffff_fffe, 9, 0x8000_0000, 4, 77].map(|number| spool.user(node(number), hours(0), "x", None)).into();
        store.ingest(&batch, hours(0)).await.unwrap();
        store.ingest(&[spool.user(node(9), hours(2), "x", None)], hours(2)).await.unwrap();
        let ids = |rows: Vec<NodeListing>| rows.into_iter().map(|row| row.node.node.number()).collect::<Vec<_>>();
        assert_eq!(ids(store.list_nodes(None, Timestamp::EPOCH, 3).await.unwrap()), [4, 9, 77]);
        assert_eq!(ids(store.list_nodes(Some(node(77)), Timestamp::EPOCH, 3).await.unwrap()), [0x8000_0000, 0xffff_fffe]);
        assert_eq!(ids(store.list_nodes(None, hours(1), 3).await.unwrap()), [9]);
    }

    async fn what_crossed_a_broker_does_not_take_the_place_of_what_a_radio_heard(store: Store) {
        let (mut roof, mut hill) = (Spool::of("roof"), Spool::of("hill"));
        let over_mqtt = |record: Record| {
            let heard = record.heard.map(|heard| Heard { reception: Reception { snr_db: None, via_mqtt: true, ..heard.reception }, ..heard });
            Record { heard, ..record }
        };
        let reading = |spool: &mut Spool, id: u32, hour: u64, snr| in_packet(spool.reading(OLD, hours(hour), &[(Metric::Battery, 80.0)]), OLD, id, hours(hour), snr);
        let batch = [
            reading(&mut roof, 1, 1, 6.0),
            over_mqtt(reading(&mut roof, 2, 3, 0.0)),
            reading(&mut hill, 3, 2, -9.5),
            over_mqtt(reading(&mut hill, 4, 1, 0.0)),
        ];
        for record in &batch {
            store.ingest(std::slice::from_ref(record), hours(4)).await.unwrap();
        }
        let heard = |receptions: &[BridgeReception]| {
            receptions.iter().map(|r| (r.bridge.to_string(), r.reception.via_mqtt, r.reception.at, r.reception.snr_db)).collect::<Vec<_>>()
        };
        let expect = [
            ("roof".to_owned(), true, hours(3), None),
            ("hill".to_owned(), false, hours(2), Some(-9.5)),
            ("hill".to_owned(), true, hours(1), None),
            ("roof".to_owned(), false, hours(1), Some(6.0)),
        ];
        assert_eq!(heard(&detail(&store, OLD).await.receptions), expect);
        let listed = store.list_nodes(None, Timestamp::EPOCH, 10).await.unwrap();
        assert_eq!(heard(&listed[0].receptions), expect);
        assert_eq!(listed[0].latest.iter().map(|v| (v.metric, v.value, v.at)).collect::<Vec<_>>(), [(Metric::Battery, 80.0, hours(3))]);
    }

    async fn who_hears_a_node_is_told_by_any_id_it_had_and_by_name(store: Store) {
        let mut spool = Spool::of("roof");
        let hears = |snr_db| NodeReport::Neighbors(vec![Neighbor { node: OLD, snr_db }]);
        let route = Traceroute { to: node(3), route: vec![node(2)], snr_towards_db: vec![], route_back: vec![], snr_back_db: vec![] };
        let batch = [
            spool.user(OLD, hours(0), "Roof", Some(7)),
            spool.user(node(1), hours(0), "One", None),
            spool.user(node(3), hours(0), "Three", None),
            spool.report(node(1), hours(0), hears(4.5)),
            spool.report(node(2), hours(1), hears(-3.0)),
            spool.user(NEW_ID, hours(2), "Roof", Some(7)),
            spool.report(NEW_ID, hours(2), NodeReport::Traceroute(route)),
            spool.report(NEW_ID, hours(2), hears(1.0)),
        ];
        store.ingest(&batch, hours(3)).await.unwrap();
        let known = detail(&store, NEW_ID).await;
        let heard_by: Vec<_> = known.heard_by.iter().map(|row| (row.node.number(), row.snr_db, row.at)).collect();
        assert_eq!(heard_by, [(2, -3.0, hours(1)), (1, 4.5, hours(0))], "a node that changed its id does not hear itself");
        let names: Vec<_> = known.names.iter().map(|name| (name.node, name.long_name.as_deref())).collect();
        assert_eq!(names, [(node(1), Some("One")), (node(3), Some("Three")), (OLD, Some("Roof"))]);
    }

    async fn a_forger_of_keys_makes_no_answer_endless(store: Store) {
        let mut spool = Spool::of("roof");
        let batch: Vec<_> = (0..130_u8).map(|key| spool.user(OLD, hours(u64::from(key)), "Roof", Some(key))).collect();
        store.ingest(&batch, hours(200)).await.unwrap();
        let keys = detail(&store, OLD).await.identities;
        assert_eq!((keys.len(), keys[0].public_key), (100, Some([129; 32])));
    }
}
