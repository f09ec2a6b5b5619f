//! What nodes measure on their bearers: nobody's business, unless an operator has it passed on.

use crate::{
    cloud::Cloud,
    radio::{Manner, Radio, packet, temperature},
    world::{Running, config},
};
use kosmo_contract::NodeReport;
use kosmo_meshtastic::{Message as _, proto};
use kosmo_test_support::{Mosquitto, MosquittoOptions};

#[tokio::test]
async fn what_a_body_measures_leaves_a_bridge_if_its_operator_says_so() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    for passes_on in [false, true] {
        let cloud = Cloud::connect(&broker.url()).await;
        let radio = Radio::start("a_handshake_full", Manner::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&radio.url(), &broker.url(), folder.path());
        config.health_metrics = passes_on;
        let bridge = Running::start(config);
        cloud.until("a status", |heard| heard.status().is_some_and(|status| status.radio.is_some())).await;
        let health = proto::HealthMetrics { heart_bpm: Some(61), ..Default::default() };
        let telemetry = proto::Telemetry { time: 7, variant: Some(proto::telemetry::Variant::HealthMetrics(health)) };
        radio.say(packet(1, 67, telemetry.encode_to_vec()));
        radio.say(temperature(2, 20.0));
        let counted = |heard: &crate::cloud::Heard| {
            let counters = heard.status().map(|status| &status.counters);
            counters.is_some_and(|counters| counters.iter().any(|(name, count)| &**name == "telemetry_health" && *count == 1))
        };
        let heard = cloud.until("the reading after it", |heard| !heard.readings.is_empty() && (passes_on || counted(heard))).await;
        let told = heard.nodes.iter().filter_map(|record| match record.body.report {
            NodeReport::HealthMetrics(metrics) => metrics.heart_rate_bpm,
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), if passes_on { vec![61] } else { Vec::new() });
        bridge.stop().await;
    }
}
