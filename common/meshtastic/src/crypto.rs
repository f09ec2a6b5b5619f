//! The encryption of channels: AES in counter mode, under a key that everybody on the channel has.
//!
//! Nothing in a packet proves that it was decrypted with the right key: there is no authentication, and the hash that names the
//! channel has eight bits. What comes out is therefore believed only if it is a message such as firmware writes ([`Keyring::open`]).
//! Source of the scheme: the firmware's `CryptoEngine.cpp` and `Channels.cpp`.

mod plausible;

use crate::proto;
use aes::{
    Aes128, Aes256,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use ctr::Ctr32BE;
use kosmo_domain::{NodeId, PacketId};
use std::fmt;

pub use crate::crypto::plausible::{Implausible, read_data};

/// The key that every radio has for its first channel, written `AQ==`; public knowledge.
pub const DEFAULT_KEY: [u8; 16] = [0xd4, 0xf1, 0xbb, 0x3a, 0x20, 0x29, 0x07, 0x59, 0xf0, 0xbc, 0xff, 0xab, 0xcf, 0x4e, 0x69, 0x01];

/// The names that channels without a name of their own have, after the modem preset of the radio.
pub const PRESET_CHANNELS: [&str; 10] =
    ["LongFast", "LongSlow", "LongMod", "LongTurbo", "MediumFast", "MediumSlow", "MediumTurbo", "ShortFast", "ShortSlow", "ShortTurbo"];

/// The longest ciphertext of a packet; the air carries 239 bytes, and MQTT packets are no longer.
pub const MAX_CIPHERTEXT: usize = 512;

/// The key of a channel as it encrypts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ChannelKey {
    /// The channel is not encrypted.
    None,
    /// AES-128.
    Aes128([u8; 16]),
    /// AES-256.
    Aes256([u8; 32]),
}

/// Says that bytes are no key of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a channel's key has at most 32 bytes, and this one has {bytes}")]
pub struct KeyError {
    /// How many there are.
    pub bytes: usize,
}

impl ChannelKey {
    /// Returns the key that a radio makes of what is configured: nothing or a zero is no key, one byte counts up from the
    /// [default](DEFAULT_KEY), and what is short is filled up with zeros to 16 or 32 bytes.
    ///
    /// # Errors
    /// [`KeyError`] for more than 32 bytes.
    pub fn expand(configured: &[u8]) -> Result<Self, KeyError> {
        Ok(match configured {
            [] | [0] => Self::None,
            [number] => {
                let mut key = DEFAULT_KEY;
                key[15] = key[15].wrapping_add(number - 1);
                Self::Aes128(key)
            }
            short if short.len() <= 16 => {
                let mut key = [0; 16];
                key[..short.len()].copy_from_slice(short);
                Self::Aes128(key)
            }
            long if long.len() <= 32 => {
                let mut key = [0; 32];
                key[..long.len()].copy_from_slice(long);
                Self::Aes256(key)
            }
            _ => return Err(KeyError { bytes: configured.len() }),
        })
    }

    /// Returns the key's bytes: none, 16 or 32.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Aes128(key) => key,
            Self::Aes256(key) => key,
        }
    }

    /// Tells whether everybody has this key, or needs none: there are 255 keys that one byte stands for.
    pub fn is_public(&self) -> bool {
        match self {
            Self::None => true,
            Self::Aes128(key) => key[..15] == DEFAULT_KEY[..15],
            Self::Aes256(_) => false,
        }
    }

    /// Encrypts or decrypts what a packet carries, in place: the same operation does both.
    pub fn apply(&self, from: NodeId, id: PacketId, bytes: &mut [u8]) {
        let nonce = nonce(from, id);
        match self {
            Self::None => {}
            Self::Aes128(key) => Ctr32BE::<Aes128>::new(&(*key).into(), &nonce.into()).apply_keystream(bytes),
            Self::Aes256(key) => Ctr32BE::<Aes256>::new(&(*key).into(), &nonce.into()).apply_keystream(bytes),
        }
    }
}

/// Shows what kind of key it is, and not which.
impl fmt::Debug for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelKey({} bits)", self.bytes().len() * 8)
    }
}

/// Returns the first block's counter: packet id (8 bytes) and sender (4 bytes), both little-endian, and a zero count.
pub fn nonce(from: NodeId, id: PacketId) -> [u8; 16] {
    let mut nonce = [0; 16];
    nonce[..4].copy_from_slice(&id.0.to_le_bytes());
    nonce[8..12].copy_from_slice(&from.number().to_le_bytes());
    nonce
}

