//! What systemd is told: that the program is ready, that it goes on, and that it ends (sd_notify, a datagram to a socket).
//!
//! The sign of life comes from the loops that do the work, not from a timer beside them: a bridge that hangs is started anew.

use std::{
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// A supervisor that wants to be told.
#[derive(Debug)]
pub struct Supervisor {
    socket: UnixDatagram,
    /// How long it waits for a sign of life, if it does.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// Returns the supervisor that these variables of the environment name: `NOTIFY_SOCKET`, and for a watchdog `WATCHDOG_USEC`,
    /// unless `WATCHDOG_PID` means another process.
    pub fn of_environment(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<Self> {
        let path = variable("NOTIFY_SOCKET")?;
        let socket = connect(&path).inspect_err(|error| tracing::warn!(%error, "the supervisor cannot be told anything")).ok()?;
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| is_ours).map(Duration::from_micros).filter(|span| !span.is_zero());
        Some(Self { socket, watchdog })
    }

    /// Says that the program is ready.
    pub fn ready(&self, words: &str) {
        self.tell(&format!("READY=1\nSTATUS={words}"));
    }

    fn tell(&self, message: &str) {
        // It is no reason to stop working that nobody listens.
        if let Err(error) = self.socket.send(message.as_bytes()) {
            tracing::debug!(%error, "the supervisor does not listen");
        }
    }

    /// Gives signs of life as long as `count_beats` of every loop rises, until `shutdown`; then says that the program ends.
    pub async fn watch(self, count_beats: impl Fn() -> Vec<u64>, shutdown: CancellationToken) {
        let mut before = Vec::new();
        let every = self.watchdog.map(|watchdog| watchdog / 2);
        loop {
            let rest = async {
                match every {
                    Some(every) => tokio::time::sleep(every).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return self.tell("STOPPING=1"),
                () = rest => {}
            }
            let beats = count_beats();
            let all_go_on = before.len() != beats.len() || before.iter().zip(&beats).all(|(before, beats)| before != beats);
            if all_go_on {
                self.tell("WATCHDOG=1");
                before = beats;
            } else {
                tracing::error!("a bridge does not go on; unless it does soon, the watchdog starts the program anew");
            }
        }
    }
}

fn connect(path: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    let address = match path.as_bytes() {
        // A name that is no file.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(path)?,
    };
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 200];
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn systemd_hears_of_readiness_life_and_end_and_nothing_of_a_loop_that_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let variable = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(path.clone().into_os_string()),
            "WATCHDOG_USEC" => Some("10000000".into()),
            _ => None,
        };
        let supervisor = Supervisor::of_environment(variable).unwrap();
        supervisor.ready("two bridges");
        assert_eq!(heard(&socket), "READY=1\nSTATUS=two bridges");

        let beats = Arc::new(AtomicU64::new(0));
        let (shutdown, count) = (CancellationToken::new(), Arc::clone(&beats));
        let watched = tokio::spawn(supervisor.watch(move || vec![7 + count.fetch_add(1, Ordering::SeqCst), 1], shutdown.clone()));
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(heard(&socket), "WATCHDOG=1");
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(socket.recv(&mut [0; 9]).is_err(), "the second loop hangs");
        shutdown.cancel();
        watched.await.unwrap();
        assert_eq!(heard(&socket), "STOPPING=1");
    }

    #[test]
    fn without_a_supervisor_nobody_is_told() {
        assert!(Supervisor::of_environment(|_| None).is_none());
    }
}
