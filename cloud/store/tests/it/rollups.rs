//! After any order of late, repeated and corrected readings the summaries are what the raw readings say, whether they are
//! written yet or computed on the spot.

use crate::{
    spools::{Spool, metrics},
    stores::{self, at},
};
use kosmo_domain::{Aggregate, DAY, HOUR, Metric, Metrics, NodeId, Timestamp};
use kosmo_store::{Store, weather::Bucket};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::{cell::Cell, collections::BTreeMap, time::Duration};

/// The metrics that between them combine in every way.
const ONE_OF_EACH: [Metric; 7] =
    [Metric::Temperature, Metric::WindGust, Metric::WindLull, Metric::WindDirection, Metric::Rain, Metric::Rain1h, Metric::Uptime];

/// What happens to the store.
#[derive(Debug, Clone)]
enum Step {
    /// A batch of readings comes, each so many ten-minute steps after the start.
    Deliver(Vec<(u64, [Option<f64>; 7])>),
    /// The batch before comes again.
    Repeat,
    /// Some of what is marked is summarised.
    Summarise(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let values = proptest::array::uniform7(proptest::option::of(0.0..80.0_f64));
    let reading = (0..40 * 6_u64, values);
    let step = prop_oneof![
        4 => proptest::collection::vec(reading, 1..25).prop_map(Step::Deliver),
        1 => Just(Step::Repeat),
        2 => (1..40_u32).prop_map(Step::Summarise),
    ];
    proptest::collection::vec(step, 1..10)
}

fn start() -> Timestamp {
    at("2026-06-01T10:00:00Z")
}

/// Takes a node of its own through the steps, and returns its readings as they have to be.
async fn run(store: &Store, node: NodeId, steps: Vec<Step>) -> BTreeMap<Timestamp, Metrics> {
    let (mut spool, mut model, mut last) = (Spool::of("roof"), BTreeMap::new(), Vec::new());
    spool.skip_to(u64::from(node.number()) * 10_000);
    for (minute, step) in (0..).zip(steps) {
        let now = at("2026-06-03T00:00:00Z").plus(Duration::from_secs(60 * minute));
        match step {
            Step::Deliver(readings) => {
                last.clear();
                for (slot, values) in readings {
                    let at = start().plus(Duration::from_secs(600 * slot));
                    let values: Vec<_> = ONE_OF_EACH.into_iter().zip(values).filter_map(|(metric, value)| Some((metric, value?))).collect();
                    last.push(spool.reading(node, at, &values));
                    model.entry(at).or_insert(Metrics::NONE).merge(&metrics(&values));
                }
                store.ingest(&last, now).await.unwrap();
            }
            Step::Repeat => drop(store.ingest(&last, now).await.unwrap()),
            Step::Summarise(limit) => drop(store.run_rollups(limit).await.unwrap()),
        }
    }
    model
}

/// The number for a bucket, computed from all of its readings at once.
fn naive(metric: Metric, from: Timestamp, width: Duration, readings: &BTreeMap<Timestamp, Metrics>) -> Option<f64> {
    let all: Vec<_> = readings.iter().filter_map(|(at, metrics)| Some((*at, metrics.get(metric)?))).collect();
    let within = |at: Timestamp| at >= from && at < from.plus(width);
    let values: Vec<_> = all.iter().filter(|(at, _)| within(*at)).map(|(_, value)| *value).collect();
    let last = *values.last()?;
    match metric.spec().aggregate {
        Aggregate::Mean => Some(values.iter().sum::<f64>() / values.len() as f64),
        Aggregate::Max => values.into_iter().reduce(f64::max),
        Aggregate::Min => values.into_iter().reduce(f64::min),
        Aggregate::Increment => Some(values.iter().sum()),
        Aggregate::Rolling => Some(last),
        Aggregate::Vector => {
            let sum = |part: fn(f64) -> f64| values.iter().map(|degrees| part(degrees.to_radians())).sum::<f64>();
            Some(sum(f64::sin).atan2(sum(f64::cos)).to_degrees().rem_euclid(360.0))
        }
        Aggregate::Counter => {
            let step = |pair: &[(Timestamp, f64)]| if pair[1].1 < pair[0].1 { pair[1].1 } else { pair[1].1 - pair[0].1 };
            let counts = |pair: &&[(Timestamp, f64)]| within(pair[1].0) && pair[0].0 >= pair[1].0.floor_to(HOUR).minus(HOUR);
            all.windows(2).filter(counts).map(step).reduce(|sum, step| sum + step)
        }
    }
}

async fn check(store: &Store, node: NodeId, model: &BTreeMap<Timestamp, Metrics>) -> Result<(), TestCaseError> {
    let stored = store.readings(node, Timestamp::EPOCH, Timestamp::MAX, None, 10_000).await.unwrap().unwrap_or_default();
    prop_assert_eq!(stored.iter().map(|row| (row.at, row.metrics)).collect::<BTreeMap<_, _>>(), model.clone());
    for (bucket, width) in [(Bucket::Hour, HOUR), (Bucket::Day, DAY)] {
        let rows = store.rollups(node, bucket, Timestamp::EPOCH, Timestamp::MAX, None, 10_000).await.unwrap().unwrap_or_default();
        let mut expected: Vec<_> = model.keys().map(|at| at.floor_to(width)).collect();
        expected.dedup();
        prop_assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), expected);
        for row in rows {
            for metric in ONE_OF_EACH {
                let (computed, expected) = (row.rollup.primary(metric), naive(metric, row.at, width, model));
                let close = match (computed, expected) {
                    (Some(a), Some(b)) => (a - b).abs() <= 1.0e-9 * (1.0 + b.abs()),
                    (a, b) => a == b,
                };
                prop_assert!(close, "{metric} at {}: {computed:?} instead of {expected:?}", row.at);
            }
        }
    }
    Ok(())
}

/// Runs many cases on one store, each on a node of its own.
fn hold_to_naive(cases: u32, open: impl AsyncFn() -> stores::Fixture) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fixture = runtime.block_on(open());
    let numbers = Cell::new(0x1000);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&steps(), |steps| {
        numbers.set(numbers.get() + 1);
        let node = NodeId::from_number(numbers.get());
        runtime.block_on(async {
            let model = run(&fixture.store, node, steps).await;
            check(&fixture.store, node, &model).await?;
            while fixture.store.run_rollups(50).await.unwrap().more {}
            check(&fixture.store, node, &model).await
        })
    });
    result.unwrap();
}

#[test]
fn summaries_equal_a_naive_recomputation_on_sqlite() {
    hold_to_naive(40, stores::sqlite);
}

#[test]
fn summaries_equal_a_naive_recomputation_on_postgres() {
    hold_to_naive(25, stores::postgres);
}
