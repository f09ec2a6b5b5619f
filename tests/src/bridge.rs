//! `kosmo bridge` beside a simulated radio.

use crate::{Env, Kosmo, kosmo, process::program, until};
use kosmo_test_support::{signal, spawn};
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Output, Stdio},
};

/// A bridge of its own process, with its own data folder. It ends with this value, or with the process.
#[derive(Debug)]
pub struct BridgeProcess {
    id: String,
    data: PathBuf,
    env: Env,
    child: Option<Child>,
}

impl BridgeProcess {
    /// Gives a bridge a login and keeps its secret in its folder.
    pub fn enrol(cloud: &Kosmo, folder: &Path, id: &str) -> Self {
        let output = cloud.command(&["bridge", "add", id]);
        Self::with_secret(folder, id, &secret_in(&output))
    }

    /// Returns a bridge that has this secret and does not run yet.
    pub fn with_secret(folder: &Path, id: &str, secret: &str) -> Self {
        let data = folder.join(id);
        fs::create_dir_all(&data).expect("the folder is the test's");
        fs::write(data.join("secret"), secret).expect("the folder is the test's");
        Self { id: id.to_owned(), data, env: Env::new(), child: None }
    }

    /// Returns the secret of its login.
    pub fn secret(&self) -> String {
        fs::read_to_string(self.data.join("secret")).expect("the secret was kept")
    }

    /// Gives it settings, in effect from its next start.
    pub fn configure(&self, settings: &str) {
        fs::write(self.data.join("kosmo.toml"), settings).expect("the folder is the test's");
    }

    /// Gives it an environment variable or takes it away, from its next start on.
    pub fn set_env(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.env.insert(name.to_owned(), value.to_owned()),
            None => self.env.remove(name),
        };
    }

    /// Starts the bridge between a radio and a broker.
    pub fn start(&mut self, radio: SocketAddr, broker: &str) {
        let log = File::options().create(true).append(true).open(self.data.join("bridge.log")).expect("the folder is the test's");
        let output = log.try_clone().expect("a file can be opened twice");
        let program = program();
        let child = spawn(program.to_str().expect("paths here are text"), |command| {
            command.args(["bridge", "--radio", &format!("tcp://{radio}"), "--mqtt", broker, "--id", &self.id]);
            command.arg("--password-file").arg(self.data.join("secret")).arg("--data").arg(&self.data);
            command.envs(&self.env).current_dir(&self.data).stdin(Stdio::null()).stdout(output).stderr(log);
        });
        self.child = Some(child.expect("setpriv is installed"));
    }

    /// Sends it a signal, like `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        signal(self.child.as_ref().expect("it runs"), name);
    }

    /// Returns the number of the running process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Returns whether and how it ended by itself; it can then be started again.
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

    /// Ends it as its operator would. Its radio runs in the test's own process and has to be heard out, so that nothing may block here.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        signal(&child, "TERM");
        until("the bridge has ended", || std::future::ready(child.try_wait().expect("a child can be waited for"))).await;
    }

    /// Takes its spool away, as a new disk would.
    pub fn lose_spool(&self) {
        assert!(self.child.is_none(), "a spool in use is not taken away");
        fs::remove_dir_all(self.data.join("bridges")).expect("the bridge has a spool");
    }

    /// Returns its folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns what it said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.data.join("bridge.log")).unwrap_or_default()
    }

    /// Runs a command on the bridge's own data.
    pub fn command(&self, arguments: &[&str]) -> Output {
        kosmo(&self.data, arguments)
    }
}

impl Drop for BridgeProcess {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// Returns the secret that `kosmo bridge add` printed.
pub(crate) fn secret_in(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.lines().find(|line| !line.is_empty() && !line.contains(' ')).expect("the secret stands in a line of its own").to_owned()
}
