//! The contract of the store, kept by both databases: every test runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that does not get what it needs has failed")]

#[macro_use]
mod stores;

mod bridges;
mod history;
mod ingest;
mod jobs;
mod nodes;
mod opening;
mod rejects;
mod rollups;
mod schema;
mod spools;
mod workers;
