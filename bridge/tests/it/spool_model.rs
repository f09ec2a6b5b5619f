//! The spool against a model that fits in the head: two maps, two counters and a set of what is in flight.

use crate::world::{epoch, reading, text};
use kosmo_bridge::spool::{LIVE_PLACES, MAX_IN_FLIGHT, Spool, SpoolError, SpoolLimits};
use kosmo_domain::{SeqSet, Stream, Uptime};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

/// For how many hours telemetry is kept here.
const MAX_HOURS: u32 = 3;

/// What can happen to a spool.
#[derive(Debug, Clone)]
enum Step {
    Append { readings: u32, texts: u32 },
    Take { stream: Stream, limit: usize },
    Answer { stream: Stream, ranges: Vec<(u64, u64)>, rejected: Vec<u64>, is_ours: bool },
    Wait { seconds: u64 },
    HourOver,
    Calm(bool),
    Reconnect,
    Restart,
}

fn stream() -> impl Strategy<Value = Stream> {
    prop_oneof![Just(Stream::Ingest), Just(Stream::Gateway)]
}

fn step() -> impl Strategy<Value = Step> {
    let range = (0..40_u64, 0..10_u64).prop_map(|(first, more)| (first, first + more));
    prop_oneof![
        4 => (0..8_u32, 0..3_u32).prop_map(|(readings, texts)| Step::Append { readings, texts }),
        4 => (stream(), 0..20_usize).prop_map(|(stream, limit)| Step::Take { stream, limit }),
        4 => (stream(), proptest::collection::vec(range, 0..4), proptest::collection::vec(0..40_u64, 0..3), prop::bool::weighted(0.9))
            .prop_map(|(stream, ranges, rejected, is_ours)| Step::Answer { stream, ranges, rejected, is_ours }),
        1 => (0..60_u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::HourOver),
        1 => prop::bool::ANY.prop_map(Step::Calm),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Restart),
    ]
}

/// One stream of the model.
#[derive(Debug, Default)]
struct Lane {
    last: u64,
    /// The last number of what lay there when the connection came about.
    split: u64,
    /// The last numbers at the ends of the hours.
    hours: Vec<u64>,
    kept: BTreeSet<u64>,
    /// When each was published last on this connection.
    in_flight: BTreeMap<u64, u64>,
    ever_published: BTreeSet<u64>,
}

async fn open(path: &Path, cap_bytes: u64) -> Spool {
    let limits = SpoolLimits { cap_bytes, max_hours: MAX_HOURS, backlog_per_s: 100_000, ..SpoolLimits::default() };
    Spool::open(path, &"roof".parse().unwrap(), epoch(1), limits).await.unwrap()
}

