//! The composition of a serving process: database, services, ports, page.

use crate::{
    cli::Service as Kind,
    config::Config,
    heard,
    lifecycle::{Lifecycle, signals},
    listen::{Addresses, listen, reachable, remove_ready_file, write_ready_file},
    system::{SteadyClock, random},
    uplinks,
};
use anyhow::{Context as _, Result};
use kosmo_domain::{Clock, HOUR, Timestamp};
use kosmo_gateway::{DevIdentity, Gateway, NotLoopback, Pace};
use kosmo_http::{App, Info, Presence, Problem, ServeLimits, Service, serve_with};
use kosmo_ingestion::{Ingestion, uplink::Uplink};
use kosmo_store::Store;
use kosmo_web::{Assets, ServiceState, Status, StatusSource};
use metrics_exporter_prometheus::PrometheusHandle;
use rand::{Rng as _, RngCore as _};
use std::{convert::Infallible, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long everything may take until it is ready before somebody is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often metrics are drained.
const DRAIN_EVERY: Duration = Duration::from_secs(5);
/// How often to ask whether it is.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// A process that serves.
pub struct Serving {
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The time of day.
    pub clock: Arc<SteadyClock>,
    /// What runs, and how it ends.
    pub lifecycle: Lifecycle,
    /// Where what listens.
    pub addresses: Addresses,
    services: Vec<(Kind, Service)>,
    /// What ingestion and the web port tell of the network.
    network: Service,
    shown: Vec<ServiceState>,
    metrics: PrometheusHandle,
}

impl Serving {
    /// Begins with the database, open, and nothing that runs.
    ///
    /// # Errors
    /// If metrics are recorded elsewhere already.
    pub fn new(config: Config, store: Store) -> Result<Self> {
        let recorder = kosmo_http::recorder();
        let metrics = recorder.handle();
        metrics::set_global_recorder(recorder).context("metrics are recorded elsewhere already")?;
        let mut lifecycle = Lifecycle::new(config.shutdown_time());
        lifecycle.start("metrics", drain_metrics(metrics.clone(), lifecycle.shutdown()));
        let clock = Arc::new(SteadyClock::start());
        let network = kosmo_ingestion::network::service(store.clone(), clock.clone());
        Ok(Self { config, store, clock, lifecycle, addresses: Addresses::new(), services: Vec::new(), network, shown: Vec::new(), metrics })
    }

    /// Starts ingestion on this broker.
    ///
    /// # Errors
    /// If no connection could be made with these options.
    pub fn start_ingestion(&mut self, mqtt: kosmo_mqtt::Options) -> Result<()> {
        let settings = &self.config.ingestion;
        let mut config = kosmo_ingestion::Config::new(mqtt);
        config.keep = self.config.retention.keep();
        config.keep_packets = self.config.retention.keep_packets();
        config.batch = settings.batch_max;
        config.linger = Duration::from_millis(settings.batch_wait_ms);
        let ingestion = Ingestion::connect(config, self.store.clone(), self.clock.clone(), random()).context("ingestion")?;
        self.services.push((Kind::Ingestion, ingestion.service()));
        let shutdown = self.lifecycle.shutdown();
        self.lifecycle.start("ingestion", async move {
            ingestion.run(shutdown).await;
            Ok::<_, Infallible>(())
        });
        Ok(())
    }

    /// Starts to hear what nodes publish themselves, on this broker of ours and on those that are configured.
    ///
    /// # Errors
    /// If no connection could be made with these options, or the key of the channels' keys is not to be had.
    pub fn start_uplinks(&mut self, own: kosmo_mqtt::Options) -> Result<()> {
        let config = uplinks::configured(&self.config, own)?;
        if config.sources.is_empty() {
            return Ok(());
        }
        let uplink = Uplink::connect(config, self.store.clone(), self.clock.clone(), random()).context("uplinks of nodes")?;
        let shutdown = self.lifecycle.shutdown();
        self.lifecycle.start("uplinks", async move {
            uplink.run(shutdown).await;
            Ok::<_, Infallible>(())
        });
        Ok(())
    }

    /// Starts the gateway on this broker.
    ///
    /// # Errors
    /// If no connection could be made with these options, or the development header is to be believed from elsewhere.
    pub fn start_gateway(&mut self, mqtt: kosmo_mqtt::Options) -> Result<()> {
        let settings = &self.config.gateway;
        let mut config = kosmo_gateway::Config::new(mqtt);
        config.dev_identity = dev_identity(&self.config)?;
        config.sign_texts = settings.handle_in_text;
        config.pace = Pace { burst: settings.burst, per_minute: settings.per_minute };
        config.ttl = Duration::from_secs(settings.ttl_s);
        config.answer_window = HOUR * settings.answer_window_h;
        config.streams = settings.streams_max;
        config.keep = self.config.retention.keep_messages();
        let gateway = Gateway::connect(config, self.store.clone(), self.clock.clone(), random()).context("gateway")?;
        self.services.push((Kind::Gateway, gateway.service()));
        let shutdown = self.lifecycle.shutdown();
        self.lifecycle.start("gateway", async move {
            gateway.run(shutdown).await;
            Ok::<_, Infallible>(())
        });
        Ok(())
    }

    /// Adds the weather API, which needs nothing but the database.
    pub fn add_weather(&mut self) {
        self.services.push((Kind::Weather, kosmo_weather::service(self.store.clone(), self.clock.clone())));
    }

    /// Listens on the port of each of these services, and answers there; `web` answers for all.
    ///
    /// # Errors
    /// If a port is not to be had.
    pub async fn serve_http(&mut self, kinds: &[Kind]) -> Result<()> {
        let mut listeners = Vec::new();
        for &kind in kinds {
            let (name, key, port) = self.port_of(kind);
            let (listener, address) = listen(name, self.config.http.at(port), key).await?;
            self.show(name, what(kind), &format!("http://{}", reachable(address)));
            listeners.push((kind, name, listener));
        }
        for (kind, name, listener) in listeners {
            let app = self.app(kind, name);
            let limits = ServeLimits { connections: self.config.http.max_connections, ..ServeLimits::default() };
            let shutdown = self.lifecycle.shutdown();
            self.lifecycle.start(name, async move {
                serve_with(listener, app, shutdown, limits).await;
                Ok::<_, Infallible>(())
            });
        }
        self.start_presence(kinds);
        Ok(())
    }

    /// Has this process say in the store which services it runs.
    fn start_presence(&mut self, kinds: &[Kind]) {
        let run = uuid::Builder::from_random_bytes(random().random()).into_uuid();
        let presence = Presence::new(self.store.clone(), self.clock.clone(), run, env!("CARGO_PKG_VERSION"));
        let presence = self.services.iter().fold(presence, |presence, (_, service)| presence.with(service));
        let plain = [("web", kinds.contains(&Kind::Web)), ("broker", self.addresses.contains_key("mqtt"))];
        let presence = plain.iter().filter(|(_, runs)| *runs).fold(presence, |presence, (name, _)| presence.with_plain(name));
        let shutdown = self.lifecycle.shutdown();
        self.lifecycle.start("presence", async move {
            presence.run(shutdown).await;
            Ok::<_, Infallible>(())
        });
    }

    /// Notes that something listens there, for the page and the ready file.
    pub fn show(&mut self, name: &str, does: &str, address: &str) {
        self.addresses.insert(name.to_owned(), address.to_owned());
        self.shown.push(ServiceState { name: name.to_owned(), does: does.to_owned(), address: address.to_owned() });
    }

    const fn port_of(&self, kind: Kind) -> (&'static str, &'static str, u16) {
        let http = &self.config.http;
        match kind {
            Kind::Web => ("web", "http.web_port", http.web_port),
            Kind::Ingestion => ("ingestion", "http.ingestion_port", http.ingestion_port),
            Kind::Weather => ("weather", "http.weather_port", http.weather_port),
            Kind::Gateway => ("gateway", "http.gateway_port", http.gateway_port),
        }
    }

    fn app(&self, kind: Kind, name: &'static str) -> kosmo_http::Router {
        let about = Info::new("KosmoConnect", env!("CARGO_PKG_VERSION"));
        let clock = Arc::clone(&self.clock);
        let mut app = App::new(name, about, random().next_u32()).with_remark(move || clock.doubt().map(doubt));
        for (of, service) in &self.services {
            if kind == Kind::Web || kind == *of {
                app = app.with(service.clone());
            }
        }
        if matches!(kind, Kind::Web | Kind::Ingestion) {
            app = app.with(self.network.clone());
        }
        if kind == Kind::Web {
            app = app.with_pages(kosmo_web::pages(self.assets(), self.status()));
        }
        app.into_router(self.metrics.clone())
    }

    /// Returns where the web app's files come from.
    fn assets(&self) -> Assets {
        let app = Config::file(&self.config.http.web_dir).map_or_else(Assets::embedded, |folder| Assets::of_folder(folder.to_owned()));
        app.with_maps(self.config.data.dir.clone())
    }

    /// Returns what gathers the page's state.
    fn status(&self) -> StatusSource {
        let (store, clock, services) = (self.store.clone(), Arc::clone(&self.clock), self.shown.clone());
        StatusSource::new(move || {
            let (store, clock, services) = (store.clone(), Arc::clone(&clock), services.clone());
            async move { gather(&store, &clock, services).await.map_err(Problem::from) }
        })
    }

    /// Waits until everything is ready, says so in the ready file if there is to be one, calls `announce`, and runs
    /// until it is told to end.
    ///
    /// # Errors
    /// If something did not start, or ended early.
    pub async fn run(self, ready_file: Option<&Path>, announce: impl FnOnce(&Config, &Addresses) -> Result<()>) -> Result<()> {
        let signals = signals()?;
        let Self { config, lifecycle, addresses, .. } = self;
        let started = async {
            wait_until_ready(&addresses).await?;
            if let Some(path) = ready_file {
                write_ready_file(path, &addresses)?;
            }
            announce(&config, &addresses)
        };
        let outcome = lifecycle.run(signals, started).await;
        if let Some(path) = ready_file {
            remove_ready_file(path);
        }
        outcome
    }
}

/// Returns the permission to believe the development header, if it is to be believed, on both ports that the gateway answers on.
fn dev_identity(config: &Config) -> Result<Option<DevIdentity>, NotLoopback> {
    let Config { auth, http, .. } = config;
    if !auth.dev_header {
        return Ok(None);
    }
    DevIdentity::enable(http.at(http.web_port))?;
    DevIdentity::enable(http.at(http.gateway_port)).map(Some)
}

/// Returns what is said of a clock that is not believed.
fn doubt((now, said): (Timestamp, Timestamp)) -> String {
    format!("this machine's clock says {said} and is not believed yet: it leapt. The time goes on from where it was, {now}")
}

/// Moves samples into their buckets until `shutdown`; between scrapes they lie in memory, one by one.
async fn drain_metrics(metrics: PrometheusHandle, shutdown: CancellationToken) -> Result<(), Infallible> {
    let mut ticks = tokio::time::interval(DRAIN_EVERY);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        metrics.run_upkeep();
    }
    Ok(())
}

