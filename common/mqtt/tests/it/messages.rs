//! Publishing and hearing.

use crate::client::{Peer, options};
use kosmo_mqtt::{Event, Limits, Message, Options, PublishError, Qos, Reason, Subscription};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use std::collections::HashSet;

#[tokio::test]
async fn what_one_says_the_other_hears() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener = Peer::connected(Options {
        subscriptions: vec![Subscription::at_least_once("news/+"), Subscription::at_most_once("noise/#")],
        ..options(&broker.url(), "listener")
    })
    .await;
    let speaker = Peer::connected(options(&broker.url(), "speaker")).await;

    speaker.say("news/one", "hello").await;
    let quiet = speaker.client.publish(Message::new("noise/a", "zzz").at_most_once()).await.unwrap();
    quiet.await.unwrap();
    speaker.say("elsewhere", "nobody hears this").await;
    speaker.say("news/two", "bye").await;

    let delivery = listener.message().await;
    assert_eq!((delivery.topic.as_str(), &delivery.payload[..]), ("news/one", &b"hello"[..]));
    listener.client.acknowledge(delivery.token);
    assert_eq!(listener.text().await, "zzz");
    assert_eq!(listener.text().await, "bye");
}

#[tokio::test]
async fn a_retained_message_is_heard_by_who_comes_later() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let speaker = Peer::connected(options(&broker.url(), "speaker")).await;
    speaker.client.publish(Message::new("state", "online").retained()).await.unwrap().await.unwrap();

    let mut listener =
        Peer::connected(Options { subscriptions: vec![Subscription::at_least_once("state")], ..options(&broker.url(), "listener") }).await;
    let delivery = listener.message().await;
    assert!(delivery.retain);
    assert_eq!(&delivery.payload[..], b"online");
}

#[tokio::test]
async fn many_messages_pass_through_a_small_window() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener =
        Peer::connected(Options { subscriptions: vec![Subscription::at_least_once("n")], ..options(&broker.url(), "listener") }).await;
    let limits = Limits { window: 10, ..Limits::default() };
    let speaker = Peer::connected(Options { limits, ..options(&broker.url(), "speaker") }).await;

    let client = speaker.client.clone();
    let speaking = tokio::spawn(async move {
        let mut receipts = Vec::new();
        for n in 0..2000 {
            receipts.push(client.publish(Message::new("n", n.to_string())).await.unwrap());
        }
        for receipt in receipts {
            receipt.await.unwrap();
        }
    });
    for n in 0..2000 {
        assert_eq!(listener.text().await, n.to_string(), "in order");
    }
    speaking.await.unwrap();
}

#[tokio::test]
async fn a_message_that_does_not_fit_is_refused_before_it_is_sent() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let limits = Limits { packet: 1000, ..Limits::default() };
    let speaker = Peer::connected(Options { limits, ..options(&broker.url(), "speaker") }).await;

    let refusal = |message| {
        let client = speaker.client.clone();
        async move { client.publish(message).await.err() }
    };
    assert_eq!(refusal(Message::new("a", vec![0; 1000])).await, Some(PublishError::TooLarge { limit: 1000 }));
    for topic in ["", "a/+", "a/#", "a\0b"] {
        assert_eq!(refusal(Message::new(topic, "x")).await, Some(PublishError::Topic), "{topic:?}");
    }
    assert!(speaker.client.is_connected());
}

#[tokio::test]
async fn a_packet_over_the_limit_ends_the_connection_with_that_reason() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener = Peer::connected(Options {
        subscriptions: vec![Subscription::at_least_once("big")],
        limits: Limits { packet: 2000, ..Limits::default() },
        ..options(&broker.url(), "listener")
    })
    .await;
    let speaker = Peer::connected(options(&broker.url(), "speaker")).await;

    speaker.say("big", &"x".repeat(5000)).await;
    assert!(matches!(listener.disconnected().await, Reason::TooLarge(bytes) if bytes > 5000));
}

#[tokio::test]
async fn a_shutdown_sends_what_was_given_and_leaves_no_will() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener =
        Peer::connected(Options { subscriptions: vec![Subscription::at_least_once("#")], ..options(&broker.url(), "listener") }).await;
    let will = Some(Message::new("will", "I am gone"));
    let speaker = Peer::connected(Options { will, ..options(&broker.url(), "speaker") }).await;

    let mut receipts = Vec::new();
    for n in 0..100 {
        receipts.push(speaker.client.publish(Message::new("n", n.to_string())).await.unwrap());
    }
    let client = speaker.client.clone();
    let rest = speaker.stop().await;
    assert!(matches!(rest[..], [Event::Disconnected { reason: Reason::Shutdown }]), "{rest:?}");
    for receipt in receipts {
        receipt.await.unwrap();
    }
    client.closed().await;
    assert_eq!(client.publish(Message::new("n", "late")).await.err(), Some(PublishError::NotConnected));

    let other = Peer::connected(options(&broker.url(), "other")).await;
    other.say("n", "the end").await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "the end") {
        heard.push(listener.text().await);
    }
    assert_eq!(heard.len(), 101, "and no will");
}

#[tokio::test]
async fn a_will_is_published_for_who_vanishes() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener =
        Peer::connected(Options { subscriptions: vec![Subscription::at_least_once("state")], ..options(&broker.url(), "listener") }).await;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let will = Some(Message { topic: "state".to_owned(), payload: "offline".into(), qos: Qos::AtLeastOnce, retain: true });
    let doomed = Options { will, ..options(&broker.url(), "doomed") };
    let peer = runtime.spawn(Peer::connected(doomed)).await.unwrap();
    peer.say("state", "online").await;
    assert_eq!(listener.text().await, "online");

    // Its tasks and sockets end as they would with the process.
    runtime.shutdown_background();
    assert_eq!(listener.text().await, "offline");
}

#[tokio::test]
async fn who_does_not_take_messages_gets_them_later_instead_of_using_up_memory() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener = Peer::connected(Options {
        clean_session: false,
        subscriptions: vec![Subscription::at_least_once("n")],
        limits: Limits { waiting_messages: 10, ..Limits::default() },
        ..options(&broker.url(), "listener")
    })
    .await;
    let speaker = Peer::connected(options(&broker.url(), "speaker")).await;
    for n in 0..50 {
        speaker.say("n", &n.to_string()).await;
    }

    let mut overruns = 0;
    let mut heard = HashSet::new();
    while heard.len() < 50 {
        match listener.event().await.unwrap() {
            Event::Message(delivery) => {
                heard.insert(String::from_utf8(delivery.payload.to_vec()).unwrap());
                listener.client.acknowledge(delivery.token);
            }
            Event::Disconnected { reason } => overruns += usize::from(reason == Reason::Overrun),
            Event::Connected { .. } | Event::SubscriptionRefused { .. } => {}
        }
    }
    assert!(overruns >= 1);
}
