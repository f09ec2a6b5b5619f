//! Why there is no connection to the radio, in words for who stands beside it.

use crate::link::RadioUrl;
use std::{fmt, io};

/// Why a connection to the radio ended or did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It could not be opened.
    Unreachable(String),
    /// The radio, or whoever holds its cable, ended it in good order.
    Closed,
    /// It broke off: the radio restarted, lost power, or threw us out.
    Reset,
    /// The radio has room for one client and keeps throwing us out: another program takes the place.
    Taken,
    /// The system failed to read or write.
    Failed(String),
    /// The radio takes no bytes.
    Stuck,
    /// We closed it.
    Ours,
}

impl Loss {
    /// Sorts an error of an open connection.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => Self::Reset,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Failed(error.to_string()),
        }
    }

    /// Says why a radio could not be reached, and what may help.
    pub(crate) fn unreachable(url: &RadioUrl, error: &io::Error) -> Self {
        let RadioUrl::Serial { path } = url else {
            return Self::Unreachable(format!("cannot reach {url}: {error}"));
        };
        let device = path.display();
        // The serial library says "no device" also of one that is locked.
        let is_there = path.exists();
        Self::Unreachable(match error.kind() {
            io::ErrorKind::NotFound if is_there => format!("another program has {device} open ({error})"),
            io::ErrorKind::NotFound => format!("there is no device {device}: is the radio plugged in?"),
            io::ErrorKind::PermissionDenied => format!("no permission to open {device}: is this user in the group `dialout`?"),
            io::ErrorKind::ResourceBusy | io::ErrorKind::WouldBlock => format!("another program has {device} open ({error})"),
            _ => format!("cannot open {device}: {error}"),
        })
    }

    /// Tells whether the other side ended a connection that stood.
    pub(crate) const fn is_by_peer(&self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(words) => f.write_str(words),
            Self::Closed => f.write_str("the radio closed the connection"),
            Self::Reset => f.write_str("the connection to the radio broke off"),
            Self::Taken => f.write_str(
                "the radio lets us in and closes again within seconds: another program seems to take its only place (an app, or a second bridge)",
            ),
            Self::Failed(words) => write!(f, "the connection to the radio failed: {words}"),
            Self::Stuck => f.write_str("the radio takes no bytes"),
            Self::Ours => f.write_str("the connection was closed from here"),
        }
    }
}
