//! What is not for everybody: records of private channels are not kept at all, and nodes that do not agree are not shown.
//!
//! A record of a private channel could not be told from a public one once it is a reading or a position, and there is nobody
//! yet who alone may see it. What a node says of itself counts for all of it, and may change.

use crate::{
    Result,
    db::{Tx, on_tx},
    ingest::{Body, Privacy, Record, nodes::Nodes},
    types::At,
    uplinks::NO_CONSENT,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The private channels among those that records were heard on.
#[derive(Debug, Default)]
pub(super) struct Closed(BTreeSet<(String, u8)>);

impl Closed {
    /// Finds which channels of the records are not made public by an operator.
    pub(super) async fn among(tx: &mut Tx, records: &[&Record]) -> Result<Self> {
        const PUBLISHED: &str = "select name, hash from channels where visibility = 'public'";
        let mut channels: BTreeSet<_> = records.iter().filter_map(|record| private_channel(record)).cloned().collect();
        if !channels.is_empty() {
            let published: Vec<(String, i64)> = on_tx!(tx, |db| sqlx::query_as(PUBLISHED).fetch_all(db))?;
            channels.retain(|(name, hash)| !published.iter().any(|(published, of)| published == name && *of == i64::from(*hash)));
        }
        Ok(Self(channels))
    }

    /// Tells whether a record was heard on one of them.
    pub(super) fn has(&self, record: &Record) -> bool {
        private_channel(record).is_some_and(|channel| self.0.contains(channel))
    }

    /// Counts what of the records is withheld, by its channel. A channel that no bridge has told of yet is counted once it has.
    pub(super) async fn count(&self, tx: &mut Tx, records: &[&Record], now: Timestamp) -> Result<()> {
        const SQL: &str = "update channels set withheld = withheld + $3, withheld_at = $4 where name = $1 and hash = $2";
        let mut numbers: BTreeMap<&(String, u8), i64> = BTreeMap::new();
        for channel in records.iter().filter_map(|record| private_channel(record)).filter(|channel| self.0.contains(*channel)) {
            *numbers.entry(channel).or_default() += 1;
        }
        for ((name, hash), number) in numbers {
            on_tx!(tx, |db| {
                sqlx::query(SQL).bind(name.as_str()).bind(i64::from(*hash)).bind(number).bind(At(now)).execute(db).map_ok(drop)
            })?;
        }
        Ok(())
    }
}

fn private_channel(record: &Record) -> Option<&(String, u8)> {
    record.privacy.as_ref()?.private_channel.as_ref()
}

/// Hides nodes that do not agree to be passed on, and those of which nobody knows when they are first heard; shows those that do.
pub(super) async fn note_consents(tx: &mut Tx, records: &[&Record], nodes: &Nodes) -> Result<()> {
    const SQL: &str = "update nodes set hidden = (hidden & ~$2) | $3 where id = $1";
    let mut said: BTreeMap<NodeId, (Timestamp, Option<bool>)> = BTreeMap::new();
    for record in records {
        let (Some(Privacy { agrees, .. }), Some((node, at))) = (&record.privacy, speaker(record)) else { continue };
        let latest = said.entry(node).or_insert((at, *agrees));
        // What is said counts for more than what is not, and of what is said the latest.
        if agrees.is_some() && (latest.1.is_none() || at >= latest.0) {
            *latest = (at, *agrees);
        }
    }
    for (node, (at, agrees)) in said {
        let before = nodes.before(node);
        let hides = match agrees {
            // An older word than the last one that was heard changes nothing.
            Some(_) if before.is_some_and(|before| at < before.last_heard) => continue,
            Some(agrees) => !agrees,
            None if before.is_none() => true,
            None => continue,
        };
        if before.is_some_and(|before| before.hidden & NO_CONSENT != 0) != hides {
            let (node, bit) = (nodes.id(node)?, if hides { NO_CONSENT } else { 0 });
            on_tx!(tx, |db| sqlx::query(SQL).bind(node).bind(NO_CONSENT).bind(bit).execute(db).map_ok(drop))?;
        }
    }
    Ok(())
}

/// Returns who speaks in a record, and when.
fn speaker(record: &Record) -> Option<(NodeId, Timestamp)> {
    if let Some(heard) = &record.heard {
        return Some((heard.from, heard.reception.at));
    }
    match &record.body {
        Body::Reading { reading, .. } => Some((reading.node, reading.at)),
        Body::Node { node, at, .. } => Some((*node, *at)),
        Body::Text | Body::Rejected => None,
    }
}
