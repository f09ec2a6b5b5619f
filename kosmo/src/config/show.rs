//! Prints the configuration in force, in the order and form of the defaults file.

use crate::config::{
    Loaded,
    layers::{place_of, whole},
};
use figment::value::Value;
use std::fmt::Write as _;

/// The keys whose values are not shown.
const SECRETS: [&str; 3] = ["database.url", "secrets.key", "mqtt.password"];
/// What is shown instead.
const MASK: &str = "***";

/// Returns the configuration as TOML, with secrets masked, and beside each value that is no default where it comes from.
pub fn show(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut section = String::new();
    for line in crate::config::DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            let blank = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{blank}[{section}]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let key = format!("{section}.{name}");
            let value = loaded.figment.find_value(&key).map_or_else(|_| String::new(), |value| written(&key, &value));
            let place = place_of(&loaded.figment, &key);
            let comment = if place == "the defaults" { String::new() } else { format!("  # {place}") };
            let _ = writeln!(text, "{name} = {value}{comment}");
        }
    }
    text
}

fn written(key: &str, value: &Value) -> String {
    match value {
        Value::String(_, text) if SECRETS.contains(&key) && !text.is_empty() => quoted(MASK),
        Value::String(_, text) => quoted(text),
        Value::Num(..) => whole(value).map_or_else(String::new, |number| number.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Array(_, items) => format!("[{}]", items.iter().map(|item| written(key, item)).collect::<Vec<_>>().join(", ")),
        Value::Dict(_, entries) => {
            format!("{{ {} }}", entries.iter().map(|(name, value)| entry(name, value)).collect::<Vec<_>>().join(", "))
        }
        Value::Char(..) | Value::Empty(..) => String::new(),
    }
}

/// A setting of a section that may stand there several times.
fn entry(name: &str, value: &Value) -> String {
    let shown = if name == "password" { quoted(MASK) } else { written(name, value) };
    format!("{name} = {shown}")
}

/// A TOML basic string escapes as JSON does, for every character that a setting can hold.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::{defaults, find};

    #[test]
    fn every_secret_is_a_setting() {
        for key in SECRETS {
            assert!(find(&defaults(), key).is_some(), "{key}");
        }
    }
}
