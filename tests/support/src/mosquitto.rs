//! Mosquitto, the broker that stands for every broker that is not ours.

use crate::tether;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time;

const PROGRAM: &str = "/usr/sbin/mosquitto";

/// What the names of the brokers' folders begin with; the number of the test process follows.
const FOLDER: &str = "kosmo-mosquitto.";

/// How often to look whether the broker listens.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long a broker may take to listen or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the broker is set up. The default lets everybody do everything, and keeps nothing over a restart.
#[derive(Debug, Clone, Default)]
pub struct MosquittoOptions {
    /// Names and passwords. If there are any, nobody gets in without one.
    pub logins: Vec<(String, String)>,
    /// The text of an ACL file.
    pub acl: Option<String>,
    /// Whether sessions and retained messages survive a stop; after a kill, those of the last save do.
    pub persistent: bool,
    /// Further lines of the configuration.
    pub extra: String,
}

/// A broker on a free port of this machine. It ends with this value, or with the process.
#[derive(Debug)]
pub struct Mosquitto {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    /// Starts a broker and waits until it listens.
    ///
    /// # Panics
    /// If it does not, with what it logged.
    pub async fn start(options: &MosquittoOptions) -> Self {
        remove_stale_folders();
        let prefix = format!("{FOLDER}{}.", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder can be made");
        let mut broker = Self { folder, port: 0, child: None };
        // Another program may take the port before the broker does; then another one is tried.
        for _ in 0..10 {
            broker.port = free_port();
            write_configuration(broker.folder.path(), broker.port, options);
            if broker.try_start().await {
                return broker;
            }
        }
        panic!("Mosquitto does not start: {}", broker.log());
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address as programs are given it.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Returns what the broker has logged since it first started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Returns the path of its file of this name: `passwords`, `acl`, `log`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has the broker read its passwords and rules again, and waits until it has.
    ///
    /// # Panics
    /// If it does not run, or does not do so in time.
    pub async fn reload(&mut self) {
        let seen = self.log().len();
        self.signal("HUP");
        let reloaded = time::timeout(PATIENCE, async {
            while !self.log()[seen..].contains("Reloading config") {
                time::sleep(LOOK_EVERY).await;
            }
        });
        reloaded.await.expect("Mosquitto reloads when told to");
    }

    /// Sends the broker a signal.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, name: &str) {
        tether::signal(self.child.as_ref().expect("it runs"), name);
    }

    /// Returns the number of the running process.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Ends the broker in good order: it saves what it keeps and closes its connections.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        tether::signal(&child, "TERM");
        let stopped = time::timeout(PATIENCE, async {
            while child.try_wait().expect("a child can be waited for").is_none() {
                time::sleep(LOOK_EVERY).await;
            }
        });
        stopped.await.expect("Mosquitto stops when told to");
    }

    /// Ends the broker as a power cut would.
    ///
    /// # Panics
    /// If the system does not let it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child that was not waited for can be killed");
            child.wait().expect("a child can be waited for");
        }
    }

    /// Starts the broker again on the same port, if it does not run, and waits until it listens.
    ///
    /// # Panics
    /// If it does not, with what it logged.
    pub async fn restart(&mut self) {
        assert!(self.child.is_some() || self.try_start().await, "Mosquitto does not start again: {}", self.log());
    }

    /// Starts the broker, and tells whether it came to listen.
    async fn try_start(&mut self) -> bool {
        let seen = self.log().len();
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).expect("the folder is ours");
        let configuration = self.folder.path().join("mosquitto.conf");
        let spawned = tether::spawn(PROGRAM, |command| {
            command.arg("-c").arg(configuration).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        });
        let mut child = spawned.expect("setpriv is installed");
        let listening = time::timeout(PATIENCE, async {
            // It says so once it listens; that the port answers could be the work of another program.
            while !self.log()[seen..].contains(" running") {
                if child.try_wait().expect("a child can be waited for").is_some() {
                    return false;
                }
                time::sleep(LOOK_EVERY).await;
            }
            true
        });
        let listens = listening.await.expect("Mosquitto listens or gives up");
        self.child = listens.then_some(child);
        listens
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Removes the folders of test processes that were killed, for nobody else would.
fn remove_stale_folders() {
    let entries = fs::read_dir(std::env::temp_dir()).expect("the temporary folder can be read");
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.split('.').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
            // Another process may be at the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port can be bound");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn write_configuration(folder: &Path, port: u16, options: &MosquittoOptions) {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut lines = vec![
        format!("listener {port} 127.0.0.1"),
        format!("allow_anonymous {}", options.logins.is_empty()),
        format!("persistence {}", options.persistent),
        format!("persistence_location {}/", folder.display()),
        // The default of 20 would be what limits a bridge that empties its spool.
        "max_inflight_messages 1000".to_owned(),
        "max_queued_messages 0".to_owned(),
        "log_dest stderr".to_owned(),
        "log_type error".to_owned(),
        "log_type warning".to_owned(),
        "log_type notice".to_owned(),
        "log_type information".to_owned(),
    ];
    // Started by root, as in a container, it would else become a user that cannot read the folder.
    lines.push("user root".to_owned());
    if !options.logins.is_empty() {
        write_passwords(&folder.join("passwords"), &options.logins);
        lines.push(format!("password_file {}", file("passwords")));
    }
    if let Some(acl) = &options.acl {
        fs::write(folder.join("acl"), acl).expect("the folder is ours");
        lines.push(format!("acl_file {}", file("acl")));
    }
    lines.push(options.extra.clone());
    lines.push(String::new());
    fs::write(folder.join("mosquitto.conf"), lines.join("\n")).expect("the folder is ours");
}

fn write_passwords(path: &Path, logins: &[(String, String)]) {
    let lines: Vec<String> = logins.iter().map(|(name, password)| format!("{name}:{password}\n")).collect();
    fs::write(path, lines.concat()).expect("the folder is ours");
    let hashed = Command::new("mosquitto_passwd").arg("-U").arg(path).status();
    assert!(hashed.is_ok_and(|status| status.success()), "mosquitto_passwd comes with Mosquitto");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(broker: &Mosquitto, arguments: &[&str]) -> bool {
        let port = broker.port().to_string();
        let status = Command::new("mosquitto_pub").args(["-h", "127.0.0.1", "-p", &port, "-q", "1"]).args(arguments).status();
        status.expect("mosquitto_pub comes with mosquitto-clients").success()
    }

    #[tokio::test]
    async fn a_broker_lets_in_who_it_was_told_to_and_comes_back_on_its_port() {
        let logins = vec![("roof".to_owned(), "secret".to_owned())];
        let mut broker = Mosquitto::start(&MosquittoOptions { logins, ..MosquittoOptions::default() }).await;
        assert!(publish(&broker, &["-u", "roof", "-P", "secret", "-t", "a", "-m", "1"]));
        assert!(!publish(&broker, &["-u", "roof", "-P", "wrong", "-t", "a", "-m", "1"]));
        assert!(!publish(&broker, &["-t", "a", "-m", "1"]));

        let port = broker.port();
        broker.kill();
        assert!(!publish(&broker, &["-u", "roof", "-P", "secret", "-t", "a", "-m", "1"]));
        broker.restart().await;
        assert_eq!(broker.port(), port);
        assert!(publish(&broker, &["-u", "roof", "-P", "secret", "-t", "a", "-m", "1"]));
        broker.stop().await;
        broker.restart().await;
        assert!(publish(&broker, &["-u", "roof", "-P", "secret", "-t", "a", "-m", "1"]));
    }
}
