//! What is too much.

use crate::{
    client::{PATIENCE, Peer, listening, options},
    house::{House, INGESTION, ROOF, VIEWER, config, limits},
    raw::{PUBLISH, Raw},
};
use kosmo_broker::{Config, Limits, Queue, Rate};
use kosmo_mqtt::{Message, Options, Reason, Refusal};
use std::{collections::HashSet, time::Duration};
use tokio::time::{Instant, timeout};

const READING: &str = "kosmo/mesh/reading/roof";

async fn house(limits: Limits) -> House {
    House::with(Config { limits, ..config() }).await
}

#[tokio::test]
async fn a_packet_over_the_limit_ends_its_senders_connection_only() {
    let house = House::open().await;
    let mut viewer = Peer::connected(listening(&house, VIEWER, &["kosmo/#"])).await;
    let mut eager = options(&house, ROOF);
    eager.limits.packet = 2 * 1024 * 1024;
    let mut roof = Peer::connected(eager).await;
    drop(roof.client.publish(Message::new(READING, vec![b'x'; 1024 * 1024])).await.unwrap());
    assert_eq!(roof.disconnected().await, Reason::Closed);
    roof.session_present().await;
    roof.publish(Message::new(READING, vec![b'y'; 200 * 1024])).await;
    assert_eq!(viewer.text().await, "y".repeat(200 * 1024));
}

#[tokio::test]
async fn so_many_subscriptions_and_no_more() {
    let house = house(Limits { subscriptions: 10, ..limits() }).await;
    let filters: Vec<String> = (0..15).map(|n| format!("kosmo/{n}")).collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let mut viewer = Peer::start(listening(&house, VIEWER, &filters));
    assert_eq!(viewer.refused_filters().await, filters[10..]);
}

#[tokio::test]
async fn so_many_retained_messages_and_no_more() {
    let house = house(Limits { retained: 5, ..limits() }).await;
    let service = Peer::connected(options(&house, INGESTION)).await;
    for n in 0..8 {
        service.publish(Message::new(format!("kosmo/{n}"), "first").retained()).await;
    }
    service.publish(Message::new("kosmo/0", "replaced").retained()).await;
    service.publish(Message::new("kosmo/1", "").retained()).await;
    service.publish(Message::new("kosmo/7", "room again").retained()).await;

    let mut viewer = Peer::connected(listening(&house, VIEWER, &["kosmo/+"])).await;
    let mut kept = HashSet::new();
    for _ in 0..5 {
        let delivery = viewer.message().await;
        assert!(delivery.retain);
        kept.insert(format!("{} {}", delivery.topic, String::from_utf8(delivery.payload.to_vec()).unwrap()));
    }
    let expect = ["kosmo/0 replaced", "kosmo/2 first", "kosmo/3 first", "kosmo/4 first", "kosmo/7 room again"];
    assert_eq!(kept, expect.map(String::from).into());
    service.say("kosmo/end", "end").await;
    assert_eq!(viewer.text().await, "end");
}

#[tokio::test]
async fn a_session_without_its_client_keeps_so_many_messages() {
    let house = house(Limits { service_queue: Queue { messages: 50, bytes: 1024 * 1024 }, ..limits() }).await;
    let kept = || Options { clean_session: false, ..listening(&house, INGESTION, &["kosmo/mesh/#"]) };
    Peer::connected(kept()).await.stop().await;
    let roof = Peer::connected(options(&house, ROOF)).await;
    for n in 0..200 {
        roof.say(READING, &n.to_string()).await;
    }
    let mut back = Peer::start(kept());
    for n in 0..50 {
        assert_eq!(back.text().await, n.to_string());
    }
    roof.say(READING, "on").await;
    assert_eq!(back.text().await, "on", "what had no room is gone, and the rest goes on");
}

#[tokio::test]
async fn a_slow_reader_gets_what_fits_and_holds_nobody_up() {
    const MESSAGES: usize = 12_000;
    let queue = Queue { messages: 100, bytes: 1024 * 1024 };
    let house = house(Limits { queue, write: Duration::from_secs(15), ..limits() }).await;
    let mut slow = Raw::login(&house, VIEWER, "viewer:slow").await;
    slow.subscribe("kosmo/#").await;
    let mut service = Peer::connected(listening(&house, INGESTION, &["kosmo/#"])).await;

    let speaker = Peer::connected(options(&house, "gateway-2")).await;
    let payload = "x".repeat(4000);
    let client = speaker.client.clone();
    let speaking = tokio::spawn(async move {
        let mut last = None;
        for _ in 0..MESSAGES {
            last = Some(client.publish(Message::new(READING, payload.clone())).await.unwrap());
        }
        last.unwrap().await.unwrap();
    });
    for _ in 0..MESSAGES {
        service.text().await;
    }
    speaking.await.unwrap();

    // What the sockets' buffers hold, at most ten megabytes, was out of the broker's hands.
    speaker.say("kosmo/end", "end").await;
    drop(speaker);
    let mut got = 0;
    while got < MESSAGES {
        match timeout(Duration::from_secs(1), slow.packet()).await {
            Ok(Ok((PUBLISH, _))) => got += 1,
            _ => break,
        }
    }
    assert!(got > 0 && got < MESSAGES / 2, "{got} of {MESSAGES} waited for the slow reader");
}

