//! Radios at serial ports: unplugged, plugged in again, several at once, and at the wrong speed.

use crate::{
    cable::Machine,
    cloud::{Cloud, Heard},
    radio::{frame, temperature},
    world::{PATIENCE, Running, config},
};
use kosmo_bridge::{Config, RadioUrl, local, probe::probe};
use kosmo_contract::{RadioLink, Status};
use kosmo_domain::Stream;
use kosmo_meshtastic::proto::from_radio::PayloadVariant;
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use rand::{SeedableRng as _, rngs::StdRng};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock},
    io::Errno,
};
use std::{path::Path, time::Duration};

const RECORDING: &str = "a_handshake_full";

fn is(heard: &Heard, link: RadioLink, words: &str) -> bool {
    let radio = heard.status().and_then(|status: &Status| status.radio.as_ref());
    radio.is_some_and(|radio| radio.link == link && radio.detail.as_ref().map_or("", |detail| &**detail).contains(words))
}

fn at(machine: &Machine, radio: &RadioUrl, broker: &str, folder: &Path) -> Config {
    Config { places: machine.places(), ..config(radio, broker, folder) }
}

#[tokio::test]
async fn a_serial_radio_is_held_alone_missed_when_unplugged_and_taken_up_again() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let (machine, folder) = (Machine::new(), tempfile::tempdir().unwrap());
    let device = machine.device("ttyACM0");
    let url: RadioUrl = format!("serial:{}", device.display()).parse().unwrap();
    let bridge = Running::start(at(&machine, &url, &broker.url(), folder.path()));
    cloud.until("that there is none", |heard| is(heard, RadioLink::Down, "is the radio plugged in?")).await;

    let mut plugged = machine.plug("ttyACM0", "A1");
    let _radio = plugged.radio(RECORDING);
    cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) == 6 && is(heard, RadioLink::Ready, "")).await;
    let file = rustix::fs::open(&device, OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK, Mode::empty());
    // TIOCEXCL stops everybody but root, and the lock stops root, if asked.
    let is_locked = match file {
        Err(error) => error == Errno::BUSY,
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK),
    };
    assert!(is_locked);

    plugged.unplug().await;
    // "… was unplugged", and from the next attempt on "is the radio plugged in?".
    cloud.until("the loss", |heard| is(heard, RadioLink::Down, "plugged")).await;
    let report = local::ask(&folder.path().join("status.sock")).await.unwrap().unwrap();
    assert!(report.findings.iter().any(|finding| finding.code == "no_radio"), "{:?}", report.findings);
    let mut plugged = machine.plug("ttyACM0", "A1");
    let (says, _seen) = plugged.radio(RECORDING);
    cloud.until("the radio back", |heard| is(heard, RadioLink::Ready, "")).await;
    says.send(frame(PayloadVariant::Packet(temperature(1, 20.0)))).unwrap();
    cloud.until("a reading", |heard| heard.readings.len() == 1).await;
    bridge.stop().await;
}

#[tokio::test]
async fn the_radio_is_found_under_whatever_name_and_never_guessed() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let (machine, folder) = (Machine::new(), tempfile::tempdir().unwrap());
    let (one, other) = (machine.plug("ttyACM0", "A1"), machine.plug("ttyACM1", "B2"));
    let bridge = Running::start(at(&machine, &RadioUrl::Auto, &broker.url(), folder.path()));
    let several = |heard: &Heard| is(heard, RadioLink::Down, "several devices may be the radio");
    cloud.until("that there are two", several).await;
    one.unplug().await;
    other.unplug().await;

    let mut plugged = machine.plug("ttyACM0", "A1");
    let _radio = plugged.radio(RECORDING);
    cloud.until("the only one", |heard| is(heard, RadioLink::Ready, "")).await;
    let report = local::ask(&folder.path().join("status.sock")).await.unwrap().unwrap();
    assert!(report.place.unwrap().ends_with("ttyACM0 (239a:8029 RAKwireless)"));
    plugged.unplug().await;
    cloud.until("the loss", |heard| is(heard, RadioLink::Down, "")).await;

    let stranger = machine.plug("ttyACM0", "C3");
    let mut plugged = machine.plug("ttyACM7", "A1");
    let _radio = plugged.radio(RECORDING);
    cloud.until("the same one, which is known among others", |heard| is(heard, RadioLink::Ready, "")).await;
    drop(stranger);
    bridge.stop().await;
}

#[tokio::test]
async fn a_look_without_a_bridge_finds_a_wrong_speed_too() {
    let (machine, folder) = (Machine::new(), tempfile::tempdir().unwrap());
    let mut plugged = machine.plug("ttyACM0", "A1");
    plugged.noise();
    let mut config = at(&machine, &RadioUrl::Auto, "mqtt://127.0.0.1:9", folder.path());
    // Whether the handshakes or the patience of who looks is over first.
    for (handshake, patience) in [(Duration::from_millis(300), PATIENCE), (PATIENCE, Duration::from_secs(3))] {
        config.pace.session.handshake = handshake;
        let probed = probe(&config, &mut StdRng::seed_from_u64(5), patience).await;
        let codes: Vec<_> = probed.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["wrong_baud", "broker_away"]);
    }
    plugged.unplug().await;
}

#[tokio::test]
async fn a_wrong_speed_is_guessed_from_the_noise_and_mended_without_a_restart() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let (machine, folder) = (Machine::new(), tempfile::tempdir().unwrap());
    let mut plugged = machine.plug("ttyACM0", "A1");
    plugged.noise();
    let mut config = at(&machine, &RadioUrl::Auto, &broker.url(), folder.path());
    config.pace.session.handshake = Duration::from_millis(300);
    let bridge = Running::start(config);
    cloud.until("words of the noise", |heard| is(heard, RadioLink::Down, "makes no sense")).await;
    let report = local::ask(&folder.path().join("status.sock")).await.unwrap().unwrap();
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"wrong_baud"), "{codes:?}");
    plugged.unplug().await;

    let mut plugged = machine.plug("ttyACM0", "A1");
    let _radio = plugged.radio(RECORDING);
    cloud.until("a handshake", |heard| is(heard, RadioLink::Ready, "")).await;
    bridge.stop().await;
}
