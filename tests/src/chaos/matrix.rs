//! Which kills there are, which of them a day gets, and what came of them.

use crate::Footing;
use kosmo_failpoints::{POINTS, Part, Point};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use std::{collections::BTreeMap, fmt};

/// A death: which part dies at which pass of which point, and what else happens follows from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// What the system stands on.
    pub footing: Footing,
    /// The point.
    pub point: &'static str,
    /// The part that dies.
    pub part: Part,
    /// At which pass.
    pub pass: u64,
    /// What the load follows from.
    pub seed: u64,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { footing, point, part, pass, seed } = self;
        write!(f, "{footing:?} {part:?} {point}:{pass} seed {seed}")
    }
}

/// Returns every kill: each point in each part and on each footing, at so many passes drawn by the seed.
pub fn full_matrix(seed: u64, passes: usize) -> Vec<Kill> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut kills = Vec::new();
    for footing in [Footing::Embedded, Footing::Servers] {
        for point in POINTS {
            for &part in point.parts {
                let range = passes_of(point, part, footing);
                for number in 0..passes.min(usize::try_from(range).unwrap_or(1)) {
                    // The first pass of each point for certain, then any.
                    let pass = if number == 0 { 1 } else { rng.random_range(2..=range.max(2)) };
                    if range > 0 {
                        kills.push(Kill { footing, point: point.name, part, pass, seed: rng.random_range(0..1_000_000) });
                    }
                }
            }
        }
    }
    kills.shuffle(&mut rng);
    kills
}

/// Returns how many passes of a point there are in every run at least; none where it cannot be passed.
fn passes_of(point: &Point, part: Part, footing: Footing) -> u64 {
    let runs_within_the_broker = matches!(part, Part::Ingestion | Part::Gateway) && footing == Footing::Embedded;
    match point.name {
        _ if part == Part::Broker && footing == Footing::Servers => 0,
        // Who runs in the embedded broker's process never loses it while both live.
        "mqtt::lost" if runs_within_the_broker => 0,
        "radio::connected" | "radio::lost" | "rollup::commit::before" | "rollup::commit::after" | "mqtt::lost" => 1,
        "mqtt::connected"
        | "job::complete::after"
        | "job::complete::before"
        | "status::noted"
        | "broker::connected"
        | "text::revoked"
        | "text::granted"
        | "text::begun"
        | "text::released"
        | "offers::due"
        | "cancel::publish::before"
        | "inbound::written" => 2,
        "cancel::commit::before" | "cancel::commit::after" | "quota::settled" | "rejects::written" | "hand_over::written" => 3,
        _ => 6,
    }
}

/// Returns a number that is another each day and the same all day.
pub fn seed_of_the_day(now: kosmo_domain::Timestamp) -> u64 {
    u64::try_from(now.as_seconds() / 86_400).unwrap_or(0)
}

/// What came of many kills.
#[derive(Debug, Default)]
pub struct Report {
    lines: BTreeMap<(String, &'static str, String), (usize, usize)>,
}

impl Report {
    /// Notes a run: whether its process died where it was to.
    pub fn note(&mut self, kill: &Kill, died: bool) {
        let (deaths, runs) = self.lines.entry((format!("{:?}", kill.footing), kill.point, format!("{:?}", kill.part))).or_default();
        *deaths += usize::from(died);
        *runs += 1;
    }

    /// Returns the points at which nothing died.
    pub fn missed(&self) -> Vec<String> {
        let missed = self.lines.iter().filter(|(_, (deaths, _))| *deaths == 0);
        missed.map(|((footing, point, part), _)| format!("{footing} {part} {point}")).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((footing, point, part), (deaths, runs)) in &self.lines {
            writeln!(f, "{footing:<9} {part:<10} {point:<28} died {deaths} of {runs}")?;
        }
        Ok(())
    }
}
