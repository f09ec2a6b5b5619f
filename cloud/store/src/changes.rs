//! What has changed, told to whoever follows in any process: names of things to look at, never what they hold.

use crate::{
    Result, Store,
    db::{Tx, TxDb},
    signals::CHANGES,
};
use kosmo_domain::{BridgeId, NodeId};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

/// The most nodes named at once: a notification of PostgreSQL has less than 8000 bytes.
const NODES_AT_ONCE: usize = 300;

/// Something that was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Something happened to a member: there are new events.
    #[serde(rename = "m")]
    Member(Uuid),
    /// Nodes were heard.
    #[serde(rename = "n")]
    Nodes(Vec<NodeChange>),
    /// A bridge said something of itself, or is not heard any more.
    #[serde(rename = "b")]
    Bridge(BridgeId),
    /// Packets were logged, up to this one.
    #[serde(rename = "p")]
    Packets(i64),
    /// Something was said on a channel of this name and hash.
    #[serde(rename = "c")]
    Chat(String, u8),
    /// Some changes were not told: look at everything.
    #[serde(rename = "x")]
    Missed,
}

/// What was heard of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u8)", into = "(u32, u8)")]
pub struct NodeChange {
    /// The node.
    pub node: NodeId,
    /// Whether it measured something.
    pub measured: bool,
    /// Whether what it says of itself may be other than before.
    pub changed: bool,
}

impl From<(u32, u8)> for NodeChange {
    fn from((node, flags): (u32, u8)) -> Self {
        Self { node: NodeId::from_number(node), measured: flags & 1 > 0, changed: flags & 2 > 0 }
    }
}

impl From<NodeChange> for (u32, u8) {
    fn from(change: NodeChange) -> Self {
        (change.node.number(), u8::from(change.measured) | u8::from(change.changed) << 1)
    }
}

/// Follows what is committed, in this process and in others.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<Change>);

impl Changes {
    /// Returns the next change; nothing once the store is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => Some(Change::Missed),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Store {
    /// Follows what is committed from here on. On PostgreSQL the first change is [`Change::Missed`], once other processes
    /// are listened to.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn changes(&self) -> Changes {
        Changes(self.signals.changes())
    }
}

impl Tx {
    /// Has a change told once this is committed.
    pub(crate) fn tell(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Has it told that nodes were heard.
    pub(crate) fn tell_nodes(&mut self, nodes: &[NodeChange]) {
        for some in nodes.chunks(NODES_AT_ONCE) {
            self.tell(Change::Nodes(some.to_vec()));
        }
    }

    /// Tells other processes; PostgreSQL does so when the transaction is committed.
    pub(crate) async fn notify_changes(&mut self) -> Result<()> {
        let TxDb::Postgres(tx) = &mut self.db else { return Ok(()) };
        for change in self.changes.drain(..) {
            let payload = serde_json::to_string(&change).expect("a change is made of names and numbers");
            sqlx::query("select pg_notify($1, $2)").bind(CHANGES).bind(payload).execute(&mut **tx).await?;
        }
        Ok(())
    }
}

/// Reads what another process told; what cannot be read comes from another version.
pub(crate) fn decode(payload: &str) -> Change {
    serde_json::from_str(payload).unwrap_or(Change::Missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_survives_its_notification_and_is_never_too_long_for_one() {
        let all = |measured, changed| NodeChange { node: NodeId::from_number(u32::MAX), measured, changed };
        let nodes = Change::Nodes([all(true, false), all(false, true)].repeat(NODES_AT_ONCE / 2));
        for change in [
            Change::Member(Uuid::max()),
            nodes,
            Change::Bridge("roof".parse().unwrap()),
            Change::Chat("LongFast".to_owned(), 8),
            Change::Missed,
        ] {
            let payload = serde_json::to_string(&change).unwrap();
            assert!(payload.len() < 8000, "{} bytes", payload.len());
            assert_eq!(decode(&payload), change);
        }
        assert_eq!(decode("{\"later\":1}"), Change::Missed);
    }
}
