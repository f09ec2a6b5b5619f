//! The points at which a test has a process die: all are listed, and none is in what users get.

use kosmo_failpoints::POINTS;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns the Rust files below a folder.
fn sources_below(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(sources_below(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            sources.push(path);
        }
    }
    sources
}

#[test]
fn every_point_of_the_code_is_listed_and_every_listed_one_is_in_the_code() {
    let mut in_code = BTreeSet::new();
    for folder in ["bridge", "cloud", "common", "kosmo", "web"] {
        for path in sources_below(&root().join(folder)) {
            let place = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            if !place.contains("/src/") || place.starts_with("common/failpoints") {
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for rest in source.split("fail_point!(\"").skip(1) {
                let name = rest.split('"').next().unwrap();
                let folder = place.split("/src/").next().unwrap();
                assert!(in_code.insert((folder.to_owned(), name.to_owned())), "{name} marks two places, so that its passes say little");
            }
        }
    }
    let listed: BTreeSet<_> = POINTS.iter().map(|point| (point.folder.to_owned(), point.name.to_owned())).collect();
    assert_eq!(in_code, listed);
    assert_eq!(listed.len(), POINTS.len(), "no point is listed twice");
}

#[test]
fn what_users_get_has_no_points() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--package", "kosmo", "--edges", "normal,build", "--prefix", "none", "--offline", "--locked"]);
    // Tests may be built with the features of the whole workspace; users are not.
    tree.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION").env_remove("CARGO_UNSTABLE_FEATURE_UNIFICATION").current_dir(root());
    let output = tree.output().expect("cargo describes what a program is made of");
    let packages = String::from_utf8(output.stdout).unwrap();
    assert!(packages.contains("kosmo-failpoints v"), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!packages.lines().any(|line| line.starts_with("fail v")), "the points are compiled in: {packages}");
}
