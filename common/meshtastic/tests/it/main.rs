//! The protocol against recordings of the real firmware, and against noise.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing to unwrap has failed")]

mod evidence;
mod fixtures;
mod frames;
mod framing;
mod noise;
mod official;
mod recordings;
mod replays;
mod resync;
mod sending;
mod session;
