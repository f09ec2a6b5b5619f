//! The id of a packet that a member's text goes out in.

use crate::PacketId;

/// Returns the id that a message's packet bears at this attempt: the same whenever it is asked for, so that a packet
/// sent again in doubt is known on the mesh as the one sent before.
///
/// Never 0, which means "none" on the mesh. No two attempts of one message have the same. The message's 128 bits are
/// folded to 32 by the finaliser of MurmurHash3 (64 bits); its 32-bit sibling, which is a permutation, spreads the
/// attempts. This must never change: bridges of different versions would send one text as two.
#[expect(clippy::cast_possible_truncation, reason = "halves are cut off, and the last number stays below 2^32")]
pub const fn packet_id(message_id: u128, attempt: u8) -> PacketId {
    let [high, low] = [(message_id >> 64) as u64, message_id as u64];
    let folded = mix64(mix64(high.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ low);
    // 256 numbers from here on stay below 2^32, and the permutation maps 0 alone to 0.
    let base = 1 + folded % (u32::MAX as u64 - 255);
    PacketId(mix32((base + attempt as u64) as u32))
}

/// Returns at which attempt of a message its packet bears this id; nothing if at none, and then it is another message's packet.
pub fn attempt_of(message_id: u128, packet: PacketId) -> Option<u8> {
    (0..=u8::MAX).find(|&attempt| packet_id(message_id, attempt) == packet)
}

const fn mix64(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

const fn mix32(mut bits: u32) -> u32 {
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x85eb_ca6b);
    bits = (bits ^ (bits >> 13)).wrapping_mul(0xc2b2_ae35);
    bits ^ (bits >> 16)
}
