//! Texts through a bridge to the people of a simulated mesh, whose radio does what firmware does.

use crate::{
    cloud::Cloud,
    world::{PATIENCE, Running, config, noon},
};
use kosmo_contract::{Evidence, NotSentReason, Offer, Priority, Text, V1};
use kosmo_domain::{ManualClock, NodeId, PacketId};
use kosmo_meshtastic::outgoing::packet_id;
use kosmo_sim::{Config, Firmware, Mesh, OnAir, Person, region};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// Half a minute in a second, and three minutes in six.
const SPEED: u32 = 30;

struct Scene {
    broker: Mosquitto,
    cloud: Cloud,
    mesh: Mesh,
    folder: TempDir,
    _end: DropGuard,
}

async fn scene() -> Scene {
    scene_of(Firmware::V27).await
}

async fn scene_of(firmware: Firmware) -> Scene {
    let shutdown = CancellationToken::new();
    let config = Config {
        firmware,
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        interval: None,
        chat_every: None,
        people: Person::ALL.to_vec(),
        speed: SPEED,
        record: true,
        ..Config::default()
    };
    let mesh = Mesh::start(config, Arc::new(ManualClock::at(noon())), shutdown.clone()).await.unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    Scene { broker, cloud, mesh, folder: tempfile::tempdir().unwrap(), _end: shutdown.drop_guard() }
}

fn id(number: usize) -> Uuid {
    Uuid::from_u128(number as u128)
}

impl Scene {
    fn start_bridge(&self) -> Running {
        let radio = format!("tcp://{}", self.mesh.addresses()[0]).parse().unwrap();
        Running::start(config(&radio, &self.broker.url(), self.folder.path()))
    }

    /// Offers a text until it is claimed, as a gateway does, and grants it.
    async fn send(&self, number: usize, to: NodeId) {
        let offer = Offer {
            v: V1,
            message_id: id(number),
            bridge: None,
            channel: None,
            member: None,
            priority: Priority::Normal,
            contact: None,
            to,
            text: Text::cut("ana: hello"),
            reply_to: None,
            ttl_s: 600,
        };
        loop {
            self.cloud.offer(&offer).await;
            let claim = self.cloud.until("a claim", |heard| heard.told(id(number)).contains(&Evidence::Claimed));
            if tokio::time::timeout(Duration::from_secs(1), claim).await.is_ok() {
                break;
            }
        }
        self.cloud.grant(id(number)).await;
    }

    async fn until_told(&self, number: usize, wanted: impl Fn(&Evidence) -> bool) -> Vec<Evidence> {
        let heard = self.cloud.until("a receipt", |heard| heard.told(id(number)).iter().any(&wanted)).await;
        heard.told(id(number))
    }

    async fn until_shown(&self, person: NodeId) {
        let shown = self.mesh.until_shown(person, |shown| !shown.is_empty());
        tokio::time::timeout(PATIENCE, shown).await.expect("the text arrives");
    }

    /// The ids under which our radio sent texts to somebody.
    fn sent_to(&self, person: NodeId) -> Vec<PacketId> {
        let radio = self.mesh.radio(0).node();
        let is_ours = |on_air: &OnAir| on_air.port == 1 && on_air.from == radio && on_air.to == person;
        let mut ids: Vec<_> = self.mesh.air_log().into_iter().filter(is_ours).map(|on_air| on_air.id).collect();
        ids.dedup();
        ids
    }
}

/// What is told of a text besides that it was claimed, waited, was handed over and had time to be sent.
fn fate(told: &[Evidence]) -> Vec<String> {
    let fate = told.iter().filter_map(|told| match told {
        Evidence::Claimed
        | Evidence::Waiting { .. }
        | Evidence::HandedOver { .. }
        | Evidence::Transmitted { .. }
        | Evidence::Unconfirmed { .. } => None,
        Evidence::Relayed { .. } => Some("relayed".to_owned()),
        Evidence::Acknowledged { .. } => Some("acknowledged".to_owned()),
        Evidence::Refused { code, .. } => Some(format!("refused {code}")),
        Evidence::NotSent { reason: NotSentReason::RadioRefused } => Some("not sent".to_owned()),
        Evidence::NotSent { .. } => Some("given up".to_owned()),
        Evidence::Unknown => Some("unknown".to_owned()),
    });
    fate.collect()
}

