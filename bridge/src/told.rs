//! Remembers what the radio's memory told, because it tells the same of every node after every handshake.

use crate::record::{Body, NewRecord};
use kosmo_contract::NodeReport;
use kosmo_domain::NodeId;
use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

/// How many reports are remembered: four each of a thousand nodes, in some 100 kB.
const CAPACITY: usize = 4000;

/// What was told of each node, as far as it tells a repetition.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeMap<(NodeId, u8), u64>);

impl Told {
    /// Tells whether a report of the radio's memory says something that the one before did not, and remembers it.
    pub(crate) fn is_news(&mut self, record: &NewRecord) -> bool {
        let Body::Node(body) = &record.body else { return true };
        // When a node was last heard changes with every packet, which the link report may as well tell alone.
        let (kind, last_heard) = match &body.report {
            NodeReport::User(_) => (0, None),
            NodeReport::Position { .. } => (1, None),
            NodeReport::Device { .. } => (2, None),
            NodeReport::Link { .. } => (3, body.last_heard),
            NodeReport::Neighbors { .. }
            | NodeReport::Traceroute { .. }
            | NodeReport::RadioStats(_)
            | NodeReport::HostStats(_)
            | NodeReport::TrafficStats(_)
            | NodeReport::HealthMetrics(_)
            | NodeReport::Waypoint(_) => return true,
        };
        let mut hasher = DefaultHasher::new();
        let report = serde_json::to_vec(&body.report).expect("a report has text keys only, and none of its types fail to serialise");
        (report, last_heard).hash(&mut hasher);
        let hash = hasher.finish();
        if self.0.len() >= CAPACITY && !self.0.contains_key(&(body.node_id, kind)) {
            return true;
        }
        self.0.insert((body.node_id, kind), hash) != Some(hash)
    }

    /// Forgets everything, so that it is told again: something of it may have been lost, or it is another radio's memory.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_contract::NodeBody;
    use kosmo_domain::Timestamp;

    fn link(snr_db: f32, last_heard: u32) -> NewRecord {
        let report = NodeReport::Link { snr_db: Some(snr_db), hops_away: Some(0), via_mqtt: false };
        let last_heard = Some(Timestamp::from_unix_seconds(last_heard));
        let body = NodeBody { node_id: NodeId::from_number(9), last_heard, report };
        NewRecord { heard_at: Timestamp::EPOCH, packet: None, privacy: None, body: Body::Node(body) }
    }

    #[test]
    fn the_same_is_told_once_until_it_changes_or_is_forgotten() {
        let mut told = Told::default();
        assert!(told.is_news(&link(7.5, 100)));
        assert!(!told.is_news(&link(7.5, 100)));
        assert!(told.is_news(&link(7.5, 101)));
        assert!(told.is_news(&link(8.0, 101)));
        told.forget();
        assert!(told.is_news(&link(8.0, 101)));
    }
}
