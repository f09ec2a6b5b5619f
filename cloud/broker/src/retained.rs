//! Retained messages: the library's default refuses to work, so this wraps its tree.

use crate::meters::Meters;
use async_trait::async_trait;
use rmqtt::{
    Result,
    retain::{DefaultRetainStorage, RetainStorage},
    types::{Retain, TopicFilter, TopicName},
};
use std::{sync::Arc, time::Duration};

/// Keeps at most so many messages, in memory.
pub(crate) struct Retained {
    kept: DefaultRetainStorage,
    most: usize,
    meters: Arc<Meters>,
}

impl Retained {
    pub(crate) fn new(most: usize, meters: Arc<Meters>) -> Self {
        Self { kept: DefaultRetainStorage::new(), most, meters }
    }

    async fn has_room(&self, topic: &TopicName) -> bool {
        let count = usize::try_from(self.kept.count().await).unwrap_or_default();
        if count < self.most || self.kept.get_message(topic).await.is_ok_and(|found| !found.is_empty()) {
            return true;
        }
        self.kept.remove_expired_messages().await > 0
    }
}

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, expiry: Option<Duration>) -> Result<()> {
        // An empty payload takes the message away, which needs no room.
        if !retain.publish.payload.is_empty() && !self.has_room(topic).await {
            self.meters.retained_refused.increment(1);
            return Ok(());
        }
        // Zero is how the library says that the publisher set no expiry.
        self.kept.set_with_timeout(topic, retain, expiry.filter(|expiry| !expiry.is_zero())).await
    }

    async fn get(&self, filter: &TopicFilter) -> Result<Vec<(TopicName, Retain)>> {
        self.kept.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.kept.count().await
    }

    async fn max(&self) -> isize {
        self.kept.max().await
    }
}
