//! Texts that are taken back, keys that change, and talk on channels, as a page sees them.

use crate::{
    bridge::first_packet,
    house::{ANA, House, NODE, SUE},
};
use kosmo_contract::{Evidence, NotSentReason, Priority, WaitReason};
use kosmo_domain::{Clock as _, NodeId, packet_id};
use kosmo_store::{
    ChannelSource, NewChannel, Vault, Visibility,
    ingest::{Body, NodeReport, Raw, Record, RecordName, User},
    messages::{ChannelName, NewChannelText},
};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

async fn take_back(house: &House, who: &str, id: Uuid) -> (u16, Value) {
    let (status, body) = house.delete(who, &format!("/api/v1/messages/{id}")).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_text_that_no_bridge_has_is_taken_back_and_never_offered_again() {
    let house = House::new().await;
    let id = house.send(ANA, NODE, "hi").await;
    assert_eq!(take_back(&house, SUE, id).await.0, 404, "it is nobody else's");
    let (status, message) = take_back(&house, ANA, id).await;
    assert_eq!((status, &message["status"], &message["reason"]), (200, &json!("expired"), &json!("cancelled")), "{message}");
    assert_eq!(message["says"], "Not sent: you took it back in time. Your quota has it back.");
    assert_eq!((take_back(&house, ANA, id).await.0, house.quota(ANA).await["left"].clone()), (200, json!(50)));
    let mut roof = house.bridge("roof", "!4daa1001").await;
    assert!(!roof.claim(id).await);
}

#[tokio::test]
async fn a_bridge_that_has_a_text_is_asked_and_its_answer_counts() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hi").await;
    assert!(roof.claim(id).await);
    let (status, message) = take_back(&house, ANA, id).await;
    assert_eq!((status, &message["status"], &message["waits_for"]["reason"]), (202, &json!("queued"), &json!("cancelling")), "{message}");
    assert_eq!(roof.asked_back().await, id);
    roof.tell(id, Evidence::NotSent { reason: NotSentReason::Cancelled }).await;
    let message = house.message(ANA, id).await;
    assert_eq!((&message["status"], &message["outcome"], &message["charge"]), (&json!("expired"), &json!("not_sent"), &json!("released")));
}

#[tokio::test]
async fn what_a_radio_was_given_is_not_taken_back() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hi").await;
    roof.claim(id).await;
    roof.tell(id, Evidence::HandedOver { attempt: 0, packet_id: first_packet(id), radio: roof.radio }).await;
    let (status, problem) = take_back(&house, ANA, id).await;
    assert_eq!((status, &problem["code"]), (409, &json!("too_late")), "{problem}");
    house.clock.advance(Duration::from_secs(1));
    roof.tell(id, Evidence::Waiting { reason: WaitReason::DutyCycle }).await;
    assert_eq!(take_back(&house, ANA, id).await.0, 202, "its hand-over came to nothing");
    roof.tell(id, Evidence::HandedOver { attempt: 1, packet_id: packet_id(id.as_u128(), 1), radio: roof.radio }).await;
    roof.tell(id, Evidence::Transmitted { packet_id: packet_id(id.as_u128(), 1) }).await;
    roof.tell(id, Evidence::Unconfirmed { packet_id: packet_id(id.as_u128(), 1) }).await;
    let message = house.message(ANA, id).await;
    assert_eq!((&message["status"], &message["charge"]), (&json!("transmitted"), &json!("committed")), "{message}");
    assert!(message["unconfirmed_at"].is_string() && message["says"].as_str().unwrap().contains("no confirmation came"), "{message}");
}

#[tokio::test]
async fn a_receipt_about_another_message_s_packet_counts_for_nothing() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hi").await;
    roof.claim(id).await;
    let other = packet_id(id.as_u128() + 1, 0);
    let by: NodeId = NODE.parse().unwrap();
    for evidence in [
        Evidence::Transmitted { packet_id: other },
        Evidence::Relayed { packet_id: other },
        Evidence::Acknowledged { packet_id: other, by, proven: false },
        Evidence::Refused { packet_id: other, code: 5, by },
        Evidence::Unconfirmed { packet_id: other },
    ] {
        assert_eq!(roof.tell(id, evidence.clone()).await.as_deref(), Some("wrong_packet_id"), "{evidence:?}");
    }
    assert_eq!(house.message(ANA, id).await["status"], "queued");
}

