//! The closed list of reasons a request can be refused for. Clients branch on them, so they are few and stable.

use axum::http::StatusCode;

/// Why a request was not answered as asked; decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Something in the request cannot be so.
    InvalidRequest,
    /// There is no such thing.
    NotFound,
    /// The path is there, and does not take this method.
    MethodNotAllowed,
    /// The body is larger than the service reads.
    PayloadTooLarge,
    /// The body is not of a type the service reads.
    UnsupportedMediaType,
    /// The answer took longer than a client should wait.
    Timeout,
    /// Something the service depends on does not answer.
    Unavailable,
    /// A defect of ours.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 8] = [
        Self::InvalidRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::Timeout,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Returns the name that stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Returns the HTTP status that goes with the code.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the same short sentence for every problem of the kind.
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not valid",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "This path does not take this method",
            Self::PayloadTooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The request is not of a type that is read here",
            Self::Timeout => "The answer took too long",
            Self::Unavailable => "The service cannot answer at present",
            Self::Internal => "Something went wrong on the server",
        }
    }

    /// Returns what a client may do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::InvalidRequest => "Change what `field` names; the same request will be refused again.",
            Self::NotFound => "Check the path and the id in it.",
            Self::MethodNotAllowed => "Use one of the methods in the `Allow` header.",
            Self::PayloadTooLarge => "Send at most `limit` bytes.",
            Self::UnsupportedMediaType => "Send JSON as `application/json`.",
            Self::Timeout => "Ask for less, or try again later.",
            Self::Unavailable => "Try again after a while, or after `Retry-After` if it is given.",
            Self::Internal => "Tell the operator the `request_id`; the cause is in the log.",
        }
    }
}
