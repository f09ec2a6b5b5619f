//! KosmoConnect in one binary: command line, configuration, logging, and the composition of all the other crates.
//!
//! Nothing here knows anything of weather or radios. Each command reads the configuration, opens what it needs, hands
//! clocks, randomness, listeners and shutdown tokens to the crates that do the work, and waits.

pub mod banner;
pub mod bridging;
pub mod cli;
pub mod commands;
pub mod config;
pub mod lifecycle;
pub mod listen;
pub mod logging;
pub mod output;
pub mod patience;
pub mod secrets;
pub mod serving;
pub mod system;
