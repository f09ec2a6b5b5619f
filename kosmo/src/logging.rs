//! The log: to standard error, for people or for machines.

use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal as _};
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt as _};

/// Starts logging. Only the first call of a process has an effect.
///
/// # Panics
/// If the level was not checked, which loading the configuration does.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(with_quiet_libraries(&log.level)).expect("loading has checked the level");
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let _ = match log.format {
        LogFormat::Text => builder.with_target(false).finish().try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
}

/// A bare level is about this program; what its libraries have to say below a warning is of use to their authors.
fn with_quiet_libraries(level: &str) -> String {
    let bare = ["error", "warn", "info", "debug", "trace"].contains(&level);
    let quiet = ["rmqtt", "rmqtt_net", "rmqtt_codec", "sqlx", "rumqttc", "hyper", "hyper_util", "tower_http", "mio", "rustls", "h2"];
    if bare && level != "error" && level != "warn" {
        let directives: String = quiet.iter().map(|library| format!(",{library}=warn")).collect();
        format!("{level}{directives}")
    } else {
        level.to_owned()
    }
}
