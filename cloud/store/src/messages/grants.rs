//! Which bridge may give a message to its radio: one, for good.

use crate::{
    Result, Store,
    db::{Tx, on_tx},
    messages::{
        facts::{self, Change, Teller},
        keys, rows,
        rows::MessageRow,
    },
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, Fact, Timestamp};
use kosmo_failpoints::fail_point;
use uuid::Uuid;

/// What a claim came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The message is this bridge's from here on.
    Granted(Change),
    /// It has been all along.
    AlreadyYours,
    /// It is another bridge's.
    Taken,
    /// Its time is up, or it is settled.
    Expired,
    /// Its node shows another key than before, and its writer has not confirmed it.
    Held,
    /// There is no such message.
    Unknown,
}

impl Grant {
    /// Tells whether the bridge that asked may give the message to its radio.
    pub const fn is_yes(&self) -> bool {
        matches!(self, Self::Granted(_) | Self::AlreadyYours)
    }
}

impl Store {
    /// Gives a message to a bridge that claims it, unless another one has it or its time is up. A grant is never moved.
    ///
    /// # Errors
    /// As the database does.
    pub async fn grant(&self, message: Uuid, bridge: &BridgeId, now: Timestamp) -> Result<Grant> {
        let mut tx = self.begin().await?;
        let grant = claim(&mut tx, message, bridge, now).await?;
        tx.commit().await?;
        Ok(grant)
    }
}

/// Claims a message for a bridge inside a use-case.
pub(super) async fn claim(tx: &mut Tx, message: Uuid, bridge: &BridgeId, now: Timestamp) -> Result<Grant> {
    const SQL: &str = "update messages
                          set granted_bridge = $2, granted_at = $3
                        where id = $1 and granted_bridge is null and deadline > $3 and status in ('pending', 'queued') and held_at is null";
    let Some(row) = rows::lock(tx, message).await? else { return Ok(Grant::Unknown) };
    // The node's key may have changed since the text was offered.
    if row.facts.granted.is_none() && keys::hold(tx, &row, now).await? {
        return Ok(Grant::Held);
    }
    let won = on_tx!(tx, |db| {
        sqlx::query(SQL).bind(message).bind(bridge.as_str()).bind(At(now)).execute(db).map_ok(|done| done.rows_affected())
    })?;
    if won == 0 {
        return Ok(standing(&row, bridge));
    }
    fail_point!("grant::written");
    let change = facts::add(tx, row, &[(Fact::Granted(bridge.clone()), now)], &Teller::Cloud, now).await?;
    Ok(Grant::Granted(change))
}

/// Returns what is answered where nothing was to be granted.
fn standing(row: &MessageRow, bridge: &BridgeId) -> Grant {
    match &row.facts.granted {
        // A text that its bridge has given up was perhaps given back: it may not be sent after that.
        Some((_, holder)) if holder == bridge && row.facts.not_sent.is_none() && row.facts.unknown_at.is_none() => Grant::AlreadyYours,
        Some((_, holder)) if holder != bridge => Grant::Taken,
        Some(_) | None => Grant::Expired,
    }
}
