//! The command line. What stands above a field is what `--help` shows.

mod bridge;
#[cfg(feature = "cloud")]
mod cloud;

pub use crate::cli::bridge::*;
#[cfg(feature = "cloud")]
pub use crate::cli::cloud::*;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// KosmoConnect: weather stations on a Meshtastic mesh, from the radio to the web page.
#[derive(Debug, Parser)]
#[command(name = "kosmo", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Read settings from FILE instead of ./kosmo.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
    /// Keep everything in DIR [default: ./data; for `demo`: ./data/demo]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    pub data: Option<PathBuf>,
    /// Log from LEVEL on: error, warn, info, debug, trace
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Settings")]
    pub log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine: broker, services, web page, and a bridge for each radio
    #[cfg(feature = "cloud")]
    Up(Up),
    /// Run everything with a simulated mesh and a week of history, in a data folder of its own
    #[cfg(feature = "cloud")]
    Demo(Demo),
    /// Run chosen services against a shared database and an MQTT broker
    #[cfg(feature = "cloud")]
    Serve(Serve),
    /// Run a bridge beside a radio, ask how it is, or manage the logins of bridges
    Bridge(BridgeCommand),
    /// Say what is wrong with this machine, its radio and its way to the broker, and what to do about it
    Doctor(Doctor),
    /// Manage the members who may write to the mesh
    #[cfg(feature = "cloud")]
    #[command(subcommand)]
    User(User),
    /// Manage groups of nodes, which members can be let write to
    #[cfg(feature = "cloud")]
    #[command(subcommand)]
    Group(Group),
    /// Manage the channels whose packets can be read, and what of them everybody may see
    #[cfg(feature = "cloud")]
    #[command(subcommand)]
    Channel(Channel),
    /// Manage the logins of nodes that publish what they hear themselves, and whose packets are not taken
    #[cfg(feature = "cloud")]
    #[command(subcommand)]
    Uplink(Uplink),
    /// Have a bridge ask for the way to a node, and say what it finds; it costs everybody on the way some air
    #[cfg(feature = "cloud")]
    Route(Route),
    /// Say what nodes measure on their bearers (health metrics), where `bridge.health_metrics` has bridges pass it on; nobody else is told
    #[cfg(feature = "cloud")]
    Vitals,
    /// Run a mesh of simulated radios that any Meshtastic client can connect to
    #[cfg(feature = "cloud")]
    Sim(Sim),
    /// Bring the database's schema up to date
    #[cfg(feature = "cloud")]
    Migrate,
    /// Write a backup of the database into a new folder, while everything goes on
    #[cfg(feature = "cloud")]
    Backup(Backup),
    /// Put a backup in the place of the database; nothing may use it meanwhile
    #[cfg(feature = "cloud")]
    Restore(Restore),
    /// Ask a running service whether it is ready; for containers and supervisors
    #[cfg(feature = "cloud")]
    Healthcheck(Healthcheck),
    /// Take over what another program has kept of the mesh: nodes, places, readings, and what was said to everybody
    #[cfg(feature = "cloud")]
    #[command(subcommand)]
    Import(Import),
    /// Look at input that was refused, and try it again
    #[cfg(feature = "cloud")]
    #[command(subcommand)]
    Rejects(Rejects),
    /// Look at the work that waits to be done
    #[cfg(feature = "cloud")]
    #[command(subcommand)]
    Jobs(Jobs),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with the settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Print the settings in force, and where each comes from; secrets are masked
    Show,
    /// Tell whether the settings are right, and what is wrong
    Check,
    /// Print every setting with its default and its meaning
    Example,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }
}
