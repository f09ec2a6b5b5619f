//! What is not a payload of the contract is refused with the field and the limit, and never makes us panic.

use kosmo_contract::{Ack, MAX_PAYLOAD_BYTES, Measured, NodeBody, ReadingBody, Record, RefusalCode, parse};
use kosmo_domain::Metric;
use proptest::prelude::*;
use serde_json::{Value, json};

fn reading() -> Value {
    json!({
        "v": 1, "bridge": "roof", "epoch": "0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d", "stream": "ingest", "seq": 7,
        "heard_at": "2026-06-01T12:00:00Z",
        "body": {"node_id": "!a1b2c3d4", "kind": "environment", "metrics": {"temperature_c": 21.5}}
    })
}

fn check(change: impl FnOnce(&mut Value), code: RefusalCode, field: &str) {
    let mut payload = reading();
    change(&mut payload);
    let refusal = parse::<Record<ReadingBody>>(payload.to_string().as_bytes()).unwrap_err();
    assert_eq!((refusal.code, refusal.field.as_deref()), (code, Some(field)), "{refusal}");
}

#[test]
fn a_refusal_names_the_field() {
    check(|p| p["v"] = json!(2), RefusalCode::UnknownVersion, "v");
    check(|p| p["bridge"] = json!("../roof"), RefusalCode::InvalidField, "bridge");
    check(|p| p["seq"] = json!(-1), RefusalCode::InvalidField, "seq");
    check(|p| p["heard_at"] = json!("noon"), RefusalCode::InvalidField, "heard_at");
    check(|p| p["body"]["node_id"] = json!("ana"), RefusalCode::InvalidField, "body.node_id");
    check(|p| p["body"]["metrics"]["temperature_c"] = json!("hot"), RefusalCode::InvalidField, "body.metrics.temperature_c");
    check(|p| p["body"]["raw"] = json!("A".repeat(2000)), RefusalCode::InvalidField, "body.raw");
}

#[test]
fn too_many_values_are_refused() {
    let values: serde_json::Map<String, Value> = (0..65).map(|index| (format!("metric_{index}"), json!(1))).collect();
    check(|p| p["body"]["metrics"] = Value::Object(values), RefusalCode::InvalidField, "body.metrics");
}

#[test]
fn a_list_longer_than_any_radio_sends_is_refused_with_its_limit() {
    let neighbors: Vec<Value> = (0..33).map(|_| json!({"node_id": "!a1b2c3d4", "snr_db": 1.0})).collect();
    let mut payload = reading();
    payload["body"] = json!({"node_id": "!a1b2c3d4", "report": {"kind": "neighbors", "neighbors": neighbors}});
    let refusal = parse::<Record<NodeBody>>(payload.to_string().as_bytes()).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::InvalidField);
    assert!(refusal.detail.contains("at most 32"), "{refusal}");
}

#[test]
fn a_payload_of_a_megabyte_is_refused_with_the_limit() {
    let refusal = parse::<Record<ReadingBody>>(&vec![b'x'; 1 << 20]).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::PayloadTooLarge);
    assert!(refusal.detail.contains(&MAX_PAYLOAD_BYTES.to_string()));
}

#[test]
fn values_that_are_no_numbers_or_not_plausible_are_set_aside_and_the_rest_is_kept() {
    let sent = r#"{"temperature_c": 21.5, "humidity_pct": "NaN", "pressure_hpa": 9000, "mood": 3, "wind_speed_ms": 4}"#;
    let measured: Measured = serde_json::from_str(sent).unwrap();
    assert_eq!(measured.metrics.get(Metric::Temperature), Some(21.5));
    assert_eq!(measured.metrics.get(Metric::WindSpeed), Some(4.0));
    assert_eq!(measured.metrics.len(), 2);
    let refused: Vec<_> = measured.refused.iter().map(|value| (value.name.as_str(), value.metric)).collect();
    assert_eq!(refused, [("humidity_pct", Some(Metric::Humidity)), ("pressure_hpa", Some(Metric::Pressure)), ("mood", None)]);
}

#[test]
fn numbers_nobody_can_count_to_break_no_answer() {
    let ack = format!(
        r#"{{"v":1,"bridge":"roof","body":{{"kind":"records","epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d","stream":"ingest","committed":[[0,{0}],[5,2],[{0},{0}]]}}}}"#,
        u64::MAX
    );
    assert!(parse::<Ack>(ack.as_bytes()).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse::<Record<ReadingBody>>(&bytes);
        let _ = parse::<Ack>(&bytes);
    }

    #[test]
    fn no_change_of_one_byte_makes_parsing_panic(at in 0_usize..400, byte: u8) {
        let mut payload = reading().to_string().into_bytes();
        let at = at % payload.len();
        payload[at] = byte;
        let _ = parse::<Record<ReadingBody>>(&payload);
        let _ = parse::<Record<NodeBody>>(&payload);
    }
}
