//! What of a batch is told to whoever follows: which nodes were heard, and whether they measured something.

use crate::{
    NodeChange,
    ingest::{Body, NodeReport, Record},
};
use kosmo_domain::NodeId;
use std::collections::BTreeMap;

/// Returns what the records say of which nodes.
pub(super) fn nodes(records: &[&Record]) -> Vec<NodeChange> {
    let mut changes: BTreeMap<NodeId, NodeChange> = BTreeMap::new();
    let mut note = |node: NodeId, measured: bool, changed: bool| {
        let change = changes.entry(node).or_insert(NodeChange { node, measured: false, changed: false });
        change.measured |= measured;
        change.changed |= changed;
    };
    for record in records {
        if let Some(heard) = &record.heard {
            note(heard.from, false, false);
        }
        match &record.body {
            Body::Reading { reading, .. } => note(reading.node, true, false),
            Body::Node { node, report, .. } => match report {
                NodeReport::Device(_) => note(*node, true, false),
                NodeReport::User(_) | NodeReport::Position { .. } => note(*node, false, true),
                NodeReport::RadioStats(_)
                | NodeReport::HostStats(_)
                | NodeReport::TrafficStats(_)
                | NodeReport::HealthMetrics(_)
                | NodeReport::Waypoint(_)
                | NodeReport::Neighbors(_)
                | NodeReport::Traceroute(_)
                | NodeReport::Link { .. } => note(*node, false, false),
            },
            Body::Text | Body::Rejected => {}
        }
    }
    changes.into_values().collect()
}
