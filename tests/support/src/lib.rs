//! Real servers and clients for tests: PostgreSQL and Mosquitto as Debian ships them, on free loopback ports, ended with the
//! test; and the official Meshtastic client.
//!
//! Nothing here returns an error: a test that cannot have its server fails, with the server's own words.

mod cable;
mod client;
mod cluster;
mod disk;
mod mosquitto;
mod postgres;
mod psql;
mod tether;

pub use crate::{
    cable::Cable,
    client::{Row, official_client},
    cluster::{ClusterOptions, PostgresCluster},
    disk::SmallDisk,
    mosquitto::{Mosquitto, MosquittoOptions},
    postgres::{TestDatabase, cluster_url},
    tether::{signal, spawn},
};
