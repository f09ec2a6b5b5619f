//! The program as its operator runs it.

use crate::until;
use kosmo_domain::{DAY, NodeId, Timestamp};
use kosmo_test_support::{signal, spawn};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

/// Runs a command of the program to its end and returns what it printed.
pub fn kosmo(data: &Path, arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .arg("--data")
        .arg(data)
        .current_dir(data)
        .output()
        .expect("the program is built beside the tests")
}

fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it lies");
    let folder = test.parent().and_then(Path::parent).expect("tests lie two folders below the programs");
    folder.join("kosmo")
}

/// A running `kosmo up`, `demo`, `serve` or `sim`, on ports of its own. It ends with this value, or with the process.
#[derive(Debug)]
pub struct Kosmo {
    arguments: Vec<String>,
    data: PathBuf,
    child: Option<Child>,
    addresses: BTreeMap<String, String>,
    http: reqwest::Client,
}

impl Kosmo {
    /// Starts the program with these arguments and waits until it says that it is ready.
    pub async fn start(data: &Path, arguments: &[&str]) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client without settings can be made");
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut kosmo = Self { arguments, data: data.to_owned(), child: None, addresses: BTreeMap::new(), http };
        kosmo.restart().await;
        kosmo
    }

    /// Starts it again after it was stopped or killed.
    pub async fn restart(&mut self) {
        let ready = self.beside_data("ready.json");
        let _ = fs::remove_file(&ready);
        fs::create_dir_all(&self.data).expect("the folder is the test's");
        let log = File::options().create(true).append(true).open(self.beside_data("log")).expect("the folder is the test's");
        let output = log.try_clone().expect("a file can be opened twice");
        let program = program();
        let child = spawn(program.to_str().expect("paths here are text"), |command| {
            command.args(&self.arguments).arg("--data").arg(&self.data).arg("--ready-file").arg(&ready);
            command.current_dir(&self.data).stdin(Stdio::null()).stdout(output).stderr(log);
        });
        let child = self.child.insert(child.expect("setpriv is installed"));
        let mut ended = None;
        let addresses = until("the program is ready or has ended", || {
            ended = child.try_wait().expect("a child can be waited for");
            let found = if ended.is_some() { Some(None) } else { fs::read(&ready).ok().map(Some) };
            std::future::ready(found)
        })
        .await;
        let addresses = addresses.unwrap_or_else(|| panic!("the program ended with {ended:?}:\n{}", self.log()));
        self.addresses = serde_json::from_slice(&addresses).expect("the ready file is JSON");
    }

    /// Returns a file of the harness's own, which the program must not find in its folder.
    fn beside_data(&self, ending: &str) -> PathBuf {
        self.data.with_extension(ending)
    }

    /// Returns all it said since it first started, on both of its outputs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.beside_data("log")).unwrap_or_default()
    }

    /// Ends it as its operator would, and returns whether it ended well.
    pub async fn stop(&mut self) -> bool {
        self.signal("TERM");
        self.ended().await.success()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        signal(self.child.as_ref().expect("it runs"), name);
    }

    /// Waits until it has ended, and returns how.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        until("the program has ended", || std::future::ready(child.try_wait().expect("a child can be waited for"))).await
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("a running child can be killed");
        child.wait().expect("a child can be waited for");
    }

    /// Returns the folder with its data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the number of the running process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Returns where a part of it listens, as a URL.
    pub fn address(&self, part: &str) -> &str {
        self.addresses.get(part).unwrap_or_else(|| panic!("{part} is not among {:?}", self.addresses))
    }

    /// Returns the port of a part of it.
    pub fn port(&self, part: &str) -> u16 {
        self.address(part).rsplit(':').next().and_then(|port| port.parse().ok()).expect("addresses end in a port")
    }

    /// Asks a part of it, and returns status and body.
    pub async fn ask(&self, part: &str, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}{path}", self.address(part))).send().await.expect("the part answers");
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }

    /// Asks a part of it for JSON that it is expected to have.
    pub async fn json(&self, part: &str, path: &str) -> Value {
        let (status, body) = self.ask(part, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Sends a text as a member, and returns status, `Location` and body.
    pub async fn send(&self, member: &str, key: Option<&str>, body: impl Into<String>) -> (u16, Option<String>, Value) {
        let url = format!("{}/api/v1/messages", self.address("gateway"));
        let body: String = body.into();
        let is_refused_unread = body.len() > 1 << 20;
        let mut request = self.http.post(url).header("Content-Type", "application/json").header("X-User-ID", member).body(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        // Whoever is still writing a body that is refused may find the connection closed before the answer is read.
        let again = request.try_clone().expect("a text can be sent twice");
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(_) if is_refused_unread => again.send().await.expect("the gateway answers"),
            Err(error) => panic!("the gateway does not answer: {error}"),
        };
        let location = answer.headers().get("Location").and_then(|location| location.to_str().ok()).map(str::to_owned);
        (answer.status().as_u16(), location, answer.json().await.expect("the gateway answers with JSON"))
    }

    /// Asks the gateway for JSON as a member, and returns status and body.
    pub async fn read(&self, member: &str, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.address("gateway"));
        let answer = self.http.get(url).header("X-User-ID", member).send().await.expect("the gateway answers");
        (answer.status().as_u16(), answer.json().await.expect("the gateway answers with JSON"))
    }

    /// Returns every raw reading of a node in the ten days before and after, oldest first, page by page.
    pub async fn readings(&self, node: NodeId, around: Timestamp) -> Vec<Value> {
        let (start, end) = (around.minus(10 * DAY), around.plus(10 * DAY));
        let mut readings = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/weather/history?node_id={node}&start={start}&end={end}&interval=raw{after}");
            let (status, body) = self.ask("weather", &path).await;
            if status == 404 {
                return readings; // nothing was ever heard of the node
            }
            assert_eq!(status, 200, "{path}: {body}");
            let page: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"));
            readings.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(cursor) => after = format!("&cursor={cursor}"),
                None => return readings,
            }
        }
    }

    /// Runs a command of the program on the same data.
    pub fn command(&self, arguments: &[&str]) -> Output {
        kosmo(&self.data, arguments)
    }

    /// Returns the value of a counter, summed over its labels.
    pub async fn metric(&self, part: &str, name: &str) -> f64 {
        let (_, text) = self.ask(part, "/metrics").await;
        let of_this_name = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        of_this_name.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

impl Drop for Kosmo {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
