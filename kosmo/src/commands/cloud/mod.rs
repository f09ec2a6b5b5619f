//! The commands of everything that is not the daemon beside a radio, one module each.

mod backup;
mod channels;
mod chat;
mod demo;
mod groups;
mod healthcheck;
mod import;
mod jobs;
mod logins;
mod members;
mod migrate;
mod mosquitto;
mod rejects;
mod route;
mod serve;
mod sim;
mod up;
mod uplinks;
mod users;
mod vitals;

pub(super) use backup::exit_code;

use crate::{
    cli::{BridgeCommand, Cli, Command, Demo, Ports, Serve, Up},
    config::{Config, Secret},
    listen,
};
use anyhow::{Context as _, Result};
use figment::value::Value;
use kosmo_store::Store;
use std::path::Path;

/// Does what one of these commands says.
pub(super) async fn run(command: Command, config: Config) -> Result<()> {
    match command {
        Command::Up(args) => up::run(args, config).await,
        Command::Demo(args) => demo::run(args, config).await,
        Command::Serve(args) => serve::run(args, config).await,
        Command::Bridge(BridgeCommand { command: Some(command), .. }) => logins::run(command, &config).await,
        Command::User(command) => users::run(command, &config).await,
        Command::Group(command) => groups::run(command, &config).await,
        Command::Route(command) => route::run(command, &config).await,
        Command::Vitals => vitals::run(&config).await,
        Command::Channel(command) => channels::run(command, &config).await,
        Command::Uplink(command) => uplinks::run(command, &config).await,
        Command::Sim(args) => sim::run(args, &config).await,
        Command::Migrate => migrate::run(&config).await,
        Command::Backup(args) => backup::back_up(args, &config).await,
        Command::Restore(args) => backup::restore(args, &config).await,
        Command::Healthcheck(args) => healthcheck::run(args, &config).await,
        Command::Import(command) => import::run(command, &config).await,
        Command::Rejects(command) => rejects::run(command, &config).await,
        Command::Jobs(command) => jobs::run(command, &config).await,
        Command::Bridge(BridgeCommand { command: None, .. }) | Command::Doctor(_) | Command::Config(_) => {
            unreachable!("these are every build's")
        }
    }
}

/// Real readings and simulated ones never share a folder, whatever the settings say.
pub(super) fn apart(mut config: Config, cli: &Cli) -> Config {
    if let (Command::Demo(_), None) = (&cli.command, &cli.global.data) {
        config.data.dir = config.data.dir.join("demo");
        config.database.url = Secret::default();
    }
    config
}

/// Hands the flags of these commands that stand for settings to `set`.
pub(super) fn flags(command: &Command, mut set: impl FnMut(&'static str, &'static str, Option<Value>)) {
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let (ports, mqtt_port): (Option<&Ports>, _) = match command {
        Command::Up(up) => {
            set("--radio", "bridge.radios", (!up.radio.is_empty()).then(|| up.radio.clone().into()));
            (Some(&up.ports), up.mqtt_port)
        }
        Command::Demo(demo) => (Some(&demo.ports), demo.mqtt_port),
        Command::Serve(serve) => {
            set("--database", "database.url", text(&serve.database));
            set("--mqtt", "mqtt.url", text(&serve.mqtt));
            (Some(&serve.ports), None)
        }
        _ => (None, None),
    };
    set("--mqtt-port", "broker.port", mqtt_port.map(Value::from));
    if let Some(base) = ports.and_then(|ports| ports.port_base) {
        for (offset, key) in (0..).zip(["http.web_port", "http.ingestion_port", "http.weather_port", "http.gateway_port"]) {
            // Zero is "any free port", and has no neighbours.
            let port = if base == 0 { 0 } else { u64::from(base) + offset };
            set("--port-base", key, Some(Value::from(port)));
        }
    }
}

/// Removes the list of addresses of a program that was killed, which would be taken for this one's.
pub(super) fn remove_ready_file(command: &Command) {
    if let Some(path) = ready_file(command) {
        listen::remove_ready_file(path);
    }
}

fn ready_file(command: &Command) -> Option<&Path> {
    match command {
        Command::Up(Up { ports, .. }) | Command::Demo(Demo { ports, .. }) | Command::Serve(Serve { ports, .. }) => {
            ports.ready_file.as_deref()
        }
        Command::Sim(sim) => sim.ready_file.as_deref(),
        _ => None,
    }
}

/// Opens the database for a command that works beside whatever serves from it. An empty one gets its schema.
async fn open_store(config: &Config) -> Result<Store> {
    let store = open_beside(config).await?;
    match store.check_schema().await {
        Err(kosmo_store::Error::SchemaTooOld { found: 0, .. }) => store.migrate().await?,
        checked => checked?,
    }
    Ok(store)
}

/// Opens the database, whatever schema it has.
async fn open_beside(config: &Config) -> Result<Store> {
    if config.database.url.is_empty() {
        crate::output::private_folder(&config.data.dir)?;
    }
    Store::open(&config.database()).await.context("the database cannot be opened")
}
