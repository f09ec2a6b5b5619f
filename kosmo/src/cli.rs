//! The command line. What stands above a field is what `--help` shows.

use clap::{Args, Parser, Subcommand, ValueEnum};
use kosmo_domain::{BridgeId, NodeId, Plan};
use kosmo_store::users::{GroupName, Handle};
use std::path::PathBuf;
use uuid::Uuid;

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
    Up(Up),
    /// Run everything with a simulated mesh and a week of history, in a data folder of its own
    Demo(Demo),
    /// Run chosen services against a shared database and an MQTT broker
    Serve(Serve),
    /// Run a bridge beside a radio, or manage the logins of bridges
    Bridge(BridgeCommand),
    /// Manage the members who may write to the mesh
    #[command(subcommand)]
    User(User),
    /// Manage groups of nodes, which members can be let write to
    #[command(subcommand)]
    Group(Group),
    /// Run a mesh of simulated radios that any Meshtastic client can connect to
    Sim(Sim),
    /// Bring the database's schema up to date
    Migrate,
    /// Write a backup of the database into a new folder, while everything goes on
    Backup(Backup),
    /// Put a backup in the place of the database; nothing may use it meanwhile
    Restore(Restore),
    /// Ask a running service whether it is ready; for containers and supervisors
    Healthcheck(Healthcheck),
    /// Look at input that was refused, and try it again
    #[command(subcommand)]
    Rejects(Rejects),
    /// Look at the work that waits to be done
    #[command(subcommand)]
    Jobs(Jobs),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Where a serving command listens.
#[derive(Debug, Args)]
pub struct Ports {
    /// Take ports N (web), N+1 (ingestion), N+2 (weather) and N+3 (gateway); 0 takes any free ones
    #[arg(long, value_name = "N", help_heading = "Ports")]
    pub port_base: Option<u16>,
    /// Once everything is ready, write the addresses to FILE as JSON
    #[arg(long, value_name = "FILE", help_heading = "Ports")]
    pub ready_file: Option<PathBuf>,
}

/// Arguments of `kosmo up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Attach a radio: serial:/dev/ttyACM0, tcp://t-deck.local, tcp://HOST:PORT; may be given several times
    #[arg(long, value_name = "URL")]
    pub radio: Vec<String>,
    /// Let the MQTT broker listen on port N; 0 takes any free one
    #[arg(long, value_name = "N", help_heading = "Ports")]
    pub mqtt_port: Option<u16>,
    /// Where to listen.
    #[command(flatten)]
    pub ports: Ports,
}

/// Arguments of `kosmo demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// The mesh.
    #[command(flatten)]
    pub mesh: Mesh,
    /// Let the MQTT broker listen on port N; 0 takes any free one
    #[arg(long, value_name = "N", help_heading = "Ports")]
    pub mqtt_port: Option<u16>,
    /// Where to listen.
    #[command(flatten)]
    pub ports: Ports,
}

/// A simulated mesh.
#[derive(Debug, Args)]
pub struct Mesh {
    /// Offer the radios on 127.0.0.1, ports N, N+1, …; 0 takes any free ones
    #[arg(long, value_name = "N", default_value_t = 4403, help_heading = "Ports")]
    pub radio_port: u16,
    /// Offer N radios
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=4))]
    pub radios: u16,
    /// Draw weather and losses from seed N; the same seed gives the same mesh
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Seconds between the readings of a station
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub every: u64,
}

/// A service that can run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Service {
    /// Writes what bridges send into the database
    Ingestion,
    /// Answers questions about weather and nodes
    Weather,
    /// Carries texts between members and the mesh
    Gateway,
    /// The web page, with every API on one port
    Web,
}

impl Service {
    /// Every service, the page last, which answers for the others.
    pub const ALL: [Self; 4] = [Self::Ingestion, Self::Weather, Self::Gateway, Self::Web];
}

/// Arguments of `kosmo serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The services
    #[arg(required = true, value_enum)]
    pub services: Vec<Service>,
    /// The database [setting: database.url]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// The MQTT broker [setting: mqtt.url]
    #[arg(long, value_name = "URL")]
    pub mqtt: Option<String>,
    /// Where to listen.
    #[command(flatten)]
    pub ports: Ports,
}

/// Arguments of `kosmo bridge`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BridgeCommand {
    /// What to do with logins, if that is it.
    #[command(subcommand)]
    pub command: Option<Logins>,
    /// The radio: serial:/dev/ttyACM0, tcp://t-deck.local, tcp://HOST:PORT
    #[arg(long, value_name = "URL", required = true)]
    pub radio: Option<String>,
    /// The MQTT broker: mqtt://HOST:PORT or mqtts://HOST:PORT [setting: mqtt.url]
    #[arg(long, value_name = "URL")]
    pub mqtt: Option<String>,
    /// The bridge's name, which is also its login
    #[arg(long, value_name = "NAME", required = true)]
    pub id: Option<BridgeId>,
    /// The file that holds its secret [setting: mqtt.password_file]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// Manages the logins of bridges.
