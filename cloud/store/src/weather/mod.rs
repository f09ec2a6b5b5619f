//! What was measured and by whom: latest values, history raw and summarised, the nodes, and giving up what is old.

pub(crate) mod columns;
mod frames;
mod health;
mod history;
pub(crate) mod latest;
mod map;
mod nodes;
mod raw;
mod retention;
mod rollups;
mod stats;
mod traceroutes;
mod views;

pub use crate::weather::{
    frames::{FrameRow, Hours},
    health::HealthRow,
    map::{LinkEnd, LinkPlace, LinkRow, MapRow},
    retention::{Keep, Purged},
    rollups::Progress,
    traceroutes::{TraceroutePlace, TracerouteRow},
    views::{
        BridgeReception, Bucket, Identity, Kept, Latest, LatestValue, NeighborRow, NodeDetail, NodeListing, NodeName, NodePosition,
        NodeRow, ReadingRow, RollupRow,
    },
};

use crate::{Result, Store, db::on_reader, types::Node};
use kosmo_domain::NodeId;

/// The most rows that one call of a listing returns.
pub const MAX_PAGE: u32 = 10_000;

impl Store {
    /// Returns the internal id of the node that has, or had, this mesh id, and may be shown.
    pub(crate) async fn internal_id(&self, node: NodeId) -> Result<Option<i64>> {
        const SQL: &str =
            "select i.node from node_identities i join nodes n on n.id = i.node where i.node_id = $1 and n.hidden = 0 limit 1";
        Ok(on_reader!(self, |db| sqlx::query_scalar(SQL).bind(Node(node)).fetch_optional(db))?)
    }
}
