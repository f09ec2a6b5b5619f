//! The whole cloud, on either of its footings.

use crate::{
    Api, BridgeProcess, Kosmo,
    bridge::secret_in,
    process::{Env, kosmo_with, program},
};
use kosmo_test_support::{Cable, ClusterOptions, Mosquitto, MosquittoOptions, PostgresCluster, TestDatabase};
use std::{
    fs, mem,
    ops::Deref,
    path::{Path, PathBuf},
    process::Output,
    time::UNIX_EPOCH,
};

/// What the cloud stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// One `kosmo up`: SQLite and the embedded broker.
    Embedded,
    /// `kosmo serve` for each service, on PostgreSQL and Mosquitto as Debian ships them.
    Servers,
}

/// How processes speak to PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// As it says of itself.
    #[default]
    Straight,
    /// Over a cable that a test can have fall silent.
    Cable,
}

/// How a cloud is set up. The default is one process of each service and no settings.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The text of `kosmo.toml`.
    pub settings: String,
    /// How many processes of every service there are, on servers. None means one.
    pub replicas: usize,
    /// Whether PostgreSQL is a cluster of the test's own, which keeps its promises when it is killed, and may be.
    pub own_cluster: bool,
    /// Whether that cluster asks for a password and is spoken to over TLS alone.
    pub guarded_cluster: bool,
    /// How the processes speak to PostgreSQL.
    pub way: Way,
    /// Whether Mosquitto keeps sessions and retained messages on disk.
    pub persistent_broker: bool,
    /// The environment of every process.
    pub env: Env,
}

/// Defines a test for each footing: `on_both_footings! { async fn name(footing: Footing) { … } }` makes `name::embedded` and
/// `name::servers`.
#[macro_export]
macro_rules! on_both_footings {
    ($(async fn $name:ident($footing:ident: Footing) $body:block)+) => {$(
        async fn $name($footing: $crate::Footing) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                super::$name($crate::Footing::Embedded).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn servers() {
                super::$name($crate::Footing::Servers).await;
            }
        }
    )+};
}

/// A running cloud: its processes, and on servers the broker and the database of its own. It ends with this value.
///
/// Parts go by their names: on servers `ingestion`, `gateway` and `web` (which answers for `weather` too), each with `-1`, `-2`…
/// behind it if there are several, besides `broker` and `database`; embedded, each of these names means the one process `up`.
#[derive(Debug)]
pub struct System {
    footing: Footing,
    data: PathBuf,
    env: Env,
    processes: Vec<(String, Kosmo)>,
    broker: Option<Mosquitto>,
    database: Database,
    cable: Option<Cable>,
    api: Api,
}

#[derive(Debug)]
enum Database {
    File,
    Shared(TestDatabase),
    Own(PostgresCluster),
}

impl Deref for System {
    type Target = Api;

    /// Everything that listens: a service's name is the first process of it, `gateway-2` the second.
    fn deref(&self) -> &Api {
        &self.api
    }
}

impl System {
    /// Starts a cloud in this folder, without settings.
    pub async fn start(folder: &Path, footing: Footing) -> Self {
        Self::with(folder, footing, Setup::default()).await
    }

    /// Starts a cloud in this folder.
    pub async fn with(folder: &Path, footing: Footing, setup: Setup) -> Self {
        let data = folder.join("cloud");
        fs::create_dir_all(&data).expect("the folder is the test's");
        fs::write(data.join("kosmo.toml"), &setup.settings).expect("the folder is the test's");
        let mut system = match footing {
            Footing::Embedded => Self::embedded(data, &setup),
            Footing::Servers => Self::servers(data, &setup).await,
        };
        for (_, process) in &mut system.processes {
            process.launch();
        }
        for (_, process) in &mut system.processes {
            process.ready().await;
        }
        system.note_addresses();
        system
    }

    fn embedded(data: PathBuf, setup: &Setup) -> Self {
        let arguments = ["up", "--port-base", "0", "--mqtt-port", "0"].map(str::to_owned).to_vec();
        let up = Kosmo::prepare("up", &data, setup.env.clone(), arguments);
        let processes = vec![("up".to_owned(), up)];
        let (footing, env) = (Footing::Embedded, setup.env.clone());
        Self { footing, data, env, processes, broker: None, database: Database::File, cable: None, api: Api::default() }
    }

