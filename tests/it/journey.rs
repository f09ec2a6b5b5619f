//! The journey of a reading through real processes: radio, bridge, broker, ingestion, store, API.

use kosmo_domain::{NodeId, Timestamp};
use kosmo_tests::{Air, BridgeProcess, Kosmo, now, until};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// A cloud without a radio of its own.
async fn cloud(folder: &Path) -> Kosmo {
    Kosmo::start(&folder.join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await
}

/// Returns what the API has of a node: temperature by time, and fails if anything is there twice.
async fn stored(cloud: &Kosmo, node: NodeId, around: Timestamp) -> BTreeMap<String, f64> {
    let readings = cloud.readings(node, around).await;
    let count = readings.len();
    let by_time: BTreeMap<_, _> =
        readings.iter().map(|reading| (reading["at"].as_str().unwrap().to_owned(), reading["temperature_c"].as_f64().unwrap())).collect();
    assert_eq!(by_time.len(), count, "a reading is there twice");
    by_time
}

/// Waits until the API has exactly these temperatures of a node.
async fn expect_stored(cloud: &Kosmo, node: NodeId, around: Timestamp, expected: &BTreeMap<String, f64>) {
    until(&format!("{node} has {} readings", expected.len()), || async {
        (stored(cloud, node, around).await.len() >= expected.len()).then_some(())
    })
    .await;
    assert_eq!(&stored(cloud, node, around).await, expected);
}

/// Lets a station send these temperatures, a minute apart and ending now, and returns them by time.
fn send_series(air: &Air, station: NodeId, end: Timestamp, temperatures: &[f32]) -> BTreeMap<String, f64> {
    let first = end.minus(Duration::from_mins(1) * u32::try_from(temperatures.len()).unwrap());
    let mut sent = BTreeMap::new();
    for (minute, &temperature) in (1..).zip(temperatures) {
        let at = first.plus(Duration::from_mins(1) * minute);
        air.send_temperature(station, at, temperature);
        sent.insert(at.to_string(), f64::from(temperature));
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_hear_the_same_packets_and_each_reading_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = cloud(folder.path()).await;
    let air = Air::silent(2).await;
    let mut bridges = ["north", "south"].map(|id| BridgeProcess::enrol(&cloud, folder.path(), id));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_without_its_cloud_keeps_what_it_hears_and_delivers_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = cloud(folder.path()).await;
    let mqtt_port = cloud.port("mqtt").to_string();
    let air = Air::silent(1).await;
    let mut bridge = BridgeProcess::enrol(&cloud, folder.path(), "roof");
    bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
    air.attached(0).await;
    let (station, now) = (air.stations()[0], now());
    let mut expected = send_series(&air, station, now.minus(Duration::from_hours(2)), &[18.0, 18.5, 19.0]);
    expect_stored(&cloud, station, now, &expected).await;

    cloud.kill();
    expected.extend(send_series(&air, station, now.minus(Duration::from_hours(1)), &[20.0, 20.5, 21.0, 21.5]));
    until("the radio has handed everything over", || std::future::ready((air.handed_over(0).len() == 7).then_some(()))).await;
    bridge.stop();
    bridge.start(air.mesh.radio(0).address(), &format!("mqtt://127.0.0.1:{mqtt_port}"));
    air.attached(0).await;
    expected.extend(send_series(&air, station, now, &[22.0, 22.5]));
    let mut cloud = restarted_on(cloud, &mqtt_port).await;

    expect_stored(&cloud, station, now, &expected).await;
    assert!(cloud.stop().await, "{}", cloud.log());
}

/// Starts a killed cloud again, with its broker where the bridges look for it.
async fn restarted_on(killed: Kosmo, mqtt_port: &str) -> Kosmo {
    let data = killed.data().to_owned();
    drop(killed);
    Kosmo::start(&data, &["up", "--port-base", "0", "--mqtt-port", mqtt_port]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_spool_begun_anew_are_not_taken_for_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = cloud(folder.path()).await;
    let air = Air::silent(1).await;
    let mut bridge = BridgeProcess::enrol(&cloud, folder.path(), "roof");
    bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
    air.attached(0).await;
    let (station, now) = (air.stations()[0], now());
    let mut expected = send_series(&air, station, now.minus(Duration::from_hours(1)), &[10.0, 11.0]);
    expect_stored(&cloud, station, now, &expected).await;

    bridge.stop();
    bridge.lose_spool();
    bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
    air.attached(0).await;
    expected.extend(send_series(&air, station, now, &[12.0, 13.0]));

    expect_stored(&cloud, station, now, &expected).await;
}
