//! Weather as a pure function of seed, place and time: any station at any moment, with no history kept.
//!
//! Depressions cross the region from the west, so stations see their fronts one after the other; the sun drives the day;
//! slow fields drifting with the wind make neighbours alike. It is made to look like weather, not to forecast it.

mod air;
mod fronts;
mod rain;
mod sun;

use crate::noise;
use fronts::{Depression, Passage, Plane};
use kosmo_domain::Timestamp;
use rain::Rain;
use std::time::Duration;
use sun::Sun;

const STREAM_PRESSURE: u64 = 1;
const STREAM_CLOUD: u64 = 2;
const STREAM_WIND: u64 = 3;
const STREAM_TURBULENCE: u64 = 4;
const STREAM_MOISTURE: u64 = 5;
const STREAM_WARMTH: u64 = 6;
const STREAM_SENSOR: u64 = 7;

/// Fields drift eastward with the air that carries them.
const DRIFT_KMH: f64 = 30.0;
const KM_PER_DEGREE: f64 = 111.32;

/// Where a station stands, and what its surroundings do to what it measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Site {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres above sea level.
    pub altitude_m: f64,
    /// How much of the wind reaches the mast: 1 on open land, less in a valley, more on a summit.
    pub exposure: f64,
    /// How much of a town is around: 0 forest, 1 city.
    pub town: f64,
    /// Tells stations apart whose sensors each err in their own way.
    pub sensor: u64,
}

/// What the sensors of a station read.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "each name says the quantity and its unit")]
pub struct Conditions {
    pub temperature_c: f64,
    pub humidity_pct: f64,
    pub pressure_hpa: f64,
    pub wind_speed_ms: f64,
    pub wind_gust_ms: f64,
    pub wind_lull_ms: f64,
    pub wind_direction_deg: f64,
    pub rain_1h_mm: f64,
    pub rain_24h_mm: f64,
    pub illuminance_lux: f64,
    pub pm1_ugm3: f64,
    pub pm25_ugm3: f64,
    pub pm4_ugm3: f64,
    pub pm10_ugm3: f64,
    pub gas_resistance_ohm: f64,
    pub iaq: f64,
    pub battery_pct: f64,
    pub battery_voltage_v: f64,
    pub battery_current_ma: f64,
    pub solar_voltage_v: f64,
    pub solar_current_ma: f64,
}

/// The weather of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    seed: u64,
}

impl Weather {
    /// Returns the weather of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the millimetres of rain that fall at a site between two moments; zero if `to` is not later.
    pub fn rain_mm(&self, site: &Site, from: Timestamp, to: Timestamp) -> f64 {
        if to <= from {
            return 0.0;
        }
        let (from, to) = (hour(from), hour(to));
        Rain::at(self.seed, plane(site), from, to).between(from, to)
    }

    /// Returns what a station at this site reads at this moment.
    pub fn at(&self, site: &Site, at: Timestamp) -> Conditions {
        let hour = hour(at);
        let sky = Sky::over(self.seed, site, hour);
        let passages = sky.passages(hour);
        let rain = Rain::at(self.seed, sky.plane, hour - 24.0, hour);
        let rain_since = |hours: f64| rain.between(hour - hours, hour);
        let rain_rate = rain_since(0.2) / 0.2;
        let cloud = sky.cloud(hour, &passages).max(1.0 - (-2.0 * rain_rate).exp());
        let height = sky.sun.sine(hour);
        let lux = sun::clear_sky_lux(height) * (1.0 - 0.78 * cloud * cloud);

        let (mean, swing) = sky.temperature(hour, &passages, cloud);
        let chill = 1.6 * (rain_rate / 4.0).min(1.0);
        let temperature = mean + swing - chill;
        let humidity = sky.humidity(hour, mean, temperature, &passages, rain_rate);
        let wind = sky.wind(hour, &passages);
        let air = air::quality(&sky, hour, humidity, wind.speed, rain_since(3.0), &passages);
        let power = air::power(&sky, hour, lux, temperature);

        // Sensors round, drift a little each in its own way, and flicker in the last digit.
        let sensor = |what: u64, bias: f64, flicker: f64| {
            let drift = noise::between(self.seed, &[STREAM_SENSOR, site.sensor, what], -bias, bias);
            drift + noise::between(self.seed, &[STREAM_SENSOR, site.sensor, what, whole_seconds(at)], -flicker, flicker)
        };
        Conditions {
            temperature_c: decimals(temperature + sensor(0, 0.3, 0.04), 2),
            humidity_pct: decimals((humidity + sensor(1, 1.5, 0.2)).clamp(8.0, 100.0), 1),
            pressure_hpa: decimals(sky.pressure(hour, temperature, &passages) + sensor(2, 0.35, 0.03), 2),
            wind_speed_ms: decimals(wind.speed, 1),
            wind_gust_ms: decimals(wind.gust, 1),
            wind_lull_ms: decimals(wind.lull, 1),
            wind_direction_deg: wind.direction_deg.round().rem_euclid(360.0),
            rain_1h_mm: decimals(rain_since(1.0), 2),
            rain_24h_mm: decimals(rain_since(24.0), 2),
            illuminance_lux: lux.round(),
            pm1_ugm3: (air.pm25 * 0.68).round(),
            pm25_ugm3: air.pm25.round(),
            pm4_ugm3: f64::midpoint(air.pm25, air.pm10).round(),
            pm10_ugm3: air.pm10.round(),
            gas_resistance_ohm: air.gas_resistance.round(),
            iaq: air.iaq.round(),
            battery_pct: power.battery_pct.round(),
            battery_voltage_v: decimals(power.battery_voltage, 3),
            battery_current_ma: decimals(power.battery_current, 1),
            solar_voltage_v: decimals(power.solar_voltage, 3),
            solar_current_ma: decimals(power.solar_current, 1),
        }
    }

