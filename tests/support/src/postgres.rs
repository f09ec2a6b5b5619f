//! One PostgreSQL cluster per test run, and in it a database per test, cloned from a migrated template.

use crate::psql::Session;
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::OnceCell;

/// Starts and stops a cluster around a command; kept as a script so that a whole test run can share one.
const WITH_POSTGRES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/with-postgres");

/// Names the cluster that is already running, if one is.
const URL_VARIABLE: &str = "KOSMO_TEST_POSTGRES_URL";

/// Returns the superuser's URL of the cluster: the one that `with-postgres` runs, else one of this process.
pub fn cluster_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty()).unwrap_or_else(start_cluster))
}

/// Starts a cluster that ends with this process: the script's command reads a pipe whose other end we hold until then.
fn start_cluster() -> String {
    static KEEPER: OnceLock<Child> = OnceLock::new();
    let tell_and_wait = format!("echo \"${URL_VARIABLE}\"; exec cat >/dev/null");
    let mut child = Command::new(WITH_POSTGRES)
        .args(["sh", "-c", &tell_and_wait])
        .env_remove(URL_VARIABLE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {WITH_POSTGRES}: {error}"));
    let mut url = String::new();
    let output = child.stdout.take().expect("the output is piped");
    BufReader::new(output).read_line(&mut url).expect("the URL is text");
    assert!(!url.trim().is_empty(), "PostgreSQL did not start; its words are above");
    // Never dropped: the pipe closes with the process, and with it the script stops the cluster and removes its folder.
    KEEPER.get_or_init(|| child);
    url.trim().to_owned()
}

/// A database of its own for one test, removed with this value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// Returns a database with nothing in it.
    pub fn empty() -> Self {
        Self::clone_of("template0")
    }

    /// Returns a copy of the template of this name. The first to ask for it in the whole run makes it: an empty database
    /// that `migrate` is given the URL of, and which it must have left when it returns. The name is to say what is in the
    /// template, so that another version of it has another name.
    pub async fn from_template<F, Fut>(template: &str, migrate: F) -> Self
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = ()>,
    {
        static READY: LazyLock<Mutex<HashMap<String, Arc<OnceCell<()>>>>> = LazyLock::new(Mutex::default);
        let ready = Arc::clone(lock(&READY).entry(template.to_owned()).or_default());
        let name = format!("template_{}", identifier(template));
        ready.get_or_init(|| make_template(&name, migrate)).await;
        Self::clone_of(&name)
    }

    /// Returns the URL of the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives every connection to it that is made from then on another setting.
    pub fn set(&self, setting: &str, value: &str) {
        execute(&mut admin(), &format!("alter database {} set {setting} = '{value}'", self.name));
    }

    fn clone_of(template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut admin = admin();
        // A process of an earlier run on the same cluster may have had this number, and may have been killed.
        execute(&mut admin, &format!("drop database if exists {name} with (force)"));
        execute(&mut admin, &format!("create database {name} template {template}"));
        let url = url_of(&name);
        Self { name, url }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let dropped = admin().run(&format!("drop database if exists {} with (force)", self.name));
        if let (Err(error), false) = (dropped, std::thread::panicking()) {
            panic!("cannot drop a test's database: {error}");
        }
    }
}

/// Makes the template unless another process has, which it tells by the name: that is only given to what is complete.
async fn make_template<F, Fut>(name: &str, migrate: F)
where
    F: FnOnce(String) -> Fut,
    Fut: Future<Output = ()>,
{
    let building = format!("{name}_building");
    let mut session = Session::open(cluster_url());
    // Held until the session ends; processes that want the same template wait here.
    execute(&mut session, &format!("select pg_advisory_lock(hashtext('{name}'))"));
    let exists = execute(&mut session, &format!("select 1 from pg_database where datname = '{name}'"));
    if !exists.is_empty() {
        return;
    }
    execute(&mut session, &format!("drop database if exists {building} with (force)"));
    execute(&mut session, &format!("create database {building} template template0"));
    migrate(url_of(&building)).await;
    execute(&mut session, &format!("alter database {building} rename to {name}"));
}

/// Returns the session that makes and drops databases, one statement at a time.
fn admin() -> MutexGuard<'static, Session> {
    static ADMIN: LazyLock<Mutex<Session>> = LazyLock::new(|| Mutex::new(Session::open(cluster_url())));
    lock(&ADMIN)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed with the lock held left the map or the session whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn execute(session: &mut Session, sql: &str) -> Vec<String> {
    session.run(sql).unwrap_or_else(|error| panic!("the test cluster refused: {error}"))
}

/// Returns the cluster's URL with another database: what stands between the host and the parameters.
fn url_of(database: &str) -> String {
    let url = cluster_url();
    let (address, parameters) = url.split_once('?').map_or((url, String::new()), |(address, rest)| (address, format!("?{rest}")));
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    format!("{}/{database}{parameters}", &address[..end])
}

/// Returns a name that PostgreSQL takes as it is, and that differs where the given ones do.
fn identifier(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(url: &str, sql: &str) -> Vec<String> {
        execute(&mut Session::open(url), sql)
    }

    #[tokio::test]
    async fn tests_get_copies_that_do_not_share_anything() {
        let make = |url: String| async move {
            execute(&mut Session::open(&url), "create table things (name text)");
        };
        let (one, two) = (TestDatabase::from_template("things 1", make).await, TestDatabase::from_template("things 1", make).await);
        names(one.url(), "insert into things values ('mine')");
        assert_eq!(names(one.url(), "select name from things"), ["mine"]);
        assert!(names(two.url(), "select name from things").is_empty());
    }

    #[tokio::test]
    async fn a_database_goes_with_its_test_although_somebody_is_connected() {
        let database = TestDatabase::empty();
        let name = database.name.clone();
        let mut left = Session::open(database.url());
        execute(&mut left, "select 1");
        drop(database);
        assert!(names(cluster_url(), &format!("select 1 from pg_database where datname = '{name}'")).is_empty());
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let error = Session::open(cluster_url()).run("select nonsense").unwrap_err();
        assert!(error.contains("42703") && error.contains("nonsense"), "{error}");
    }
}
