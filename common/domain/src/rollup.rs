//! What becomes of readings over an hour and a day: one small summary per metric, by the metric's own way to combine.
//!
//! An hour is computed from raw readings and a day from its hours, and both say the same as the raw readings of that day
//! would; so late, repeated and corrected readings end in the same numbers once their hours are computed again.

mod stats;

pub use crate::rollup::stats::Stats;

use crate::{Aggregate, HOUR, Metric, Metrics, Timestamp};
use std::{collections::BTreeMap, time::Duration};

/// The summary of a node's readings over a bucket.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rollup {
    readings: u64,
    stats: BTreeMap<Metric, Stats>,
}

impl Rollup {
    /// Puts a summary together again from what was stored of it; summaries that do not fit their metric are left out.
    pub fn from_parts(readings: u64, stats: impl IntoIterator<Item = (Metric, Stats)>) -> Self {
        let fits = |(metric, stats): &(Metric, Stats)| stats.aggregate() == metric.spec().aggregate;
        Self { readings, stats: stats.into_iter().filter(fits).collect() }
    }

    /// Returns the summary of the bucket of this width that starts at `start`; see [`RollupBuilder`].
    pub fn of_bucket(start: Timestamp, width: Duration, readings: &[(Timestamp, Metrics)]) -> Self {
        let mut builder = RollupBuilder::new(start, width);
        for (at, metrics) in readings {
            builder.add(*at, metrics);
        }
        builder.build()
    }

    /// Returns the summary of hours together: of a day, if they are its hours. Shorter or longer buckets combine alike.
    pub fn of_hours<'a>(hours: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut rollup = Self::default();
        for hour in hours {
            rollup.readings += hour.readings;
            for (metric, stats) in hour.iter() {
                rollup.add(metric, stats);
            }
        }
        rollup
    }

    fn add(&mut self, metric: Metric, stats: &Stats) {
        self.stats.entry(metric).and_modify(|sum| sum.add(stats)).or_insert(*stats);
    }

    /// Returns how many readings lie in the bucket.
    pub const fn readings(&self) -> u64 {
        self.readings
    }

    /// Tells whether no reading lies in the bucket.
    pub const fn is_empty(&self) -> bool {
        self.readings == 0
    }

    /// Returns the summary of a metric, if any reading had a value for it.
    pub fn get(&self, metric: Metric) -> Option<&Stats> {
        self.stats.get(&metric)
    }

    /// Returns the number that stands for a metric; see [`Stats::primary`].
    pub fn primary(&self, metric: Metric) -> Option<f64> {
        self.get(metric)?.primary()
    }

    /// Returns the summaries there are, in the order of the metric table.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Metric, &Stats)> + '_ {
        self.stats.iter().map(|(metric, stats)| (*metric, stats))
    }
}

/// Summarises a bucket from readings that come one by one and ascend by time, so that however many they are takes no room.
///
/// Readings outside of the bucket count for nothing, but for those of the hour before it, which are there for totals: a
/// [`Aggregate::Counter`] grows by the step from its last value within that hour, too. A total that falls has started again at
/// zero.
#[derive(Debug, Clone)]
pub struct RollupBuilder {
    start: Timestamp,
    end: Timestamp,
    latest: Timestamp,
    rollup: Rollup,
    /// The last value of each total.
    totals: BTreeMap<Metric, f64>,
}

impl RollupBuilder {
    /// Begins the summary of the bucket of this width that starts at `start`.
    pub fn new(start: Timestamp, width: Duration) -> Self {
        Self { start, end: start.plus(width), latest: Timestamp::EPOCH, rollup: Rollup::default(), totals: BTreeMap::new() }
    }

    /// Takes in a reading.
    pub fn add(&mut self, at: Timestamp, metrics: &Metrics) {
        debug_assert!(at >= self.latest, "readings ascend by time");
        self.latest = at;
        if at < self.start.minus(HOUR) || at >= self.end {
            return;
        }
        let within = at >= self.start;
        self.rollup.readings += u64::from(within);
        for (metric, value) in metrics.iter() {
            let aggregate = metric.spec().aggregate;
            let mut stats = Stats::of(aggregate, at, value);
            if aggregate == Aggregate::Counter
                && let Some(before) = self.totals.insert(metric, value)
            {
                stats = Stats::Counter { count: 1, steps: 1, growth: growth(before, value) };
            }
            if within {
                self.rollup.add(metric, &stats);
            }
        }
    }

