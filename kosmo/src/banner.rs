//! What the program says once everything runs: where everything is, and which credentials were made.

use crate::{config::Config, listen::Addresses, output::say};
use anyhow::Result;
use kosmo_domain::BridgeId;
use std::fmt::Write as _;

/// What to say besides the addresses.
pub struct Banner {
    title: &'static str,
    demo: Option<DemoBanner>,
}

/// What a demo has to try out.
pub struct DemoBanner {
    /// Where the simulated radios are.
    pub radios: Vec<String>,
    /// Who may write, as `handle (plan)`.
    pub members: Vec<String>,
    /// The id of the member who writes in the examples, and the node that is written to.
    pub example: (String, String),
    /// Name and secret of a login that reads what is public.
    pub viewer: (String, String),
}

impl Banner {
    /// Returns the banner of `kosmo up`.
    pub const fn of_up() -> Self {
        Self { title: "KosmoConnect runs.", demo: None }
    }

    /// Returns the banner of `kosmo demo`.
    pub const fn of_demo(demo: DemoBanner) -> Self {
        Self { title: "KosmoConnect runs, with a simulated mesh.", demo: Some(demo) }
    }

    /// Says it, on standard output.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn say(&self, config: &Config, addresses: &Addresses, bridges: &[BridgeId]) -> Result<()> {
        say(&self.text(config, addresses, bridges))
    }

    fn text(&self, config: &Config, addresses: &Addresses, bridges: &[BridgeId]) -> String {
        let address = |name: &str| addresses.get(name).map(String::as_str).unwrap_or_default();
        let data = config.data.dir.display();
        let mut text = format!("\n{}\n\n", self.title);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<12} {value}");
        };
        line("page", address("web"));
        line("weather API", &format!("{}/api/v1/weather/latest", address("weather")));
        line("", &format!("{}/api/v1/nodes", address("weather")));
        line("gateway", &format!("{}/api/v1/messages", address("gateway")));
        if !config.auth.dev_header {
            line("", "it knows nobody until there are accounts; for development see `auth.dev_header`");
        }
        line("ingestion", &format!("{}/readyz", address("ingestion")));
        line("APIs", &format!("{}/openapi.json", address("web")));
        line("MQTT broker", address("mqtt"));
        if let Some(tls) = addresses.get("mqtts") {
            line("", tls);
        }
        if let Some(demo) = &self.demo {
            line("radios", &format!("{}   (any Meshtastic client can connect)", demo.radios.join("  ")));
            line("members", &demo.members.join(", "));
            line("", &format!("their ids: kosmo user list --data {data}"));
        }
        line("data", &data.to_string());
        match bridges {
            [] => line("bridges", "none here: attach a radio with --radio, or add a bridge elsewhere with `kosmo bridge add NAME`"),
            _ => line("bridges", &bridges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        }
        if let Some(demo) = &self.demo {
            text.push_str(&demo.examples(address("gateway"), address("mqtt")));
        }
        text.push_str("\n  Ctrl-C ends it.\n");
        text
    }
}

impl DemoBanner {
    /// Returns commands that can be pasted into a shell as they stand.
    fn examples(&self, gateway: &str, mqtt: &str) -> String {
        let (member, node) = &self.example;
        let (name, secret) = &self.viewer;
        let (host, port) = mqtt.trim_start_matches("mqtt://").rsplit_once(':').unwrap_or(("127.0.0.1", "1883"));
        format!(
            r#"
  Write to somebody on the mesh who answers, and see what became of it:
    curl -X POST {gateway}/api/v1/messages \
      -H "Content-Type: application/json" \
      -H "X-User-ID: {member}" \
      -d '{{"target_node_id": "{node}", "text": "Hello mesh"}}'
    curl {gateway}/api/v1/messages/conversations \
      -H "X-User-ID: {member}"

  A read-only MQTT login was made: {name}
    mosquitto_sub -h {host} -p {port} -u {name} -P {secret} -i {name} -t 'kosmo/#' -v
"#
        )
    }
}
