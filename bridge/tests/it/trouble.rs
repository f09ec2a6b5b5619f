//! Radios in trouble: each ends in the right words, and in normal work once it is repaired, without a restart.

use crate::{
    cloud::{Cloud, Heard},
    radio::{Manner, Radio, Seen, packet, temperature},
    world::{PATIENCE, Running, config, noon},
};
use kosmo_bridge::{Config, local};
use kosmo_contract::{RadioLink, Status};
use kosmo_domain::{ManualClock, NodeId};
use kosmo_meshtastic::proto;
use kosmo_mqtt::{Event, Options, Subscription};
use kosmo_sim::{Firmware, Mesh, RadioControl, Reach, region};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) struct Scene {
    pub(crate) cloud: Cloud,
    pub(crate) mesh: Mesh,
    pub(crate) folder: TempDir,
    pub(crate) bridge: Running,
    _broker: Mosquitto,
    _end: DropGuard,
}

/// A bridge at a simulated radio, both ready.
async fn scene() -> Scene {
    scene_of(Firmware::V27).await
}

/// The same with a radio of this firmware, which knows no other node yet.
pub(crate) async fn scene_of(firmware: Firmware) -> Scene {
    let shutdown = CancellationToken::new();
    let one = kosmo_sim::Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        interval: None,
        chat_every: None,
        firmware,
        queue: firmware.queue(),
        knows_nodes: false,
        ..Default::default()
    };
    let mesh = Mesh::start(one, Arc::new(ManualClock::at(noon())), shutdown.clone()).await.unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let radio = format!("tcp://{}", mesh.addresses()[0]).parse().unwrap();
    let bridge = Running::start(impatient(config(&radio, &broker.url(), folder.path())));
    let scene = Scene { cloud, mesh, folder, bridge, _broker: broker, _end: shutdown.drop_guard() };
    scene.until_ready(1).await;
    scene
}

/// Half a minute is 400 ms.
fn impatient(mut config: Config) -> Config {
    config.pace.session.handshake = Duration::from_millis(400);
    config.pace.session.heartbeat = Duration::from_millis(400);
    config.pace.session.silence = Duration::from_millis(1200);
    config.pace.radio.taken_max_wait = Duration::from_millis(100);
    config
}

pub(crate) fn radio(heard: &Heard) -> Option<&kosmo_contract::RadioStatus> {
    heard.status().and_then(|status: &Status| status.radio.as_ref())
}

fn count(heard: &Heard, wanted: &str) -> u64 {
    let counters = heard.status().map(|status| &status.counters);
    counters.and_then(|counters| counters.iter().find(|(name, _)| &***name == wanted)).map_or(0, |(_, count)| *count)
}

fn handshakes(heard: &Heard) -> u64 {
    count(heard, "radio_handshakes")
}

pub(crate) async fn codes(folder: &Path) -> Vec<String> {
    let report = local::ask(&folder.join("status.sock")).await.unwrap().expect("the bridge answers");
    report.findings.into_iter().map(|finding| finding.code).collect()
}

impl Scene {
    pub(crate) fn control(&self) -> RadioControl<'_> {
        self.mesh.radio(0)
    }

    pub(crate) async fn until_ready(&self, handshakes_done: u64) {
        let is_ready =
            |heard: &Heard| handshakes(heard) >= handshakes_done && radio(heard).is_some_and(|radio| radio.link == RadioLink::Ready);
        self.cloud.until("a radio that is ready", is_ready).await;
    }

    pub(crate) async fn until_says(&self, words: &str) {
        let says = |radio: &kosmo_contract::RadioStatus| radio.detail.as_ref().is_some_and(|detail| detail.contains(words));
        self.cloud.until(words, |heard| radio(heard).is_some_and(says)).await;
    }

    /// Has a station of the mesh measure something, and waits until the cloud has heard of it: the bridge does its work.
    pub(crate) async fn until_works(&self) {
        let before = self.cloud.heard().readings.len();
        say_temperature(&self.mesh);
        self.cloud.until("a reading of the mesh", |heard| heard.readings.len() > before).await;
    }

    pub(crate) async fn until_code(&self, code: &str) {
        let asked = async {
            while !codes(self.folder.path()).await.iter().any(|found| found == code) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("waited in vain for {code}"));
    }
}

/// Has a station be heard by every radio of a mesh.
pub(crate) fn say_temperature(mesh: &Mesh) {
    let nodes = mesh.nodes();
    let station = nodes.iter().find(|node| matches!(node.kind, region::Kind::Station(_))).unwrap();
    let Some(proto::mesh_packet::PayloadVariant::Decoded(data)) = temperature(1, 20.0).payload_variant else { unreachable!() };
    mesh.send(station.id, NodeId::BROADCAST, data, Reach::EveryRadio).unwrap();
}

#[tokio::test]
async fn a_radio_that_falls_silent_with_its_link_open_is_missed_and_taken_up_again() {
    let scene = scene().await;
    scene.control().stall(true);
    scene.until_says("the radio fell silent").await;
    scene.control().stall(false);
    scene.until_ready(2).await;
    scene.until_works().await;
    scene.bridge.stop().await;
}

#[tokio::test]
async fn a_radio_that_restarts_is_asked_anew() {
    let scene = scene().await;
    scene.control().reboot();
    scene.until_ready(2).await;
    scene.cloud.until("the restart", |heard| count(heard, "radio_reboots") == 1).await;
    scene.until_works().await;
    scene.bridge.stop().await;
}

