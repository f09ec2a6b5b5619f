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
    let all = [Service::Ingestion, Service::Weather, Service::Web];
    if matches!(config.database(), Database::Sqlite { .. }) && services != all {
        bail!(
            "SQLite serves one process: run `kosmo serve ingestion weather web`, or name a PostgreSQL database with --database or `database.url`"
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
    let mut serving = Serving::new(config, store.clone())?;
    if services.contains(&Service::Ingestion) {
        serving.start_ingestion(broker(&serving.config)?)?;
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

fn broker(config: &Config) -> Result<Options> {
    let mqtt = &config.mqtt;
    if mqtt.url.is_empty() {
        bail!("ingestion needs an MQTT broker: name it with --mqtt mqtt://HOST:1883 or `mqtt.url`");
    }
    let server = mqtt.url.parse().with_context(|| format!("`{}` is no broker", mqtt.url))?;
    // Each replica has an id of its own, or they would throw each other out.
    let name = if mqtt.login.is_empty() { "ingestion" } else { &mqtt.login };
    let mut options = Options::new(server, format!("{name}:{:08x}", random().next_u32()));
    options.login = (!mqtt.login.is_empty()).then(|| Login { name: mqtt.login.clone(), password: mqtt.password.expose().to_owned() });
    options.ca_pem = mqtt.ca_pem()?;
    Ok(options)
}
