//! What somebody sees who types `make run`.

use kosmo_contract::{schemas, topic::Topic};
use kosmo_domain::{DAY, Timestamp};
use kosmo_mqtt::{Event, Login, Options, Subscription};
use kosmo_tests::{Kosmo, until};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

async fn demo(folder: &std::path::Path) -> Kosmo {
    Kosmo::start(&folder.join("demo"), &["demo", "--port-base", "0", "--mqtt-port", "0", "--radio-port", "0", "--every", "1"]).await
}

/// Returns how many temperatures the answer to `latest` holds, by value.
async fn temperatures(demo: &Kosmo) -> BTreeMap<String, String> {
    let latest = demo.json("weather", "/api/v1/weather/latest").await;
    let readings = latest["data"].as_array().unwrap().iter();
    readings.map(|reading| (reading["node_id"].as_str().unwrap().to_owned(), reading["temperature_c"].to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_stations_whose_values_move_and_a_week_of_history() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = demo(folder.path()).await;

    let before = temperatures(&demo).await;
    assert!(before.len() >= 10, "{before:?}");
    until("values move", || async { (temperatures(&demo).await != before).then_some(()) }).await;

    let node = before.keys().next().unwrap();
    let now: Timestamp =
        demo.json("weather", &format!("/api/v1/weather/latest?node_id={node}")).await["data"][0]["at"].as_str().unwrap().parse().unwrap();
    for (interval, at_least) in [("raw", 800), ("1h", 160), ("1d", 7)] {
        let path = format!(
            "/api/v1/weather/history?node_id={node}&start={}&end={}&interval={interval}&limit=1000",
            now.minus(8 * DAY),
            now.plus(DAY)
        );
        let mut count = 0;
        let mut cursor = String::new();
        loop {
            let page = demo.json("weather", &format!("{path}{cursor}")).await;
            count += page["data"].as_array().unwrap().len();
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert!(count >= at_least, "{count} readings at {interval}");
    }
    let (status, page) = demo.ask("web", "/").await;
    assert!(status == 200 && page.contains("<html"), "{status}");
    let merged = demo.json("web", "/openapi.json").await;
    assert!(merged["paths"]["/api/v1/weather/latest"].is_object(), "all APIs are on the web port");
    assert!(demo.stop().await, "{}", demo.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_login_sees_the_documented_topics_with_payloads_that_fulfil_their_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let demo = demo(folder.path()).await;
    let log = demo.log();
    let command = log.lines().find(|line| line.contains("mosquitto_sub")).expect("the banner shows how to listen");
    let after = |flag: &str| command.split_whitespace().skip_while(|word| *word != flag).nth(1).unwrap().to_owned();
    let mut options = Options::new(demo.address("mqtt").parse().unwrap(), after("-i"));
    options.login = Some(Login { name: after("-u"), password: after("-P") });
    options.subscriptions = vec![Subscription::at_least_once("kosmo/#")];
    let shutdown = CancellationToken::new();
    let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), shutdown.clone()).unwrap();
    let validators: BTreeMap<_, _> =
        schemas().into_iter().map(|(name, schema)| (name, jsonschema::validator_for(schema.as_value()).unwrap())).collect();

    let mut seen = BTreeSet::new();
    while !["reading", "node", "status", "ack"].iter().all(|kind| seen.contains(kind)) {
        let event = tokio::time::timeout(std::time::Duration::from_secs(90), incoming.next()).await;
        let event = event.unwrap_or_else(|_| panic!("only {seen:?} were seen")).expect("the client lives");
        let Event::Message(delivery) = event else { continue };
        let kind = match delivery.topic.parse().unwrap_or_else(|error| panic!("{}: {error}", delivery.topic)) {
            Topic::Reading(_) => "reading",
            Topic::Node(_) => "node",
            Topic::Inbound(_) | Topic::BareInbound => "inbound",
            Topic::Receipt(_) => "receipt",
            Topic::Status(_) => "status",
            Topic::Ack(_) => "ack",
            Topic::Outbound(_) => "outbound",
            Topic::Request(_) => "request",
        };
        let payload: Value = serde_json::from_slice(&delivery.payload).unwrap();
        let errors: Vec<_> = validators[kind].iter_errors(&payload).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:?}: {payload}", delivery.topic);
        seen.insert(kind);
        client.acknowledge(delivery.token);
    }
    shutdown.cancel();
}
