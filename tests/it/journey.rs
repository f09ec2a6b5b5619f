//! The journey of a reading through real processes: radio, bridge, broker, ingestion, store, API.

use crate::steps::{expect_stored, send_series};
use kosmo_tests::{Air, System, now, on_both_footings, until};
use std::time::Duration;

on_both_footings! {
    async fn two_bridges_hear_the_same_packets_and_each_reading_is_stored_once(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let air = Air::silent(2).await;
        let mut bridges = Vec::new();
        for id in ["north", "south"] {
            bridges.push(cloud.bridge(id).await);
        }
        for (radio, bridge) in bridges.iter_mut().enumerate() {
            bridge.start(air.mesh.radio(radio).address(), cloud.address("mqtt"));
            air.attached(radio).await;
        }
        let (station, now) = (air.stations()[0], now());

        let sent = send_series(&air, station, now, &[20.5, 21.0, 21.5, 22.0]);

        expect_stored(&cloud, station, now, &sent).await;
        let receptions = until("both receptions are known", || async {
            let node = cloud.json("weather", &format!("/api/v1/nodes/{station}")).await;
            let receptions = node["receptions"].as_array().unwrap().clone();
            (receptions.len() == 2).then_some(receptions)
        })
        .await;
        let mut heard_by: Vec<_> = receptions.iter().map(|reception| reception["bridge_id"].as_str().unwrap()).collect();
        heard_by.sort_unstable();
        assert_eq!(heard_by, ["north", "south"]);
        let latest = cloud.json("weather", &format!("/api/v1/weather/latest?node_id={station}")).await;
        assert_eq!(latest["data"][0]["temperature_c"], 22.0);
    }
}

on_both_footings! {
    async fn a_bridge_without_its_cloud_keeps_what_it_hears_and_delivers_it_once(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let air = Air::silent(1).await;
        let mut bridge = cloud.bridge("roof").await;
        bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        let (station, now) = (air.stations()[0], now());
        let mut expected = send_series(&air, station, now.minus(Duration::from_hours(2)), &[18.0, 18.5, 19.0]);
        expect_stored(&cloud, station, now, &expected).await;

        cloud.kill_all();
        expected.extend(send_series(&air, station, now.minus(Duration::from_hours(1)), &[20.0, 20.5, 21.0, 21.5]));
        until("the radio has handed everything over", || std::future::ready((air.handed_over(0).len() == 7).then_some(()))).await;
        bridge.stop().await;
        bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        expected.extend(send_series(&air, station, now, &[22.0, 22.5]));
        cloud.restart_all().await;

        expect_stored(&cloud, station, now, &expected).await;
        assert!(cloud.stop().await, "{}", cloud.log());
    }
}

on_both_footings! {
    async fn records_of_a_spool_begun_anew_are_not_taken_for_old_ones(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let air = Air::silent(1).await;
        let mut bridge = cloud.bridge("roof").await;
        bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        let (station, now) = (air.stations()[0], now());
        let mut expected = send_series(&air, station, now.minus(Duration::from_hours(1)), &[10.0, 11.0]);
        expect_stored(&cloud, station, now, &expected).await;

        bridge.stop().await;
        bridge.lose_spool();
        bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        expected.extend(send_series(&air, station, now, &[12.0, 13.0]));

        expect_stored(&cloud, station, now, &expected).await;
    }
}
