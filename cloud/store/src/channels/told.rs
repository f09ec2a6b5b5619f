//! The channels that bridges tell of: by name and hash, and never with a key.

use crate::{
    Error, Result, Store,
    channels::{KEYLESS, MAX_CHANNEL_NAME},
    db::{on_reader, on_tx},
    types::{At, storable},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The most channels that are kept because a bridge told of them.
const MAX_TOLD: i64 = 500;

impl Store {
    /// Keeps the channels that a bridge tells of, private and without a key, those that are not known yet by name and hash. Returns
    /// how many those are.
    ///
    /// # Errors
    /// As the database does. Beyond 500 that bridges told of, further ones are passed over.
    pub async fn note_channels(&self, bridge: &BridgeId, told: &[(String, u8)], now: Timestamp) -> Result<usize> {
        const KNOWN: &str = "select name, hash from channels";
        const NUMBER: &str = "select count(*) from channels where source <> 'operator'";
        const INSERT: &str = "insert into channels
                                     (id, name, hash, key_bytes, sealed_key, sealed_by, same, visibility, source, added_at, published_at)
                              values ($1, $2, $3, $4, $5, '', $6, 'private', $7, $8, null)
                              on conflict (same) do nothing";
        let known: Vec<(String, i64)> = on_reader!(self, |db| sqlx::query_as(KNOWN).fetch_all(db))?;
        let named = told.iter().map(|(name, hash)| (storable(name, MAX_CHANNEL_NAME).into_owned(), i64::from(*hash)));
        let mut news: Vec<_> = named.filter(|channel| !channel.0.is_empty() && !known.contains(channel)).collect();
        news.dedup();
        if news.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let number: i64 = on_tx!(tx, |db| sqlx::query_scalar(NUMBER).fetch_one(db))?;
        let room = usize::try_from(MAX_TOLD - number).unwrap_or(0);
        news.truncate(room);
        for (name, hash) in &news {
            let same =
                Sha256::new().chain_update(b"told by name and hash\0").chain_update(hash.to_be_bytes()).chain_update(name).finalize();
            let millis = now.as_micros().unsigned_abs() / 1_000;
            let drawn: [u8; 10] = same[..10].try_into().map_err(|_| Error::Corrupt("a digest is too short".to_owned()))?;
            let id: Uuid = uuid::Builder::from_unix_timestamp_millis(millis, &drawn).into_uuid();
            on_tx!(tx, |db| {
                sqlx::query(INSERT)
                    .bind(id)
                    .bind(name)
                    .bind(*hash)
                    .bind(KEYLESS)
                    .bind(Vec::<u8>::new())
                    .bind(&same[..])
                    .bind(format!("bridge:{bridge}"))
                    .bind(At(now))
                    .execute(db)
                    .map_ok(drop)
            })?;
        }
        tx.commit().await?;
        Ok(news.len())
    }
}
