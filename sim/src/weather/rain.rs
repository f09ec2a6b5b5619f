//! Rain, as falls with a known beginning, length and amount: what fell between any two moments is then a sum with no history.

use crate::{
    noise,
    weather::{
        fronts::{self, Plane, Shower},
        sun,
    },
};

const STREAM_CONVECTION: u64 = 20;
/// Thunderstorms that may form over the region on one day.
const CELLS_PER_DAY: u64 = 3;
const CELL_SIZE_KM: f64 = 11.0;

/// The falls of rain at one place over some time.
pub(crate) struct Rain(Vec<Shower>);

impl Rain {
    /// Returns all rain at a place that may fall between two hours.
    pub(crate) fn at(seed: u64, place: Plane, from_h: f64, to_h: f64) -> Self {
        let mut showers = Vec::new();
        for depression in fronts::near(seed, place, from_h, to_h) {
            depression.rain(place, |shower| showers.push(shower));
        }
        let (first, last) = (noise::count((from_h / 24.0).floor()), noise::count((to_h / 24.0).floor()));
        for day in first..=last {
            showers.extend((0..CELLS_PER_DAY).filter_map(|cell| thunderstorm(seed, place, u64::from(day), cell)));
        }
        Self(showers)
    }

    /// Returns the millimetres that fall between two hours, which lie within those it was made for.
    pub(crate) fn between(&self, from_h: f64, to_h: f64) -> f64 {
        self.0.iter().map(|shower| shower.between(from_h, to_h)).sum()
    }
}

/// Returns what one of the day's cells brings to a place; most days bring nothing, and most cells miss most places.
/// None lasts over midnight.
fn thunderstorm(seed: u64, place: Plane, day: u64, cell: u64) -> Option<Shower> {
    let draw = |what, low, high| noise::between(seed, &[STREAM_CONVECTION, day, cell, what], low, high);
    let likelihood = 0.45 * sun::season(day as f64 * 24.0).max(0.0);
    if draw(0, 0.0, 1.0) > likelihood {
        return None;
    }
    let at = [place.east_km / CELL_SIZE_KM, place.north_km / CELL_SIZE_KM, (day * 2 * CELLS_PER_DAY + 2 * cell) as f64];
    let patch = ((noise::field(seed, STREAM_CONVECTION, at) - 0.15) * 2.5).clamp(0.0, 1.0);
    let amount_mm = draw(1, 1.5, 12.0) * patch;
    (amount_mm > 0.05).then(|| Shower { start_h: day as f64 * 24.0 + draw(2, 11.5, 18.5), duration_h: draw(3, 0.3, 1.2), amount_mm })
}
