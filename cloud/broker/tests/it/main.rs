//! The broker as its clients know it: ours, and those of Debian's mosquitto-clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod bounds;
mod client;
mod delivery;
mod foreign;
mod house;
mod life;
mod logins;
mod raw;
mod throughput;
mod tls;
