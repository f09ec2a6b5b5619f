//! Texts from the cloud through a bridge that runs to a radio, and what the cloud is told of them.

use crate::{
    cloud::{Cloud, Heard},
    radio::{Manner, Radio, packet},
    world::{Running, config, noon},
};
use kosmo_contract::{Evidence, NotSentReason, Offer, Priority, Text, V1, topic::Topic};
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{Message as _, outgoing::packet_id, proto};
use kosmo_mqtt::Message;
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use proto::mesh_packet::PayloadVariant;
use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const ANA: u32 = 0x4dbb_2002;
pub(crate) const ROOF: u32 = 0x4daa_1001;

pub(crate) struct Scene {
    broker: Mosquitto,
    pub(crate) cloud: Cloud,
    pub(crate) radio: Radio,
    folder: TempDir,
}

pub(crate) async fn scene() -> Scene {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let radio = Radio::start("a_handshake_full", Manner::default()).await;
    Scene { broker, cloud, radio, folder: tempfile::tempdir().unwrap() }
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn offer(number: u128) -> Offer {
    let to = NodeId::from_number(ANA);
    Offer {
        v: V1,
        message_id: id(number),
        bridge: None,
        channel: None,
        member: None,
        priority: Priority::Normal,
        contact: None,
        to,
        text: Text::cut("ana: schön"),
        reply_to: Some(PacketId(9)),
        ttl_s: 3600,
    }
}

fn count(heard: &Heard, name: &str) -> u64 {
    heard.status().and_then(|status| status.counters.iter().find(|(counter, _)| &***counter == name)).map_or(0, |(_, count)| *count)
}

/// What became of a packet, from its addressee or from the radio itself.
fn routing(number: u32, from: u32, about: u32, code: i32) -> proto::MeshPacket {
    let routing = proto::Routing { variant: Some(proto::routing::Variant::ErrorReason(code)) };
    let data = proto::Data { portnum: 5, payload: routing.encode_to_vec(), request_id: about, ..Default::default() };
    let heard = proto::MeshPacket { from, to: ROOF, payload_variant: Some(PayloadVariant::Decoded(data)), ..packet(number, 5, Vec::new()) };
    if from == ROOF { proto::MeshPacket { transport_mechanism: 0, rx_snr: 0.0, rx_rssi: 0, ..heard } } else { heard }
}

impl Scene {
    pub(crate) fn start_bridge(&self) -> Running {
        self.start_bridge_after(Duration::ZERO)
    }

    fn start_bridge_after(&self, since: Duration) -> Running {
        Running::start_at(config(&self.radio.url(), &self.broker.url(), self.folder.path()), noon().plus(since))
    }

    /// Offers a text until it is claimed, as a gateway does, and grants it.
    pub(crate) async fn send(&self, number: u128) {
        self.claimed(number).await;
        self.cloud.grant(id(number)).await;
    }

    pub(crate) async fn claimed(&self, number: u128) {
        loop {
            self.cloud.offer(&offer(number)).await;
            let claim = self.cloud.until("a claim", |heard| heard.told(id(number)).contains(&Evidence::Claimed));
            if tokio::time::timeout(Duration::from_secs(1), claim).await.is_ok() {
                return;
            }
        }
    }

    pub(crate) async fn told(&self, number: u128, last: &Evidence) -> Vec<Evidence> {
        let heard = self.cloud.until(&format!("{last:?}"), |heard| heard.told(id(number)).last() == Some(last)).await;
        heard.told(id(number))
    }
}

#[tokio::test]
async fn a_text_goes_to_the_radio_when_it_is_granted_and_the_cloud_is_told_what_becomes_of_it() {
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    scene.claimed(1).await;
    assert!(scene.radio.packets().is_empty(), "nothing without a grant");
    scene.cloud.grant(id(1)).await;
    let packet = scene.radio.until_packet().await;
    let packet_id = packet_id(1, 0);
    assert_eq!((packet.from, packet.to, packet.id, packet.want_ack, packet.hop_limit), (ROOF, ANA, packet_id.0, true, 3));
    let Some(PayloadVariant::Decoded(data)) = packet.payload_variant else { panic!("a text") };
    assert_eq!((data.portnum, data.payload.as_slice(), data.reply_id), (1, "ana: schön".as_bytes(), 9));
    let in_flight = |heard: &Heard| heard.status().and_then(|status| Some(status.queues.as_ref()?.outbound.in_flight));
    scene.cloud.until("a text with the radio", |heard| in_flight(heard) == Some(1)).await;

    scene.radio.say_queue_status(packet_id.0, 0, 15);
    let given = Evidence::HandedOver { attempt: 0, packet_id, radio: NodeId::from_number(ROOF) };
    let transmitted = Evidence::Transmitted { packet_id };
    assert_eq!(scene.told(1, &transmitted).await, [Evidence::Claimed, given.clone(), transmitted.clone()]);
    scene.radio.say(routing(1, ROOF, packet_id.0, 0));
    let relayed = Evidence::Relayed { packet_id };
    scene.told(1, &relayed).await;
    let echo = proto::MeshPacket { via_mqtt: true, ..routing(2, ANA, packet_id.0, 0) };
    scene.radio.say(echo);
    scene.radio.say(routing(3, ANA, packet_id.0, 0));
    let acknowledged = Evidence::Acknowledged { packet_id, by: NodeId::from_number(ANA), proven: false };
    assert_eq!(scene.told(1, &acknowledged).await[1..], [given, transmitted, relayed, acknowledged]);
    scene.cloud.until("no text with the radio", |heard| in_flight(heard) == Some(0)).await;
    bridge.stop().await;
}

/// Everything that is logged, on the one thread of a test.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_says_what_a_person_wrote() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(move || writer.clone());
    let _default = tracing::subscriber::set_default(subscriber.finish());
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    scene.cloud.publish(Message::new("kosmo/mesh/outbound/!4dbb2002", "{\"text\":\"ana: schön\"}")).await;
    scene.send(1).await;
    let given = scene.radio.until_packet().await;
    scene.radio.say_queue_status(given.id, 0, 15);
    scene.radio.say(packet(1, 1, "schön!".as_bytes().to_vec()));
    scene.cloud.until("the answer", |heard| heard.texts.len() == 1).await;
    bridge.stop().await;
    let logged = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<_> = logged.lines().filter(|line| line.contains(" kosmo_bridge")).collect();
    assert!(ours.iter().any(|line| line.contains("a text is given to the radio")), "{logged}");
    assert!(!ours.iter().any(|line| line.contains("sch")), "{ours:?}");
}

