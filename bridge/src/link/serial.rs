//! A serial port: held by this process alone, and opened so that the radio at its other end does not restart.
//!
//! Opening raises DTR and RTS together, which the circuit on ESP32 boards takes for nothing (only one of the two alone pulls
//! its reset), and without which a radio with USB of its own takes nobody for connected. Closing must not drop them, for that
//! would restart the radio at the next opening: hence no HUPCL, as Meshtastic's own client does it.

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock},
    io::Errno,
    termios::{ControlModes, OptionalActions, Termios, ioctl_tiocexcl, ioctl_tiocnxcl, tcgetattr, tcsetattr},
};
use std::{
    io,
    os::fd::OwnedFd,
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd},
    task::spawn_blocking,
};

/// Why a port could not be opened.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There is no such device.
    Missing,
    /// Another program has it.
    Busy,
    /// This user may not.
    Forbidden,
    /// It is no serial port, or does not know this speed.
    Unfit,
    /// The system failed.
    Failed(io::Error),
}

/// An open port.
#[derive(Debug)]
pub(crate) struct Port {
    /// Present until it is dropped.
    fd: Option<AsyncFd<OwnedFd>>,
}

impl Port {
    /// Opens the device at `path`.
    pub(crate) async fn open(path: &Path, baud: u32) -> Result<Self, Refused> {
        let path = path.to_owned();
        // A device that is about to vanish may keep the system waiting.
        let opened = spawn_blocking(move || open(&path, baud)).await.map_err(|error| Refused::Failed(io::Error::other(error)))?;
        Ok(Self { fd: Some(watched(opened?).map_err(Refused::Failed)?) })
    }

    fn fd(&self) -> &AsyncFd<OwnedFd> {
        self.fd.as_ref().expect("it is taken out when the port is dropped")
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let Some(fd) = self.fd.take() else { return };
        // Let go of first, for the system may take its time to close: it waits for a radio that takes no bytes.
        let _ = ioctl_tiocnxcl(fd.get_ref());
        let _ = flock(fd.get_ref(), FlockOperation::NonBlockingUnlock);
        let fd = fd.into_inner();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(fd)));
        }
    }
}

#[expect(deprecated, reason = "an `OwnedFd` is always the same file, which is all that the unsafe way has its caller promise")]
fn watched(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd)
}

fn open(path: &Path, baud: u32) -> Result<OwnedFd, Refused> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty())?;
    // TIOCEXCL keeps out everybody but root; the lock keeps out whoever looks for one, root too.
    flock(&fd, FlockOperation::NonBlockingLockExclusive)?;
    let mut settings = tcgetattr(&fd)?;
    ioctl_tiocexcl(&fd)?;
    set_up(&mut settings, baud)?;
    tcsetattr(&fd, OptionalActions::Now, &settings)?;
    Ok(fd)
}

/// Eight bits as they are, no parity, no flow control, and no hang-up at the end.
fn set_up(settings: &mut Termios, baud: u32) -> Result<(), Errno> {
    settings.make_raw();
    settings.control_modes.remove(ControlModes::HUPCL | ControlModes::CRTSCTS | ControlModes::CSTOPB);
    settings.control_modes.insert(ControlModes::CLOCAL | ControlModes::CREAD);
    settings.set_speed(baud)
}

impl From<Errno> for Refused {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NXIO | Errno::NODEV => Self::Missing,
            Errno::BUSY | Errno::WOULDBLOCK => Self::Busy,
            Errno::ACCESS | Errno::PERM => Self::Forbidden,
            Errno::NOTTY | Errno::INVAL | Errno::ISDIR => Self::Unfit,
            other => Self::Failed(other.into()),
        }
    }
}

impl AsyncRead for Port {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.fd().poll_read_ready(cx))?;
            let read = ready.try_io(|fd| rustix::io::read(fd.get_ref(), buffer.initialize_unfilled()).map_err(io::Error::from));
            if let Ok(outcome) = read {
                return Poll::Ready(outcome.map(|count| buffer.advance(count)));
            }
        }
    }
}

impl AsyncWrite for Port {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.fd().poll_write_ready(cx))?;
            if let Ok(outcome) = ready.try_io(|fd| rustix::io::write(fd.get_ref(), bytes).map_err(io::Error::from)) {
                return Poll::Ready(outcome);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    #[tokio::test]
    async fn a_port_is_held_alone_raw_at_its_speed_and_hangs_up_on_nobody() {
        let cable = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&cable).unwrap();
        unlockpt(&cable).unwrap();
        let path = std::path::PathBuf::from(ptsname(&cable, Vec::new()).unwrap().into_string().unwrap());
        let port = Port::open(&path, 38_400).await.unwrap();
        let settings = tcgetattr(port.fd().get_ref()).unwrap();
        assert_eq!(settings.output_speed(), 38_400);
        assert!(!settings.control_modes.intersects(ControlModes::HUPCL | ControlModes::CRTSCTS));
        assert!(settings.local_modes.is_empty() || !settings.local_modes.contains(rustix::termios::LocalModes::ECHO));
        assert!(matches!(Port::open(&path, 115_200).await, Err(Refused::Busy)), "a second one is refused, to root too");
        drop(port);
        Port::open(&path, 115_200).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_port_is_told_apart() {
        assert!(matches!(Port::open(Path::new("/dev/no-such-radio"), 115_200).await, Err(Refused::Missing)));
        assert!(matches!(Port::open(Path::new("/dev/null"), 115_200).await, Err(Refused::Unfit)));
    }
}
