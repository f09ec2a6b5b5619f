//! Reads the layers, holds each against the defaults (which have every key), and merges them.

use crate::config::{Config, ConfigErrors, DEFAULT_FILE, DEFAULTS, Fault, RadioProxy, Secret, UplinkBroker, limits};
use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format as _, Toml},
    value::{Dict, Map, Value},
};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

/// What environment variables of ours begin with.
const ENV_PREFIX: &str = "KOSMO__";
/// The keys whose value may lie in a file of its own, named by the second key.
const IN_FILES: [(&str, &str); 3] =
    [("database.url", "database.url_file"), ("secrets.key", "secrets.key_file"), ("mqtt.password", "mqtt.password_file")];

/// A setting given on the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// The flag, as it was written.
    pub name: &'static str,
    /// The setting it stands for.
    pub key: &'static str,
    /// Its value.
    pub value: Value,
}

/// Where settings come from, besides the defaults.
#[derive(Debug, Default)]
pub struct Sources {
    /// The file that was named, which must be there; else the one in the working folder is read, if there is one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: Vec<(OsString, OsString)>,
    /// The command line.
    pub flags: Vec<Flag>,
}

/// A configuration, and where its values come from.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration, checked.
    pub config: Config,
    pub(crate) figment: Figment,
}

/// One source, already held against the defaults.
struct Layer {
    place: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// Reads every source and merges them.
///
/// # Errors
/// Everything that is wrong, all of it at once.
pub fn load(sources: Sources) -> Result<Loaded, ConfigErrors> {
    let defaults = defaults();
    let mut faults = Vec::new();
    let mut figment = Figment::from(Layer { place: "the defaults".to_owned(), values: defaults.clone() });
    for layer in file_layer(sources.file.as_deref())?
        .into_iter()
        .chain(env_layers(sources.env, &defaults, &mut faults))
        .chain(flag_layers(sources.flags))
    {
        compare(&layer.values, &defaults, "", &layer.place, &mut faults);
        figment = figment.merge(layer);
    }
    limits::check_numbers(&figment, |key, reason| faults.push(invalid(&figment, key, reason)));
    if !faults.is_empty() {
        return Err(ConfigErrors(faults));
    }
    let mut config: Config = figment.extract().map_err(|error| ConfigErrors(error.into_iter().map(|error| untyped(&error)).collect()))?;
    read_secrets(&mut config, &figment, &mut faults);
    limits::check_texts(&config, |key, reason| faults.push(invalid(&figment, key, reason)));
    if faults.is_empty() { Ok(Loaded { config, figment }) } else { Err(ConfigErrors(faults)) }
}

/// Returns the defaults as a tree.
pub(crate) fn defaults() -> Dict {
    parse(DEFAULTS).expect("a test parses the defaults")
}

/// Parses TOML, or says why it is none.
fn parse(text: &str) -> Result<Dict, String> {
    let mut profiles = Toml::string(text).data().map_err(|error| error.kind.to_string())?;
    Ok(profiles.remove(&Profile::Default).unwrap_or_default())
}

fn file_layer(named: Option<&Path>) -> Result<Option<Layer>, Fault> {
    let path = named.map_or_else(|| DEFAULT_FILE.into(), Path::to_owned);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => return Ok(None),
        Err(source) => return Err(Fault::File { what: "the configuration file".to_owned(), path, source }),
    };
    match parse(&text) {
        Ok(values) => Ok(Some(Layer { place: format!("in {}", path.display()), values })),
        Err(error) => Err(Fault::Syntax { path, message: error.trim_end().to_owned() }),
    }
}

/// A variable's text becomes whatever the default of its key is: a number, a list of texts, true or false, or the text as it stands.
fn env_layers(env: Vec<(OsString, OsString)>, defaults: &Dict, faults: &mut Vec<Fault>) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (name, text) in env {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ENV_PREFIX)) else { continue };
        let key = name[ENV_PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
        let place = format!("environment variable {name}");
        let text = text.to_string_lossy().into_owned();
        let value = match find(defaults, &key) {
            Some(Value::Num(..)) => {
                let Ok(number) = text.parse::<u64>() else {
                    faults.push(Fault::Invalid { key, place, reason: "is a whole number".to_owned() });
                    continue;
                };
                Value::from(number)
            }
            Some(Value::Bool(..)) => {
                let Ok(flag) = text.parse::<bool>() else {
                    faults.push(Fault::Invalid { key, place, reason: "is true or false".to_owned() });
                    continue;
                };
                Value::from(flag)
            }
            Some(Value::Array(..)) => text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().into(),
            _ => Value::from(text),
        };
        layers.push(Layer { place, values: nested(&key, value) });
    }
    layers
}

