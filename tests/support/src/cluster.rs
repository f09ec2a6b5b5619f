//! A PostgreSQL cluster of a test's own, which keeps its promises over a power cut, and may be killed.

use crate::tether;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time;

/// How often to look whether the server answers.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a server may take to come back: it reads its log first.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server on a free port of this machine, with `fsync` on. It ends with this value, or with the process.
#[derive(Debug)]
pub struct PostgresCluster {
    folder: TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    url: String,
    child: Option<Child>,
}

impl PostgresCluster {
    /// Makes a cluster and starts its server.
    ///
    /// # Panics
    /// If that does not work, with the server's words.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("kosmo-cluster.").tempdir().expect("a temporary folder can be made");
        // PostgreSQL refuses to run as root, and then has to enter the folder as somebody else.
        let user = (id("-u", None) == Some(0)).then(|| {
            (id("-u", Some("postgres")).expect("PostgreSQL's package makes a user"), id("-g", Some("postgres")).expect("it has a group"))
        });
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("root may give a folder away");
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).expect("the folder is ours");
        let mut cluster = Self { folder, programs: programs(), user, port: 0, url: String::new(), child: None };
        cluster.init();
        for _ in 0..10 {
            cluster.port = free_port();
            cluster.url = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port);
            if cluster.try_start().await {
                return cluster;
            }
        }
        panic!("PostgreSQL does not start: {}", cluster.log());
    }

    /// Returns the superuser's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns what the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends every process of the server as a power cut would.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        // Stopped, it starts no further ones.
        tether::signal(&child, "STOP");
        let workers = children_of(child.id());
        child.kill().expect("a running child can be killed");
        child.wait().expect("a child can be waited for");
        for worker in workers {
            tether::signal_number(worker, "KILL");
            while Path::new("/proc").join(worker.to_string()).join("exe").exists() {
                std::thread::yield_now();
            }
        }
    }

    /// Sends every process of the server a signal, like `STOP` and `CONT`.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("it runs");
        tether::signal(child, name);
        for worker in children_of(child.id()) {
            tether::signal_number(worker, name);
        }
    }

    /// Starts the server again on its port, and waits until it takes connections.
    ///
    /// # Panics
    /// If it does not, with the server's words.
    pub async fn restart(&mut self) {
        assert!(self.child.is_some() || self.try_start().await, "PostgreSQL does not start again: {}", self.log());
    }

    /// Starts the server, and tells whether it came to listen.
    async fn try_start(&mut self) -> bool {
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).expect("the folder is ours");
        let (data, port) = (self.data(), self.port.to_string());
        let child = tether::spawn("setpriv", |command| {
            if let Some((uid, gid)) = self.user {
                command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
            }
            // Set again, for a change of user clears it.
            command.args(["--pdeathsig", "KILL"]).arg(self.programs.join("postgres"));
            command.arg("-D").arg(data).args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "timezone=UTC"]);
            command.args(["-c", "unix_socket_directories=", "-c", "max_connections=100", "-c", "shared_buffers=32MB"]);
            command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        });
        let child = self.child.insert(child.expect("setpriv is installed"));
        let ready = time::timeout(PATIENCE, async {
            loop {
                if child.try_wait().expect("a child can be waited for").is_some() {
                    return false;
                }
                // The last line of its file says so; that somebody listens could be the work of another program.
                let state = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
                let is_its_own = state.lines().next() == Some(child.id().to_string().as_str());
                if is_its_own && state.lines().last().is_some_and(|line| line.trim() == "ready") && listens(self.port) {
                    return true;
                }
                time::sleep(LOOK_EVERY).await;
            }
        });
        let ready = ready.await.expect("PostgreSQL listens or gives up");
        if !ready {
            self.child = None;
        }
        ready
    }

    fn init(&self) {
        let mut command = Command::new("setpriv");
        if let Some((uid, gid)) = self.user {
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
        }
        command.args(["--pdeathsig", "KILL"]).arg(self.programs.join("initdb")).arg("-D").arg(self.data());
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        let made = command.current_dir(self.folder.path()).output().expect("setpriv is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// Returns the folder of PostgreSQL's programs, the newest version's.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed as Debian ships it");
    let newest = versions.flatten().max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or(0));
    newest.expect("a version of PostgreSQL is installed").path().join("bin")
}

fn id(what: &str, user: Option<&str>) -> Option<u32> {
    let output = Command::new("id").arg(what).args(user).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port can be bound");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Returns the processes that this one has started.
fn children_of(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psql::Session;

    #[tokio::test]
    async fn what_was_committed_is_there_after_a_power_cut() {
        let mut cluster = PostgresCluster::start().await;
        let mut session = Session::open(cluster.url());
        session.run("create table things (name text)").unwrap();
        session.run("insert into things values ('mine')").unwrap();
        assert_eq!(session.run("show fsync").unwrap(), ["on"]);

        cluster.kill();
        drop(session);
        cluster.restart().await;

        assert_eq!(Session::open(cluster.url()).run("select name from things").unwrap(), ["mine"]);
    }
}
