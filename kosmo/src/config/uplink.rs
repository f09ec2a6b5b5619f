//! Brokers that are not ours, whose nodes are heard.

use crate::config::Secret;
use kosmo_domain::BridgeId;
use serde::Deserialize;
use std::{collections::BTreeSet, path::PathBuf};

/// The most brokers that are listened to.
const MOST: usize = 16;
/// The longest name, which has `msh-` before it among bridges.
const MAX_NAME: usize = 24;

/// A broker that is not ours, and is only read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UplinkBroker {
    /// What it is called here.
    pub name: BridgeId,
    /// `mqtt://HOST:PORT` or `mqtts://HOST:PORT`.
    pub url: String,
    /// How to log in there.
    #[serde(default)]
    pub login: String,
    /// The password.
    #[serde(default)]
    pub password: Secret,
    /// The file whose first line is the password.
    #[serde(default)]
    pub password_file: PathBuf,
    /// The certificate authority, PEM.
    #[serde(default)]
    pub ca_file: PathBuf,
    /// The topic that everything stands under.
    #[serde(default = "root")]
    pub root: String,
    /// Whether what comes from there counts as much as what a radio of ours hears.
    #[serde(default)]
    pub trusted: bool,
    /// Whether it may be shown to everybody, of nodes that agree.
    #[serde(default = "yes")]
    pub public: bool,
}

fn root() -> String {
    "msh".to_owned()
}

const fn yes() -> bool {
    true
}

/// Hands everything that is wrong with the brokers to `refuse`.
pub(crate) fn check(brokers: &[UplinkBroker], refuse: &mut impl FnMut(&str, String)) {
    const KEY: &str = "ingestion.uplink";
    if brokers.len() > MOST {
        refuse(KEY, format!("names {} brokers; there are {MOST} at most", brokers.len()));
    }
    let mut names = BTreeSet::new();
    for UplinkBroker { name, url, root, .. } in brokers {
        if name.as_str().len() > MAX_NAME || !names.insert(name) {
            refuse(KEY, format!("has the name `{name}`, which is another one's too, or has more than {MAX_NAME} characters"));
        }
        if let Err(error) = url.parse::<kosmo_mqtt::Server>() {
            refuse(KEY, format!("`{name}` has the url `{url}`: {error}"));
        }
        let levels_are_topics = root.split('/').all(|level| level == "+" || (!level.is_empty() && !level.contains(['+', '#', '\0'])));
        if !levels_are_topics || root.len() > 128 {
            refuse(KEY, format!("`{name}` has the root `{root}`; a root is a topic like `msh/EU_868`, where a level may be `+`"));
        }
    }
}