/// Returns the hash that encrypted packets name their channel by: all bytes of its name and its key, one xor the other.
pub fn channel_hash(name: &str, key: &ChannelKey) -> u8 {
    name.bytes().chain(key.bytes().iter().copied()).fold(0, |hash, byte| hash ^ byte)
}

/// Any number of channels, looked up by their hashes. `T` is what the owner of the ring knows a channel by.
#[derive(Debug, Clone)]
pub struct Keyring<T> {
    channels: Vec<Channel<T>>,
    by_hash: Vec<Vec<u32>>,
}

/// A channel on a ring.
#[derive(Debug, Clone)]
pub struct Channel<T> {
    /// What its owner knows it by.
    pub tag: T,
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: ChannelKey,
}

/// A packet that was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened<'a, T> {
    /// The channel whose key opened it.
    pub tag: &'a T,
    /// What it carries.
    pub data: proto::Data,
}

/// Why a packet stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Sealed {
    /// It bears the hash of direct messages: only its addressee has the key.
    #[error("only the addressee has the key")]
    Direct,
    /// No channel on the ring has its hash.
    #[error("no channel has this hash")]
    NoKey,
    /// The keys with its hash make nothing of it that firmware would write: it is another channel's.
    #[error("no key with this hash fits")]
    WrongKey,
    /// Several keys make something of it, and nothing tells which of them is right.
    #[error("several keys with this hash fit")]
    Ambiguous,
    /// It is longer than any packet.
    #[error("it is longer than any packet")]
    TooLong,
}

impl Sealed {
    /// Returns the name used in counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::NoKey => "no_key",
            Self::WrongKey => "wrong_key",
            Self::Ambiguous => "ambiguous",
            Self::TooLong => "too_long",
        }
    }
}

impl<T> Default for Keyring<T> {
    fn default() -> Self {
        Self { channels: Vec::new(), by_hash: vec![Vec::new(); 256] }
    }
}

impl<T> Keyring<T> {
    /// Puts a channel on the ring. Of several with the same name and key the first counts.
    pub fn add(&mut self, tag: T, name: impl Into<String>, key: ChannelKey) {
        let name = name.into();
        let hash = usize::from(channel_hash(&name, &key));
        let same = |&index: &u32| self.channels.get(index as usize).is_some_and(|other| other.name == name && other.key == key);
        if self.by_hash[hash].iter().any(same) {
            return;
        }
        let Ok(index) = u32::try_from(self.channels.len()) else { return };
        self.by_hash[hash].push(index);
        self.channels.push(Channel { tag, name, key });
    }

    /// Returns the channels, in the order they were put on.
    pub fn channels(&self) -> &[Channel<T>] {
        &self.channels
    }

    /// Returns the channel of this name that is meant where only names are told: the one that was put on first.
    pub fn named(&self, name: &str) -> Option<&Channel<T>> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// Opens what `from` sent as packet `id`, encrypted on the channel of this hash. A channel called `claimed` is tried first:
    /// that is what the packet's envelope says, and anybody can write envelopes.
    ///
    /// # Errors
    /// [`Sealed`], which says why not.
    pub fn open(&self, from: NodeId, id: PacketId, hash: u32, claimed: &str, ciphertext: &[u8]) -> Result<Opened<'_, T>, Sealed> {
        if ciphertext.len() > MAX_CIPHERTEXT {
            return Err(Sealed::TooLong);
        }
        // A channel may have the hash 0 as well, so a direct message is known by nothing fitting.
        let none = if hash == 0 { Sealed::Direct } else { Sealed::NoKey };
        let candidates = usize::try_from(hash).ok().and_then(|hash| self.by_hash.get(hash)).filter(|list| !list.is_empty()).ok_or(none)?;
        let candidates = || candidates.iter().filter_map(|&index| self.channels.get(index as usize));
        let mut buffer = [0; MAX_CIPHERTEXT];
        let mut attempt = |channel: &Channel<T>| {
            let plain = &mut buffer[..ciphertext.len()];
            plain.copy_from_slice(ciphertext);
            channel.key.apply(from, id, plain);
            read_data(plain).ok()
        };
        for channel in candidates().filter(|channel| channel.name == claimed) {
            if let Some(data) = attempt(channel) {
                return Ok(Opened { tag: &channel.tag, data });
            }
        }
        let mut found: Option<Opened<'_, T>> = None;
        for channel in candidates().filter(|channel| channel.name != claimed) {
            let Some(data) = attempt(channel) else { continue };
            if found.is_some() {
                return Err(Sealed::Ambiguous);
            }
            found = Some(Opened { tag: &channel.tag, data });
        }
        found.ok_or(if hash == 0 { Sealed::Direct } else { Sealed::WrongKey })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_hash(name: &str, expect: u8) {
        assert_eq!(channel_hash(name, &ChannelKey::expand(&[1]).unwrap()), expect, "{name}");
    }

