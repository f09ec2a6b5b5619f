//! The channels of the mesh as bridges tell of them in their statuses, without keys. Each is kept when it is told of first.

use kosmo_contract::ChannelRef;
use kosmo_domain::{BridgeId, Timestamp};
use kosmo_store::{Error, Store};
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// How many channels are remembered as kept; of more, the store is asked.
const REMEMBERED: usize = 2_000;

/// Which channels are known to be kept, so that a status each minute costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeSet<(String, u8)>>);

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    radio: Option<Radio>,
}

#[derive(Deserialize)]
struct Radio {
    #[serde(default)]
    channels: Vec<ChannelRef>,
}

impl Told {
    /// Keeps the channels that a status tells of and that were not told of before.
    pub(crate) async fn note(&self, store: &Store, bridge: &BridgeId, status: &str, now: Timestamp) -> Result<(), Error> {
        let radio = serde_json::from_str::<Head>(status).ok().and_then(|head| head.radio);
        let told = radio.into_iter().flat_map(|radio| radio.channels).map(|channel| (channel.name.to_string(), channel.hash));
        let news: Vec<_> = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            told.filter(|channel| !known.contains(channel)).collect()
        };
        if news.is_empty() {
            return Ok(());
        }
        let added = store.note_channels(bridge, &news, now).await?;
        if added > 0 {
            tracing::info!(bridge.id = %bridge, added, "channels are kept that a bridge tells of; they are private until an operator publishes them");
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = REMEMBERED.saturating_sub(known.len());
        known.extend(news.into_iter().take(room));
        Ok(())
    }
}
