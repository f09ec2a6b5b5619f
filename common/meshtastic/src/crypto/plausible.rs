//! Whether decrypted bytes are a message that firmware writes, or what a wrong key makes of another one.
//!
//! The rules hold for every `Data` that firmware and the official clients encode: fields in ascending order, each once, port
//! first, and a payload that its port's own message type reads to the last byte. Random bytes pass about once in ten million.

use crate::{packet::port, proto, wire};
use prost::Message;

/// The highest port number there is.
const MAX_PORT: u64 = 511;
/// The highest number of a field in `Data` that is taken for one of a later firmware.
const MAX_FIELD: u64 = 31;

/// Says that bytes are no message of a mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no message that firmware writes")]
pub struct Implausible;

/// Reads decrypted bytes as what a packet carries.
///
/// # Errors
/// [`Implausible`] for what firmware does not write: such bytes were decrypted with a wrong key, or made up.
pub fn read_data(plain: &[u8]) -> Result<proto::Data, Implausible> {
    check_fields(plain)?;
    let data = proto::Data::decode(plain).map_err(|_| Implausible)?;
    let port = u32::try_from(data.portnum).map_err(|_| Implausible)?;
    if !is_port(port) || data.emoji > 1 && char::from_u32(data.emoji).is_none() {
        return Err(Implausible);
    }
    if carries(port, &data.payload) { Ok(data) } else { Err(Implausible) }
}

/// Tells whether a port has a meaning: the firmware's own, those registered by third parties, and private ones.
const fn is_port(port: u32) -> bool {
    matches!(port, 1..=13 | 32..=37 | 64..=127 | 256..=511)
}

/// Walks over the fields: port first, then ascending, each once, with the wire type that its number has.
fn check_fields(plain: &[u8]) -> Result<(), Implausible> {
    let mut rest = plain;
    let mut last = 0;
    while !rest.is_empty() {
        let (key, after) = varint(rest)?;
        let (field, kind) = (key >> 3, key & 7);
        let is_known = match field {
            1 | 3 | 9 => kind == 0,
            2 | 10 => kind == 2,
            4..=8 => kind == 5,
            11..=MAX_FIELD => matches!(kind, 0 | 2 | 5),
            _ => false,
        };
        if !is_known || field <= last || (last == 0 && field != 1) {
            return Err(Implausible);
        }
        rest = match kind {
            0 => {
                let (value, after) = varint(after)?;
                let fits = match field {
                    1 => (1..=MAX_PORT).contains(&value),
                    3 => value <= 1,
                    9 => value <= 0xff,
                    _ => true,
                };
                if !fits {
                    return Err(Implausible);
                }
                after
            }
            2 => {
                let (length, after) = varint(after)?;
                let length = usize::try_from(length).map_err(|_| Implausible)?;
                after.get(length..).ok_or(Implausible)?
            }
            _ => after.get(4..).ok_or(Implausible)?,
        };
        last = field;
    }
    if last == 0 { Err(Implausible) } else { Ok(()) }
}

/// Reads a number as protobuf writes it: in no more bytes than it needs, and at most five here, for no field is larger.
fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Implausible> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return if byte == 0 && index > 0 { Err(Implausible) } else { Ok((value, &bytes[index + 1..])) };
        }
    }
    Err(Implausible)
}

/// Tells whether a port can carry this.
fn carries(port: u32, payload: &[u8]) -> bool {
    match port {
        port::TEXT_MESSAGE => is_text(payload),
        port::POSITION => reads::<proto::Position>(payload),
        port::NODEINFO => wire::read_user(payload).is_ok(),
        port::ROUTING => reads::<proto::Routing>(payload),
        port::TELEMETRY => proto::Telemetry::decode(payload).is_ok(),
        port::TRACEROUTE => reads::<proto::RouteDiscovery>(payload),
        port::NEIGHBORINFO => reads::<proto::NeighborInfo>(payload),
        port::MAP_REPORT => proto::MapReport::decode(payload).is_ok(),
        _ => true,
    }
}

fn reads<M: Message + Default>(payload: &[u8]) -> bool {
    M::decode(payload).is_ok()
}

/// A text whose last character was cut off on its way is one still.
fn is_text(payload: &[u8]) -> bool {
    let words = match str::from_utf8(payload) {
        Ok(words) => words,
        Err(error) if error.error_len().is_none() => str::from_utf8(&payload[..error.valid_up_to()]).unwrap_or_default(),
        Err(_) => return false,
    };
    !words.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{7}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(port: i32, payload: &[u8]) -> proto::Data {
        proto::Data { portnum: port, payload: payload.to_vec(), ..Default::default() }
    }

    #[test]
    fn what_firmware_writes_is_read() {
        for data in [
            data(1, b"hello"),
            data(1, "👍".as_bytes()),
            data(1, b"cut \xc3"),
            data(1, b""),
            data(70, b""),
            data(300, &[0xff; 200]),
            proto::Data { bitfield: Some(3), want_response: true, request_id: 7, reply_id: 9, emoji: 1, ..data(67, &[0x0d, 1, 2, 3, 4]) },
        ] {
            assert_eq!(read_data(&data.encode_to_vec()), Ok(data));
        }
        let signed = [&data(1, b"hi").encode_to_vec()[..], &[0x48, 1, 0x52, 64], &[7; 64]].concat();
        assert!(read_data(&signed).is_ok(), "a signature of firmware 2.8");
    }

    #[test]
    fn what_it_does_not_write_is_not() {
        for bytes in [
            &b""[..],
            b"\x12\x02hi",
            b"\x08\x00\x12\x02hi",
            b"\x08\x01\x12\x02hi\x12\x02hi",
            b"\x12\x02hi\x08\x01",
            b"\x08\x81\x00\x12\x02hi",
            b"\x08\x01\x12\x03hi",
            b"\x08\x01\x12\x02\xff\xff",
            b"\x08\x01\x12\x02\x00\x01",
            b"\x08\x28\x12\x02hi",
            b"\x08\x80\x05\x12\x02hi",
            b"\x08\x03\x12\x02\x0d\x01",
            b"\x08\x01\x12\x02hi\x48\x80\x40",
            b"\x0a\x01\x12\x02hi",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(read_data(bytes), Err(Implausible), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_data(&bytes);
        }
    }

    /// A wrong key makes random bytes of a packet. Some get through by chance: it must be next to none.
    #[test]
    fn hardly_any_noise_passes_for_a_message() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut passed = 0;
        for round in 0..300_000 {
            let mut bytes = [0_u8; 48];
            for chunk in bytes.chunks_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                chunk.copy_from_slice(&state.to_le_bytes());
            }
            passed += u32::from(read_data(&bytes[..8 + round % 40]).is_ok());
        }
        assert!(passed <= 2, "{passed} of 300,000");
    }
}
