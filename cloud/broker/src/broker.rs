//! Starting and stopping.

use crate::{
    bounded::Bounded,
    config::{Config, Limits, Tls},
    desk::Desk,
    hooks::{Fitters, Hooks},
    retained::Retained,
    share::RoundRobin,
    watch,
};
use kosmo_store::Store;
use rmqtt::{
    context::ServerContext,
    net::{Builder, Listener},
    router::DefaultRouter,
    server::MqttServer,
    shared::DefaultShared,
};
use std::{io, net::SocketAddr, num::NonZeroU16, sync::Arc, time::Duration};
use tokio::runtime::{Handle, Runtime};

/// How long a stop waits for the broker's threads.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How long a message may stay unacknowledged on a standing connection before it is sent again. The standard wants that at
/// reconnection only, and a service that waits for its database must not get everything twice.
const RETRY: Duration = Duration::from_mins(10);
/// Connections that may log in at once.
const HANDSHAKES: usize = 64;

/// A broker that runs. Dropping it stops it without waiting.
pub struct Broker {
    desk: Arc<Desk>,
    runtime: Option<Runtime>,
    tcp: Option<SocketAddr>,
    tls: Option<SocketAddr>,
}

/// Says why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither of the listeners was asked for.
    #[error("the MQTT broker has no address to listen on")]
    NoListener,
    /// The address is in use, or is none of this machine's.
    #[error("cannot listen for MQTT on {addr}: {reason}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why not.
        reason: String,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate {} for MQTT: {reason}", .tls.cert_pem.display())]
    Certificate {
        /// What was asked for.
        tls: Tls,
        /// Why not.
        reason: String,
    },
    /// The threads could not be started.
    #[error("cannot start the MQTT broker's threads")]
    Threads(#[source] io::Error),
    /// The broker's runtime ended while it started.
    #[error("the MQTT broker stopped while it started")]
    Stopped,
}

impl Broker {
    /// Starts a broker that listens when this returns. Logins are looked up in `store`, on the current runtime.
    ///
    /// # Errors
    /// If it cannot listen there, or not with that certificate.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(config: Config, store: Store) -> Result<Self, StartError> {
        if config.tcp.is_none() && config.tls.is_none() {
            return Err(StartError::NoListener);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.limits.threads.max(1))
            .thread_name("mqtt-broker")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let desk = Arc::new(Desk::new(&config, store, Handle::current()));
        let mut broker = Self { desk: Arc::clone(&desk), runtime: None, tcp: None, tls: None };
        let opened = runtime.spawn(open(config, desk)).await;
        broker.runtime = Some(runtime);
        (broker.tcp, broker.tls) = opened.map_err(|_| StartError::Stopped)??;
        for addr in broker.tcp.iter().chain(&broker.tls) {
            tracing::info!(%addr, "the MQTT broker listens on {addr}");
        }
        Ok(broker)
    }

    /// Returns where plain MQTT is listened for.
    pub const fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Returns where MQTT over TLS is listened for.
    pub const fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls
    }

    /// Stops listening, cuts all clients off and frees the ports. Wills are not published: there is nobody left to hear them.
    pub async fn shutdown(mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let desk = Arc::clone(&self.desk);
        let _ = runtime.spawn(async move { dismantle(&desk).await }).await;
        let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(STOP_PATIENCE)).await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // Sessions spawn a task when they are dropped, so the last of them must go inside a runtime.
        let handle = runtime.handle().clone();
        let inside = handle.enter();
        drop(self.desk.set_context(None));
        drop(inside);
        runtime.shutdown_background();
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("tcp", &self.tcp).field("tls", &self.tls).finish_non_exhaustive()
    }
}

type Addresses = (Option<SocketAddr>, Option<SocketAddr>);

