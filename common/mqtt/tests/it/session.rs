//! What a lost connection does to sessions, subscriptions and acknowledgements.

use crate::client::{Peer, options};
use kosmo_mqtt::{Message, Options, PublishError, Subscription};
use kosmo_test_support::{Mosquitto, MosquittoOptions};

fn persistent() -> MosquittoOptions {
    MosquittoOptions { persistent: true, ..MosquittoOptions::default() }
}

fn listening(broker: &Mosquitto) -> Options {
    Options { clean_session: false, subscriptions: vec![Subscription::at_least_once("n")], ..options(&broker.url(), "listener") }
}

/// Restarts the broker after it has read what the listener last acknowledged.
async fn stop_and_start(broker: &mut Mosquitto, listener: &Peer) {
    listener.say("elsewhere", "what is sent before this arrives before this").await;
    broker.stop().await;
    broker.restart().await;
}

#[tokio::test]
async fn a_message_without_acknowledgement_comes_again_and_a_stale_one_changes_nothing() {
    let mut broker = Mosquitto::start(&persistent()).await;
    let mut listener = Peer::connected(listening(&broker)).await;
    let mut speaker = Peer::connected(options(&broker.url(), "speaker")).await;
    speaker.say("n", "first").await;
    let stale = listener.message().await.token;

    stop_and_start(&mut broker, &listener).await;
    assert!(listener.session_present().await);
    let again = listener.message().await;
    assert_eq!(&again.payload[..], b"first");
    assert_ne!(again.token, stale);
    listener.client.acknowledge(stale);
    // A second message goes round after the stale acknowledgement, so a broker that got that one has dealt with it.
    speaker.session_present().await;
    speaker.say("n", "second").await;
    assert_eq!(listener.text().await, "second");

    stop_and_start(&mut broker, &listener).await;
    assert!(listener.session_present().await);
    assert_eq!(listener.text().await, "first");
    speaker.session_present().await;
    speaker.say("n", "third").await;
    assert_eq!(listener.text().await, "third");

    stop_and_start(&mut broker, &listener).await;
    assert!(listener.session_present().await);
    speaker.session_present().await;
    speaker.say("n", "fourth").await;
    assert_eq!(listener.text().await, "fourth", "what was acknowledged does not come again");
}

#[tokio::test]
async fn a_broker_that_forgot_everything_is_told_the_subscriptions_again() {
    let mut broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener = Peer::connected(listening(&broker)).await;
    let mut speaker = Peer::connected(options(&broker.url(), "speaker")).await;
    for round in 0..3 {
        broker.kill();
        listener.disconnected().await;
        assert_eq!(speaker.client.publish(Message::new("n", "lost")).await.err(), {
            speaker.disconnected().await;
            Some(PublishError::NotConnected)
        });
        broker.restart().await;
        assert!(!listener.session_present().await);
        speaker.session_present().await;
        let text = round.to_string();
        speaker.say("n", &text).await;
        assert_eq!(listener.text().await, text);
    }
}

#[tokio::test]
async fn a_program_that_starts_again_subscribes_what_it_now_wants_even_if_a_session_was_kept() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let listener = Peer::connected(listening(&broker)).await;
    listener.stop().await;
    let wider = vec![Subscription::at_least_once("n"), Subscription::at_least_once("m")];
    let mut listener = Peer::start(Options { subscriptions: wider, ..listening(&broker) });
    assert!(listener.session_present().await);

    let speaker = Peer::connected(options(&broker.url(), "speaker")).await;
    speaker.say("m", "new").await;
    assert_eq!(listener.text().await, "new");
}
