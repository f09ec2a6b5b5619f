//! One module per command.

mod backup;
mod bridge;
mod config;
mod demo;
mod groups;
mod healthcheck;
mod jobs;
mod logins;
mod members;
mod migrate;
mod mosquitto;
mod rejects;
mod serve;
mod sim;
mod up;
mod users;

pub use crate::commands::backup::exit_code;

use crate::{
    cli::{BridgeCommand, Cli, Command, ConfigCommand, Demo, Serve, Up},
    config::{Config, Flag, Secret, Sources},
    listen, logging,
};
use anyhow::{Context as _, Result};
use figment::value::Value;
use kosmo_store::Store;
use std::path::Path;

/// Does what the command line says.
///
/// # Errors
/// In words for the person who gave the command.
pub fn run(cli: Cli) -> Result<()> {
    if let Command::Config(command @ (ConfigCommand::Example | ConfigCommand::Check)) = cli.command {
        return config::run_unloaded(command, sources(&cli));
    }
    let loaded = crate::config::load(sources(&cli))?;
    if let Command::Config(command) = cli.command {
        return config::run(command, &loaded);
    }
    logging::start(&loaded.config.log);
    // One of a program that was killed would be taken for this one's.
    ready_file(&cli.command).map(listen::remove_ready_file);
    crate::system::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(loaded.config.limits.worker_threads)
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let mut config = loaded.config;
    if let (Command::Demo(_), None) = (&cli.command, &cli.global.data) {
        // Real readings and simulated ones never share a folder, whatever the settings say.
        config.data.dir = config.data.dir.join("demo");
        config.database.url = Secret::default();
    }
    let outcome = runtime.block_on(run_command(cli.command, config));
    // What is left are threads that wait for a disk or a name server; there is nothing to wait for.
    runtime.shutdown_background();
    outcome
}

async fn run_command(command: Command, config: Config) -> Result<()> {
    match command {
        Command::Up(args) => up::run(args, config).await,
        Command::Demo(args) => demo::run(args, config).await,
        Command::Serve(args) => serve::run(args, config).await,
        Command::Bridge(BridgeCommand { command: Some(command), .. }) => logins::run(command, &config).await,
        Command::Bridge(args) => bridge::run(args, &config).await,
        Command::User(command) => users::run(command, &config).await,
        Command::Group(command) => groups::run(command, &config).await,
        Command::Sim(args) => sim::run(args, &config).await,
        Command::Migrate => migrate::run(&config).await,
        Command::Backup(args) => backup::back_up(args, &config).await,
        Command::Restore(args) => backup::restore(args, &config).await,
        Command::Healthcheck(args) => healthcheck::run(args, &config).await,
        Command::Rejects(command) => rejects::run(command, &config).await,
        Command::Jobs(command) => jobs::run(command, &config).await,
        Command::Config(_) => unreachable!("`run` has done it"),
    }
}

fn sources(cli: &Cli) -> Sources {
    Sources { file: cli.global.config.clone(), env: std::env::vars_os().collect(), flags: flags(cli) }
}

/// Returns the flags that stand for settings.
fn flags(cli: &Cli) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut set = |name, key, value: Option<Value>| flags.extend(value.map(|value| Flag { name, key, value }));
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string().into());
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    set("--data", "data.dir", path(&cli.global.data));
    set("--log", "log.level", text(&cli.global.log));
    let (ports, mqtt_port) = match &cli.command {
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
        Command::Bridge(bridge) => {
            set("--mqtt", "mqtt.url", text(&bridge.mqtt));
            set("--password-file", "mqtt.password_file", path(&bridge.password_file));
            (None, None)
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
    flags
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

fn ready_file(command: &Command) -> Option<&Path> {
    match command {
        Command::Up(Up { ports, .. }) | Command::Demo(Demo { ports, .. }) | Command::Serve(Serve { ports, .. }) => {
            ports.ready_file.as_deref()
        }
        Command::Sim(sim) => sim.ready_file.as_deref(),
        _ => None,
    }
}

/// Opens the database, whatever schema it has.
async fn open_beside(config: &Config) -> Result<Store> {
    if config.database.url.is_empty() {
        crate::secrets::private_folder(&config.data.dir)?;
    }
    Store::open(&config.database()).await.context("the database cannot be opened")
}