#[tokio::test]
async fn a_reader_that_stopped_reading_is_cut_off() {
    let house = house(Limits { write: Duration::from_millis(300), ..limits() }).await;
    let mut stuck = Raw::login_with_will(&house, "gateway-2", "gateway-2:stuck", ["kosmo/stuck", "gone"]).await;
    stuck.subscribe("kosmo/mesh/#").await;
    let mut listener = Peer::connected(listening(&house, VIEWER, &["kosmo/stuck"])).await;
    let speaker = Peer::connected(options(&house, INGESTION)).await;
    let payload = "x".repeat(100_000);
    let flood = async {
        loop {
            speaker.publish(Message::new(READING, payload.clone())).await;
        }
    };
    tokio::select! {
        text = listener.text() => assert_eq!(text, "gone"),
        () = flood => {}
    }
    stuck.messages_to_the_end().await;
}

#[tokio::test]
async fn a_bridge_that_talks_too_fast_is_slowed_down_and_loses_nothing() {
    let publish_rate = Rate { messages: 200, bytes: 1_000_000, burst_seconds: 1 };
    let house = house(Limits { publish_rate, ..limits() }).await;
    let mut service = Peer::connected(listening(&house, INGESTION, &["kosmo/mesh/#"])).await;
    let roof = Peer::connected(options(&house, ROOF)).await;
    let began = Instant::now();
    let mut receipts = Vec::new();
    for n in 0..500 {
        receipts.push(roof.client.publish(Message::new(READING, n.to_string())).await.unwrap());
    }
    for n in 0..500 {
        assert_eq!(service.text().await, n.to_string());
    }
    for receipt in receipts {
        timeout(PATIENCE, receipt).await.unwrap().unwrap();
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1400) && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn so_many_sessions_and_client_ids_of_some_length() {
    let house = house(Limits { sessions: 2, client_id_bytes: 20, ..limits() }).await;
    let long = Options { client_id: format!("roof:{}", "x".repeat(20)), ..options(&house, ROOF) };
    assert_eq!(Peer::start(long).disconnected().await, Reason::Refused(Refusal::ClientId));
    let _one = Peer::connected(options(&house, ROOF)).await;
    let two = Peer::connected(options(&house, VIEWER)).await;
    let mut three = Peer::start(options(&house, INGESTION));
    assert_eq!(three.disconnected().await, Reason::Refused(Refusal::Unavailable));
    two.stop().await;
    three.session_present().await;
}

#[tokio::test]
async fn a_client_that_says_goodbye_and_stays_is_shown_the_door() {
    let house = House::open().await;
    let mut raw = Raw::login(&house, VIEWER, "viewer:lingering").await;
    raw.send_bytes(&[0xe0, 0]).await;
    assert_eq!(raw.messages_to_the_end().await, 0);
}

#[tokio::test]
async fn what_is_not_mqtt_ends_its_connection_and_not_the_broker() {
    let house = House::open().await;
    let addr = house.broker.tcp_addr().unwrap();
    let garbage: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        &[0x10, 0xff, 0xff, 0xff, 0xff, 0xff],
        b"\x10\x0c\x00\x04MQTT\x09\x02\x00\x00\x00\x00",
        b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x00\x00\x00",
        b"\x10\x0c\x00\x04MQTT\x04\xff\x00\x00\xff\xff",
        &[0xc0, 0],
        &[0; 100],
    ];
    for bytes in garbage {
        let mut raw = Raw::open(addr).await;
        raw.send_bytes(bytes).await;
        assert_eq!(raw.messages_to_the_end().await, 0, "{bytes:?}");
    }
    for (n, (first, body)) in [
        (0x30, &b"\xff\xffx"[..]),
        (0x32, b"\x00\x01a\x00\x00"),
        (0x82, b"\x00\x01"),
        (0x10, b""),
        (0xf0, b""),
        (0x30, b"\x00\x02\xc3\x28x"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut raw = Raw::login(&house, VIEWER, &format!("viewer:{n}")).await;
        raw.send(first, body).await;
        assert_eq!(raw.messages_to_the_end().await, 0, "{first:x} {body:?}");
    }
    Peer::connected(options(&house, ROOF)).await.say(READING, "fine").await;
}
