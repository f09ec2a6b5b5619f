//! Room for what waits. The library gives messages to a session through a channel without bounds; this stands before it.

use crate::desk::Desk;
use async_trait::async_trait;
use rmqtt::{
    Result,
    context::ServerContext,
    session::Session,
    shared::{DefaultShared, Entry, RetainLoadCallback, Shared},
    types::{
        ForwardedCount, ForwardedRecipients, From, Id, MsgID, NodeId, Publish, Reason, SessionStatus, SubRelation, SubRelations,
        SubRelationsMap, SubsSearchParams, SubsSearchResult, To, TopicFilter,
    },
};
use std::sync::Arc;

/// The library's session table, with every delivery asking for room first.
pub(crate) struct Bounded {
    sessions: DefaultShared,
    context: ServerContext,
    desk: Arc<Desk>,
}

type Undelivered = Vec<(To, From, Publish, Reason)>;

impl Bounded {
    pub(crate) fn new(context: ServerContext, desk: Arc<Desk>) -> Self {
        Self { sessions: DefaultShared::new(Some(context.clone())), context, desk }
    }

    fn admits(&self, (_, client_id, ..): &SubRelation, bytes: usize) -> bool {
        // Who is not known here has no session, which the library reports by itself.
        let Some(guest) = self.desk.guests.get(client_id) else { return true };
        let fits = guest.admit(bytes);
        if !fits {
            self.desk.meters.dropped_queue.increment(1);
            if guest.first_mishap() {
                tracing::warn!(login = guest.name, "{} reads too slowly: messages for it are dropped", guest.name);
            }
        }
        fits
    }
}

#[async_trait]
impl Shared for Bounded {
    fn entry(&self, id: Id) -> Box<dyn Entry> {
        self.sessions.entry(id)
    }

    fn exist(&self, client_id: &str) -> bool {
        self.sessions.exist(client_id)
    }

    async fn forwards(
        &self,
        _msg_id: Option<MsgID>,
        from: From,
        publish: Publish,
    ) -> std::result::Result<ForwardedCount, (ForwardedCount, Undelivered)> {
        let matched = self.context.extends.router().await.matches(from.id.clone(), &publish.topic).await;
        let relations = match matched {
            Ok(mut by_node) => by_node.remove(&self.context.node.id()).unwrap_or_default(),
            Err(error) => {
                tracing::error!("cannot look up who subscribes to a topic: {error:#}");
                return Ok(0);
            }
        };
        match self.forwards_to(from, &publish, relations, None).await {
            Ok(recipients) => Ok(recipients.len()),
            Err((recipients, undelivered)) => Err((recipients.len(), undelivered)),
        }
    }

    async fn forwards_and_get_shareds(
        &self,
        from: From,
        publish: Publish,
    ) -> std::result::Result<(SubRelationsMap, ForwardedRecipients), (ForwardedRecipients, Undelivered)> {
        self.sessions.forwards_and_get_shareds(from, publish).await
    }

    async fn forwards_to(
        &self,
        from: From,
        publish: &Publish,
        mut relations: SubRelations,
        msg_id: Option<MsgID>,
    ) -> std::result::Result<ForwardedRecipients, (ForwardedRecipients, Undelivered)> {
        relations.retain(|relation| self.admits(relation, publish.payload.len()));
        self.sessions.forwards_to(from, publish, relations, msg_id).await
    }

    fn iter(&self) -> Box<dyn Iterator<Item = Box<dyn Entry>> + Sync + Send + '_> {
        self.sessions.iter()
    }

    fn random_session(&self) -> Option<Session> {
        self.sessions.random_session()
    }

    async fn session_status(&self, client_id: &str) -> Option<SessionStatus> {
        self.sessions.session_status(client_id).await
    }

    async fn client_states_count(&self) -> usize {
        self.sessions.client_states_count().await
    }

    fn sessions_count(&self) -> usize {
        self.sessions.sessions_count()
    }

    async fn query_subscriptions(&self, query: &SubsSearchParams) -> Vec<SubsSearchResult> {
        self.sessions.query_subscriptions(query).await
    }

    async fn subscriptions_count(&self) -> usize {
        self.sessions.subscriptions_count().await
    }

    async fn retain_load_with(&self, filter: &TopicFilter, callback: Arc<dyn RetainLoadCallback>) -> Result<Vec<(NodeId, MsgID)>> {
        self.sessions.retain_load_with(filter, callback).await
    }
}
