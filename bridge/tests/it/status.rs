//! What a bridge says of itself, and what it makes of a radio that lies or is not to be had.

use crate::{
    cloud::{Cloud, Heard},
    radio::{Manner, Radio, Seen, packet, temperature},
    world::{Running, config},
};
use kosmo_bridge::{local, spool::SpoolLimits};
use kosmo_contract::{BridgeState, RadioLink, Status};
use kosmo_domain::{NodeId, Stream, Timestamp};
use kosmo_meshtastic::{Message as _, proto};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};

const RECORDING: &str = "a_handshake_full";

fn count(status: &Status, name: &str) -> u64 {
    status.counters.iter().find(|(counter, _)| &***counter == name).map_or(0, |(_, count)| *count)
}

fn latest(heard: &Heard, wanted: impl Fn(&Status) -> bool) -> bool {
    heard.status().is_some_and(wanted)
}

fn says(status: &Status, words: &str) -> bool {
    status.radio.as_ref().and_then(|radio| radio.detail.as_ref()).is_some_and(|detail| detail.contains(words))
}

#[tokio::test]
async fn a_bridge_says_who_it_is_and_takes_its_leave() {
    let acl = "user roof\ntopic write kosmo/mesh/reading/roof\ntopic write kosmo/mesh/node/roof\ntopic write kosmo/mesh/inbound/roof\n\
               topic write kosmo/bridge/roof/status\ntopic read kosmo/bridge/roof/ack\n\nuser cloud\ntopic readwrite kosmo/#\n";
    let logins = vec![("roof".to_owned(), "secret".to_owned())];
    let broker = Mosquitto::start(&MosquittoOptions { logins, acl: Some(acl.to_owned()), ..MosquittoOptions::default() }).await;
    let mut radio = Radio::start(RECORDING, Manner::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&radio.url(), &broker.url(), folder.path());
    config.password = Some("secret".to_owned());
    assert!(!format!("{config:?}").contains("secret"));
    let bridge = Running::start(config);
    radio.until_seen(&Seen::Heartbeat).await;
    assert!(broker.log().contains("kosmo-bridge-roof"), "the client id follows from the name");
    bridge.stop().await;
    radio.until_seen(&Seen::Disconnect).await;
    radio.until_seen(&Seen::Closed).await;
}

#[tokio::test]
async fn the_status_is_retained_and_offline_after_the_end() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let radio = Radio::start(RECORDING, Manner::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let bridge = Running::start(config(&radio.url(), &broker.url(), folder.path()));
    let first = Cloud::connect(&broker.url()).await;
    let is_ready = |status: &Status| status.radio.as_ref().is_some_and(|radio| radio.link == RadioLink::Ready);
    let heard = first.until("a ready radio", |heard| latest(heard, is_ready) && heard.epoch.is_some()).await;
    let status = heard.status().unwrap().clone();
    let told = status.radio.unwrap();
    assert_eq!((status.state, status.epoch, told.node_id), (BridgeState::Online, heard.epoch, Some(NodeId::from_number(0x4daa_1001))));
    assert_eq!(
        [told.firmware, told.region, told.modem_preset].map(|text| text.unwrap().to_string()),
        ["2.7.26.54e0d8d", "EU_868", "LONG_FAST"]
    );

    bridge.stop().await;
    first.until("the farewell", |heard| latest(heard, |status| status.state == BridgeState::Offline)).await;
    drop(first);
    let late = Cloud::connect(&broker.url()).await;
    let heard = late.until("the retained status", |heard| !heard.statuses.is_empty()).await;
    assert_eq!(heard.status().unwrap().state, BridgeState::Offline);
}

#[tokio::test]
async fn a_broker_that_has_forgotten_the_status_is_told_it_at_once() {
    let mut broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let radio = Radio::start(RECORDING, Manner::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&radio.url(), &broker.url(), folder.path());
    // Nothing happens that it would tell, and it is long until it would say again that nothing does.
    config.pace.status = std::time::Duration::from_hours(1);
    let bridge = Running::start(config);
    let cloud = Cloud::connect(&broker.url()).await;
    let is_ready = |status: &Status| status.radio.as_ref().is_some_and(|radio| radio.link == RadioLink::Ready);
    cloud.until("a ready radio", |heard| latest(heard, |status| is_ready(status) && status.queues.is_some())).await;
    drop(cloud);

    broker.stop().await;
    broker.restart().await;

    let cloud = Cloud::connect(&broker.url()).await;
    cloud.until("the status", |heard| latest(heard, |status| status.state == BridgeState::Online)).await;
    bridge.stop().await;
}

