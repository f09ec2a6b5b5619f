//! A session of PostgreSQL's own client, so that no test needs a driver to prepare its database.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What the client prints after each statement.
const END: &str = "kosmo-end";

/// One connection. What it holds, like an advisory lock, it holds until it is dropped.
pub(crate) struct Session {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Connects.
    pub(crate) fn open(url: &str) -> Self {
        let mut child = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=VERBOSITY=terse", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("psql is installed with PostgreSQL");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("the output is piped"));
        Self { child, input, output }
    }

    /// Runs one statement and returns its rows, one line each; the error is the server's.
    pub(crate) fn run(&mut self, sql: &str) -> Result<Vec<String>, String> {
        let input = self.input.as_mut().expect("the input is open until the drop");
        // The client keeps the state of the last statement in variables, which leaves no race between its two outputs.
        let asked = writeln!(input, "{sql};\n\\echo {END} :SQLSTATE :LAST_ERROR_MESSAGE").and_then(|()| input.flush());
        asked.map_err(|error| format!("psql has ended: {error}"))?;
        let mut rows = Vec::new();
        loop {
            let mut line = String::new();
            match self.output.read_line(&mut line) {
                Ok(0) | Err(_) => return Err("psql cannot connect, or has ended".to_owned()),
                Ok(_) => {}
            }
            match line.trim_end().strip_prefix(END).map(str::trim) {
                None => rows.push(line.trim_end().to_owned()),
                Some(state) if state.starts_with("00000") => return Ok(rows),
                Some(state) => return Err(format!("{sql}: {state}")),
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
