//! Servers that no client should trust.

use crate::{
    client::{Peer, options},
    fake::{Fake, PINGREQ, PUBLISH, SUBSCRIBE},
};
use kosmo_mqtt::{ConnectionLost, Event, Limits, Message, Options, Reason, Subscription};
use std::time::Duration;

#[tokio::test]
async fn a_receipt_fails_when_the_connection_is_lost() {
    let server = Fake::start().await;
    let mut peer = Peer::start(options(&server.url(), "roof"));
    let mut line = server.welcome().await;
    peer.session_present().await;
    let receipt = peer.client.publish(Message::new("n", "x")).await.unwrap();
    assert_eq!(line.packet().await.unwrap().0, PUBLISH);
    drop(line);
    assert_eq!(receipt.await, Err(ConnectionLost));
    assert_eq!(peer.disconnected().await, Reason::Closed);
}

#[tokio::test]
async fn a_publish_that_waits_for_room_ends_with_the_connection() {
    let server = Fake::start().await;
    let limits = Limits { window: 1, ..Limits::default() };
    let mut peer = Peer::start(Options { limits, ..options(&server.url(), "roof") });
    let mut line = server.welcome().await;
    peer.session_present().await;
    let _first = peer.client.publish(Message::new("n", "x")).await.unwrap();
    assert_eq!(line.packet().await.unwrap().0, PUBLISH);
    let client = peer.client.clone();
    let waiting = tokio::spawn(async move { client.publish(Message::new("n", "y")).await.err() });
    drop(line);
    assert!(waiting.await.unwrap().is_some());
}

#[tokio::test]
async fn a_broker_that_never_acknowledges_is_left() {
    let server = Fake::start().await;
    let limits = Limits { acknowledge: Duration::from_millis(500), ..Limits::default() };
    let mut peer = Peer::start(Options { limits, keep_alive: Duration::from_secs(1), ..options(&server.url(), "roof") });
    let mut line = server.welcome().await;
    peer.session_present().await;
    let receipt = peer.client.publish(Message::new("n", "x")).await.unwrap();
    let answering = tokio::spawn(async move {
        while let Ok((kind, _)) = line.packet().await {
            if kind == PINGREQ {
                line.send(&[0xd0, 0]).await;
            }
        }
    });
    assert_eq!(peer.disconnected().await, Reason::Unacknowledged);
    assert_eq!(receipt.await, Err(ConnectionLost));
    answering.await.unwrap();
}

#[tokio::test]
async fn a_broker_that_answers_no_ping_is_left() {
    let server = Fake::start().await;
    let mut peer = Peer::start(Options { keep_alive: Duration::from_secs(1), ..options(&server.url(), "roof") });
    let _line = server.welcome().await;
    assert_eq!(peer.disconnected().await, Reason::TimedOut);
}

#[tokio::test]
async fn pings_go_on_while_nobody_takes_messages() {
    let server = Fake::start().await;
    let limits = Limits { waiting_messages: 3, ..Limits::default() };
    let peer = Peer::start(Options { limits, keep_alive: Duration::from_secs(1), ..options(&server.url(), "roof") });
    let mut line = server.welcome().await;
    for _ in 0..1000 {
        line.send(b"\x30\x04\x00\x01nx").await;
    }
    for _ in 0..2 {
        assert_eq!(line.packet().await.unwrap().0, PINGREQ);
        line.send(&[0xd0, 0]).await;
    }
    assert!(peer.client.is_connected());
    let rest = peer.stop().await;
    assert_eq!(rest.iter().filter(|event| matches!(event, Event::Message(_))).count(), 3, "the others were dropped");
}

#[tokio::test]
async fn a_refused_subscription_is_told() {
    let server = Fake::start().await;
    let subscriptions = vec![Subscription::at_least_once("mine"), Subscription::at_least_once("yours")];
    let mut peer = Peer::start(Options { subscriptions, ..options(&server.url(), "roof") });
    let mut line = server.welcome().await;
    let (kind, body) = line.packet().await.unwrap();
    assert_eq!(kind, SUBSCRIBE);
    line.send(&[0x90, 4, body[0], body[1], 1, 0x80]).await;
    assert!(matches!(peer.event().await, Some(Event::SubscriptionRefused { filter }) if filter == "yours"));
    assert!(matches!(peer.event().await, Some(Event::Connected { session_present: false })));
    peer.client.connected().await;
    assert_eq!(peer.client.check(), Err("refuses a subscription"));

    // The rules are others by the time it is asked for again.
    drop(line);
    assert!(matches!(peer.event().await, Some(Event::Disconnected { .. })));
    let mut line = server.welcome().await;
    let (_, body) = line.packet().await.unwrap();
    assert_eq!(peer.client.check(), Err("is not connected"));
    line.send(&[0x90, 4, body[0], body[1], 1, 1]).await;
    assert!(matches!(peer.event().await, Some(Event::Connected { .. })));
    peer.client.connected().await;
    assert_eq!(peer.client.check(), Ok(()));
}

#[tokio::test]
async fn what_is_not_mqtt_ends_the_connection_and_not_the_client() {
    let server = Fake::start().await;
    let mut peer = Peer::start(options(&server.url(), "roof"));
    let garbage: [&[u8]; 7] = [
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\ncontent-length: 52\r\n\r\n<h1>This is not the server you are looking for.</h1>",
        &[0x20, 0xff, 0xff, 0xff, 0x7f],
        &[0x20, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x00, 0x00],
        &[0x20, 2, 0, 9],
        &[0x30, 4, 0, 1, b'n', b'x'],
        &[0xf0, 0],
    ];
    for bytes in garbage {
        let mut line = server.line().await;
        line.packet().await.unwrap();
        line.send(bytes).await;
        let reason = peer.disconnected().await;
        assert!(matches!(reason, Reason::Protocol(_) | Reason::TooLarge(_)), "{bytes:?}: {reason:?}");
    }
    let out_of_place: [&[u8]; 6] = [
        &[0x40, 2, 0, 77],
        &[0x40, 2, 0xff, 0xff],
        &[0x50, 2, 0, 1],
        &[0x70, 2, 0, 1],
        &[0x34, 6, 0, 1, b'n', 0, 1, b'x'],
        &[0x32, 2, 0, 9],
    ];
    for bytes in out_of_place {
        let mut line = server.welcome().await;
        peer.session_present().await;
        line.send(bytes).await;
        let reason = peer.disconnected().await;
        assert!(matches!(reason, Reason::Protocol(_)), "{bytes:?}: {reason:?}");
    }
    server.welcome().await;
    peer.session_present().await;
}
