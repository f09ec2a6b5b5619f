//! PostgreSQL's own programs, which write and read its archives. How to log in goes into their environment: everybody may read a
//! command line.

use crate::backup::{BackupError, TableSum, manifest::RowSum};
use std::{collections::BTreeMap, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{ChildStderr, Command},
};

/// The last bytes of what a program says that are told.
const TOLD: usize = 600;
/// What a `postgres://` address may say after its question mark, and the variable that says the same.
const PARAMETERS: [(&str, &str); 11] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("passfile", "PGPASSFILE"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
];

/// How PostgreSQL's programs reach a database.
#[derive(Clone)]
pub(super) struct Programs {
    environment: BTreeMap<&'static str, String>,
    /// The server's major version, which the programs' may not be below.
    major: u32,
}

impl Programs {
    /// Returns the programs for the server at this address.
    pub(super) fn of(url: &str, major: u32) -> Self {
        Self { environment: environment(url), major }
    }

    /// Returns the programs for another database of the server.
    pub(super) fn at(&self, database: &str) -> Self {
        let mut environment = self.environment.clone();
        environment.insert("PGDATABASE", database.to_owned());
        Self { environment, major: self.major }
    }

    /// Writes an archive of what a transaction sees that has exported its snapshot.
    pub(super) async fn dump(&self, snapshot: &str, to: &Path) -> Result<(), BackupError> {
        let mut command = self.command("pg_dump").await?;
        command.args(["--format=custom", "--no-owner", "--no-privileges", "--no-password", "--snapshot", snapshot, "--file"]).arg(to);
        run("pg_dump", command, to).await
    }

    /// Restores an archive into the database, all or nothing.
    pub(super) async fn restore(&self, from: &Path) -> Result<(), BackupError> {
        let mut command = self.command("pg_restore").await?;
        let database = self.environment.get("PGDATABASE").cloned().unwrap_or_default();
        command.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password", "--dbname"]);
        command.arg(database).arg(from);
        run("pg_restore", command, from).await
    }

    /// Reads an archive to its end, and counts and sums up the rows of each table in it.
    pub(super) async fn sums(&self, archive: &Path) -> Result<Vec<TableSum>, BackupError> {
        const NAME: &str = "pg_restore";
        let mut command = self.command(NAME).await?;
        command.args(["--data-only", "--file=-"]).arg(archive).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|_| BackupError::NoProgram { name: NAME, major: self.major })?;
        let (output, errors) = (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
        let said = tokio::spawn(tail(errors));
        let tables = read_rows(BufReader::with_capacity(1 << 16, output)).await.map_err(BackupError::file(archive, "read"))?;
        let status = child.wait().await.map_err(BackupError::file(archive, "read"))?;
        if !status.success() {
            return Err(BackupError::Damaged { path: archive.to_owned(), what: said.await.unwrap_or_default() });
        }
        Ok(tables)
    }

    async fn command(&self, name: &'static str) -> Result<Command, BackupError> {
        let program = self.find(name).await.ok_or(BackupError::NoProgram { name, major: self.major })?;
        let mut command = Command::new(program);
        for (_, variable) in PARAMETERS {
            command.env_remove(variable);
        }
        // Rows are compared as text, so that everybody writes times alike.
        command.envs(&self.environment).env("PGOPTIONS", "-c timezone=UTC").env("PGAPPNAME", "kosmo").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    /// Returns where the program lies: Debian keeps those of each version apart, and the path leads to those elsewhere.
    async fn find(&self, name: &str) -> Option<String> {
        let debian = (self.major..self.major + 10).map(|major| format!("/usr/lib/postgresql/{major}/bin/{name}"));
        if let Some(program) = debian.into_iter().find(|program| Path::new(program).is_file()) {
            return Some(program);
        }
        let output = Command::new(name).arg("--version").stdin(Stdio::null()).output().await.ok()?;
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = words.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok())?;
        (version >= self.major).then(|| name.to_owned())
    }
}

