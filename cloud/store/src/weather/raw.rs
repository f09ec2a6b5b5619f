//! Raw readings as summaries are computed from them, and from when on they are complete.

use crate::{
    Result, Store,
    db::{Tx, each, on_reader, on_tx},
    types::At,
    weather::columns::{self, metric_columns},
};
use kosmo_domain::{HOUR, Metrics, Rollup, RollupBuilder, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

/// Hours whose readings are read together, because less than two hours lie between any of them and the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hours(Vec<Vec<Timestamp>>);

impl Hours {
    /// Groups hours, which ascend.
    pub(super) fn of(hours: impl IntoIterator<Item = Timestamp>) -> Self {
        let mut groups: Vec<Vec<Timestamp>> = Vec::new();
        for hour in hours {
            match groups.last_mut() {
                Some(group) if group.last().is_some_and(|last| hour <= last.plus(HOUR * 2)) => group.push(hour),
                _ => groups.push(vec![hour]),
            }
        }
        Self(groups)
    }
}

/// Before when raw readings have been given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watermark(pub(super) Timestamp);

const WATERMARK: &str = "select before from raw_watermark";

impl Watermark {
    /// Returns the earliest hour that can be summarised: the step into an hour comes from the hour before.
    pub(super) fn earliest_hour(self) -> Timestamp {
        if self.0 == Timestamp::EPOCH { self.0 } else { self.0.plus(HOUR) }
    }
}

/// Reads the watermark in a transaction.
pub(super) async fn watermark(tx: &mut Tx) -> Result<Watermark> {
    let before: At = on_tx!(tx, |db| sqlx::query_scalar(WATERMARK).fetch_one(db))?;
    Ok(Watermark(before.0))
}

/// A reading as far as a summary needs it.
struct Measured(Timestamp, Metrics);

impl<'r, R> FromRow<'r, R> for Measured
where
    R: Row,
    usize: ColumnIndex<R>,
    At: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self(row.try_get::<At, _>(0)?.0, columns::metrics(row, 1)?))
    }
}

impl Store {
    /// Reads the watermark.
    pub(super) async fn watermark(&self) -> Result<Watermark> {
        let before: At = on_reader!(self, |db| sqlx::query_scalar(WATERMARK).fetch_one(db))?;
        Ok(Watermark(before.0))
    }

    /// Summarises hours of a node from its raw readings.
    pub(super) async fn summarise_hours(&self, node: i64, hours: &Hours) -> Result<Vec<(Timestamp, Rollup)>> {
        // Of the hour before only what has a total counts; a test holds the columns named here to the metric table.
        const SQL: &str = concat!(
            "select at",
            metric_columns!(names),
            " from readings where node = $1 and at >= $2 and at < $3 and (at >= $4 or uptime_s is not null) order by at"
        );
        let mut summaries = Vec::new();
        for group in &hours.0 {
            let (Some(&first), Some(&last)) = (group.first(), group.last()) else { continue };
            let mut builders: Vec<_> = group.iter().map(|hour| RollupBuilder::new(*hour, HOUR)).collect();
            // Taken as they come: a node that speaks without a pause has more readings in an hour than should be held at once.
            let take = |Measured(at, metrics)| {
                // It counts in its own hour, and its total in the next.
                let from = group.partition_point(|hour| hour.plus(HOUR) <= at);
                builders.iter_mut().skip(from).take(2).for_each(|builder| builder.add(at, &metrics));
                Ok(())
            };
            on_reader!(self, |db| {
                let query = sqlx::query_as(SQL).bind(node).bind(At(first.minus(HOUR))).bind(At(last.plus(HOUR))).bind(At(first));
                each(query.fetch(db), take)
            })?;
            summaries.extend(group.iter().copied().zip(builders.into_iter().map(RollupBuilder::build)));
        }
        Ok(summaries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::{Aggregate, METRICS};

    #[test]
    fn the_only_total_is_the_one_the_statement_names() {
        let totals: Vec<_> = METRICS.iter().filter(|spec| spec.aggregate == Aggregate::Counter).map(|spec| spec.name).collect();
        assert_eq!(totals, ["uptime_s"]);
    }

    #[test]
    fn hours_that_share_readings_are_read_together() {
        let hour = |n: u32| Timestamp::from_unix_seconds(3600 * n);
        let hours = Hours::of([1, 2, 4, 7, 8].map(hour));
        assert_eq!(hours, Hours(vec![vec![hour(1), hour(2), hour(4)], vec![hour(7), hour(8)]]));
    }
}
