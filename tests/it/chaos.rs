//! Counted kills; docs/reliability.md says what they prove and how to have one of them again.

use kosmo_failpoints::{POINTS, Part};
use kosmo_tests::{
    Footing,
    chaos::{Kill, Report, Run, full_matrix, seed_of_the_day},
    now,
};
use std::{env, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

/// How many runs go side by side.
const AT_ONCE: usize = 4;
/// How often PostgreSQL is killed in a run, and how many such runs the full matrix has.
const DATABASE_DEATHS: usize = 3;
const DATABASE_RUNS: u64 = 8;
/// At how many passes of each point a process dies in the full matrix.
const PASSES: usize = 3;

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the seed that was asked for, else the day's.
fn seed() -> u64 {
    variable("KOSMO_CHAOS_SEED").map_or_else(|| seed_of_the_day(now()), |seed| seed.parse().expect("a seed is a number"))
}

/// Returns the kills that were asked for: one point's, all, or the day's tenth.
fn kills(seed: u64) -> Vec<Kill> {
    if let Some(wanted) = variable("KOSMO_CHAOS_POINT") {
        let (name, pass) = match wanted.rsplit_once(':').and_then(|(name, pass)| Some((name, pass.parse::<u64>().ok()?))) {
            Some((name, pass)) => (name.to_owned(), Some(pass)),
            None => (wanted, None),
        };
        assert!(POINTS.iter().any(|point| point.name == name), "{name} is no point");
        let mut kills: Vec<_> = full_matrix(seed, PASSES).into_iter().filter(|kill| kill.point == name).collect();
        if let Some(pass) = pass {
            kills.sort_by_key(|kill| (kill.footing == Footing::Embedded, kill.part));
            kills.dedup_by_key(|kill| (kill.footing == Footing::Embedded, kill.part));
            for kill in &mut kills {
                (kill.pass, kill.seed) = (pass, seed);
            }
        }
        return kills;
    }
    let all = full_matrix(seed, PASSES);
    if variable("KOSMO_CHAOS").is_some() {
        return all;
    }
    let tenth = all.len() / 10;
    all.into_iter().take(tenth).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_wherever_it_does_nothing_is_lost_or_doubled() {
    let seed = seed();
    let kills = kills(seed);
    let places = Arc::new(Semaphore::new(variable("KOSMO_CHAOS_AT_ONCE").map_or(AT_ONCE, |number| number.parse().unwrap())));
    println!("{} kills by seed {seed}", kills.len());
    let mut runs = JoinSet::new();
    for kill in kills {
        let places = Arc::clone(&places);
        runs.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let began = Instant::now();
            let outcome = Run { footing: kill.footing, seed: kill.seed, kill: Some(kill), database_deaths: 0 }.run(folder.path()).await;
            (kill, began.elapsed(), outcome)
        });
    }
    let (mut report, mut failures) = (Report::default(), 0);
    while let Some(run) = runs.join_next().await {
        let (kill, took, outcome) = run.unwrap();
        report.note(&kill, outcome.died);
        let back = outcome.back_after.map_or_else(|| "-".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()));
        println!("{kill}: died {}, back after {back}, took {} s", outcome.died, took.as_secs());
        if !outcome.is_good() {
            failures += 1;
            println!("  again with: make chaos SEED={} POINT={}:{}", kill.seed, kill.point, kill.pass);
            for violation in &outcome.violations {
                println!("  {violation}");
            }
            for fault in &outcome.faults {
                println!("  {fault}");
            }
            if let Some(folder) = variable("KOSMO_CHAOS_LOGS") {
                std::fs::write(format!("{folder}/{}", kill.to_string().replace([' ', ':'], "_")), &outcome.log).unwrap();
            }
        }
    }
    println!("{report}");
    assert_eq!(failures, 0, "of the runs above, so many broke a promise; the seed was {seed}");
    // A tenth has one try at most points, and whether a load passes one so often is chance; the whole matrix has several.
    assert!(variable("KOSMO_CHAOS").is_none() || report.missed().is_empty(), "nothing died at {:?}", report.missed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_at_any_moment_has_what_was_answered_for() {
    let runs = if variable("KOSMO_CHAOS").is_some() { DATABASE_RUNS } else { 1 };
    for seed in seed()..seed() + runs {
        let folder = tempfile::tempdir().unwrap();
        let outcome = Run { footing: Footing::Servers, seed, kill: None, database_deaths: DATABASE_DEATHS }.run(folder.path()).await;
        let back = outcome.back_after.map_or(0.0, |after| after.as_secs_f64());
        println!("PostgreSQL died {} times by seed {seed}, back after {back:.1} s", outcome.database_deaths);
        assert_eq!(outcome.database_deaths, DATABASE_DEATHS);
        assert!(outcome.is_good(), "seed {seed}: {:#?} {:?}\n{}", outcome.violations, outcome.faults, outcome.log);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_death_all_promises_are_kept_and_every_point_is_passed() {
    let mut runs = JoinSet::new();
    for footing in [Footing::Embedded, Footing::Servers] {
        runs.spawn(async move {
            let folder = tempfile::tempdir().unwrap();
            (footing, Run { footing, seed: seed(), kill: None, database_deaths: 0 }.run(folder.path()).await)
        });
    }
    while let Some(run) = runs.join_next().await {
        let (footing, outcome) = run.unwrap();
        println!("{footing:?}: texts taken back: {:?}", outcome.taken_back);
        assert!(outcome.is_good(), "{footing:?}: {:#?} {:?}\n{}", outcome.violations, outcome.faults, outcome.log);
        for point in POINTS {
            let passed = outcome.passes.get(point.name).copied().unwrap_or(0);
            println!("{footing:?} {} passed {passed} times", point.name);
            // Hours are summarised half a minute after the last reading.
            let is_later = point.name.starts_with("rollup::");
            let is_elsewhere = footing == Footing::Servers && point.parts == [Part::Broker];
            assert!(passed > 0 || is_later || is_elsewhere, "{footing:?}: {} is never passed", point.name);
        }
    }
}
