//! The password and ACL files of an outside Mosquitto, which knows nothing of our database.
//!
//! Passwords are hashed by Mosquitto's own `mosquitto_passwd` where it is installed. Each bridge's rules stand between
//! two marks in the ACL file, so that what others wrote there is left as it is.

use crate::{cli, output::say};
use anyhow::{Context as _, Result, bail};
use kosmo_contract::topic;
use kosmo_domain::BridgeId;
use kosmo_store::Secret;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The two files.
pub(crate) struct Files {
    passwords: PathBuf,
    acl: PathBuf,
}

impl Files {
    pub(crate) fn of(args: cli::Mosquitto) -> Option<Self> {
        Some(Self { passwords: args.mosquitto_passwords?, acl: args.mosquitto_acl? })
    }

    pub(crate) fn add(&self, id: &BridgeId, secret: &Secret) -> Result<()> {
        let written = set_password(&self.passwords, id, secret)?;
        replace_rules(&self.acl, id, Some(&rules(id)))?;
        if !written {
            say(&format!(
                "`mosquitto_passwd` is not installed here (Debian: apt install mosquitto). On the broker's machine, give it the\n\
                 secret above when it asks:\n\n  mosquitto_passwd {} {id}\n",
                self.passwords.display()
            ))?;
        }
        self.say_reload()
    }

    pub(crate) fn remove(&self, id: &BridgeId) -> Result<()> {
        remove_password(&self.passwords, id)?;
        replace_rules(&self.acl, id, None)?;
        self.say_reload()
    }

    fn say_reload(&self) -> Result<()> {
        say(&format!(
            "{} and {} are up to date; Mosquitto reads them again on SIGHUP: systemctl reload mosquitto",
            self.passwords.display(),
            self.acl.display()
        ))
    }
}

/// Returns the lines that let a bridge write and read exactly its own topics.
fn rules(id: &BridgeId) -> String {
    let mut lines = vec![format!("user {id}")];
    lines.extend(topic::bridge_writes(id).into_iter().map(|filter| format!("topic write {filter}")));
    lines.extend(topic::bridge_reads(id).into_iter().map(|filter| format!("topic read {filter}")));
    lines.join("\n")
}

/// Puts a bridge's rules in place of those it had, if it had any.
fn replace_rules(path: &Path, id: &BridgeId, rules: Option<&str>) -> Result<()> {
    let (begin, end) = (format!("# kosmo bridge {id}: begin"), format!("# kosmo bridge {id}: end"));
    let old = read(path)?;
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in old.lines() {
        match line {
            line if line == begin => inside = true,
            line if inside && line == end => inside = false,
            line if !inside => kept.push(line),
            _ => {}
        }
    }
    if inside {
        bail!("{} has a line `{begin}` and no line `{end}`: mend it by hand", path.display());
    }
    let mut text: String = kept.iter().flat_map(|line| [line, "\n"]).collect();
    if let Some(rules) = rules {
        text.extend([begin.as_str(), "\n", rules, "\n", end.as_str(), "\n"]);
    }
    write(path, &text)
}

/// Writes a password, and tells whether there was a program to hash it.
fn set_password(path: &Path, id: &BridgeId, secret: &Secret) -> Result<bool> {
    if !path.exists() {
        write(path, "")?;
    }
    // The secret goes through a pipe: arguments are there for every process to see.
    let child = Command::new("mosquitto_passwd")
        .arg(path)
        .arg(id.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).context("mosquitto_passwd cannot be started"),
    };
    let mut stdin = child.stdin.take().expect("it was asked for");
    let typed = format!("{0}\n{0}\n", secret.reveal());
    stdin.write_all(typed.as_bytes()).context("mosquitto_passwd does not take the secret")?;
    drop(stdin);
    let output = child.wait_with_output().context("mosquitto_passwd cannot be waited for")?;
    if !output.status.success() {
        bail!("mosquitto_passwd refused: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(true)
}

fn remove_password(path: &Path, id: &BridgeId) -> Result<()> {
    let login = format!("{id}:");
    let text: String = read(path)?.lines().filter(|line| !line.starts_with(&login)).flat_map(|line| [line, "\n"]).collect();
    write(path, &text)
}

fn read(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Replaces the file at once, with the rights it had, so that the broker never reads half of it.
fn write(path: &Path, text: &str) -> Result<()> {
    let partial = path.with_extension("kosmo-partial");
    let mode = fs::metadata(path).map_or(0o640, |metadata| metadata.permissions().mode() & 0o777);
    let replace = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    replace().with_context(|| format!("{} cannot be written", path.display()))
}
