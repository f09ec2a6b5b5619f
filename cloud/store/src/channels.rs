//! The channels of the mesh: what each is called, its key, and whether what is learnt on it may be shown to everybody.
//!
//! A channel is private until an operator makes it public. Its key is sealed with the installation's own ([`Vault`]), and
//! leaves the store to those alone who decrypt with it. Bridges tell of channels without their keys; an operator may give one later.

mod told;

use crate::{
    Error, Result, Store, Vault,
    db::{Tx, on_reader, on_tx, on_writer},
    types::{At, storable, unsigned},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, Timestamp};
use std::fmt;
use uuid::Uuid;

/// The longest name of a channel in bytes; firmware allows 11.
pub const MAX_CHANNEL_NAME: usize = 32;
/// The most channels that are kept; a list of all of them is read at once.
pub const MAX_CHANNELS: i64 = 1_000;

/// What stands for the number of a key's bytes where the key is not known.
const KEYLESS: i64 = -1;

/// Who may be shown what is learnt on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Those who are on it.
    Private,
    /// Everybody.
    Public,
}

/// Who told of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelSource {
    /// An operator.
    Operator,
    /// A bridge, whose radio is on it.
    Bridge(BridgeId),
}

/// A channel that is to be kept.
#[derive(Clone, Copy)]
pub struct NewChannel<'a> {
    /// Its id, which the caller draws (version 7).
    pub id: Uuid,
    /// What it is called; the firmware's name of the preset where it has none of its own.
    pub name: &'a str,
    /// The hash that packets name it by.
    pub hash: u8,
    /// Its key as it encrypts: none, 16 or 32 bytes.
    pub key: &'a [u8],
    /// Who may be shown what is learnt on it.
    pub visibility: Visibility,
    /// Who told of it.
    pub source: &'a ChannelSource,
    /// What the caller draws to seal the key.
    pub nonce: [u8; 24],
}

/// What came of adding a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelAdded {
    /// There was none of this name and key.
    New(Uuid),
    /// There is one, and it stays as it is.
    Known(Uuid),
}

/// A channel, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRow {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// The hash that packets name it by.
    pub hash: u8,
    /// How many bytes its key has: 0, 16 or 32; nothing if it is not known here.
    pub key_bytes: Option<u8>,
    /// Which key seals it: [`Vault::name`].
    pub sealed_by: String,
    /// Who may be shown what is learnt on it.
    pub visibility: Visibility,
    /// Who told of it.
    pub source: ChannelSource,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it was made public.
    pub published_at: Option<Timestamp>,
    /// How much that bridges heard on it was not kept, because it is private.
    pub withheld: u64,
    /// When that was last so.
    pub withheld_at: Option<Timestamp>,
}

/// A channel with its key, for whoever decrypts.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenChannel {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// Its key as it encrypts: none, 16 or 32 bytes.
    pub key: Vec<u8>,
    /// Who may be shown what is learnt on it.
    pub visibility: Visibility,
    /// Whether an operator told of it, and not a bridge.
    pub by_operator: bool,
}

/// The channels, and how many there are besides whose keys were sealed with another key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenChannels {
    /// Those that can be read, in the order they were added.
    pub channels: Vec<OpenChannel>,
    /// How many cannot.
    pub closed: usize,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    hash: i64,
    key_bytes: i64,
    sealed_key: Vec<u8>,
    sealed_by: String,
    visibility: String,
    source: String,
    added_at: At,
    published_at: Option<At>,
    withheld: i64,
    withheld_at: Option<At>,
}

/// Every column, in the order they were added.
const ALL: &str = "select id, name, hash, key_bytes, sealed_key, sealed_by, visibility, source, added_at, published_at,
                          withheld, withheld_at
                     from channels
                    order by added_at, id";

