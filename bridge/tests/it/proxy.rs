//! A radio without a network: the bridge carries its MQTT both ways, and nothing else.

use crate::{
    cloud::{Cloud, Heard},
    status::deaf_broker,
    world::{PATIENCE, Running, config, noon},
};
use kosmo_bridge::{ProxyConfig, local};
use kosmo_contract::Status;
use kosmo_domain::{ManualClock, NodeId, PacketId};
use kosmo_meshtastic::{
    Message as _,
    crypto::ChannelKey,
    envelope::Envelope,
    proto::{self, PortNum, mesh_packet::PayloadVariant},
};
use kosmo_mqtt::{Client, Event, Incoming, Message, Options, Subscription};
use kosmo_sim::{Mesh, Reach};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{net::Ipv4Addr, sync::Arc};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

const THEIRS: &str = "msh/EU_868/2/e/LongFast/!a1b2c3d4";
const STRANGER: u32 = 0x4dcc_3003;

struct Scene {
    mesh: Mesh,
    cloud: Cloud,
    folder: TempDir,
    bridge: Running,
    client: Client,
    incoming: Incoming,
    _broker: Mosquitto,
    _end: DropGuard,
}

/// A bridge at a radio whose first channel goes both ways by MQTT, by way of its client.
async fn scene(carried_to: impl FnOnce(&Mosquitto) -> Option<String>) -> Scene {
    let shutdown = CancellationToken::new();
    let one = kosmo_sim::Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        interval: None,
        chat_every: None,
        speed: 25,
        record: true,
        ..Default::default()
    };
    let mesh = Mesh::start(one, Arc::new(ManualClock::at(noon())), shutdown.clone()).await.unwrap();
    let radio = mesh.radio(0);
    radio.have_client_carry();
    let node = radio.node();

    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let mut listener = Options::new(broker.url().parse().unwrap(), "listener");
    listener.subscriptions = vec![Subscription::at_most_once("msh/#")];
    let (client, incoming) = kosmo_mqtt::connect(listener, StdRng::seed_from_u64(3), shutdown.clone()).unwrap();
    assert!(client.connected().await);
    let cloud = Cloud::connect(&broker.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&format!("tcp://{}", mesh.addresses()[0]).parse().unwrap(), &broker.url(), folder.path());
    let carried_to = carried_to(&broker).into_iter();
    config.proxies = carried_to.map(|url| ProxyConfig { node, broker: url.parse().unwrap(), login: None, ca_pem: None }).collect();
    let bridge = Running::start(config);
    let scene = Scene { mesh, cloud, folder, bridge, client, incoming, _broker: broker, _end: shutdown.drop_guard() };
    scene.until_counts("radio_handshakes", 1).await;
    scene
}

fn count(status: &Status, name: &str) -> u64 {
    status.counters.iter().find(|(counter, _)| &***counter == name).map_or(0, |(_, count)| *count)
}

/// A temperature in the envelope of another gateway, encrypted as on the air.
fn envelope(from: u32, id: u32, hop_limit: u32) -> Vec<u8> {
    let weather = proto::EnvironmentMetrics { temperature: Some(21.5), ..Default::default() };
    let telemetry = proto::Telemetry { time: 0, variant: Some(proto::telemetry::Variant::EnvironmentMetrics(weather)) };
    let data = proto::Data { portnum: PortNum::TelemetryApp.into(), payload: telemetry.encode_to_vec(), ..Default::default() };
    let mut bytes = data.encode_to_vec();
    ChannelKey::expand(&[1]).unwrap().apply(NodeId::from_number(from), PacketId(id), &mut bytes);
    let payload_variant = Some(PayloadVariant::Encrypted(bytes));
    let packet = proto::MeshPacket { from, to: u32::MAX, id, channel: 8, hop_limit, hop_start: 3, payload_variant, ..Default::default() };
    proto::ServiceEnvelope { packet: Some(packet), channel_id: "LongFast".into(), gateway_id: "!a1b2c3d4".into() }.encode_to_vec()
}

impl Scene {
    async fn until_counts(&self, name: &str, wanted: u64) {
        self.cloud.until(name, |heard| heard.status().is_some_and(|status| count(status, name) >= wanted)).await;
    }

