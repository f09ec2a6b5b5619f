//! What a map is drawn from: nodes with their newest values, links, and the same hours of many stations.

use crate::{
    spools::{Spool, in_packet, node},
    stores::at,
};
use kosmo_domain::{HOUR, Metric, NodeId, Position, Timestamp};
use kosmo_store::{
    ingest::{Neighbor, NodeReport},
    weather::{Hours, LinkEnd, LinkRow},
};
use std::time::Duration;

fn minutes(minutes: u64) -> Timestamp {
    at("2026-06-01T12:00:00Z").plus(Duration::from_secs(60 * minutes))
}

fn neighbors(of: &[(u32, f32)]) -> NodeReport {
    NodeReport::Neighbors(of.iter().map(|(number, snr_db)| Neighbor { node: node(*number), snr_db: *snr_db }).collect())
}

fn direct(hops_away: u8, via_mqtt: bool) -> NodeReport {
    NodeReport::Link { snr_db: Some(4.5), hops_away: Some(hops_away), via_mqtt }
}

fn ends(links: &[LinkRow]) -> Vec<(u32, String)> {
    let to = |end: &LinkEnd| match end {
        LinkEnd::Node(node) => node.to_string(),
        LinkEnd::Bridge(bridge) => bridge.to_string(),
    };
    links.iter().map(|link| (link.from.number(), to(&link.to))).collect()
}

store_test! {
    async fn a_map_has_each_node_with_its_newest_values_and_those_known_for_longest_first(store: Store) {
        let mut spool = Spool::of("roof");
        let place = NodeReport::Position { position: Position::new(50.93, 6.95, None).unwrap(), precision_bits: Some(13) };
        let batch = [spool.user(node(900), minutes(0), "Roof", None), spool.report(node(900), minutes(1), place)];
        store.ingest(&batch, minutes(2)).await.unwrap();
        let later = [spool.reading(node(900), minutes(5), &[(Metric::Temperature, 20.0)]), spool.user(node(3), minutes(70), "New", None)];
        store.ingest(&later, minutes(70)).await.unwrap();

        let rows = store.map_nodes(None, Timestamp::EPOCH, 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.node.number()).collect::<Vec<_>>(), [900, 3]);
        assert_eq!((rows[0].long_name.as_deref(), rows[0].last_heard), (Some("Roof"), minutes(5)));
        assert_eq!(rows[0].position.unwrap().precision_bits, Some(13));
        assert_eq!(rows[0].values.iter().map(|v| (v.metric, v.value, v.at)).collect::<Vec<_>>(), [(Metric::Temperature, 20.0, minutes(5))]);
        assert!(rows[1].values.is_empty() && rows[1].position.is_none());

        let first = store.map_nodes(None, Timestamp::EPOCH, 1).await.unwrap();
        assert_eq!(store.map_nodes(Some(first[0].place), Timestamp::EPOCH, 9).await.unwrap(), rows[1..]);
        assert_eq!(store.map_nodes(None, minutes(60), 9).await.unwrap(), rows[1..]);
    }

    async fn links_are_what_neighbours_report_and_what_bridges_hear_themselves(store: Store) {
        let (mut roof, mut hill) = (Spool::of("roof"), Spool::of("hill"));
        let batch = [
            roof.report(node(1), minutes(0), neighbors(&[(2, 6.5), (3, -7.0)])),
            roof.report(node(2), minutes(1), neighbors(&[(1, 6.0)])),
            roof.report(node(1), minutes(2), direct(0, false)),
            hill.report(node(1), minutes(3), direct(0, false)),
            roof.report(node(2), minutes(4), direct(1, false)),
            roof.report(node(3), minutes(5), direct(0, true)),
        ];
        store.ingest(&batch, minutes(9)).await.unwrap();
        let all = store.links(None, Timestamp::EPOCH, 100).await.unwrap();
        let text = |from: u32, to: &str| (from, to.to_owned());
        let expect = [text(2, "!00000001"), text(3, "!00000001"), text(1, "!00000002"), text(1, "hill"), text(1, "roof")];
        assert_eq!(ends(&all), expect);
        assert_eq!((all[1].snr_db, all[1].at), (Some(-7.0), minutes(0)));
        assert_eq!((all[4].snr_db, all[4].at), (Some(4.5), minutes(2)));

        for size in 1..5 {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = store.links(after.as_ref(), Timestamp::EPOCH, size).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last.place.clone());
                pages.extend(page);
            }
            assert_eq!(pages, all, "in pages of {size}");
        }
        assert_eq!(ends(&store.links(None, minutes(1), 100).await.unwrap()), expect[2..]);
    }

    async fn frames_have_the_hours_of_every_station_that_measured_it(store: Store) {
        let mut spool = Spool::of("roof");
        let wind = |direction| [(Metric::WindDirection, direction), (Metric::WindSpeed, 3.0)];
        let (windy, warm, late): (NodeId, NodeId, NodeId) = (node(5), node(4), node(6));
        let batch = [
            spool.reading(windy, minutes(0), &wind(350.0)),
            spool.reading(windy, minutes(30), &wind(20.0)),
            spool.reading(windy, minutes(130), &wind(90.0)),
            in_packet(spool.reading(warm, minutes(0), &[(Metric::Temperature, 20.0)]), warm, 7, minutes(0), 1.0),
            spool.reading(late, minutes(600), &wind(180.0)),
        ];
        store.ingest(&batch, minutes(600)).await.unwrap();
        while store.run_rollups(100).await.unwrap().more {}

        let hours = Hours { from: minutes(0), count: 3 };
        let metrics = [Metric::WindSpeed, Metric::WindDirection];
        let frames = store.frames(&metrics, hours, None, 10).await.unwrap();
        assert_eq!(frames.iter().map(|frame| frame.node).collect::<Vec<_>>(), [windy, late]);
        assert_eq!(frames[0].series[0], [Some(3.0), None, Some(3.0)]);
        let directions: Vec<_> = frames[0].series[1].iter().map(|value| value.map(f64::round)).collect();
        assert_eq!(directions, [Some(5.0), None, Some(90.0)], "north lies between 350 and 20 degrees");
        assert!(frames[1].series.iter().flatten().all(Option::is_none), "it measured after these hours");

        assert_eq!(store.frames(&metrics, hours, Some(frames[0].place), 10).await.unwrap(), frames[1..]);
        assert_eq!(store.frames(&metrics, hours, None, 1).await.unwrap(), frames[..1]);
        assert_eq!(hours.end(), minutes(0).plus(HOUR * 3));
        let temperature = store.frames(&[Metric::Temperature], hours, None, 10).await.unwrap();
        assert_eq!((temperature.len(), &temperature[0].series[0]), (1, &vec![Some(20.0), None, None]));
        assert!(store.frames(&[Metric::Co2], hours, None, 10).await.unwrap().is_empty());
    }

    async fn the_newest_values_of_all_nodes_come_in_pages(store: Store) {
        let mut spool = Spool::of("roof");
        let batch: Vec<_> = [0xffff_fffe, 9, 4].map(|number| spool.reading(node(number), minutes(1), &[(Metric::Rain, 1.0)])).into();
        store.ingest(&batch, minutes(1)).await.unwrap();
        let ids = async |after: Option<NodeId>, limit| {
            store.latest_page(after, limit).await.unwrap().iter().map(|latest| latest.node.number()).collect::<Vec<_>>()
        };
        assert_eq!(ids(None, 2).await, [4, 9]);
        assert_eq!(ids(Some(node(9)), 2).await, [0xffff_fffe]);
    }
}
