//! How long a packet occupies the air, how long firmware waits before it sends one again, and how much of an hour the law allows.
//!
//! Time on air is Semtech's formula (AN1200.13, and the data sheet of the SX1276, section 4.1.1.7) for what Meshtastic sends: an
//! explicit header, a checksum, and optimisation for low data rates from symbols of 16 ms on.

use std::time::Duration;

/// The symbols before a packet below 2.4 GHz, and there.
const PREAMBLE: u64 = 16;
const PREAMBLE_WIDE: u64 = 12;

/// How a radio modulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modem {
    /// Bits per symbol, 5 to 12.
    spreading_factor: u32,
    bandwidth_hz: u64,
    /// The lower number of the coding rate 4/5 to 4/8.
    coding_rate: u64,
    preamble: u64,
}

impl Modem {
    /// The slowest that the firmware ever had a name for. Waiting longer than needed for an unknown modem only delays
    /// a claim; waiting less would make a false one.
    pub const SLOWEST: Self = Self { spreading_factor: 12, bandwidth_hz: 62_500, coding_rate: 8, preamble: PREAMBLE };

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
        Some(Self { spreading_factor, bandwidth_hz, coding_rate, preamble: PREAMBLE })
    }

    /// Returns what it is at 2.4 GHz, where the firmware takes 3.25 times the bandwidth for the same preset, and a shorter preamble.
    #[must_use]
    pub const fn at_2400_mhz(self) -> Self {
        Self { bandwidth_hz: self.bandwidth_hz * 13 / 4, preamble: PREAMBLE_WIDE, ..self }
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
        possible.then_some(Self { spreading_factor, bandwidth_hz, coding_rate: u64::from(coding_rate), preamble: PREAMBLE })
    }

    /// Returns the bits per symbol, 5 to 12.
    pub const fn spreading_factor(self) -> u32 {
        self.spreading_factor
    }

    /// Returns the bandwidth in hertz.
    pub const fn bandwidth_hz(self) -> u64 {
        self.bandwidth_hz
    }

    /// Returns how long one slot of the contention window takes: two and a half symbols to notice a preamble, and what radios need to
    /// turn around (`RadioInterface::computeSlotTimeMsec`).
    pub const fn slot(self) -> Duration {
        Duration::from_nanos(self.symbol_ns() * 5 / 2 + 7_600_000)
    }

    /// Returns how long one symbol takes, in nanoseconds.
    const fn symbol_ns(self) -> u64 {
        (1_000_000_000 << self.spreading_factor) / self.bandwidth_hz
    }

    /// Returns how long a packet of this many bytes, its header of 16 bytes among them, is on the air.
    pub const fn airtime(self, bytes: usize) -> Duration {
        let symbol_ns = self.symbol_ns();
        let low_rate = symbol_ns >= 16_000_000;
        let spreading_factor = self.spreading_factor as u64;
        let bits = (8 * bytes as u64 + 44).saturating_sub(4 * spreading_factor);
        let bits_per_block = 4 * (spreading_factor - if low_rate { 2 } else { 0 });
        let payload_symbols = 8 + bits.div_ceil(bits_per_block) * self.coding_rate;
        // After the preamble come four symbols and a quarter that tell where the packet begins.
        Duration::from_nanos(symbol_ns * (4 * self.preamble + 17) / 4 + symbol_ns * payload_symbols)
    }

    /// Returns how long firmware waits after it sent a packet of this many bytes, in vain for an acknowledgement, before it sends it
    /// again (`RadioInterface::getRetransmissionMsec`). The busier the channel, the longer: `utilization_pct` is the share of time in
    /// which it is in use.
    #[expect(clippy::cast_possible_truncation, reason = "a window of 3 to 8")]
    pub fn retransmission(self, bytes: usize, utilization_pct: f32) -> Duration {
        /// What the firmware grants itself and others for work.
        const PROCESSING: Duration = Duration::from_millis(4_500);
        const SHORTEST_WINDOW: f32 = 3.0;
        const LONGEST_WINDOW: f32 = 8.0;
        let share = if utilization_pct.is_finite() { utilization_pct.clamp(0.0, 100.0) / 100.0 } else { 1.0 };
        let window = 2_f32.powi((SHORTEST_WINDOW + share * (LONGEST_WINDOW - SHORTEST_WINDOW)).floor() as i32);
        self.airtime(bytes) * 2 + self.slot().mul_f32(window + 16.0 + 32.0) + PROCESSING
    }
}

