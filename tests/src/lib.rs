//! The harness of the whole-system tests: the real binary on free ports, a mesh whose every packet is known, and a client
//! of both ends.
//!
//! Nothing here returns an error: a test whose system does not start fails, with the system's own words.
#![expect(clippy::missing_panics_doc, reason = "a test whose system does not do as it is told ends there, with its words")]

mod air;
mod api;
mod bridge;
pub mod chaos;
mod patience;
mod process;
mod system;

pub use crate::{
    air::{Air, environment, now},
    api::Api,
    bridge::BridgeProcess,
    patience::until,
    process::{Env, Kosmo, kosmo, kosmo_with, memory_mb},
    system::{Footing, Setup, System, Way},
};
