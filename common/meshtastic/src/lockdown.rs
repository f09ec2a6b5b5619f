//! Lockdown: a radio that was locked with a passphrase tells a client who has not given it next to nothing, and none of what it hears.
//!
//! Firmware from 2.8 on has it for nRF52 boards (`PhoneAPI.cpp`, `sendConfigComplete`): the handshake of such a client has channels
//! without content, no firmware version, and no other nodes; right after it `FromRadio.lockdown_status` says why. The generated types
//! are too old for that message.

use prost::Message;

/// What a radio says of its lockdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lockdown {
    /// It tells this client everything: nothing is locked, or the client has given the passphrase.
    Open,
    /// It wants the passphrase first, or is about to be given one.
    Locked,
}

/// The protocol's numbers for the states (`LockdownStatus.State`).
const NEEDS_PROVISION: i32 = 1;
const LOCKED: i32 = 2;
const UNLOCKED: i32 = 3;
const UNLOCK_FAILED: i32 = 4;
const DISABLED: i32 = 5;

#[derive(Clone, PartialEq, Message)]
struct FromRadio {
    #[prost(message, optional, tag = "18")]
    lockdown_status: Option<LockdownStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct LockdownStatus {
    #[prost(int32, tag = "1")]
    state: i32,
    /// For programs, like `needs_auth`.
    #[prost(bytes = "vec", tag = "2")]
    lock_reason: Vec<u8>,
}

impl Lockdown {
    /// Returns what the payload of a frame says of it; nothing if it is another message, or a state that this version does not know.
    pub fn read(payload: &[u8]) -> Option<Self> {
        match FromRadio::decode(payload).ok()?.lockdown_status?.state {
            UNLOCKED | DISABLED => Some(Self::Open),
            NEEDS_PROVISION | LOCKED | UNLOCK_FAILED => Some(Self::Locked),
            _ => None,
        }
    }

    /// Returns the payload of the frame with which a radio says so: that nothing is locked, or that this client must give the
    /// passphrase.
    pub fn encode(self) -> Vec<u8> {
        let (state, reason) = match self {
            Self::Open => (DISABLED, &b""[..]),
            Self::Locked => (LOCKED, &b"needs_auth"[..]),
        };
        FromRadio { lockdown_status: Some(LockdownStatus { state, lock_reason: reason.to_vec() }) }.encode_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_radio_says_of_its_lockdown_is_read_and_nothing_else_passes_for_it() {
        for (payload, expect) in [
            (&b"\x92\x01\x02\x08\x01"[..], Some(Lockdown::Locked)),
            (b"\x92\x01\x02\x08\x02", Some(Lockdown::Locked)),
            (b"\x92\x01\x04\x08\x04\x28\x1e", Some(Lockdown::Locked)),
            (b"\x92\x01\x06\x08\x03\x18\x05\x20\x00", Some(Lockdown::Open)),
            (b"\x92\x01\x02\x08\x05", Some(Lockdown::Open)),
            (b"\x92\x01\x00", None),
            (b"\x92\x01\x02\x08\x63", None),
            // A reason that is no text costs nothing.
            (b"\x92\x01\x05\x08\x02\x12\x01\xff", Some(Lockdown::Locked)),
            (b"\x9a\x01\x00", None),
            (b"\x38\x07", None),
            (b"", None),
        ] {
            assert_eq!(Lockdown::read(payload), expect, "{payload:02x?}");
        }
        for lockdown in [Lockdown::Open, Lockdown::Locked] {
            assert_eq!(Lockdown::read(&lockdown.encode()), Some(lockdown));
        }
    }
}
