//! The bridge between a radio that replays recordings and a real broker, and its spool by itself.

#![expect(clippy::unwrap_used, reason = "a test that does not get what it needs has failed")]

mod cloud;
mod expected;
mod mesh;
mod outage;
mod radio;
mod recordings;
mod serial;
mod spool;
mod spool_model;
mod status;
mod texts;
mod world;
