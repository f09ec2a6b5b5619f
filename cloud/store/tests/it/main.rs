//! The contract of the store, kept by both databases: every test runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that does not get what it needs has failed")]

#[macro_use]
mod stores;

mod accepting;
mod answers;
mod backups;
mod bridges;
mod channels;
mod clocks;
mod conversations;
mod deliveries;
mod following;
mod full_disk;
mod grants;
mod history;
mod holding;
mod ingest;
mod jobs;
mod leases;
mod listening;
mod map;
mod members;
mod network;
mod nodes;
mod opening;
mod outbound;
mod packets;
mod privacy;
mod quota_model;
mod receipts;
mod rejects;
mod rollups;
mod schema;
mod spools;
mod uplinks;
mod waypoints;
mod workers;
