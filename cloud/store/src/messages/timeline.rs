//! What became known of a message, each thing once, with its evidence, its time and who said so.

use crate::{
    Error, Result, Store,
    db::{Tx, on_reader, on_tx},
    messages::{
        columns::{parse_bridge, parse_evidence, parse_not_sent, parse_refused_by},
        facts::Teller,
        packets::SentPacket,
    },
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{Fact, Timestamp};
use uuid::Uuid;

/// The most entries kept of a message. An honest bridge needs a dozen.
const MAX_ENTRIES: i64 = 64;

/// The name of the first entry.
const ACCEPTED: &str = "accepted";

/// One thing in the life of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// What it is.
    pub what: Happening,
    /// When it was so, by the clock of whoever says it.
    pub at: Timestamp,
    /// Who says so.
    pub by: Teller,
    /// When it became known here.
    pub recorded_at: Timestamp,
}

/// What happened to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// It was stored, and its quota reserved.
    Accepted,
    /// A fact became known.
    Fact(Fact),
    /// It was about to be given to a radio, in this packet.
    Attempt(SentPacket),
}

#[derive(sqlx::FromRow)]
struct Row {
    fact: String,
    detail: String,
    at: At,
    bridge: Option<String>,
    recorded_at: At,
}

impl TryFrom<Row> for TimelineEntry {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            what: if row.fact == ACCEPTED { Happening::Accepted } else { Happening::Fact(parse(&row.fact, &row.detail)?) },
            at: row.at.0,
            by: Teller::from_column(row.bridge.as_deref())?,
            recorded_at: row.recorded_at.0,
        })
    }
}

impl Store {
    /// Returns what became known of a message of this member's, in the order of its time; nothing if it is another's, or
    /// nobody's. Hand-overs are told attempt by attempt.
    ///
    /// # Errors
    /// As the database does.
    pub async fn timeline(&self, user: Uuid, message: Uuid) -> Result<Option<Vec<TimelineEntry>>> {
        const SQL: &str = "select t.fact, t.detail, t.at, t.bridge, t.recorded_at
                             from message_timeline t join messages m on m.id = t.message_id
                            where t.message_id = $1 and m.user_id = $2";
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(message).bind(user).fetch_all(db))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut entries = rows.into_iter().map(TimelineEntry::try_from).collect::<Result<Vec<_>>>()?;
        let packets = self.sent_packets(message).await?;
        if !packets.is_empty() {
            entries.retain(|entry| entry.what != Happening::Fact(Fact::HandedOver));
        }
        entries.extend(packets.into_iter().map(|packet| TimelineEntry {
            at: packet.at,
            by: Teller::Bridge(packet.bridge.clone()),
            recorded_at: packet.recorded_at,
            what: Happening::Attempt(packet),
        }));
        entries.sort_by_key(|entry| (entry.at, rank(&entry.what)));
        Ok(Some(entries))
    }
}

/// Writes the first entry of a message.
pub(super) async fn begin(tx: &mut Tx, message: Uuid, now: Timestamp) -> Result<()> {
    insert(tx, message, (ACCEPTED, ""), now, &Teller::Cloud, now).await
}

/// Writes that a fact became known. If it was, the earlier time stays.
pub(super) async fn note(tx: &mut Tx, message: Uuid, fact: &Fact, at: Timestamp, by: &Teller, now: Timestamp) -> Result<()> {
    let detail = match fact {
        Fact::Granted(bridge) => bridge.to_string(),
        Fact::Delivered(evidence) => evidence.to_string(),
        Fact::Refused { code, by } => format!("{code} {by}"),
        Fact::NotSent(reason) => reason.to_string(),
        Fact::Offered | Fact::HandedOver | Fact::Transmitted | Fact::Relayed | Fact::Answered | Fact::Unconfirmed | Fact::Unknown => {
            String::new()
        }
    };
    insert(tx, message, (name(fact), &detail), at, by, now).await
}

