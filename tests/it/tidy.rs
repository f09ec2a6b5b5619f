//! The rules of the house that no compiler keeps: who may import whom, how long a file may grow, that both databases
//! have the same migrations, that links in documents lead somewhere.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Which of our crates each may depend on. A crate that is missing here fails the test, so that its place is decided.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("kosmo-domain", &[]),
    ("kosmo-contract", &["kosmo-domain"]),
    ("kosmo-meshtastic", &["kosmo-domain"]),
    ("kosmo-mqtt", &[]),
    (FAILPOINTS, &[]),
    ("kosmo-bridge", COMMON),
    ("kosmo-sim", COMMON),
    ("kosmo-store", &["kosmo-domain"]),
    ("kosmo-broker", &["kosmo-contract", "kosmo-domain", "kosmo-store"]),
    ("kosmo-http", &["kosmo-domain", "kosmo-store"]),
    ("kosmo-ingestion", SERVICE),
    ("kosmo-weather", SERVICE),
    ("kosmo-gateway", SERVICE),
    ("kosmo-web", &["kosmo-http"]),
    ("kosmo", EVERYTHING),
    (
        "kosmo-tests",
        &["kosmo-contract", "kosmo-domain", "kosmo-meshtastic", "kosmo-mqtt", "kosmo-sim", "kosmo-store", "kosmo-test-support"],
    ),
    ("kosmo-test-support", &[]),
];
/// Points at which a test has the process die: whoever does I/O may mark some.
const FAILPOINTS: &str = "kosmo-failpoints";
const COMMON: &[&str] = &["kosmo-contract", "kosmo-domain", "kosmo-meshtastic", "kosmo-mqtt"];
const SERVICE: &[&str] = &["kosmo-contract", "kosmo-domain", "kosmo-http", "kosmo-meshtastic", "kosmo-mqtt", "kosmo-store"];
const EVERYTHING: &[&str] = &[
    "kosmo-bridge",
    "kosmo-broker",
    "kosmo-contract",
    "kosmo-domain",
    "kosmo-gateway",
    "kosmo-http",
    "kosmo-ingestion",
    "kosmo-meshtastic",
    "kosmo-mqtt",
    "kosmo-sim",
    "kosmo-store",
    "kosmo-weather",
    "kosmo-web",
];

/// Libraries that only the crates named may depend on.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["kosmo-store", "kosmo-bridge"]),
    ("axum", &["kosmo-gateway", "kosmo-http", "kosmo-ingestion", "kosmo-weather"]),
    ("rmqtt", &["kosmo-broker"]),
    ("rumqttc", &["kosmo-mqtt"]),
    ("meshtastic", &["kosmo-meshtastic"]),
    ("anyhow", &["kosmo"]),
    ("clap", &["kosmo"]),
];

/// Crates that do no I/O, have no async code and read no clock.
const PURE: &[&str] = &["common/domain", "common/contract", "common/meshtastic"];

const MAX_LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the files of the project with one of these endings: those that git tracks or would.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the project's files");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| endings.iter().any(|ending| line.ends_with(ending)))
        .map(|line| root().join(line))
        .filter(|path| path.exists())
        .collect()
}

/// Returns each of our packages with what it depends on, tests aside.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo describes the workspace");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["kind"].is_null());
            (name(package), normal.map(name).collect())
        })
        .collect()
}

#[test]
fn crates_import_only_whom_they_may() {
    for (package, depends_on) in dependencies() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == package) else {
            panic!("{package} has no place in the house yet: add it to MAY_IMPORT");
        };
        for dependency in depends_on.iter().filter(|name| name.starts_with("kosmo") && *name != FAILPOINTS) {
            assert!(allowed.contains(&dependency.as_str()), "{package} may not import {dependency}");
        }
        for (library, owners) in ONLY_IN {
            let outside = depends_on.contains(*library) && !owners.contains(&package.as_str());
            assert!(!outside, "{package} may not name {library}: only {owners:?} may");
        }
    }
}

#[test]
fn in_the_bridge_only_the_spool_names_sql() {
    for path in files(&[".rs"]).into_iter().filter(|path| path.starts_with(root().join("bridge/src"))) {
        let names_sql = fs::read_to_string(&path).unwrap().contains("sqlx");
        assert!(!names_sql || path.to_string_lossy().contains("/spool"), "{} names sqlx", path.display());
    }
}

#[test]
fn pure_crates_do_nothing_but_compute() {
    let forbidden = ["async ", "std::fs", "std::net", "std::env", "std::io", "SystemTime", "Instant"];
    for path in files(&[".rs"]) {
        let pure = PURE.iter().any(|folder| path.starts_with(root().join(folder).join("src")));
        if !pure {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let word = forbidden.iter().find(|word| line.contains(**word));
            assert!(word.is_none(), "{}: {:?} has no place here: {line}", path.display(), word);
        }
    }
}

#[test]
fn no_source_file_is_longer_than_its_subject() {
    for path in files(&[".rs", ".ts", ".tsx", ".js", ".css", ".html", ".py", ".sh", ".sql"]) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines: look for the second subject in it", path.display());
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |dialect: &str| -> BTreeSet<String> {
        fs::read_dir(root().join("cloud/store/migrations").join(dialect))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn links_in_documents_lead_somewhere() {
    for path in files(&[".md"]) {
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            assert!(path.parent().unwrap().join(file).exists(), "{}: {target} leads nowhere", path.display());
        }
    }
}

#[test]
fn each_dependency_says_what_it_is_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, after) = manifest.split_once("[workspace.dependencies]").unwrap();
    let section = after.split("\n[").next().unwrap();
    let mut explained = false;
    for line in section.lines() {
        match line.trim() {
            "" => explained = false,
            comment if comment.starts_with('#') => explained = true,
            entry => assert!(explained, "{entry}: a line of reason belongs above it"),
        }
    }
}

#[test]
fn every_crate_keeps_the_workspace_lints() {
    for path in files(&["Cargo.toml"]) {
        let manifest = fs::read_to_string(&path).unwrap();
        let inherits = manifest.contains("[lints]\nworkspace = true");
        assert!(inherits || manifest.contains("[workspace]"), "{} does not inherit the lints", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore"), concat!("#[al", "low(")];
    for path in files(&[".rs", ".ts", ".tsx", ".js", ".sh", ".sql"]) {
        let source = fs::read_to_string(&path).unwrap();
        for mark in marks {
            assert!(!source.contains(mark), "{} holds {mark}", path.display());
        }
    }
}
