//! KosmoConnect in one binary: command line, configuration, logging, and the composition of all the other crates.
//!
//! Nothing here knows anything of weather or radios. Each command reads the configuration, opens what it needs, hands
//! clocks, randomness, listeners and shutdown tokens to the crates that do the work, and waits.

#[cfg(feature = "cloud")]
pub mod banner;
pub mod bridging;
pub mod cli;
pub mod commands;
pub mod config;
#[cfg(feature = "cloud")]
pub mod heard;
pub mod lifecycle;
#[cfg(feature = "cloud")]
pub mod listen;
pub mod logging;
pub mod output;
#[cfg(feature = "cloud")]
pub mod patience;
#[cfg(feature = "cloud")]
pub mod secrets;
#[cfg(feature = "cloud")]
pub mod serving;
pub mod supervised;
pub mod system;
#[cfg(feature = "cloud")]
pub mod uplinks;
