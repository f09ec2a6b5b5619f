//! A radio at a serial port, which here is one end of a pseudo-terminal: it can be unplugged, and plugged in again elsewhere.

use crate::radio::{Manner, Seen, recorded, serve};
use kosmo_bridge::Places;
use rustix::{
    fs::{OFlags, fcntl_setfl},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::{self, File},
    os::{fd::OwnedFd, unix::fs::symlink},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncWriteExt as _, Join, join},
    net::unix::pipe::{Receiver, Sender},
    sync::{broadcast, mpsc},
    task::JoinHandle,
};

/// A machine with places for devices, of which its system tells as Linux does.
pub(crate) struct Machine {
    folder: TempDir,
}

/// A device that is plugged in.
pub(crate) struct Plugged {
    end: Option<OwnedFd>,
    served: Option<JoinHandle<()>>,
    links: Vec<PathBuf>,
    /// Keeps the other end open without a lock, or else it would count as unplugged until the bridge opens it.
    _other_end: File,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("dev")).unwrap();
        fs::create_dir_all(folder.path().join("sys/class/tty")).unwrap();
        Self { folder }
    }

    pub(crate) fn places(&self) -> Places {
        Places { dev: self.dev(), sys: self.folder.path().join("sys") }
    }

    fn dev(&self) -> PathBuf {
        self.folder.path().join("dev")
    }

    pub(crate) fn device(&self, name: &str) -> PathBuf {
        self.dev().join(name)
    }

    /// Plugs in a RAK4631 of this serial number, which becomes this device.
    pub(crate) fn plug(&self, name: &str, serial: &str) -> Plugged {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&end).unwrap();
        unlockpt(&end).unwrap();
        let terminal = ptsname(&end, Vec::new()).unwrap().into_string().unwrap();
        let other_end = File::open(&terminal).unwrap();
        fcntl_setfl(&end, OFlags::RDWR | OFlags::NONBLOCK).unwrap();
        let (sys, device) = (self.folder.path().join("sys"), self.device(name));
        let chip = sys.join(format!("devices/{name}"));
        let port = chip.join("1-1:1.0");
        fs::create_dir_all(&port).unwrap();
        for (file, text) in [("idVendor", "239a"), ("idProduct", "8029"), ("manufacturer", "RAKwireless"), ("serial", serial)] {
            fs::write(chip.join(file), text).unwrap();
        }
        let class = sys.join("class/tty").join(name);
        fs::create_dir_all(&class).unwrap();
        symlink(Path::new(&terminal), &device).unwrap();
        symlink(&port, class.join("device")).unwrap();
        Plugged { end: Some(end), served: None, links: vec![device, class.join("device")], _other_end: other_end }
    }
}

impl Plugged {
    fn stream(&mut self) -> Join<Receiver, Sender> {
        let end = self.end.take().expect("it is used once");
        let writing = end.try_clone().unwrap();
        join(Receiver::from_owned_fd_unchecked(end).unwrap(), Sender::from_owned_fd_unchecked(writing).unwrap())
    }

    /// Has a radio at it that says what was recorded, and then what the returned handle has it say.
    pub(crate) fn radio(&mut self, recording: &str) -> (broadcast::Sender<Vec<u8>>, mpsc::UnboundedReceiver<Seen>) {
        let (stream, frames) = (self.stream(), recorded(recording));
        let (seen_in, seen) = mpsc::unbounded_channel();
        let (says, script) = broadcast::channel(100);
        self.served = Some(tokio::spawn(async move { serve(stream, &frames, Manner::default(), &seen_in, script).await }));
        (says, seen)
    }

    /// Has something at it that sends what no radio does at this speed.
    pub(crate) fn noise(&mut self) {
        let mut stream = self.stream();
        self.served = Some(tokio::spawn(async move {
            while stream.write_all(&[0xf8, 0x00, 0x1f, 0xe6, 0x80, 0x06, 0xfe, 0x18]).await.is_ok() {
                // At whatever speed a line carries only so much, and the bridge is not to be kept busy by more.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }));
    }

    /// Pulls it out.
    pub(crate) async fn unplug(self) {
        for link in &self.links {
            fs::remove_file(link).unwrap();
        }
        if let Some(served) = self.served {
            served.abort();
            let _ = served.await;
        }
    }
}
