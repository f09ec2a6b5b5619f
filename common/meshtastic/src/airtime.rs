//! How long a packet occupies the air.

use std::time::Duration;

/// How a radio modulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modem {
    /// Bits per symbol, 5 to 12.
    spreading_factor: u32,
    bandwidth_hz: u64,
    /// The lower number of the coding rate 4/5 to 4/8.
    coding_rate: u64,
}

impl Modem {
    /// The slowest that the firmware ever had a name for. Waiting longer than needed for an unknown modem only delays
    /// a claim; waiting less would make a false one.
    pub const SLOWEST: Self = Self { spreading_factor: 12, bandwidth_hz: 62_500, coding_rate: 8 };

    /// Returns what the firmware means by a preset below 2.4 GHz (`modemPresetToParams`).
    pub fn from_preset(name: &str) -> Option<Self> {
        let (spreading_factor, bandwidth_hz, coding_rate) = match name {
            "SHORT_TURBO" => (7, 500_000, 5),
            "SHORT_FAST" => (7, 250_000, 5),
            "SHORT_SLOW" => (8, 250_000, 5),
            "MEDIUM_TURBO" => (9, 500_000, 5),
            "MEDIUM_FAST" => (9, 250_000, 5),
            "MEDIUM_SLOW" => (10, 250_000, 5),
            "LONG_TURBO" => (11, 500_000, 8),
            "LONG_FAST" => (11, 250_000, 5),
            "LONG_MODERATE" => (11, 125_000, 8),
            "LONG_SLOW" => (12, 125_000, 8),
            "LITE_FAST" => (9, 125_000, 5),
            "LITE_SLOW" => (10, 125_000, 5),
            "NARROW_FAST" => (7, 62_500, 6),
            "NARROW_SLOW" => (8, 62_500, 6),
            "VERY_LONG_SLOW" => return Some(Self::SLOWEST),
            _ => return None,
        };
        Some(Self { spreading_factor, bandwidth_hz, coding_rate })
    }

    /// Returns what parameters set one by one mean, the bandwidth being the firmware's code for it; nothing if no radio
    /// could use them.
    pub fn from_parameters(spreading_factor: u32, bandwidth_code: u32, coding_rate: u32) -> Option<Self> {
        let bandwidth_hz = match bandwidth_code {
            31 => 31_250,
            62 => 62_500,
            200 => 203_125,
            400 => 406_250,
            800 => 812_500,
            1600 => 1_625_000,
            khz @ 7..=2000 => u64::from(khz) * 1000,
            _ => return None,
        };
        let possible = (5..=12).contains(&spreading_factor) && (5..=8).contains(&coding_rate);
        possible.then_some(Self { spreading_factor, bandwidth_hz, coding_rate: u64::from(coding_rate) })
    }

    /// Returns how long a packet of this many bytes, its header of 16 bytes among them, is on the air: Semtech's formula
    /// (AN1200.13) for a preamble of 16 symbols, an explicit header and a checksum.
    pub fn airtime(self, bytes: usize) -> Duration {
        let symbol_ns = (1_000_000_000 << self.spreading_factor) / self.bandwidth_hz;
        let low_rate = symbol_ns >= 16_000_000;
        let spreading_factor = u64::from(self.spreading_factor);
        let bits = (8 * bytes as u64 + 44).saturating_sub(4 * spreading_factor);
        let bits_per_block = 4 * (spreading_factor - if low_rate { 2 } else { 0 });
        let payload_symbols = 8 + bits.div_ceil(bits_per_block) * self.coding_rate;
        // The preamble has a quarter of a symbol more than 20.
        Duration::from_nanos(symbol_ns * 81 / 4 + symbol_ns * payload_symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [usize; 6] = [32, 64, 128, 200, 237, 255];

    fn check(preset: &str, milliseconds: [f64; 6]) {
        let modem = Modem::from_preset(preset).unwrap();
        for (bytes, expect) in BYTES.into_iter().zip(milliseconds) {
            let airtime = modem.airtime(bytes).as_secs_f64() * 1000.0;
            assert!((airtime - expect).abs() <= 1.0, "{preset}, {bytes} bytes: {airtime} instead of {expect}");
        }
    }

    #[test]
    fn airtime_is_that_of_the_formula() {
        check("SHORT_TURBO", [20.0, 32.0, 56.0, 81.0, 96.0, 102.0]);
        check("SHORT_FAST", [40.0, 63.0, 112.0, 163.0, 191.0, 204.0]);
        check("SHORT_SLOW", [75.0, 116.0, 198.0, 290.0, 336.0, 362.0]);
        check("MEDIUM_TURBO", [70.0, 106.0, 177.0, 259.0, 300.0, 321.0]);
        check("MEDIUM_FAST", [140.0, 211.0, 355.0, 519.0, 601.0, 642.0]);
        check("MEDIUM_SLOW", [259.0, 382.0, 648.0, 955.0, 1099.0, 1181.0]);
        check("LONG_TURBO", [312.0, 509.0, 902.0, 1328.0, 1558.0, 1656.0]);
        check("LONG_FAST", [477.0, 723.0, 1214.0, 1747.0, 2034.0, 2157.0]);
        check("LONG_MODERATE", [1511.0, 2429.0, 4264.0, 6361.0, 7410.0, 7934.0]);
        check("LONG_SLOW", [2761.0, 4334.0, 7741.0, 11411.0, 13509.0, 14295.0]);
        check("LITE_FAST", [280.0, 423.0, 710.0, 1037.0, 1201.0, 1283.0]);
        check("LITE_SLOW", [518.0, 764.0, 1296.0, 1911.0, 2198.0, 2361.0]);
        check("NARROW_FAST", [181.0, 291.0, 525.0, 771.0, 906.0, 967.0]);
        check("NARROW_SLOW", [337.0, 534.0, 927.0, 1369.0, 1590.0, 1713.0]);
    }

    #[test]
    fn parameters_set_one_by_one_are_used_if_a_radio_could() {
        assert_eq!(Modem::from_parameters(11, 250, 5), Modem::from_preset("LONG_FAST"));
        assert_eq!(Modem::from_parameters(12, 62, 8), Some(Modem::SLOWEST));
        for (spreading_factor, bandwidth, coding_rate) in [(0, 250, 5), (13, 250, 5), (11, 0, 5), (11, u32::MAX, 5), (11, 250, 9)] {
            assert_eq!(Modem::from_parameters(spreading_factor, bandwidth, coding_rate), None);
        }
        assert_eq!(Modem::from_preset("10"), None);
    }

    #[test]
    fn no_named_preset_is_slower_than_the_slowest() {
        for preset in ["SHORT_TURBO", "LONG_FAST", "LONG_MODERATE", "LONG_SLOW", "NARROW_SLOW", "VERY_LONG_SLOW"] {
            assert!(Modem::from_preset(preset).unwrap().airtime(255) <= Modem::SLOWEST.airtime(255));
        }
    }
}
