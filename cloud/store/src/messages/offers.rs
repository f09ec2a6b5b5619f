//! Messages that wait: those to be offered, those that no bridge took in time, and those whose bridge fell silent.

use crate::{
    Result, Store,
    db::{Db, on_reader},
    messages::{
        facts::{self, Change, Teller},
        rows::{self, MessageColumns, MessageRow},
    },
    types::At,
};
use kosmo_domain::{Fact, NotSent, Status, Timestamp};
use kosmo_failpoints::fail_point;
use std::time::Duration;
use uuid::Uuid;

/// How long after an offer that no bridge took the message is offered again.
pub const OFFER_EVERY: Duration = Duration::from_secs(15);

/// How long after a granted message's time ran out its bridge may still tell what became of it: it repeats a packet for up
/// to four minutes, and then waits for what the mesh answers.
pub const SETTLE_AFTER: Duration = Duration::from_mins(10);

impl Store {
    /// Returns a message that is to be offered: one that no bridge has, and whose time is not up.
    ///
    /// # Errors
    /// As the database does.
    pub async fn message_to_offer(&self, id: Uuid, now: Timestamp) -> Result<Option<MessageRow>> {
        const SQL: &str = "select * from messages where id = $1 and next_offer_at is not null and deadline > $2 and held_at is null";
        let row: Option<MessageColumns> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).bind(At(now)).fetch_optional(db))?;
        row.map(MessageRow::try_from).transpose()
    }

    /// Returns messages whose offer is due, the longest due first, at most `limit`; each is due again after [`OFFER_EVERY`].
    ///
    /// # Errors
    /// As the database does.
    pub async fn messages_to_offer(&self, now: Timestamp, limit: u32) -> Result<Vec<MessageRow>> {
        let (limit, again) = (i64::from(limit), At(now.plus(OFFER_EVERY)));
        let rows: Vec<MessageColumns> = match &self.db {
            Db::Sqlite { write, .. } => {
                const SQL: &str = "update messages
                                      set next_offer_at = $2
                                    where id in (select id from messages
                                                  where next_offer_at <= $1 and deadline > $1 and held_at is null
                                                  order by next_offer_at, id
                                                  limit $3)
                                returning *";
                sqlx::query_as(SQL).bind(At(now)).bind(again).bind(limit).fetch_all(write).await?
            }
            // Messages that are being changed are passed over: they may just have been granted.
            Db::Postgres(pool) => {
                const SQL: &str = "with due as (select id from messages
                                                 where next_offer_at <= $1 and deadline > $1 and held_at is null
                                                 order by next_offer_at, id
                                                 limit $3
                                                   for update skip locked)
                                   update messages
                                      set next_offer_at = $2
                                     from due
                                    where messages.id = due.id
                                returning messages.*";
                sqlx::query_as(SQL).bind(At(now)).bind(again).bind(limit).fetch_all(pool).await?
            }
        };
        let mut messages = rows.into_iter().map(MessageRow::try_from).collect::<Result<Vec<_>>>()?;
        messages.sort_by_key(|message| (message.created_at, message.id));
        if !messages.is_empty() {
            fail_point!("offers::due");
        }
        Ok(messages)
    }

    /// Has every message that waits for a bridge offered at once, as when one comes online, and returns how many those are.
    ///
    /// # Errors
    /// As the database does.
    pub async fn hasten_offers(&self, now: Timestamp) -> Result<u64> {
        let rows = match &self.db {
            Db::Sqlite { write, .. } => {
                const SQL: &str = "update messages set next_offer_at = $1 where next_offer_at > $1 and deadline > $1";
                sqlx::query(SQL).bind(At(now)).execute(write).await?.rows_affected()
            }
            // Messages that are being changed are passed over, as above.
            Db::Postgres(pool) => {
                const SQL: &str = "update messages
                                      set next_offer_at = $1
                                    where id in (select id from messages where next_offer_at > $1 and deadline > $1 for update skip locked)";
                sqlx::query(SQL).bind(At(now)).execute(pool).await?.rows_affected()
            }
        };
        Ok(rows)
    }

    /// Returns when the next message that no bridge has taken is due to be offered.
    ///
    /// # Errors
    /// As the database does.
    pub async fn next_offer_due(&self) -> Result<Option<Timestamp>> {
        const SQL: &str = "select min(next_offer_at) from messages where next_offer_at is not null and held_at is null";
        let next: Option<At> = on_reader!(self, |db| sqlx::query_scalar(SQL).fetch_one(db))?;
        Ok(next.map(Timestamp::from))
    }

    /// Settles messages whose time ran out before any bridge was granted them: surely not sent, the quota given back.
    /// At most `limit`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn expire_never_granted(&self, now: Timestamp, limit: u32) -> Result<Vec<Change>> {
        const SQL: &str = "select id from messages where next_offer_at is not null and deadline <= $1 order by deadline, id limit $2";
        let ids: Vec<Uuid> = on_reader!(self, |db| sqlx::query_scalar(SQL).bind(At(now)).bind(i64::from(limit)).fetch_all(db))?;
        self.settle_each(&ids, Fact::NotSent(NotSent::NeverGranted), |row| row.facts.granted.is_none() && !row.facts.is_settled(), now)
            .await
    }

    /// Settles messages that a bridge was granted and of which, [`SETTLE_AFTER`] their time ran out, nobody knows whether
    /// they were sent. At most `limit`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn settle_vanished(&self, now: Timestamp, limit: u32) -> Result<Vec<Change>> {
        const SQL: &str = "select id from messages
                            where status = 'queued' and granted_bridge is not null and deadline <= $1
                            order by deadline, id
                            limit $2";
        let overdue = now.minus(SETTLE_AFTER);
        let ids: Vec<Uuid> = on_reader!(self, |db| sqlx::query_scalar(SQL).bind(At(overdue)).bind(i64::from(limit)).fetch_all(db))?;
        self.settle_each(&ids, Fact::Unknown, |row| row.facts.granted.is_some() && row.status == Status::Queued, now).await
    }

    /// Adds a fact to each message that, now that it is locked, still is what it was found as.
    async fn settle_each(&self, ids: &[Uuid], fact: Fact, still: fn(&MessageRow) -> bool, now: Timestamp) -> Result<Vec<Change>> {
        let mut changes = Vec::with_capacity(ids.len());
        for id in ids {
            let mut tx = self.begin().await?;
            if let Some(row) = rows::lock(&mut tx, *id).await?.filter(still) {
                changes.push(facts::add(&mut tx, row, &[(fact.clone(), now)], &Teller::Cloud, now).await?);
                tx.commit().await?;
            }
        }
        Ok(changes)
    }
}
