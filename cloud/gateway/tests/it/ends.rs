//! Texts that nobody takes, bridges that vanish, brokers that are away: what is told, and what comes back to the quota.

use crate::{
    bridge::first_packet,
    house::{ANA, House, NODE},
};
use kosmo_contract::{Evidence, NotSentReason};
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_text_that_no_bridge_takes_is_not_sent_and_costs_nothing() {
    let house = House::new().await;
    let id = house.send(ANA, NODE, "hi").await;
    house.until_status(ANA, id, "queued").await;
    assert_eq!(house.quota(ANA).await["left"], 49);
    house.clock.advance(HOUR);
    let expired = house.until_status(ANA, id, "expired").await;
    assert_eq!(
        (&expired["outcome"], &expired["reason"], &expired["charge"]),
        (&json!("not_sent"), &json!("never_granted"), &json!("released"))
    );
    assert_eq!(expired["says"], "Not sent: no bridge could take it in time. Your quota has it back.");
    assert_eq!(house.quota(ANA).await["left"], 50);

    let mut roof = house.bridge("roof", "!4daa1001").await;
    assert!(!roof.claim(id).await, "whoever comes too late may not send it");
}

#[tokio::test]
async fn of_a_bridge_that_vanished_with_a_text_nothing_is_claimed() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hi").await;
    assert!(roof.claim(id).await);
    roof.tell(id, Evidence::HandedOver { attempt: 0, packet_id: first_packet(id), radio: roof.radio }).await;
    house.clock.advance(HOUR + kosmo_store::messages::SETTLE_AFTER);
    let expired = house.until_status(ANA, id, "expired").await;
    assert_eq!((&expired["outcome"], &expired["charge"]), (&json!("unknown"), &json!("reserved")), "{expired}");
    assert_eq!(house.quota(ANA).await["left"], 49);

    roof.tell(id, Evidence::Acknowledged { packet_id: first_packet(id), by: NODE.parse().unwrap(), proven: false }).await;
    let delivered = house.message(ANA, id).await;
    assert_eq!((&delivered["status"], &delivered["charge"]), (&json!("delivered"), &json!("committed")), "late truth is taken");
}

#[tokio::test]
async fn what_the_radio_refuses_is_given_back_once() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hi").await;
    assert!(roof.claim(id).await);
    for _ in 0..2 {
        assert_eq!(roof.tell(id, Evidence::NotSent { reason: NotSentReason::RadioRefused }).await, None);
    }
    let failed = house.message(ANA, id).await;
    assert_eq!((&failed["status"], &failed["reason"], &failed["charge"]), (&json!("failed"), &json!("radio_refused"), &json!("released")));
    assert_eq!(house.quota(ANA).await["left"], 50);
}

#[tokio::test]
async fn a_broker_that_is_away_leaves_a_text_pending_until_it_is_back() {
    let mut house = House::new().await;
    house.broker.stop().await;
    let id = house.send(ANA, NODE, "hi").await;
    let pending = house.message(ANA, id).await;
    assert_eq!((&pending["status"], &pending["waits_for"]["reason"]), (&json!("pending"), &json!("broker")), "{pending}");
    assert_eq!(house.get(ANA, "/readyz").await.1["not_ready"][0]["name"], "broker");
    house.broker.restart().await;
    house.until_status(ANA, id, "queued").await;
}

#[tokio::test]
async fn a_text_is_offered_again_until_a_bridge_comes() {
    let house = House::new().await;
    let id = house.send(ANA, NODE, "hi").await;
    house.until_status(ANA, id, "queued").await;
    // It says that it is ready, and is offered what waits.
    let mut roof = house.bridge("roof", "!4daa1001").await;
    assert_eq!(roof.offer().await.message_id, id);
    house.clock.advance(Duration::from_secs(15));
    let again = roof.offer().await;
    assert_eq!((again.message_id, again.ttl_s), (id, 3585), "what is left of its time");
    assert!(roof.claim(id).await);
    house.clock.advance(HOUR / 2);
    let other = house.send(ANA, NODE, "another").await;
    assert_eq!(roof.offer().await.message_id, other, "what was granted is offered no more");
}

#[tokio::test]
async fn what_waits_when_the_gateway_ends_is_offered_by_the_next() {
    let mut house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    house.close().await;
    // The routes still stand; nobody offers what they accept.
    let id = house.send(ANA, NODE, "hi").await;
    let seq = roof.tell_only(id, Evidence::Claimed).await;
    house.open().await;
    assert_eq!(roof.offer().await.message_id, id);
    assert!(roof.claim(id).await);
    // Nobody listened to the first claim; its spool says it again.
    roof.repeat_claim(id, seq).await;
    assert_eq!(roof.answer().await, (id, true));
    assert_eq!(house.message(ANA, id).await["bridge_id"], "roof");
}

#[tokio::test]
async fn a_database_that_is_away_is_waited_for_and_nothing_is_answered_before() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    house.store.close().await;
    let (status, answer) = house.get(ANA, "/readyz").await;
    assert_eq!((status.as_u16(), &answer["not_ready"][0]["name"]), (503, &json!("database")));
    let (status, answer) = house.post(ANA, &json!({ "target_node_id": NODE, "text": "hi" })).await;
    assert_eq!((status.as_u16(), &answer["code"]), (503, &json!("unavailable")));
    let seq = roof.tell_only(uuid::Uuid::nil(), Evidence::Claimed).await;
    let answered = tokio::time::timeout(Duration::from_millis(300), roof.answered(seq)).await;
    assert!(answered.is_err(), "the record stays with its bridge");
}