fn flag_layers(flags: Vec<Flag>) -> impl Iterator<Item = Layer> {
    flags.into_iter().map(|flag| Layer { place: format!("flag {}", flag.name), values: nested(flag.key, flag.value) })
}

fn nested(key: &str, value: Value) -> Dict {
    match key.split_once('.') {
        Some((section, rest)) => Dict::from([(section.to_owned(), Value::from(nested(rest, value)))]),
        None => Dict::from([(key.to_owned(), value)]),
    }
}

pub(crate) fn find<'a>(values: &'a Dict, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((section, rest)) => find(values.get(section)?.as_dict()?, rest),
        None => values.get(key),
    }
}

/// Collects the keys that the defaults do not have and the values of another kind than theirs.
fn compare(values: &Dict, defaults: &Dict, above: &str, place: &str, faults: &mut Vec<Fault>) {
    for (name, value) in values {
        let key = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        let place = || place.to_owned();
        match (value, defaults.get(name)) {
            (_, None) => faults.push(Fault::UnknownKey { meant: nearest(name, defaults, above), key, place: place() }),
            (Value::Dict(_, inner), Some(Value::Dict(_, known))) => compare(inner, known, &key, &place(), faults),
            (given, Some(default)) if kind(given) != kind(default) => {
                let reason = format!("is {}, not {}", kind(default), kind(given));
                faults.push(Fault::Invalid { key, place: place(), reason });
            }
            _ => {}
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "a text",
        Value::Bool(..) => "true or false",
        Value::Num(..) if whole(value).is_some() => "a whole number",
        Value::Num(..) => "a negative or fractional number",
        Value::Array(..) => "a list of texts",
        Value::Dict(..) => "a section",
        Value::Empty(..) => "nothing",
    }
}

/// Returns the number that a value is, if it is a whole one and not negative.
pub(crate) fn whole(value: &Value) -> Option<u128> {
    value.to_u128().or_else(|| u128::try_from(value.to_i128()?).ok())
}

/// Returns the sibling key that a typing error might have come from.
fn nearest(name: &str, siblings: &Dict, above: &str) -> Option<String> {
    let nearest = siblings.keys().min_by_key(|known| distance(known, name)).filter(|known| distance(known, name) <= 2)?;
    Some(if above.is_empty() { nearest.clone() } else { format!("{above}.{nearest}") })
}

/// Counts the single-character edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

fn untyped(error: &figment::Error) -> Fault {
    let place = error.metadata.as_ref().map_or_else(|| "unknown source".to_owned(), |metadata| metadata.name.to_string());
    Fault::Invalid { key: error.path.join("."), place, reason: format!("does not parse: {}", error.kind) }
}

fn invalid(figment: &Figment, key: &str, reason: String) -> Fault {
    Fault::Invalid { key: key.to_owned(), place: place_of(figment, key), reason }
}

/// Returns in words where the value in force comes from.
pub(crate) fn place_of(figment: &Figment, key: &str) -> String {
    figment.find_metadata(key).map_or_else(|| "the defaults".to_owned(), |metadata| metadata.name.to_string())
}

fn read_secrets(config: &mut Config, figment: &Figment, faults: &mut Vec<Fault>) {
    for UplinkBroker { name, password, password_file, .. } in &mut config.ingestion.uplink {
        password.read(password_file, || format!("the password file of the uplink `{name}`"), faults);
    }
    for RadioProxy { node, password, password_file, .. } in &mut config.bridge.proxy {
        password.read(password_file, || format!("the password file for the MQTT of {node}"), faults);
    }
    for (key, file_key) in IN_FILES {
        let (secret, file): (&mut Secret, &Path) = match key {
            "database.url" => (&mut config.database.url, &config.database.url_file),
            "secrets.key" => (&mut config.secrets.key, &config.secrets.key_file),
            _ => (&mut config.mqtt.password, &config.mqtt.password_file),
        };
        if Config::file(file).is_some() && !secret.is_empty() {
            faults.push(invalid(figment, file_key, format!("is set, and `{key}` too ({}): leave one of them out", place_of(figment, key))));
            continue;
        }
        secret.read(file, || format!("the file of `{file_key}`"), faults);
    }
}
