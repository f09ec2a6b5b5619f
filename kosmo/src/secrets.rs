//! Secrets that the program makes for itself at its first start and keeps in the data folder, readable by its owner alone.

use crate::{config::Config, system::random};
use anyhow::{Context as _, Result, bail};
use kosmo_domain::{BridgeId, Timestamp};
use kosmo_store::{LoginKind, Secret, SecretHash, Store, Vault};
use rand::Rng as _;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// A secret, and whether it was made just then.
pub struct Kept {
    /// The secret.
    pub secret: String,
    /// Whether nobody has seen it before.
    pub is_new: bool,
}

/// Draws a secret.
pub fn draw() -> Secret {
    Secret::from_random(random().random())
}

/// Returns what seals secrets in the database: the key that is configured, or the one in the data folder, which is made if there is
/// none.
///
/// # Errors
/// If it can be neither read nor kept, or is none.
pub fn vault(config: &Config) -> Result<Vault> {
    let configured = &config.secrets.key;
    if !configured.is_empty() {
        return configured.expose().parse().context("`secrets.key` cannot be used");
    }
    let path = config.data.dir.join("secrets").join("store-key");
    let key = read(&path)?.map_or_else(|| write(&path), Ok)?;
    key.parse().with_context(|| format!("{} does not hold a key: put back the one that was there", path.display()))
}

/// Returns the secret of the bridge of this name that runs inside this process, whose login exists after this.
///
/// # Errors
/// If the login is somebody else's: its secret is not in the data folder.
pub async fn of_bridge(data: &Path, store: &Store, id: &BridgeId, now: Timestamp) -> Result<Kept> {
    let path = path_of(data, "bridge", id);
    let kept = read(&path)?;
    let wanted = store.bridge_login(id).await?;
    match (kept, wanted) {
        (Some(secret), Some(wanted)) if wanted.matches(secret.as_bytes()) => Ok(Kept { secret, is_new: false }),
        (_, Some(_)) => bail!(
            "there is a bridge {id} already, and its secret is not in {}: it may run on another machine. Give this one another name \
             (`bridge.id`), or take the login away with `kosmo bridge revoke {id}`",
            path.display()
        ),
        (kept, None) => {
            // The file comes first: a login whose secret nobody knows would be in the way at the next start.
            let secret = kept.map_or_else(|| write(&path), Ok)?;
            store.add_bridge(id, &SecretHash::of(secret.as_bytes()), now).await?;
            Ok(Kept { secret, is_new: true })
        }
    }
}

/// Returns the secret of a login that reads what is public, which exists after this.
///
/// # Errors
/// If the secret can be neither read nor kept.
pub async fn of_viewer(data: &Path, store: &Store, name: &BridgeId, now: Timestamp) -> Result<Kept> {
    let path = path_of(data, "login", name);
    let kept = read(&path)?;
    let known = store.mqtt_login(name.as_str()).await?;
    if let (Some(secret), Some(login)) = (&kept, &known)
        && login.secret().matches(secret.as_bytes())
    {
        return Ok(Kept { secret: secret.clone(), is_new: false });
    }
    let secret = kept.map_or_else(|| write(&path), Ok)?;
    store.remove_login(name).await?;
    store.add_login(name, LoginKind::Viewer, &SecretHash::of(secret.as_bytes()), now).await?;
    Ok(Kept { secret, is_new: true })
}

fn path_of(data: &Path, kind: &str, name: &BridgeId) -> PathBuf {
    data.join("secrets").join(format!("{kind}-{name}"))
}

fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|secret| !secret.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("the secret in {} cannot be read", path.display())),
    }
}

fn write(path: &Path) -> Result<String> {
    let secret = draw();
    let keep = || -> Result<()> {
        crate::output::private_folder(path.parent().context("a secret's file lies in a folder")?)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        writeln!(file, "{}", secret.reveal())?;
        Ok(file.sync_all()?)
    };
    keep().with_context(|| format!("a secret cannot be kept in {}", path.display()))?;
    Ok(secret.reveal().to_owned())
}