impl Store {
    /// Keeps a channel, unless there is one of the same name and key, which then stays as it is.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if its name is too long, or there are [`MAX_CHANNELS`] already.
    pub async fn add_channel(&self, vault: &Vault, channel: &NewChannel<'_>, now: Timestamp) -> Result<ChannelAdded> {
        const KNOWN: &str = "select id from channels where same = $1";
        const NUMBER: &str = "select count(*) from channels";
        const INSERT: &str = "insert into channels
                                     (id, name, hash, key_bytes, sealed_key, sealed_by, same, visibility, source, added_at, published_at)
                              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                              on conflict (same) do nothing";
        if channel.name.len() > MAX_CHANNEL_NAME {
            return Err(Error::TooLarge { what: "a channel's name", max: MAX_CHANNEL_NAME });
        }
        let name = storable(channel.name, MAX_CHANNEL_NAME);
        let same = &vault.fingerprint(&[name.as_bytes(), channel.key])[..];
        let mut tx = self.begin().await?;
        let known: Option<Uuid> = on_tx!(tx, |db| sqlx::query_scalar(KNOWN).bind(same).fetch_optional(db))?;
        if let Some(id) = known {
            return Ok(ChannelAdded::Known(id));
        }
        let number: i64 = on_tx!(tx, |db| sqlx::query_scalar(NUMBER).fetch_one(db))?;
        if number >= MAX_CHANNELS {
            return Err(Error::TooLarge { what: "the list of channels", max: usize::try_from(MAX_CHANNELS).unwrap_or(usize::MAX) });
        }
        if let Some(id) = fill(&mut tx, vault, channel, &name, same, now).await? {
            tx.commit().await?;
            return Ok(ChannelAdded::New(id));
        }
        let sealed = vault.seal(channel.id.as_bytes(), channel.key, channel.nonce);
        let key_bytes = i64::try_from(channel.key.len()).unwrap_or(i64::MAX);
        let published_at = (channel.visibility == Visibility::Public).then_some(At(now));
        on_tx!(tx, |db| {
            sqlx::query(INSERT)
                .bind(channel.id)
                .bind(&*name)
                .bind(i64::from(channel.hash))
                .bind(key_bytes)
                .bind(&sealed)
                .bind(vault.name())
                .bind(same)
                .bind(channel.visibility.as_str())
                .bind(channel.source.to_string())
                .bind(At(now))
                .bind(published_at)
                .execute(db)
                .map_ok(drop)
        })?;
        // Another replica may have been told of it at the same moment.
        let id: Uuid = on_tx!(tx, |db| sqlx::query_scalar(KNOWN).bind(same).fetch_one(db))?;
        tx.commit().await?;
        Ok(if id == channel.id { ChannelAdded::New(id) } else { ChannelAdded::Known(id) })
    }

    /// Returns the channels in the order they were added, without their keys.
    ///
    /// # Errors
    /// As the database does.
    pub async fn channels(&self) -> Result<Vec<ChannelRow>> {
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(ALL).fetch_all(db))?;
        rows.into_iter().map(ChannelRow::try_from).collect()
    }

    /// Returns the channels with their keys. One that was sealed with another key, or was tampered with, is counted.
    ///
    /// # Errors
    /// As the database does.
    pub async fn open_channels(&self, vault: &Vault) -> Result<OpenChannels> {
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(ALL).fetch_all(db))?;
        let mut open = OpenChannels::default();
        for row in rows.into_iter().filter(|row| row.key_bytes != KEYLESS) {
            let visibility = Visibility::parse(&row.visibility)?;
            match vault.open(row.id.as_bytes(), &row.sealed_key) {
                Some(key) => {
                    let by_operator = ChannelSource::parse(&row.source)? == ChannelSource::Operator;
                    open.channels.push(OpenChannel { id: row.id, name: row.name, key, visibility, by_operator });
                }
                None => open.closed += 1,
            }
        }
        Ok(open)
    }

    /// Makes a channel public or private, and tells whether there is one of this id. What was learnt on it while it was private
    /// stays private.
    ///
    /// # Errors
    /// As the database does.
    pub async fn set_channel_visibility(&self, id: Uuid, visibility: Visibility, now: Timestamp) -> Result<bool> {
        const SQL: &str = "update channels set visibility = $2, published_at = $3 where id = $1";
        let published_at = (visibility == Visibility::Public).then_some(At(now));
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(id).bind(visibility.as_str()).bind(published_at).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Forgets a channel and its key, and tells whether there was one. What was learnt on it stays.
    ///
    /// # Errors
    /// As the database does.
    pub async fn remove_channel(&self, id: Uuid) -> Result<bool> {
        const SQL: &str = "delete from channels where id = $1";
        let rows = on_writer!(self, |db| sqlx::query(SQL).bind(id).execute(db).map_ok(|done| done.rows_affected()))?;
        Ok(rows > 0)
    }
}