    async fn servers(data: PathBuf, setup: &Setup) -> Self {
        // Somebody who may do nothing: with a login and rules, however few, the broker lets in nobody else.
        let logins = vec![("nobody".to_owned(), "nothing".to_owned())];
        let acl = Some("user nobody\n".to_owned());
        let options = MosquittoOptions { logins, acl, persistent: setup.persistent_broker, ..MosquittoOptions::default() };
        let mut broker = Mosquitto::start(&options).await;
        let passwords = let_services_in(&data, &mut broker).await;
        let database = if setup.own_cluster || setup.guarded_cluster {
            let cluster = PostgresCluster::with(&ClusterOptions { guarded: setup.guarded_cluster, within: None }).await;
            migrate(&data, cluster.url());
            Database::Own(cluster)
        } else {
            Database::Shared(TestDatabase::from_template(&template(), async |url| migrate(&data, &url)).await)
        };
        let mut env = setup.env.clone();
        let url = database.url().expect("it is on a server");
        let cable = match setup.way {
            Way::Straight => None,
            Way::Cable => Some(Cable::to(url).await),
        };
        let url = cable.as_ref().map_or(url, Cable::url).to_owned();
        env.extend([("KOSMO__DATABASE__URL".to_owned(), url), ("KOSMO__MQTT__URL".to_owned(), broker.url())]);
        let mut processes = Vec::new();
        let replicas = setup.replicas.max(1);
        for (name, services) in [("ingestion", &["ingestion"][..]), ("gateway", &["gateway"]), ("web", &["weather", "web"])] {
            for number in 1..=replicas {
                let mut env = env.clone();
                if name != "web" {
                    env.insert("KOSMO__MQTT__LOGIN".to_owned(), name.to_owned());
                    env.insert("KOSMO__MQTT__PASSWORD".to_owned(), passwords[name].clone());
                }
                let arguments = ["serve"].iter().chain(services).chain(&["--port-base", "0"]).map(ToString::to_string).collect();
                let name = if replicas == 1 { name.to_owned() } else { format!("{name}-{number}") };
                let process = Kosmo::prepare(&name, &data, env, arguments);
                processes.push((name, process));
            }
        }
        Self { footing: Footing::Servers, data, env, processes, broker: Some(broker), database, cable, api: Api::default() }
    }

    /// Returns what it stands on.
    pub fn footing(&self) -> Footing {
        self.footing
    }

    /// Returns the folder with its settings, and embedded its data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the database's URL, on servers.
    pub fn database_url(&self) -> Option<&str> {
        self.database.url()
    }

