//! Where a radio is.

use std::{fmt, path::PathBuf, str::FromStr};

/// The port that Meshtastic radios listen on.
pub const DEFAULT_PORT: u16 = 4403;

/// The speed of a radio's serial console; ports that are USB all the way ignore it.
pub const DEFAULT_BAUD: u32 = 115_200;
/// The speeds that a radio's serial port can be set to, but for one: at 1200 an nRF52 board waits for other firmware.
const BAUDS: [u32; 9] = [4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];

/// A radio's address, written `serial:/dev/ttyACM0[?baud=115200]`, `tcp://host[:4403]` or `auto`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RadioUrl {
    /// At whichever serial port of this machine there is a radio; there must be one alone.
    Auto,
    /// At a serial port of this machine.
    Serial {
        /// The device.
        path: PathBuf,
        /// Its speed in bits per second.
        baud: u32,
    },
    /// On the network.
    Tcp {
        /// Its name or address; an IPv6 address without brackets.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// Says why a text is no radio's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RadioUrlError {
    /// The text begins with neither scheme.
    #[error("a radio is `serial:/dev/ttyACM0`, `tcp://host` or `auto`")]
    Scheme,
    /// The device is missing or no absolute path.
    #[error("a serial radio is named by its device, like `serial:/dev/ttyACM0`")]
    Device,
    /// The speed is none that a radio has.
    #[error("a serial radio's speed is 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600")]
    Baud,
    /// The host is missing or not a host.
    #[error("a radio on the network is named by its host, like `tcp://radio.local` or `tcp://[fe80::1]`")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("a radio's port is a number from 1 to 65535")]
    Port,
}

impl RadioUrl {
    /// Tells whether it is at a serial port.
    pub const fn is_serial(&self) -> bool {
        matches!(self, Self::Auto | Self::Serial { .. })
    }
}

impl FromStr for RadioUrl {
    type Err = RadioUrlError;

    fn from_str(text: &str) -> Result<Self, RadioUrlError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Some(device) = text.strip_prefix("serial:") {
            return read_serial(device.strip_prefix("//").unwrap_or(device));
        }
        let rest = text.strip_prefix("tcp://").ok_or(RadioUrlError::Scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => split_v6(rest)?,
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let is_host = (1..=253).contains(&host.len()) && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:%".contains(&b));
        if !is_host {
            return Err(RadioUrlError::Host);
        }
        Ok(Self::Tcp { host: host.to_owned(), port: port.map_or(Ok(DEFAULT_PORT), read_port)? })
    }
}

impl fmt::Display for RadioUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Serial { path, baud: DEFAULT_BAUD } => write!(f, "serial:{}", path.display()),
            Self::Serial { path, baud } => write!(f, "serial:{}?baud={baud}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

fn read_serial(text: &str) -> Result<RadioUrl, RadioUrlError> {
    let (device, baud) = match text.split_once("?baud=") {
        Some((device, baud)) => (device, BAUDS.into_iter().find(|known| known.to_string() == baud).ok_or(RadioUrlError::Baud)?),
        None => (text, DEFAULT_BAUD),
    };
    let is_path = device.len() > 1 && device.starts_with('/') && !device.contains(['\0', '?']);
    if is_path { Ok(RadioUrl::Serial { path: device.into(), baud }) } else { Err(RadioUrlError::Device) }
}

fn split_v6(rest: &str) -> Result<(&str, Option<&str>), RadioUrlError> {
    let (host, port) = rest.split_once(']').ok_or(RadioUrlError::Host)?;
    if !host.contains(':') {
        return Err(RadioUrlError::Host);
    }
    match port.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(RadioUrlError::Port),
    }
}

fn read_port(digits: &str) -> Result<u16, RadioUrlError> {
    let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|port| all_digits && *port != 0).ok_or(RadioUrlError::Port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_radio_is_named_by_device_or_host() {
        for (text, expect) in [
            ("serial:/dev/ttyACM0", "serial:/dev/ttyACM0"),
            ("serial:///dev/serial/by-id/usb-RAK", "serial:/dev/serial/by-id/usb-RAK"),
            ("serial:/dev/ttyUSB0?baud=38400", "serial:/dev/ttyUSB0?baud=38400"),
            ("serial:/dev/ttyUSB0?baud=115200", "serial:/dev/ttyUSB0"),
            ("auto", "auto"),
            ("tcp://t-deck.local", "tcp://t-deck.local:4403"),
            ("tcp://192.168.1.9:4404/", "tcp://192.168.1.9:4404"),
            ("tcp://[fe80::1%eth0]", "tcp://[fe80::1%eth0]:4403"),
            ("tcp://[::1]:9", "tcp://[::1]:9"),
        ] {
            assert_eq!(text.parse::<RadioUrl>().unwrap().to_string(), expect);
        }
    }

    #[test]
    fn what_names_no_radio_is_refused_with_an_example() {
        for (text, expect) in [
            ("", RadioUrlError::Scheme),
            ("/dev/ttyACM0", RadioUrlError::Scheme),
            ("http://radio", RadioUrlError::Scheme),
            ("serial:", RadioUrlError::Device),
            ("serial:ttyACM0", RadioUrlError::Device),
            ("serial:/dev/ttyACM0?baud=1200", RadioUrlError::Baud),
            ("serial:/dev/ttyACM0?baud=", RadioUrlError::Baud),
            ("serial:/dev/ttyACM0?speed=9600", RadioUrlError::Device),
            ("auto:", RadioUrlError::Scheme),
            ("tcp://", RadioUrlError::Host),
            ("tcp://:4403", RadioUrlError::Host),
            ("tcp://user@radio", RadioUrlError::Host),
            ("tcp://[radio]", RadioUrlError::Host),
            ("tcp://[::1", RadioUrlError::Host),
            ("tcp://radio:0", RadioUrlError::Port),
            ("tcp://radio:", RadioUrlError::Port),
            ("tcp://radio:+1", RadioUrlError::Port),
            ("tcp://radio:70000", RadioUrlError::Port),
            ("tcp://[::1]x", RadioUrlError::Port),
        ] {
            assert_eq!(text.parse::<RadioUrl>(), Err(expect), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so_that_it_reads_the_same(text in "(serial:|tcp://|auto)[\\[\\]:./a-z0-9]{0,20}([?]baud=[0-9]{4,6})?") {
            if let Ok(url) = text.parse::<RadioUrl>() {
                prop_assert_eq!(url.to_string().parse(), Ok(url));
            }
        }
    }
}
