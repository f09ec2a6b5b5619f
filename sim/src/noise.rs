//! Seeded randomness without state: every number is a hash of what it is for, so that weather and mesh can be
//! computed for any moment, in any order, and come out the same.

/// Returns 64 well-mixed bits that depend on nothing but the arguments (the finaliser of SplitMix64, once per part).
pub(crate) fn hash(seed: u64, parts: &[u64]) -> u64 {
    let mix = |mut bits: u64| {
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    };
    parts.iter().fold(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)), |state, &part| {
        mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93))
    })
}

/// Returns the low 32 bits of [`hash`].
pub(crate) fn hash32(seed: u64, parts: &[u64]) -> u32 {
    let [a, b, c, d, ..] = hash(seed, parts).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Returns 32 bytes that depend on nothing but the arguments.
pub(crate) fn bytes32(seed: u64, parts: &[u64]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (index, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&hash(hash(seed, parts), &[index as u64]).to_le_bytes());
    }
    bytes
}

/// Returns a number from 0 to 1, 1 excluded.
pub(crate) fn unit(seed: u64, parts: &[u64]) -> f64 {
    (hash(seed, parts) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns a number from `low` to `high`.
pub(crate) fn between(seed: u64, parts: &[u64], low: f64, high: f64) -> f64 {
    low + (high - low) * unit(seed, parts)
}

/// Returns a smooth wave along `x` within ±1, with about one swing for each step of 2.
pub(crate) fn wave(seed: u64, stream: u64, x: f64) -> f64 {
    let (cell, t) = split(x);
    let corner = |step: i64| between(seed, &[stream, lattice(cell + step)], -1.0, 1.0);
    lerp(corner(0), corner(1), fade(t))
}

/// Returns a smooth field in three dimensions within ±1, with swings of about two steps in each.
pub(crate) fn field(seed: u64, stream: u64, at: [f64; 3]) -> f64 {
    let [(cx, tx), (cy, ty), (cz, tz)] = at.map(split);
    let corner = |x: i64, y: i64, z: i64| between(seed, &[stream, lattice(cx + x), lattice(cy + y), lattice(cz + z)], -1.0, 1.0);
    let edge = |y, z| lerp(corner(0, y, z), corner(1, y, z), fade(tx));
    let face = |z| lerp(edge(0, z), edge(1, z), fade(ty));
    lerp(face(0), face(1), fade(tz))
}

/// Returns 0 before 0, 1 after 1, and a smooth rise between, whose slope is known everywhere.
pub(crate) fn rise(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Returns a count as radios send it: whole, not negative, at most `u32::MAX`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range first")]
pub(crate) fn count(value: f64) -> u32 {
    value.round().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// Returns a whole number as radios send it, within the range of `i32`.
#[expect(clippy::cast_possible_truncation, reason = "clamped to the range first")]
pub(crate) fn whole(value: f64) -> i32 {
    value.round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
}

/// Returns a value as radios send it.
#[expect(clippy::cast_possible_truncation, reason = "radios send single precision")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

#[expect(clippy::cast_possible_truncation, reason = "coordinates of this planet and its calendar are far from 2^63")]
fn split(x: f64) -> (i64, f64) {
    let cell = x.floor();
    (cell as i64, x - cell)
}

fn lattice(cell: i64) -> u64 {
    u64::from_le_bytes(cell.to_le_bytes())
}

fn fade(t: f64) -> f64 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

fn lerp(a: f64, b: f64, t: f64) -> f64 {
    a + (b - a) * t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_even_and_repeatable() {
        let draws: Vec<_> = (0..10_000).map(|index| unit(7, &[index])).collect();
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert_eq!(hash(7, &[1, 2]), hash(7, &[1, 2]));
        assert_ne!(hash(7, &[1, 2]), hash(7, &[2, 1]));
        assert_ne!(hash(7, &[1]), hash(8, &[1]));
    }

    #[test]
    fn fields_are_smooth_and_bounded() {
        let mut before = field(1, 2, [0.0, 0.5, -0.25]);
        for step in 1..5_000 {
            let at = field(1, 2, [f64::from(step) * 0.001 - 2.0, 0.5, -0.25]);
            assert!((-1.0..=1.0).contains(&at));
            assert!(step == 1 || (at - before).abs() < 0.006);
            before = at;
        }
    }
}
