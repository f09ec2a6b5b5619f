//! What rides on the weather: dust and smoke in the air, and the battery that the sun fills.

use crate::{
    noise,
    weather::{Sky, fronts::Passage, sun},
};

const STREAM_DUST: u64 = 30;
const STREAM_PANEL: u64 = 31;

/// Air quality at a place.
pub(crate) struct Quality {
    pub(crate) pm25: f64,
    pub(crate) pm10: f64,
    pub(crate) gas_resistance: f64,
    pub(crate) iaq: f64,
}

/// The power supply of a station.
pub(crate) struct Power {
    pub(crate) battery_pct: f64,
    pub(crate) battery_voltage: f64,
    pub(crate) battery_current: f64,
    pub(crate) solar_voltage: f64,
    pub(crate) solar_current: f64,
}

/// Returns the air quality: traffic in the morning, stoves in the evening, gathered by calm air, washed out by rain and
/// swept out by fronts.
pub(crate) fn quality(sky: &Sky, hour: f64, humidity: f64, wind_ms: f64, rain_3h_mm: f64, passages: &[Passage]) -> Quality {
    let clock = sky.sun.solar_hour(hour);
    let peak = |at: f64, width: f64| (-((clock - at) / width).powi(2)).exp();
    let winter = 0.5 - 0.5 * sun::season(hour) * sky.site.latitude.signum();
    let people = (0.35 + sky.site.town) * (7.0 * peak(7.5, 1.6) + (5.0 + 9.0 * winter) * peak(20.0, 2.4));
    let background = 6.5 + 3.5 * sky.field(STREAM_DUST, hour, 350.0, 40.0) + 2.0 * winter;
    let calm = 1.5 / (0.7 + 0.35 * wind_ms);
    let washed = (-0.45 * rain_3h_mm).exp().max(0.18);
    let swept = 1.0 - 0.45 * passages.iter().map(Passage::squall).fold(0.0, f64::max);
    let pm25 = ((background + people) * calm.min(1.6) * washed * swept).clamp(1.0, 160.0);
    let dust = (0.6 * wind_ms + 4.0 * sky.site.town * peak(13.0, 4.0)) * washed * (1.0 - humidity / 130.0);
    let gas_resistance = (210_000.0 * (-pm25 / 28.0).exp() * (1.15 - humidity / 220.0)).clamp(8_000.0, 400_000.0);
    Quality { pm25, pm10: pm25 * 1.35 + dust, gas_resistance, iaq: (22.0 + 2.6 * pm25).clamp(0.0, 500.0) }
}

/// Returns the power supply: a small panel, a lithium cell, and a radio that draws about 25 mA.
pub(crate) fn power(sky: &Sky, hour: f64, lux: f64, temperature: f64) -> Power {
    const REMEMBERED_H: f64 = 36.0;
    const LOAD_MA: f64 = 25.0;
    // The panels differ in size and in the trees around them.
    let panel = noise::between(sky.seed, &[STREAM_PANEL, sky.site.sensor], 0.8, 1.25);
    let solar_current = 260.0 * panel * (lux / 100_000.0);
    let solar_voltage = if lux < 30.0 { lux * 0.02 } else { 4.6 + 0.95 * (lux / 30_000.0).min(1.0) };
    // What came in over the last day and a half, the recent counting more, against what it takes to stay full.
    let mut harvest = 0.0;
    for block in 0..=12 {
        // Blocks stand still in time, so that a night adds nothing whatever becomes of the clouds.
        let middle = (hour / 3.0).floor() * 3.0 - 3.0 * f64::from(block) + 1.5;
        let sky_left = 1.0 - 0.7 * sky.cloud(middle, &sky.passages(middle));
        for sample in [middle - 1.0, middle, middle + 1.0] {
            let ago = hour - sample;
            let sun = sun::clear_sky_lux(sky.sun.sine(sample)) / 100_000.0;
            harvest += sun * sky_left * ago.clamp(0.0, 1.0) * (1.0 - ago / REMEMBERED_H).max(0.0);
        }
    }
    let charge = 40.0 + 60.0 * (1.0 - (-panel * harvest / 2.2).exp());
    let battery_current = if charge >= 99.5 { 0.0 } else { solar_current - LOAD_MA };
    let charging = if battery_current > 0.0 { 0.05 } else { -0.02 };
    let battery_voltage = 3.42 + 0.0068 * charge + charging - 0.002 * (15.0 - temperature).clamp(0.0, 30.0);
    Power { battery_pct: charge, battery_voltage, battery_current, solar_voltage, solar_current }
}
