//! The program as one process.

use crate::{Api, until};
use kosmo_test_support::{signal, spawn};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Environment variables.
pub type Env = BTreeMap<String, String>;

/// Runs a command of the program to its end and returns what it printed.
pub fn kosmo(data: &Path, arguments: &[&str]) -> Output {
    kosmo_with(data, &Env::new(), arguments)
}

/// Runs a command of the program in this environment.
pub fn kosmo_with(data: &Path, env: &Env, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).arg("--data").arg(data).envs(env).current_dir(data);
    let mut run = || command.output().expect("the program is built beside the tests");
    // Other tests' radios and clocks go on meanwhile, where there is a thread for them.
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(run),
        _ => run(),
    }
}

/// Returns the program that was built beside the tests.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it lies");
    let folder = test.parent().and_then(Path::parent).expect("tests lie two folders below the programs");
    folder.join("kosmo")
}

/// Returns how much memory a running process holds, in MB.
pub fn memory_mb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process has a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the status says how much it holds");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("memory is a number") / 1024
}

/// A running `kosmo up`, `demo`, `serve` or `sim`, on ports of its own. It ends with this value, or with the test's process.
#[derive(Debug)]
pub struct Kosmo {
    name: String,
    arguments: Vec<String>,
    env: Env,
    data: PathBuf,
    child: Option<Child>,
    api: Api,
}

impl Deref for Kosmo {
    type Target = Api;

    /// What this process listens on.
    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Kosmo {
    /// Starts the program with these arguments and waits until it says that it is ready.
    pub async fn start(data: &Path, arguments: &[&str]) -> Self {
        let name = data.file_name().and_then(|name| name.to_str()).expect("the folder has a name");
        let mut kosmo = Self::prepare(name, data, Env::new(), arguments.iter().map(ToString::to_string).collect());
        kosmo.restart().await;
        kosmo
    }

    /// Returns the program, not running yet. Several of different names may share their data.
    pub(crate) fn prepare(name: &str, data: &Path, env: Env, arguments: Vec<String>) -> Self {
        Self { name: name.to_owned(), arguments, env, data: data.to_owned(), child: None, api: Api::default() }
    }

    /// Starts it again after it was stopped or killed, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.launch();
        self.ready().await;
    }

    /// Starts it, and does not wait.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let ready = self.beside_data("ready.json");
        let _ = fs::remove_file(&ready);
        fs::create_dir_all(&self.data).expect("the folder is the test's");
        let log = File::options().create(true).append(true).open(self.beside_data("log")).expect("the folder is the test's");
        let output = log.try_clone().expect("a file can be opened twice");
        let program = program();
        let child = spawn(program.to_str().expect("paths here are text"), |command| {
            command.args(&self.arguments).arg("--data").arg(&self.data).arg("--ready-file").arg(&ready).envs(&self.env);
            command.current_dir(&self.data).stdin(Stdio::null()).stdout(output).stderr(log);
        });
        self.child = Some(child.expect("setpriv is installed"));
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        let ready = self.beside_data("ready.json");
        let child = self.child.as_mut().expect("it was started");
        let mut ended = None;
        let addresses = until("the program is ready or has ended", || {
            ended = child.try_wait().expect("a child can be waited for");
            let found = if ended.is_some() { Some(None) } else { fs::read(&ready).ok().map(Some) };
            std::future::ready(found)
        })
        .await;
        let addresses = addresses.unwrap_or_else(|| panic!("{} ended with {ended:?}:\n{}", self.name, self.log()));
        self.api.addresses = serde_json::from_slice(&addresses).expect("the ready file is JSON");
    }

    /// Learns where it listens, if it has not and it says so by now; tells whether it has learnt something.
    pub(crate) fn is_ready(&mut self) -> bool {
        let Ok(addresses) = fs::read(self.beside_data("ready.json")) else { return false };
        let Ok(addresses) = serde_json::from_slice(&addresses) else { return false };
        let is_news = self.api.addresses != addresses;
        self.api.addresses = addresses;
        is_news
    }

    /// Gives it an environment variable or takes it away, from its next start on.
    pub fn set_env(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.env.insert(name.to_owned(), value.to_owned()),
            None => self.env.remove(name),
        };
    }

    /// Gives it other arguments, from its next start on.
    pub(crate) fn set_arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
    }

    /// Returns a file of the harness's own, which the program must not find in its folder.
    fn beside_data(&self, ending: &str) -> PathBuf {
        self.data.with_file_name(format!("{}.{ending}", self.name))
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

    /// Tells whether it was started and neither stopped nor killed since; it may have ended by itself.
    pub fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// Returns how it ended, if it has by itself; it can then be started again.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        let ended = self.child.as_mut()?.try_wait().expect("a child can be waited for");
        if ended.is_some() {
            self.child = None;
        }
        ended
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

    /// Returns how much memory it holds, in MB.
    pub fn memory_mb(&self) -> u64 {
        memory_mb(self.pid())
    }

    /// Runs a command of the program on the same data.
    pub fn command(&self, arguments: &[&str]) -> Output {
        kosmo_with(&self.data, &self.env, arguments)
    }
}

impl Drop for Kosmo {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
