//! The bridge between a radio that replays recordings and a real broker, and its spool by itself.

#![expect(clippy::unwrap_used, reason = "a test that does not get what it needs has failed")]

mod cable;
mod cloud;
mod expected;
mod full_disk;
mod health;
mod later;
mod log;
mod mesh;
mod outage;
mod proxy;
mod radio;
mod recordings;
mod replaced;
mod serial;
mod share;
mod spool;
mod spool_model;
mod status;
mod texts;
mod trouble;
mod waiting;
mod world;
