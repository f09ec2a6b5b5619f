//! Bounded texts and bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, ops::Deref};

/// A text of at most `MAX` bytes of UTF-8. Its `Debug` shows its length alone, so that no text of a person reaches a
/// log by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Returns the text, cut at the last character that fits.
    pub fn cut(text: &str) -> Self {
        let mut end = text.len().min(MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(text[..end].to_owned())
    }

    /// Returns the text itself.
    pub fn into_inner(self) -> String {
        self.0
    }
}

/// Says that a text is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes of text, where at most {max} are allowed")]
pub struct TooLong {
    /// The bytes given.
    pub len: usize,
    /// The bytes allowed.
    pub max: usize,
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        if text.len() > MAX { Err(TooLong { len: text.len(), max: MAX }) } else { Ok(Self(text)) }
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl<const MAX: usize> Serialize for Text<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }

    // JSON Schema counts characters, we count bytes: no text of more characters than bytes exists.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "maxLength": MAX })
    }
}

/// At most `MAX` bytes, written as standard base64.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Base64Bytes<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Base64Bytes<MAX> {
    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<Vec<u8>> for Base64Bytes<MAX> {
    type Error = TooLong;

    fn try_from(bytes: Vec<u8>) -> Result<Self, TooLong> {
        if bytes.len() > MAX { Err(TooLong { len: bytes.len(), max: MAX }) } else { Ok(Self(bytes)) }
    }
}

impl<const MAX: usize> fmt::Debug for Base64Bytes<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64Bytes({} bytes)", self.0.len())
    }
}

impl<const MAX: usize> Serialize for Base64Bytes<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Base64Bytes<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| de::Error::custom("not standard base64"))?;
        Self::try_from(bytes).map_err(de::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for Base64Bytes<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Base64Bytes{MAX}").into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64", "maxLength": MAX.div_ceil(3) * 4 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(&*Text::<4>::cut("aüü"), "aü");
        assert_eq!(&*Text::<3>::cut("📻"), "");
    }

    #[test]
    fn what_a_person_wrote_is_not_in_debug_output() {
        assert_eq!(format!("{:?}", Text::<200>::cut("meet me at noon")), "Text(15 bytes)");
    }

    #[test]
    fn a_text_over_its_limit_is_refused_with_both_numbers() {
        let error = serde_json::from_str::<Text<3>>("\"four\"").unwrap_err().to_string();
        assert!(error.contains("4 bytes of text, where at most 3 are allowed"), "{error}");
    }
}