    async fn until_code(&self, wanted: &str) {
        let asked = async {
            loop {
                let report = local::ask(&self.folder.path().join("status.sock")).await.unwrap();
                if report.is_some_and(|report| report.findings.iter().any(|finding| finding.code == wanted)) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("waited in vain for {wanted}"));
    }

    /// Waits until the bridge is connected for its radio, and so hears what is published.
    async fn until_carried(&self) {
        for id in 1.. {
            self.publish(THEIRS, envelope(STRANGER, 1_000_000 + id, 0)).await;
            let heard = self.cloud.heard();
            if heard.status().is_some_and(|status| count(status, "proxy_handed_in") > 0) {
                return;
            }
            tokio::task::yield_now().await;
            assert!(id < 1_000_000, "the bridge never connected for its radio");
        }
    }

    async fn publish(&self, topic: &str, payload: Vec<u8>) {
        let receipt = self.client.publish(Message::new(topic, payload)).await.unwrap();
        receipt.await.unwrap();
    }

    /// Returns the next message on `msh/…` that is not the test's own.
    async fn next_published(&mut self) -> (String, Vec<u8>) {
        let next = async {
            loop {
                if let Event::Message(message) = self.incoming.next().await.unwrap()
                    && !message.topic.ends_with("!a1b2c3d4")
                {
                    return (message.topic, message.payload.to_vec());
                }
            }
        };
        timeout(PATIENCE, next).await.expect("waited in vain for a message of the radio")
    }
}

#[tokio::test]
async fn what_a_radio_wants_published_is_and_what_its_channels_take_is_handed_in_and_nothing_runs_in_circles() {
    let mut scene = scene(|broker| Some(broker.url())).await;
    let radio = scene.mesh.radio(0).node();
    scene.until_carried().await;

    // Up: a station that agrees is published as it was on the air, by this radio as the gateway; one that does not agree is not.
    let station = scene.mesh.nodes().iter().map(|node| node.id).find(|node| *node != radio).unwrap();
    let say = |bitfield| {
        let data = proto::Data { portnum: PortNum::TextMessageApp.into(), payload: b"hello".to_vec(), bitfield, ..Default::default() };
        scene.mesh.send(station, NodeId::BROADCAST, data, Reach::EveryRadio).unwrap()
    };
    say(Some(0));
    let id = say(Some(1));
    let (topic, payload) = scene.next_published().await;
    assert_eq!(topic, format!("msh/EU_868/2/e/LongFast/{radio}"));
    let published = Envelope::read(&payload).unwrap();
    assert_eq!((published.from(), published.id(), published.gateway), (station, id, Some(radio)));
    assert!(matches!(published.packet.payload_variant, Some(PayloadVariant::Encrypted(_))));
    scene.cloud.until("both texts over the air", |heard| heard.texts.len() == 2).await;

    // Down: what another gateway heard reaches the radio, its client, and the air.
    scene.publish(THEIRS, envelope(STRANGER, 7, 3)).await;
    let of_stranger = |heard: &Heard| {
        let packets = heard.readings.iter().filter_map(|record| record.packet.clone());
        packets.filter(|packet| packet.from.number() == STRANGER && packet.id.0 == 7).collect::<Vec<_>>()
    };
    let heard = scene.cloud.until("the stranger's reading", |heard| !of_stranger(heard).is_empty()).await;
    assert!(of_stranger(&heard)[0].via_mqtt, "it is known to have come by MQTT");
    let mut on_air = scene.mesh.follow_air();
    if !scene.mesh.air_log().iter().any(|on_air| on_air.id == PacketId(7)) {
        timeout(PATIENCE, async { while on_air.recv().await.unwrap().id != PacketId(7) {} }).await.expect("the radio relays it");
    }

    // Neither way back: not what went up, by whatever gateway, and not the radio's own.
    let before = scene.cloud.heard().status().map_or(0, |status| count(status, "proxy_refused"));
    let mut returned = proto::ServiceEnvelope::decode(&payload[..]).unwrap();
    returned.gateway_id = "!a1b2c3d4".to_owned();
    scene.publish(THEIRS, returned.encode_to_vec()).await;
    scene.publish(THEIRS, envelope(radio.number(), 8, 3)).await;
    scene.publish(THEIRS, envelope(STRANGER, 7, 3)).await;
    scene.publish(THEIRS, vec![0xff; 30]).await;
    scene.publish("msh/US/2/e/LongFast/!a1b2c3d4", envelope(STRANGER, 9, 3)).await;
    scene.until_counts("proxy_refused", before + 4).await;
    scene.publish(THEIRS, envelope(STRANGER, 10, 0)).await;
    let last = |heard: &Heard| heard.readings.iter().any(|record| record.packet.as_ref().is_some_and(|packet| packet.id.0 == 10));
    let heard = scene.cloud.until("what came after it all", last).await;
    assert_eq!(of_stranger(&heard).len(), 1);
    let ids: Vec<_> = heard.readings.iter().filter_map(|record| Some(record.packet.as_ref()?.id.0)).collect();
    assert!(!ids.contains(&8) && !ids.contains(&9));
    scene.bridge.stop().await;
}

#[tokio::test]
async fn a_radio_that_wants_to_be_carried_by_a_bridge_that_does_not_is_said_and_costs_nothing() {
    let scene = scene(|_| None).await;
    scene.until_code("proxy_missing").await;
    scene.bridge.stop().await;
}

#[tokio::test]
async fn a_broker_that_keeps_what_others_publish_from_the_radio_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    let (heard, _unheard) = mpsc::unbounded_channel();
    let broker = tokio::spawn(deaf_broker(listener, "msh/EU_868/2/e/LongFast/+", heard));
    let scene = scene(|_| Some(url)).await;
    scene.until_code("proxy_deaf").await;
    broker.abort();
    scene.until_code("proxy_away").await;
    scene.bridge.stop().await;
}