    /// Returns the moment nearest to `around` at which a cold front passes the site.
    pub fn cold_front(&self, site: &Site, around: Timestamp) -> Timestamp {
        let (hour, place) = (hour(around), plane(site));
        let nearest = fronts::near(self.seed, place, hour, hour)
            .map(|depression| depression.cold_front_at(place))
            .min_by(|a, b| (a - hour).abs().total_cmp(&(b - hour).abs()))
            .unwrap_or(hour);
        let span = Duration::from_secs_f64((nearest - hour).abs() * 3_600.0);
        if nearest < hour { around.minus(span) } else { around.plus(span) }
    }
}

/// One place under the weather, with what does not change there.
struct Sky {
    seed: u64,
    site: Site,
    plane: Plane,
    sun: Sun,
    /// Those that matter at the hour it was made for, and over the two days before.
    depressions: Vec<Depression>,
}

struct Wind {
    speed: f64,
    gust: f64,
    lull: f64,
    direction_deg: f64,
}

impl Sky {
    fn over(seed: u64, site: &Site, hour: f64) -> Self {
        let plane = plane(site);
        let depressions = fronts::near(seed, plane, hour - 48.0, hour).collect();
        Self { seed, site: *site, plane, sun: Sun::over(site.latitude, site.longitude), depressions }
    }

    fn passages(&self, hour: f64) -> Vec<Passage> {
        self.depressions.iter().map(|depression| depression.passage(self.plane, hour)).collect()
    }

    /// Returns a field within ±1 that drifts with the air, of this size in kilometres and life in hours.
    fn field(&self, stream: u64, hour: f64, size_km: f64, life_h: f64) -> f64 {
        let east = self.plane.east_km - DRIFT_KMH * hour;
        noise::field(self.seed, stream, [east / size_km, self.plane.north_km / size_km, hour / life_h])
    }

    fn cloud(&self, hour: f64, passages: &[Passage]) -> f64 {
        let fair = 0.38 + 0.36 * self.field(STREAM_CLOUD, hour, 220.0, 14.0) + 0.28 * self.field(STREAM_CLOUD + 100, hour, 35.0, 3.0);
        passages.iter().map(Passage::cloud).fold(fair, f64::max).clamp(0.0, 1.0)
    }

    /// Returns the temperature without the course of the day, and what the day adds to it.
    fn temperature(&self, hour: f64, passages: &[Passage], cloud: f64) -> (f64, f64) {
        let Site { latitude, altitude_m, town, .. } = self.site;
        let hemisphere = latitude.signum();
        let climate = 27.5 - 0.36 * latitude.abs() + 0.19 * latitude.abs() * hemisphere * sun::season(hour);
        let air_mass: f64 = passages.iter().map(Passage::warmth).sum();
        let mean = climate + air_mass + 1.5 * self.field(STREAM_WARMTH, hour, 600.0, 60.0) - 0.0065 * altitude_m + 0.7 * town;
        let height = (altitude_m / 900.0).clamp(0.0, 1.0);
        let swing = (15.0 - 5.0 * height) * (self.heating(hour) - 0.62 * self.sun.daily_mean(hour));
        let night_cover = 1.2 * (cloud - 0.5) * (1.0 - self.sun.sine(hour).max(0.0));
        (mean, swing + night_cover)
    }

