//! One message at a time: what is stored of it, what is set aside, and for which reason.

use crate::golden::{changed, files, golden};
use bytes::Bytes;
use kosmo_domain::{Metric, TimeSource, Timestamp};
use kosmo_ingestion::{Decoded, Rules, decode};
use kosmo_store::ingest::{Body, NodeReport, Record};
use proptest::prelude::*;
use serde_json::{Value, json};

const READING: &str = "kosmo/mesh/reading/roof";
const NODE: &str = "kosmo/mesh/node/roof";
const STATUS: &str = "kosmo/bridge/roof/status";

#[test]
fn every_published_example_is_understood() {
    for file in files() {
        let topic = match file.split_once('_').unwrap().0 {
            "reading" => READING,
            "node" => NODE,
            "status" => STATUS,
            _ => continue,
        };
        match arrive(topic, &golden(&file)) {
            Decoded::Record(record) => assert_ne!(record.body, Body::Rejected, "{file}: {:?}", record.notes),
            Decoded::Status { bridge, .. } => assert_eq!(bridge.as_str(), "roof"),
            Decoded::Garbage { reason, .. } => panic!("{file}: {reason:?}"),
        }
    }
}

#[test]
fn a_reading_is_taken_over_with_its_reception() {
    let record = record(READING, &golden("reading_environment.json"));
    assert_eq!(record.notes, []);
    assert_eq!(record.origin.seq, 41);
    let Body::Reading { reading, time_source, .. } = record.body else { panic!("no reading: {:?}", record.body) };
    assert_eq!((reading.at, time_source), (at("2026-06-01T11:59:57Z"), TimeSource::Device));
    assert_eq!(reading.metrics.get(Metric::Temperature), Some(21.5));
    assert_eq!(reading.metrics.get(Metric::Rain1h), Some(0.0));
    let heard = record.heard.unwrap();
    assert_eq!(heard.id.0, 1_531_221_342);
    assert_eq!((heard.reception.at, heard.reception.hops_away), (at("2026-06-01T11:59:59Z"), Some(1)));
}

#[test]
fn what_cannot_be_measured_is_set_aside_and_the_rest_is_stored() {
    let mut payload = golden("reading_environment.json");
    payload["body"]["metrics"] =
        json!({"temperature_c": 21.5, "humidity_pct": "NaN", "pressure_hpa": 9999, "wind_speed_ms": "Infinity", "vibes": 3});
    let record = record(READING, &payload);
    let Body::Reading { reading, .. } = record.body else { panic!("no reading: {:?}", record.body) };
    assert_eq!(reading.metrics.iter().collect::<Vec<_>>(), [(Metric::Temperature, 21.5)]);
    let notes: Vec<_> = record.notes.iter().map(|note| (note.code.as_str(), note.field.as_str())).collect();
    assert_eq!(
        notes,
        [
            ("not_a_number", "body.metrics.humidity_pct"),
            ("out_of_range", "body.metrics.pressure_hpa"),
            ("unknown_metric", "body.metrics.vibes"),
            ("not_a_number", "body.metrics.wind_speed_ms"),
        ]
    );
    assert_eq!(record.notes[1].detail, "pressure_hpa lies between 300 and 1100, not at 9999");
}

#[test]
fn wrong_clocks_are_noted_and_the_next_best_is_taken() {
    check_clocks(
        "1970-01-01T00:00:07Z",
        "2026-06-01T11:59:59Z",
        "2026-06-01T12:00:00Z",
        TimeSource::Radio,
        &["clock_not_set body.device_time"],
    );
    check_clocks(
        "2038-01-19T03:14:07Z",
        "2038-01-19T03:14:07Z",
        "2026-06-01T12:00:00Z",
        TimeSource::Bridge,
        &["clock_ahead body.device_time", "clock_ahead packet.rx_time"],
    );
    check_clocks(
        "1970-01-01T00:00:07Z",
        "1970-01-01T00:00:09Z",
        "1970-01-01T00:01:00Z",
        TimeSource::Server,
        &["clock_not_set body.device_time", "clock_not_set packet.rx_time", "clock_not_set heard_at"],
    );
    check_clocks("2026-06-01T11:59:57Z", "1970-01-01T00:00:09Z", "1970-01-01T00:01:00Z", TimeSource::Device, &[]);
}

