//! Nodes that show another key than before: somebody may have taken a node's number. Texts to one wait until their writer has said
//! that the new key is that person's.
//!
//! This is for those who knew the node by its former key, having written to it before it changed. Whoever never did has nothing to
//! compare.

use crate::{
    Result, Store,
    db::{Tx, on_reader, on_tx},
    messages::{
        events::{self, EventKind},
        rows::{self, MessageRow},
    },
    types::{At, Node},
    users,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Timestamp};
use uuid::Uuid;

/// The most earlier keys that are told of a node.
const MAX_EARLIER: i64 = 10;

/// The key of a node, as a member sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKey {
    /// The key it shows; nothing if it never showed one.
    pub public_key: Option<Vec<u8>>,
    /// When it was found to be another than before.
    pub changed_at: Option<Timestamp>,
    /// When the member confirmed this key.
    pub confirmed_at: Option<Timestamp>,
    /// Whether texts of the member's to the node wait, or would, until the member confirms it.
    pub holds: bool,
    /// How many do.
    pub held: u64,
    /// Keys that it showed before, with the time at which each was first seen, the latest first.
    pub earlier: Vec<(Vec<u8>, Timestamp)>,
}

/// What came of confirming a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It is confirmed, and so many texts wait no longer.
    Done {
        /// How many.
        released: usize,
    },
    /// The node shows another key than the one that was confirmed.
    OtherKey,
    /// The node never showed a key.
    NoKey,
}

/// What a radio has to know of a node to encrypt for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeContact {
    /// Its public key.
    pub public_key: Vec<u8>,
    /// The long name it gives itself.
    pub long_name: Option<String>,
    /// The short name it gives itself.
    pub short_name: Option<String>,
}

/// Whether a member, whose texts to the node are those before this time, has to confirm the key that it shows.
const HOLDS: &str = "select n.key_changed_at
                       from nodes n
                      where n.id = (select i.node from node_identities i where i.node_id = $2 limit 1)
                        and n.key_changed_at is not null
                        and exists (select 1 from messages m where m.user_id = $1 and m.node_id = $2 and m.created_at < n.key_changed_at)
                        and not exists (select 1 from key_confirmations k
                                         where k.user_id = $1 and k.node_id = $2 and k.public_key = n.public_key)";

const PRESENT: &str = "select n.public_key, n.key_changed_at
                         from nodes n
                        where n.id = (select i.node from node_identities i where i.node_id = $1 limit 1)";

impl Store {
    /// Returns what a member is to know of a node's key.
    ///
    /// # Errors
    /// As the database does.
    pub async fn node_key(&self, user: Uuid, node: NodeId) -> Result<NodeKey> {
        const CONFIRMED: &str = "select public_key, confirmed_at from key_confirmations where user_id = $1 and node_id = $2";
        const HELD: &str =
            "select count(*) from messages where user_id = $1 and node_id = $2 and held_at is not null and granted_bridge is null
                                                            and status in ('pending', 'queued')";
        const EARLIER: &str = "select o.public_key, min(o.first_heard)
                                 from node_identities o
                                where o.node = (select i.node from node_identities i where i.node_id = $1 limit 1) and length(o.public_key) > 0
                                group by o.public_key
                                order by 2 desc
                                limit $2";
        let present: Option<(Option<Vec<u8>>, Option<At>)> =
            on_reader!(self, |db| sqlx::query_as(PRESENT).bind(Node(node)).fetch_optional(db))?;
        let (public_key, changed_at) = present.unwrap_or_default();
        let confirmed: Option<(Vec<u8>, At)> =
            on_reader!(self, |db| sqlx::query_as(CONFIRMED).bind(user).bind(Node(node)).fetch_optional(db))?;
        let holds: Option<At> = on_reader!(self, |db| sqlx::query_scalar(HOLDS).bind(user).bind(Node(node)).fetch_optional(db))?;
        let held: i64 = on_reader!(self, |db| sqlx::query_scalar(HELD).bind(user).bind(Node(node)).fetch_one(db))?;
        let earlier: Vec<(Vec<u8>, At)> = on_reader!(self, |db| sqlx::query_as(EARLIER).bind(Node(node)).bind(MAX_EARLIER).fetch_all(db))?;
        let confirmed_at = confirmed.filter(|(key, _)| public_key.as_ref() == Some(key)).map(|(_, at)| at.0);
        let earlier = earlier.into_iter().filter(|(key, _)| Some(key) != public_key.as_ref()).map(|(key, at)| (key, at.0)).collect();
        let held = u64::try_from(held).unwrap_or(0);
        Ok(NodeKey { changed_at: changed_at.map(Timestamp::from), confirmed_at, holds: holds.is_some(), held, earlier, public_key })
    }

