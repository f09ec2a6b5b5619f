//! Names that members and groups go by: few characters of few kinds, so that they can stand before a text on the air.

use std::{fmt, str::FromStr};

/// Says what a name is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 20 characters of a-z, 0-9, `-` and `_`")]
pub struct NameError;

/// What the mesh calls a member: the beginning of each of their texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(String);

/// What a group of nodes is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

/// The longest name, in bytes.
const MAX_LEN: usize = 20;

fn is_name(text: &str) -> bool {
    (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

macro_rules! name {
    ($kind:ident) => {
        impl $kind {
            /// Returns the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $kind {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_name(text) { Ok(Self(text.to_owned())) } else { Err(NameError) }
            }
        }
    };
}

name!(Handle);
name!(GroupName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for text in ["ana", "a", "ana-2_b", "12345678901234567890"] {
            assert_eq!(text.parse::<Handle>().map(|handle| handle.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Ana", "ana ", "añ", "ana:", "123456789012345678901", "a\0"] {
            assert_eq!(text.parse::<Handle>(), Err(NameError), "{text:?}");
            assert_eq!(text.parse::<GroupName>(), Err(NameError), "{text:?}");
        }
    }
}
