//! A disk that fills up under the spool of a bridge that runs, and has room again.

use crate::{
    cloud::{Cloud, Heard},
    radio::{Manner, Radio, packet, temperature},
    world::{PATIENCE, Running, config},
};
use kosmo_bridge::local;
use kosmo_contract::RadioLink;
use kosmo_domain::Stream;
use kosmo_test_support::{Mosquitto, MosquittoOptions, SmallDisk};

fn is_ready(heard: &Heard) -> bool {
    heard.status().and_then(|status| status.radio.as_ref()).is_some_and(|radio| radio.link == RadioLink::Ready)
}

#[tokio::test]
async fn a_full_disk_stops_the_spool_alone_and_it_goes_on_by_itself_when_there_is_room() {
    let Some(disk) = SmallDisk::of(4) else { return };
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let radio = Radio::start("a_handshake_full", Manner::default()).await;
    let bridge = Running::start(config(&radio.url(), &broker.url(), disk.path()));
    cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) == 6 && is_ready(heard)).await;

    disk.fill();
    // What is free within the spool's files is used up first.
    let (mut readings, mut texts) = (0_u32, 0_u32);
    let report = loop {
        for _ in 0..20 {
            readings += 1;
            radio.say(temperature(readings, 20.0));
        }
        texts += 1;
        radio.say(packet(1_000_000 + texts, 1, b"the roof is gone".to_vec()));
        let report = local::ask(&disk.path().join("status.sock")).await.unwrap().expect("the bridge answers, disk or no disk");
        if report.findings.iter().any(|finding| finding.code == "disk_full") {
            break report;
        }
        assert!(readings < 50_000, "the disk is full");
        tokio::task::yield_now().await;
    };
    let link = report.status.radio.unwrap().link;
    assert_eq!((link, report.status.state), (RadioLink::Ready, kosmo_contract::BridgeState::Online), "radio and broker go on");
    cloud.until("words of it in the cloud", |heard| says(heard, "the spool cannot be written")).await;

    disk.make_room();
    let all_texts = |heard: &Heard| heard.distinct(Stream::Gateway) == u64::from(texts);
    let heard = cloud.until("every text, and no more words", |heard| all_texts(heard) && !says(heard, "the spool")).await;
    assert_eq!(
        heard.texts.iter().map(|text| text.packet.as_ref().unwrap().id).collect::<std::collections::BTreeSet<_>>().len(),
        texts as usize
    );
    let lost = |heard: &Heard, name: &str| {
        let counters = &heard.status().unwrap().counters;
        counters.iter().find(|(counter, _)| &***counter == name).map_or(0, |(_, count)| *count)
    };
    // What found no room in memory either is counted.
    let kept = async {
        loop {
            let heard = cloud.heard();
            if heard.distinct(Stream::Ingest) + lost(&heard, "telemetry_lost") >= 6 + u64::from(readings) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, kept).await.expect("each reading arrives or is counted as lost");
    bridge.stop().await;
}

fn says(heard: &Heard, words: &str) -> bool {
    heard.status().is_some_and(|status| status.problems.iter().any(|problem| problem.contains(words)))
}
