//! Brokers that radios' own MQTT is carried to.

use crate::config::Secret;
use kosmo_domain::NodeId;
use serde::Deserialize;
use std::{collections::BTreeSet, path::PathBuf};

/// The most radios whose MQTT is carried.
const MOST: usize = 16;

/// Where the MQTT of one radio is carried to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RadioProxy {
    /// The radio, by its node, like `!a1b2c3d4`.
    pub node: String,
    /// `mqtt://HOST:PORT` or `mqtts://HOST:PORT`; empty is the bridge's own broker.
    #[serde(default)]
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
}

impl RadioProxy {
    /// Returns the radio's node.
    pub fn node(&self) -> Option<NodeId> {
        self.node.parse::<NodeId>().ok()?.sender().ok()
    }
}

/// Hands everything that is wrong with them to `refuse`.
pub(crate) fn check(proxies: &[RadioProxy], refuse: &mut impl FnMut(&str, String)) {
    const KEY: &str = "bridge.proxy";
    if proxies.len() > MOST {
        refuse(KEY, format!("names {} radios; there are {MOST} at most", proxies.len()));
    }
    let mut nodes = BTreeSet::new();
    for proxy in proxies {
        let RadioProxy { node, url, .. } = proxy;
        if proxy.node().is_none_or(|node| !nodes.insert(node)) {
            refuse(KEY, format!("has the node `{node}`, which is none like `!a1b2c3d4`, or is named twice"));
        }
        if let Some(error) = Some(url).filter(|url| !url.is_empty()).and_then(|url| url.parse::<kosmo_mqtt::Server>().err()) {
            refuse(KEY, format!("has the url `{url}` for {node}: {error}"));
        }
    }
}
