//! Readings and node reports from MQTT into the store: validate, batch, commit, then acknowledge.
//!
//! A bridge keeps a record until it is told that the record is committed or rejected, so nothing is said before the
//! database has it. Everything refused is counted and kept as it came, with the reason, and [`replay`] takes it through
//! the same validation again.

mod ack;
mod batch;
mod channels;
mod commit;
mod decode;
pub mod import;
mod ingestion;
pub mod network;
mod packet_log;
pub mod packets;
mod reason;
mod replay;
mod telemetry;
mod upkeep;
pub mod uplink;
mod will;

pub use crate::{
    decode::{Decoded, Rules, decode},
    ingestion::{Config, Ingestion},
    replay::{Replayed, replay},
};