#[tokio::test]
async fn offers_that_make_no_sense_are_counted_and_those_for_other_bridges_are_left_to_them() {
    let scene = scene().await;
    let bridge = scene.start_bridge();
    scene.cloud.until("a handshake", |heard| count(heard, "radio_handshakes") == 1).await;
    let topic = |to: &str| format!("kosmo/mesh/outbound/{to}");
    let good = serde_json::to_string(&offer(1)).unwrap();
    let refused = [
        (topic("!4dbb2002"), "hello".to_owned()),
        (topic("!4dbb2002"), "x".repeat(100_000)),
        (topic("!4dbb2003"), good.clone()),
        (topic("!ffffffff"), good.replace("!4dbb2002", "!ffffffff")),
        (topic("!00000001"), good.replace("!4dbb2002", "!00000001")),
        (topic("everybody"), good.clone()),
        (topic("!4dbb2002"), good.replace("3600", "0")),
        (topic("!4dbb2002"), good.replace("3600", "99999999")),
        (topic("!4dbb2002"), good.replace("schön", &"ö".repeat(100))),
        (topic("!4dbb2002"), good.replace("ana: schön", "")),
        (topic("!4dbb2002"), good.replace("\"v\":1", "\"v\":2")),
    ];
    for (topic, payload) in &refused {
        scene.cloud.publish(Message::new(topic.clone(), payload.clone())).await;
    }
    scene.cloud.offer(&Offer { bridge: Some("shed".parse().unwrap()), ..offer(2) }).await;
    scene.cloud.grant(id(3)).await;
    scene.claimed(4).await;
    let heard = scene.cloud.until("their count", |heard| count(heard, "offers_refused") == refused.len() as u64).await;
    assert_eq!((heard.told(id(1)), heard.told(id(2)), count(&heard, "acks_unasked")), (vec![], vec![], 1));
    bridge.stop().await;

    scene.cloud.publish(Message::new(Topic::Outbound(offer(5).to).to_string(), serde_json::to_vec(&offer(5)).unwrap()).retained()).await;
    let bridge = scene.start_bridge();
    let heard = scene.cloud.until("its count", |heard| count(heard, "offers_retained") == 1).await;
    assert_eq!(heard.told(id(5)), [], "what a broker kept may be of another day");
    bridge.stop().await;
}

