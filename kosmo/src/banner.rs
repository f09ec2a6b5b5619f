//! What the program says once everything runs: where everything is, and which credentials were made.

use crate::{config::Config, listen::Addresses, output::say};
use anyhow::Result;
use kosmo_domain::BridgeId;
use std::fmt::Write as _;

/// What to say besides the addresses.
pub struct Banner {
    title: &'static str,
    radios: Vec<String>,
    /// Name and secret of a login that reads what is public.
    viewer: Option<(String, String)>,
}

impl Banner {
    /// Returns the banner of `kosmo up`.
    pub const fn of_up() -> Self {
        Self { title: "KosmoConnect runs.", radios: Vec::new(), viewer: None }
    }

    /// Returns the banner of `kosmo demo`, with its simulated radios and its read-only login.
    pub const fn of_demo(radios: Vec<String>, viewer: (String, String)) -> Self {
        Self { title: "KosmoConnect runs, with a simulated mesh.", radios, viewer: Some(viewer) }
    }

    /// Says it, on standard output.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn say(&self, config: &Config, addresses: &Addresses, bridges: &[BridgeId]) -> Result<()> {
        say(&self.text(config, addresses, bridges))
    }

    fn text(&self, config: &Config, addresses: &Addresses, bridges: &[BridgeId]) -> String {
        let address = |name: &str| addresses.get(name).cloned().unwrap_or_default();
        let mut text = format!("\n{}\n\n", self.title);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<12} {value}");
        };
        line("page", &address("web"));
        line("weather API", &format!("{}/api/v1/weather/latest", address("weather")));
        line("", &format!("{}/api/v1/nodes", address("weather")));
        line("ingestion", &format!("{}/readyz", address("ingestion")));
        line("APIs", &format!("{}/openapi.json", address("web")));
        line("MQTT broker", &address("mqtt"));
        if let Some(tls) = addresses.get("mqtts") {
            line("", tls);
        }
        if !self.radios.is_empty() {
            line("radios", &format!("{}   (any Meshtastic client can connect)", self.radios.join("  ")));
        }
        line("data", &config.data.dir.display().to_string());
        match bridges {
            [] => line("bridges", "none here: attach a radio with --radio, or add a bridge elsewhere with `kosmo bridge add NAME`"),
            _ => line("bridges", &bridges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        }
        if let Some((name, secret)) = &self.viewer {
            let server = address("mqtt");
            let (host, port) = server.trim_start_matches("mqtt://").rsplit_once(':').unwrap_or(("127.0.0.1", "1883"));
            let _ = write!(
                text,
                "\n  A read-only MQTT login was made: {name}\n    mosquitto_sub -h {host} -p {port} -u {name} -P {secret} -i {name} -t 'kosmo/#' -v\n"
            );
        }
        text.push_str("\n  Ctrl-C ends it.\n");
        text
    }
}
