//! What becomes known of a message, in whatever order: its row follows from its facts, its quota is settled once, and its
//! member learns of it.

use crate::{
    Result, Store,
    db::{Tx, on_tx},
    messages::{
        columns::parse_bridge,
        events::{self, EventKind},
        quota, rows,
        rows::MessageRow,
        timeline,
    },
    network::Kind,
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, Charge, Fact, Facts, Status, Timestamp};
use kosmo_failpoints::fail_point;
use uuid::Uuid;

/// Who says something of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Teller {
    /// The cloud itself.
    Cloud,
    /// A bridge.
    Bridge(BridgeId),
}

/// What facts changed of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The message.
    pub message: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// What could be claimed before.
    pub before: Status,
    /// What may be claimed from here on.
    pub after: Status,
    /// What became of its quota.
    pub charge: Charge,
    /// Whether anything is known that was not known before.
    pub news: bool,
}

impl Teller {
    /// Returns the column that says it: a bridge's id, or null for the cloud.
    pub(super) fn as_column(&self) -> Option<&str> {
        match self {
            Self::Cloud => None,
            Self::Bridge(bridge) => Some(bridge.as_str()),
        }
    }

    pub(super) fn from_column(bridge: Option<&str>) -> Result<Self> {
        Ok(match bridge {
            None => Self::Cloud,
            Some(bridge) => Self::Bridge(parse_bridge(bridge)?),
        })
    }
}

impl Store {
    /// Adds what has become known of a message, each with the time when it was so; nothing if there is no such message.
    ///
    /// Facts may be repeated and come in any order. [`Fact::Granted`] is passed over: only [`Store::grant`] grants.
    ///
    /// # Errors
    /// As the database does.
    pub async fn add_facts(&self, message: Uuid, facts: &[(Fact, Timestamp)], by: &Teller, now: Timestamp) -> Result<Option<Change>> {
        let mut tx = self.begin().await?;
        let Some(row) = rows::lock(&mut tx, message).await? else { return Ok(None) };
        let facts: Vec<_> = facts.iter().filter(|(fact, _)| !matches!(fact, Fact::Granted(_))).cloned().collect();
        let change = add(&mut tx, row, &facts, by, now).await?;
        tx.commit().await?;
        Ok(Some(change))
    }
}

/// Adds facts inside a use-case that has locked the message.
pub(super) async fn add(tx: &mut Tx, row: MessageRow, facts: &[(Fact, Timestamp)], by: &Teller, now: Timestamp) -> Result<Change> {
    let was_sent = row.facts.transmitted_at.is_some();
    let mut known = row.facts;
    let mut news = false;
    for (fact, at) in facts {
        if known.add(fact.clone(), *at) {
            news = true;
        } else if !is_apart(fact) {
            continue;
        }
        timeline::note(tx, row.id, fact, *at, by, now).await?;
    }
    if !was_sent && known.transmitted_at.is_some() {
        tx.tally.count(Kind::TextSent, 1, now);
    }
    let charge = row.charge.then(known.charge());
    if news {
        if row.charge == Charge::Reserved {
            quota::settle(tx, row.id, charge).await?;
        }
        save(tx, row.id, &known, charge).await?;
        fail_point!("facts::written");
        events::append(tx, row.user, EventKind::MessageChanged, row.id, now).await?;
    }
    Ok(Change { message: row.id, user: row.user, before: row.status, after: known.status(), charge, news })
}

/// Tells whether there are several facts of the kind, of which the message keeps one: the others are told all the same.
const fn is_apart(fact: &Fact) -> bool {
    matches!(fact, Fact::Delivered(_) | Fact::Refused { .. } | Fact::NotSent(_))
}

/// Writes what is known, and what follows from it. What was granted or will not be sent is offered no more.
async fn save(tx: &mut Tx, message: Uuid, facts: &Facts, charge: Charge) -> Result<()> {
    const SQL: &str = "update messages
                          set status = $2, charge = $3,
                              offered_at = $4, granted_at = $5, granted_bridge = $6, handed_over_at = $7, transmitted_at = $8,
                              relayed_at = $9, delivered_at = $10, delivery_evidence = $11, answered_at = $12,
                              refused_at = $13, refused_code = $14, not_sent_at = $15, not_sent_reason = $16, unknown_at = $17,
                              next_offer_at = case when $18 then next_offer_at end,
                              refused_by = $19, unconfirmed_at = $20,
                              next_cancel_at = case when $21 then next_cancel_at end
                        where id = $1";
    let at = |at: Option<Timestamp>| at.map(At);
    let is_open = facts.granted.is_none() && !facts.is_settled();
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(message)
            .bind(facts.status().as_str())
            .bind(charge.as_str())
            .bind(at(facts.offered_at))
            .bind(at(facts.granted.as_ref().map(|(at, _)| *at)))
            .bind(facts.granted.as_ref().map(|(_, bridge)| bridge.as_str()))
            .bind(at(facts.handed_over_at))
            .bind(at(facts.transmitted_at))
            .bind(at(facts.relayed_at))
            .bind(at(facts.delivered.map(|(_, at)| at)))
            .bind(facts.delivered.map(|(evidence, _)| evidence.as_str()))
            .bind(at(facts.answered_at))
            .bind(at(facts.refused.map(|(at, ..)| at)))
            .bind(facts.refused.map(|(_, code, _)| i64::from(code)))
            .bind(at(facts.not_sent.map(|(at, _)| at)))
            .bind(facts.not_sent.map(|(_, reason)| reason.as_str()))
            .bind(at(facts.unknown_at))
            .bind(is_open)
            .bind(facts.refused.map(|(.., by)| by.as_str()))
            .bind(at(facts.unconfirmed_at))
            // What is settled, or was sent, is taken back no more.
            .bind(facts.status() == Status::Queued)
            .execute(db)
            .map_ok(drop)
    })?;
    Ok(())
}
