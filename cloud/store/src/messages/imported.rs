//! Texts to everybody that another program has kept.

use crate::{
    Result, Store,
    db::on_tx,
    types::{At, Node, storable},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, PacketId, Timestamp};
use sha2::{Digest as _, Sha256};
use std::fmt;
use uuid::{Builder, Uuid};

/// The longest text, in bytes; no packet carries more.
const MAX_TEXT: usize = 1024;

/// A text that was said to everybody on a channel, as another program kept it.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedText {
    /// Who sent it.
    pub from: NodeId,
    /// The sender's id for its packet; 0 if that program does not tell.
    pub packet_id: PacketId,
    /// What that program calls the channel.
    pub channel: String,
    /// What the channel's packets show on the air; 0 if that program does not tell.
    pub hash: u8,
    /// What it says.
    pub text: String,
    /// The packet that it answers.
    pub reply_to: Option<PacketId>,
    /// When it was heard.
    pub at: Timestamp,
}

impl fmt::Debug for ImportedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedText").field("from", &self.from).field("at", &self.at).finish_non_exhaustive()
    }
}

impl ImportedText {
    /// Returns an id that is the same for the same text, so that it is stored once.
    fn id(&self) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(self.from.number().to_be_bytes());
        hash.update(self.packet_id.0.to_be_bytes());
        hash.update(self.at.as_micros().to_be_bytes());
        hash.update(self.channel.as_bytes());
        hash.update([0]);
        hash.update(self.text.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

impl Store {
    /// Stores texts that are not there yet, and returns how many those were. They come in at the time they were heard, so that they
    /// lie where they belong, and nobody is told of them.
    ///
    /// # Errors
    /// As the database does.
    pub async fn import_texts(&self, texts: &[ImportedText], now: Timestamp) -> Result<u64> {
        const SQL: &str = "insert into channel_texts (id, channel_name, channel_hash, from_node, packet_id, text, reply_to, reaction, stored, bridge, heard_at, received_at)
                           values ($1, $2, $3, $4, $5, $6, $7, $8, $8, null, $9, $10)
                           on conflict (id) do nothing";
        let mut tx = self.begin().await?;
        let mut new = 0;
        for text in texts {
            new += on_tx!(tx, |db| {
                sqlx::query(SQL)
                    .bind(text.id())
                    .bind(storable(&text.channel, 32))
                    .bind(i64::from(text.hash))
                    .bind(Node(text.from))
                    .bind(i64::from(text.packet_id.0))
                    .bind(storable(&text.text, MAX_TEXT))
                    .bind(text.reply_to.map(|id| i64::from(id.0)))
                    .bind(false)
                    .bind(At(text.at))
                    .bind(At(text.at.min(now)))
                    .execute(db)
                    .map_ok(|done| done.rows_affected())
            })?;
        }
        tx.commit().await?;
        Ok(new)
    }
}
