//! The closed list of reasons a request can be refused for. Clients branch on them, so they are few and stable.

use axum::http::StatusCode;

/// Why a request was not answered as asked; decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Something in the request cannot be so.
    InvalidRequest,
    /// The body is not JSON.
    InvalidJson,
    /// What names a node is no node id.
    InvalidNodeId,
    /// The text says nothing.
    TextEmpty,
    /// The text does not fit into a packet.
    TextTooLong,
    /// The text has characters that nobody can see.
    TextUnprintable,
    /// Nobody says who asks.
    Unauthenticated,
    /// What says who asks is not well-formed.
    InvalidIdentity,
    /// Nobody has the identity given.
    UnknownUser,
    /// The plan receives, and sends nothing.
    PlanSendsNothing,
    /// The plan writes to listed nodes, and this is none of them.
    NodeNotListed,
    /// The texts of the period are used up.
    QuotaExceeded,
    /// Too many texts in too short a time.
    RateLimited,
    /// The key was given before, for another request.
    IdempotencyKeyReused,
    /// It has gone too far to be taken back.
    TooLate,
    /// The node shows another key than the one that was named.
    KeyChanged,
    /// There is no such thing.
    NotFound,
    /// The path is there, and does not take this method.
    MethodNotAllowed,
    /// The body is larger than the service reads.
    PayloadTooLarge,
    /// The body is not of a type the service reads.
    UnsupportedMediaType,
    /// As many streams of live events are open as may be.
    TooManyStreams,
    /// The answer took longer than a client should wait.
    Timeout,
    /// Something the service depends on does not answer.
    Unavailable,
    /// A defect of ours.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 24] = [
        Self::InvalidRequest,
        Self::InvalidJson,
        Self::InvalidNodeId,
        Self::TextEmpty,
        Self::TextTooLong,
        Self::TextUnprintable,
        Self::Unauthenticated,
        Self::InvalidIdentity,
        Self::UnknownUser,
        Self::PlanSendsNothing,
        Self::NodeNotListed,
        Self::QuotaExceeded,
        Self::RateLimited,
        Self::IdempotencyKeyReused,
        Self::TooLate,
        Self::KeyChanged,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::TooManyStreams,
        Self::Timeout,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Returns the name that stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidJson => "invalid_json",
            Self::InvalidNodeId => "invalid_node_id",
            Self::TextEmpty => "text_empty",
            Self::TextTooLong => "text_too_long",
            Self::TextUnprintable => "text_unprintable",
            Self::Unauthenticated => "unauthenticated",
            Self::InvalidIdentity => "invalid_identity",
            Self::UnknownUser => "unknown_user",
            Self::PlanSendsNothing => "plan_sends_nothing",
            Self::NodeNotListed => "node_not_listed",
            Self::QuotaExceeded => "quota_exceeded",
            Self::RateLimited => "rate_limited",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::TooLate => "too_late",
            Self::KeyChanged => "key_changed",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooManyStreams => "too_many_streams",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Returns the HTTP status that goes with the code.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest
            | Self::InvalidJson
            | Self::InvalidNodeId
            | Self::TextEmpty
            | Self::TextTooLong
            | Self::TextUnprintable => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::InvalidIdentity | Self::UnknownUser => StatusCode::UNAUTHORIZED,
            Self::PlanSendsNothing | Self::NodeNotListed => StatusCode::FORBIDDEN,
            Self::QuotaExceeded | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLate | Self::KeyChanged => StatusCode::CONFLICT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyStreams | Self::Timeout | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the same short sentence for every problem of the kind.
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not valid",
            Self::InvalidJson => "The body is not JSON",
            Self::InvalidNodeId => "This is no node id",
            Self::TextEmpty => "The text is empty",
            Self::TextTooLong => "The text is too long",
            Self::TextUnprintable => "The text has control characters",
            Self::Unauthenticated => "It is not known who asks",
            Self::InvalidIdentity => "This does not say who asks",
            Self::UnknownUser => "There is no such user",
            Self::PlanSendsNothing => "The plan sends nothing",
            Self::NodeNotListed => "The node is not on the list",
            Self::QuotaExceeded => "The quota is used up",
            Self::RateLimited => "Too many texts in a short time",
            Self::IdempotencyKeyReused => "The idempotency key belongs to another request",
            Self::TooLate => "It cannot be taken back any more",
            Self::KeyChanged => "The node shows another key",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "This path does not take this method",
            Self::PayloadTooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The request is not of a type that is read here",
            Self::TooManyStreams => "There are too many streams",
            Self::Timeout => "The answer took too long",
            Self::Unavailable => "The service cannot answer at present",
            Self::Internal => "Something went wrong on the server",
        }
    }

    /// Returns what a client may do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::InvalidRequest => "Change what `field` names; the same request will be refused again.",
            Self::InvalidJson => "Send one JSON value; `detail` says where it stops being JSON.",
            Self::InvalidNodeId => "Write `!` and eight lower-case hexadecimal digits, like `!a1b2c3d4`.",
            Self::TextEmpty => "Write something.",
            Self::TextTooLong => "Send at most `limit` bytes of UTF-8, or several texts.",
            Self::TextUnprintable => "Leave out control characters; a new line is the only one allowed.",
            Self::Unauthenticated => "Say who you are, in the way that `WWW-Authenticate` names.",
            Self::InvalidIdentity => "Correct the header that `field` names.",
            Self::UnknownUser => "Use the id of a user that the operator has added.",
            Self::PlanSendsNothing => "Choose a plan that sends.",
            Self::NodeNotListed => "Have the node added to your list, or choose a plan that writes to every node.",
            Self::QuotaExceeded => "Wait until `resets_at`, or choose a larger plan.",
            Self::RateLimited => "Wait for `retry_after_s` seconds; nothing of this request was stored or charged.",
            Self::IdempotencyKeyReused => "Draw a new key for a new request; repeat a key only with the same body.",
            Self::TooLate => "Look at the text: it was given to a radio, or its fate is known.",
            Self::KeyChanged => "Read the node's key again, and compare it with its owner before confirming it.",
            Self::NotFound => "Check the path and the id in it.",
            Self::MethodNotAllowed => "Use one of the methods in the `Allow` header.",
            Self::PayloadTooLarge => "Send at most `limit` bytes.",
            Self::UnsupportedMediaType => "Send JSON as `application/json`.",
            Self::TooManyStreams => "Close a stream, or ask again and again instead; try again after `Retry-After`.",
            Self::Timeout => "Ask for less, or try again later.",
            Self::Unavailable => "Try again after a while, or after `Retry-After` if it is given.",
            Self::Internal => "Tell the operator the `request_id`; the cause is in the log.",
        }
    }
}