/// Has the node show a key, as ingestion would store it.
async fn show_key(house: &House, seq: u64, key: u8) {
    let origin = RecordName {
        bridge: "roof".parse().unwrap(),
        epoch: kosmo_domain::Epoch::from_random(9),
        stream: kosmo_domain::Stream::Ingest,
        seq,
    };
    let user = User { public_key: Some([key; 32]), ..User::default() };
    let at = house.clock.now();
    let body = Body::Node { node: NODE.parse().unwrap(), report: NodeReport::User(user), at };
    let raw = Raw { topic: "kosmo/mesh/node/roof".to_owned(), payload: bytes::Bytes::new() };
    house.store.ingest(&[Record { origin, heard: None, privacy: None, body, notes: Vec::new(), raw }], at).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn a_text_to_a_node_with_a_new_key_waits_for_its_writer_and_goes_with_that_key() {
    let house = House::new().await;
    show_key(&house, 1, 7).await;
    let earlier = house.send(ANA, NODE, "hi").await;
    take_back(&house, ANA, earlier).await;
    house.clock.advance(Duration::from_secs(1));
    show_key(&house, 2, 9).await;

    let id = house.send(ANA, NODE, "are you there?").await;
    house.until("it waits for its writer", async || house.message(ANA, id).await["waits_for"]["reason"] == "key").await;
    let held = house.message(ANA, id).await;
    assert_eq!(held["status"], "pending", "{held}");
    let path = format!("/api/v1/messages/conversations/{NODE}/key");
    let (_, key) = house.get(ANA, &path).await;
    assert_eq!((&key["holds"], &key["held"], key["earlier"].as_array().unwrap().len()), (&json!(true), &json!(1), 1), "{key}");
    let (status, problem) = house.post_to(ANA, &path, &json!({ "public_key": key["earlier"][0]["public_key"] })).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("key_changed")), "{problem}");
    let (status, key) = house.post_to(ANA, &path, &json!({ "public_key": key["public_key"] })).await;
    assert_eq!((status.as_u16(), &key["holds"], &key["held"]), (200, &json!(false), &json!(0)), "{key}");

    let mut roof = house.bridge("roof", "!4daa1001").await;
    let offer = roof.offer().await;
    let contact = offer.contact.unwrap();
    assert_eq!((offer.message_id, contact.public_key.as_bytes(), contact.confirmed), (id, &[9_u8; 32][..], true));
    assert!(offer.member.is_some_and(|member| !member.contains(ANA)));
    assert!(roof.claim(id).await);
}

#[tokio::test]
async fn a_public_channel_can_be_read_from_when_it_was_made_public() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    roof.hear_on_channel("LongFast", 8, 5, "before").await;
    let new = NewChannel {
        id: Uuid::from_u128(1),
        name: "LongFast",
        hash: 8,
        key: &[1; 16],
        visibility: Visibility::Private,
        source: &ChannelSource::Operator,
        nonce: [0; 24],
    };
    house.store.add_channel(&Vault::new([7; 32]), &new, house.clock.now()).await.unwrap();
    assert_eq!(house.get("", "/api/v1/channels").await.1, json!({ "data": [] }));
    let path = format!("/api/v1/channels/{}/messages", new.id);
    assert_eq!(house.get("", &path).await.0.as_u16(), 404, "private until it is made public");
    house.clock.advance(Duration::from_secs(10));
    house.store.set_channel_visibility(new.id, Visibility::Public, house.clock.now()).await.unwrap();
    house.clock.advance(Duration::from_secs(10));
    roof.hear_on_channel("LongFast", 8, 6, "after").await;
    roof.hear_on_channel("ops", 9, 7, "secret").await;

    let text = NewChannelText {
        id: Uuid::from_u128(3),
        user: ANA.parse().unwrap(),
        channel: ChannelName { name: "LongFast".to_owned(), hash: 8 },
        text: "storm".to_owned(),
        air_text: "ana: storm".to_owned(),
        deadline: house.clock.now().plus(Duration::from_mins(10)),
    };
    house.clock.advance(Duration::from_secs(10));
    assert!(house.store.send_to_channel(&text, house.clock.now()).await.unwrap());
    let offer = roof.offer().await;
    assert_eq!((offer.to, offer.priority, offer.channel.map(|channel| channel.hash)), (NodeId::BROADCAST, Priority::High, Some(8)));
    assert_eq!(house.get("", "/api/v1/channels").await.1["data"][0]["name"], "LongFast");
    let (_, page) = house.get("", &path).await;
    let told: Vec<_> = page["data"].as_array().unwrap().iter().map(|text| text["text"].as_str().unwrap()).collect();
    assert_eq!(told, ["ana: storm", "after"], "{page}");
    let (_, first) = house.get("", &format!("{path}?limit=1")).await;
    let (_, second) = house.get("", &format!("{path}?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(second["data"][0]["text"], "after");
}