#[tokio::test]
async fn of_each_person_s_text_the_cloud_is_told_what_became_of_it_and_no_more() {
    let fates: [(Person, &[&str]); 9] = [
        (Person::LateAck, &["refused 5", "acknowledged"]),
        (Person::Answers, &["acknowledged"]),
        (Person::Off, &["refused 5"]),
        (Person::BehindRelay, &["relayed", "acknowledged"]),
        (Person::OffBehindRelay, &["relayed"]),
        (Person::RefusesKey, &["refused 35"]),
        (Person::AckedByAnother, &[]),
        (Person::AckedOverMqtt, &[]),
        (Person::NoKey, &["not sent"]),
    ];
    let scene = scene().await;
    let bridge = scene.start_bridge();
    for (number, (kind, _)) in fates.iter().enumerate() {
        scene.send(number, region::person(*kind)).await;
    }
    for (number, (kind, expected)) in fates.iter().enumerate() {
        let is_last = |told: &Evidence| match expected.last() {
            Some(last) => fate(std::slice::from_ref(told)) == [*last],
            None => matches!(told, Evidence::Transmitted { .. }),
        };
        let told = scene.until_told(number, is_last).await;
        assert_eq!(fate(&told), *expected, "{kind:?}");
        let sent = scene.sent_to(region::person(*kind));
        assert!(sent.is_empty() == (*kind == Person::NoKey) && sent.len() <= 1, "{kind:?}: {sent:?}");
        assert!(scene.mesh.shown(region::person(*kind)).len() <= 1);
    }
    let packet_id = packet_id(1, 0);
    let answer = |heard: &crate::cloud::Heard| heard.texts.iter().any(|text| text.body.reply_to == Some(packet_id));
    scene.cloud.until("the answer", answer).await;
    bridge.stop().await;
}

#[tokio::test]
async fn a_radio_that_does_not_know_its_private_packets_again_keeps_nobody_from_being_told_the_truth() {
    let scene = scene_of(Firmware::V28Alpha).await;
    let bridge = scene.start_bridge();
    let relayed = [Person::BehindRelay, Person::OffBehindRelay];
    for (number, kind) in relayed.iter().enumerate() {
        scene.send(number, region::person(*kind)).await;
    }
    let arrived = scene.until_told(0, |told| matches!(told, Evidence::Acknowledged { .. })).await;
    assert_eq!(fate(&arrived), ["acknowledged"], "that it was relayed nobody was told");
    let lost = scene.until_told(1, |told| matches!(told, Evidence::Refused { .. })).await;
    assert_eq!(fate(&lost), ["refused 5"], "no confirmation, which proves nothing");
    for kind in relayed {
        assert_eq!(scene.sent_to(region::person(kind)).len(), 1, "however often it was sent, it was one packet");
        assert!(scene.mesh.shown(region::person(kind)).len() <= 1);
    }
    bridge.stop().await;
}

#[tokio::test]
async fn whatever_dies_between_grant_and_receipt_the_text_is_on_the_air_under_one_id_and_shown_once() {
    let scene = scene().await;
    let person = region::person(Person::Silent);
    scene.mesh.radio(0).lose_statuses(true);
    let bridge = scene.start_bridge();
    scene.send(1, person).await;
    scene.until_shown(person).await;
    scene.mesh.radio(0).cut();
    bridge.kill().await;

    scene.mesh.radio(0).lose_statuses(false);
    let bridge = scene.start_bridge();
    let packet_id = packet_id(1, 0);
    let is_told = |told: &Evidence| matches!(told, Evidence::Transmitted { .. } | Evidence::Acknowledged { .. });
    scene.until_told(1, is_told).await;
    assert_eq!((scene.sent_to(person), scene.mesh.shown(person).len()), (vec![packet_id], 1));

    scene.mesh.radio(0).jam(true);
    scene.send(2, region::person(Person::Answers)).await;
    scene.until_told(2, |told| matches!(told, Evidence::HandedOver { .. })).await;
    scene.mesh.radio(0).reboot();
    scene.mesh.radio(0).jam(false);
    scene.until_told(2, |told| matches!(told, Evidence::Acknowledged { .. })).await;
    assert_eq!(scene.mesh.shown(region::person(Person::Answers)).len(), 1, "what the radio forgot it was given again");
    bridge.stop().await;
}