async fn insert(tx: &mut Tx, message: Uuid, fact: (&str, &str), at: Timestamp, by: &Teller, now: Timestamp) -> Result<()> {
    const SQL: &str = "insert into message_timeline (message_id, fact, detail, at, bridge, recorded_at)
                       select $1, $2, $3, $4, $5, $6
                        where (select count(*) from message_timeline where message_id = $1) < $7
                       on conflict (message_id, fact, detail) do update
                          set at = excluded.at, bridge = excluded.bridge
                        where excluded.at < message_timeline.at";
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(message)
            .bind(fact.0)
            .bind(fact.1)
            .bind(At(at))
            .bind(by.as_column())
            .bind(At(now))
            .bind(MAX_ENTRIES)
            .execute(db)
            .map_ok(drop)
    })?;
    Ok(())
}

const fn name(fact: &Fact) -> &'static str {
    match fact {
        Fact::Offered => "offered",
        Fact::Granted(_) => "granted",
        Fact::HandedOver => "handed_over",
        Fact::Transmitted => "transmitted",
        Fact::Relayed => "relayed",
        Fact::Delivered(_) => "delivered",
        Fact::Answered => "answered",
        Fact::Refused { .. } => "refused",
        Fact::Unconfirmed => "unconfirmed",
        Fact::NotSent(_) => "not_sent",
        Fact::Unknown => "unknown",
    }
}

fn parse(name: &str, detail: &str) -> Result<Fact> {
    Ok(match name {
        "offered" => Fact::Offered,
        "granted" => Fact::Granted(parse_bridge(detail)?),
        "handed_over" => Fact::HandedOver,
        "transmitted" => Fact::Transmitted,
        "relayed" => Fact::Relayed,
        "delivered" => Fact::Delivered(parse_evidence(detail)?),
        "answered" => Fact::Answered,
        "refused" => parse_refusal(detail)?,
        "unconfirmed" => Fact::Unconfirmed,
        "not_sent" => Fact::NotSent(parse_not_sent(detail)?),
        "unknown" => Fact::Unknown,
        other => return Err(Error::Corrupt(format!("{other:?} is no fact"))),
    })
}

/// Reads the number of an error, and who answered with it, if that was known.
fn parse_refusal(detail: &str) -> Result<Fact> {
    let (code, by) = detail.split_once(' ').map_or((detail, None), |(code, by)| (code, Some(by)));
    let code = code.parse().map_err(|_| Error::Corrupt(format!("{detail:?} is no code of an error")))?;
    Ok(Fact::Refused { code, by: parse_refused_by(by, code)? })
}

/// Returns what comes first of things at the same time.
const fn rank(what: &Happening) -> u8 {
    match what {
        Happening::Accepted => 0,
        Happening::Fact(Fact::Offered) => 1,
        Happening::Fact(Fact::Granted(_)) => 2,
        Happening::Fact(Fact::HandedOver) | Happening::Attempt(_) => 3,
        Happening::Fact(Fact::Transmitted) => 4,
        Happening::Fact(Fact::Relayed) => 5,
        Happening::Fact(Fact::Refused { .. } | Fact::NotSent(_) | Fact::Unconfirmed | Fact::Unknown) => 6,
        Happening::Fact(Fact::Delivered(_)) => 7,
        Happening::Fact(Fact::Answered) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::{DeliveryEvidence, NotSent, RefusedBy};

    #[test]
    fn every_fact_survives_its_name_and_detail() {
        let roof = "roof".parse().unwrap();
        let cases = [
            (Fact::Offered, ""),
            (Fact::Granted(roof), "roof"),
            (Fact::HandedOver, ""),
            (Fact::Transmitted, ""),
            (Fact::Relayed, ""),
            (Fact::Delivered(DeliveryEvidence::AckProven), "ack_proven"),
            (Fact::Answered, ""),
            (Fact::Refused { code: 5, by: RefusedBy::Radio }, "5 radio"),
            (Fact::Refused { code: 5, by: RefusedBy::Radio }, "5"),
            (Fact::Refused { code: 33, by: RefusedBy::Destination }, "33"),
            (Fact::Unconfirmed, ""),
            (Fact::NotSent(NotSent::NeverGranted), "never_granted"),
            (Fact::Unknown, ""),
        ];
        for (fact, detail) in cases {
            assert_eq!(parse(name(&fact), detail).unwrap(), fact);
        }
        assert!(parse("refused", "x").is_err());
        assert!(parse("read", "").is_err());
    }
}
