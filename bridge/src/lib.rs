//! The bridge daemon: what a radio hears goes into a spool on disk, and from there to the cloud until it is answered for.
//!
//! ```text
//! radio -- link -- session -- convert -- intake -- spool -- uplink -- broker
//! ```
//! [`run()`] is the loop that ties them together. The radio's protocol is `kosmo-meshtastic`, the cloud's `kosmo-contract`.

mod config;
mod convert;
mod counters;
mod intake;
mod link;
mod radio;
mod record;
mod run;
pub mod spool;
mod told;
mod uplink;

pub use crate::{
    config::{Config, Deps, Pace},
    counters::Counter,
    link::{DEFAULT_PORT, LinkPatience, RadioUrl, RadioUrlError},
    record::{Body, Kind, NewRecord},
    run::{Error, run},
};