#[derive(Debug, Subcommand)]
pub enum Logins {
    /// Add a bridge, and print its secret, once
    Add {
        /// Its name: 1 to 32 characters of a-z, 0-9 and `-`
        id: BridgeId,
        /// The files of an outside Mosquitto.
        #[command(flatten)]
        mosquitto: Mosquitto,
    },
    /// List the bridges, and what they last said of themselves
    List,
    /// Let ingestion and the gateway log in to an outside Mosquitto, and print their secrets, once
    Services {
        /// Keep Mosquitto's password file FILE up to date
        #[arg(long, value_name = "FILE")]
        mosquitto_passwords: PathBuf,
        /// Keep Mosquitto's ACL file FILE up to date
        #[arg(long, value_name = "FILE")]
        mosquitto_acl: PathBuf,
    },
    /// Take a bridge's login away; what it delivered stays
    Revoke {
        /// Its name
        id: BridgeId,
        /// The files of an outside Mosquitto.
        #[command(flatten)]
        mosquitto: Mosquitto,
    },
}

/// The files of an outside Mosquitto.
#[derive(Debug, Args)]
pub struct Mosquitto {
    /// Also keep Mosquitto's password file FILE up to date
    #[arg(long, value_name = "FILE", requires = "mosquitto_acl")]
    pub mosquitto_passwords: Option<PathBuf>,
    /// Also keep Mosquitto's ACL file FILE up to date
    #[arg(long, value_name = "FILE", requires = "mosquitto_passwords")]
    pub mosquitto_acl: Option<PathBuf>,
}

/// Manages members.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a member, and print the member's id
    Add {
        /// What the mesh calls the member: 1 to 20 characters of a-z, 0-9, `-` and `_`
        handle: Handle,
        /// What the member may send: free, wanderer, guardian or sanctuary
        #[arg(long)]
        plan: Plan,
        /// The member's id, if it is not to be drawn
        #[arg(long, value_name = "UUID")]
        id: Option<Uuid>,
        /// Whom the member may write to besides.
        #[command(flatten)]
        list: Listed,
    },
    /// List the members
    List,
    /// Give a member another plan, whose first period begins at once
    Plan {
        /// The member
        handle: Handle,
        /// What the member may send: free, wanderer, guardian or sanctuary
        plan: Plan,
    },
    /// Put nodes on a guardian's list
    Allow {
        /// The member
        handle: Handle,
        /// Whom the member may write to.
        #[command(flatten)]
        list: Listed,
    },
    /// Take nodes off a guardian's list
    Forbid {
        /// The member
        handle: Handle,
        /// Whom the member may no longer write to.
        #[command(flatten)]
        list: Listed,
    },
}

/// The nodes on a member's list, singly and by group.
#[derive(Debug, Args)]
pub struct Listed {
    /// This node, like '!a1b2c3d4'; may be given several times
    #[arg(long = "node", value_name = "NODE")]
    pub nodes: Vec<NodeId>,
    /// The nodes of this group; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<GroupName>,
}

/// Manages groups of nodes.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// Put nodes into a group, which is made if there is none of this name
    Add {
        /// Its name: 1 to 20 characters of a-z, 0-9, `-` and `_`
        group: GroupName,
        /// The nodes, like '!a1b2c3d4'
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<NodeId>,
    },
    /// Take nodes out of a group; one without nodes is none
    Remove {
        /// Its name
        group: GroupName,
        /// The nodes
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<NodeId>,
    },
    /// List the groups
    List,
}

/// Arguments of `kosmo sim`.
#[derive(Debug, Args)]
pub struct Sim {
    /// The mesh.
    #[command(flatten)]
    pub mesh: Mesh,
    /// Once the radios can be connected to, write their addresses to FILE as JSON
    #[arg(long, value_name = "FILE", help_heading = "Ports")]
    pub ready_file: Option<PathBuf>,
}

/// Arguments of `kosmo backup`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 4 refused (the folder exists), 3 what was written is not what was read, 1 anything else")]
pub struct Backup {
    /// The folder that the backup becomes
    #[arg(value_name = "FOLDER")]
    pub to: PathBuf,
    /// Print what is in it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `kosmo restore`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 4 refused, 3 the backup is none or not as it was written, 1 anything else; \
                        unless it is done, what was there is as it was")]
pub struct Restore {
    /// The backup's folder
    #[arg(value_name = "FOLDER")]
    pub from: PathBuf,
    /// Set aside what is there, if anything is
    #[arg(long)]
    pub force: bool,
    /// Print what was restored as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `kosmo healthcheck`.
#[derive(Debug, Args)]
pub struct Healthcheck {
    /// Which service to ask, at its configured port
    #[arg(value_enum, default_value = "web")]
    pub service: Service,
    /// Ask at this address instead, like http://127.0.0.1:8000
    #[arg(long, value_name = "URL", conflicts_with = "service")]
    pub url: Option<String>,
}

/// What to do with refused input.
#[derive(Debug, Subcommand)]
pub enum Rejects {
    /// List what was refused, newest first
    List {
        /// Only with this code
        #[arg(long)]
        code: Option<String>,
        /// Only from this bridge
        #[arg(long, value_name = "NAME")]
        bridge: Option<BridgeId>,
        /// Also what was replayed successfully
        #[arg(long)]
        all: bool,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
    /// Show one reject with its payload
    Show {
        /// Its number
        number: i64,
    },
    /// Put rejects through the validation again; what it accepts this time takes effect
    Replay {
        /// Only those with this code
        #[arg(long)]
        code: Option<String>,
        /// Only those from this bridge
        #[arg(long, value_name = "NAME")]
        bridge: Option<BridgeId>,
    },
}

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List what waits
    List {
        /// List what was given up instead
        #[arg(long)]
        dead: bool,
    },
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