    /// Notes that a member knows a node by this key, and lets go of what waited for that.
    ///
    /// # Errors
    /// As the database does.
    pub async fn confirm_key(&self, user: Uuid, node: NodeId, public_key: &[u8], now: Timestamp) -> Result<Confirmed> {
        const CONFIRM: &str = "insert into key_confirmations (user_id, node_id, public_key, confirmed_at)
                               values ($1, $2, $3, $4)
                               on conflict (user_id, node_id) do update
                                  set public_key = excluded.public_key, confirmed_at = excluded.confirmed_at
                                where key_confirmations.public_key <> excluded.public_key";
        const RELEASE: &str = "update messages set held_at = null, next_offer_at = case when next_offer_at is not null then $3 end
                                where user_id = $1 and node_id = $2 and held_at is not null
                            returning id";
        let mut tx = self.begin().await?;
        users::lock(&mut tx, user).await?;
        let present: Option<(Option<Vec<u8>>, Option<At>)> = on_tx!(tx, |db| sqlx::query_as(PRESENT).bind(Node(node)).fetch_optional(db))?;
        let Some((Some(present), _)) = present else { return Ok(Confirmed::NoKey) };
        if present != public_key {
            return Ok(Confirmed::OtherKey);
        }
        on_tx!(tx, |db| sqlx::query(CONFIRM).bind(user).bind(Node(node)).bind(public_key).bind(At(now)).execute(db).map_ok(drop))?;
        let released: Vec<Uuid> = on_tx!(tx, |db| sqlx::query_scalar(RELEASE).bind(user).bind(Node(node)).bind(At(now)).fetch_all(db))?;
        for message in &released {
            events::append(&mut tx, user, EventKind::MessageChanged, *message, now).await?;
        }
        tx.commit().await?;
        Ok(Confirmed::Done { released: released.len() })
    }

    /// Has a message wait for its writer if its node shows another key than the writer knows it by, and tells whether it does.
    ///
    /// # Errors
    /// As the database does.
    pub async fn hold_for_key(&self, message: Uuid, now: Timestamp) -> Result<bool> {
        let mut tx = self.begin().await?;
        let Some(row) = rows::lock(&mut tx, message).await? else { return Ok(false) };
        let is_held = row.facts.granted.is_none() && !row.facts.is_settled() && hold(&mut tx, &row, now).await?;
        tx.commit().await?;
        Ok(is_held)
    }

    /// Tells whether texts of a member's to a node have to wait for the member to confirm the key that it shows.
    ///
    /// # Errors
    /// As the database does.
    pub async fn key_holds(&self, user: Uuid, node: NodeId) -> Result<bool> {
        let holds: Option<At> = on_reader!(self, |db| sqlx::query_scalar(HOLDS).bind(user).bind(Node(node)).fetch_optional(db))?;
        Ok(holds.is_some())
    }

    /// Returns what a radio has to know of a node to encrypt for it; nothing if the node never showed a key.
    ///
    /// # Errors
    /// As the database does.
    pub async fn node_contact(&self, node: NodeId) -> Result<Option<NodeContact>> {
        const SQL: &str = "select n.public_key, n.long_name, n.short_name
                             from nodes n
                            where n.id = (select i.node from node_identities i where i.node_id = $1 limit 1) and n.public_key is not null";
        let row: Option<(Vec<u8>, Option<String>, Option<String>)> =
            on_reader!(self, |db| sqlx::query_as(SQL).bind(Node(node)).fetch_optional(db))?;
        Ok(row.map(|(public_key, long_name, short_name)| NodeContact { public_key, long_name, short_name }))
    }
}

/// Has a message that no bridge has wait for its writer, if it has to, and tells whether it does.
pub(super) async fn hold(tx: &mut Tx, row: &MessageRow, now: Timestamp) -> Result<bool> {
    const SQL: &str = "update messages set held_at = $2 where id = $1 and held_at is null";
    if row.channel.is_some() {
        return Ok(false);
    }
    let holds: Option<At> = on_tx!(tx, |db| sqlx::query_scalar(HOLDS).bind(row.user).bind(Node(row.node)).fetch_optional(db))?;
    if holds.is_none() {
        return Ok(false);
    }
    let rows = on_tx!(tx, |db| sqlx::query(SQL).bind(row.id).bind(At(now)).execute(db).map_ok(|done| done.rows_affected()))?;
    if rows > 0 {
        events::append(tx, row.user, EventKind::MessageChanged, row.id, now).await?;
    }
    Ok(true)
}
