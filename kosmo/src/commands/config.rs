//! `kosmo config`.

use crate::{
    cli::ConfigCommand,
    config::{DEFAULTS, Loaded, Sources, load, show},
    output::say,
};
use anyhow::Result;

/// What needs no configuration that is right.
pub(crate) fn run_unloaded(command: ConfigCommand, sources: Sources) -> Result<()> {
    match command {
        ConfigCommand::Example => say(DEFAULTS),
        ConfigCommand::Check | ConfigCommand::Show => {
            load(sources)?;
            say("the settings are right")
        }
    }
}

pub(crate) fn run(command: ConfigCommand, loaded: &Loaded) -> Result<()> {
    match command {
        ConfigCommand::Show => say(&show(loaded)),
        ConfigCommand::Check => say("the settings are right"),
        ConfigCommand::Example => say(DEFAULTS),
    }
}
