//! One module per command.

#[cfg(feature = "cloud")]
mod backup;
mod bridge;
#[cfg(feature = "cloud")]
mod channels;
#[cfg(feature = "cloud")]
mod chat;
mod config;
#[cfg(feature = "cloud")]
mod demo;
#[cfg(feature = "cloud")]
mod groups;
#[cfg(feature = "cloud")]
mod healthcheck;
#[cfg(feature = "cloud")]
mod import;
#[cfg(feature = "cloud")]
mod jobs;
#[cfg(feature = "cloud")]
mod logins;
#[cfg(feature = "cloud")]
mod members;
#[cfg(feature = "cloud")]
mod migrate;
#[cfg(feature = "cloud")]
mod mosquitto;
#[cfg(feature = "cloud")]
mod rejects;
#[cfg(feature = "cloud")]
mod route;
#[cfg(feature = "cloud")]
mod serve;
#[cfg(feature = "cloud")]
mod sim;
#[cfg(feature = "cloud")]
mod up;
#[cfg(feature = "cloud")]
mod uplinks;
#[cfg(feature = "cloud")]
mod users;
mod wellbeing;

use crate::{
    cli::{BridgeCommand, Cli, Command, ConfigCommand, Logins},
    config::{Config, Flag, Sources},
    logging,
};
#[cfg(feature = "cloud")]
use crate::{
    cli::{Demo, Ports, Serve, Up},
    config::Secret,
    listen,
};
use anyhow::{Context as _, Result};
use figment::value::Value;
#[cfg(feature = "cloud")]
use kosmo_store::Store;
#[cfg(feature = "cloud")]
use std::path::Path;
use std::process::ExitCode;

/// Returns the exit code of a command that failed: 5 and 6 for what is wrong with a bridge, 3 and 4 for backups, 1 for the rest.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if let Some(verdict) = error.downcast_ref::<wellbeing::Verdict>() {
        return ExitCode::from(verdict.code());
    }
    #[cfg(feature = "cloud")]
    return backup::exit_code(error);
    #[cfg(not(feature = "cloud"))]
    ExitCode::FAILURE
}

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
    let mut log = loaded.config.log.clone();
    if matches!(cli.command, Command::Doctor(_)) && cli.global.log.is_none() {
        // It says itself what it finds, and that a radio or a broker is not to be had is what it is there for.
        "off".clone_into(&mut log.level);
    }
    logging::start(&log);
    // One of a program that was killed would be taken for this one's.
    #[cfg(feature = "cloud")]
    ready_file(&cli.command).map(listen::remove_ready_file);
    crate::system::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(loaded.config.limits.worker_threads)
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let config = loaded.config;
    #[cfg(feature = "cloud")]
    let config = apart(config, &cli);
    let outcome = runtime.block_on(run_command(cli.command, config));
    // What is left are threads that wait for a disk or a name server; there is nothing to wait for.
    runtime.shutdown_background();
    outcome
}

/// Real readings and simulated ones never share a folder, whatever the settings say.
#[cfg(feature = "cloud")]
fn apart(mut config: Config, cli: &Cli) -> Config {
    if let (Command::Demo(_), None) = (&cli.command, &cli.global.data) {
        config.data.dir = config.data.dir.join("demo");
        config.database.url = Secret::default();
    }
    config
}

async fn run_command(command: Command, config: Config) -> Result<()> {
    match command {
        #[cfg(feature = "cloud")]
        Command::Up(args) => up::run(args, config).await,
        #[cfg(feature = "cloud")]
        Command::Demo(args) => demo::run(args, config).await,
        #[cfg(feature = "cloud")]
        Command::Serve(args) => serve::run(args, config).await,
        Command::Bridge(BridgeCommand { command: Some(Logins::Status { id, json }), .. }) => wellbeing::status(id, json, &config).await,
        Command::Doctor(args) => wellbeing::doctor(args.json, &config).await,
        #[cfg(feature = "cloud")]
        Command::Bridge(BridgeCommand { command: Some(command), .. }) => logins::run(command, &config).await,
        Command::Bridge(_) => bridge::run(&config).await,
        #[cfg(feature = "cloud")]
        Command::User(command) => users::run(command, &config).await,
        #[cfg(feature = "cloud")]
        Command::Group(command) => groups::run(command, &config).await,
        #[cfg(feature = "cloud")]
        Command::Route(command) => route::run(command, &config).await,
        #[cfg(feature = "cloud")]
        Command::Channel(command) => channels::run(command, &config).await,
        #[cfg(feature = "cloud")]
        Command::Uplink(command) => uplinks::run(command, &config).await,
        #[cfg(feature = "cloud")]
        Command::Sim(args) => sim::run(args, &config).await,
        #[cfg(feature = "cloud")]
        Command::Migrate => migrate::run(&config).await,
        #[cfg(feature = "cloud")]
        Command::Backup(args) => backup::back_up(args, &config).await,
        #[cfg(feature = "cloud")]
        Command::Restore(args) => backup::restore(args, &config).await,
        #[cfg(feature = "cloud")]
        Command::Healthcheck(args) => healthcheck::run(args, &config).await,
        #[cfg(feature = "cloud")]
        Command::Import(command) => import::run(command, &config).await,
        #[cfg(feature = "cloud")]
        Command::Rejects(command) => rejects::run(command, &config).await,
        #[cfg(feature = "cloud")]
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
    match &cli.command {
        Command::Bridge(bridge) => {
            set("--radio", "bridge.radios", (!bridge.radio.is_empty()).then(|| bridge.radio.clone().into()));
            set("--id", "bridge.id", bridge.id.as_ref().map(|id| id.as_str().into()));
            set("--mqtt", "mqtt.url", text(&bridge.mqtt));
            set("--password-file", "mqtt.password_file", path(&bridge.password_file));
            set("--secrets-dir", "bridge.secrets_dir", path(&bridge.secrets_dir));
            set("--share", "bridge.share", bridge.share.map(|address| address.to_string().into()));
            set("--share-admin", "bridge.share_admin", bridge.share_admin.then(|| true.into()));
        }
        Command::Doctor(doctor) => {
            set("--radio", "bridge.radios", (!doctor.radio.is_empty()).then(|| doctor.radio.clone().into()));
            set("--id", "bridge.id", doctor.id.as_ref().map(|id| id.as_str().into()));
            set("--mqtt", "mqtt.url", text(&doctor.mqtt));
            set("--password-file", "mqtt.password_file", path(&doctor.password_file));
        }
        Command::Config(_) => {}
        #[cfg(feature = "cloud")]
        command => flags_of_services(command, set),
    }
    flags
}

#[cfg(feature = "cloud")]
fn flags_of_services(command: &Command, mut set: impl FnMut(&'static str, &'static str, Option<Value>)) {
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

/// Opens the database for a command that works beside whatever serves from it. An empty one gets its schema.
#[cfg(feature = "cloud")]
async fn open_store(config: &Config) -> Result<Store> {
    let store = open_beside(config).await?;
    match store.check_schema().await {
        Err(kosmo_store::Error::SchemaTooOld { found: 0, .. }) => store.migrate().await?,
        checked => checked?,
    }
    Ok(store)
}

#[cfg(feature = "cloud")]
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
#[cfg(feature = "cloud")]
async fn open_beside(config: &Config) -> Result<Store> {
    if config.database.url.is_empty() {
        crate::output::private_folder(&config.data.dir)?;
    }
    Store::open(&config.database()).await.context("the database cannot be opened")
}
