//! Why something that a bridge published was refused: stable codes, beside those of the contract's own parser and the store's.

use kosmo_contract::Refusal;
use kosmo_store::ingest::Note;

/// Why a record or a payload was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It came on a topic that means nothing here.
    UnknownTopic,
    /// It names another bridge than its topic.
    WrongBridge,
    /// It belongs to a stream that somebody else answers for.
    WrongStream,
    /// It is about a node number that no node can bear.
    ReservedNode,
    /// A text without the packet it came in.
    NoPacket,
    /// A hand-over without a packet id, so that nothing could refer to it.
    NoPacketId,
    /// A hand-over in a packet whose id is another than the message's at this attempt.
    WrongPacketId,
    /// A text that says nothing.
    NoText,
    /// The store would not have it, for no reason that it could name.
    NotStorable,
}

impl Reason {
    /// Returns the stable code.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownTopic => "unknown_topic",
            Self::WrongBridge => "wrong_bridge",
            Self::WrongStream => "wrong_stream",
            Self::ReservedNode => "reserved_node",
            Self::NoPacket => "no_packet",
            Self::NoPacketId => "no_packet_id",
            Self::WrongPacketId => "wrong_packet_id",
            Self::NoText => "no_text",
            Self::NotStorable => "not_storable",
        }
    }

    /// Returns the reason as it is kept, with the field and a sentence for whoever reads it.
    pub(crate) fn note(self, field: impl Into<String>, detail: impl Into<String>) -> Note {
        Note { code: self.as_str().to_owned(), field: field.into(), detail: detail.into() }
    }
}

/// Returns what the contract's parser refused as it is kept.
pub(crate) fn note_of(refusal: Refusal) -> Note {
    Note { code: refusal.code.as_str().to_owned(), field: refusal.field.unwrap_or_default(), detail: refusal.detail }
}
