//! Texts on public channels that nodes published by MQTT. They are talk of the channel and nothing else: what anybody can claim is no
//! member's answer, and proves nothing.

use crate::{
    Result,
    db::Tx,
    messages::{chat, inbound::InboundText, packets},
    network::Kind,
};
use kosmo_domain::{BridgeId, Timestamp};

/// A text that was said to everybody on a channel, as a node's uplink tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverheardText {
    /// The broker it came from, as it is called among bridges.
    pub source: BridgeId,
    /// What was said, and on which channel.
    pub text: InboundText,
    /// When it was heard.
    pub heard_at: Timestamp,
}

/// Stores what was said on channels inside another use-case, unless a bridge has told of it, or it is what we sent ourselves.
pub(crate) async fn overhear(tx: &mut Tx, texts: &[OverheardText], now: Timestamp) -> Result<()> {
    // In the order of their names, so that replicas wait for each other and do not lock each other out.
    let mut texts: Vec<_> = texts.iter().collect();
    texts.sort_by_key(|said| (said.text.from, said.text.packet_id));
    for OverheardText { source, text, heard_at } in texts {
        let Some(channel) = text.channel.as_ref().filter(|_| text.to.is_broadcast()) else { continue };
        if packets::is_radio_of_ours(tx, text.from).await? {
            continue;
        }
        if chat::store(tx, source, channel, text, *heard_at, now).await? {
            tx.tally.count(Kind::TextHeard, 1, now);
        }
    }
    Ok(())
}
