//! The bridge daemon: what a radio hears goes into a spool on disk, and from there to the cloud until it is answered for.
//!
//! ```text
//! radio -- link -- session -- convert -- intake -- spool -- uplink -- broker
//!                    |                               |         |
//!                    '------------- outbound --------+---------'
//! ```
//! Texts go the other way, from offers to the radio, by [`outbound`](crate::outbound) and the same spool.
//! [`run()`] is the loop that ties them together. The radio's protocol is `kosmo-meshtastic`, the cloud's `kosmo-contract`.

mod config;
mod convert;
mod counters;
pub mod health;
mod intake;
mod link;
pub mod local;
mod outbound;
pub mod probe;
mod proxy;
mod pulse;
mod radio;
mod record;
mod run;
mod share;
pub mod spool;
mod told;
mod uplink;

pub use crate::{
    config::{Config, Deps, Pace},
    counters::Counter,
    link::{DEFAULT_BAUD, DEFAULT_PORT, LinkPatience, Places, RadioUrl, RadioUrlError},
    proxy::ProxyConfig,
    pulse::Pulse,
    record::{Body, Kind, NewRecord},
    run::{Error, run},
    share::ShareConfig,
};
