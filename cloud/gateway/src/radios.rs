//! Which bridges can send, and by which radios: what they say of themselves. A text to one of these radios is a text to us.

use bytes::Bytes;
use kosmo_contract::{BridgeState, RadioLink, Status};
use kosmo_domain::{BridgeId, NodeId};
use kosmo_store::Store;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Mutex, PoisonError},
};

/// Of how many bridges the radios are remembered; of others they are looked up each time.
const REMEMBERED: usize = 1_000;

/// What bridges last said of themselves.
#[derive(Debug, Default)]
pub(crate) struct Radios(Mutex<BTreeMap<BridgeId, Radio>>);

#[derive(Debug, Clone, Copy, Default)]
struct Radio {
    node: Option<NodeId>,
    /// Whether its bridge could give it a text.
    is_ready: bool,
}

impl Radios {
    /// Takes note of a status, and tells whether its bridge can send that could not before.
    pub(crate) fn heard(&self, bridge: BridgeId, payload: &Bytes) -> bool {
        let Ok(status) = kosmo_contract::parse::<Status>(payload) else { return false };
        if status.bridge != bridge {
            return false;
        }
        let mut radios = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = radios.len() < REMEMBERED;
        let radio = match radios.entry(bridge) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) if has_room => new.insert(Radio::default()),
            Entry::Vacant(_) => return false,
        };
        let was_ready = radio.is_ready;
        radio.is_ready = is_ready(&status);
        // A last will says nothing of the radio, which is the bridge's all the same.
        radio.node = node(&status).or(radio.node);
        radio.is_ready && !was_ready
    }

    /// Tells whether a text that this bridge heard, and that is addressed to `to`, is addressed to the bridge's radio.
    ///
    /// Of a bridge that has not said which radio it has, as those of version 0.1 never do, a text to a single node is taken to be
    /// so: firmware hands its client nothing but what is for its own node or for everybody.
    pub(crate) async fn is_addressed(&self, bridge: &BridgeId, to: NodeId, store: &Store) -> kosmo_store::Result<bool> {
        if to.is_broadcast() {
            return Ok(false);
        }
        let known = match self.node_of(bridge) {
            Some(node) => Some(node),
            // Its status may still be under way; what it said before is in the store.
            None => node_in(store, bridge).await?,
        };
        Ok(known.is_none_or(|node| node == to))
    }

    fn node_of(&self, bridge: &BridgeId) -> Option<NodeId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(bridge).and_then(|radio| radio.node)
    }
}

/// Returns the radio of a bridge as it last said to ingestion.
async fn node_in(store: &Store, bridge: &BridgeId) -> kosmo_store::Result<Option<NodeId>> {
    let rows = store.bridges().await?;
    let status = rows.iter().find(|row| row.id == *bridge).and_then(|row| row.status.as_deref());
    Ok(status.and_then(|json| kosmo_contract::parse(json.as_bytes()).ok()).and_then(|status| node(&status)))
}

fn is_ready(status: &Status) -> bool {
    status.state == BridgeState::Online && status.radio.as_ref().is_some_and(|radio| radio.link == RadioLink::Ready)
}

fn node(status: &Status) -> Option<NodeId> {
    status.radio.as_ref().and_then(|radio| radio.node_id)
}