/// Returns how much of an hour a radio may send in this region, in percent (firmware's table of regions, `RadioInterface.cpp`), by the
/// protocol's name for it. Where the law knows no such limit it is 100; of a region that this version has no name for the strictest
/// is taken that is in force.
pub fn duty_cycle_pct(region: &str) -> f32 {
    const UNKNOWN: f32 = 2.5;
    match region {
        "EU_433" | "EU_868" | "UA_433" | "TH" => 10.0,
        "EU_866" => 2.5,
        "UA_868" => 1.0,
        _ if region.bytes().all(|byte| byte.is_ascii_digit()) => UNKNOWN,
        _ => 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESETS: [&str; 15] = [
        "SHORT_TURBO",
        "SHORT_FAST",
        "SHORT_SLOW",
        "MEDIUM_TURBO",
        "MEDIUM_FAST",
        "MEDIUM_SLOW",
        "LONG_TURBO",
        "LONG_FAST",
        "LONG_MODERATE",
        "LONG_SLOW",
        "LITE_FAST",
        "LITE_SLOW",
        "NARROW_FAST",
        "NARROW_SLOW",
        "VERY_LONG_SLOW",
    ];
    const BYTES: [usize; 7] = [16, 32, 64, 128, 200, 237, 255];
    const TOLERANCE_MS: f64 = 0.1;

    fn milliseconds(modem: Modem, bytes: usize) -> f64 {
        modem.airtime(bytes).as_secs_f64() * 1000.0
    }

    /// The formula as the data sheet writes it, in floating point.
    fn as_the_data_sheet_says(modem: Modem, bytes: f64) -> f64 {
        let (factor, rate) = (f64::from(modem.spreading_factor), modem.coding_rate as f64);
        let symbol = 2_f64.powf(factor) / modem.bandwidth_hz as f64;
        let optimised = if symbol >= 0.016 { 1.0 } else { 0.0 };
        let blocks = ((8.0 * bytes - 4.0 * factor + 28.0 + 16.0) / (4.0 * (factor - 2.0 * optimised))).ceil().max(0.0);
        let preamble = (modem.preamble as f64 + 4.25) * symbol;
        (preamble + (8.0 + blocks * rate) * symbol) * 1000.0
    }

    fn check(preset: &str, expect: [f64; 7]) {
        let modem = Modem::from_preset(preset).unwrap();
        for (bytes, expect) in BYTES.into_iter().zip(expect) {
            let airtime = milliseconds(modem, bytes);
            assert!((airtime - expect).abs() <= TOLERANCE_MS, "{preset}, {bytes} bytes: {airtime} instead of {expect}");
        }
    }

    /// Computed by another program from the formula.
    #[test]
    fn airtime_is_what_another_program_computes() {
        check("SHORT_TURBO", [14.912, 20.032, 31.552, 55.872, 81.472, 95.552, 101.952]);
        check("SHORT_FAST", [29.824, 40.064, 63.104, 111.744, 162.944, 191.104, 203.904]);
        check("SHORT_SLOW", [54.528, 75.008, 115.968, 197.888, 290.048, 336.128, 361.728]);
        check("MEDIUM_TURBO", [49.408, 69.888, 105.728, 177.408, 259.328, 300.288, 320.768]);
        check("MEDIUM_FAST", [98.816, 139.776, 211.456, 354.816, 518.656, 600.576, 641.536]);
        check("MEDIUM_SLOW", [197.632, 259.072, 381.952, 648.192, 955.392, 1098.752, 1180.672]);
        check("LONG_TURBO", [214.016, 312.320, 508.928, 902.144, 1328.128, 1557.504, 1655.808]);
        check("LONG_FAST", [354.304, 477.184, 722.944, 1214.464, 1746.944, 2033.664, 2156.544]);
        check("LONG_MODERATE", [987.136, 1511.424, 2428.928, 4263.936, 6361.088, 7409.664, 7933.952]);
        check("LONG_SLOW", [1974.272, 2760.704, 4333.568, 7741.440, 11411.456, 13508.608, 14295.040]);
        check("LITE_FAST", [197.632, 279.552, 422.912, 709.632, 1037.312, 1201.152, 1283.072]);
        check("LITE_SLOW", [395.264, 518.144, 763.904, 1296.384, 1910.784, 2197.504, 2361.344]);
        check("NARROW_FAST", [131.584, 180.736, 291.328, 524.800, 770.560, 905.728, 967.168]);
        check("NARROW_SLOW", [238.592, 336.896, 533.504, 926.720, 1369.088, 1590.272, 1713.152]);
        check("VERY_LONG_SLOW", [3948.544, 5521.408, 8667.136, 15482.880, 22822.912, 27017.216, 28590.080]);
    }

    #[test]
    fn airtime_is_that_of_the_data_sheet_for_every_preset_size_and_set_of_parameters() {
        let custom = (5..=12).flat_map(|factor| {
            let bandwidths = [7, 31, 62, 125, 200, 250, 400, 500, 800, 1600];
            bandwidths
                .into_iter()
                .flat_map(move |bandwidth| (5..=8).map(move |rate| Modem::from_parameters(factor, bandwidth, rate).unwrap()))
        });
        let presets = PRESETS.into_iter().map(|preset| Modem::from_preset(preset).unwrap());
        let wide = PRESETS.into_iter().map(|preset| Modem::from_preset(preset).unwrap().at_2400_mhz());
        for modem in presets.chain(wide).chain(custom) {
            for bytes in 0..=255 {
                let (airtime, expect) = (milliseconds(modem, bytes), as_the_data_sheet_says(modem, bytes as f64));
                assert!((airtime - expect).abs() <= TOLERANCE_MS, "{modem:?}, {bytes} bytes: {airtime} instead of {expect}");
            }
        }
    }

    /// Airtimes of `LoRaWAN` packets as its calculators publish them: 125 kHz, 4/5, a preamble of 8, 10 bytes in a packet of 23.
    #[test]
    fn airtime_is_what_is_published() {
        for (factor, expect) in [(7, 61.7), (8, 113.2), (9, 205.8), (10, 370.7), (11, 823.3), (12, 1482.8)] {
            let modem = Modem { preamble: 8, ..Modem::from_parameters(factor, 125, 5).unwrap() };
            let airtime = milliseconds(modem, 23);
            assert!((airtime - expect).abs() <= TOLERANCE_MS, "SF{factor}: {airtime} instead of {expect}");
        }
    }

    #[test]
    fn three_tries_take_as_long_as_the_firmware_s_source_says() {
        let modem = Modem::from_preset("LONG_FAST").unwrap();
        for (text, seconds) in [(32, 22.0), (128, 26.0), (200, 30.0)] {
            let tries = 3.0 * modem.retransmission(text + 16 + if text < 128 { 6 } else { 7 }, 0.0).as_secs_f64();
            assert!((tries - seconds).abs() < 0.6, "{text} bytes: {tries} s");
        }
        assert!(modem.retransmission(50, 100.0) > modem.retransmission(50, 0.0));
        assert_eq!(modem.retransmission(50, f32::NAN), modem.retransmission(50, 1e9), "what cannot be is the worst");
    }

    #[test]
    fn a_region_s_limit_is_the_law_s_and_of_one_that_is_unknown_the_strictest() {
        let limits = ["EU_868", "EU_433", "UA_433", "TH", "UA_868", "EU_866", "US", "ANZ", "UNSET", "27"].map(duty_cycle_pct);
        assert_eq!(limits.map(|limit| limit.to_string()), ["10", "10", "10", "10", "1", "2.5", "100", "100", "100", "2.5"]);
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
