//! Connecting, being refused, and trying again.

use crate::{
    client::{PATIENCE, Peer, options},
    fake::Fake,
};
use kosmo_mqtt::{Backoff, ConnectionState, Login, Options, OptionsError, Reason, Refusal, connect};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use rand::{SeedableRng, rngs::StdRng};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_wrong_password_is_called_so() {
    let logins = vec![("roof".to_owned(), "right".to_owned())];
    let broker = Mosquitto::start(&MosquittoOptions { logins, ..MosquittoOptions::default() }).await;
    let with = |password: &str| Options {
        login: Some(Login { name: "roof".to_owned(), password: password.to_owned() }),
        ..options(&broker.url(), "roof")
    };

    let mut wrong = Peer::start(with("wrong"));
    assert_eq!(wrong.disconnected().await, Reason::Refused(Refusal::BadCredentials));
    let mut state = wrong.client.state();
    let refused =
        timeout(PATIENCE, state.wait_for(|state| matches!(state, ConnectionState::Disconnected { failures, .. } if *failures >= 3)));
    assert!(refused.await.unwrap().is_ok(), "it keeps trying");

    Peer::connected(with("right")).await;
}

#[tokio::test]
async fn nobody_there_is_a_network_failure() {
    let url = Fake::start().await.url();
    let mut peer = Peer::start(options(&url, "roof"));
    assert!(matches!(peer.disconnected().await, Reason::Network(_)));
    assert!(!peer.client.is_connected());
    let mut unknown = Peer::start(options("mqtt://no-such-host.invalid", "roof"));
    assert!(matches!(unknown.disconnected().await, Reason::Network(_) | Reason::TimedOut));
}

#[tokio::test]
async fn the_pauses_between_attempts_grow() {
    let server = Fake::start().await;
    let backoff = Backoff { min: Duration::from_millis(80), max: Duration::from_mins(1), settled: Duration::from_mins(1) };
    let peer = Peer::start(Options { backoff, ..options(&server.url(), "roof") });
    let mut attempts = Vec::new();
    for _ in 0..5 {
        drop(server.line().await);
        attempts.push(Instant::now());
    }
    let pauses: Vec<Duration> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Each is at least half of a bound that doubles.
    for (pause, least) in pauses.iter().zip([40, 80, 160, 320]) {
        assert!(*pause >= Duration::from_millis(least - 10), "{pauses:?}");
    }
    peer.stop().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_broker_that_is_not_there() {
    let server = Fake::start().await;
    let peer = Peer::start(options(&server.url(), "roof"));
    let _silent = server.line().await;
    let began = Instant::now();
    peer.stop().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn options_nobody_could_connect_with_are_refused_at_once() {
    let check = |options: Options, expect: OptionsError| {
        let refusal = connect(options, StdRng::seed_from_u64(1), CancellationToken::new()).err();
        assert_eq!(refusal, Some(expect));
    };
    let good = || options("mqtt://localhost", "roof");
    check(Options { client_id: String::new(), ..good() }, OptionsError::ClientId);
    check(Options { keep_alive: Duration::ZERO, ..good() }, OptionsError::KeepAlive);
    check(Options { will: Some(kosmo_mqtt::Message::new("a/#", "x")), ..good() }, OptionsError::Will);
    let ca_pem = Some(b"-----BEGIN".to_vec());
    let refusal = connect(Options { ca_pem, ..options("mqtts://localhost", "roof") }, StdRng::seed_from_u64(1), CancellationToken::new());
    assert!(matches!(refusal.err(), Some(OptionsError::CertificateAuthority(_))));
}
