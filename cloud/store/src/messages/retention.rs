//! Gives up what is old of messages and events, a bounded piece at a time. Conversations stay unless they are asked to go.

use crate::{
    Result, Store,
    db::{Tx, TxDb, on_tx, on_writer},
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, Timestamp};
use std::time::Duration;

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepMessages {
    /// Events: how news of texts travels. The texts stay.
    pub events: Duration,
    /// Which packets were heard, so that a text that comes again is known. Packets are told apart for a day, so at least two
    /// days are kept.
    pub packets: Duration,
    /// Texts to the operators, and what is said on channels.
    pub operators: Duration,
    /// Members' texts with their answers; for good if nothing is said.
    pub texts: Option<Duration>,
}

impl Default for KeepMessages {
    fn default() -> Self {
        Self { events: DAY * 90, packets: DAY * 7, operators: DAY * 400, texts: None }
    }
}

/// How much was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurgedMessages {
    /// Events.
    pub events: u64,
    /// Packets.
    pub packets: u64,
    /// Texts to the operators, and members' texts and answers.
    pub texts: u64,
    /// Whether there may be more to do.
    pub more: bool,
}

impl Store {
    /// Gives up what is older than is to be kept, at most `limit` rows of each kind.
    ///
    /// # Errors
    /// As the database does.
    pub async fn purge_messages(&self, keep: &KeepMessages, now: Timestamp, limit: u32) -> Result<PurgedMessages> {
        const EVENTS: &str = "delete from member_events
                               where (user_id, seq) in (select user_id, seq from member_events where at < $1 order by at limit $2)";
        const PACKETS: &str = "delete from inbound_packets
                                where (from_node, packet_id) in
                                      (select from_node, packet_id from inbound_packets where heard_at < $1 order by heard_at limit $2)";
        const OPERATORS: &str = "delete from inbound_texts
                                  where id in (select id from inbound_texts where user_id is null and received_at < $1 order by received_at limit $2)";
        const CHANNELS: &str = "delete from channel_texts
                                 where id in (select id from channel_texts where received_at < $1 order by received_at limit $2)";
        let limit = i64::from(limit);
        let mut counts = [0; 4];
        for (count, (sql, kept)) in counts.iter_mut().zip([
            (EVENTS, keep.events),
            (PACKETS, keep.packets.max(DAY * 2)),
            (OPERATORS, keep.operators),
            (CHANNELS, keep.operators),
        ]) {
            let before = At(now.minus(kept));
            *count = on_writer!(self, |db| sqlx::query(sql).bind(before).bind(limit).execute(db).map_ok(|done| done.rows_affected()))?;
        }
        let [events, packets, operators, channels] = counts;
        let mut texts = operators + channels;
        if let Some(kept) = keep.texts {
            texts += self.purge_texts(now.minus(kept), limit).await?;
        }
        let more = [events, packets, texts].iter().any(|rows| i64::try_from(*rows).is_ok_and(|rows| rows >= limit));
        Ok(PurgedMessages { events, packets, texts, more })
    }

    /// Gives up members' texts and answers of before a time, those whose fate is still open aside.
    async fn purge_texts(&self, before: Timestamp, limit: i64) -> Result<u64> {
        const RECEIVED: &str = "delete from inbound_texts
                                 where id in (select id from inbound_texts where user_id is not null and received_at < $1 order by received_at limit $2)";
        // What the messages that go leave behind goes first; the same are found each time, for the transaction sees one state.
        const OLD: [&str; 5] = [
            "delete from message_timeline where message_id in
                    (select id from messages where created_at < $1 and deadline < $1 and next_offer_at is null order by created_at, id limit $2)",
            "delete from sent_packets where message_id in
                    (select id from messages where created_at < $1 and deadline < $1 and next_offer_at is null order by created_at, id limit $2)",
            "update channel_texts set message_id = null where message_id in
                    (select id from messages where created_at < $1 and deadline < $1 and next_offer_at is null order by created_at, id limit $2)",
            "update inbound_texts set message_id = null where message_id in
                    (select id from messages where created_at < $1 and deadline < $1 and next_offer_at is null order by created_at, id limit $2)",
            "delete from messages where id in
                    (select id from messages where created_at < $1 and deadline < $1 and next_offer_at is null order by created_at, id limit $2)",
        ];
        const EMPTY: &str = "delete from conversations
                              where last_at < $1
                                and not exists (select 1 from messages m where m.user_id = conversations.user_id and m.node_id = conversations.node_id)
                                and not exists (select 1 from inbound_texts t
                                                 where t.user_id = conversations.user_id and t.from_node = conversations.node_id)";
        let mut tx = self.begin().await?;
        lock_purge(&mut tx).await?;
        let mut rows =
            on_tx!(tx, |db| { sqlx::query(RECEIVED).bind(At(before)).bind(limit).execute(db).map_ok(|done| done.rows_affected()) })?;
        for (step, sql) in OLD.into_iter().enumerate() {
            let done = on_tx!(tx, |db| sqlx::query(sql).bind(At(before)).bind(limit).execute(db).map_ok(|done| done.rows_affected()))?;
            rows += if step == OLD.len() - 1 { done } else { 0 };
        }
        on_tx!(tx, |db| sqlx::query(EMPTY).bind(At(before)).execute(db).map_ok(drop))?;
        tx.commit().await?;
        Ok(rows)
    }
}

/// Keeps other replicas from giving up the same, so that the statements find the same messages.
async fn lock_purge(tx: &mut Tx) -> Result<()> {
    if let TxDb::Postgres(tx) = &mut tx.db {
        sqlx::query("select pg_advisory_xact_lock(7103421)").execute(&mut **tx).await?;
    }
    Ok(())
}
