//! What no bridge would publish.

use crate::{
    bridge::first_packet,
    house::{ANA, House, NODE},
};
use bytes::Bytes;
use kosmo_contract::Evidence;
use kosmo_domain::Timestamp;
use kosmo_gateway::decode;
use kosmo_store::{messages::GatewayBody, rejects::RejectFilter};
use proptest::prelude::*;
use uuid::Uuid;

async fn rejects(house: &House) -> Vec<String> {
    house.store.rejects(&RejectFilter::default(), None, 100).await.unwrap().into_iter().rev().map(|reject| reject.code).collect()
}

#[tokio::test]
async fn what_is_wrong_is_kept_with_its_reason_and_holds_up_nobody() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let head = r#""v":1,"epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d","heard_at":"2026-06-01T12:00:00Z""#;
    let big = "x".repeat(70_000);
    for (topic, payload) in [
        ("kosmo/mesh/receipt/roof", "{"),
        ("kosmo/mesh/receipt/Roof", "{}"),
        (
            "kosmo/mesh/receipt/roof",
            &format!(
                r#"{{{head},"bridge":"cellar","stream":"gateway","seq":1,"body":{{"message_id":"01976c3e-7b00-7000-8000-000000000001","event":"claimed"}}}}"#
            ),
        ),
        (
            "kosmo/mesh/receipt/roof",
            &format!(
                r#"{{{head},"bridge":"roof","stream":"ingest","seq":2,"body":{{"message_id":"01976c3e-7b00-7000-8000-000000000001","event":"claimed"}}}}"#
            ),
        ),
        (
            "kosmo/mesh/receipt/roof",
            &format!(
                r#"{{{head},"bridge":"roof","stream":"gateway","seq":3,"body":{{"message_id":"01976c3e-7b00-7000-8000-000000000001","event":"read_aloud"}}}}"#
            ),
        ),
        (
            "kosmo/mesh/receipt/roof",
            &format!(
                r#"{{{head},"bridge":"roof","stream":"gateway","seq":4,"body":{{"message_id":"01976c3e-7b00-7000-8000-000000000001","event":"handed_over","attempt":0,"packet_id":0,"radio":"!4daa1001"}}}}"#
            ),
        ),
        ("kosmo/mesh/inbound/roof", &format!(r#"{{{head},"bridge":"roof","stream":"gateway","seq":5,"body":{{"text":"hi"}}}}"#)),
        (
            "kosmo/mesh/inbound/roof",
            &format!(
                r#"{{{head},"bridge":"roof","stream":"gateway","seq":6,"packet":{{"from":"!ffffffff","to":"!4daa1001","id":1,"port":1}},"body":{{"text":"hi"}}}}"#
            ),
        ),
        (
            "kosmo/mesh/inbound/roof",
            &format!(
                r#"{{{head},"bridge":"roof","stream":"gateway","seq":7,"packet":{{"from":"!a1b2c3d4","to":"!4daa1001","id":1,"port":1}},"body":{{"text":""}}}}"#
            ),
        ),
        (
            "kosmo/mesh/inbound/roof",
            &format!(
                r#"{{{head},"bridge":"roof","stream":"gateway","seq":18446744073709551615,"packet":{{"from":"!a1b2c3d4","to":"!4daa1001","id":1,"port":1}},"body":{{"text":"hi"}}}}"#
            ),
        ),
        ("kosmo/mesh/inbound/roof", &big),
        ("kosmo/mesh/inbound", "hello from version 0.0"),
    ] {
        roof.publish(topic, payload.to_owned()).await;
    }
    let id = house.send(ANA, NODE, "hi").await;
    let of_nothing = Evidence::Transmitted { packet_id: first_packet(Uuid::nil()) };
    assert_eq!(roof.tell(Uuid::nil(), of_nothing).await.as_deref(), Some("unknown_message"));
    assert!(roof.claim(id).await, "what is well-formed goes on");
    house.until("all is kept", async || rejects(&house).await.len() == 13).await;
    let mut codes = rejects(&house).await;
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "invalid_field",
            "no_packet",
            "no_packet_id",
            "no_text",
            "not_json",
            "not_json",
            "payload_too_large",
            "reserved_node",
            "seq_too_large",
            "unknown_message",
            "unknown_topic",
            "wrong_bridge",
            "wrong_stream"
        ]
    );
}

#[test]
fn who_claims_a_text_and_who_tells_of_it_is_told_by_the_topic() {
    let payload = |bridge: &str| {
        Bytes::from(format!(
            r#"{{"v":1,"bridge":"{bridge}","epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d","stream":"gateway","seq":1,"heard_at":"2026-06-01T12:00:00Z","body":{{"message_id":"01976c3e-7b00-7000-8000-000000000001","event":"claimed"}}}}"#
        ))
    };
    let kosmo_gateway::Decoded::Record(forged) = decode("kosmo/mesh/receipt/roof", &payload("cellar"), Timestamp::EPOCH, Uuid::nil())
    else {
        panic!("its name can be read");
    };
    assert_eq!(forged.origin.bridge.as_str(), "roof", "the one who may publish there answers for it");
    assert!(matches!(forged.body, GatewayBody::Rejected(_)));
}

proptest! {
    #[test]
    fn no_payload_makes_it_panic(topic in "kosmo/mesh/(receipt/roof|inbound/roof|inbound)|.{0,40}", payload in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&topic, &Bytes::from(payload), Timestamp::EPOCH, Uuid::nil());
    }

    #[test]
    fn no_field_makes_it_panic(event in "claimed|waiting|handed_over|acknowledged|refused|unknown", value in "[0-9]{1,20}|\"[^\"\\\\]{0,10}\"|null|\\[\\]", field in "seq|body|packet_id|attempt|code|radio|by") {
        let json = format!(r#"{{"v":1,"bridge":"roof","epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d","stream":"gateway","seq":1,"heard_at":"2026-06-01T12:00:00Z","{field}":{value},"body":{{"event":"{event}","{field}":{value},"message_id":"01976c3e-7b00-7000-8000-000000000001"}}}}"#);
        let _ = decode("kosmo/mesh/receipt/roof", &Bytes::from(json), Timestamp::EPOCH, Uuid::nil());
    }
}
