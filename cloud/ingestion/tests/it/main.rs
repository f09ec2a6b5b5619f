//! What ingestion makes of what bridges, and others, publish.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod decoding;
mod golden;
mod harness;
mod importing;
mod journey;
mod network;
mod outage;
mod replaying;
mod retention;
mod uplinks;
