//! What a map of the whole mesh needs, in few requests: nodes with their newest values, links, and frames of past hours.

pub(crate) mod frames;
pub(crate) mod links;
pub(crate) mod nodes;
pub(crate) mod traceroutes;

use kosmo_contract::{BridgeState, Status};
use kosmo_domain::{BridgeId, NodeId, Timestamp};
use kosmo_store::{Result, Store};

/// The radio of a bridge, as far as its last status tells.
#[derive(Debug, Clone)]
struct BridgeRadio {
    bridge: BridgeId,
    node: NodeId,
    state: BridgeState,
    status_at: Timestamp,
}

/// Returns the radios of the bridges that have a login. Their number is what an operator added.
async fn bridge_radios(store: &Store) -> Result<Vec<BridgeRadio>> {
    let bridges = store.bridges().await?.into_iter().filter(|bridge| bridge.revoked_at.is_none());
    Ok(bridges
        .filter_map(|bridge| {
            let status: Status = serde_json::from_str(&bridge.status?).ok()?;
            Some(BridgeRadio { bridge: bridge.id, node: status.radio?.node_id?, state: status.state, status_at: bridge.status_at? })
        })
        .collect())
}