#[expect(clippy::too_many_lines, reason = "one arm for each thing that can happen")]
async fn check(steps: Vec<Step>, cap_bytes: u64, times: u32) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool.db");
    let mut rng = StdRng::seed_from_u64(9);
    let mut spool = open(&path, cap_bytes).await;
    let mut model: BTreeMap<Stream, Lane> = Stream::ALL.into_iter().map(|stream| (stream, Lane::default())).collect();
    let mut now = 0;
    for step in steps {
        match step {
            Step::Append { readings, texts } => {
                let (readings, texts) = (readings * times, texts * times);
                let records = (0..readings).map(|number| reading(7, number)).chain((0..texts).map(|_| text(8, "x")));
                let records: Vec<_> = records.collect();
                match spool.append(&records).await {
                    Ok(appended) => {
                        for (stream, count) in [(Stream::Ingest, readings), (Stream::Gateway, texts)] {
                            let lane = model.get_mut(&stream).unwrap();
                            lane.kept.extend(lane.last + 1..=lane.last + u64::from(count));
                            lane.last += u64::from(count);
                        }
                        let ingest = model.get_mut(&Stream::Ingest).unwrap();
                        for _ in 0..appended.dropped {
                            let oldest = ingest.kept.pop_first().expect("what is dropped was there");
                            ingest.in_flight.remove(&oldest);
                        }
                    }
                    // Then nothing has changed, which the rest of the steps show.
                    Err(error) => prop_assert!(matches!(error, SpoolError::Full(_)), "{:?}", error),
                }
            }
            Step::Take { stream, limit } => {
                let taken = spool.take_due(stream, Uptime(Duration::from_secs(now)), limit, &mut rng).await.unwrap();
                let taken: Vec<_> = taken.iter().map(|record| record.seq).collect();
                let lane = model.get_mut(&stream).unwrap();
                check_taken(lane, &taken, limit)?;
                for seq in taken {
                    let before = lane.in_flight.insert(seq, now);
                    prop_assert!(before.is_none_or(|sent| now >= sent + 30), "published again after less than 30 s");
                    prop_assert!(lane.kept.contains(&seq));
                    lane.ever_published.insert(seq);
                }
            }
            Step::Answer { stream, ranges, rejected, is_ours } => {
                let (ranges, rejected) = (SeqSet::from_ranges(ranges), rejected.into_iter().collect::<SeqSet>());
                let answered = if is_ours { spool.epoch() } else { epoch(2) };
                let applied = spool.apply(answered, stream, &ranges, &rejected).await.unwrap();
                prop_assert_eq!(applied.other_epoch, !is_ours);
                let lane = model.get_mut(&stream).unwrap();
                let before = lane.kept.len();
                let highest = lane.ever_published.last().copied().unwrap_or(0);
                lane.kept.retain(|seq| !is_ours || *seq > highest || !(ranges.contains(*seq) || rejected.contains(*seq)));
                lane.in_flight.retain(|seq, _| lane.kept.contains(seq));
                prop_assert_eq!(applied.committed + applied.rejected, (before - lane.kept.len()) as u64);
            }
            Step::Wait { seconds } => now += seconds,
            Step::Calm(is_calm) => spool.set_calm(is_calm),
            Step::HourOver => {
                let dropped = spool.pass_hour().await.unwrap().dropped;
                let lane = model.get_mut(&Stream::Ingest).unwrap();
                lane.hours.push(lane.last);
                let old = lane.hours.len().checked_sub(MAX_HOURS as usize + 1).map_or(0, |hour| lane.hours[hour]);
                let before = lane.kept.len();
                lane.kept.retain(|seq| *seq > old);
                lane.in_flight.retain(|seq, _| *seq > old);
                prop_assert_eq!(dropped, (before - lane.kept.len()) as u64);
            }
            Step::Reconnect => {
                spool.restart_publishing();
                for (stream, lane) in &mut model {
                    lane.in_flight.clear();
                    lane.split = if *stream == Stream::Ingest { lane.last } else { 0 };
                }
            }
            Step::Restart => {
                spool.close().await;
                spool = open(&path, cap_bytes).await;
                for lane in model.values_mut() {
                    (lane.in_flight, lane.ever_published, lane.split) = (BTreeMap::new(), BTreeSet::new(), 0);
                }
            }
        }
        let depths = spool.depths();
        for (stream, depth) in [(Stream::Ingest, depths.ingest), (Stream::Gateway, depths.gateway)] {
            prop_assert_eq!((depth.waiting, depth.in_flight), (model[&stream].kept.len() as u64, model[&stream].in_flight.len() as u64));
        }
    }
    Ok(())
}

/// Holds what was taken to be published against what the model would take.
fn check_taken(lane: &Lane, taken: &[u64], limit: usize) -> Result<(), TestCaseError> {
    let fresh: Vec<_> = taken.iter().copied().filter(|seq| !lane.in_flight.contains_key(seq)).collect();
    let unsent: Vec<_> = lane.kept.iter().copied().filter(|seq| !lane.in_flight.contains_key(seq)).collect();
    prop_assert!(taken.len() <= limit);
    let apart = |numbers: &[u64]| numbers.iter().partition::<Vec<u64>, _>(|seq| **seq > lane.split);
    let ((live, backlog), (all_live, all_backlog)) = (apart(&fresh), apart(&unsent));
    prop_assert_eq!(&live[..], &all_live[..live.len()], "what is heard now goes out in order");
    prop_assert_eq!(&backlog[..], &all_backlog[..backlog.len()], "and so does what lay there");
    let in_flight = lane.in_flight.len() + fresh.len();
    prop_assert!(in_flight <= MAX_IN_FLIGHT);
    prop_assert!(live.len() == all_live.len() || taken.len() == limit || in_flight == MAX_IN_FLIGHT);
    prop_assert!(backlog.len() == all_backlog.len() || taken.len() == limit || in_flight >= MAX_IN_FLIGHT - LIVE_PLACES);
    Ok(())
}

fn run(steps: Vec<Step>, cap_bytes: u64, times: u32) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(check(steps, cap_bytes, times))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_record_is_kept_in_order_until_it_is_answered_for(steps in proptest::collection::vec(step(), 1..40)) {
        run(steps, SpoolLimits::default().cap_bytes, 1)?;
    }

    #[test]
    fn a_small_spool_drops_the_oldest_telemetry_and_refuses_whole_batches(steps in proptest::collection::vec(step(), 1..40)) {
        run(steps, 20_000, 60)?;
    }
}
