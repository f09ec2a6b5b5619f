//! One module per command.

mod bridge;
#[cfg(feature = "cloud")]
mod cloud;
mod config;
mod wellbeing;

use crate::{
    cli::{BridgeCommand, Cli, Command, ConfigCommand, Logins},
    config::{Config, Flag, Sources},
    logging,
};
use anyhow::{Context as _, Result};
use figment::value::Value;
use std::process::ExitCode;

/// Returns the exit code of a command that failed: 5 and 6 for what is wrong with a bridge, 3 and 4 for backups, 1 for the rest.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if let Some(verdict) = error.downcast_ref::<wellbeing::Verdict>() {
        return ExitCode::from(verdict.code());
    }
    #[cfg(feature = "cloud")]
    return cloud::exit_code(error);
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
    #[cfg(feature = "cloud")]
    cloud::remove_ready_file(&cli.command);
    crate::system::install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(loaded.config.limits.worker_threads)
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let config = loaded.config;
    #[cfg(feature = "cloud")]
    let config = cloud::apart(config, &cli);
    let outcome = runtime.block_on(run_command(cli.command, config));
    // What is left are threads that wait for a disk or a name server; there is nothing to wait for.
    runtime.shutdown_background();
    outcome
}

async fn run_command(command: Command, config: Config) -> Result<()> {
    match command {
        Command::Bridge(BridgeCommand { command: None, .. }) => bridge::run(&config).await,
        Command::Bridge(BridgeCommand { command: Some(Logins::Status { id, json }), .. }) => wellbeing::status(id, json, &config).await,
        Command::Doctor(args) => wellbeing::doctor(args.json, &config).await,
        Command::Config(_) => unreachable!("`run` has done it"),
        #[cfg(feature = "cloud")]
        // Some of these are large, and one of them is run once.
        command => Box::pin(cloud::run(command, config)).await,
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
        command => cloud::flags(command, set),
    }
    flags
}
