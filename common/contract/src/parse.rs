//! Parsing a payload: bounded, once, and with an answer that names what is wrong.

use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};

/// The largest payload that is looked into. The largest that a bridge writes is under 4 KiB.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// Why a payload was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCode {
    /// Larger than [`MAX_PAYLOAD_BYTES`].
    PayloadTooLarge,
    /// Not JSON at all.
    NotJson,
    /// A version other than 1.
    UnknownVersion,
    /// JSON, but a field is missing or not what it must be.
    InvalidField,
}

impl RefusalCode {
    /// Returns the stable code for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PayloadTooLarge => "payload_too_large",
            Self::NotJson => "not_json",
            Self::UnknownVersion => "unknown_version",
            Self::InvalidField => "invalid_field",
        }
    }
}

/// A refused payload: the reason, the field where there is one, and a sentence. The sentence may quote a few characters
/// of what was sent, so it belongs into answers and rejects, not into logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The reason.
    pub code: RefusalCode,
    /// The path of the field, like `body.metrics`.
    pub field: Option<String>,
    /// A sentence for a person.
    pub detail: String,
}

/// Parses a payload of the contract.
///
/// # Errors
/// [`Refusal`] if it is too large, is not JSON, has another version or a field that is not what it must be.
pub fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Refusal> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        let detail = format!("{} bytes, where at most {MAX_PAYLOAD_BYTES} are allowed", payload.len());
        return Err(Refusal { code: RefusalCode::PayloadTooLarge, field: None, detail });
    }
    serde_json::from_slice(payload).map_err(|error| refusal::<T>(payload, &error))
}

/// Reads a list of at most `MAX` elements, for fields marked `deserialize_with`.
pub(crate) fn at_most<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::<T>::deserialize(deserializer)?;
    if list.len() > MAX {
        return Err(de::Error::custom(format_args!("{} elements, where at most {MAX} are allowed", list.len())));
    }
    Ok(list)
}

/// Parses a second time to learn the field: this costs time only where something is wrong.
fn refusal<T: DeserializeOwned>(payload: &[u8], error: &serde_json::Error) -> Refusal {
    if error.is_syntax() || error.is_eof() {
        return Refusal { code: RefusalCode::NotJson, field: None, detail: bounded(&error.to_string()) };
    }
    let deserializer = &mut serde_json::Deserializer::from_slice(payload);
    let field = serde_path_to_error::deserialize::<_, T>(deserializer).err().map(|error| error.path().to_string());
    let code = if field.as_deref() == Some("v") { RefusalCode::UnknownVersion } else { RefusalCode::InvalidField };
    Refusal { code, field: field.filter(|path| path != "." && path != "?").map(|path| bounded(&path)), detail: bounded(&error.to_string()) }
}

/// Keeps what a hostile payload can put into an error message short.
fn bounded(text: &str) -> String {
    text.chars().take(200).collect()
}
