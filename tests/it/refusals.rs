//! What a hostile or broken neighbour sends: each thing ends in a counter and a reject with its reason, and holds up nobody.

use bytes::Bytes;
use kosmo_mqtt::{Client, Event, Login, Message, Options};
use kosmo_sim::Trouble;
use kosmo_tests::{Air, BridgeProcess, System, now, on_both_footings, until};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// Connects with the login of a bridge, as a program would that is no bridge of ours.
async fn connect_as(cloud: &System, bridge: &BridgeProcess, id: &str, shutdown: &CancellationToken) -> Client {
    let mut options = Options::new(cloud.address("mqtt").parse().unwrap(), id);
    options.login = Some(Login { name: id.to_owned(), password: bridge.secret() });
    let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), shutdown.clone()).unwrap();
    while !matches!(incoming.next().await, Some(Event::Connected { .. })) {}
    drop(incoming);
    client
}

fn record(seq: u64, body: &Value) -> Value {
    json!({
        "v": 1, "bridge": "odd", "epoch": "0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d", "stream": "ingest", "seq": seq,
        "heard_at": now().to_string(), "body": body
    })
}

fn reading(metrics: &Value) -> Value {
    json!({"node_id": "!0badcafe", "kind": "environment", "metrics": metrics})
}

/// Returns the codes of all rejects that `kosmo rejects list` shows, the replayed ones aside.
fn codes(cloud: &System) -> BTreeSet<String> {
    let output = cloud.command(&["rejects", "list", "--limit", "100"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let words = String::from_utf8(output.stdout).unwrap();
    words.split_whitespace().filter(|word| word.contains('_') && !word.contains('.') && !word.contains('/')).map(str::to_owned).collect()
}

on_both_footings! {
    async fn hostile_payloads_end_as_rejects_and_the_good_ones_beside_them_are_stored(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let odd = cloud.bridge("odd").await;
        let shutdown = CancellationToken::new();
        let client = connect_as(&cloud, &odd, "odd", &shutdown).await;
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        let huge_list = json!(vec![0; 30_000]).to_string();
        let mut wrong_version = record(3, &reading(&json!({"temperature_c": 1})));
        wrong_version["v"] = json!(7);
        let mut of_another = record(4, &reading(&json!({"temperature_c": 1})));
        of_another["bridge"] = json!("roof");
        let payloads = [
            "not json at all".to_owned(),
            "{\"v\":1,".to_owned(),
            deep,
            huge_list,
            wrong_version.to_string(),
            of_another.to_string(),
            record(5, &json!({"node_id": "!ffffffff", "kind": "environment", "metrics": {"temperature_c": 1}})).to_string(),
            record(6, &reading(&json!({"temperature_c": "NaN"}))).to_string(),
            record(7, &reading(&json!({"temperature_c": 4000}))).to_string(),
            record(8, &reading(&json!({"mood": 3, "humidity_pct": 40}))).to_string(),
            record(9, &reading(&json!({"temperature_c": 20.5}))).to_string(),
        ];

        for payload in payloads {
            let message = Message::new("kosmo/mesh/reading/odd", Bytes::from(payload));
            client.publish(message).await.unwrap().await.unwrap();
        }

        let latest = until("the good values are stored", || async {
            let (status, body) = cloud.ask("weather", "/api/v1/weather/latest?node_id=!0badcafe").await;
            let latest: Value = serde_json::from_str(&body).unwrap();
            (status == 200 && latest["data"][0]["temperature_c"] == 20.5).then_some(latest)
        })
        .await;
        assert_eq!(latest["data"][0]["humidity_pct"], 40.0);
        let codes = codes(&cloud);
        for code in ["not_json", "unknown_version", "not_a_number", "out_of_range", "unknown_metric", "reserved_node", "wrong_bridge"] {
            assert!(codes.contains(code), "{code} is not among {codes:?}");
        }
        assert!(cloud.metric("ingestion", "kosmo_ingestion_rejects_total").await >= 9.0);
        shutdown.cancel();
    }
}

on_both_footings! {
    async fn nodes_that_no_sound_node_resembles_disturb_no_other_node(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let air = Air::silent(1).await;
        let mut bridge = cloud.bridge("roof").await;
        bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        let (odd, sound, now) = (air.stations()[0], air.stations()[1], now());

        for trouble in Trouble::ALL {
            air.mesh.radio(0).garble(b"\x94\xc3\xff\xffhalf a frame \x94\xc3\x00");
            air.mesh.trouble(odd, trouble);
        }
        air.send_temperature(sound, now, 12.5);

        until("the sound node's reading is stored", || async {
            let readings = cloud.readings(sound, now).await;
            readings.iter().any(|reading| reading["temperature_c"] == 12.5).then_some(())
        })
        .await;
        let name = cloud.json("weather", &format!("/api/v1/nodes/{odd}")).await["long_name"].to_string();
        assert!(!name.chars().any(|character| character.is_control() || character == '\u{202e}'), "{name:?}");
        let codes = codes(&cloud);
        for code in ["not_a_number", "out_of_range"] {
            assert!(codes.contains(code), "{code} is not among {codes:?}");
        }
        let (status, page) = cloud.ask("web", "/").await;
        assert!(status == 200 && !page.contains("<script>alert"), "names are never markup");
    }
}
