//! Secrets of machines. They are 256 random bits, so that a plain hash of them is enough: there is nothing to guess,
//! and a login costs no key stretching.

use crate::Error;
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// A secret as its owner is shown it, once: 64 hexadecimal digits. It is not kept, and not logged.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret made of these random bits, which the caller draws from the system.
    pub fn from_random(bits: [u8; 32]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in bits {
            write!(text, "{byte:02x}").expect("a String takes all");
        }
        Self(text)
    }

    /// Returns the text, to be shown or written to a file of its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns what is kept of the secret.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is kept of a secret: its SHA-256.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Returns the hash of what somebody presents as a secret.
    pub fn of(presented: &[u8]) -> Self {
        Self(Sha256::digest(presented).into())
    }

    /// Tells whether this is the secret, in a time that says nothing about how much of it is right.
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(presented).0).into()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

impl TryFrom<Vec<u8>> for SecretHash {
    type Error = Error;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::Corrupt("a secret's hash is not 32 bytes".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_matches() {
        let secret = Secret::from_random([7; 32]);
        assert_eq!(secret.reveal().len(), 64);
        assert!(secret.hash().matches(secret.reveal().as_bytes()));
        assert!(!secret.hash().matches(b""));
        assert!(!secret.hash().matches(&[7; 32]));
    }

    #[test]
    fn a_secret_is_not_shown_by_accident() {
        let secret = Secret::from_random([0xab; 32]);
        assert!(!format!("{secret:?} {:?}", secret.hash()).contains("ab"));
    }
}
