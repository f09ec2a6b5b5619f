//! Where the library asks us, and the limits it takes per client.

use crate::{
    desk::{Desk, Refused},
    guests::Guest,
};
use async_trait::async_trait;
use kosmo_failpoints::fail_point;
use rmqtt::{
    Result,
    codec::{types::Publish as Packet, v5::SubscribeAckReason},
    fitter::{DefaultFitter, Fitter, FitterManager},
    hook::{Handler, HookResult, Parameter, Register, ReturnType, Type},
    session::Session,
    types::{
        AuthResult, ConnectInfo, Disconnect, FitterType, Id, ListenerConfig, Publish, PublishAclResult, Reason, Subscribe,
        SubscribeAclResult,
    },
};
use std::{
    num::{NonZeroU16, NonZeroU32},
    sync::Arc,
    time::Duration,
};

/// Our answers to the library's questions.
#[derive(Clone)]
pub(crate) struct Hooks(Arc<Desk>);

/// The questions that are asked. Each costs a boxed future per event, so the list holds only what is used.
const ASKED: [Type; 8] = [
    Type::ClientAuthenticate,
    Type::ClientConnected,
    Type::ClientDisconnected,
    Type::SessionTerminated,
    Type::ClientSubscribeCheckAcl,
    Type::MessagePublishCheckAcl,
    Type::MessageDelivered,
    Type::MessageDropped,
];

impl Hooks {
    pub(crate) async fn install(desk: &Arc<Desk>, register: &dyn Register) {
        for question in ASKED {
            register.add(question, Box::new(Self(Arc::clone(desk)))).await;
        }
        register.start().await;
    }

    fn guest(&self, session: &Session) -> Option<Arc<Guest>> {
        self.0.guests.get(&session.id.client_id)
    }

    fn check_subscribe(&self, session: &Session, wanted: &Subscribe) -> SubscribeAclResult {
        let shared = wanted.opts.shared_group().is_some();
        if self.guest(session).is_some_and(|guest| guest.access.may_subscribe(&wanted.topic_filter, shared)) {
            return SubscribeAclResult::new_success(wanted.opts.qos(), None);
        }
        self.0.meters.subscriptions_refused.increment(1);
        tracing::debug!(login = session.id.username_ref(), shared, "a subscription was refused");
        SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
    }

    async fn check_publish(&self, session: &Session, message: &Publish) -> PublishAclResult {
        let Some(guest) = self.guest(session) else { return PublishAclResult::rejected(true, None) };
        if let Some(pace) = &guest.pace {
            pace.take(message.payload.len()).await;
        }
        if guest.access.may_publish(&message.topic) {
            self.0.meters.publishes.increment(1);
            fail_point!("broker::taken");
            return PublishAclResult::allow();
        }
        self.0.meters.publishes_refused.increment(1);
        if guest.first_mishap() {
            tracing::warn!(login = guest.name, "{} published to a topic that is not its own; such messages are dropped", guest.name);
        }
        PublishAclResult::rejected(false, None)
    }

    fn note_dropped(&self, to: Option<&Id>, message: &Publish, reason: &Reason) {
        let Some(to) = to else { return };
        if let Some(guest) = self.0.guests.get(&to.client_id) {
            guest.release(message.payload.len());
        }
        match reason {
            Reason::MessageQueueFull => self.0.meters.dropped_queue.increment(1),
            _ => self.0.meters.dropped_other.increment(1),
        }
    }
}

#[async_trait]
impl Handler for Hooks {
    async fn hook(&self, question: &Parameter, answer: Option<HookResult>) -> ReturnType {
        let desk = &self.0;
        let answer = match question {
            Parameter::ClientAuthenticate(client) => Some(HookResult::AuthResult(verdict(desk.admit(client).await))),
            Parameter::ClientSubscribeCheckAcl(session, wanted) => {
                Some(HookResult::SubscribeAclResult(self.check_subscribe(session, wanted)))
            }
            Parameter::MessagePublishCheckAcl(session, message) => {
                Some(HookResult::PublishAclResult(self.check_publish(session, message).await))
            }
            Parameter::MessageDelivered(session, _, message) => {
                if let Some(guest) = self.guest(session) {
                    guest.release(message.payload.len());
                }
                desk.meters.delivered.increment(1);
                fail_point!("broker::delivered");
                return (true, answer);
            }
            Parameter::MessageDropped(to, _, message, reason) => {
                self.note_dropped(to.as_ref(), message, reason);
                return (true, answer);
            }
            Parameter::ClientConnected(_) => {
                desk.meters.connections.increment(1);
                fail_point!("broker::connected");
                return (true, answer);
            }
            Parameter::ClientDisconnected(..) => {
                desk.meters.connections.decrement(1);
                return (true, answer);
            }
            Parameter::SessionTerminated(session, _) => {
                desk.guests.leave(&session.id);
                return (true, answer);
            }
            _ => return (true, answer),
        };
        (false, answer)
    }
}

const fn verdict(outcome: std::result::Result<(), Refused>) -> AuthResult {
    match outcome {
        // Not a superuser: those pass all topic rules.
        Ok(()) => AuthResult::Allow(false, None),
        Err(Refused::NoLogin | Refused::UnknownLogin | Refused::WrongSecret) => AuthResult::BadUsernameOrPassword,
        Err(Refused::ForeignClientId | Refused::ForbiddenWill | Refused::StoreUnavailable) => AuthResult::NotAuthorized,
    }
}

/// Gives each client the limits of its kind.
pub(crate) struct Fitters(pub(crate) Arc<Desk>);

impl FitterManager for Fitters {
    fn create(&self, client: Arc<ConnectInfo>, id: Id, listener: ListenerConfig) -> FitterType {
        let service = self.0.guests.get(&id.client_id).is_some_and(|guest| guest.access.is_service());
        let limits = &self.0.limits;
        let (inflight, queue) = if service { (limits.service_inflight, limits.service_queue) } else { (limits.inflight, limits.queue) };
        let inflight = NonZeroU16::new(inflight).unwrap_or(NonZeroU16::MIN);
        Arc::new(Fitted { usual: DefaultFitter::new(client, id, listener), inflight, queue: queue.messages.max(1) })
    }
}

struct Fitted {
    usual: DefaultFitter,
    inflight: NonZeroU16,
    queue: usize,
}

#[async_trait]
impl Fitter for Fitted {
    fn keep_alive(&self, keep_alive: &mut u16) -> Result<u16> {
        self.usual.keep_alive(keep_alive)
    }

    fn max_mqueue_len(&self) -> usize {
        self.queue
    }

    fn mqueue_rate_limit(&self) -> (NonZeroU32, Duration) {
        self.usual.mqueue_rate_limit()
    }

    fn max_inflight(&self) -> NonZeroU16 {
        self.usual.max_inflight().min(self.inflight)
    }

    fn session_expiry_interval(&self, goodbye: Option<&Disconnect>) -> Duration {
        self.usual.session_expiry_interval(goodbye)
    }

    fn message_expiry_interval(&self, message: &Packet) -> Duration {
        self.usual.message_expiry_interval(message)
    }

    fn max_client_topic_aliases(&self) -> u16 {
        self.usual.max_client_topic_aliases()
    }

    fn max_server_topic_aliases(&self) -> u16 {
        self.usual.max_server_topic_aliases()
    }
}
