//! `kosmo serve`: chosen services, against what they share with others.

use crate::{
    cli::{self, Service},
    config::Config,
    output::{say, table},
    serving::Serving,
    system::random,
};
use anyhow::{Context as _, Result, bail};
use kosmo_mqtt::{Login, Options};
use kosmo_store::{Database, Store};
use rand::RngCore as _;

pub(crate) async fn run(args: cli::Serve, config: Config) -> Result<()> {
    let mut services = args.services;
    services.sort_unstable();
    services.dedup();
    if matches!(config.database(), Database::Sqlite { .. }) && services != Service::ALL {
        bail!(
            "SQLite serves one process: run `kosmo serve ingestion weather gateway web`, or name a PostgreSQL database with --database or `database.url`"
        );
    }
    if !config.http.address.is_loopback() {
        tracing::warn!(
            "the APIs listen on {}, and there are no accounts yet: let only a proxy that guards them reach it",
            config.http.address
        );
    }
    let store = Store::open_serving(&config.database()).await.context("the database cannot be opened")?;
    store.check_schema().await?;
    store.take_over().await?;
    let mut serving = Serving::new(config, store.clone())?;
    // Each process has ids of its own, or two would throw each other out.
    let own_id = |service: &str| format!("{service}-{:08x}", random().next_u32());
    if services.contains(&Service::Ingestion) {
        serving.start_ingestion(broker(&serving.config, "ingestion", &own_id("ingestion"))?)?;
        serving.start_uplinks(broker(&serving.config, "ingestion", &own_id("uplink"))?)?;
    }
    if services.contains(&Service::Gateway) {
        serving.start_gateway(broker(&serving.config, "the gateway", &own_id("gateway"))?)?;
    }
    // The page asks the weather API on its own port.
    if services.contains(&Service::Weather) || services.contains(&Service::Web) {
        serving.add_weather();
    }
    serving.serve_http(&services).await?;
    let outcome = serving
        .run(args.ports.ready_file.as_deref(), |_, addresses| {
            let rows: Vec<_> = addresses.iter().map(|(name, address)| [name.clone(), address.clone()]).collect();
            say(&format!("\nKosmoConnect serves.\n\n{}\n", table(["SERVICE", "ADDRESS"], &rows)))
        })
        .await;
    store.close().await;
    outcome
}

/// Returns how a service connects to the broker that is configured, under this client id.
fn broker(config: &Config, service: &str, id: &str) -> Result<Options> {
    let mqtt = &config.mqtt;
    if mqtt.url.is_empty() {
        bail!("{service} needs an MQTT broker: name it with --mqtt mqtt://HOST:1883 or `mqtt.url`");
    }
    let server = mqtt.url.parse().with_context(|| format!("`{}` is no broker", mqtt.url))?;
    let name = if mqtt.login.is_empty() { "kosmo" } else { &mqtt.login };
    let mut options = Options::new(server, format!("{name}:{id}")).with_keep_alive(mqtt.keep_alive());
    options.login = (!mqtt.login.is_empty()).then(|| Login { name: mqtt.login.clone(), password: mqtt.password.expose().to_owned() });
    options.ca_pem = mqtt.ca_pem()?;
    Ok(options)
}
