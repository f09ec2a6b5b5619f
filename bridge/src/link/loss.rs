//! Why there is no connection to the radio, in words for who stands beside it.

use crate::{
    health::Trouble,
    link::{RadioUrl, find::Found, serial::Refused},
};
use std::{fmt, io, path::Path};

/// Why a connection to the radio ended or did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It could not be opened.
    Unreachable(Trouble, String),
    /// The radio, or whoever holds its cable, ended it in good order.
    Closed,
    /// It broke off: the radio restarted, lost power, or threw us out.
    Reset,
    /// The radio has room for one client and keeps throwing us out: another program takes the place.
    Taken,
    /// The cable was pulled, or the radio lost its power: its device is gone.
    Unplugged(String),
    /// The system failed to read or write.
    Failed(String),
    /// The radio takes no bytes.
    Stuck,
    /// We closed it.
    Ours,
}

impl Loss {
    /// Sorts an error of an open connection to what is there called `place`.
    pub(crate) fn from_io(error: &io::Error, url: &RadioUrl, place: &str) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => Self::Reset,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            // Of a device that is gone the system says that reading failed.
            _ if url.is_serial() => Self::Unplugged(place.to_owned()),
            _ => Self::Failed(error.to_string()),
        }
    }

    /// Says why a radio on the network could not be reached.
    pub(crate) fn unreachable(url: &RadioUrl, error: &io::Error) -> Self {
        Self::Unreachable(Trouble::NoRadio, format!("cannot reach {url}: {error}"))
    }

    /// Says why a serial port could not be opened, and what may help.
    pub(crate) fn refused(device: &Path, refused: &Refused) -> Self {
        let device = device.display();
        let (trouble, words) = match refused {
            Refused::Missing => (Trouble::NoRadio, format!("there is no device {device}: is the radio plugged in?")),
            Refused::Busy => (Trouble::RadioBusy, format!("another program has {device} open: the radio serves one alone")),
            Refused::Forbidden => (Trouble::NoPermission, format!("no permission to open {device}: is this user in the group `dialout`?")),
            Refused::Unfit => (Trouble::NoRadio, format!("{device} is no serial port, or knows no such speed")),
            Refused::Failed(error) => (Trouble::NoRadio, format!("cannot open {device}: {error}")),
        };
        Self::Unreachable(trouble, words)
    }

    /// Says that there is no radio to be found, or too many.
    pub(crate) fn not_one(found: &[Found]) -> Self {
        if found.is_empty() {
            let words = "no Meshtastic radio is plugged in at any serial port of this machine";
            return Self::Unreachable(Trouble::NoRadio, words.to_owned());
        }
        let names: Vec<_> = found.iter().map(ToString::to_string).collect();
        let words = format!("several devices may be the radio, and none is guessed; name one of them: {}", names.join(", "));
        Self::Unreachable(Trouble::SeveralRadios, words)
    }

    /// Tells whether the other side ended a connection that stood.
    pub(crate) const fn is_by_peer(&self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }

    /// Returns what kind of trouble it is.
    pub(crate) const fn trouble(&self) -> Trouble {
        match self {
            Self::Unreachable(trouble, _) => *trouble,
            Self::Taken => Trouble::RadioTaken,
            Self::Stuck => Trouble::RadioStalled,
            Self::Unplugged(_) => Trouble::NoRadio,
            Self::Closed | Self::Reset | Self::Failed(_) | Self::Ours => Trouble::RadioLost,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(_, words) => f.write_str(words),
            Self::Closed => f.write_str("the radio closed the connection"),
            Self::Reset => f.write_str("the connection to the radio broke off"),
            Self::Taken => f.write_str(
                "the radio lets us in and closes again within seconds: another program seems to take its only place (an app, or a second bridge)",
            ),
            Self::Unplugged(place) => write!(f, "{place} is gone: the radio was unplugged, or lost its power"),
            Self::Failed(words) => write!(f, "the connection to the radio failed: {words}"),
            Self::Stuck => f.write_str("the radio takes no bytes"),
            Self::Ours => f.write_str("the connection was closed from here"),
        }
    }
}