/// Runs a program to its end.
async fn run(name: &'static str, mut command: Command, file: &Path) -> Result<(), BackupError> {
    let mut child = command.spawn().map_err(BackupError::file(file, "handed to a program"))?;
    let said = tail(child.stderr.take().expect("it is piped")).await;
    let status = child.wait().await.map_err(BackupError::file(file, "handed to a program"))?;
    match status.success() {
        true => Ok(()),
        false if said.contains("No space left on device") => Err(BackupError::DiskFull(file.to_owned())),
        false => Err(BackupError::Program { name, said }),
    }
}

/// Reads what a program says to its end, and returns the last of it in one line.
async fn tail(mut errors: ChildStderr) -> String {
    let mut said = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = errors.read(&mut chunk).await {
        said.extend_from_slice(&chunk[..read]);
        let surplus = said.len().saturating_sub(TOLD);
        said.drain(..surplus);
    }
    String::from_utf8_lossy(&said).trim().replace('\n', "; ")
}

/// Sums up what `pg_restore` writes as a script: `COPY public.name (…) FROM stdin;`, a line for each row, and `\.`.
async fn read_rows(mut script: impl AsyncBufRead + Unpin) -> std::io::Result<Vec<TableSum>> {
    let mut tables = BTreeMap::new();
    let mut table: Option<(String, RowSum)> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if script.read_until(b'\n', &mut line).await? == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        match &mut table {
            Some(_) if text == br"\." => tables.extend(table.take()),
            Some((_, sum)) => sum.add(text),
            None => table = copied_table(text).map(|name| (name, RowSum::default())),
        }
    }
    Ok(tables.into_iter().map(|(name, sum)| sum.of_table(name)).collect())
}

/// Returns the table whose rows follow this line.
fn copied_table(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let rest = line.strip_prefix("COPY public.")?.strip_suffix(" FROM stdin;")?;
    let (name, _) = rest.rsplit_once(" (")?;
    let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).map(|name| name.replace("\"\"", "\""));
    Some(bare.unwrap_or_else(|| name.to_owned()))
}

/// Returns the variables that say what a `postgres://` address says.
fn environment(url: &str) -> BTreeMap<&'static str, String> {
    let mut variables = BTreeMap::new();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        Some(_) | None => (address, ""),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let told = [("PGUSER", user), ("PGPASSWORD", password), ("PGHOST", host), ("PGPORT", port), ("PGDATABASE", database)];
    variables.extend(told.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, decoded(value))));
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Some((_, variable)) = PARAMETERS.iter().find(|(parameter, _)| *parameter == name) {
            variables.insert(*variable, decoded(value));
        }
    }
    variables
}

/// Returns a text with its `%41`s read.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code =
            after.get(..2).filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_variables() {
        let is = |url: &str, expected: &[(&'static str, &str)]| {
            let expected: BTreeMap<_, _> = expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            assert_eq!(environment(url), expected, "{url}");
        };
        is(
            "postgres://postgres@127.0.0.1:20001/test",
            &[("PGUSER", "postgres"), ("PGHOST", "127.0.0.1"), ("PGPORT", "20001"), ("PGDATABASE", "test")],
        );
        is(
            "postgres://k:p%40%2Fs%20s@[::1]/a%20b?sslmode=verify-full&unknown=1",
            &[("PGUSER", "k"), ("PGPASSWORD", "p@/s s"), ("PGHOST", "::1"), ("PGDATABASE", "a b"), ("PGSSLMODE", "verify-full")],
        );
        is("postgres:///kosmo?host=/run/postgresql", &[("PGHOST", "/run/postgresql"), ("PGDATABASE", "kosmo")]);
    }

    #[tokio::test]
    async fn the_rows_of_a_script_are_counted_by_table() {
        let script = b"SET x = 1;\n\nCOPY public.nodes (id, name) FROM stdin;\n1\ta\n2\t\\\\.\n\\.\n\n\nCOPY public.\"Odd\"\"one\" (a) FROM stdin;\n\\.\nSELECT 1;\n";
        let tables = read_rows(&script[..]).await.unwrap();
        let counts: Vec<_> = tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
        assert_eq!(counts, [("Odd\"one", 0), ("nodes", 2)]);
    }
}