#[tokio::test]
async fn garbage_between_frames_disturbs_nobody() {
    let scene = scene().await;
    scene.control().garble(&[0x94, 0xc3, 0x01, 0xf0, 0xff, 0x94, 0x94, 0xc3, 0xff, 0xff]);
    // What was taken for a frame swallows some of them, and is searched for them once it is none.
    for _ in 0..10 {
        say_temperature(&scene.mesh);
    }
    scene.cloud.until("every reading", |heard| heard.readings.len() == 10).await;
    scene.cloud.until("the garbage", |heard| count(heard, "radio_garbage_bytes") > 0).await;
    assert_eq!((handshakes(&scene.cloud.heard()), codes(scene.folder.path()).await), (1, Vec::new()));
    scene.bridge.stop().await;
}

#[tokio::test]
async fn another_program_that_takes_the_only_place_is_recognised_and_backed_off_from() {
    let scene = scene().await;
    let address = scene.mesh.addresses()[0];
    let thief = tokio::spawn(async move {
        loop {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut buffer = [0; 64];
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        }
    });
    scene.until_code("radio_taken").await;
    thief.abort();
    let _ = thief.await;
    let before = handshakes(&scene.cloud.heard());
    scene.until_ready(before + 1).await;
    scene.until_works().await;
    scene.bridge.stop().await;
}

#[tokio::test]
async fn another_radio_on_the_same_link_is_told_and_worked_with() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut first = Radio::start("a_handshake_full", Manner::default()).await;
    let bridge = Running::start(config(&first.url(), &broker.url(), folder.path()));
    first.until_seen(&Seen::Heartbeat).await;
    bridge.stop().await;

    // The spool remembers whose it was, so a radio that is swapped while nobody looks is noticed too.
    let shutdown = CancellationToken::new();
    let one = kosmo_sim::Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into()], interval: None, chat_every: None, ..Default::default() };
    let mesh = Mesh::start(one, Arc::new(ManualClock::at(noon())), shutdown.clone()).await.unwrap();
    let node = mesh.radio(0).node();
    let url = format!("tcp://{}", mesh.addresses()[0]).parse().unwrap();
    let bridge = Running::start(config(&url, &broker.url(), folder.path()));
    let says = format!("it was !4daa1001 and is {node}");
    let is_told = |heard: &Heard| heard.status().is_some_and(|status| status.problems.iter().any(|problem| problem.contains(&says)));
    cloud.until("words of another radio", is_told).await;
    assert_eq!(codes(folder.path()).await, ["other_radio"]);
    bridge.stop().await;
    shutdown.cancel();
}

#[tokio::test]
async fn no_key_of_a_radio_reaches_a_log_or_a_wire() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let radio = Radio::start("a_handshake_full", Manner { junk: true, split: Some(7), ..Manner::default() }).await;
    let secrets = secrets();
    assert!(secrets.len() >= 2, "the recording has a private key and a channel's");
    let log = crate::log::captured();
    let wire = Wire::tap(&broker.url()).await;
    let bridge = Running::start(config(&radio.url(), &broker.url(), folder.path()));
    cloud.until("a handshake", |heard| handshakes(heard) == 1).await;
    radio.say(temperature(1, 20.0));
    radio.say(packet(2, 1, b"hello".to_vec()));
    cloud.until("a text", |heard| heard.texts.len() == 1).await;
    let report = local::ask(&folder.path().join("status.sock")).await.unwrap().unwrap();
    bridge.stop().await;
    let mut seen = vec![serde_json::to_vec(&report).unwrap(), log.taken(), broker_log(&broker)];
    let heard = wire.taken();
    assert!(heard.len() > 5);
    seen.extend(heard);
    seen.push(std::fs::read(folder.path().join("spool.db")).unwrap());
    for bytes in &seen {
        for secret in &secrets {
            for form in crate::log::forms(secret) {
                assert!(!bytes.windows(form.len()).any(|window| window == form), "a key of {} bytes is in sight", secret.len());
            }
        }
    }
}

/// The private key and the channels' own keys of the recording.
fn secrets() -> Vec<Vec<u8>> {
    use kosmo_meshtastic::Message as _;
    use proto::{config::PayloadVariant as Section, from_radio::PayloadVariant as Said};
    let mut secrets = Vec::new();
    for frame in crate::radio::recorded("a_handshake_full") {
        match proto::FromRadio::decode(&frame[..]).unwrap().payload_variant {
            Some(Said::Config(proto::Config { payload_variant: Some(Section::Security(security)) })) => secrets.push(security.private_key),
            Some(Said::Channel(channel)) => secrets.extend(channel.settings.map(|settings| settings.psk)),
            _ => {}
        }
    }
    secrets.retain(|secret| secret.len() >= 16);
    secrets
}

/// Everything that a broker passes on.
struct Wire {
    heard: tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>,
    _stop: DropGuard,
}

impl Wire {
    async fn tap(broker: &str) -> Self {
        let stop = CancellationToken::new();
        let options = Options { subscriptions: vec![Subscription::at_least_once("#")], ..Options::new(broker.parse().unwrap(), "tap") };
        let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(3), stop.clone()).unwrap();
        assert!(client.connected().await);
        let (heard_in, heard) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(event) = incoming.next().await {
                if let Event::Message(delivery) = event {
                    let _ = heard_in.send(delivery.payload.to_vec());
                    client.acknowledge(delivery.token);
                }
            }
        });
        Self { heard, _stop: stop.drop_guard() }
    }

    fn taken(mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}

fn broker_log(broker: &Mosquitto) -> Vec<u8> {
    broker.log().into_bytes()
}
