//! The part of the command line that is about everything but bridges.

use crate::cli::Mosquitto;
use clap::{Args, Subcommand, ValueEnum};
use kosmo_domain::{BridgeId, NodeId, Plan};
use kosmo_store::users::{GroupName, Handle};
use std::path::PathBuf;
use uuid::Uuid;

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

/// A firmware that simulated radios behave like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Firmware {
    /// 2.7.26, as it was recorded
    #[value(name = "2.7")]
    V27,
    /// 2.8, as far as its source tells
    #[value(name = "2.8")]
    V28,
    /// 2.8 before its release, which does not know its own private packets again
    #[value(name = "2.8-alpha")]
    V28Alpha,
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

/// Manages what nodes publish themselves.
#[derive(Debug, Subcommand)]
pub enum Uplink {
    /// Let a node publish to the broker, and print its password, once
    Add {
        /// The name of its login: 1 to 32 characters of a-z, 0-9 and `-`
        name: BridgeId,
        /// The node, like '!a1b2c3d4'; it can publish as this gateway alone
        #[arg(long, value_name = "NODE")]
        node: NodeId,
        /// Also tell it what others publish on the channels that it asks for: as on the air, and who sent how much to whom
        #[arg(long)]
        downlink: bool,
        /// The files of an outside Mosquitto.
        #[command(flatten)]
        mosquitto: Mosquitto,
    },
    /// List the logins, the gateways that were heard of last, and of whom too much came
    List,
    /// Take a node's login away; what it published stays
    Revoke {
        /// The name of its login
        name: BridgeId,
        /// The files of an outside Mosquitto.
        #[command(flatten)]
        mosquitto: Mosquitto,
    },
    /// Take no more packets of a node, or that a gateway publishes
    Deny {
        /// The node, like '!a1b2c3d4'
        node: NodeId,
        /// As what it is meant, if not as both
        #[arg(long = "as", value_enum, value_name = "ROLE")]
        role: Option<UplinkRole>,
    },
    /// Take a node's packets again
    Allow {
        /// The node, like '!a1b2c3d4'
        node: NodeId,
        /// As what it is meant, if not as both
        #[arg(long = "as", value_enum, value_name = "ROLE")]
        role: Option<UplinkRole>,
    },
}

/// As what a node is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UplinkRole {
    /// As who sends packets
    Node,
    /// As who publishes those of others
    Gateway,
}

/// Manages channels.
#[derive(Debug, Subcommand)]
pub enum Channel {
    /// Add a channel by name and key; what is learnt on it is for nobody until it is published
    Add {
        /// What the radios call it, exactly; without a name of its own it is called like its preset: LongFast, MediumSlow, …
        name: String,
        /// Its key in Base64, as the apps show it: `AQ==` is everybody's. Other users of this machine can read it off the command
        #[arg(long, value_name = "BASE64", required_unless_present = "key_file", conflicts_with = "key_file")]
        key: Option<String>,
        /// The file that holds its key in Base64; `-` is standard input
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// Publish it at once
        #[arg(long)]
        public: bool,
    },
    /// List the channels, without their keys
    List,
    /// Let everybody see what is learnt on a channel from now on, of nodes that agree to it
    Publish {
        /// Its name, or the beginning of its id
        channel: String,
    },
    /// Let nobody see what is learnt on a channel from now on
    Hide {
        /// Its name, or the beginning of its id
        channel: String,
    },
    /// Show what is said on a channel, private or not, the latest last
    Read {
        /// Its name, or the beginning of its id
        channel: String,
        /// How many texts to show
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        last: u32,
    },
    /// Send a text to everybody on a channel; nobody can confirm for everybody, so it is never delivered
    Send {
        /// Its name, or the beginning of its id
        channel: String,
        /// In whose name
        #[arg(long = "as", value_name = "HANDLE")]
        sender: Handle,
        /// How many minutes it may wait for a radio
        #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_080))]
        minutes: u32,
        /// What to say; with the handle before it, at most 200 bytes
        text: String,
    },
    /// Forget a channel and its key; what was learnt on it stays
    Remove {
        /// Its name, or the beginning of its id
        channel: String,
    },
}

/// Arguments of `kosmo route`.
#[derive(Debug, Args)]
pub struct Route {
    /// The node
    pub node: NodeId,
    /// The bridge that asks; may be left out if there is one
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<BridgeId>,
    /// How many seconds to wait for the answer
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub wait: u64,
}

/// Arguments of `kosmo sim`.
#[derive(Debug, Args)]
pub struct Sim {
    /// The mesh.
    #[command(flatten)]
    pub mesh: Mesh,
    /// Play the scenario in FILE instead of the built-in region; docs/simulator.md says how they are written
    #[arg(long, value_name = "FILE", conflicts_with_all = ["radios", "every"])]
    pub scenario: Option<PathBuf>,
    /// Write each transmission to FILE, as a line of JSON
    #[arg(long, value_name = "FILE")]
    pub air_log: Option<PathBuf>,
    /// Offer no radios: let N hours pass as fast as they can be computed, and say what came of them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=8_784))]
    pub ahead: Option<u64>,
    /// Have the radios behave like this firmware
    #[arg(long, value_enum, default_value = "2.7")]
    pub firmware: Firmware,
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

/// What `kosmo import` reads. It may be repeated: nothing is there twice, and what is new in the file is added.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// The SQLite database of MeshMonitor, versions 3 and 4
    Meshmonitor(ImportFile),
    /// The SQLite database of Meshview, version 3
    Meshview(ImportFile),
}

/// A file that is taken over.
#[derive(Debug, Args)]
pub struct ImportFile {
    /// The database; it is read alone, and its program may go on running
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show its nodes to everybody: their owners agree to it. Else they are shown once they say so on the air
    #[arg(long)]
    pub agreed: bool,
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
