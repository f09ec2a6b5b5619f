//! Depressions that come from the west: each brings a warm front, some hours later a cold front, and the rain of both.
//! They are numbered along time and drawn from the seed, so that no state is kept.

use crate::noise;

/// The mean time between two depressions in hours.
const PERIOD_H: f64 = 64.0;
/// How fast fronts travel on the average, eastward: it says which of them are near a place at an hour.
const TYPICAL_KMH: f64 = 40.0;

const STREAM_DEPRESSION: u64 = 10;
const STREAM_SHOWER: u64 = 11;
const STREAM_PATCH: u64 = 12;

/// A place on the plane that fronts travel over: kilometres east and north of 50° N, 7° E.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plane {
    pub(crate) east_km: f64,
    pub(crate) north_km: f64,
}

/// One depression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depression {
    number: u64,
    seed: u64,
    cold_passage_h: f64,
    warm_sector_h: f64,
    east: f64,
    north: f64,
    speed_kmh: f64,
    /// How strong it is, from 0.25 to 1.
    pub(crate) strength: f64,
}

/// Hours since a depression's fronts passed a place; negative before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage {
    pub(crate) strength: f64,
    pub(crate) since_warm: f64,
    pub(crate) since_cold: f64,
}

/// One fall of rain at one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shower {
    pub(crate) start_h: f64,
    pub(crate) duration_h: f64,
    pub(crate) amount_mm: f64,
}

/// Returns the depressions that matter at a place between two hours: also those whose air mass is still there.
pub(crate) fn near(seed: u64, place: Plane, from_h: f64, to_h: f64) -> impl Iterator<Item = Depression> {
    let number = |hour: f64| ((hour - place.east_km / TYPICAL_KMH) / PERIOD_H).floor().max(5.0);
    let (first, last) = (noise::count(number(from_h)) - 5, noise::count(number(to_h)) + 2);
    (first..=last).map(move |number| Depression::draw(seed, u64::from(number)))
}

impl Depression {
    fn draw(seed: u64, number: u64) -> Self {
        let draw = |what: u64, low, high| noise::between(seed, &[STREAM_DEPRESSION, number, what], low, high);
        let bearing = draw(1, 62.0, 128.0_f64).to_radians();
        Self {
            number,
            seed,
            cold_passage_h: (number as f64 + draw(0, 0.2, 0.8)) * PERIOD_H,
            warm_sector_h: draw(2, 8.0, 18.0),
            east: bearing.sin(),
            north: bearing.cos(),
            speed_kmh: draw(3, 28.0, 52.0),
            strength: draw(4, 0.25, 1.0),
        }
    }

    /// Returns how its fronts stand to a place at an hour.
    pub(crate) fn passage(&self, place: Plane, hour: f64) -> Passage {
        let since_cold = hour - self.cold_front_at(place);
        Passage { strength: self.strength, since_cold, since_warm: since_cold + self.warm_sector_h }
    }

    /// Returns the hour at which its cold front passes a place.
    pub(crate) fn cold_front_at(&self, place: Plane) -> f64 {
        self.cold_passage_h + (place.east_km * self.east + place.north_km * self.north) / self.speed_kmh
    }

    /// Shows `visit` each fall of rain that it brings to a place.
    pub(crate) fn rain(&self, place: Plane, mut visit: impl FnMut(Shower)) {
        let cold_h = self.cold_front_at(place);
        let patch = |shower: u64, size_km: f64| {
            let at = [place.east_km / size_km, place.north_km / size_km, self.number as f64 * 16.0 + shower as f64 * 2.0];
            noise::field(self.seed, STREAM_PATCH, at)
        };
        let band = |index, amount: f64| amount * self.strength * (1.0 + 0.5 * patch(index, 40.0));
        visit(Shower { start_h: cold_h - self.warm_sector_h - 5.0, duration_h: 5.5, amount_mm: band(0, 5.0) });
        visit(Shower { start_h: cold_h - 0.4, duration_h: 1.1, amount_mm: band(1, 4.5) });
        for index in 2..9 {
            let draw = |what, low, high| noise::between(self.seed, &[STREAM_SHOWER, self.number, index, what], low, high);
            let amount_mm = draw(0, 0.3, 3.0) * self.strength * (patch(index, 18.0) * 1.6).clamp(0.0, 1.0);
            if amount_mm > 0.05 {
                visit(Shower { start_h: cold_h + draw(1, 1.5, 15.0), duration_h: draw(2, 0.15, 0.7), amount_mm });
            }
        }
    }
}

impl Shower {
    /// Returns how much of it falls between two hours.
    pub(crate) fn between(&self, from_h: f64, to_h: f64) -> f64 {
        let fallen = |hour: f64| noise::rise((hour - self.start_h) / self.duration_h);
        self.amount_mm * (fallen(to_h) - fallen(from_h))
    }
}

impl Passage {
    /// Returns how warm the air mass it brought is against the season's mean, in kelvin: its sector is warm, what follows cold.
    pub(crate) fn warmth(&self) -> f64 {
        let arrived = |since: f64| (1.0 / (1.0 + (-since / 0.7).exp())) * (-since.max(0.0) / 46.0).exp();
        self.strength * (4.5 * arrived(self.since_warm) - 8.0 * arrived(self.since_cold))
    }

    /// Returns what its centre takes off the pressure in hPa: falling for a day, rising faster.
    pub(crate) fn pressure_drop(&self) -> f64 {
        let width_h = if self.since_cold < 0.0 { 17.0 } else { 10.0 };
        15.0 * self.strength * (-(self.since_cold / width_h).powi(2)).exp()
    }

    /// Returns the cloud it brings, from 0 to about 1: a high shield ahead of the warm front, a band along the cold one.
    pub(crate) fn cloud(&self) -> f64 {
        let shield = (-((self.since_warm + 4.0) / 6.0).powi(2)).exp();
        let band = (-((self.since_cold - 0.5) / 3.0).powi(2)).exp();
        (0.4 + 0.6 * self.strength) * shield.max(band)
    }

    /// Returns its wind as (eastward, northward) m/s: south-easterly ahead, south-westerly in the warm sector, north-westerly behind.
    pub(crate) fn wind(&self) -> (f64, f64) {
        let warm = 1.0 / (1.0 + (-self.since_warm / 1.2).exp());
        let cold = 1.0 / (1.0 + (-self.since_cold / 0.4).exp());
        let speed =
            self.strength * (5.0 * (-((self.since_cold + 2.0) / 16.0).powi(2)).exp() + 4.0 * (-(self.since_cold / 2.5).powi(2)).exp());
        let blown = |from_deg: f64, weight: f64| {
            let (sine, cosine) = from_deg.to_radians().sin_cos();
            (-sine * weight * speed, -cosine * weight * speed)
        };
        let [ahead, sector, behind] = [blown(150.0, 1.0 - warm), blown(225.0, warm * (1.0 - cold)), blown(310.0, cold)];
        (ahead.0 + sector.0 + behind.0, ahead.1 + sector.1 + behind.1)
    }

    /// Returns how squally it makes the air, from 0 to 1: most along the cold front.
    pub(crate) fn squall(&self) -> f64 {
        self.strength * (-((self.since_cold - 0.2) / 2.5).powi(2)).exp()
    }
}
