//! What a clock that leapt may not do: have everything given up that is worth keeping, or leave behind what is due in ten years.

use crate::{
    Result, Store,
    db::{on_reader, on_tx, on_writer},
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, EARLIEST_PLAUSIBLE, Timestamp};
use std::time::Duration;

/// How far ahead of the present nothing of ours is ever due that was enqueued by a clock that was right.
const AHEAD: Duration = DAY;

impl Store {
    /// Returns the time by which is decided what is old enough to be given up: never later than `now`, and never more than
    /// `at_most` later than when this was asked last, by whomever. So a clock that leaps ten years has nothing deleted, and one
    /// that is right after a long absence is caught up with in a while. There is none as long as nothing was ever heard: then nothing is
    /// old, and the clock of a machine that was just set up may be anything.
    ///
    /// # Errors
    /// As the database does.
    pub async fn retention_time(&self, now: Timestamp, at_most: Duration) -> Result<Option<Timestamp>> {
        const READ: &str = "select at from retention_clock";
        // What was taken over from another program was heard by none of our bridges.
        const NEWEST: &str = "select coalesce((select max(heard_at) from receptions), (select max(at) from readings))";
        const MOVE: &str = "update retention_clock set at = $2 where at = $1";
        let At(kept) = on_reader!(self, |db| sqlx::query_scalar(READ).fetch_one(db))?;
        let newest: Option<At> =
            if kept < EARLIEST_PLAUSIBLE { on_reader!(self, |db| sqlx::query_scalar(NEWEST).fetch_one(db))? } else { None };
        let Some(moved) = advanced(kept, now, newest.map(Timestamp::from), at_most) else { return Ok(None) };
        if moved != kept {
            // Another process may have moved it meanwhile; then its word counts, and this one asks again another time.
            on_writer!(self, |db| sqlx::query(MOVE).bind(At(kept)).bind(At(moved)).execute(db).map_ok(drop))?;
        }
        Ok(Some(moved.min(now)))
    }

    /// Makes due what was enqueued by a clock that ran far ahead, and gives texts that it accepted the time that they were to have.
    /// Returns how many rows that were: none, where no clock leapt.
    ///
    /// # Errors
    /// As the database does.
    pub async fn settle_time(&self, now: Timestamp) -> Result<u64> {
        const STATEMENTS: [&str; 5] = [
            "update jobs set run_at = $1, created_at = $1 where dead_at is null and created_at > $2",
            "update jobs set run_at = $1 where dead_at is null and attempts > 0 and locked_until is null and run_at > $2",
            "update jobs set locked_until = $1 where dead_at is null and locked_until > $2",
            "update dirty_hours set marked_at = $1 where marked_at > $2",
            "update messages set next_offer_at = $1, deadline = $1 + (deadline - created_at), created_at = $1
              where next_offer_at is not null and created_at > $2",
        ];
        const OFFERS: &str = "update messages set next_offer_at = $1 where next_offer_at > $2";
        let limit = At(now.plus(AHEAD));
        let mut tx = self.begin().await?;
        let mut rows = 0;
        for sql in STATEMENTS.into_iter().chain([OFFERS]) {
            rows += on_tx!(tx, |db| sqlx::query(sql).bind(At(now)).bind(limit).execute(db).map_ok(|done| done.rows_affected()))?;
        }
        if rows > 0 {
            tx.wakes_workers = true;
            tx.commit().await?;
        }
        Ok(rows)
    }
}

/// Returns where the clock of retention stands after it stood at `kept`; nothing if it cannot be set yet.
fn advanced(kept: Timestamp, now: Timestamp, newest: Option<Timestamp>, at_most: Duration) -> Option<Timestamp> {
    if kept < EARLIEST_PLAUSIBLE {
        // It never ran. What was heard last tells more of the time than a clock that may have leapt just before.
        let newest = newest.filter(|newest| *newest >= EARLIEST_PLAUSIBLE)?;
        return (now >= EARLIEST_PLAUSIBLE).then(|| newest.min(now));
    }
    if now < EARLIEST_PLAUSIBLE {
        return Some(kept);
    }
    Some(kept.max(now.min(kept.plus(at_most))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kept: &str, now: &str, newest: Option<&str>, expect: Option<&str>) {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(advanced(at(kept), at(now), newest.map(at), DAY), expect.map(at), "{kept} at {now}");
    }

    #[test]
    fn it_goes_forward_by_little_steps_and_never_back() {
        let (never, today) = ("1970-01-01T00:00:00Z", "2026-11-21T12:00:00Z");
        check(never, today, None, None);
        check(never, "2036-11-21T12:00:00Z", Some(today), Some(today));
        check(never, never, Some(today), None);
        check(today, "2026-11-21T13:00:00Z", None, Some("2026-11-21T13:00:00Z"));
        check(today, "2036-11-21T12:00:00Z", None, Some("2026-11-22T12:00:00Z"));
        check(today, "2016-11-21T12:00:00Z", None, Some(today));
        check(today, never, None, Some(today));
    }
}
