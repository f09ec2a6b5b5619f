//! The program.

use clap::Parser as _;
use kosmo::cli::Cli;
use std::{io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    // Does nothing in a build for users: there are no points.
    if let Err(error) = kosmo_failpoints::arm(|name| std::env::var_os(name)) {
        let _ = writeln!(std::io::stderr(), "kosmo: {error}");
        return ExitCode::FAILURE;
    }
    match kosmo::commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading standard error; the exit code says it too.
            let _ = writeln!(std::io::stderr(), "kosmo: {error:#}");
            kosmo::commands::exit_code(&error)
        }
    }
}
