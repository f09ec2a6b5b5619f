//! `kosmo up`: everything on one machine.

use crate::{
    banner::Banner,
    bridging,
    cli::{self, Service},
    config::Config,
    listen,
    secrets::{self, draw},
    serving::{Serving, url},
};
use anyhow::{Context as _, Result, bail};
use kosmo_bridge::RadioUrl;
use kosmo_broker::{Broker, ServiceLogin, StartError, Tls};
use kosmo_domain::{BridgeId, Clock as _};
use kosmo_mqtt::{Login, Options, Server};
use kosmo_store::Store;
use std::{net::SocketAddr, path::Path};

pub(crate) async fn run(args: cli::Up, config: Config) -> Result<()> {
    let radios = bridging::configured(&config)?;
    let mut up = Everything::start(config).await?;
    for (id, radio) in radios {
        up.attach(id, radio).await?;
    }
    up.run(args.ports.ready_file.as_deref(), Banner::of_up()).await
}

/// Everything that one machine runs: broker, services, and whatever is attached.
pub(crate) struct Everything {
    pub(crate) serving: Serving,
    pub(crate) broker_address: SocketAddr,
    broker: Broker,
    bridges: Vec<BridgeId>,
}

impl Everything {
    /// Opens the database and starts everything but bridges.
    pub(crate) async fn start(config: Config) -> Result<Self> {
        if !config.http.address.is_loopback() {
            bail!(
                "`http.address` is {}, where others could read and change everything: there are no accounts yet. \
                 Leave it at 127.0.0.1 and put a proxy that checks who asks in front, or use `kosmo serve` behind one",
                config.http.address
            );
        }
        crate::output::private_folder(&config.data.dir)?;
        let store = Store::open_serving(&config.database()).await.context("the database cannot be opened")?;
        store.migrate().await?;
        store.take_over().await?;

        let logins = ["ingestion", "gateway", "uplink"].map(|name| ServiceLogin::new(name, draw()));
        let broker = start_broker(&config, &logins, store.clone()).await?;
        let broker_address = broker.tcp_addr().context("the broker listens nowhere")?;
        let mut serving = Serving::new(config, store)?;
        serving.show("mqtt", "carries messages between bridges and services", &url("mqtt", broker_address));
        if let Some(address) = broker.tls_addr() {
            serving.show("mqtts", "the same, encrypted", &url("mqtts", address));
        }
        let keep_alive = serving.config.mqtt.keep_alive();
        let [ingestion, gateway, uplink] = logins.map(|login| logged_in(broker_address, &login).with_keep_alive(keep_alive));
        serving.start_ingestion(ingestion)?;
        serving.start_gateway(gateway)?;
        serving.start_uplinks(uplink)?;
        serving.add_weather();
        serving.serve_http(&Service::ALL).await?;
        Ok(Self { serving, broker_address, broker, bridges: Vec::new() })
    }

    /// Runs a bridge in this process, under a login of its own.
    pub(crate) async fn attach(&mut self, id: BridgeId, radio: RadioUrl) -> Result<()> {
        let Serving { config, store, clock, lifecycle, .. } = &mut self.serving;
        let kept = secrets::of_bridge(&config.data.dir, store, &id, clock.now()).await?;
        let mut bridge = bridging::configure(config, id.clone(), radio, server_at(self.broker_address), kept.secret)?;
        bridge.share = bridging::shared(config, self.bridges.len())?;
        lifecycle.start(format!("bridge {id}"), kosmo_bridge::run(bridge, bridging::deps(), lifecycle.shutdown()));
        self.bridges.push(id);
        Ok(())
    }

    /// Runs until it is told to end.
    pub(crate) async fn run(self, ready_file: Option<&Path>, banner: Banner) -> Result<()> {
        let Self { serving, broker, bridges, .. } = self;
        let store = serving.store.clone();
        let outcome = serving.run(ready_file, |config, addresses| banner.say(config, addresses, &bridges)).await;
        // The broker outlives the roles, so that the last word of each was heard.
        broker.shutdown().await;
        store.close().await;
        outcome
    }
}

fn server_at(address: SocketAddr) -> Server {
    Server::from(listen::reachable(address))
}

/// Returns how a service of this process connects to the embedded broker.
fn logged_in(broker: SocketAddr, login: &ServiceLogin) -> Options {
    let mut options = Options::new(server_at(broker), login.user());
    options.login = Some(Login { name: login.user().to_owned(), password: login.secret().reveal().to_owned() });
    options
}

async fn start_broker(config: &Config, logins: &[ServiceLogin], store: Store) -> Result<Broker> {
    let settings = &config.broker;
    let tls = Config::file(&settings.tls_cert_file).zip(Config::file(&settings.tls_key_file)).map(|(cert, key)| Tls {
        addr: SocketAddr::new(settings.address, settings.tls_port),
        cert_pem: cert.to_owned(),
        key_pem: key.to_owned(),
    });
    if !settings.address.is_loopback() && tls.is_none() {
        tracing::warn!("the broker listens on {} without TLS: whoever is on the network can read the bridges' secrets", settings.address);
    }
    let mut broker = kosmo_broker::Config {
        tcp: Some(SocketAddr::new(settings.address, settings.port)),
        tls,
        services: logins.to_vec(),
        ..kosmo_broker::Config::default()
    };
    broker.limits.sessions = settings.max_clients;
    Broker::start(broker, store).await.map_err(|error| match &error {
        StartError::Listen { addr, .. } => {
            let port = addr.port();
            anyhow::Error::from(error).context(format!(
                "port {port} for MQTT is not to be had; if another broker has it, choose another port with `--mqtt-port` or `broker.port`"
            ))
        }
        _ => error.into(),
    })
}
