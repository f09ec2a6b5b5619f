//! Rejects taken through the decoder again, as if an older version had refused what this one takes.

use crate::{
    bridge::first_packet,
    house::{ANA, House, NODE},
};
use kosmo_contract::Evidence;
use kosmo_domain::Clock as _;
use kosmo_gateway::{Replayed, replay};
use kosmo_store::{
    messages::Routed,
    rejects::{NewReject, RejectFilter},
};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::time::Duration;

/// Keeps a record of the bridge on the roof as refused.
async fn refuse(house: &House, topic: &str, packet: &str, body: &str) {
    let payload = format!(
        r#"{{"v":1,"bridge":"roof","epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d","stream":"gateway","seq":1,"heard_at":"2026-06-01T12:00:00Z"{packet},"body":{body}}}"#
    );
    let (payload, detail) = (payload.as_bytes(), "an older version did not know it");
    let reject = NewReject { record: None, topic, payload, whole: true, code: "invalid_field", field: "body", detail };
    assert_eq!(house.store.add_rejects(&[reject], house.clock.now()).await.unwrap(), 1);
}

/// Replays what is open, newest first.
async fn replay_open(house: &House) -> Vec<Replayed> {
    let filter = RejectFilter { open: true, ..RejectFilter::default() };
    let mut rng = StdRng::seed_from_u64(99);
    let mut fates = Vec::new();
    for reject in house.store.rejects(&filter, None, 100).await.unwrap() {
        fates.push(replay(&house.store, &reject, Duration::from_hours(72), &mut rng, house.clock.now()).await.unwrap());
    }
    fates
}

#[tokio::test]
async fn a_text_that_was_refused_reaches_its_member_once_as_of_when_it_was_heard() {
    let house = House::new().await;
    house.send(ANA, NODE, "are you there").await;
    let packet = r#","packet":{"from":"!a1b2c3d4","to":"!4daa1001","id":77,"port":1}"#;
    for topic in ["kosmo/mesh/inbound/roof", "kosmo/mesh/inbound"] {
        refuse(&house, topic, packet, r#"{"text":"I am"}"#).await;
    }
    house.clock.advance(Duration::from_hours(100));
    let fates = replay_open(&house).await;
    assert!(matches!(fates[..], [Replayed::Text(Routed::Correspondent { .. }), Replayed::Text(Routed::Known)]), "{fates:?}");
    let texts = house.conversation(ANA, NODE).await;
    let heard: Vec<_> = texts.iter().filter(|text| text["direction"] == "in").collect();
    assert_eq!((heard.len(), &heard[0]["text"], &heard[0]["heard_at"]), (1, &json!("I am"), &json!("2026-06-01T12:00:00Z")));
    assert!(replay_open(&house).await.is_empty(), "what was accepted is open no more");
}

#[tokio::test]
async fn a_receipt_counts_and_a_claim_grants_nothing() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hello").await;
    let free = house.send(ANA, NODE, "nobody's yet").await;
    let packet_id = roof.transmit(id).await;
    house.clock.advance(Duration::from_secs(1));
    let acknowledged = json!({ "message_id": id, "event": "acknowledged", "packet_id": packet_id, "by": NODE, "proven": true });
    refuse(&house, "kosmo/mesh/receipt/roof", "", &acknowledged.to_string()).await;
    refuse(&house, "kosmo/mesh/receipt/roof", "", &json!({ "message_id": free, "event": "claimed" }).to_string()).await;

    assert_eq!(replay_open(&house).await, [Replayed::Claim, Replayed::Receipt]);
    let delivered = house.message(ANA, id).await;
    assert_eq!((&delivered["status"], &delivered["evidence"]), (&json!("delivered"), &json!("ack_proven")), "{delivered}");
    assert!(house.message(ANA, free).await["granted_at"].is_null());
    assert!(roof.claim(free).await, "whoever asks now is granted it");
    assert_eq!(replay_open(&house).await, [], "and the bridge's old word is over, not open");
}

#[tokio::test]
async fn what_is_still_wrong_stays_the_one_reject_it_is() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hello").await;
    let early = Evidence::Acknowledged { packet_id: first_packet(id), by: NODE.parse().unwrap(), proven: true };
    assert_eq!(roof.tell(id, early).await.as_deref(), Some("not_granted"));
    refuse(&house, "kosmo/mesh/inbound/roof", "", r#"{"text":"from nowhere"}"#).await;
    house.clock.advance(Duration::from_secs(1));
    roof.transmit(id).await;
    for _ in 0..2 {
        let fates = replay_open(&house).await;
        let codes: Vec<_> = fates.iter().map(|fate| if let Replayed::Refused(note) = fate { note.code.as_str() } else { "good" }).collect();
        assert_eq!(codes, ["no_packet", "not_granted"], "what was told before the grant is not made true by it");
    }
    assert_eq!(house.message(ANA, id).await["status"], "transmitted");
}
