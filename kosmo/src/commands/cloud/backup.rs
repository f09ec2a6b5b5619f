//! `kosmo backup` and `kosmo restore`.

use crate::{
    cli::{Backup, Restore},
    config::Config,
    output::{plain, say},
    system::SystemClock,
};
use anyhow::Result;
use kosmo_domain::Clock as _;
use kosmo_store::backup::{self, BackupError, Blame, Step};
use serde_json::json;
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

pub(crate) async fn back_up(args: Backup, config: &Config) -> Result<()> {
    let manifest = backup::back_up(&config.database(), &args.to, env!("CARGO_PKG_VERSION"), SystemClock.now(), &tell).await?;
    if args.json {
        return say(&serde_json::to_string_pretty(&manifest)?);
    }
    let not_included: Vec<_> = manifest.not_included.iter().map(|what| format!("  - {what}")).collect();
    say(&format!(
        "{} rows in {} tables are in {} ({} MB), and were found in it again.\n\nNot in it:\n{}",
        manifest.rows(),
        manifest.tables.len(),
        args.to.display(),
        manifest.file_bytes.div_ceil(1_000_000),
        not_included.join("\n")
    ))
}

pub(crate) async fn restore(args: Restore, config: &Config) -> Result<()> {
    let restored = backup::restore(&config.database(), &args.from, args.force, SystemClock.now(), &tell).await?;
    let manifest = &restored.manifest;
    if args.json {
        return say(&serde_json::to_string_pretty(&json!({
            "manifest": manifest,
            "set_aside": restored.set_aside,
            "texts_settled": restored.texts_settled,
        }))?);
    }
    let mut lines = vec![format!("{} rows in {} tables are as they were at {}.", manifest.rows(), manifest.tables.len(), manifest.made_at)];
    if let Some(aside) = &restored.set_aside {
        lines.push(format!("What was there before is {aside}; remove it once all is well."));
    }
    if restored.texts_settled > 0 {
        lines.push(format!(
            "{} texts were under way then. What became of them since is not known, so they are not sent once more, and say so.",
            restored.texts_settled
        ));
    }
    say(&lines.join("\n"))
}

/// Says on standard error what is being done.
fn tell(step: Step<'_>) {
    let line = match step {
        Step::Copying => "copying".to_owned(),
        Step::Summing { table, rows } => format!("{}: {rows} rows", plain(table)),
        Step::Checking => "checking".to_owned(),
        Step::Swapping => "taking its place".to_owned(),
    };
    // Nobody may be reading it.
    let _ = writeln!(io::stderr(), "kosmo: {line}");
}

/// Returns the exit code of a command that failed: 3 if a backup is none or not as it was written, 4 if the command was refused
/// and nothing was touched, 1 for everything else.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<BackupError>().map(BackupError::blame) {
        Some(Blame::Backup) => ExitCode::from(3),
        Some(Blame::Refused) => ExitCode::from(4),
        Some(Blame::Circumstances) | None => ExitCode::FAILURE,
    }
}
