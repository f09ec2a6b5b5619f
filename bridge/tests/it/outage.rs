//! What happens to records while the broker, the cloud, the radio or the bridge itself is away.

use crate::{
    cloud::{Cloud, Heard},
    radio::{Manner, Radio, Seen, packet, temperature},
    world::{PATIENCE, Running, config, deps, epoch},
};
use kosmo_bridge::{run, spool::Spool};
use kosmo_domain::{SeqSet, Stream};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How many records the recording's handshake makes.
const HANDSHAKE: u64 = 6;
const RECORDING: &str = "a_handshake_full";

struct Scene {
    broker: Mosquitto,
    cloud: Cloud,
    radio: Radio,
    folder: TempDir,
}

async fn scene() -> Scene {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let radio = Radio::start(RECORDING, Manner::default()).await;
    Scene { broker, cloud, radio, folder: tempfile::tempdir().unwrap() }
}

impl Scene {
    fn start_bridge(&self) -> Running {
        Running::start(config(&self.radio.url(), &self.broker.url(), self.folder.path()))
    }

    /// Returns the numbers left in the spool of a bridge that has ended.
    async fn left(&self, stream: Stream) -> SeqSet {
        let path = self.folder.path().join("spool.db");
        let limits = kosmo_bridge::spool::SpoolLimits::default();
        let mut spool = Spool::open(&path, &"roof".parse().unwrap(), epoch(99), limits).await.unwrap();
        let records = spool.take_due(stream, kosmo_domain::Uptime::default(), 500, &mut *deps(1).rng).await.unwrap();
        records.iter().map(|record| record.seq).collect()
    }
}

fn range(first: u64, last: u64) -> SeqSet {
    SeqSet::from_ranges([(first, last)])
}

fn waiting(heard: &Heard) -> Option<u64> {
    let queues = heard.status()?.queues.clone()?;
    Some(queues.ingest.waiting + queues.gateway.waiting)
}

fn count(heard: &Heard, name: &str) -> u64 {
    heard.status().and_then(|status| status.counters.iter().find(|(counter, _)| &***counter == name)).map_or(0, |(_, count)| *count)
}

#[tokio::test]
async fn while_the_broker_is_away_nothing_is_lost_and_what_was_answered_for_does_not_come_again() {
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    // A status of before the handshake says that nothing waits, too.
    let is_answered = |heard: &Heard| waiting(heard) == Some(0) && count(heard, "records_committed") == HANDSHAKE;
    scene.cloud.until("the handshake's records", is_answered).await;

    scene.broker.stop().await;
    for id in 1..=700 {
        scene.radio.say(temperature(id, 20.0));
        if id % 100 == 0 {
            scene.radio.say(packet(10_000 + id, 1, b"is anybody there?".to_vec()));
        }
    }
    scene.broker.restart().await;
    let heard = scene.cloud.until("everything", |heard| heard.readings.len() >= 700 && waiting(heard) == Some(0)).await;

    assert_eq!(heard.set(Stream::Ingest), range(1, HANDSHAKE + 700));
    assert_eq!(heard.set(Stream::Gateway), range(1, 7));
    let answered_before = heard.numbers.iter().filter(|(stream, seq)| *stream == Stream::Ingest && *seq <= HANDSHAKE).count();
    assert_eq!(answered_before as u64, HANDSHAKE, "what was answered for was published once");
    bridge.stop().await;
    assert!(scene.left(Stream::Ingest).await.is_empty());
}

