//! `kosmo sim` with somebody's own mesh.

use crate::cli::kosmo;
use serde_json::Value;

const SCENARIO: &str = r#"
about = "A radio and a station across the valley."
every = "5m"

[[node]]
name = "Bridge"
is = "radio"
at = [49.75, 6.64]
altitude_m = 250

[[node]]
name = "Station"
is = "station"
at = [49.76, 6.66]
altitude_m = 260
sensors = ["mast"]
"#;

#[test]
fn hours_of_a_scenario_pass_in_moments_and_each_transmission_is_a_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.toml"), SCENARIO).unwrap();
    let output = kosmo(&["sim", "--scenario", "mesh.toml", "--ahead", "2", "--air-log", "air.jsonl"], folder.path());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("2 hours: ") && said.contains("reached a radio with a bridge"), "{said}");
    let log = std::fs::read_to_string(folder.path().join("air.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let readings = lines.iter().filter(|line| line["port"] == 67 && line["hop"] == 0).count();
    assert!(readings > 20 && lines.iter().any(|line| !line["hearers"].as_array().unwrap().is_empty()), "{readings} of {}", lines.len());
}

#[test]
fn what_is_wrong_with_a_scenario_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.toml"), SCENARIO.replace("5m", "a while")).unwrap();
    let output = kosmo(&["sim", "--scenario", "mesh.toml"], folder.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("every is `a while`") && said.contains("s, m, h or d"), "{said}");
}
