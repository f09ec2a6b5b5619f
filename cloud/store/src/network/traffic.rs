//! How much came in, by minute and by hour: counted in the transaction that stores it, so that a count says what is stored.
//!
//! A use-case notes in its [`Tally`] what it does, and the transaction writes the tally as its last step. Of two
//! transactions that add to the same row one waits for the other, so each connection of PostgreSQL adds to one of a few
//! shards; because it is the last step, whoever waits holds nothing that the other still needs.

use crate::{
    Error, Result, Store,
    db::{Tx, TxDb, on_reader, on_tx},
    ingest::json,
    types::{At, unsigned},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, HOUR, Timestamp};
use std::{collections::BTreeMap, time::Duration};

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A packet of the mesh that brought something new.
    Packet,
    /// A reading that was stored.
    Reading,
    /// A text from the mesh for a member or the operators.
    TextHeard,
    /// A member's text that was given to a radio, and not refused by it.
    TextSent,
    /// Something that was refused.
    Reject,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Packet, Self::Reading, Self::TextHeard, Self::TextSent, Self::Reject];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Reading => "reading",
            Self::TextHeard => "text_heard",
            Self::TextSent => "text_sent",
            Self::Reject => "reject",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| Error::Corrupt(format!("{text:?} is no kind of traffic")))
    }
}

/// The width of the spans that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// A minute; kept for two days.
    Minute,
    /// An hour; kept for ninety days.
    Hour,
}

impl Width {
    const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// Returns how long such a span is.
    pub const fn span(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::Hour => HOUR,
        }
    }

    const fn kept(self) -> Duration {
        match self {
            Self::Minute => DAY.saturating_mul(2),
            Self::Hour => DAY.saturating_mul(90),
        }
    }

    fn seconds(self) -> i64 {
        i64::try_from(self.span().as_secs()).unwrap_or(i64::MAX)
    }
}

/// How much of one kind came in within a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficRow {
    /// When the span began.
    pub at: Timestamp,
    /// What was counted.
    pub kind: Kind,
    /// How much of it.
    pub number: u64,
}

/// What came in over some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// When the first span began of which anything is known; before that nothing is, which is not the same as nothing came.
    pub known_since: Option<Timestamp>,
    /// What was counted, the earliest first; a span without a row had none of its kind.
    pub rows: Vec<TrafficRow>,
}

/// How often something was refused for one reason within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectHour {
    /// When the hour began.
    pub at: Timestamp,
    /// The code of the reason.
    pub code: String,
    /// The kind of topic it came on: a word of the contract, or `other`.
    pub topic: String,
    /// How often.
    pub number: u64,
}

/// What a transaction has done that is counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: BTreeMap<(Timestamp, Kind), u64>,
    rejects: BTreeMap<(Timestamp, String, &'static str), u64>,
}

impl Tally {
    /// Counts so many of a kind.
    pub(crate) fn count(&mut self, kind: Kind, number: usize, now: Timestamp) {
        if number > 0 {
            *self.kinds.entry((now.floor_to(Width::Minute.span()), kind)).or_default() += number as u64;
        }
    }

    /// Counts something that was refused.
    pub(crate) fn count_reject(&mut self, code: &str, topic: &str, now: Timestamp) {
        self.count(Kind::Reject, 1, now);
        *self.rejects.entry((now.floor_to(HOUR), code.to_owned(), topic_word(topic))).or_default() += 1;
    }

    /// Adds the counts to those of everybody.
    pub(crate) async fn write(self, tx: &mut Tx) -> Result<()> {
        if self.kinds.is_empty() {
            return Ok(());
        }
        let mut spans: BTreeMap<(i64, Timestamp, Kind), u64> = BTreeMap::new();
        for ((at, kind), number) in self.kinds {
            for width in Width::ALL {
                *spans.entry((width.seconds(), at.floor_to(width.span()), kind)).or_default() += number;
            }
        }
        let spans: Vec<_> = spans.into_iter().map(|((width, at, kind), number)| (width, at, kind.as_str(), saturated(number))).collect();
        add_spans(tx, &spans).await?;
        let rejects: Vec<_> = self.rejects.into_iter().map(|((at, code, topic), number)| (at, code, topic, saturated(number))).collect();
        if rejects.is_empty() { Ok(()) } else { add_reject_hours(tx, &rejects).await }
    }
}

fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns the kind of a topic. A topic is whatever somebody published to, so only words of a closed list are kept of it.
pub(crate) fn topic_word(topic: &str) -> &'static str {
    let words = ["reading", "node", "inbound", "receipt", "status"];
    let mut parts = topic.split('/').skip(1);
    let ((Some("mesh"), Some(named), _) | (Some("bridge"), _, Some(named))) = (parts.next(), parts.next(), parts.next()) else {
        return "other";
    };
    words.into_iter().find(|word| *word == named).unwrap_or("other")
}

/// How many rows the connections of PostgreSQL share for each count. SQLite has one writer, and needs one.
macro_rules! shard {
    () => {
        "pg_backend_pid() % 4"
    };
}

