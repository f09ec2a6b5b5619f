//! Shows what was measured as the latest of its node, each metric by itself: a reading that comes late changes only what
//! is older than it.

use crate::{
    Result,
    db::Tx,
    ingest::{Body, NodeReport, Record, nodes::Nodes, readings::Readings},
    weather::latest::{Value, Values},
};
use kosmo_domain::{DAY, Metrics, Timestamp, Trust};
use std::collections::BTreeMap;

/// Brings the latest values of the batch's nodes up to date. What a clock that leapt has dated far ahead of `now` gives way to
/// what is measured now.
pub(super) async fn show(tx: &mut Tx, records: &[&Record], readings: &Readings, nodes: &Nodes, now: Timestamp) -> Result<()> {
    let mut news: BTreeMap<i64, Vec<(Metrics, Timestamp, Trust)>> = BTreeMap::new();
    for ((node, at), merged) in readings {
        news.entry(*node).or_default().push((merged.metrics, *at, merged.trust));
    }
    for record in records {
        if let Body::Node { node, report: NodeReport::Device(metrics), at } = &record.body {
            news.entry(nodes.id(*node)?).or_default().push((*metrics, *at, Trust::Claimed));
        }
    }
    if news.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = news.keys().copied().collect();
    let mut latest = Values::load(tx, &ids).await?;
    latest.retain(|id, _| news.contains_key(id));
    for values in latest.values_mut() {
        values.forget_after(now.plus(DAY));
    }
    for (node, measured) in news {
        let values = latest.entry(node).or_default();
        for (metrics, at, trust) in measured {
            for (metric, number) in metrics.iter() {
                values.add(metric, Value { number, at, trust });
            }
        }
    }
    latest.retain(|_, values| !values.is_empty());
    Values::save(tx, &latest).await
}