    /// Returns the summary of what was taken in.
    pub fn build(self) -> Rollup {
        self.rollup
    }
}

/// Returns how much a total grew from one value to the next.
fn growth(before: f64, value: f64) -> f64 {
    if value < before { value } else { value - before }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DAY;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_780_272_000);

    /// Summarises values of one metric, given by the minutes after the start of the hour.
    fn hour_of(metric: Metric, values: &[(i32, f64)]) -> Rollup {
        let readings: Vec<_> = values.iter().map(|&(minute, value)| (minutes(minute), only(metric, value))).collect();
        Rollup::of_bucket(START, HOUR, &readings)
    }

    fn minutes(minute: i32) -> Timestamp {
        let span = Duration::from_secs(u64::from(minute.unsigned_abs()) * 60);
        if minute < 0 { START.minus(span) } else { START.plus(span) }
    }

    fn only(metric: Metric, value: f64) -> Metrics {
        let mut metrics = Metrics::NONE;
        metrics.set(metric, value).unwrap();
        metrics
    }

    #[test]
    fn a_mean_stands_beside_its_extremes() {
        let hour = hour_of(Metric::Temperature, &[(-1, 60.0), (0, 10.0), (30, 20.0), (59, 12.0), (60, -40.0)]);
        let stats = hour.get(Metric::Temperature).unwrap();
        assert_eq!((stats.primary(), stats.min(), stats.max(), stats.count()), (Some(14.0), Some(10.0), Some(20.0), 3));
    }

    #[test]
    fn north_lies_between_north_west_and_north_east() {
        let direction = |values: &[(i32, f64)]| hour_of(Metric::WindDirection, values).primary(Metric::WindDirection);
        let north = direction(&[(0, 350.0), (10, 10.0)]).unwrap();
        assert!(north.min(360.0 - north) < 1.0e-9, "{north}");
        assert_eq!(direction(&[(0, 90.0), (10, 270.0)]), None);
    }

    #[test]
    fn a_total_grows_by_its_steps_and_starts_again_at_zero() {
        let growth = |values: &[(i32, f64)]| hour_of(Metric::Uptime, values).primary(Metric::Uptime);
        assert_eq!(growth(&[(5, 100.0)]), None);
        assert_eq!(growth(&[(5, 100.0), (15, 700.0)]), Some(600.0));
        assert_eq!(growth(&[(-55, 100.0), (5, 3700.0)]), Some(3600.0));
        assert_eq!(growth(&[(-61, 100.0), (5, 3760.0)]), None);
        assert_eq!(growth(&[(5, 1000.0), (10, 30.0), (20, 630.0)]), Some(630.0));
    }

    #[test]
    fn a_bucket_is_as_wide_as_it_is_asked_to_be() {
        let readings: Vec<_> =
            [(0, 10.0), (9, 20.0), (10, 90.0)].map(|(minute, value)| (minutes(minute), only(Metric::Uptime, value))).into();
        let bucket = Rollup::of_bucket(START, Duration::from_mins(10), &readings);
        assert_eq!((bucket.readings(), bucket.primary(Metric::Uptime)), (2, Some(10.0)));
        let next = Rollup::of_bucket(minutes(10), Duration::from_mins(10), &readings);
        assert_eq!((next.readings(), next.primary(Metric::Uptime)), (1, Some(70.0)), "the step into a bucket belongs to it");
    }

    #[test]
    fn rain_is_summed_but_a_rolling_window_is_not() {
        assert_eq!(hour_of(Metric::Rain, &[(0, 0.2), (10, 0.0), (20, 0.4)]).primary(Metric::Rain), Some(0.2 + 0.4));
        assert_eq!(hour_of(Metric::Rain1h, &[(0, 3.0), (10, 3.2), (20, 3.1)]).primary(Metric::Rain1h), Some(3.1));
    }

    #[test]
    fn what_nobody_measured_has_no_summary_and_zero_has_one() {
        let hour = hour_of(Metric::Rain, &[(0, 0.0)]);
        assert_eq!(hour.primary(Metric::Rain), Some(0.0));
        assert_eq!(hour.get(Metric::Temperature), None);
        assert!(hour_of(Metric::Rain, &[(-10, 1.0)]).is_empty());
    }

    #[test]
    fn what_does_not_fit_its_metric_is_left_out() {
        let rollup = Rollup::from_parts(1, [(Metric::Rain, Stats::Max { count: 1, max: 3.0 })]);
        assert_eq!(rollup.get(Metric::Rain), None);
    }

    /// The metrics that between them combine in every way.
    const ONE_OF_EACH: [Metric; 7] =
        [Metric::Temperature, Metric::WindGust, Metric::WindLull, Metric::WindDirection, Metric::Rain, Metric::Rain24h, Metric::Uptime];

    /// A day of readings and the two hours before it, each with some of the metrics.
    fn some_readings() -> impl Strategy<Value = Vec<(Timestamp, Metrics)>> {
        let values = proptest::array::uniform7(proptest::option::of(0.0..80.0_f64));
        proptest::collection::btree_map(-7_200_i64..90_000, values, 0..60).prop_map(|readings| {
            let reading = |(second, values): (i64, [Option<f64>; 7])| {
                let mut metrics = Metrics::NONE;
                for (metric, value) in ONE_OF_EACH.into_iter().zip(values) {
                    if let Some(value) = value {
                        metrics.set(metric, value).unwrap();
                    }
                }
                (Timestamp::from_micros(START.as_micros() + second * 1_000_000).unwrap(), metrics)
            };
            readings.into_iter().map(reading).collect()
        })
    }

    /// The number for a day, computed from all of its readings at once.
    fn naive(metric: Metric, readings: &[(Timestamp, Metrics)]) -> Option<f64> {
        let all: Vec<_> = readings.iter().filter_map(|(at, metrics)| Some((*at, metrics.get(metric)?))).collect();
        let day: Vec<_> = all.iter().copied().filter(|(at, _)| (START..START.plus(DAY)).contains(at)).collect();
        let values = || day.iter().map(|(_, value)| *value);
        let last = day.last()?.1;
        match metric.spec().aggregate {
            Aggregate::Mean => Some(values().sum::<f64>() / day.len() as f64),
            Aggregate::Max => values().reduce(f64::max),
            Aggregate::Min => values().reduce(f64::min),
            Aggregate::Increment => Some(values().sum()),
            Aggregate::Rolling => Some(last),
            Aggregate::Vector => {
                let sum = |part: fn(f64) -> f64| values().map(|degrees| part(degrees.to_radians())).sum::<f64>();
                Some(sum(f64::sin).atan2(sum(f64::cos)).to_degrees().rem_euclid(360.0))
            }
            Aggregate::Counter => {
                let counts = |pair: &&[(Timestamp, f64)]| {
                    let hour = pair[1].0.floor_to(HOUR);
                    pair[0].0 >= hour.minus(HOUR) && (START..START.plus(DAY)).contains(&pair[1].0)
                };
                all.windows(2).filter(counts).map(|pair| growth(pair[0].1, pair[1].1)).reduce(|sum, step| sum + step)
            }
        }
    }

    proptest! {
        #[test]
        fn a_day_of_its_hours_is_the_day_of_its_readings(readings in some_readings()) {
            let hours: Vec<_> = (0..24).map(|hour| Rollup::of_bucket(START.plus(HOUR * hour), HOUR, &readings)).collect();
            let day = Rollup::of_hours(&hours);
            let within = readings.iter().filter(|(at, _)| (START..START.plus(DAY)).contains(at)).count();
            prop_assert_eq!(day.readings(), within as u64);
            for metric in ONE_OF_EACH {
                let (computed, expected) = (day.primary(metric), naive(metric, &readings));
                let close = match (computed, expected) {
                    (Some(a), Some(b)) => (a - b).abs() <= 1.0e-9 * (1.0 + b.abs()),
                    (a, b) => a == b,
                };
                prop_assert!(close, "{}: {:?} instead of {:?}", metric, computed, expected);
            }
        }
    }
}
