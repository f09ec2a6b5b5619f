//! Logs packets beside everything else: nothing depends on the log, and so nothing waits for it.
//!
//! A mesh says some packets a second, and all of them are logged. What comes faster than [`AT_ONCE`] packets in each [`EVERY`], as
//! out of a spool after an outage, would fill the log with a few seconds of itself: what is more than that is left out, and counted.

use crate::telemetry::UNLOGGED;
use kosmo_store::{
    Store, in_time,
    packets::{KeepPackets, NewPacket},
};
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};

/// How many packets are logged at once, and how long it is until the next ones are.
const AT_ONCE: usize = 500;
const EVERY: Duration = Duration::from_millis(500);
/// How many wait.
const WAITING: usize = 2_000;

/// Where packets are left that are to be logged. The log ends once it was dropped and what waits is written.
pub(crate) struct PacketLog {
    waiting: Option<mpsc::Sender<NewPacket>>,
}

/// Writes what waits.
pub(crate) struct Writer {
    store: Store,
    keep: KeepPackets,
    patience: Duration,
    waiting: mpsc::Receiver<NewPacket>,
}

impl PacketLog {
    /// Returns a log, and what writes it to the store, which is to be run.
    pub(crate) fn new(store: Store, keep: KeepPackets, patience: Duration) -> (Self, Writer) {
        let (sender, waiting) = mpsc::channel(WAITING);
        (Self { waiting: (keep.number > 0).then_some(sender) }, Writer { store, keep, patience, waiting })
    }

    /// Has packets logged, as far as there is room for them. The others are not even looked at.
    pub(crate) fn add(&self, packets: impl IntoIterator<Item = impl FnOnce() -> Option<NewPacket>>) {
        let Some(waiting) = &self.waiting else { return };
        for packet in packets {
            match waiting.try_reserve() {
                Ok(place) => {
                    if let Some(packet) = packet() {
                        place.send(packet);
                    }
                }
                Err(TrySendError::Full(()) | TrySendError::Closed(())) => metrics::counter!(UNLOGGED).increment(1),
            }
        }
    }
}

impl Writer {
    /// Writes until nobody can leave any more. What waits for its turn then is written at once.
    pub(crate) async fn run(mut self) {
        let mut packets = Vec::with_capacity(AT_ONCE);
        while self.waiting.recv_many(&mut packets, AT_ONCE).await > 0 {
            if let Err(error) = in_time(self.patience, self.store.log_packets(&packets, &self.keep)).await {
                metrics::counter!(UNLOGGED).increment(packets.len() as u64);
                tracing::debug!(%error, packets = packets.len(), "packets are left out of the log");
            }
            packets.clear();
            if !self.waiting.is_closed() {
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::{NodeId, PacketId, Timestamp};
    use kosmo_store::{
        Database,
        ingest::Reception,
        packets::{PacketFilter, Teller},
    };
    use std::cell::Cell;

    fn packet(id: u32) -> NewPacket {
        let at = Timestamp::from_unix_seconds(1_780_000_000);
        NewPacket {
            from: NodeId::from_number(7),
            id: PacketId(id),
            to: None,
            port: Some(67),
            gateway: "roof".to_owned(),
            teller: Teller::Bridge,
            channel: None,
            private: false,
            reception: Reception { at, snr_db: None, rssi_dbm: None, hops_away: None, relay_node: None, via_mqtt: false },
            bytes: None,
            fields: None,
        }
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_is_left_out_and_what_waits_is_written_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") }).await.unwrap();
        store.migrate().await.unwrap();
        let (log, writer) = PacketLog::new(store.clone(), KeepPackets::default(), Duration::from_mins(1));
        let looked_at = Cell::new(0);
        log.add((1..=3_000).map(|id| {
            let looked_at = &looked_at;
            move || {
                looked_at.set(looked_at.get() + 1);
                Some(packet(id))
            }
        }));
        assert_eq!(looked_at.get(), WAITING, "nobody looks at what is not logged");
        drop(log);
        writer.run().await;
        let newest = store.packets(&PacketFilter::default(), None, None, 1).await.unwrap();
        assert_eq!(newest[0].packet_id.0, 2_000, "the first that came are there");
    }
}