fn check_clocks(device: &str, radio: &str, bridge: &str, expect: TimeSource, expect_notes: &[&str]) {
    let mut payload = golden("reading_environment.json");
    payload["body"]["device_time"] = json!(device);
    payload["packet"]["rx_time"] = json!(radio);
    payload["heard_at"] = json!(bridge);
    let record = record(READING, &payload);
    let Body::Reading { time_source, device_time, .. } = record.body else { panic!("no reading: {:?}", record.body) };
    assert_eq!((time_source, device_time), (expect, Some(at(device))));
    let notes: Vec<_> = record.notes.iter().map(|note| format!("{} {}", note.code, note.field)).collect();
    assert_eq!(notes, expect_notes);
}

#[test]
fn what_is_wrong_as_a_whole_is_refused_under_the_name_of_its_record() {
    let reading = |change: fn(&mut Value)| changed("reading_environment.json", change);
    let node = |change: fn(&mut Value)| changed("node_position.json", change);
    for (topic, payload, code, field) in [
        (READING, reading(|p| p["v"] = json!(2)), "unknown_version", "v"),
        (READING, reading(|p| p["bridge"] = json!("cellar")), "wrong_bridge", "bridge"),
        (READING, reading(|p| p["body"]["node_id"] = json!("a1b2c3d4")), "invalid_field", "body.node_id"),
        (READING, reading(|p| p["body"]["node_id"] = json!("!ffffffff")), "reserved_node", "body.node_id"),
        (READING, reading(|p| p["packet"]["from"] = json!("!00000000")), "reserved_node", "packet.from"),
        (READING, reading(|p| p["body"]["metrics"] = json!({})), "no_values", "body.metrics"),
        (READING, reading(|p| p["body"]["metrics"] = json!({"humidity_pct": "NaN"})), "no_values", "body.metrics"),
        (READING, reading(|p| p["body"]["metrics"] = json!({"humidity_pct": "very"})), "invalid_field", "body.metrics.humidity_pct"),
        (READING, reading(|p| p["body"]["metrics"] = json!([[[[]]]])), "invalid_field", "body.metrics"),
        (READING, reading(|p| p["body"]["device_time"] = json!("2021-06-01T12:00:00Z")), "too_old", "body.device_time"),
        (READING, reading(|p| p["packet"]["id"] = json!(-1)), "invalid_field", "packet.id"),
        (NODE, node(|p| p["body"]["report"]["latitude"] = json!(91)), "invalid_position", "body.report.latitude"),
        (NODE, node(|p| p["body"]["report"] = json!({"kind": "position", "latitude": 0.0, "longitude": 0})), "no_fix", "body.report"),
        (NODE, node(|p| p["body"]["report"] = json!({"kind": "horoscope"})), "invalid_field", "body.report.kind"),
    ] {
        let record = record(topic, &payload);
        assert_eq!(record.body, Body::Rejected, "{payload}");
        assert_eq!((record.notes[0].code.as_str(), record.notes[0].field.as_str()), (code, field), "{payload}");
        assert!(!record.notes[0].detail.is_empty(), "{payload}");
        assert_eq!(record.origin.bridge.as_str(), "roof", "the answer goes to whoever may publish on the topic");
        assert_eq!(record.heard, None, "another bridge may bring the packet in better shape");
        assert_eq!(record.raw.payload, payload.to_string());
    }
}

#[test]
fn what_is_no_record_at_all_is_garbage() {
    let megabyte = "x".repeat(1024 * 1024);
    let deep = "[".repeat(60_000);
    let half = &golden("reading_environment.json").to_string()[..200];
    let elsewhere = changed("reading_environment.json", |p| p["stream"] = json!("gateway")).to_string();
    for (topic, payload, code) in [
        (READING, "", "not_json"),
        (READING, "\0\u{1}binary", "not_json"),
        (READING, half, "not_json"),
        (READING, &deep, "invalid_field"),
        (READING, &megabyte, "payload_too_large"),
        (READING, "null", "invalid_field"),
        (READING, "{}", "invalid_field"),
        (READING, &elsewhere, "wrong_stream"),
        (STATUS, "{}", "invalid_field"),
        ("kosmo/mesh/reading/ROOF", "{}", "unknown_topic"),
        ("kosmo/mesh/receipt/roof", "{}", "unknown_topic"),
        ("msh/EU_868", "{}", "unknown_topic"),
    ] {
        match arrive_text(topic, payload) {
            Decoded::Garbage { raw, reason } => {
                assert_eq!(reason.code, code, "{topic} {}", &payload[..payload.len().min(80)]);
                assert_eq!((raw.topic.as_str(), raw.payload.len()), (topic, payload.len()));
            }
            other => panic!("not garbage: {other:?}"),
        }
    }
}

