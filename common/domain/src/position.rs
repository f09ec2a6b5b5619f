//! Where a node is, and how precisely the public may know.

/// Says why numbers are not a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// The latitude is not within ±90°.
    #[error("a latitude lies between -90 and 90 degrees")]
    Latitude,
    /// The longitude is not within ±180°.
    #[error("a longitude lies between -180 and 180 degrees")]
    Longitude,
    /// The altitude is not within what is reachable.
    #[error("an altitude lies between -500 and 100000 metres")]
    Altitude,
    /// Exactly 0° north, 0° east: what a receiver reports that has no fix.
    #[error("0 north, 0 east is what a receiver without a fix reports")]
    NoFix,
}

/// A place on earth: WGS 84 degrees, and metres above sea level where known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    latitude: f64,
    longitude: f64,
    altitude_m: Option<f64>,
}

impl Position {
    /// Returns the position with these coordinates.
    ///
    /// # Errors
    /// [`PositionError`] for numbers outside their range, and for 0°, 0°.
    pub fn new(latitude: f64, longitude: f64, altitude_m: Option<f64>) -> Result<Self, PositionError> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(PositionError::Latitude);
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(PositionError::Longitude);
        }
        if altitude_m.is_some_and(|metres| !(-500.0..=100_000.0).contains(&metres)) {
            return Err(PositionError::Altitude);
        }
        if latitude == 0.0 && longitude == 0.0 {
            return Err(PositionError::NoFix);
        }
        Ok(Self { latitude, longitude, altitude_m })
    }

    /// Degrees north.
    pub const fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    pub const fn longitude(&self) -> f64 {
        self.longitude
    }

    /// Metres above sea level.
    pub const fn altitude_m(&self) -> Option<f64> {
        self.altitude_m
    }

    /// Returns the position rounded to this many decimals of a degree: three leave about 100 m of doubt, two about 1 km.
    #[must_use]
    pub fn rounded(&self, decimals: u8) -> Self {
        let scale = 10_f64.powi(i32::from(decimals.min(7)));
        let round = |degrees: f64| (degrees * scale).round() / scale;
        Self { latitude: round(self.latitude), longitude: round(self.longitude), altitude_m: self.altitude_m.map(f64::round) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_places_are_refused() {
        assert_eq!(Position::new(90.1, 0.0, None), Err(PositionError::Latitude));
        assert_eq!(Position::new(f64::NAN, 0.0, None), Err(PositionError::Latitude));
        assert_eq!(Position::new(50.0, -180.5, None), Err(PositionError::Longitude));
        assert_eq!(Position::new(50.0, 6.0, Some(2.0e6)), Err(PositionError::Altitude));
        assert_eq!(Position::new(0.0, 0.0, None), Err(PositionError::NoFix));
    }

    #[test]
    fn rounding_hides_the_house() {
        let exact = Position::new(50.934_579_2, 6.946_816, Some(53.4)).unwrap();
        let public = exact.rounded(2);
        assert_eq!((public.latitude(), public.longitude(), public.altitude_m()), (50.93, 6.95, Some(53.0)));
    }
}