#[tokio::test]
async fn what_the_radio_refuses_and_what_is_taken_back_is_told_as_not_sent() {
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    scene.send(1).await;
    scene.send(2).await;
    scene.send(3).await;
    let first = scene.radio.until_packet().await;
    scene.cloud.revoke(id(3)).await;
    scene.told(3, &Evidence::NotSent { reason: NotSentReason::Revoked }).await;
    scene.radio.say_queue_status(first.id, 6, 15);
    scene.told(1, &Evidence::NotSent { reason: NotSentReason::RadioRefused }).await;

    let second = scene.radio.until_packet().await;
    scene.radio.say_queue_status(second.id, 0, 15);
    scene.radio.say(routing(1, ROOF, second.id, 38));
    let third = scene.radio.until_packet().await;
    assert_eq!([second.id, third.id], [packet_id(2, 0).0, packet_id(2, 1).0], "what came too soon needs another id");
    scene.radio.say(routing(2, ROOF, third.id, 5));
    let by = NodeId::from_number(ROOF);
    scene.told(2, &Evidence::Refused { packet_id: PacketId(third.id), code: 5, by }).await;
    assert_eq!(scene.radio.packets(), []);
    bridge.stop().await;
}

#[tokio::test]
async fn a_bridge_that_dies_with_a_text_repeats_the_same_packet_within_4_minutes() {
    let mut scene = scene().await;
    scene.cloud.set_answering(false);
    let bridge = scene.start_bridge();
    scene.send(1).await;
    let packet = scene.radio.until_packet().await;
    bridge.kill().await;

    let bridge = scene.start_bridge_after(Duration::from_secs(200));
    let again = scene.radio.until_packet().await;
    assert_eq!(again, packet);
    scene.radio.say_queue_status(again.id, 0, 15);
    scene.cloud.set_answering(true);
    let transmitted = Evidence::Transmitted { packet_id: PacketId(packet.id) };
    let told = scene.told(1, &transmitted).await;
    assert_eq!(told.iter().filter(|told| matches!(told, Evidence::HandedOver { .. })).count(), 1);
    bridge.stop().await;
}

#[tokio::test]
async fn a_bridge_that_comes_back_later_does_not_know_but_still_listens() {
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    scene.send(1).await;
    let packet = scene.radio.until_packet().await;
    bridge.kill().await;

    let bridge = scene.start_bridge_after(Duration::from_secs(241));
    scene.told(1, &Evidence::Unknown).await;
    scene.cloud.grant(id(1)).await;
    scene.send(2).await;
    assert_eq!(scene.radio.until_packet().await.id, packet_id(2, 0).0, "the first is not sent again");
    scene.radio.say(routing(1, ANA, packet.id, 0));
    scene.told(1, &Evidence::Acknowledged { packet_id: PacketId(packet.id), by: NodeId::from_number(ANA), proven: false }).await;
    bridge.stop().await;
}

#[tokio::test]
async fn a_bridge_that_dies_with_a_grant_sends_the_text_when_it_is_back_or_says_that_it_is_too_late() {
    for (away, is_sent) in [(Duration::from_mins(59), true), (Duration::from_mins(61), false)] {
        let mut scene = scene().await;
        let bridge = scene.start_bridge();
        // A full radio is given nothing; what it says after that is heard after that.
        scene.cloud.until("a handshake", |heard| count(heard, "radio_handshakes") == 1).await;
        scene.radio.say_queue_status(0, 0, 0);
        scene.radio.say(packet(1, 1, b"hello".to_vec()));
        scene.cloud.until("a text", |heard| heard.texts.len() == 1).await;
        scene.send(1).await;
        let waits =
            |heard: &Heard| heard.status().and_then(|status| status.queues.as_ref()).is_some_and(|queues| queues.outbound.waiting == 1);
        scene.cloud.until("a text that waits", waits).await;
        bridge.kill().await;
        assert_eq!(scene.radio.packets(), []);

        let bridge = scene.start_bridge_after(away);
        if is_sent {
            assert_eq!(scene.radio.until_packet().await.id, packet_id(1, 0).0);
        } else {
            scene.told(1, &Evidence::NotSent { reason: NotSentReason::Expired }).await;
            assert_eq!(scene.radio.packets(), []);
        }
        bridge.stop().await;
    }
}