    #[test]
    fn the_well_known_channels_have_their_hashes() {
        for (name, expect) in [
            ("LongFast", 0x08),
            ("MediumFast", 0x1f),
            ("MediumSlow", 0x18),
            ("ShortFast", 0x70),
            ("ShortSlow", 0x77),
            ("LongMod", 0x6e),
            ("LongSlow", 0x0f),
            ("LongTurbo", 0x76),
            ("ShortTurbo", 0x0e),
            ("MediumTurbo", 0x61),
        ] {
            check_hash(name, expect);
            assert!(PRESET_CHANNELS.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_packet_of_the_firmware_is_opened() {
        let (from, id) = (NodeId::from_number(0xa1b2_c3d4), PacketId(0x1234_5678));
        assert_eq!(nonce(from, id), [0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0xd4, 0xc3, 0xb2, 0xa1, 0, 0, 0, 0]);
        let mut packet = [0xff, 0xf0, 0x53, 0x99, 0x88, 0x2a, 0xaa, 0xf0, 0x41, 0x58, 0xf2];
        let mut ring = Keyring::default();
        ring.add("default", "LongFast", ChannelKey::expand(&[1]).unwrap());
        let opened = ring.open(from, id, 8, "", &packet).unwrap();
        assert_eq!((*opened.tag, opened.data.portnum, opened.data.payload.as_slice()), ("default", 1, &b"hello"[..]));
        assert_eq!(opened.data.bitfield, Some(1));
        ChannelKey::expand(&[1]).unwrap().apply(from, id, &mut packet);
        assert_eq!(packet, *b"\x08\x01\x12\x05hello\x48\x01");
    }

    #[test]
    fn short_keys_are_filled_up_as_radios_do() {
        let expand = |bytes: &[u8]| ChannelKey::expand(bytes).unwrap().bytes().to_vec();
        assert!(expand(&[]).is_empty());
        assert!(expand(&[0]).is_empty());
        assert_eq!(expand(&[1]), DEFAULT_KEY);
        assert_eq!(expand(&[3])[15], 3);
        assert_eq!(expand(&[255])[15], 255);
        assert_eq!(expand(&[7, 8])[..3], [7, 8, 0]);
        assert_eq!((expand(&[7; 15]).len(), expand(&[7; 16]), expand(&[7; 17]).len()), (16, vec![7; 16], 32));
        assert_eq!(ChannelKey::expand(&[7; 33]), Err(KeyError { bytes: 33 }));
        assert!(!format!("{:?}", ChannelKey::expand(&[7; 16]).unwrap()).contains('7'));
    }

    #[test]
    fn only_keys_that_one_byte_stands_for_are_public() {
        for (key, expect) in [(&[][..], true), (&[1], true), (&[200], true), (&[1, 2], false), (&[9; 16], false), (&[9; 32], false)] {
            assert_eq!(ChannelKey::expand(key).unwrap().is_public(), expect, "{key:?}");
        }
    }

    #[test]
    fn what_no_key_opens_says_why() {
        let mut ring = Keyring::default();
        ring.add(1, "LongFast", ChannelKey::expand(&[1]).unwrap());
        let open = |hash, bytes: &[u8]| ring.open(NodeId::from_number(7), PacketId(9), hash, "LongFast", bytes).map(|opened| *opened.tag);
        assert_eq!(open(0, &[1; 40]), Err(Sealed::Direct));
        assert_eq!(open(9, &[1; 40]), Err(Sealed::NoKey));
        assert_eq!(open(0x1_0008, &[1; 40]), Err(Sealed::NoKey));
        assert_eq!(open(8, &[1; 40]), Err(Sealed::WrongKey));
        assert_eq!(open(8, &[]), Err(Sealed::WrongKey));
        assert_eq!(open(8, &[1; 4000]), Err(Sealed::TooLong));
    }
}
