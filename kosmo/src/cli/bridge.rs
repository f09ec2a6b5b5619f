//! The part of the command line that is about bridges.

use clap::{Args, Subcommand};
use kosmo_domain::BridgeId;
use std::{net::SocketAddr, path::PathBuf};

/// Arguments of `kosmo bridge`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BridgeCommand {
    /// What to do with logins, if that is it.
    #[command(subcommand)]
    pub command: Option<Logins>,
    /// The radio: serial:/dev/ttyACM0[?baud=N], tcp://t-deck.local[:PORT], or auto; several make a bridge each [setting: bridge.radios]
    #[arg(long, value_name = "URL")]
    pub radio: Vec<String>,
    /// The MQTT broker: mqtt://HOST:PORT or mqtts://HOST:PORT [setting: mqtt.url]
    #[arg(long, value_name = "URL")]
    pub mqtt: Option<String>,
    /// The bridge's name, which is also its login; further ones are NAME-2, NAME-3… [setting: bridge.id]
    #[arg(long, value_name = "NAME")]
    pub id: Option<BridgeId>,
    /// The file that holds its secret [setting: mqtt.password_file]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// The folder that holds the secrets of several bridges, each in a file of its name [setting: bridge.secrets_dir]
    #[arg(long, value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
    /// Let other Meshtastic programs use the radio as if it were theirs, at this address, like 127.0.0.1:4450 [setting: bridge.share]
    #[arg(long, value_name = "ADDRESS")]
    pub share: Option<SocketAddr>,
    /// Let them change its settings, too [setting: bridge.share_admin]
    #[arg(long)]
    pub share_admin: bool,
}

/// Arguments of `kosmo doctor`.
#[derive(Debug, Args)]
#[command(after_help = "A bridge that runs is asked; of one that does not, radio and broker are tried, for a quarter of a minute.\n\n\
                        Exit codes: 0 all is well, 5 something works in part, 6 something is broken or does not run, 1 it cannot be found out")]
pub struct Doctor {
    /// The radio [setting: bridge.radios]
    #[arg(long, value_name = "URL")]
    pub radio: Vec<String>,
    /// The bridge's name [setting: bridge.id]
    #[arg(long, value_name = "NAME")]
    pub id: Option<BridgeId>,
    /// The MQTT broker [setting: mqtt.url]
    #[arg(long, value_name = "URL")]
    pub mqtt: Option<String>,
    /// The file that holds its secret [setting: mqtt.password_file]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Manages the logins of bridges, and asks how they are.
#[derive(Debug, Subcommand)]
pub enum Logins {
    /// Add a bridge, and print its secret, once
    #[cfg(feature = "cloud")]
    Add {
        /// Its name: 1 to 32 characters of a-z, 0-9 and `-`
        id: BridgeId,
        /// The files of an outside Mosquitto.
        #[command(flatten)]
        mosquitto: Mosquitto,
    },
    /// List the bridges, and what they last said of themselves
    #[cfg(feature = "cloud")]
    List,
    /// Ask the bridges that run on this machine how they are, and what to do about what is wrong
    #[command(
        after_help = "Exit codes: 0 all is well, 5 something works in part, 6 something is broken or does not run, 1 it cannot be found out"
    )]
    Status {
        /// This one alone
        id: Option<BridgeId>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Let ingestion and the gateway log in to an outside Mosquitto, and print their secrets, once
    #[cfg(feature = "cloud")]
    Services {
        /// Keep Mosquitto's password file FILE up to date
        #[arg(long, value_name = "FILE")]
        mosquitto_passwords: PathBuf,
        /// Keep Mosquitto's ACL file FILE up to date
        #[arg(long, value_name = "FILE")]
        mosquitto_acl: PathBuf,
    },
    /// Take a bridge's login away; what it delivered stays
    #[cfg(feature = "cloud")]
    Revoke {
        /// Its name
        id: BridgeId,
        /// The files of an outside Mosquitto.
        #[command(flatten)]
        mosquitto: Mosquitto,
    },
}

/// The files of an outside Mosquitto.
#[cfg(feature = "cloud")]
#[derive(Debug, Args)]
pub struct Mosquitto {
    /// Also keep Mosquitto's password file FILE up to date
    #[arg(long, value_name = "FILE", requires = "mosquitto_acl")]
    pub mosquitto_passwords: Option<PathBuf>,
    /// Also keep Mosquitto's ACL file FILE up to date
    #[arg(long, value_name = "FILE", requires = "mosquitto_passwords")]
    pub mosquitto_acl: Option<PathBuf>,
}
