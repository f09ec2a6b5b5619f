//! What a batch of records does to the spool: they get their numbers, and the oldest telemetry goes if there is no room.

use crate::{
    record::NewRecord,
    spool::file::{self, Content},
};
use kosmo_domain::{BridgeId, Epoch, Stream};
use sqlx::SqliteConnection;

/// What SQLite needs for a record besides its payload, roughly; counted against the cap.
const ROW_OVERHEAD: u64 = 32;
/// How many of the oldest records are looked at in one go when room is to be made.
const DROP_STEP: usize = 256;

/// What a transaction makes of the content; it counts only after the commit.
pub(super) struct Change {
    pub(super) ingest: Content,
    pub(super) gateway: Content,
    pub(super) dropped: Vec<u64>,
}

impl Change {
    /// Appends records, and drops what has to go for them.
    pub(super) async fn append(
        &mut self,
        db: &mut SqliteConnection,
        batch: &[NewRecord],
        bridge: &BridgeId,
        epoch: Epoch,
        cap: u64,
    ) -> sqlx::Result<()> {
        let first = self.ingest.last_seq + 1;
        let payloads: Vec<_> = batch.iter().map(|record| (record.kind(), self.number(record, bridge, epoch))).collect();
        // Room is made before it is taken: on a full disk what is dropped is all the room there is.
        self.make_room(db, cap, first).await?;
        for (kind, (seq, payload)) in payloads {
            file::insert(db, seq, kind, &payload).await?;
        }
        self.make_room(db, cap, u64::MAX).await?;
        file::set_last_seq(db, Stream::Ingest, self.ingest.last_seq).await?;
        file::set_last_seq(db, Stream::Gateway, self.gateway.last_seq).await
    }

    /// Gives a record its number, and counts it.
    fn number(&mut self, record: &NewRecord, bridge: &BridgeId, epoch: Epoch) -> (u64, Vec<u8>) {
        let content = match record.stream() {
            Stream::Ingest => &mut self.ingest,
            Stream::Gateway => &mut self.gateway,
        };
        let payload = record.payload(bridge, epoch, content.last_seq + 1);
        content.add(payload.len() as u64);
        (content.last_seq, payload)
    }

    /// Drops the oldest telemetry numbered below `end` until the cap is kept, or none is left.
    async fn make_room(&mut self, db: &mut SqliteConnection, cap: u64, end: u64) -> sqlx::Result<()> {
        while self.ingest.cost() + self.gateway.cost() > cap {
            let mut last = None;
            for (seq, bytes) in file::oldest(db, Stream::Ingest, DROP_STEP).await? {
                if seq >= end || self.ingest.cost() + self.gateway.cost() <= cap {
                    break;
                }
                self.ingest.remove(bytes);
                self.dropped.push(seq);
                last = Some(seq);
            }
            let Some(last) = last else { break };
            file::delete(db, Stream::Ingest, 0, last).await?;
        }
        Ok(())
    }
}

impl Content {
    /// Takes in a record with the next number.
    const fn add(&mut self, bytes: u64) {
        self.last_seq += 1;
        self.records += 1;
        self.bytes += bytes;
    }

    pub(super) const fn remove(&mut self, bytes: u64) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    pub(super) const fn cost(&self) -> u64 {
        self.bytes + self.records * ROW_OVERHEAD
    }
}
