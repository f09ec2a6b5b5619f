//! The summary of one metric over a bucket, by the metric's own way to combine.

use crate::{Aggregate, Timestamp};

/// Under this mean length the vectors of a direction cancel each other, and what is left points nowhere.
const CANCELLED: f64 = 1.0e-6;

/// The summary of one metric over a bucket; at least one reading had a value. Each kind belongs to one [`Aggregate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stats {
    /// Of a metric whose mean counts.
    Mean {
        /// How many values.
        count: u64,
        /// Their arithmetic mean.
        mean: f64,
        /// The least of them.
        min: f64,
        /// The greatest of them.
        max: f64,
    },
    /// Of a metric whose greatest value counts.
    Max {
        /// How many values.
        count: u64,
        /// The greatest of them.
        max: f64,
    },
    /// Of a metric whose least value counts.
    Min {
        /// How many values.
        count: u64,
        /// The least of them.
        min: f64,
    },
    /// Of a direction.
    Vector {
        /// How many values.
        count: u64,
        /// The sum of their sines.
        sin: f64,
        /// The sum of their cosines.
        cos: f64,
    },
    /// Of a metric that tells what was added since the reading before.
    Increment {
        /// How many values.
        count: u64,
        /// Their sum.
        sum: f64,
    },
    /// Of a total that grows until its device starts again.
    Counter {
        /// How many values.
        count: u64,
        /// How many of them had one before them to be compared with; without any, nothing is known of the growth.
        steps: u64,
        /// How much the total grew over these steps.
        growth: f64,
    },
    /// Of a window that the device keeps itself.
    Rolling {
        /// How many values.
        count: u64,
        /// The latest of them.
        last: f64,
        /// When that one was measured.
        at: Timestamp,
    },
}

impl Stats {
    /// Returns the summary of a single value.
    pub(super) fn of(aggregate: Aggregate, at: Timestamp, value: f64) -> Self {
        match aggregate {
            Aggregate::Mean => Self::Mean { count: 1, mean: value, min: value, max: value },
            Aggregate::Max => Self::Max { count: 1, max: value },
            Aggregate::Min => Self::Min { count: 1, min: value },
            Aggregate::Vector => {
                let (sin, cos) = value.to_radians().sin_cos();
                Self::Vector { count: 1, sin, cos }
            }
            Aggregate::Increment => Self::Increment { count: 1, sum: value },
            Aggregate::Counter => Self::Counter { count: 1, steps: 0, growth: 0.0 },
            Aggregate::Rolling => Self::Rolling { count: 1, last: value, at },
        }
    }

    /// Returns how the metric that this can summarise combines.
    pub const fn aggregate(&self) -> Aggregate {
        match self {
            Self::Mean { .. } => Aggregate::Mean,
            Self::Max { .. } => Aggregate::Max,
            Self::Min { .. } => Aggregate::Min,
            Self::Vector { .. } => Aggregate::Vector,
            Self::Increment { .. } => Aggregate::Increment,
            Self::Counter { .. } => Aggregate::Counter,
            Self::Rolling { .. } => Aggregate::Rolling,
        }
    }

    /// Returns how many values went in.
    pub const fn count(&self) -> u64 {
        match *self {
            Self::Mean { count, .. }
            | Self::Max { count, .. }
            | Self::Min { count, .. }
            | Self::Vector { count, .. }
            | Self::Increment { count, .. }
            | Self::Counter { count, .. }
            | Self::Rolling { count, .. } => count,
        }
    }

    /// Returns the one number that stands for the bucket: mean, extreme, mean direction in [0, 360), sum, growth or latest value.
    ///
    /// It is `None` where the readings do not tell: directions that cancel, or a total seen once.
    pub fn primary(&self) -> Option<f64> {
        match *self {
            Self::Mean { mean, .. } => Some(mean),
            Self::Max { max, .. } => Some(max),
            Self::Min { min, .. } => Some(min),
            Self::Vector { count, sin, cos } => mean_direction(count, sin, cos),
            Self::Increment { sum, .. } => Some(sum),
            Self::Counter { steps, growth, .. } => (steps > 0).then_some(growth),
            Self::Rolling { last, .. } => Some(last),
        }
    }

    /// Returns the least value, where the metric has a use for it.
    pub const fn min(&self) -> Option<f64> {
        match *self {
            Self::Mean { min, .. } | Self::Min { min, .. } => Some(min),
            Self::Max { .. } | Self::Vector { .. } | Self::Increment { .. } | Self::Counter { .. } | Self::Rolling { .. } => None,
        }
    }

    /// Returns the greatest value, where the metric has a use for it.
    pub const fn max(&self) -> Option<f64> {
        match *self {
            Self::Mean { max, .. } | Self::Max { max, .. } => Some(max),
            Self::Min { .. } | Self::Vector { .. } | Self::Increment { .. } | Self::Counter { .. } | Self::Rolling { .. } => None,
        }
    }

    /// Takes in the summary of other values of the same metric.
    pub(super) fn add(&mut self, other: &Self) {
        match (self, *other) {
            (Self::Mean { count, mean, min, max }, Self::Mean { count: n, mean: m, min: least, max: greatest }) => {
                *count += n;
                *min = min.min(least);
                *max = max.max(greatest);
                *mean = (*mean + (m - *mean) * n as f64 / *count as f64).clamp(*min, *max);
            }
            (Self::Max { count, max }, Self::Max { count: n, max: greatest }) => (*count, *max) = (*count + n, max.max(greatest)),
            (Self::Min { count, min }, Self::Min { count: n, min: least }) => (*count, *min) = (*count + n, min.min(least)),
            (Self::Vector { count, sin, cos }, Self::Vector { count: n, sin: s, cos: c }) => {
                (*count, *sin, *cos) = (*count + n, *sin + s, *cos + c);
            }
            (Self::Increment { count, sum }, Self::Increment { count: n, sum: more }) => (*count, *sum) = (*count + n, *sum + more),
            (Self::Counter { count, steps, growth }, Self::Counter { count: n, steps: s, growth: more }) => {
                (*count, *steps, *growth) = (*count + n, *steps + s, *growth + more);
            }
            (Self::Rolling { count, last, at }, Self::Rolling { count: n, last: value, at: later }) => {
                *count += n;
                if later >= *at {
                    (*last, *at) = (value, later);
                }
            }
            (this, other) => unreachable!("{this:?} and {other:?} summarise one metric, which combines in one way"),
        }
    }
}

/// Returns where a sum of unit vectors points, in degrees from 0 up to but not including 360.
fn mean_direction(count: u64, sin: f64, cos: f64) -> Option<f64> {
    if sin.hypot(cos) < CANCELLED * count as f64 {
        return None;
    }
    let degrees = sin.atan2(cos).to_degrees().rem_euclid(360.0);
    Some(if degrees < 360.0 { degrees } else { 0.0 })
}
