//! Why something was refused: stable codes, beside those of the contract's own parser.

use kosmo_contract::Refusal;
use kosmo_store::ingest::Note;

/// Why a value, a record or a payload was refused.
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
    /// A value is NaN or infinite.
    NotANumber,
    /// A value lies outside what its metric can plausibly be.
    OutOfRange,
    /// No metric has the name of a value.
    UnknownMetric,
    /// Nothing was left of the values, or there were none.
    NoValues,
    /// A clock was never set.
    ClockNotSet,
    /// A clock runs ahead.
    ClockAhead,
    /// It was measured before anything that is still kept.
    TooOld,
    /// Coordinates of a receiver that knows not where it is.
    NoFix,
    /// Coordinates of no place.
    InvalidPosition,
    /// A public key that is none.
    InvalidKey,
    /// A name with characters that cannot be seen.
    Unprintable,
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
            Self::NotANumber => "not_a_number",
            Self::OutOfRange => "out_of_range",
            Self::UnknownMetric => "unknown_metric",
            Self::NoValues => "no_values",
            Self::ClockNotSet => "clock_not_set",
            Self::ClockAhead => "clock_ahead",
            Self::TooOld => "too_old",
            Self::NoFix => "no_fix",
            Self::InvalidPosition => "invalid_position",
            Self::InvalidKey => "invalid_key",
            Self::Unprintable => "unprintable",
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
