//! The spool by itself: what it keeps, what it lets go, and what it says when it cannot.

use crate::world::{epoch, reading, text};
use kosmo_bridge::{
    Kind, NewRecord,
    spool::{Applied, MAX_IN_FLIGHT, Spool, SpoolError, SpoolLimits, Stored},
};
use kosmo_contract::{InboundBody, ReadingBody, Record, parse};
use kosmo_domain::{BridgeId, Epoch, SeqSet, Stream, Uptime};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{collections::BTreeSet, path::Path, time::Duration};
use tempfile::TempDir;

fn roof() -> BridgeId {
    "roof".parse().unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn open(folder: &TempDir, draw: u128) -> Spool {
    try_open(&folder.path().join("spool.db"), draw, SpoolLimits::default()).await.unwrap()
}

async fn try_open(path: &Path, draw: u128, limits: SpoolLimits) -> Result<Spool, SpoolError> {
    Spool::open(path, &roof(), epoch(draw), limits).await
}

async fn take(spool: &mut Spool, stream: Stream, limit: usize) -> Vec<Stored> {
    take_at(spool, stream, 0, limit).await
}

async fn take_at(spool: &mut Spool, stream: Stream, seconds: u64, limit: usize) -> Vec<Stored> {
    let now = Uptime(Duration::from_secs(seconds));
    spool.take_due(stream, now, limit, &mut StdRng::seed_from_u64(1)).await.unwrap()
}

fn numbers(records: &[Stored]) -> Vec<u64> {
    records.iter().map(|record| record.seq).collect()
}

/// Returns what names each record for good.
fn named(records: &[Stored]) -> Vec<(Epoch, u64)> {
    let name = |record: &Stored| {
        let published: Record<ReadingBody> = parse(&record.payload).unwrap();
        assert_eq!(published.seq, record.seq);
        (published.epoch, published.seq)
    };
    records.iter().map(name).collect()
}

fn set(numbers: &[u64]) -> SeqSet {
    numbers.iter().copied().collect()
}

async fn commit(spool: &mut Spool, stream: Stream, numbers: &[u64]) -> Applied {
    spool.apply(spool.epoch(), stream, &set(numbers), &SeqSet::new()).await.unwrap()
}

fn readings(count: u32) -> Vec<NewRecord> {
    (0..count).map(|number| reading(0xa1b2_c3d4, number)).collect()
}

#[tokio::test]
async fn records_come_out_in_order_as_they_are_published() {
    let folder = folder();
    let mut spool = open(&folder, 1).await;
    spool.append(&[reading(7, 100), text(8, "hello"), reading(7, 101)]).await.unwrap();

    let ingest = take(&mut spool, Stream::Ingest, 10).await;
    assert_eq!(ingest.iter().map(|record| (record.seq, record.kind)).collect::<Vec<_>>(), [(1, Kind::Reading), (2, Kind::Reading)]);
    let published: Record<ReadingBody> = parse(&ingest[1].payload).unwrap();
    assert_eq!((published.bridge, published.epoch, published.seq), (roof(), epoch(1), 2));
    let gateway = take(&mut spool, Stream::Gateway, 10).await;
    let published: Record<InboundBody> = parse(&gateway[0].payload).unwrap();
    assert_eq!((published.stream, published.seq, &*published.body.text), (Stream::Gateway, 1, "hello"));
}

#[tokio::test]
async fn a_restart_keeps_records_and_their_names_and_begins_another_life() {
    let folder = folder();
    let mut spool = open(&folder, 1).await;
    spool.append(&readings(4)).await.unwrap();
    take(&mut spool, Stream::Ingest, 10).await;
    commit(&mut spool, Stream::Ingest, &[1, 2, 3]).await;
    spool.close().await;

    let mut spool = open(&folder, 2).await;
    assert_eq!((spool.epoch(), spool.depths().ingest.waiting), (epoch(2), 1));
    spool.append(&readings(1)).await.unwrap();
    assert_eq!(named(&take(&mut spool, Stream::Ingest, 10).await), [(epoch(1), 4), (epoch(2), 5)]);
    let everything = SeqSet::from_ranges([(0, u64::MAX)]);
    let answer = spool.apply(epoch(1), Stream::Ingest, &everything, &SeqSet::new()).await.unwrap();
    assert_eq!((answer.committed, spool.depths().ingest.waiting), (1, 1), "an answer to one life lets go nothing of another");
    assert_eq!(spool.apply(epoch(2), Stream::Ingest, &everything, &SeqSet::new()).await.unwrap().committed, 1);
    spool.close().await;

    let mut spool = open(&folder, 3).await;
    spool.append(&readings(1)).await.unwrap();
    assert_eq!(
        named(&take(&mut spool, Stream::Ingest, 10).await),
        [(epoch(3), 6)],
        "a number is given once, also when nothing is left of it"
    );
    let answer = spool.apply(epoch(1), Stream::Ingest, &everything, &SeqSet::new()).await.unwrap();
    assert!(answer.other_epoch, "a life of which nothing is left is forgotten");
}

#[tokio::test]
async fn a_copy_of_an_earlier_day_gives_no_name_a_second_time() {
    let (today, copied) = (folder(), folder());
    let mut spool = open(&today, 1).await;
    spool.append(&readings(2)).await.unwrap();
    spool.close().await;
    std::fs::copy(today.path().join("spool.db"), copied.path().join("spool.db")).unwrap();
    // Life goes on, and the cloud has what it heard…
    let mut spool = open(&today, 2).await;
    spool.append(&readings(3)).await.unwrap();
    let known: BTreeSet<_> = named(&take(&mut spool, Stream::Ingest, 10).await).into_iter().collect();
    assert_eq!(known.len(), 5);
    spool.close().await;
    // …until the disk is set back to the copy.
    let mut spool = open(&copied, 3).await;
    spool.append(&readings(2)).await.unwrap();
    let after = named(&take(&mut spool, Stream::Ingest, 10).await);
    assert_eq!(after, [(epoch(1), 1), (epoch(1), 2), (epoch(3), 3), (epoch(3), 4)]);
    let repeated: Vec<_> = after.iter().filter(|name| known.contains(name)).collect();
    assert_eq!(repeated, [&(epoch(1), 1), &(epoch(1), 2)], "only what is the same has the name it had");
}

#[tokio::test]
async fn a_file_that_is_set_back_under_a_running_bridge_is_not_gone_on_with() {
    let (alive, earlier) = (folder(), folder());
    let limits = SpoolLimits { cap_bytes: 100_000, ..SpoolLimits::default() };
    let path = alive.path().join("spool.db");
    let mut spool = try_open(&path, 1, limits).await.unwrap();
    spool.append(&readings(2)).await.unwrap();
    for name in ["spool.db", "spool.db-wal"] {
        std::fs::copy(alive.path().join(name), earlier.path().join(name)).unwrap();
    }
    spool.append(&readings(2)).await.unwrap();
    // A batch that fails has the file opened again.
    assert!(spool.append(&vec![text(8, &"ä".repeat(110)); 3000]).await.is_err());
    for name in ["spool.db", "spool.db-wal", "spool.db-shm"] {
        let _ = std::fs::remove_file(alive.path().join(name));
        let _ = std::fs::copy(earlier.path().join(name), alive.path().join(name));
    }
    for _ in 0..2 {
        assert!(matches!(spool.append(&readings(1)).await, Err(SpoolError::Damaged(_))));
    }
}

#[tokio::test]
async fn a_spool_begun_anew_is_another_life() {
    let folder = folder();
    let mut spool = open(&folder, 1).await;
    spool.append(&readings(1)).await.unwrap();
    spool.close().await;
    std::fs::remove_file(folder.path().join("spool.db")).unwrap();

    let mut spool = open(&folder, 2).await;
    spool.append(&readings(1)).await.unwrap();
    assert_eq!(spool.epoch(), epoch(2));
    assert_eq!(numbers(&take(&mut spool, Stream::Ingest, 10).await), [1]);
    let answer = spool.apply(epoch(1), Stream::Ingest, &set(&[1]), &SeqSet::new()).await.unwrap();
    assert_eq!(answer, Applied { other_epoch: true, ..Applied::default() });
    assert_eq!(spool.depths().ingest.waiting, 1);
}

#[tokio::test]
async fn what_was_appended_survives_the_death_of_the_process() {
    let (alive, dead) = (folder(), folder());
    let mut spool = open(&alive, 1).await;
    spool.append(&readings(250)).await.unwrap();
    // The files as they lie on the disk while the process runs are what its death leaves behind.
    for name in ["spool.db", "spool.db-wal"] {
        std::fs::copy(alive.path().join(name), dead.path().join(name)).unwrap();
    }
    let mut spool = open(&dead, 2).await;
    let expected: Vec<_> = (1..=250).map(|seq| (epoch(1), seq)).collect();
    assert_eq!(named(&take(&mut spool, Stream::Ingest, 1000).await), expected);
}

#[tokio::test]
async fn an_answer_lets_go_exactly_the_numbers_it_names() {
    let folder = folder();
    let mut spool = open(&folder, 1).await;
    let records: Vec<_> = (0..10).flat_map(|number| [reading(7, number), text(8, "x")]).collect();
    spool.append(&records).await.unwrap();
    take(&mut spool, Stream::Ingest, 100).await;
    take(&mut spool, Stream::Gateway, 100).await;

    let named = SeqSet::from_ranges([(2, 4), (9, 9), (40, u64::MAX)]);
    let applied = spool.apply(spool.epoch(), Stream::Ingest, &named, &set(&[7])).await.unwrap();
    assert_eq!(applied, Applied { committed: 4, rejected: 1, other_epoch: false });
    spool.restart_publishing();
    assert_eq!(numbers(&take(&mut spool, Stream::Ingest, 100).await), [1, 5, 6, 8, 10]);
    assert_eq!(take(&mut spool, Stream::Gateway, 100).await.len(), 10, "streams are answered for apart");
    assert_eq!(commit(&mut spool, Stream::Ingest, &[2, 3]).await.committed, 0, "answers may come twice");
}

#[tokio::test]
async fn an_answer_to_what_was_never_published_is_none() {
    let folder = folder();
    let mut spool = open(&folder, 1).await;
    spool.append(&readings(10)).await.unwrap();
    take(&mut spool, Stream::Ingest, 4).await;
    let everything = SeqSet::from_ranges([(0, u64::MAX)]);
    assert_eq!(spool.apply(spool.epoch(), Stream::Ingest, &everything, &SeqSet::new()).await.unwrap().committed, 4);
    assert_eq!(spool.depths().ingest.waiting, 6);
}

#[tokio::test]
async fn at_most_so_many_are_in_flight_and_they_are_published_again_when_overdue() {
    let folder = folder();
    let mut spool = open(&folder, 1).await;
    spool.append(&readings(700)).await.unwrap();
    assert_eq!(take(&mut spool, Stream::Ingest, 1000).await.len(), MAX_IN_FLIGHT);
    assert_eq!(take_at(&mut spool, Stream::Ingest, 29, 1000).await.len(), 0);
    commit(&mut spool, Stream::Ingest, &[3]).await;
    assert_eq!(numbers(&take_at(&mut spool, Stream::Ingest, 29, 1000).await), [501]);
    assert!(spool.next_due().unwrap() >= Uptime(Duration::from_secs(30)));
    let again = numbers(&take_at(&mut spool, Stream::Ingest, 38, 3).await);
    assert_eq!(again, [1, 2, 4]);
    spool.restart_publishing();
    assert_eq!(numbers(&take_at(&mut spool, Stream::Ingest, 38, 1000).await)[..3], [1, 2, 4]);
}

#[tokio::test]
async fn at_the_cap_the_oldest_telemetry_goes_and_never_a_text() {
    let folder = folder();
    let limits = SpoolLimits { cap_bytes: 40_000, ..SpoolLimits::default() };
    let mut spool = try_open(&folder.path().join("spool.db"), 1, limits).await.unwrap();
    let texts: Vec<_> = (0..20).map(|number| text(8, &format!("text {number}"))).collect();
    spool.append(&texts).await.unwrap();
    let mut dropped = 0;
    for _ in 0..10 {
        dropped += spool.append(&readings(50)).await.unwrap().dropped;
        assert!(spool.bytes() <= 40_000);
    }
    let left = numbers(&take(&mut spool, Stream::Ingest, 1000).await);
    assert_eq!(left, ((500 - left.len() as u64 + 1)..=500).collect::<Vec<_>>(), "those that stay are the last");
    assert_eq!(dropped, 500 - left.len() as u64);
    assert_eq!(take(&mut spool, Stream::Gateway, 1000).await.len(), 20);
}

#[tokio::test]
async fn a_full_spool_says_so_keeps_what_it_has_and_goes_on_when_there_is_room() {
    let folder = folder();
    let limits = SpoolLimits { cap_bytes: 100_000, ..SpoolLimits::default() };
    let mut spool = try_open(&folder.path().join("spool.db"), 1, limits).await.unwrap();
    let mut stored = 0;
    let full = loop {
        match spool.append(&(0..50).map(|_| text(8, &"ä".repeat(110))).collect::<Vec<_>>()).await {
            Ok(_) => stored += 50,
            Err(error) => break error,
        }
        assert!(stored < 2000, "the file has a limit");
    };
    assert!(matches!(full, SpoolError::Full(_)), "{full:?}");
    assert!(full.to_string().contains("full"));
    assert!(matches!(spool.append(&vec![text(8, &"ö".repeat(110)); 50]).await, Err(SpoolError::Full(_))));

    let published = numbers(&take(&mut spool, Stream::Gateway, 1000).await);
    assert_eq!(published.len(), stored.min(MAX_IN_FLIGHT));
    commit(&mut spool, Stream::Gateway, &published).await;
    spool.append(&[text(8, "room again")]).await.unwrap();
    assert_eq!(spool.depths().gateway.waiting, (stored - published.len() + 1) as u64);
    assert_eq!(
        numbers(&take(&mut spool, Stream::Gateway, 1000).await).last(),
        Some(&(stored as u64 + 1)),
        "a failed batch takes no numbers"
    );
}

#[tokio::test]
async fn a_spool_that_cannot_be_used_is_refused_in_words() {
    let folder = folder();
    let path = folder.path().join("spool.db");
    let spool = open(&folder, 1).await;
    let refusal = try_open(&path, 2, SpoolLimits::default()).await.unwrap_err().to_string();
    assert!(refusal.starts_with("another process uses the spool"), "{refusal}");
    spool.close().await;

    let shed: BridgeId = "shed".parse().unwrap();
    let refusal = Spool::open(&path, &shed, epoch(2), SpoolLimits::default()).await.unwrap_err().to_string();
    assert!(refusal.contains("belongs to the bridge `roof`"), "{refusal}");

    std::fs::write(&path, "this is no database, and long enough not to be taken for the beginning of one".repeat(20)).unwrap();
    let refusal = try_open(&path, 2, SpoolLimits::default()).await.unwrap_err().to_string();
    assert!(refusal.contains("is damaged: move it away"), "{refusal}");

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refusal = try_open(&file.join("spool.db"), 2, SpoolLimits::default()).await.unwrap_err();
    assert!(matches!(refusal, SpoolError::File { .. }), "{refusal:?}");
}

/// Publishes and answers a backlog, while a reading is heard every second; returns how many seconds that took.
async fn drain(count: u32) -> u64 {
    let folder = folder();
    let mut spool = open(&folder, 1).await;
    for batch in readings(count).chunks(1000) {
        spool.append(batch).await.unwrap();
    }
    spool.restart_publishing();
    let (mut backlog, mut heard, mut slots, mut late) = (0, u64::from(count), 0_u64, 0);
    let mut rng = StdRng::seed_from_u64(1);
    while backlog < u64::from(count) {
        if slots.is_multiple_of(10) {
            spool.append(&[reading(9, 1)]).await.unwrap();
            heard += 1;
        }
        slots += 1;
        let due = spool.take_due(Stream::Ingest, Uptime(Duration::from_millis(slots * 100)), 1000, &mut rng).await.unwrap();
        let (live, old): (Vec<u64>, Vec<u64>) = numbers(&due).into_iter().partition(|seq| *seq > u64::from(count));
        late += u64::from(slots % 10 == 1 && live != [heard]);
        assert!(old.len() <= 50, "at its rate");
        assert_eq!(old, (backlog + 1..=backlog + old.len() as u64).collect::<Vec<_>>(), "in order");
        backlog += old.len() as u64;
        // The cloud answers some slots later.
        if slots.is_multiple_of(5) {
            spool
                .apply(spool.epoch(), Stream::Ingest, &SeqSet::from_ranges([(1, backlog), (u64::from(count) + 1, heard)]), &SeqSet::new())
                .await
                .unwrap();
        }
    }
    assert_eq!(late, 0, "what is heard now goes out at once");
    slots / 10
}

/// A day's hundred thousand go the same way and take minutes to write: 200 seconds of it then.
#[tokio::test]
async fn a_backlog_drains_in_order_at_a_bounded_rate_and_starves_nobody() {
    assert_eq!(drain(5_000).await, 10);
}

#[tokio::test]
async fn telemetry_beyond_its_age_goes_and_never_a_text() {
    let folder = folder();
    let limits = SpoolLimits { max_hours: 2, ..SpoolLimits::default() };
    let path = folder.path().join("spool.db");
    let mut spool = try_open(&path, 1, limits).await.unwrap();
    spool.append(&[reading(7, 1), text(8, "help")]).await.unwrap();
    assert_eq!(spool.pass_hour().await.unwrap().dropped, 0);
    spool.append(&readings(1)).await.unwrap();
    assert_eq!(spool.pass_hour().await.unwrap().dropped, 0);
    spool.close().await;
    let mut spool = try_open(&path, 2, limits).await.unwrap();
    assert_eq!(spool.pass_hour().await.unwrap().dropped, 1, "hours count on through a restart");
    assert_eq!(numbers(&take(&mut spool, Stream::Ingest, 10).await), [2]);
    assert_eq!(spool.pass_hour().await.unwrap().dropped, 1);
    assert_eq!((spool.depths().ingest.waiting, take(&mut spool, Stream::Gateway, 10).await.len()), (0, 1));
}
