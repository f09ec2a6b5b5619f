//! Whom a text that was heard is for, and what it proves.

use crate::house::{ANA, GUS, House, NODE, OTHER, SUE, node};
use kosmo_contract::{Evidence, Transport};
use kosmo_domain::{NodeId, PacketId};
use serde_json::{Value, json};
use std::time::Duration;

async fn inbox(house: &House) -> Vec<String> {
    house.store.operators_inbox(None, 100).await.unwrap().into_iter().map(|row| row.text).collect()
}

async fn heard(house: &House, who: &str) -> Vec<String> {
    let texts = house.conversation(who, NODE).await;
    texts.iter().filter(|text| text["direction"] == "in").map(|text| text["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_answer_to_a_packet_goes_to_its_sender_and_turns_failed_into_delivered() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "are you there").await;
    house.send(SUE, NODE, "hello").await;
    let packet_id = roof.transmit(id).await;
    let refused = Evidence::Refused { packet_id: PacketId(packet_id), code: 5, by: roof.radio };
    roof.tell(id, refused).await;
    let failed = house.message(ANA, id).await;
    assert_eq!((&failed["status"], &failed["reason"]), (&json!("failed"), &json!("MAX_RETRANSMIT")), "{failed}");
    assert_eq!(failed["says"], "Failed: no confirmation; it may have arrived.");

    house.clock.advance(Duration::from_mins(3));
    roof.hear_text(roof.packet(NODE, 1), "I am", Some(packet_id)).await;
    let delivered = house.message(ANA, id).await;
    assert_eq!((&delivered["status"], &delivered["evidence"]), (&json!("delivered"), &json!("reply")), "{delivered}");
    assert!(delivered["answered_at"].is_string() && delivered["ended_at"].is_null() && delivered["reason"].is_null(), "{delivered}");
    assert_eq!((heard(&house, ANA).await, heard(&house, SUE).await), (vec!["I am".to_owned()], vec![]));
}

#[tokio::test]
async fn what_came_through_mqtt_or_from_memory_proves_nothing() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "are you there").await;
    let packet_id = roof.transmit(id).await;
    let mut through_mqtt = roof.packet(NODE, 1);
    through_mqtt.via_mqtt = true;
    let mut from_mqtt = roof.packet(NODE, 2);
    from_mqtt.transport = Some(Transport::Mqtt);
    let mut from_memory = roof.packet(NODE, 3);
    from_memory.replayed = true;
    let from_another = roof.packet(OTHER, 4);
    for packet in [through_mqtt, from_mqtt, from_memory, from_another] {
        roof.hear_text(packet, "me", Some(packet_id)).await;
    }
    assert_eq!(house.message(ANA, id).await["status"], "transmitted");
    assert_eq!(heard(&house, ANA).await.len(), 3, "they are shown all the same");
}

#[tokio::test]
async fn a_text_without_a_reference_goes_to_the_one_member_who_wrote_lately() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    roof.hear_text(roof.packet(NODE, 1), "anybody", None).await;
    assert_eq!(inbox(&house).await, ["anybody"]);

    house.send(ANA, NODE, "it is me").await;
    roof.hear_text(roof.packet(NODE, 2), "hello ana", None).await;
    assert_eq!(heard(&house, ANA).await, ["hello ana"]);

    house.clock.advance(Duration::from_secs(1));
    house.send(GUS, NODE, "me too").await;
    roof.hear_text(roof.packet(NODE, 3), "who of you", None).await;
    assert_eq!(inbox(&house).await, ["who of you", "anybody"]);

    house.clock.advance(Duration::from_hours(73));
    house.send(GUS, NODE, "still me").await;
    roof.hear_text(roof.packet(NODE, 4), "gus at last", None).await;
    assert_eq!(heard(&house, GUS).await, ["gus at last"]);
    assert_eq!(heard(&house, SUE).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_talk_of_channels_and_of_others_reaches_nobody_and_is_counted() {
    let recorder = kosmo_http::recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    house.send(ANA, NODE, "hi").await;
    let mut to_all = roof.packet(NODE, 1);
    to_all.to = NodeId::BROADCAST;
    let mut to_another = roof.packet(NODE, 2);
    to_another.to = node(OTHER);
    for packet in [to_all, to_another] {
        roof.hear_text(packet, "psst", None).await;
    }
    assert_eq!((heard(&house, ANA).await, inbox(&house).await), (vec![], vec![]));
    let metrics = recorder.handle().render();
    assert!(metrics.contains(r#"gateway_inbound_texts_total{to="chatter"} 2"#), "{metrics}");
    assert!(metrics.contains(r#"gateway_posted_texts_total{outcome="accepted"} 1"#), "{metrics}");
}

#[tokio::test]
async fn what_two_bridges_hear_is_shown_once() {
    let house = House::new().await;
    let (mut roof, mut cellar) = (house.bridge("roof", "!4daa1001").await, house.bridge("cellar", "!4daa1002").await);
    let id = house.send(ANA, NODE, "hi").await;
    let packet_id = roof.transmit(id).await;
    let packet = roof.packet(NODE, 1);
    cellar.hear_text(packet.clone(), "hello", Some(packet_id)).await;
    roof.hear_text(packet, "hello", Some(packet_id)).await;
    assert_eq!(heard(&house, ANA).await, ["hello"]);
}

#[tokio::test]
async fn what_a_bridge_of_version_0_1_says_while_the_gateway_is_away_is_kept_for_it() {
    let mut house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    house.send(ANA, NODE, "hi").await;
    roof.hear_text_on_the_bare_topic(roof.packet(NODE, 1), "one").await;
    house.until("the first text is there", async || heard(&house, ANA).await == ["one"]).await;
    house.close().await;
    roof.hear_text_on_the_bare_topic(roof.packet(NODE, 2), "two").await;
    house.open().await;
    house.until("the second text is there", async || heard(&house, ANA).await == ["one", "two"]).await;
}

#[tokio::test]
async fn what_came_is_unread_until_the_conversation_is_read() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    house.send(ANA, NODE, "hi").await;
    roof.hear_text(roof.packet(NODE, 1), "hello", None).await;
    let unread = async || house.read(ANA, "/api/v1/messages/conversations").await["data"][0]["unread"].clone();
    assert_eq!(unread().await, Value::from(1));
    let texts = house.conversation(ANA, NODE).await;
    assert_eq!(unread().await, Value::from(1), "whoever asks has not read it yet");
    house
        .store
        .mark_read(ANA.parse().unwrap(), node(NODE), texts[1]["seq"].as_i64().unwrap(), "2026-06-01T12:00:00Z".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(unread().await, Value::from(0));
}

#[tokio::test]
async fn no_bridge_draws_the_answer_to_anothers_packet_to_a_text_of_its_own() {
    let house = House::new().await;
    let (mut roof, mut cellar) = (house.bridge("roof", "!4daa1001").await, house.bridge("cellar", "!4daa1002").await);
    let asked = house.send(ANA, NODE, "how are you?").await;
    let packet = roof.transmit(asked).await;
    let bait = house.send(SUE, NODE, "bait").await;
    assert!(cellar.claim(bait).await);
    let claimed = Evidence::HandedOver { attempt: 0, packet_id: PacketId(packet), radio: cellar.radio };

    assert_eq!(cellar.tell(bait, claimed).await.as_deref(), Some("wrong_packet_id"));

    roof.hear_text(roof.packet(NODE, 5), "well", Some(packet)).await;
    assert_eq!(house.message(ANA, asked).await["status"], "delivered");
    assert!(house.message(SUE, bait).await["answered_at"].is_null());
}
