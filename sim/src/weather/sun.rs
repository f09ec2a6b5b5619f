//! Where the sun stands, after the usual low-precision formulas (good to about half a degree).

use std::f64::consts::PI;

const DAYS_PER_YEAR: f64 = 365.2425;
const OBLIQUITY_DEG: f64 = 23.44;

/// The sun over one place at one hour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sun {
    latitude: f64,
    longitude: f64,
}

impl Sun {
    /// Returns the sun over a place, in degrees.
    pub(crate) fn over(latitude: f64, longitude: f64) -> Self {
        Self { latitude: latitude.to_radians(), longitude }
    }

    /// Returns the sine of the sun's elevation, `hour` hours after 1970-01-01T00:00Z.
    pub(crate) fn sine(self, hour: f64) -> f64 {
        let declination = declination(hour);
        let angle = (self.solar_hour(hour) - 12.0) * PI / 12.0;
        self.latitude.sin() * declination.sin() + self.latitude.cos() * declination.cos() * angle.cos()
    }

    /// Returns the mean over that day of the elevation's sine, nights counted as zero.
    pub(crate) fn daily_mean(self, hour: f64) -> f64 {
        let declination = declination(hour);
        let sunset = (-self.latitude.tan() * declination.tan()).clamp(-1.0, 1.0).acos();
        (sunset * self.latitude.sin() * declination.sin() + self.latitude.cos() * declination.cos() * sunset.sin()) / PI
    }

    /// Returns the hour of the day by the sun: 12 when it is highest.
    pub(crate) fn solar_hour(self, hour: f64) -> f64 {
        let day = 2.0 * PI * (year_day(hour) - 81.0) / DAYS_PER_YEAR;
        let equation_of_time_h = (9.87 * (2.0 * day).sin() - 7.53 * day.cos() - 1.5 * day.sin()) / 60.0;
        (hour + self.longitude / 15.0 + equation_of_time_h).rem_euclid(24.0)
    }
}

/// Returns how far the year is from midwinter (-1) to midsummer (1) of the northern half, with the month that air lags behind the sun.
pub(crate) fn season(hour: f64) -> f64 {
    (2.0 * PI * (year_day(hour) - 201.0) / DAYS_PER_YEAR).cos()
}

/// Returns the brightness of a clear sky in lux; what is left after sunset fades within an hour.
pub(crate) fn clear_sky_lux(sine: f64) -> f64 {
    let daylight = 112_000.0 * sine.max(0.0).powf(1.15);
    let twilight = 450.0 * (sine.min(0.0) * 45.0).exp();
    daylight + if twilight < 0.5 { 0.0 } else { twilight }
}

fn declination(hour: f64) -> f64 {
    -OBLIQUITY_DEG.to_radians() * (2.0 * PI * (year_day(hour) + 10.0) / DAYS_PER_YEAR).cos()
}

fn year_day(hour: f64) -> f64 {
    (hour / 24.0).rem_euclid(DAYS_PER_YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::Timestamp;

    fn elevation(latitude: f64, longitude: f64, at: &str) -> f64 {
        let at: Timestamp = at.parse().unwrap();
        Sun::over(latitude, longitude).sine(at.as_seconds() as f64 / 3_600.0).asin().to_degrees()
    }

    #[test]
    fn it_stands_where_the_almanac_says() {
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1.2, "{found} for {expected}");
        close(elevation(50.0, 0.0, "2026-06-21T12:02:00Z"), 63.4);
        close(elevation(50.0, 0.0, "2026-12-21T11:58:00Z"), 16.6);
        close(elevation(0.0, 0.0, "2026-03-20T12:07:00Z"), 90.0);
        close(elevation(49.75, 6.64, "2026-06-21T00:00:00Z"), -15.8);
    }

    #[test]
    fn the_daily_mean_is_the_mean_of_the_day() {
        let sun = Sun::over(49.75, 6.64);
        let noon = 20_000.0 * 24.0;
        let sum: f64 = (0..1_440).map(|minute| sun.sine(noon + f64::from(minute) / 60.0).max(0.0)).sum();
        assert!((sum / 1_440.0 - sun.daily_mean(noon + 12.0)).abs() < 0.003);
    }
}