#[test]
fn a_record_that_is_too_large_is_still_answered_for() {
    let payload = changed("reading_environment.json", |p| p["padding"] = json!("x".repeat(100_000)));
    let record = record(READING, &payload);
    assert_eq!((record.origin.seq, record.notes[0].code.as_str()), (41, "payload_too_large"));
}

#[test]
fn names_keep_their_markup_and_lose_what_cannot_be_seen() {
    let payload = changed("node_user.json", |p| {
        p["body"]["report"]["long_name"] = json!("<img src=x onerror=alert(1)>");
        p["body"]["report"]["short_name"] = json!("A\u{202e}B\u{7}");
        p["body"]["report"]["public_key"] = json!("AAAA");
    });
    let record = record(NODE, &payload);
    let Body::Node { report: NodeReport::User(user), .. } = record.body else { panic!("no user: {:?}", record.body) };
    assert_eq!(user.long_name.as_deref(), Some("<img src=x onerror=alert(1)>"));
    assert_eq!(user.short_name.as_deref(), Some("AB"));
    assert_eq!(user.public_key, None);
    let notes: Vec<_> = record.notes.iter().map(|note| (note.code.as_str(), note.field.as_str())).collect();
    assert_eq!(notes, [("invalid_key", "body.report.public_key"), ("unprintable", "body.report.short_name")]);
}

#[test]
fn a_position_keeps_its_place_when_its_height_is_absurd() {
    let payload = changed("node_position.json", |p| p["body"]["report"]["altitude_m"] = json!(9.0e9));
    let record = record(NODE, &payload);
    let Body::Node { report: NodeReport::Position { position, .. }, .. } = record.body else { panic!("no position: {:?}", record.body) };
    assert_eq!(position.altitude_m(), None);
    assert_eq!(record.notes[0].code, "out_of_range");
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(topic in 0_usize..4, payload: Vec<u8>) {
        let topic = [READING, NODE, STATUS, "x"][topic];
        let _ = decode(topic, &payload.into(), received_at(), &Rules::default());
    }

    #[test]
    fn no_change_of_a_good_record_makes_decoding_panic(file in 0_usize..7, place: prop::sample::Index, junk in junk()) {
        let file = ["reading_environment.json", "reading_not_a_number.json", "node_user.json", "node_position.json",
            "node_traceroute.json", "node_neighbors.json", "status_online.json"][file];
        let mut payload = golden(file);
        let count = count_places(&payload);
        replace(&mut payload, &mut place.index(count), &junk);
        let topic = if file.starts_with("reading") { READING } else if file.starts_with("node") { NODE } else { STATUS };
        if let Decoded::Record(record) = arrive(topic, &payload) {
            prop_assert!(record.body != Body::Rejected || !record.notes.is_empty(), "refused for no reason: {}", payload);
        }
    }
}

fn junk() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof![Just("NaN"), Just("-Infinity"), Just("9999-12-31T23:59:59Z"), Just("!00000003"), Just("1e999")].prop_map(Value::from),
        prop::collection::vec(any::<u64>(), 0..70).prop_map(Value::from),
        prop::collection::btree_map(".{0,80}", any::<f64>(), 0..70).prop_map(|map| json!(map)),
    ]
}

/// Counts the values in a document, itself included.
fn count_places(value: &Value) -> usize {
    let inside: usize = match value {
        Value::Array(list) => list.iter().map(count_places).sum(),
        Value::Object(map) => map.values().map(count_places).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    inside + 1
}

/// Puts something else in the place of one value.
fn replace(value: &mut Value, place: &mut usize, junk: &Value) {
    if *place == 0 {
        *value = junk.clone();
        *place = usize::MAX;
        return;
    }
    *place -= 1;
    let inside: Vec<&mut Value> = match value {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for value in inside {
        if *place == usize::MAX {
            return;
        }
        replace(value, place, junk);
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn received_at() -> Timestamp {
    at("2026-06-01T12:00:01Z")
}

fn arrive(topic: &str, payload: &Value) -> Decoded {
    arrive_text(topic, &payload.to_string())
}

fn arrive_text(topic: &str, payload: &str) -> Decoded {
    decode(topic, &Bytes::copy_from_slice(payload.as_bytes()), received_at(), &Rules::default())
}

fn record(topic: &str, payload: &Value) -> Record {
    match arrive(topic, payload) {
        Decoded::Record(record) => *record,
        other => panic!("no record: {other:?}"),
    }
}
