//! The cloud's only SQL: SQLite or PostgreSQL behind one concrete [`Store`].
//!
//! A method is a whole use-case and owns its transaction; the time is always an argument. Statements are written once
//! where both databases take them, and in two arms, with a comment on what differs, where they do not.
//! Every method is run by one contract suite on both.

pub mod backup;
mod bridges;
mod changes;
mod channels;
mod clock;
mod database;
mod db;
mod error;
pub mod foreign;
pub mod ingest;
pub mod jobs;
mod leases;
mod listening;
mod live;
mod logins;
pub mod messages;
pub mod network;
pub mod packets;
mod patience;
mod pool;
pub mod rejects;
mod schema;
mod secret;
mod signals;
mod timescale;
mod types;
pub mod uplinks;
pub mod users;
mod vault;
mod wal;
pub mod waypoints;
pub mod weather;

pub use crate::{
    bridges::{BridgeAdded, BridgeRow, MAX_STATUS},
    changes::{Change, Changes, NodeChange},
    channels::{
        ChannelAdded, ChannelRow, ChannelSource, MAX_CHANNEL_NAME, MAX_CHANNELS, NewChannel, OpenChannel, OpenChannels, Visibility,
    },
    database::{Database, DatabaseUrlError},
    db::Store,
    error::{Constraint, Error, Result},
    listening::{GapRow, ListenerRow},
    live::LiveNode,
    logins::{Login, LoginKind, LoginRow},
    patience::{ANSWERS_WITHIN, in_time},
    secret::{Secret, SecretHash},
    vault::{Vault, VaultKeyError},
};