async fn add_spans(tx: &mut Tx, spans: &[(i64, Timestamp, &'static str, i64)]) -> Result<()> {
    match &mut tx.db {
        // Lists are JSON here, and arrays there.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "insert into traffic (width_s, at, kind, shard, number)
                               select value ->> 0, value ->> 1, value ->> 2, 0, value ->> 3 from json_each($1) where true
                               on conflict (width_s, at, kind, shard) do update set number = traffic.number + excluded.number";
            let rows: Vec<_> = spans.iter().map(|(width, at, kind, number)| (width, at.as_micros(), kind, number)).collect();
            sqlx::query(SQL).bind(json(&rows)).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = concat!(
                "insert into traffic (width_s, at, kind, shard, number)
                 select s.width, s.at, s.kind, ",
                shard!(),
                ", s.number from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::bigint[]) s (width, at, kind, number)
                 on conflict (width_s, at, kind, shard) do update set number = traffic.number + excluded.number"
            );
            sqlx::query(SQL)
                .bind(spans.iter().map(|(width, ..)| *width).collect::<Vec<_>>())
                .bind(spans.iter().map(|(_, at, ..)| At(*at)).collect::<Vec<_>>())
                .bind(spans.iter().map(|(_, _, kind, _)| *kind).collect::<Vec<_>>())
                .bind(spans.iter().map(|(.., number)| *number).collect::<Vec<_>>())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

async fn add_reject_hours(tx: &mut Tx, hours: &[(Timestamp, String, &'static str, i64)]) -> Result<()> {
    match &mut tx.db {
        // Lists are JSON here, and arrays there.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "insert into reject_hours (at, code, topic, shard, number)
                               select value ->> 0, value ->> 1, value ->> 2, 0, value ->> 3 from json_each($1) where true
                               on conflict (at, code, topic, shard) do update set number = reject_hours.number + excluded.number";
            let rows: Vec<_> = hours.iter().map(|(at, code, topic, number)| (at.as_micros(), code, topic, number)).collect();
            sqlx::query(SQL).bind(json(&rows)).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = concat!(
                "insert into reject_hours (at, code, topic, shard, number)
                 select h.at, h.code, h.topic, ",
                shard!(),
                ", h.number from unnest($1::timestamptz[], $2::text[], $3::text[], $4::bigint[]) h (at, code, topic, number)
                 on conflict (at, code, topic, shard) do update set number = reject_hours.number + excluded.number"
            );
            sqlx::query(SQL)
                .bind(hours.iter().map(|(at, ..)| At(*at)).collect::<Vec<_>>())
                .bind(hours.iter().map(|(_, code, ..)| code.as_str()).collect::<Vec<_>>())
                .bind(hours.iter().map(|(_, _, topic, _)| *topic).collect::<Vec<_>>())
                .bind(hours.iter().map(|(.., number)| *number).collect::<Vec<_>>())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

impl Store {
    /// Returns how much came in within spans of this width that began at `since` or later.
    ///
    /// # Errors
    /// As the database does.
    pub async fn traffic(&self, width: Width, since: Timestamp) -> Result<Traffic> {
        const SQL: &str = "select at, kind, cast(sum(number) as bigint) from traffic
                            where width_s = $1 and at >= $2
                            group by at, kind
                            order by at, kind";
        const FIRST: &str = "select min(at) from traffic where width_s = $1";
        let width = width.seconds();
        let rows: Vec<(At, String, i64)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(width).bind(At(since)).fetch_all(db))?;
        let first: Option<At> = on_reader!(self, |db| sqlx::query_scalar(FIRST).bind(width).fetch_one(db))?;
        let row = |(at, kind, number): (At, String, i64)| {
            Ok(TrafficRow { at: at.0, kind: Kind::parse(&kind)?, number: unsigned(number, "a count")? })
        };
        Ok(Traffic { known_since: first.map(Timestamp::from), rows: rows.into_iter().map(row).collect::<Result<_>>()? })
    }

    /// Returns how often something was refused in hours that began at `since` or later, the earliest first.
    ///
    /// # Errors
    /// As the database does.
    pub async fn reject_hours(&self, since: Timestamp) -> Result<Vec<RejectHour>> {
        const SQL: &str = "select at, code, topic, cast(sum(number) as bigint) from reject_hours
                            where at >= $1
                            group by at, code, topic
                            order by at, code, topic";
        let rows: Vec<(At, String, String, i64)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(At(since)).fetch_all(db))?;
        rows.into_iter()
            .map(|(at, code, topic, number)| Ok(RejectHour { at: at.0, code, topic, number: unsigned(number, "a count")? }))
            .collect()
    }

    /// Gives up the counts that are older than they are kept, and returns how many rows that were.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_traffic(&self, now: Timestamp) -> Result<u64> {
        const SPANS: &str = "delete from traffic where width_s = $1 and at < $2";
        const REJECTS: &str = "delete from reject_hours where at < $1";
        let mut tx = self.begin().await?;
        let mut purged = 0;
        for width in Width::ALL {
            let before = At(now.minus(width.kept()));
            purged +=
                on_tx!(tx, |db| { sqlx::query(SPANS).bind(width.seconds()).bind(before).execute(db).map_ok(|done| done.rows_affected()) })?;
        }
        let before = At(now.minus(Width::Hour.kept()));
        purged += on_tx!(tx, |db| sqlx::query(REJECTS).bind(before).execute(db).map_ok(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(purged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_topic_only_a_known_word_is_kept() {
        for (topic, expect) in [
            ("kosmo/mesh/reading/roof", "reading"),
            ("kosmo/mesh/inbound", "inbound"),
            ("kosmo/bridge/roof/status", "status"),
            ("kosmo/bridge/reading/ack", "other"),
            ("kosmo/mesh/<b>/roof", "other"),
            ("reading", "other"),
            ("", "other"),
        ] {
            assert_eq!(topic_word(topic), expect, "{topic}");
        }
    }
}
