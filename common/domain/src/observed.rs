//! When something was observed, told by clocks that may be wrong.

use crate::Timestamp;
use std::time::Duration;

/// No station was there before 2020-01-01; whatever claims to be older comes from a clock that was never set.
pub const EARLIEST_PLAUSIBLE: Timestamp = Timestamp::from_unix_seconds(1_577_836_800);

/// How far ahead of ours another clock may run before its word counts for nothing.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// Whose clock a time was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeSource {
    /// The device that measured.
    Device,
    /// The radio that heard it.
    Radio,
    /// The computer beside that radio.
    Bridge,
    /// The server.
    Server,
}

impl TimeSource {
    /// Returns the name used in databases and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Radio => "radio",
            Self::Bridge => "bridge",
            Self::Server => "server",
        }
    }
}

/// A time, and whose clock told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// The time.
    pub at: Timestamp,
    /// Whose clock told it.
    pub source: TimeSource,
}

/// Returns the most direct of the given times that can be true at `received`, the server's own time.
///
/// A time is believed if it is neither before [`EARLIEST_PLAUSIBLE`] nor more than [`CLOCK_TOLERANCE`] ahead of a server whose
/// own clock is set.
pub fn observed_at(device: Option<Timestamp>, radio: Option<Timestamp>, bridge: Timestamp, received: Timestamp) -> Observed {
    // A server whose clock was never set cannot tell what is ahead.
    let latest = if received < EARLIEST_PLAUSIBLE { Timestamp::MAX } else { received.plus(CLOCK_TOLERANCE) };
    let told = [(device, TimeSource::Device), (radio, TimeSource::Radio), (Some(bridge), TimeSource::Bridge)];
    for (time, source) in told {
        if let Some(at) = time.filter(|at| (EARLIEST_PLAUSIBLE..=latest).contains(at)) {
            return Observed { at, source };
        }
    }
    Observed { at: received, source: TimeSource::Server }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(device: &str, radio: &str, bridge: &str, expect: (&str, TimeSource)) {
        let at = |text: &str| text.parse::<Timestamp>().expect("the test writes well-formed times");
        let given = |text: &str| (!text.is_empty()).then(|| at(text));
        let observed = observed_at(given(device), given(radio), at(bridge), at("2026-06-01T12:00:00Z"));
        assert_eq!((observed.at, observed.source), (at(expect.0), expect.1));
    }

    #[test]
    fn the_most_direct_plausible_clock_is_believed() {
        let (noon, radio, bridge) = ("2026-06-01T11:59:50Z", "2026-06-01T11:59:55Z", "2026-06-01T11:59:58Z");
        check(noon, radio, bridge, (noon, TimeSource::Device));
        check("", radio, bridge, (radio, TimeSource::Radio));
        check("1970-01-01T00:00:07Z", "", bridge, (bridge, TimeSource::Bridge));
        check("2026-06-01T12:05:01Z", "2033-01-01T00:00:00Z", "1970-01-01T00:01:00Z", ("2026-06-01T12:00:00Z", TimeSource::Server));
        check("2026-06-01T12:05:00Z", "", bridge, ("2026-06-01T12:05:00Z", TimeSource::Device));
    }

    #[test]
    fn a_server_whose_clock_was_never_set_takes_the_time_from_the_mesh() {
        let at = |text: &str| text.parse::<Timestamp>().expect("the test writes well-formed times");
        let (radio, started) = (at("2026-06-01T11:59:55Z"), at("1970-01-01T00:01:00Z"));
        let observed = observed_at(None, Some(radio), started, started);
        assert_eq!((observed.at, observed.source), (radio, TimeSource::Radio));
        assert_eq!(observed_at(None, None, started, started), Observed { at: started, source: TimeSource::Server });
    }
}