#[tokio::test]
async fn a_radio_that_cannot_be_had_is_explained() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let check = async |radio: &str, words: &str| {
        let folder = tempfile::tempdir().unwrap();
        let bridge = Running::start(config(&radio.parse().unwrap(), &broker.url(), folder.path()));
        cloud.until(words, |heard| latest(heard, |status| says(status, words))).await;
        bridge.stop().await;
    };
    check("serial:/dev/no-such-radio", "there is no device /dev/no-such-radio: is the radio plugged in?").await;

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    check(&format!("tcp://{addr}"), "refused").await;

    // Lets everybody in, and closes at once, as a radio does whose place another client takes.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let taken = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    check(&format!("tcp://{addr}"), "another program seems to take its only place").await;
    taken.abort();
}

/// A broker that takes everything and lets nobody hear the given topic.
pub(crate) async fn deaf_broker(listener: TcpListener, to: &'static str, heard: mpsc::UnboundedSender<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    loop {
        let Ok(kind) = stream.read_u8().await else { return };
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = stream.read_u8().await.unwrap();
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        match kind >> 4 {
            1 => stream.write_all(&[0x20, 2, 0, 0]).await.unwrap(),
            8 => {
                let mut answer = vec![body[0], body[1]];
                let mut rest = &body[2..];
                while let [high, low, more @ ..] = rest {
                    let (filter, more) = more.split_at(usize::from(*high) * 256 + usize::from(*low));
                    answer.push(if filter == to.as_bytes() { 0x80 } else { 1 });
                    rest = &more[1..];
                }
                stream.write_all(&[&[0x90, u8::try_from(answer.len()).unwrap()], &answer[..]].concat()).await.unwrap();
            }
            _ => {
                for byte in body {
                    let _ = heard.send(byte);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_broker_that_keeps_something_from_the_bridge_is_named() {
    for (topic, words) in [
        ("kosmo/bridge/roof/ack", "the broker does not let this bridge hear answers: nothing will leave its spool"),
        ("kosmo/mesh/outbound/+", "the broker does not let this bridge hear texts for the mesh: it sends none"),
    ] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let (heard_in, mut heard) = mpsc::unbounded_channel();
        let broker = tokio::spawn(deaf_broker(listener, topic, heard_in));
        let radio = Radio::start(RECORDING, Manner::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let bridge = Running::start(config(&radio.url(), &url, folder.path()));
        let expect = format!("\"problems\":[\"{words}\"]");
        let mut said = String::new();
        let search = async {
            while !said.ends_with(&expect) {
                said.push(char::from(heard.recv().await.unwrap()));
            }
        };
        tokio::time::timeout(crate::world::PATIENCE, search).await.expect("the status names it");
        bridge.kill().await;
        broker.abort();
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_counted_and_holds_up_nobody() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let radio = Radio::start(RECORDING, Manner::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let bridge = Running::start(config(&radio.url(), &broker.url(), folder.path()));
    cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) == 6).await;

    let weather = proto::EnvironmentMetrics {
        temperature: Some(f32::NAN),
        relative_humidity: Some(4000.0),
        barometric_pressure: Some(1013.25),
        ..Default::default()
    };
    let telemetry = proto::Telemetry { time: 7, variant: Some(proto::telemetry::Variant::EnvironmentMetrics(weather)) };
    radio.say(packet(1, 67, telemetry.encode_to_vec()));
    radio.say(packet(2, 67, vec![0xff; 40]));
    radio.say(packet(3, 67, Vec::new()));
    radio.say(packet(4, 4711, vec![1, 2, 3]));
    radio.say(packet(5, 1, vec![0xff, 0xfe]));
    radio.say(packet(6, 3, Vec::new()));
    radio.say(proto::MeshPacket { from: 3, ..temperature(7, 20.0) });
    let encrypted = proto::mesh_packet::PayloadVariant::Encrypted(vec![9; 30]);
    radio.say(proto::MeshPacket { payload_variant: Some(encrypted), ..temperature(8, 20.0) });
    radio.say(temperature(9, 20.0));
    radio.say(temperature(9, 20.0));
    radio.say(packet(10, 1, "<b>hello</b>\u{7}".as_bytes().to_vec()));

    let heard = cloud
        .until("the text after it all", |heard| heard.texts.len() == 1 && latest(heard, |status| count(status, "packets_received") == 9))
        .await;
    assert_eq!(&*heard.texts[0].body.text, "<b>hello</b>\u{7}", "a text arrives as it was written");
    assert_eq!(heard.readings.len(), 2);
    let strange = &heard.readings[0].body;
    assert_eq!(strange.device_time.unwrap().as_seconds(), 7, "a wrong clock is for the cloud to judge");
    let refused: Vec<_> = strange.metrics.refused.iter().map(|refused| refused.name.as_str()).collect();
    assert_eq!((strange.metrics.metrics.len(), refused), (1, vec!["temperature_c", "humidity_pct"]));
    let status = heard.status().unwrap();
    for (name, expected) in [
        ("packets_malformed", 1),
        ("telemetry_unsupported", 1),
        ("packets_other_port", 1),
        ("packets_port_4711", 1),
        ("texts_not_utf8", 1),
        ("positions_empty", 1),
        ("nodes_reserved", 1),
        ("packets_encrypted", 1),
        ("radio_duplicates", 1),
    ] {
        assert_eq!(count(status, name), expected, "{name}: {:?}", status.counters);
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_full_spool_is_said_and_loses_no_text() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    cloud.set_answering(false);
    let radio = Radio::start(RECORDING, Manner::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&radio.url(), &broker.url(), folder.path());
    config.limits = SpoolLimits { cap_bytes: 60_000, ..config.limits };
    let bridge = Running::start(config);
    cloud.until("a ready radio", |heard| latest(heard, |status| count(status, "radio_handshakes") == 1)).await;
    let texts = 600;
    for id in 1..=texts {
        radio.say(packet(id, 1, vec![b'x'; 200]));
    }
    let is_blocked = |status: &Status| count(status, "records_waiting_for_disk") > 0 && count(status, "spool_errors") > 0;
    let heard = cloud.until("words of the full spool", |heard| latest(heard, is_blocked)).await;
    assert!(heard.distinct(Stream::Gateway) > 0, "what is in the spool is still published");
    let problems: Vec<_> = heard.status().unwrap().problems.iter().map(|problem| problem.to_string()).collect();
    // Telemetry was dropped for texts before, which is said as well.
    assert_eq!(problems[..1], ["the spool cannot be written (is the disk full?): what is heard waits in memory, and no text is sent"]);

    cloud.set_answering(true);
    let heard = cloud.until("every text", |heard| heard.distinct(Stream::Gateway) == u64::from(texts)).await;
    assert_eq!(count(heard.status().unwrap(), "texts_lost"), 0);
    let works = |status: &Status| {
        count(status, "records_waiting_for_disk") == 0 && !status.problems.iter().any(|problem| problem.contains("cannot be written"))
    };
    cloud.until("a spool that works", |heard| latest(heard, works)).await;
    bridge.stop().await;
}

#[tokio::test]
async fn a_machine_without_the_time_says_so() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let radio = Radio::start(RECORDING, Manner::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let bridge = Running::start_at(config(&radio.url(), &broker.url(), folder.path()), Timestamp::from_unix_seconds(60));
    let asked = async {
        loop {
            let report = local::ask(&folder.path().join("status.sock")).await.unwrap();
            let findings = report.map(|report| report.findings).unwrap_or_default();
            if let Some(found) = findings.into_iter().find(|finding| finding.code == "clock") {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(crate::world::PATIENCE, asked).await.expect("the clock is spoken of");
    assert_eq!(found.says, "this machine does not know what time it is");
    bridge.stop().await;
}
