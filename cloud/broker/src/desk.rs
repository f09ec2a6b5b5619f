//! Who is let in, and as whom.

use crate::{
    access::{Access, owner},
    config::{Config, Limits, SERVICE_MARK},
    guests::{Guest, Guests},
    meters::Meters,
    pace::{LogQuota, Pace},
};
use kosmo_store::{ANSWERS_WITHIN, SecretHash, Store, in_time};
use rmqtt::{
    context::ServerContext,
    shared::Entry,
    types::{ConnectInfo, LastWill},
};
use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};
use tokio::runtime::Handle;

/// What all parts of a broker share.
pub(crate) struct Desk {
    pub(crate) guests: Guests,
    pub(crate) meters: Arc<Meters>,
    pub(crate) limits: Limits,
    services: HashMap<String, SecretHash>,
    store: Store,
    /// The runtime that the store's connections belong to.
    outside: Handle,
    refusals: LogQuota,
    /// Emptied at shutdown: it holds all that holds this.
    context: RwLock<Option<ServerContext>>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    NoLogin,
    UnknownLogin,
    WrongSecret,
    ForeignClientId,
    ForbiddenWill,
    StoreUnavailable,
}

impl Refused {
    const fn reason(self) -> &'static str {
        match self {
            Self::NoLogin => "no_login",
            Self::UnknownLogin => "unknown_login",
            Self::WrongSecret => "wrong_secret",
            Self::ForeignClientId => "foreign_client_id",
            Self::ForbiddenWill => "forbidden_will",
            Self::StoreUnavailable => "store_unavailable",
        }
    }
}

/// What came of looking a login up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Revoked,
    Unknown,
}

impl Desk {
    pub(crate) fn new(config: &Config, store: Store, outside: Handle) -> Self {
        Self {
            guests: Guests::default(),
            meters: Arc::new(Meters::new()),
            limits: config.limits.clone(),
            services: config.services.iter().map(|login| (login.user().to_owned(), login.secret().hash())).collect(),
            store,
            outside,
            refusals: LogQuota::new(5.0, 20.0),
            context: RwLock::new(None),
        }
    }

    /// Lets a client in, or says why not. Called before the library takes over an earlier session of the same client id.
    pub(crate) async fn admit(&self, client: &ConnectInfo) -> Result<(), Refused> {
        let outcome = self.examine(client).await;
        if let Err(refused) = outcome {
            metrics::counter!("kosmo_broker_logins_refused_total", "reason" => refused.reason()).increment(1);
            if self.refusals.allows() {
                let login = client.username().map_or("", |name| shown(name));
                tracing::warn!(login, client_id = shown(client.client_id()), reason = refused.reason(), "an MQTT login was refused");
            }
        }
        outcome
    }

    async fn examine(&self, client: &ConnectInfo) -> Result<(), Refused> {
        let (Some(name), Some(password)) = (client.username(), client.password()) else { return Err(Refused::NoLogin) };
        let access = match self.look_up(name).await? {
            None => return Err(Refused::UnknownLogin),
            Some((_, secret)) if !secret.matches(password) => return Err(Refused::WrongSecret),
            Some((access, _)) => access,
        };
        if let Some(will) = client.last_will()
            && !access.may_publish(match &will {
                LastWill::V3(will) => &will.topic,
                LastWill::V5(will) => &will.topic,
            })
        {
            return Err(Refused::ForbiddenWill);
        }
        self.claim_client_id(client, name).await?;
        let limits = &self.limits;
        let (pace, queue) =
            if access.is_service() { (None, limits.service_queue) } else { (Some(Pace::new(limits.publish_rate)), limits.queue) };
        tracing::debug!(login = &**name, kind = access.kind(), "{} {name} logged in", access.kind());
        self.guests.enter(Guest::new(client.id().clone(), name.to_string(), access, pace, queue));
        Ok(())
    }

    /// Sees to it that nobody pushes another login out, and that nobody inherits the session of another.
    async fn claim_client_id(&self, client: &ConnectInfo, name: &str) -> Result<(), Refused> {
        let owner = owner(client.client_id());
        let is_own = owner == name;
        if !is_own && (owner.starts_with(SERVICE_MARK) || self.look_up(owner).await?.is_some()) {
            return Err(Refused::ForeignClientId);
        }
        let Some(context) = self.context() else { return Err(Refused::StoreUnavailable) };
        let entry = context.extends.shared().await.entry(client.id().clone());
        let Some(session) = entry.session() else { return Ok(()) };
        if session.id.username_ref() == name {
            return Ok(());
        }
        if !is_own {
            return Err(Refused::ForeignClientId);
        }
        evict(&*entry).await;
        Ok(())
    }

    /// Tells whether who logged in with this name and secret still may.
    pub(crate) async fn standing(&self, name: &str, secret: &[u8]) -> Standing {
        match self.look_up(name).await {
            Ok(Some((_, hash))) if hash.matches(secret) => Standing::Good,
            Ok(_) => Standing::Revoked,
            Err(_) => Standing::Unknown,
        }
    }

    async fn look_up(&self, name: &str) -> Result<Option<(Access, SecretHash)>, Refused> {
        if let Some(secret) = self.services.get(name) {
            return Ok(Some((Access::Service, *secret)));
        }
        if name.starts_with(SERVICE_MARK) {
            return Ok(None);
        }
        let (store, asked) = (self.store.clone(), name.to_owned());
        let answer = self.outside.spawn(async move { in_time(ANSWERS_WITHIN, store.mqtt_login(&asked)).await }).await;
        match answer {
            Ok(Ok(login)) => Ok(login.map(|login| (Access::of(&login), *login.secret()))),
            Ok(Err(error)) => {
                if self.refusals.allows() {
                    tracing::error!(%error, "cannot look up an MQTT login");
                }
                Err(Refused::StoreUnavailable)
            }
            // The runtime outside is being shut down.
            Err(_) => Err(Refused::StoreUnavailable),
        }
    }

    pub(crate) fn context(&self) -> Option<ServerContext> {
        self.context.read().expect(UNPOISONED).clone()
    }

    pub(crate) fn set_context(&self, context: Option<ServerContext>) -> Option<ServerContext> {
        std::mem::replace(&mut *self.context.write().expect(UNPOISONED), context)
    }
}

/// Ends a session and all it has; its will is published.
pub(crate) async fn evict(entry: &dyn Entry) {
    match entry.try_lock().await {
        Ok(mut locked) => {
            if let Err(error) = locked.kick(true, true, true).await {
                tracing::warn!("a session did not end when told to: {error:#}");
            }
        }
        // Somebody else is ending or taking over this session.
        Err(error) => tracing::debug!("a session is busy: {error:#}"),
    }
}

/// What of a name that anybody may have sent is shown in the log.
fn shown(name: &str) -> &str {
    let end = name.char_indices().nth(48).map_or(name.len(), |(end, _)| end);
    if name[..end].chars().any(char::is_control) { "(control characters)" } else { &name[..end] }
}

const UNPOISONED: &str = "no code that can panic runs under this lock";
