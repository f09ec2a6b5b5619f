//! Every recorded connection of a real radio, replayed to a whole bridge: what its decoded file lists arrives, and nothing else.

use crate::{
    cloud::{Cloud, Heard},
    expected::{expected, told},
    radio::{Manner, Radio},
    world::{Running, config},
};
use kosmo_test_support::{Mosquitto, MosquittoOptions};

async fn check(recording: &str) {
    let expected = expected(recording);
    assert!(!expected.lines.is_empty());
    let whole = Manner::default();
    for manner in [whole, Manner { split: Some(1), ..whole }, Manner { split: Some(7), ..whole }, Manner { junk: true, ..whole }] {
        let broker = Mosquitto::start(&MosquittoOptions::default()).await;
        let cloud = Cloud::connect(&broker.url()).await;
        let radio = Radio::start(recording, manner).await;
        let folder = tempfile::tempdir().unwrap();
        let bridge = Running::start(config(&radio.url(), &broker.url(), folder.path()));

        let heard = cloud.until("everything", |heard| has_everything(heard, expected.packets)).await;
        assert_eq!(told(&heard), expected.lines, "{recording}, {manner:?}");
        bridge.stop().await;
    }
}

/// Tells whether the bridge says that it took in so many packets, and that everything was answered for.
fn has_everything(heard: &Heard, packets: u64) -> bool {
    let Some(status) = heard.status() else { return false };
    let count = |name: &str| status.counters.iter().find(|(counter, _)| &***counter == name).map_or(0, |(_, count)| *count);
    let waiting = status.queues.as_ref().map_or(1, |queues| queues.ingest.waiting + queues.gateway.waiting);
    let is_taken_in = count("radio_handshakes") == 1 && count("packets_received") == packets && waiting == 0;
    is_taken_in && count("records_committed") == count("records_spooled") && count("records_spooled") > 0
}

#[tokio::test]
async fn a_full_handshake() {
    check("a_handshake_full").await;
}

#[tokio::test]
async fn a_handshake_without_other_nodes() {
    check("a_handshake_only_config_69420").await;
}

#[tokio::test]
async fn texts_and_what_is_none() {
    check("b_text_received_with_rx_time").await;
}

#[tokio::test]
async fn routing_errors() {
    check("c_routing_errors").await;
}

#[tokio::test]
async fn queue_statuses_and_telemetry() {
    check("e_queuestatus_text_noack_then_ack").await;
}

#[tokio::test]
async fn a_client_that_sent_garbage() {
    check("x_partial_and_garbage_input").await;
}
