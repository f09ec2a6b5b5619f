//! Secrets that are kept to be read again: sealed with the installation's own key, which is not in the database.
//!
//! XChaCha20-Poly1305: authenticated, and with nonces long enough to be drawn. What a secret belongs to is sealed along with
//! it, so that one put in the place of another does not open.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// The bytes of a nonce, which stand before what is sealed.
const NONCE: usize = 24;

/// The key that the installation seals its secrets with: 256 random bits, kept outside of the database.
#[derive(Clone)]
pub struct Vault {
    key: [u8; 32],
}

/// Says that a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secrets key is 64 hexadecimal digits")]
pub struct VaultKeyError;

impl Vault {
    /// Returns the vault of this key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Returns what tells this key from others, and says nothing about it: 8 hexadecimal digits.
    pub fn name(&self) -> String {
        let [a, b, c, d, ..] = self.fingerprint(&[b"name"]);
        format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
    }

    /// Seals a secret of `owner` with a nonce that the caller draws.
    pub(crate) fn seal(&self, owner: &[u8], secret: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
        let payload = Payload { msg: secret, aad: owner };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).expect("a secret of some bytes is shorter than a cipher's limit");
        [&nonce[..], &sealed].concat()
    }

    /// Opens what was sealed for `owner` with this key; nothing if it was not.
    pub(crate) fn open(&self, owner: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: owner }).ok()
    }

    /// Returns what is the same for the same parts under the same key, and tells nothing of them without it.
    pub(crate) fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new().chain_update(b"kosmo vault fingerprint").chain_update(self.key);
        for part in parts {
            hash = hash.chain_update((part.len() as u64).to_le_bytes()).chain_update(part);
        }
        hash.finalize().into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.key.into())
    }
}

impl FromStr for Vault {
    type Err = VaultKeyError;

    fn from_str(text: &str) -> Result<Self, VaultKeyError> {
        let digits = text.trim().as_bytes();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        if digits.len() != 64 {
            return Err(VaultKeyError);
        }
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or(VaultKeyError)?;
        }
        Ok(Self { key })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_owner_with_its_key_alone() {
        let vault = Vault::new([7; 32]);
        let sealed = vault.seal(b"roof", b"secret", [1; 24]);
        assert_eq!(vault.open(b"roof", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(vault.open(b"cellar", &sealed), None);
        assert_eq!(Vault::new([8; 32]).open(b"roof", &sealed), None);
        assert_eq!(vault.open(b"roof", &sealed[..30]), None);
        assert_eq!(vault.open(b"roof", b""), None);
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let text = "07".repeat(32);
        assert_eq!(text.parse::<Vault>().unwrap().name(), Vault::new([7; 32]).name());
        assert_ne!(Vault::new([8; 32]).name(), Vault::new([7; 32]).name());
        for wrong in ["", "07", &"0g".repeat(32), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<Vault>().unwrap_err(), VaultKeyError);
        }
        assert!(!format!("{:?}", Vault::new([7; 32])).contains('7'));
    }
}
