//! The contract of the store, kept by both databases: every test runs on SQLite and on PostgreSQL.

#[macro_use]
mod stores;

mod bridges;
mod jobs;
mod opening;
mod rejects;
mod schema;
mod workers;
