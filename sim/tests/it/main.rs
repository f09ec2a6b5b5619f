//! What a client of the simulated mesh notices.
#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod client;
mod history;
mod messages;
mod official;
mod radio;
mod scenario;
mod weather;
