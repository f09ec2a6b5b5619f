//! `kosmo channel`.

use crate::{
    cli::Channel,
    config::Config,
    output::{plain, say, table},
    secrets,
    system::{SystemClock, random},
};
use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use kosmo_domain::Clock as _;
use kosmo_meshtastic::crypto::{ChannelKey, channel_hash};
use kosmo_store::{ChannelAdded, ChannelRow, ChannelSource, NewChannel, Store, Vault, Visibility};
use rand::Rng as _;
use std::{
    io::{self, Read as _},
    path::Path,
};

/// The most that a file with a key is read of, in bytes.
const MAX_KEY_FILE: u64 = 1024;

pub(crate) async fn run(command: Channel, config: &Config) -> Result<()> {
    let store = super::open_store(config).await?;
    let vault = secrets::vault(config)?;
    match command {
        Channel::Add { name, key, key_file, public } => {
            let key = match (key, key_file) {
                (Some(key), _) => key,
                (None, Some(path)) => read_key(&path)?,
                (None, None) => unreachable!("the command line insists on one of them"),
            };
            add(&store, &vault, &name, &key, if public { Visibility::Public } else { Visibility::Private }).await?;
        }
        Channel::List => list(&store, &vault).await?,
        Channel::Publish { channel } => set(&store, &channel, Visibility::Public).await?,
        Channel::Hide { channel } => set(&store, &channel, Visibility::Private).await?,
        Channel::Read { channel, last } => super::chat::read(&store, find(&store, &channel).await?, last).await?,
        Channel::Send { channel, sender, minutes, text } => {
            super::chat::send(&store, find(&store, &channel).await?, &sender, minutes, &text).await?;
        }
        Channel::Remove { channel } => {
            let row = find(&store, &channel).await?;
            store.remove_channel(row.id).await?;
            say(&format!("{} is forgotten, and its key with it", plain(&row.name)))?;
        }
    }
    store.close().await;
    Ok(())
}

fn read_key(path: &Path) -> Result<String> {
    let mut text = String::new();
    let source: Box<dyn io::Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?)
    };
    source.take(MAX_KEY_FILE).read_to_string(&mut text).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

async fn add(store: &Store, vault: &Vault, name: &str, key: &str, visibility: Visibility) -> Result<()> {
    if name.is_empty() || name.chars().any(char::is_control) {
        bail!("a channel's name is text; one without a name of its own is called like its radio's preset, such as LongFast");
    }
    // The error tells nothing of what was read: it may be all but a key.
    let Ok(bytes) = BASE64_STANDARD.decode(key) else { bail!("the key is not Base64: it looks like `AQ==`") };
    let key = ChannelKey::expand(&bytes)?;
    let mut rng = random();
    let channel = NewChannel {
        id: uuid::Builder::from_unix_timestamp_millis(SystemClock.now().as_micros().unsigned_abs() / 1000, &rng.random()).into_uuid(),
        name,
        hash: channel_hash(name, &key),
        key: key.bytes(),
        visibility,
        source: &ChannelSource::Operator,
        nonce: rng.random(),
    };
    match store.add_channel(vault, &channel, SystemClock.now()).await? {
        ChannelAdded::New(_) if visibility == Visibility::Private && !key.is_public() => say(&format!("{name} is added, and private")),
        ChannelAdded::New(_) if visibility == Visibility::Private => say(&format!(
            "{name} is added, and private, though everybody has its key: `kosmo channel publish {name}` shows what is learnt on it"
        )),
        ChannelAdded::New(_) => say(&format!("{name} is added, and public: everybody sees what is learnt on it of nodes that agree")),
        ChannelAdded::Known(_) => bail!("there is a channel {name} with this key already: `kosmo channel list` shows it"),
    }
}

async fn set(store: &Store, channel: &str, visibility: Visibility) -> Result<()> {
    let row = find(store, channel).await?;
    store.set_channel_visibility(row.id, visibility, SystemClock.now()).await?;
    let name = plain(&row.name);
    say(&match visibility {
        Visibility::Public => format!("{name} is public: everybody sees what is learnt on it from now on, of nodes that agree"),
        Visibility::Private => {
            format!("{name} is private: nobody sees what is learnt on it from now on; what was learnt while it was public stays")
        }
    })
}

/// Returns the one channel that is meant.
async fn find(store: &Store, channel: &str) -> Result<ChannelRow> {
    let rows = store.channels().await?;
    let mut meant = rows.into_iter().filter(|row| row.name == channel || (channel.len() >= 8 && row.id.to_string().starts_with(channel)));
    let Some(first) = meant.next() else { bail!("there is no channel {channel}: `kosmo channel list` shows those there are") };
    if meant.next().is_some() {
        bail!("there are several channels {channel}: name the one that is meant by its id");
    }
    Ok(first)
}

async fn list(store: &Store, vault: &Vault) -> Result<()> {
    let rows = store.channels().await?;
    if rows.is_empty() {
        return say("there is no channel besides those that everybody's radio has: `kosmo channel add NAME` adds one");
    }
    let own = vault.name();
    let key = |row: &ChannelRow| match (row.sealed_by == own, row.key_bytes.unwrap_or(0)) {
        _ if row.key_bytes.is_none() => "not known here".to_owned(),
        (false, _) => format!("sealed with key {}, which is not here", plain(&row.sealed_by)),
        (true, 0) => "none".to_owned(),
        (true, bytes) => format!("{} bits", u32::from(bytes) * 8),
    };
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let shown = row.visibility.as_str().to_owned();
            let withheld = if row.withheld == 0 { String::new() } else { row.withheld.to_string() };
            [row.id.to_string(), plain(&row.name), format!("{:#04x}", row.hash), key(row), shown, row.source.to_string(), withheld]
        })
        .collect();
    say(&table(["ID", "NAME", "HASH", "KEY", "SEEN BY", "TOLD BY", "WITHHELD"], &cells))?;
    if let Some(row) = rows.iter().find(|row| row.withheld > 0 && row.visibility == Visibility::Private) {
        say(&format!(
            "\nWhat bridges hear on a private channel is withheld: it is neither kept nor shown. `kosmo channel publish '{}'` has it kept and shown from then on.",
            plain(&row.name)
        ))?;
    }
    if rows.iter().any(|row| row.key_bytes.is_some() && row.sealed_by != own) {
        say("\nA channel that was sealed with another key is read again once that key is `secrets.key`, or it is removed and added anew.")?;
    }
    Ok(())
}
