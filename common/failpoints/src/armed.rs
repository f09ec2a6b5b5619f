//! What a point does where tests have it do something.

use crate::{KILL_VARIABLE, LOG_VARIABLE, POINTS};
use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Why points could not be armed.
#[derive(Debug)]
pub enum ArmError {
    /// The kill is not `POINT:N` with a point of the list and an N from 1.
    Kill(String),
    /// The folder for the passes cannot be written to.
    Log(io::Error),
}

impl std::fmt::Display for ArmError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kill(text) => write!(f, "`{text}` in {KILL_VARIABLE} is no POINT:N with a point that there is"),
            Self::Log(_) => write!(f, "the folder in {LOG_VARIABLE} cannot be written to"),
        }
    }
}

impl std::error::Error for ArmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Kill(_) => None,
            Self::Log(error) => Some(error),
        }
    }
}

/// Passes a point; [`fail_point!`](crate::fail_point) calls this.
pub fn pass(name: &'static str) {
    fail::fail_point!(name);
}

/// Has each point do what the environment says: note its passes, and die at one of them.
///
/// # Errors
/// [`ArmError`] if the environment says something that cannot be done, for a test that kills nothing shows nothing.
pub fn arm(variable: impl Fn(&str) -> Option<OsString>) -> Result<(), ArmError> {
    let kill = variable(KILL_VARIABLE).map(|text| parse(&text.to_string_lossy())).transpose()?;
    let file = |folder| PathBuf::from(folder).join(std::process::id().to_string());
    let log = variable(LOG_VARIABLE).map(|folder| OpenOptions::new().create(true).append(true).open(file(folder))).transpose();
    let log = log.map_err(ArmError::Log)?.map(Arc::new);
    if kill.is_none() && log.is_none() {
        return Ok(());
    }
    for point in POINTS {
        let name = point.name;
        let dies_at = kill.as_ref().filter(|(chosen, _)| chosen == name).map(|(_, pass)| *pass);
        let (log, passes) = (log.clone(), AtomicU64::new(0));
        let on_pass = move || {
            let pass = passes.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(log) = &log {
                note(log, &format!("{name}\n"));
            }
            if dies_at == Some(pass) {
                if let Some(log) = &log {
                    note(log, &format!("killed {name} {pass} {}\n", now_us()));
                }
                std::process::abort();
            }
        };
        fail::cfg_callback(name, on_pass).map_err(ArmError::Kill)?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<(String, u64), ArmError> {
    let kill = text.rsplit_once(':').and_then(|(name, pass)| Some((name.to_owned(), pass.parse::<u64>().ok()?)));
    let kill = kill.filter(|(name, pass)| *pass > 0 && POINTS.iter().any(|point| point.name == name));
    kill.ok_or_else(|| ArmError::Kill(text.to_owned()))
}

/// Writes a line in one go, which the system appends as a whole. It survives the process, and need not survive the machine.
fn note(mut log: &File, line: &str) {
    let _ = log.write_all(line.as_bytes());
}

#[expect(clippy::disallowed_methods, reason = "it tells a test when the process died, and nothing else depends on it")]
fn now_us() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_names_a_point_and_a_pass() {
        assert_eq!(parse("spool::heard::before:3").unwrap(), ("spool::heard::before".to_owned(), 3));
        for text in ["", "spool::heard::before", "spool::heard::before:0", "spool::heard::before:x", "nowhere:1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
