//! What a bridge tells whoever asks on its own machine: a socket beside its spool that answers with one report and closes.
//!
//! A socket, and no file that is written every minute: it needs no room on a disk that is full, wears no card out, and answers only
//! while the bridge's loop does.

use crate::health::Shown;
use kosmo_contract::Status;
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    time::timeout,
};

/// How long either side may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest report that is read.
const MAX_REPORT: u64 = 256 * 1024;

/// What a bridge tells of itself on its own machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How its radio is named in the settings.
    pub radio: String,
    /// What that is at present, if it was ever open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The broker it speaks to.
    pub broker: String,
    /// What it tells the cloud.
    pub status: Status,
    /// How much is in its spool, in bytes, and how much may be.
    pub spool_bytes: u64,
    /// See there.
    pub spool_max_bytes: u64,
    /// What is wrong, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Shown>,
}

/// Where a bridge listens for whoever asks.
#[derive(Debug)]
pub(crate) struct Local {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl Local {
    /// Listens at `path`. That it cannot is logged: a bridge works without.
    pub(crate) fn listen(path: &Path) -> Self {
        let path = path.to_owned();
        // One that a killed process left behind answers nobody, and the spool's lock says that no other bridge is here.
        let _ = fs::remove_file(&path);
        let bound =
            UnixListener::bind(&path).and_then(|listener| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map(|()| listener));
        let listener =
            bound.inspect_err(|error| tracing::warn!(path = %path.display(), %error, "`kosmo bridge status` cannot ask this bridge")).ok();
        Self { listener, path }
    }

    /// Returns the next one who asks. Safe to cancel.
    pub(crate) async fn asked(&self) -> UnixStream {
        let Some(listener) = &self.listener else { return std::future::pending().await };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                // Out of file handles, say; asking again at once would not help.
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.listener.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Answers one who asked, without keeping anybody waiting.
pub(crate) fn answer(mut stream: UnixStream, report: &Report) {
    let bytes = serde_json::to_vec(report).expect("a report has text keys only, and none of its types fail to serialise");
    tokio::spawn(async move {
        let _ = timeout(PATIENCE, async {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        })
        .await;
    });
}

/// Asks the bridge that listens at `path`. Nothing: none runs there.
///
/// # Errors
/// If it does not answer, or not with a report.
pub async fn ask(path: &Path) -> io::Result<Option<Report>> {
    let asked = async {
        let mut stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        (&mut stream).take(MAX_REPORT).read_to_end(&mut bytes).await?;
        serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other)
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
