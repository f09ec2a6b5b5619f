//! What members and bridges see of the gateway, on a real database and a real broker.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod answers;
mod bridge;
mod contract;
mod ends;
mod hostile;
mod house;
mod journey;
mod live;
mod pages;
mod refusals;
mod replaying;
mod taking_back;