/// Gives its key to a channel that a bridge has told of, if there is one of this name and hash without a key, and returns its id. Whether
/// it is public stays as it is, unless it is to be.
async fn fill(tx: &mut Tx, vault: &Vault, channel: &NewChannel<'_>, name: &str, same: &[u8], now: Timestamp) -> Result<Option<Uuid>> {
    const FIND: &str = "select id from channels where name = $1 and hash = $2 and key_bytes = $3";
    const FILL: &str = "update channels
                           set key_bytes = $2, sealed_key = $3, sealed_by = $4, same = $5, source = $6,
                               visibility = case when $7 then 'public' else visibility end,
                               published_at = case when $7 and published_at is null then $8 else published_at end
                         where id = $1";
    let found: Option<Uuid> =
        on_tx!(tx, |db| sqlx::query_scalar(FIND).bind(name).bind(i64::from(channel.hash)).bind(KEYLESS).fetch_optional(db))?;
    let Some(id) = found else { return Ok(None) };
    let sealed = vault.seal(id.as_bytes(), channel.key, channel.nonce);
    let key_bytes = i64::try_from(channel.key.len()).unwrap_or(i64::MAX);
    on_tx!(tx, |db| {
        sqlx::query(FILL)
            .bind(id)
            .bind(key_bytes)
            .bind(&sealed)
            .bind(vault.name())
            .bind(same)
            .bind(channel.source.to_string())
            .bind(channel.visibility == Visibility::Public)
            .bind(At(now))
            .execute(db)
            .map_ok(drop)
    })?;
    Ok(Some(id))
}

impl Visibility {
    /// Returns the name used in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let known = [Self::Private, Self::Public].into_iter().find(|visibility| visibility.as_str() == text);
        known.ok_or_else(|| Error::Corrupt(format!("{text:?} is no visibility of a channel")))
    }
}

impl fmt::Display for ChannelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Bridge(bridge) => write!(f, "bridge:{bridge}"),
        }
    }
}

impl ChannelSource {
    fn parse(text: &str) -> Result<Self> {
        if text == "operator" {
            return Ok(Self::Operator);
        }
        let bridge = text.strip_prefix("bridge:").and_then(|name| name.parse().ok());
        bridge.map(Self::Bridge).ok_or_else(|| Error::Corrupt(format!("{text:?} is no source of a channel")))
    }
}

impl TryFrom<Row> for ChannelRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let byte = |number: i64| u8::try_from(number).map_err(|_| Error::Corrupt("a channel's number is none".to_owned()));
        Ok(Self {
            id: row.id,
            hash: byte(row.hash)?,
            key_bytes: if row.key_bytes == KEYLESS { None } else { Some(byte(row.key_bytes)?) },
            sealed_by: row.sealed_by,
            visibility: Visibility::parse(&row.visibility)?,
            source: ChannelSource::parse(&row.source)?,
            added_at: row.added_at.0,
            published_at: row.published_at.map(Timestamp::from),
            withheld: unsigned(row.withheld, "a count of records")?,
            withheld_at: row.withheld_at.map(Timestamp::from),
            name: row.name,
        })
    }
}

/// Shows everything but the key.
impl fmt::Debug for OpenChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenChannel")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("visibility", &self.visibility)
            .finish_non_exhaustive()
    }
}

/// Shows everything but the key.
impl fmt::Debug for NewChannel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewChannel")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("visibility", &self.visibility)
            .finish_non_exhaustive()
    }
}