#[tokio::test]
async fn a_record_leaves_on_its_answer_alone_and_is_published_until_then() {
    let scene = scene().await;
    scene.cloud.set_answering(false);
    let bridge = scene.start_bridge();
    for id in 1..=3 {
        scene.cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) >= HANDSHAKE).await;
        scene.radio.say(temperature(id, 20.0));
    }
    let last = HANDSHAKE + 3;
    let heard = scene.cloud.until("the records", |heard| heard.distinct(Stream::Ingest) == last).await;
    let spool = heard.epoch.unwrap();

    scene.cloud.answer(epoch(12_345), Stream::Ingest, range(1, 100)).await;
    scene.cloud.answer(spool, Stream::Gateway, range(1, 100)).await;
    scene.cloud.send("{\"v\":1}").await;
    scene.cloud.send(vec![b'x'; 100_000]).await;
    scene.cloud.answer(spool, Stream::Ingest, SeqSet::from_ranges([(1, 4), (last, last)])).await;
    let heard = scene.cloud.until("the answer to be taken", |heard| waiting(heard) == Some(HANDSHAKE + 3 - 5)).await;
    assert_eq!(count(&heard, "acks_other_epoch"), 1);
    assert_eq!(count(&heard, "acks_malformed"), 2);

    let repeated = |heard: &Heard, seq| heard.numbers.iter().filter(|number| **number == (Stream::Ingest, seq)).count();
    let before = scene.cloud.heard();
    scene.cloud.until("the rest again", |heard| (5..last).all(|seq| repeated(heard, seq) > repeated(&before, seq))).await;
    assert_eq!(repeated(&scene.cloud.heard(), last), repeated(&before, last), "what was answered for is not published again");
    bridge.stop().await;
    assert_eq!(scene.left(Stream::Ingest).await, range(5, last - 1));
}

#[tokio::test]
async fn a_bridge_that_dies_goes_on_where_its_spool_stands() {
    let scene = scene().await;
    scene.cloud.set_answering(false);
    let (config, token) = (config(&scene.radio.url(), &scene.broker.url(), scene.folder.path()), CancellationToken::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(run(config, deps(7), token));
    let heard = scene.cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) == HANDSHAKE).await;
    let first_life = heard.epoch.unwrap();
    // It ends between two things that it does, and whoever begins the next life finds nothing of it in his way.
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.unwrap();
    scene.cloud.until("the last will", |heard| heard.status().is_some_and(|status| status.at.is_none())).await;

    scene.cloud.set_answering(true);
    let bridge = scene.start_bridge();
    // What it had before, and what the radio's memory tells to the new life.
    let is_done = |heard: &Heard| waiting(heard) == Some(0) && count(heard, "records_committed") == 2 * HANDSHAKE;
    let heard = scene.cloud.until("everything answered for", is_done).await;
    assert_eq!(heard.epoch, Some(first_life));
    bridge.stop().await;
    assert!(scene.left(Stream::Ingest).await.is_empty());
}

#[tokio::test]
async fn a_bridge_that_ends_in_good_order_takes_in_what_its_radio_had_said_by_then() {
    let mut scene = scene().await;
    scene.radio = Radio::start(RECORDING, Manner { last_word: true, ..Manner::default() }).await;
    scene.cloud.set_answering(false);
    let bridge = scene.start_bridge();
    scene.cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) == HANDSHAKE).await;
    bridge.stop().await;
    assert_eq!(scene.left(Stream::Ingest).await, range(1, HANDSHAKE + 1), "with the radio's last word");
}

#[tokio::test]
async fn while_the_radio_is_away_the_spool_drains_and_its_memory_is_not_told_twice() {
    let mut scene = scene().await;
    scene.cloud.set_answering(false);
    let bridge = scene.start_bridge();
    let heard = scene.cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) == HANDSHAKE).await;
    scene.radio.hang_up();
    scene.radio.until_seen(&Seen::Closed).await;
    scene.cloud.answer(heard.epoch.unwrap(), Stream::Ingest, range(1, HANDSHAKE)).await;
    scene.cloud.until("an empty spool", |heard| waiting(heard) == Some(0)).await;

    scene.cloud.set_answering(true);
    let is_back = |heard: &Heard| count(heard, "radio_handshakes") == 2;
    scene.cloud.until("the radio back", is_back).await;
    scene.radio.say(temperature(1, 20.0));
    let heard = scene.cloud.until("a reading", |heard| heard.readings.len() == 1).await;
    assert_eq!(heard.readings[0].seq, HANDSHAKE + 1, "the second handshake said nothing new");
    bridge.stop().await;
}
