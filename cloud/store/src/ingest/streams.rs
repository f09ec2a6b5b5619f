//! Which records of each spool are stored: sets of sequence numbers, locked while a batch is stored.

use crate::{
    Error, Result, bridges,
    db::{Tx, on_tx},
    rejects::RecordName,
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, Epoch, SeqSet, Stream, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The most ranges of sequence numbers that are kept for a stream. A spool that delivers its records needs one, and one
/// more for each hole; only a bridge that leaves out numbers on purpose needs thousands.
pub const MAX_RANGES: usize = 2_000;

type Key = (BridgeId, Epoch, Stream);

/// The streams of a batch.
#[derive(Debug)]
pub(crate) struct Streams(BTreeMap<Key, SeqSet>);

/// What a stream says to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was not stored before.
    New,
    /// It was.
    Known,
    /// Keeping account of it would need too many ranges.
    TooManyGaps,
    /// Its number fits no column.
    TooLarge,
}

impl Streams {
    /// Reads the streams that the records belong to, and locks them, in the order of their names. Their bridges
    /// have been heard of.
    pub(crate) async fn load<'a>(tx: &mut Tx, records: impl Iterator<Item = &'a RecordName>, now: Timestamp) -> Result<Self> {
        const SQL: &str = "insert into bridge_streams (bridge, epoch, stream, ranges, updated_at)
                           values ($1, $2, $3, '[]', $4)
                           on conflict (bridge, epoch, stream) do update set updated_at = excluded.updated_at
                           returning ranges";
        let mut streams: BTreeMap<Key, SeqSet> = BTreeMap::new();
        for RecordName { bridge, epoch, stream, .. } in records {
            streams.entry((bridge.clone(), *epoch, *stream)).or_default();
        }
        for bridge in streams.keys().map(|(bridge, ..)| bridge).collect::<BTreeSet<_>>() {
            bridges::note_seen(tx, bridge, now).await?;
        }
        for ((bridge, epoch, stream), known) in &mut streams {
            let ranges: String = on_tx!(tx, |db| {
                sqlx::query_scalar(SQL).bind(bridge.as_str()).bind(epoch.as_uuid()).bind(stream.as_str()).bind(At(now)).fetch_one(db)
            })?;
            let ranges: Vec<(u64, u64)> = serde_json::from_str(&ranges)
                .map_err(|_| Error::Corrupt(format!("the ranges of a stream of {bridge} are no pairs of numbers")))?;
            *known = SeqSet::from_ranges(ranges);
        }
        Ok(Self(streams))
    }

    /// Puts a record's number into its stream, if it is new and fits.
    pub(crate) fn take(&mut self, origin: &RecordName) -> Verdict {
        if i64::try_from(origin.seq).is_err() {
            return Verdict::TooLarge;
        }
        let known = self.0.entry((origin.bridge.clone(), origin.epoch, origin.stream)).or_default();
        if known.contains(origin.seq) {
            return Verdict::Known;
        }
        let adjacent = known.contains(origin.seq.saturating_sub(1)) || known.contains(origin.seq.saturating_add(1));
        if !adjacent && known.range_count() >= MAX_RANGES {
            return Verdict::TooManyGaps;
        }
        known.insert(origin.seq);
        Verdict::New
    }

    /// Writes the streams back.
    pub(crate) async fn save(&self, tx: &mut Tx) -> Result<()> {
        const SQL: &str = "update bridge_streams set ranges = $4 where bridge = $1 and epoch = $2 and stream = $3";
        for ((bridge, epoch, stream), known) in &self.0 {
            let ranges: Vec<_> = known.ranges().map(|range| (*range.start(), *range.end())).collect();
            let ranges = serde_json::to_string(&ranges).expect("numbers are always JSON");
            on_tx!(tx, |db| {
                sqlx::query(SQL)
                    .bind(bridge.as_str())
                    .bind(epoch.as_uuid())
                    .bind(stream.as_str())
                    .bind(ranges)
                    .execute(db)
                    .map_ok(|done| done.rows_affected())
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(seq: u64) -> RecordName {
        RecordName { bridge: "roof".parse().unwrap(), epoch: Epoch::from_random(1), stream: Stream::Ingest, seq }
    }

    #[test]
    fn a_stream_full_of_holes_takes_only_what_fills_them() {
        let mut streams = Streams(BTreeMap::new());
        for hole in 0..MAX_RANGES as u64 {
            assert_eq!(streams.take(&numbered(10 * hole + 1)), Verdict::New);
        }
        assert_eq!(streams.take(&numbered(1_000_000)), Verdict::TooManyGaps);
        assert_eq!(streams.take(&numbered(1)), Verdict::Known);
        assert_eq!(streams.take(&numbered(2)), Verdict::New);
        assert_eq!(streams.take(&numbered(u64::MAX)), Verdict::TooLarge);
    }
}
