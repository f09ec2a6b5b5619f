//! Steps that several of these stories take.

use kosmo_domain::{NodeId, Timestamp};
use kosmo_sim::region;
use kosmo_tests::{Air, BridgeProcess, Footing, Setup, System, until};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, time::Duration};

pub(crate) const ANA: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const BEN: &str = "22222222-2222-2222-2222-222222222222";
pub(crate) const CLEO: &str = "33333333-3333-3333-3333-333333333333";
pub(crate) const DORA: &str = "44444444-4444-4444-4444-444444444444";

/// Settings under which members are who they say, and may write as fast as a test does.
pub(crate) const MEMBERS: &str = "[auth]\ndev_header = true\n\n[gateway]\nburst = 1000\nper_minute = 600\n\n";

/// A cloud with a member of each plan: ana wanders, ben guards one node, cleo has sanctuary, dora is free.
pub(crate) async fn cloud_of_members(folder: &Path, footing: Footing, setup: Setup) -> System {
    let settings = format!("{MEMBERS}{}", setup.settings);
    let cloud = System::with(folder, footing, Setup { settings, ..setup }).await;
    let listed = region::LENA.to_string();
    for arguments in [
        vec!["user", "add", "ana", "--plan", "wanderer", "--id", ANA],
        vec!["user", "add", "ben", "--plan", "guardian", "--id", BEN, "--node", &listed],
        vec!["user", "add", "cleo", "--plan", "sanctuary", "--id", CLEO],
        vec!["user", "add", "dora", "--plan", "free", "--id", DORA],
    ] {
        let output = cloud.command(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    cloud
}

/// Gives a bridge a login and starts it beside this radio.
pub(crate) async fn attach(cloud: &mut System, air: &Air, radio: usize, id: &str) -> BridgeProcess {
    let mut bridge = cloud.bridge(id).await;
    bridge.start(air.mesh.radio(radio).address(), cloud.address("mqtt"));
    air.attached(radio).await;
    bridge
}

/// Lets a station send these temperatures, a minute apart and ending now, and returns them by time.
pub(crate) fn send_series(air: &Air, station: NodeId, end: Timestamp, temperatures: &[f32]) -> BTreeMap<String, f64> {
    let first = end.minus(Duration::from_mins(1) * u32::try_from(temperatures.len()).unwrap());
    let mut sent = BTreeMap::new();
    for (minute, &temperature) in (1..).zip(temperatures) {
        let at = first.plus(Duration::from_mins(1) * minute);
        air.send_temperature(station, at, temperature);
        sent.insert(at.to_string(), f64::from(temperature));
    }
    sent
}

/// Sends a series that is longer than the queue in which a radio keeps what its client has not taken: ten at a time, once these
/// radios have handed over those before.
pub(crate) async fn send_long_series(
    air: &Air,
    radios: &[usize],
    station: NodeId,
    end: Timestamp,
    temperatures: &[f32],
) -> BTreeMap<String, f64> {
    let mut sent = BTreeMap::new();
    for (place, chunk) in temperatures.chunks(10).enumerate() {
        let left = temperatures.len() - place * 10 - chunk.len();
        let end_of_chunk = end.minus(Duration::from_mins(1) * u32::try_from(left).unwrap());
        sent.extend(send_series(air, station, end_of_chunk, chunk));
        let last = (station, u32::try_from(end_of_chunk.as_seconds()).unwrap());
        until("the radios have handed it over", || {
            let all = radios.iter().all(|radio| air.handed_over(*radio).contains(&last));
            std::future::ready(all.then_some(()))
        })
        .await;
    }
    sent
}

/// Returns what the API has of a node: temperature by time, and fails if anything is there twice.
pub(crate) async fn stored(cloud: &System, node: NodeId, around: Timestamp) -> BTreeMap<String, f64> {
    let readings = cloud.readings(node, around).await;
    let count = readings.len();
    let by_time: BTreeMap<_, _> =
        readings.iter().map(|reading| (reading["at"].as_str().unwrap().to_owned(), reading["temperature_c"].as_f64().unwrap())).collect();
    assert_eq!(by_time.len(), count, "a reading is there twice");
    by_time
}

/// Waits until the API has exactly these temperatures of a node.
pub(crate) async fn expect_stored(cloud: &System, node: NodeId, around: Timestamp, expected: &BTreeMap<String, f64>) {
    until(&format!("{node} has {} readings", expected.len()), || async {
        (stored(cloud, node, around).await.len() >= expected.len()).then_some(())
    })
    .await;
    assert_eq!(&stored(cloud, node, around).await, expected);
}

pub(crate) fn text_to(node: NodeId, text: &str) -> String {
    json!({"target_node_id": node.to_string(), "text": text}).to_string()
}

/// Sends a text that is expected to be accepted, and returns where its status is told.
pub(crate) async fn accepted(cloud: &System, member: &str, node: NodeId, text: &str) -> String {
    accepted_by(cloud, "gateway", member, node, text).await
}

/// Sends a text through this one of several gateways.
pub(crate) async fn accepted_by(cloud: &System, gateway: &str, member: &str, node: NodeId, text: &str) -> String {
    let (status, location, body) = cloud.send_to(gateway, member, None, text_to(node, text)).await;
    assert_eq!(status, 202, "{body}");
    location.expect("what is accepted has a place")
}

/// Waits until a text's status is as wanted, and returns all that is known of it.
pub(crate) async fn wait_for(cloud: &System, member: &str, location: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let found = tokio::time::timeout(Duration::from_mins(2), async {
        loop {
            let (_, message) = cloud.read(member, location).await;
            if wanted(&message) {
                return message;
            }
            last = message;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    found.unwrap_or_else(|_| panic!("waited in vain; the text is still at {last:#}"))
}