/// Asks every port until it says that it is ready.
async fn wait_until_ready(addresses: &Addresses) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build().context("no HTTP client can be made")?;
    for base in ["web", "ingestion", "weather", "gateway"].iter().filter_map(|name| addresses.get(*name)) {
        let url = format!("{base}/readyz");
        let asked = async {
            while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        let mut asked = std::pin::pin!(asked);
        while tokio::time::timeout(PATIENCE, &mut asked).await.is_err() {
            tracing::warn!("not everything is ready yet: {url} says what is missing");
        }
    }
    Ok(())
}

/// Returns where to reach a listener from this machine, as a URL.
pub fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{}", reachable(address))
}

const fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Web => "this page, and every API on one port",
        Kind::Ingestion => "writes what bridges send into the database",
        Kind::Weather => "answers questions about weather and nodes",
        Kind::Gateway => "carries texts between members and the mesh",
    }
}

async fn gather(store: &Store, clock: &SteadyClock, services: Vec<ServiceState>) -> kosmo_store::Result<Status> {
    let now = clock.now();
    let bridges =
        store.bridges().await?.iter().filter(|bridge| bridge.revoked_at.is_none()).map(|bridge| heard::state_of(bridge, now)).collect();
    let rejects_open = store.reject_counts().await?.iter().map(|count| count.open).sum();
    Ok(Status { version: env!("CARGO_PKG_VERSION"), services, bridges, rejects_open, clock: clock.doubt().map(doubt) })
}
