//! Retained messages, wills, sessions and sharing.

use crate::{
    client::{Peer, listening, options},
    house::{House, INGESTION, ROOF, VIEWER},
};
use kosmo_mqtt::{Event, Limits, Message, Options};
use std::time::Duration;
use tokio::time::timeout;

const READING: &str = "kosmo/mesh/reading/roof";
const STATUS: &str = "kosmo/bridge/roof/status";

#[tokio::test]
async fn a_status_is_kept_replaced_and_taken_away() {
    let house = House::open().await;
    let roof = Peer::connected(options(&house, ROOF)).await;
    roof.publish(Message::new(STATUS, "one").retained()).await;
    roof.publish(Message::new(STATUS, "two").retained()).await;

    let mut viewer = Peer::connected(listening(&house, VIEWER, &["kosmo/bridge/+/status"])).await;
    let kept = viewer.message().await;
    assert!(kept.retain);
    assert_eq!(&kept.payload[..], b"two");
    viewer.stop().await;

    roof.publish(Message::new(STATUS, "").retained()).await;
    let mut viewer = Peer::connected(listening(&house, VIEWER, &["kosmo/bridge/+/status"])).await;
    roof.say(STATUS, "three").await;
    let live = viewer.message().await;
    assert_eq!((&live.payload[..], live.retain), (&b"three"[..], false));
}

#[tokio::test]
async fn a_bridge_that_vanishes_leaves_its_will_and_one_that_says_goodbye_does_not() {
    let house = House::open().await;
    let mut viewer = Peer::connected(listening(&house, VIEWER, &["kosmo/bridge/+/status"])).await;
    let with_will = || Options { will: Some(Message::new(STATUS, "offline").retained()), ..options(&house, ROOF) };

    let polite = Peer::connected(with_will()).await;
    polite.say(STATUS, "online").await;
    polite.stop().await;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let doomed = runtime.spawn(Peer::connected(with_will())).await.unwrap();
    doomed.say(STATUS, "online again").await;
    // Its tasks and sockets end as they would with the process.
    runtime.shutdown_background();
    for expect in ["online", "online again", "offline"] {
        assert_eq!(viewer.text().await, expect);
    }
    let mut late = Peer::connected(Options { client_id: "viewer:late".to_owned(), ..listening(&house, VIEWER, &[STATUS]) }).await;
    assert_eq!(late.text().await, "offline", "the will is retained");
}

#[tokio::test]
async fn a_session_waits_for_its_client_and_keeps_the_order() {
    let house = House::open().await;
    let kept = || Options { clean_session: false, ..listening(&house, INGESTION, &["kosmo/mesh/#"]) };
    Peer::connected(kept()).await.stop().await;
    let roof = Peer::connected(options(&house, ROOF)).await;
    for n in 0..300 {
        roof.say(READING, &n.to_string()).await;
    }
    let mut back = Peer::start(kept());
    // Some of them, or all, may come before the subscriptions are answered.
    let mut heard = Vec::new();
    let mut present = None;
    while heard.len() < 300 || present.is_none() {
        match back.event().await {
            Event::Connected { session_present } => present = Some(session_present),
            Event::Message(delivery) => {
                heard.push(String::from_utf8(delivery.payload.to_vec()).unwrap());
                back.client.acknowledge(delivery.token);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(present, Some(true));
    assert_eq!(heard, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again() {
    let house = House::open().await;
    let kept = || Options { clean_session: false, ..listening(&house, INGESTION, &["kosmo/mesh/#"]) };
    let mut service = Peer::connected(kept()).await;
    let roof = Peer::connected(options(&house, ROOF)).await;
    for n in 0..3 {
        roof.say(READING, &n.to_string()).await;
    }
    assert_eq!(service.text().await, "0");
    let _unacknowledged = (service.message().await, service.message().await);
    service.stop().await;

    let mut back = Peer::start(kept());
    let mut again = vec![back.text().await, back.text().await];
    again.sort();
    assert_eq!(again, ["1", "2"]);
}

#[tokio::test]
async fn a_group_shares_its_messages_and_goes_on_without_a_member_that_died() {
    let house = House::open().await;
    let filter = "$share/ingestion/kosmo/mesh/reading/+";
    let member = |n: u8| Options { client_id: format!("{INGESTION}:{n}"), ..listening(&house, INGESTION, &[filter]) };
    let mut one = Peer::connected(member(1)).await;
    let mut two = Peer::connected(member(2)).await;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut three = runtime.spawn(Peer::connected(member(3))).await.unwrap();
    let roof = Peer::connected(options(&house, ROOF)).await;

    for n in 0..30 {
        roof.say(READING, &n.to_string()).await;
    }
    let mut heard = Vec::new();
    for peer in [&mut one, &mut two, &mut three] {
        for _ in 0..10 {
            heard.push(peer.text().await.parse::<u32>().unwrap());
        }
    }
    heard.sort_unstable();
    assert_eq!(heard, (0..30).collect::<Vec<_>>(), "each reached one member, and every member got its share");

    runtime.shutdown_background();
    // The broker notices the closed socket by itself; what goes to the dead member until then is the spool's to repeat.
    let mut count = 0;
    let mut round = 0;
    while count < 20 {
        round += 1;
        roof.say(READING, &format!("after {round}")).await;
        let either = async {
            tokio::select! { text = one.text() => text, text = two.text() => text }
        };
        count = if timeout(LOST, either).await.is_ok() { count + 1 } else { 0 };
        assert!(round < 100, "messages still go to the dead member");
    }
}

/// After this long on loopback a message went to the dead member.
const LOST: Duration = Duration::from_millis(500);

#[tokio::test]
async fn several_hundred_messages_may_be_in_flight_to_a_service() {
    let house = House::open().await;
    let mut service = Peer::connected(listening(&house, INGESTION, &["kosmo/mesh/#"])).await;
    let limits = Limits { window: 500, ..Limits::default() };
    let roof = Peer::connected(Options { limits, ..options(&house, ROOF) }).await;
    let mut receipts = Vec::new();
    for n in 0..800 {
        receipts.push(roof.client.publish(Message::new(READING, n.to_string())).await.unwrap());
    }
    // None is acknowledged before all have come.
    let mut tokens = Vec::new();
    for n in 0..800 {
        let delivery = service.message().await;
        assert_eq!(delivery.payload, n.to_string());
        tokens.push(delivery.token);
    }
    for token in tokens {
        service.client.acknowledge(token);
    }
    for receipt in receipts {
        receipt.await.unwrap();
    }
    roof.say(READING, "and on").await;
    assert_eq!(service.text().await, "and on");
}