    /// Returns how the sun of the past hours still warms: ground and air remember it, which puts the warmest hour well after noon.
    fn heating(&self, hour: f64) -> f64 {
        const MEMORY: [(f64, f64); 6] = [(0.3, 0.20), (1.2, 0.24), (2.4, 0.21), (4.0, 0.16), (6.5, 0.12), (10.0, 0.07)];
        let remembered = |&(ago, weight): &(f64, f64)| {
            let then = hour - ago;
            let sine = self.sun.sine(then).max(0.0);
            if sine == 0.0 {
                return 0.0;
            }
            weight * sine * (1.0 - 0.62 * self.cloud(then, &self.passages(then)))
        };
        MEMORY.iter().map(remembered).sum()
    }

    /// Returns relative humidity: the air keeps its vapour over the day, so it falls as the air warms (Magnus formula).
    fn humidity(&self, hour: f64, mean: f64, temperature: f64, passages: &[Passage], rain_rate: f64) -> f64 {
        let near_front = passages.iter().map(Passage::cloud).fold(0.0, f64::max).min(1.0);
        let depression = 6.0 + 2.6 * self.field(STREAM_MOISTURE, hour, 400.0, 36.0) - 3.5 * near_front;
        let dry_dew_point = mean - depression;
        let wetting = 1.0 - (-rain_rate).exp();
        let dew_point = (dry_dew_point + (temperature - 0.6 - dry_dew_point) * 0.75 * wetting).min(temperature - 0.1);
        let vapour = |celsius: f64| (17.62 * celsius / (243.12 + celsius)).exp();
        100.0 * vapour(dew_point) / vapour(temperature)
    }

    /// Returns the pressure at the station, reduced from sea level by the barometric formula.
    fn pressure(&self, hour: f64, temperature: f64, passages: &[Passage]) -> f64 {
        let drops: f64 = passages.iter().map(Passage::pressure_drop).sum();
        let tide = 0.5 * ((self.sun.solar_hour(hour) - 10.0) * std::f64::consts::PI / 6.0).cos();
        let sea_level = 1_018.5 + 10.0 * self.field(STREAM_PRESSURE, hour, 2_500.0, 120.0) - drops + tide;
        let kelvin = temperature + 273.15 + 0.00325 * self.site.altitude_m;
        sea_level * (-self.site.altitude_m * 0.034_163 / kelvin).exp()
    }

    fn wind(&self, hour: f64, passages: &[Passage]) -> Wind {
        let from_deg = 235.0 + 55.0 * self.field(STREAM_WIND, hour, 700.0, 40.0);
        let calm = 2.4 + 1.6 * self.field(STREAM_WIND + 100, hour, 300.0, 18.0);
        let (sine, cosine) = from_deg.to_radians().sin_cos();
        let (mut east, mut north) = (-sine * calm, -cosine * calm);
        for (e, n) in passages.iter().map(Passage::wind) {
            east += e;
            north += n;
        }
        let squall = passages.iter().map(Passage::squall).fold(0.0, f64::max);
        let mixing = 0.62 + 0.55 * self.heating(hour).max(squall * 0.6);
        let turbulence = noise::wave(self.seed ^ self.site.sensor, STREAM_TURBULENCE, hour * 45.0);
        let speed = (east.hypot(north) * self.site.exposure * mixing * (1.0 + 0.16 * turbulence)).max(0.0);
        let gustiness = 1.35 + 0.5 * squall + 0.12 * noise::wave(self.seed ^ self.site.sensor, STREAM_TURBULENCE + 100, hour * 60.0);
        let sway = 9.0 * noise::wave(self.seed ^ self.site.sensor, STREAM_TURBULENCE + 200, hour * 50.0);
        Wind {
            speed,
            gust: speed * gustiness + 0.5,
            lull: speed * (0.62 + 0.1 * turbulence),
            direction_deg: ((-east).atan2(-north).to_degrees() + sway).rem_euclid(360.0),
        }
    }
}

fn plane(site: &Site) -> Plane {
    Plane {
        east_km: (site.longitude - 7.0) * KM_PER_DEGREE * 50.0_f64.to_radians().cos(),
        north_km: (site.latitude - 50.0) * KM_PER_DEGREE,
    }
}

fn hour(at: Timestamp) -> f64 {
    at.as_micros() as f64 / 3.6e9
}

fn whole_seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_seconds()).unwrap_or(0)
}

fn decimals(value: f64, count: i32) -> f64 {
    let scale = 10_f64.powi(count);
    (value * scale).round() / scale
}
