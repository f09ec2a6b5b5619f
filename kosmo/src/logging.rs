//! The log: to standard error, for people or for machines.

use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal as _};
use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// What libraries have to say below a warning is of use to their authors.
const QUIET: &str = "rmqtt=warn,rmqtt_net=warn,rmqtt_codec=warn,sqlx=warn,rumqttc=warn,hyper=warn,hyper_util=warn,tower_http=warn,\
                     mio=warn,rustls=warn,reqwest=warn,h2=warn";

/// Starts logging. Only the first call of a process has an effect.
///
/// # Panics
/// If the level was not checked, which loading the configuration does.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(directives(&log.level)).expect("loading has checked the level");
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_without_payloads));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // Somebody who started logging before us wanted to see it their way.
    let _ = match log.format {
        LogFormat::Text => registry.with(lines.with_target(false)).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
}

/// A bare level is about this program; a filter is taken as it stands.
fn directives(level: &str) -> String {
    if ["info", "debug", "trace"].contains(&level) { format!("{level},{QUIET}") } else { level.to_owned() }
}

/// The broker library writes whole messages at its debug level. They are not ours to show, whatever the filter says.
fn is_without_payloads(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || !metadata.target().starts_with("rmqtt")
}
