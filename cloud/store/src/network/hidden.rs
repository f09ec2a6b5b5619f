//! What was heard, and is shown to nobody.

use crate::{
    Result, Store,
    db::on_reader,
    types::{At, unsigned},
};
use kosmo_domain::Timestamp;

/// What was heard, and is shown to nobody: without names, for who is not shown is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotShown {
    /// How many nodes do not agree to be shown, never said that they do, or opted out by their names.
    pub nodes: u64,
    /// On how many private channels bridges heard something.
    pub channels: u64,
    /// How many records of them were not kept.
    pub withheld: u64,
    /// When that was last so.
    pub withheld_at: Option<Timestamp>,
}

impl Store {
    /// Returns what was heard and is shown to nobody.
    ///
    /// # Errors
    /// As the database does.
    pub async fn not_shown(&self) -> Result<NotShown> {
        const NODES: &str = "select count(*) from nodes where hidden <> 0";
        const CHANNELS: &str = "select count(*), cast(coalesce(sum(withheld), 0) as bigint), max(withheld_at)
                                  from channels where visibility = 'private' and withheld > 0";
        let nodes: i64 = on_reader!(self, |db| sqlx::query_scalar(NODES).fetch_one(db))?;
        let (channels, withheld, at): (i64, i64, Option<At>) = on_reader!(self, |db| sqlx::query_as(CHANNELS).fetch_one(db))?;
        Ok(NotShown {
            nodes: unsigned(nodes, "a count of nodes")?,
            channels: unsigned(channels, "a count of channels")?,
            withheld: unsigned(withheld, "a count of records")?,
            withheld_at: at.map(Timestamp::from),
        })
    }
}