    /// Returns the names of all processes of ours.
    pub fn names(&self) -> Vec<String> {
        self.processes.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Returns the process of this name.
    pub fn process(&self, name: &str) -> &Kosmo {
        &self.processes[self.place(name)].1
    }

    /// Returns the process of this name. Whoever starts it again this way calls [`System::note_addresses`].
    pub fn process_mut(&mut self, name: &str) -> &mut Kosmo {
        let place = self.place(name);
        &mut self.processes[place].1
    }

    /// Returns the cluster, if it is the test's own.
    pub fn cluster(&mut self) -> Option<&mut PostgresCluster> {
        match &mut self.database {
            Database::Own(cluster) => Some(cluster),
            Database::File | Database::Shared(_) => None,
        }
    }

    /// Returns the cable that the processes speak to PostgreSQL over, if they do.
    pub fn cable(&self) -> Option<&Cable> {
        self.cable.as_ref()
    }

    /// Returns Mosquitto, on servers.
    pub fn broker(&mut self) -> Option<&mut Mosquitto> {
        self.broker.as_mut()
    }

    /// Ends a part as a power cut would: a process of ours, `broker`, or `database` if that is the test's own.
    pub fn kill(&mut self, name: &str) {
        match (name, &mut self.broker, &mut self.database) {
            ("broker", Some(broker), _) => broker.kill(),
            ("database", _, Database::Own(cluster)) => cluster.kill(),
            _ => self.process_mut(name).kill(),
        }
    }

    /// Starts a part again that was killed, stopped or has ended, and waits until it is ready.
    pub async fn restart(&mut self, name: &str) {
        match (name, &mut self.broker, &mut self.database) {
            ("broker", Some(broker), _) => broker.restart().await,
            ("database", _, Database::Own(cluster)) => cluster.restart().await,
            _ => {
                self.pin_broker();
                self.process_mut(name).restart().await;
                self.note_addresses();
            }
        }
    }

    /// Sends a part a signal, like `STOP` and `CONT`.
    pub fn signal(&self, name: &str, signal: &str) {
        match (name, &self.broker, &self.database) {
            ("broker", Some(broker), _) => broker.signal(signal),
            ("database", _, Database::Own(cluster)) => cluster.signal(signal),
            _ => self.process(name).signal(signal),
        }
    }

    /// Ends everything of ours and the broker as a power cut would. A broker that is not persistent forgets everything.
    pub fn kill_all(&mut self) {
        for (_, process) in &mut self.processes {
            process.kill();
        }
        if let Some(broker) = &mut self.broker {
            broker.kill();
        }
    }

    /// Starts again whatever does not run.
    pub async fn restart_all(&mut self) {
        if let Some(broker) = &mut self.broker {
            broker.restart().await;
        }
        self.pin_broker();
        let mut waiting: Vec<_> = self.processes.iter_mut().filter(|(_, process)| !process.is_started()).collect();
        for (_, process) in &mut waiting {
            process.launch();
        }
        for (_, process) in waiting {
            process.ready().await;
        }
        self.note_addresses();
    }

    /// Ends every process of ours as its operator would, and returns whether all ended well.
    pub async fn stop(&mut self) -> bool {
        let mut well = true;
        for (_, process) in &mut self.processes {
            process.signal("TERM");
        }
        for (_, process) in &mut self.processes {
            well &= process.ended().await.success();
        }
        well
    }

    /// Returns all that its processes said.
    pub fn log(&self) -> String {
        self.processes.iter().map(|(_, process)| process.log()).collect()
    }

    /// Runs a command of the program as its operator would, on the same data.
    pub fn command(&self, arguments: &[&str]) -> Output {
        kosmo_with(&self.data, &self.env, arguments)
    }

    /// Gives a bridge a login, and returns it; it does not run yet.
    pub async fn bridge(&mut self, id: &str) -> BridgeProcess {
        let files = self.broker_files();
        let arguments: Vec<_> = ["bridge", "add", id].into_iter().chain(files.iter().map(String::as_str)).collect();
        let secret = secret_in(&self.command(&arguments));
        self.reload_broker().await;
        let folder = self.data.parent().expect("the folder of the data lies in the test's");
        BridgeProcess::with_secret(folder, id, &secret)
    }

    /// Takes a bridge's login away.
    pub async fn revoke(&mut self, id: &str) {
        let files = self.broker_files();
        let arguments: Vec<_> = ["bridge", "revoke", id].into_iter().chain(files.iter().map(String::as_str)).collect();
        let output = self.command(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.reload_broker().await;
    }

    /// Has an outside broker read its passwords and rules again.
    pub async fn reload_broker(&mut self) {
        if let Some(broker) = &mut self.broker {
            broker.reload().await;
        }
    }

    /// Returns the flags that name Mosquitto's files, on servers.
    pub fn broker_files(&self) -> Vec<String> {
        self.broker.as_ref().map(broker_files).into_iter().flatten().collect()
    }

    /// Waits until every service says that it can do its work.
    pub async fn ready(&self) {
        for (name, process) in &self.processes {
            for part in process.addresses.keys().filter(|part| !part.starts_with("mqtt")) {
                crate::until(&format!("{part} of {name} is ready"), || async {
                    let (status, _) = process.try_ask(part, "/readyz").await?;
                    (status == 200).then_some(())
                })
                .await;
            }
        }
    }

    /// Learns where the processes listen.
    pub fn note_addresses(&mut self) {
        let mut addresses = mem::take(&mut self.api.addresses);
        addresses.extend(self.broker.iter().map(|broker| ("mqtt".to_owned(), broker.url())));
        // The first of several has the service's own name; it is noted last.
        for (name, process) in self.processes.iter().rev() {
            let number = name.rsplit_once('-').map_or("", |(_, number)| number);
            for (part, address) in &process.addresses {
                addresses.insert(part.clone(), address.clone());
                if !number.is_empty() {
                    addresses.insert(format!("{part}-{number}"), address.clone());
                }
            }
        }
        self.api.addresses = addresses;
    }

    /// Has the embedded broker come back on its port, where bridges look for it.
    pub(crate) fn pin_broker(&mut self) {
        if self.footing == Footing::Embedded {
            let port = self.port("mqtt").to_string();
            self.process_mut("up").set_arguments(&["up", "--port-base", "0", "--mqtt-port", &port]);
        }
    }

    fn place(&self, name: &str) -> usize {
        let wanted = match (self.footing, name) {
            (Footing::Embedded, _) => "up",
            (Footing::Servers, "weather") => "web",
            (Footing::Servers, name) => name,
        };
        let place = self.processes.iter().position(|(name, _)| name == wanted);
        place.unwrap_or_else(|| panic!("{name} is not among {:?}", self.names()))
    }
}

impl Database {
    fn url(&self) -> Option<&str> {
        match self {
            Self::File => None,
            Self::Shared(database) => Some(database.url()),
            Self::Own(cluster) => Some(cluster.url()),
        }
    }
}

/// Gives the services their logins as an operator would, and returns their secrets.
async fn let_services_in(data: &Path, broker: &mut Mosquitto) -> Env {
    let files = broker_files(broker);
    let arguments: Vec<_> = ["bridge", "services"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = kosmo_with(data, &Env::new(), &arguments);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    broker.reload().await;
    let secrets = ["ingestion", "gateway"].map(|name| {
        let secret = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        (name.to_owned(), secret.expect("each service's secret is printed").to_owned())
    });
    Env::from(secrets)
}

/// Returns the flags that name Mosquitto's files.
fn broker_files(broker: &Mosquitto) -> [String; 4] {
    let path = |name| broker.file(name).display().to_string();
    ["--mosquitto-passwords".to_owned(), path("passwords"), "--mosquitto-acl".to_owned(), path("acl")]
}

fn migrate(data: &Path, url: &str) {
    let env = Env::from([("KOSMO__DATABASE__URL".to_owned(), url.to_owned())]);
    let migrated = kosmo_with(data, &env, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
}

/// Returns the name of the database that is cloned for each test: another program may have another schema.
fn template() -> String {
    let built = fs::metadata(program()).and_then(|metadata| metadata.modified()).expect("the program is built beside the tests");
    format!("system {:?}", built.duration_since(UNIX_EPOCH).unwrap_or_default())
}
