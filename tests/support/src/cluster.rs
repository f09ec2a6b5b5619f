//! A PostgreSQL cluster of a test's own, which keeps its promises over a power cut, and may be killed.

use crate::{psql::Session, tether};
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

/// The files of a guarded cluster's certificate and of its key.
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";

/// How often to look whether the server answers.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a server may take to come back: it reads its log first.
const PATIENCE: Duration = Duration::from_mins(1);

/// The password of everybody on a guarded cluster, with signs that have a meaning in addresses; and how it is written in one.
const PASSWORD: (&str, &str) = ("p@ss: w/rd", "p%40ss%3A%20w%2Frd");

/// How a cluster is set up. The default asks nobody for a password, and lies where temporary files do.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Whether it asks for passwords, is spoken to over TLS alone, and has a role and a database of an application's: neither may
    /// do more than an application needs.
    pub guarded: bool,
    /// The folder that it lies in.
    pub within: Option<PathBuf>,
}

/// A server on a free port of this machine, with `fsync` on. It ends with this value, or with the process.
#[derive(Debug)]
pub struct PostgresCluster {
    folder: TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    guarded: bool,
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
        Self::with(&ClusterOptions::default()).await
    }

    /// Makes a cluster of this kind and starts its server.
    ///
    /// # Panics
    /// If that does not work, with the server's words.
    pub async fn with(options: &ClusterOptions) -> Self {
        let temporary = std::env::temp_dir();
        let within = options.within.as_deref().unwrap_or(&temporary);
        let folder = tempfile::Builder::new().prefix("kosmo-cluster.").tempdir_in(within).expect("a temporary folder can be made");
        // PostgreSQL refuses to run as root, and then has to enter the folder as somebody else.
        let user = (id("-u", None) == Some(0)).then(|| {
            (id("-u", Some("postgres")).expect("PostgreSQL's package makes a user"), id("-g", Some("postgres")).expect("it has a group"))
        });
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("root may give a folder away");
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).expect("the folder is ours");
        let guarded = options.guarded;
        let mut cluster = Self { folder, programs: programs(), user, guarded, port: 0, url: String::new(), child: None };
        cluster.init();
        for _ in 0..10 {
            cluster.port = free_port();
            cluster.url = cluster.url_of("postgres", "postgres");
            if cluster.try_start().await {
                if guarded {
                    cluster.make_room_for_an_application();
                }
                return cluster;
            }
        }
        panic!("PostgreSQL does not start: {}", cluster.log());
    }

    /// Returns the URL: the superuser's, or on a guarded cluster the application's.
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
        // It may have ended by itself, as on a full disk.
        if self.child.as_mut().is_some_and(|child| child.try_wait().expect("a child can be waited for").is_some()) {
            self.child = None;
        }
        assert!(self.child.is_some() || self.try_start().await, "PostgreSQL does not start again: {}", self.log());
    }

    /// Returns the URL of a role and a database.
    fn url_of(&self, role: &str, database: &str) -> String {
        let (password, tls) = if self.guarded {
            let certificate = self.folder.path().join(CERTIFICATE);
            (format!(":{}", PASSWORD.1), format!("?sslmode=verify-full&sslrootcert={}", certificate.display()))
        } else {
            (String::new(), String::new())
        };
        format!("postgres://{role}{password}@127.0.0.1:{}/{database}{tls}", self.port)
    }

    /// Makes a role that may make databases, for restores do, and nothing else, and a database of its own.
    fn make_room_for_an_application(&mut self) {
        let mut session = Session::open(&self.url);
        for sql in [&format!("create role kosmo login createdb password '{}'", PASSWORD.0), "create database kosmo owner kosmo"] {
            session.run(sql).unwrap_or_else(|error| panic!("the cluster refused: {error}"));
        }
        self.url = self.url_of("kosmo", "kosmo");
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
            command.args(["-c", "min_wal_size=32MB", "-c", "max_wal_size=64MB"]);
            if self.guarded {
                let (certificate, key) = (self.folder.path().join(CERTIFICATE), self.folder.path().join(KEY));
                command.args(["-c", "ssl=on", "-c"]).arg(format!("ssl_cert_file={}", certificate.display()));
                command.arg("-c").arg(format!("ssl_key_file={}", key.display()));
            }
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
        command.args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        if self.guarded {
            self.certify();
            let file = self.folder.path().join("password");
            fs::write(&file, PASSWORD.0).expect("the folder is ours");
            self.give_away(&file);
            command.arg("--auth=scram-sha-256").arg(format!("--pwfile={}", file.display()));
        } else {
            command.arg("--auth=trust");
        }
        let made = command.current_dir(self.folder.path()).output().expect("setpriv is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Makes a certificate that vouches for itself, and its key.
    fn certify(&self) {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-keyout", KEY, "-out", CERTIFICATE]);
        command.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]);
        let made = command.args(["-addext", "basicConstraints=critical,CA:FALSE"]).current_dir(self.folder.path()).output();
        let made = made.expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.give_away(&self.folder.path().join(KEY));
    }

    /// Gives a file to the server alone.
    fn give_away(&self, file: &Path) {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        if let Some((uid, gid)) = self.user {
            chown(file, Some(uid), Some(gid)).expect("root may give a file away");
        }
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

    #[tokio::test]
    async fn a_guarded_cluster_knows_who_asks_and_is_spoken_to_in_secret() {
        let cluster = PostgresCluster::with(&ClusterOptions { guarded: true, ..ClusterOptions::default() }).await;
        let mut session = Session::open(cluster.url());
        assert_eq!(session.run("select ssl from pg_stat_ssl where pid = pg_backend_pid()").unwrap(), ["t"]);
        assert_eq!(session.run("select current_user").unwrap(), ["kosmo"]);
        assert!(Session::open(&cluster.url().replace(PASSWORD.1, "guess")).run("select 1").is_err());
    }
}
