//! The official Meshtastic client, for tests of what presents itself as a radio.

use std::{
    io::{Read as _, Seek as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

/// No test has the client do more than this takes.
const PATIENCE: Duration = Duration::from_mins(5);

/// One thing that the client was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name in `tests/python/rows.py`.
    pub name: String,
    /// Whether the client said what it says when it worked.
    pub passed: bool,
    /// What was seen, as a line of JSON.
    pub report: String,
}

/// Has the official client do these rows to the radio at this address, all there are if none is named, and returns what came of
/// them. `mesh` is JSON: whom the rows speak of.
///
/// # Panics
/// If the client is not installed, or breaks down.
pub async fn official_client(radio: SocketAddr, mesh: &str, rows: &[&str]) -> Vec<Row> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python: PathBuf = root.join("target/tools/python/bin/python");
    assert!(python.exists(), "the official client is not installed: run `make setup`");
    let mut command = Command::new(python);
    command.arg(root.join("tests/python/rows.py")).args(["--radio", &radio.to_string(), "--mesh", mesh]);
    if !rows.is_empty() {
        command.args(["--rows", &rows.join(",")]);
    }
    let mut said = tempfile::tempfile().expect("a temporary file can be made");
    let errors = said.try_clone().expect("a file can be opened twice");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
    let mut client = command.spawn().expect("the client can be started");
    let mut lines = BufReader::new(client.stdout.take().expect("its output is piped")).lines();
    let mut done = Vec::new();
    let all = timeout(PATIENCE, async {
        while let Ok(Some(line)) = lines.next_line().await {
            done.extend(line.starts_with('{').then(|| row(&line)));
        }
        client.wait().await
    });
    let ended = all.await;
    if !matches!(&ended, Ok(Ok(status)) if status.success()) {
        let mut words = String::new();
        let _ = said.rewind().and_then(|()| said.read_to_string(&mut words));
        panic!("the client broke down or came to no end ({ended:?}) after {done:#?}\n{words}");
    }
    done
}

fn row(line: &str) -> Row {
    let name = line.split('"').nth(3).unwrap_or_default().to_owned();
    Row { name, passed: line.contains(r#""passed": true"#), report: line.to_owned() }
}
