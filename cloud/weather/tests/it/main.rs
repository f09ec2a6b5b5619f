//! What a client of the weather API sees, on a real database.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod contract;
mod export;
mod map;
mod mesh;
mod nodes;
mod refusals;
mod series;
mod waypoints;
mod weather;
