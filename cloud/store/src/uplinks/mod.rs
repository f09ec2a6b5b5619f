//! What the firmware of nodes publishes by MQTT itself, as it is stored: deduplicated with what bridges hear, and never in the
//! place of it.
//!
//! A broker is a source, called like a bridge (`msh`, or `msh-` and a name), and everything from it crossed MQTT: it is no
//! evidence of the air. Who received a packet is kept apart from what it says, in ten bytes for each.

mod brokers;
mod gateways;
mod guests;
mod limits;
mod receptions;

pub use crate::uplinks::{
    brokers::{BrokerNote, BrokerState, SessionRow},
    gateways::{GatewayRow, GatewayTally, Taken},
    limits::{DenialRow, LimitRow, LimitTally, Role},
    receptions::{PacketReceptions, UplinkReception},
};

use crate::{
    Result, Store,
    db::{Tx, on_tx},
    ingest::{self, Outcome, Record, blames_a_record, is_deadlock},
    messages::{self, OverheardText},
    types::Node,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Timestamp};

/// The bit of `nodes.hidden` of a node whose name says that it wants not to be shown.
pub(crate) const OPTED_OUT: i64 = 1;
/// The bit of a node that does not agree to be passed on by MQTT.
pub(crate) const NO_CONSENT: i64 = 2;
/// How often a batch is tried again that lost to another replica in a deadlock.
const DEADLOCK_RETRIES: u32 = 3;

/// What came from brokers in a moment. All of it is stored, or none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UplinkBatch {
    /// What packets say that may be shown to everybody.
    pub records: Vec<Record>,
    /// Who received which packets.
    pub receptions: Vec<PacketReceptions>,
    /// What of it came by which gateway.
    pub gateways: Vec<GatewayTally>,
    /// What was not taken.
    pub limits: Vec<LimitTally>,
    /// Whether nodes agree to be passed on by MQTT, as they said last.
    pub consents: Vec<(NodeId, bool)>,
    /// What was said to everybody on public channels, by nodes that agree.
    pub texts: Vec<OverheardText>,
}

impl UplinkBatch {
    /// Tells whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        let Self { records, receptions, gateways, limits, consents, texts } = self;
        let counts = [records.len(), receptions.len(), gateways.len(), limits.len(), consents.len(), texts.len()];
        counts.iter().all(|count| *count == 0)
    }
}

impl Store {
    /// Stores what came from brokers in one transaction, and returns what became of each record. A packet that a bridge has
    /// delivered is known, and the other way round; who received it how is kept in either case.
    ///
    /// A record that the database refuses is left out and told of as rejected.
    ///
    /// # Errors
    /// If the database fails for no fault of a record's; then nothing is stored.
    pub async fn ingest_uplinks(&self, batch: &UplinkBatch, now: Timestamp) -> Result<Vec<Outcome>> {
        match self.ingest_uplinks_at_once(batch, now).await {
            Err(error) if blames_a_record(&error) => {}
            stored => return stored,
        }
        let mut outcomes = Vec::with_capacity(batch.records.len());
        for record in &batch.records {
            let alone = UplinkBatch { records: vec![record.clone()], ..UplinkBatch::default() };
            outcomes.push(match self.ingest_uplinks_at_once(&alone, now).await {
                Ok(mut stored) => stored.remove(0),
                Err(error) if blames_a_record(&error) => Outcome::Rejected { code: ingest::NOT_STORABLE.to_owned() },
                Err(error) => return Err(error),
            });
        }
        let rest = UplinkBatch { records: Vec::new(), ..batch.clone() };
        self.ingest_uplinks_at_once(&rest, now).await?;
        Ok(outcomes)
    }

    async fn ingest_uplinks_at_once(&self, batch: &UplinkBatch, now: Timestamp) -> Result<Vec<Outcome>> {
        let mut tries = 0;
        loop {
            let mut tx = self.begin().await?;
            match store(&mut tx, batch, now).await {
                Ok(outcomes) => {
                    tx.commit().await?;
                    return Ok(outcomes);
                }
                Err(error) if is_deadlock(&error) && tries < DEADLOCK_RETRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

async fn store(tx: &mut Tx, batch: &UplinkBatch, now: Timestamp) -> Result<Vec<Outcome>> {
    let records: Vec<&Record> = batch.records.iter().collect();
    let outcomes = ingest::store_heard(tx, &records, now).await?;
    receptions::append(tx, &batch.receptions).await?;
    gateways::count(tx, &batch.gateways).await?;
    limits::count(tx, &batch.limits).await?;
    agree(tx, &batch.consents).await?;
    messages::overhear(tx, &batch.texts, now).await?;
    Ok(outcomes)
}

/// Notes whether nodes agree to be passed on. Nodes that nobody knows are none to hide.
async fn agree(tx: &mut Tx, consents: &[(NodeId, bool)]) -> Result<()> {
    const SQL: &str = "update nodes set hidden = (hidden & ~$2) | $3
                        where id = (select node from node_identities where node_id = $1 limit 1) and (hidden & $2) <> $3";
    for (node, agrees) in consents {
        let bit = if *agrees { 0 } else { NO_CONSENT };
        on_tx!(tx, |db| sqlx::query(SQL).bind(Node(*node)).bind(NO_CONSENT).bind(bit).execute(db).map_ok(drop))?;
    }
    Ok(())
}

/// Tells whether this is what a broker is called among bridges.
pub(crate) fn is_broker(bridge: &str) -> bool {
    bridge == "msh" || bridge.starts_with("msh-")
}

/// Tells whether a node's name says that it wants not to be shown: by a stop sign, or by `nomap` as a word of its own, in any
/// case.
pub fn opts_out(name: &str) -> bool {
    let words = || name.split(|c: char| !c.is_alphanumeric());
    name.contains('\u{1f6d1}') || words().any(|word| word.eq_ignore_ascii_case("nomap") || word.eq_ignore_ascii_case("optout"))
}

/// Lists as SQLite takes them, which has no arrays of bytes: as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_opts_out_by_its_name() {
        for (name, expect) in [
            ("Roof 🛑", true),
            ("roof_nomap", true),
            ("Roof NoMap", true),
            ("[optout] Roof", true),
            ("Roof", false),
            ("nomaps", false),
            ("Snomap Hill", false),
            ("", false),
        ] {
            assert_eq!(opts_out(name), expect, "{name}");
        }
    }
}
