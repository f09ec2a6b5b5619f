//! The password and ACL files of an outside Mosquitto, which knows nothing of our database.
//!
//! Passwords are hashed by Mosquitto's own `mosquitto_passwd` where it is installed. Each login's rules stand between
//! two marks in the ACL file, so that what others wrote there is left as it is.

use crate::{cli, output::say, secrets::draw};
use anyhow::{Context as _, Result, bail};
use kosmo_contract::topic;
use kosmo_domain::{BridgeId, NodeId};
use kosmo_store::Secret;
use std::{
    fmt::Display,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The services that speak MQTT, by the names of their logins, with what each reads and writes.
const SERVICES: [(&str, &[&str], &[&str]); 2] = [
    ("ingestion", &[topic::READINGS, topic::NODES, topic::STATUSES, topic::UPLINKS], &[topic::ACKS]),
    ("gateway", &[topic::RECEIPTS, topic::INBOUND, topic::INBOUND_BARE, topic::STATUSES], &[topic::ACKS, topic::OUTBOUND, topic::REQUESTS]),
];

/// The two files.
pub(crate) struct Files {
    pub(crate) passwords: PathBuf,
    pub(crate) acl: PathBuf,
}

/// Refuses a name for a bridge that is a service's: they would share a login.
pub(crate) fn check_free(id: &BridgeId) -> Result<()> {
    if SERVICES.iter().any(|(service, ..)| *service == id.as_str()) {
        bail!("{id} is the login of a service: choose another name for the bridge");
    }
    Ok(())
}

impl Files {
    pub(crate) fn of(args: cli::Mosquitto) -> Option<Self> {
        Some(Self { passwords: args.mosquitto_passwords?, acl: args.mosquitto_acl? })
    }

    pub(crate) fn add(&self, id: &BridgeId, secret: &Secret) -> Result<()> {
        self.set(id.as_str(), secret, &format!("bridge {id}"), &topic::bridge_reads(id), &topic::bridge_writes(id))?;
        self.say_reload()
    }

    /// Gives a node's own uplink a login, which may write to its own topics, and read nothing or what others publish.
    pub(crate) fn add_uplink(&self, id: &BridgeId, node: NodeId, downlink: bool, secret: &Secret) -> Result<()> {
        let reads = if downlink { topic::downlink_reads().to_vec() } else { Vec::new() };
        self.set(id.as_str(), secret, &format!("uplink {id}"), &reads, &topic::uplink_writes(node))?;
        self.say_reload()
    }

    /// Takes the login of a node away.
    pub(crate) fn remove_uplink(&self, id: &BridgeId) -> Result<()> {
        remove_password(&self.passwords, id)?;
        replace_rules(&self.acl, &format!("uplink {id}"), None)?;
        self.say_reload()
    }

    /// Gives the services logins, or new secrets if they have them, and prints these.
    pub(crate) fn let_services_in(&self) -> Result<()> {
        let logins = SERVICES.map(|service| (service, draw()));
        let rows: Vec<_> = logins.iter().map(|((name, ..), secret)| format!("{name}: {}\n", secret.reveal())).collect();
        say(&format!(
            "The services' secrets, which are shown only now:\n\n{}\n\
             Start each with its name as `mqtt.login` and its secret in the file that `mqtt.password_file` names.\n",
            rows.concat()
        ))?;
        for ((name, reads, writes), secret) in &logins {
            self.set(name, secret, &format!("service {name}"), reads, writes)?;
        }
        self.say_reload()
    }

    fn set(&self, login: &str, secret: &Secret, whose: &str, reads: &[impl Display], writes: &[impl Display]) -> Result<()> {
        let written = set_password(&self.passwords, login, secret)?;
        replace_rules(&self.acl, whose, Some(&rules(login, reads, writes)))?;
        if !written {
            say(&format!(
                "`mosquitto_passwd` is not installed here (Debian: apt install mosquitto). On the broker's machine, give it the\n\
                 secret above when it asks:\n\n  mosquitto_passwd {} {login}\n",
                self.passwords.display()
            ))?;
        }
        Ok(())
    }

    pub(crate) fn remove(&self, id: &BridgeId) -> Result<()> {
        remove_password(&self.passwords, id)?;
        replace_rules(&self.acl, &format!("bridge {id}"), None)?;
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

/// Returns the lines that let a login read and write exactly these topics.
fn rules(login: &str, reads: &[impl Display], writes: &[impl Display]) -> String {
    let mut lines = vec![format!("user {login}")];
    lines.extend(writes.iter().map(|filter| format!("topic write {filter}")));
    lines.extend(reads.iter().map(|filter| format!("topic read {filter}")));
    lines.join("\n")
}

/// Puts somebody's rules in place of those there were, if there were any.
fn replace_rules(path: &Path, whose: &str, rules: Option<&str>) -> Result<()> {
    let (begin, end) = (format!("# kosmo {whose}: begin"), format!("# kosmo {whose}: end"));
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
fn set_password(path: &Path, login: &str, secret: &Secret) -> Result<bool> {
    if !path.exists() {
        write(path, "")?;
    }
    // The secret goes through a pipe: arguments are there for every process to see.
    let child =
        Command::new("mosquitto_passwd").arg(path).arg(login).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
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