async fn open(config: Config, desk: Arc<Desk>) -> Result<Addresses, StartError> {
    let limits = &config.limits;
    let tcp = config.tcp.map(|addr| listen(limits, addr)).transpose()?;
    let tls = config.tls.as_ref().map(|tls| listen_tls(limits, tls)).transpose()?;
    let addresses = (tcp.as_ref().map(|listener| listener.cfg.laddr), tls.as_ref().map(|listener| listener.cfg.laddr));

    let context = ServerContext::new()
        .busy_check_enable(false)
        .mqtt_max_sessions(isize::try_from(limits.sessions).unwrap_or(isize::MAX))
        .build()
        .await;
    let extends = &context.extends;
    *extends.shared_mut().await = Box::new(Bounded::new(context.clone(), Arc::clone(&desk)));
    *extends.retain_mut().await = Box::new(Retained::new(limits.retained, Arc::clone(&desk.meters)));
    *extends.shared_subscription_mut().await = Box::new(RoundRobin::default());
    *extends.fitter_mgr_mut().await = Box::new(Fitters(Arc::clone(&desk)));
    Hooks::install(&desk, &*extends.hook_mgr().register()).await;
    desk.set_context(Some(context.clone()));

    let mut server = MqttServer::new(context);
    for listener in [tcp, tls].into_iter().flatten() {
        server = server.listener(listener);
    }
    let server = server.build();
    tokio::spawn(async move {
        if let Err(error) = server.run().await {
            tracing::error!("the MQTT broker stopped accepting: {error:#}");
        }
    });
    tokio::spawn(watch::rounds(desk));
    Ok(addresses)
}

/// Breaks the circles of references through which a broker's parts keep each other alive.
async fn dismantle(desk: &Desk) {
    let Some(context) = desk.set_context(None) else { return };
    *context.extends.shared_mut().await = Box::new(DefaultShared::new(None));
    *context.extends.router_mut().await = Box::new(DefaultRouter::new(None));
}

fn listen(limits: &Limits, addr: SocketAddr) -> Result<Listener, StartError> {
    let refuse = |reason: rmqtt::Error| StartError::Listen { addr, reason: format!("{reason:#}") };
    builder(limits, addr).bind().and_then(Listener::tcp).and_then(with_real_port).map_err(refuse)
}

fn listen_tls(limits: &Limits, tls: &Tls) -> Result<Listener, StartError> {
    let path = |path: &std::path::Path| Some(path.to_string_lossy().into_owned());
    let builder = builder(limits, tls.addr).tls_cert(path(&tls.cert_pem)).tls_key(path(&tls.key_pem));
    let bound = builder.bind().map_err(|reason| StartError::Listen { addr: tls.addr, reason: format!("{reason:#}") })?;
    let refuse = |reason: rmqtt::Error| StartError::Certificate { tls: tls.clone(), reason: format!("{reason:#}") };
    bound.tls().and_then(with_real_port).map_err(refuse)
}

fn builder(limits: &Limits, addr: SocketAddr) -> Builder {
    Builder::new()
        .name("kosmo")
        .laddr(addr)
        .reuseaddr(Some(true))
        .nodelay(true)
        .allow_anonymous(false)
        .max_connections(limits.sessions as usize)
        .max_handshaking_limit(HANDSHAKES)
        .max_packet_size(limits.packet_bytes)
        .max_clientid_len(limits.client_id_bytes)
        .max_subscriptions(limits.subscriptions)
        .max_topic_levels(limits.topic_levels)
        // What a service may; the others are held to less by their fitter.
        .max_inflight(NonZeroU16::new(limits.service_inflight.max(limits.inflight)).unwrap_or(NonZeroU16::MIN))
        .handshake_timeout(limits.handshake)
        .send_timeout(limits.write)
        .session_expiry_interval(limits.session_expiry)
        .max_session_expiry_interval(limits.session_expiry)
        .message_retry_interval(RETRY)
        // Only the publisher's own expiry counts.
        .message_expiry_interval(Duration::ZERO)
}

/// The library tells listeners apart by the port they were asked to take, so a free one must be written back.
fn with_real_port(mut listener: Listener) -> rmqtt::Result<Listener> {
    let addr = listener.local_addr()?;
    if listener.cfg.laddr != addr {
        let mut config = (*listener.cfg).clone();
        config.laddr = addr;
        listener.cfg = Arc::new(config);
    }
    Ok(listener)
}
