//! `kosmo import`: takes over what other programs have kept of a mesh.

use crate::{
    cli::{Import, ImportFile},
    config::Config,
    output::say,
    system::{SystemClock, random},
};
use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use kosmo_domain::{Clock as _, Epoch};
use kosmo_ingestion::{
    Rules,
    import::{Agreement, Imported, Program, import},
};
use rand::Rng as _;

/// How many hours are summarised in one transaction; others write as well.
const HOURS_AT_ONCE: u32 = 50;

pub(crate) async fn run(command: Import, config: &Config) -> Result<()> {
    let (program, ImportFile { file, agreed }) = match command {
        Import::Meshmonitor(file) => (Program::MeshMonitor, file),
        Import::Meshview(file) => (Program::Meshview, file),
    };
    let store = super::open_store(config).await?;
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {human_pos} of {human_len} rows, {eta} left").context("the bar")?;
    let bar = ProgressBar::new(0).with_style(style);
    let tell = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let rules = Rules::from(&config.retention.keep());
    let began = (Epoch::from_random(random().random()), SystemClock.now());
    let agreement = if agreed { Agreement::Vouched } else { Agreement::Unknown };
    let imported = import(program, &file, &store, began, &rules, agreement, &tell).await;
    bar.finish_and_clear();
    let imported = imported.with_context(|| format!("{} is not taken over to its end", file.display()))?;
    // What serves from the same database does this as well; where nothing serves, nobody else would.
    while store.run_rollups(HOURS_AT_ONCE).await?.more {}
    store.close().await;
    say(&summary(&imported))?;
    if !agreed {
        say(
            "Nodes that are new here are shown once they agree on the air (OK to MQTT). Import again with --agreed if you know that they do.",
        )?;
    }
    Ok(())
}

fn summary(imported: &Imported) -> String {
    let Imported { nodes, positions, readings, texts, left_out } = imported;
    let mut lines =
        vec![format!("{nodes} nodes, {positions} places, {readings} readings and {texts} new texts to everybody were taken over.")];
    lines.extend(left_out.iter().map(|(reason, number)| format!("{number} rows were left out: {reason}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_what_was_left_out_and_why() {
        let left_out = [("encrypted", 2), ("written to one person", 7)].into();
        let imported = Imported { nodes: 3, positions: 2, readings: 40, texts: 5, left_out };
        assert_eq!(
            summary(&imported),
            "3 nodes, 2 places, 40 readings and 5 new texts to everybody were taken over.\n\
             2 rows were left out: encrypted\n7 rows were left out: written to one person"
        );
    }
}
