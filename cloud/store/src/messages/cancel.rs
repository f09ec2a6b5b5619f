//! Taking texts back: at once what no bridge has, and by asking the bridge that has one. Nothing is called taken back that may have
//! been given to a radio.

use crate::{
    Result, Store,
    db::{Db, Tx, on_reader, on_tx},
    messages::{
        events::{self, EventKind},
        facts::{self, Change, Teller},
        rows::{self, MessageColumns, MessageRow},
    },
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{Fact, NotSent, Timestamp};
use kosmo_failpoints::fail_point;
use std::time::Duration;
use uuid::Uuid;

/// How long after a bridge was asked for a text, and said nothing, it is asked again.
pub const CANCEL_EVERY: Duration = Duration::from_secs(15);

/// What came of taking a text back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is taken back: no bridge has it, and none will.
    Done(Change),
    /// It was taken back before.
    Before,
    /// A bridge has it, and is asked. What becomes of the text shows whether that came in time.
    Asked,
    /// It was given to a radio, or its fate is known.
    TooLate,
}

impl Store {
    /// Takes a text of this member's back, or has its bridge asked for it; nothing if there is none of the id. It may be repeated.
    ///
    /// # Errors
    /// As the database does.
    pub async fn cancel_message(&self, user: Uuid, id: Uuid, now: Timestamp) -> Result<Option<Cancelled>> {
        let mut tx = self.begin().await?;
        let Some(row) = rows::lock(&mut tx, id).await?.filter(|row| row.user == user) else { return Ok(None) };
        let cancelled = cancel(&mut tx, row, now).await?;
        fail_point!("cancel::commit::before");
        tx.commit().await?;
        fail_point!("cancel::commit::after");
        Ok(Some(cancelled))
    }

    /// Returns texts whose bridges are to be asked for them, at most `limit`; each is due again after [`CANCEL_EVERY`], until its bridge
    /// has said what became of it, or its time is up.
    ///
    /// # Errors
    /// As the database does.
    pub async fn messages_to_cancel(&self, now: Timestamp, limit: u32) -> Result<Vec<MessageRow>> {
        const DUE: &str = "select min(next_cancel_at) from messages where next_cancel_at is not null";
        let due: Option<At> = on_reader!(self, |db| sqlx::query_scalar(DUE).fetch_one(db))?;
        if due.is_none_or(|due| due.0 > now) {
            return Ok(Vec::new());
        }
        let (limit, again) = (i64::from(limit), At(now.plus(CANCEL_EVERY)));
        let rows: Vec<MessageColumns> = match &self.db {
            Db::Sqlite { write, .. } => {
                const SQL: &str = "update messages
                                      set next_cancel_at = case when deadline > $1 then $2 end
                                    where id in (select id from messages where next_cancel_at <= $1 order by next_cancel_at, id limit $3)
                                returning *";
                sqlx::query_as(SQL).bind(At(now)).bind(again).bind(limit).fetch_all(write).await?
            }
            // Messages that are being changed are passed over: their bridge may just have answered.
            Db::Postgres(pool) => {
                const SQL: &str = "with due as (select id from messages
                                                 where next_cancel_at <= $1
                                                 order by next_cancel_at, id
                                                 limit $3
                                                   for update skip locked)
                                   update messages
                                      set next_cancel_at = case when deadline > $1 then $2 end
                                     from due
                                    where messages.id = due.id
                                returning messages.*";
                sqlx::query_as(SQL).bind(At(now)).bind(again).bind(limit).fetch_all(pool).await?
            }
        };
        rows.into_iter().map(MessageRow::try_from).collect()
    }
}

async fn cancel(tx: &mut Tx, row: MessageRow, now: Timestamp) -> Result<Cancelled> {
    if row.facts.not_sent.is_some_and(|(_, reason)| reason == NotSent::Cancelled) {
        return Ok(Cancelled::Before);
    }
    if row.facts.is_settled() || row.facts.may_have_been_sent() {
        return Ok(Cancelled::TooLate);
    }
    if row.facts.granted.is_none() {
        let change = facts::add(tx, row, &[(Fact::NotSent(NotSent::Cancelled), now)], &Teller::Cloud, now).await?;
        return Ok(Cancelled::Done(change));
    }
    // A bridge whose hand-over came to nothing says again what the text waits for.
    if row.facts.handed_over_at.is_some() && row.waiting.is_none() {
        return Ok(Cancelled::TooLate);
    }
    ask(tx, &row, now).await?;
    Ok(Cancelled::Asked)
}

async fn ask(tx: &mut Tx, row: &MessageRow, now: Timestamp) -> Result<()> {
    const SQL: &str = "update messages set cancel_asked_at = $2, next_cancel_at = $2 where id = $1 and cancel_asked_at is null";
    let rows = on_tx!(tx, |db| sqlx::query(SQL).bind(row.id).bind(At(now)).execute(db).map_ok(|done| done.rows_affected()))?;
    if rows > 0 {
        events::append(tx, row.user, EventKind::MessageChanged, row.id, now).await?;
    }
    Ok(())
}
