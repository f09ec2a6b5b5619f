//! What the gateway looks after beside texts: which bridges listen, who has fallen silent, and what is old enough to go.

use kosmo_contract::{BridgeState, RadioLink, Status};
use kosmo_domain::{BELIEVED, BridgeId, Clock, DAY, Epoch, Listening, Timestamp};
use kosmo_store::{ANSWERS_WITHIN, Store, in_time, messages::KeepMessages};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// How often to look who has fallen silent.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How often old rows are looked for.
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// How many rows are given up in one transaction, so that nobody waits long for it.
const ROWS_AT_ONCE: u32 = 2_000;
/// For how long gaps are kept.
const GAPS: Duration = Duration::from_hours(400 * 24);
/// How many statuses may wait to be taken in. What does not fit in is said again within a minute.
pub(crate) const WAITING: usize = 256;

/// What a bridge said of its listening.
pub(crate) struct Heard {
    pub(crate) bridge: BridgeId,
    /// Which run of it says so, if it says that.
    pub(crate) life: Option<Epoch>,
    pub(crate) said: Listening,
    pub(crate) at: Timestamp,
}

/// The run of each bridge that spoke last, as far as this process heard it. Who has forgotten that goes by how long a run says that it is.
type Lives = HashMap<BridgeId, Epoch>;

/// Looks after all that.
pub(crate) struct Upkeep {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep: KeepMessages,
    pub(crate) heard: mpsc::Receiver<Heard>,
}

/// For how long a word may be under way. What seems to have taken longer was said by a clock that is wrong.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// Returns what a status says of its bridge's listening, and when that was so. What the broker has kept may be old news, and a bridge
/// may have died while its word was under way: it listened until it said so, not until it was heard.
pub(crate) fn listening(status: &Status, is_kept: bool, received_at: Timestamp) -> (Listening, Timestamp) {
    let said_at = status.at.map_or(received_at, |at| at.min(received_at));
    let at = if is_kept || received_at.since(said_at) <= UNDER_WAY { said_at } else { received_at };
    // Since when is told rather too late than too early, for what lies before that may be missing.
    let ago = |seconds: u64| (if is_kept { at } else { received_at }).minus(Duration::from_secs(seconds));
    let started = status.uptime_s.map(ago);
    let since = status.radio.as_ref().and_then(|radio| radio.link_s).map(ago);
    let said = match (status.state, status.radio.as_ref().map(|radio| radio.link)) {
        // A last will has no time, and says only that the connection is gone.
        (BridgeState::Offline, _) if status.at.is_some() => Listening::Left,
        (BridgeState::Offline, _) => Listening::Silent,
        (BridgeState::Online, Some(RadioLink::Ready)) => Listening::Yes { since, started },
        (BridgeState::Online, Some(RadioLink::Connecting | RadioLink::Down) | None) => Listening::No { since, started },
    };
    (said, at)
}

impl Upkeep {
    pub(crate) async fn run(&mut self, shutdown: &CancellationToken) {
        let began = Instant::now();
        let mut lives = Lives::default();
        let (mut looks, mut purges) = (tokio::time::interval(LOOK_EVERY), tokio::time::interval(PURGE_EVERY));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        purges.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                () = shutdown.cancelled() => return,
                Some(heard) = self.heard.recv() => in_time(ANSWERS_WITHIN, self.note_listening(heard, &mut lives)).await,
                // Whoever was not listened to because we were away is given the time to say so.
                _ = looks.tick() => if began.elapsed() > BELIEVED { self.look().await } else { Ok(()) },
                _ = purges.tick() => self.purge(shutdown).await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the gateway's upkeep did not work, and is tried again");
            }
        }
    }

    async fn note_listening(&self, heard: Heard, lives: &mut Lives) -> kosmo_store::Result<()> {
        let Heard { bridge, life, said, at } = heard;
        let is_another = life.is_some_and(|life| lives.get(&bridge).is_some_and(|before| *before != life));
        if is_another {
            self.store.note_listening(&bridge, Listening::Begins, at).await?;
        }
        self.store.note_listening(&bridge, said, at).await?;
        lives.extend(life.map(|life| (bridge, life)));
        Ok(())
    }

    async fn look(&self) -> kosmo_store::Result<()> {
        for bridge in in_time(ANSWERS_WITHIN, self.store.note_silence(self.clock.now())).await? {
            tracing::warn!(bridge.id = %bridge, "a bridge is not heard of any more: texts may be missing");
        }
        Ok(())
    }

    async fn purge(&self, shutdown: &CancellationToken) -> kosmo_store::Result<()> {
        let now = self.clock.now();
        in_time(ANSWERS_WITHIN, self.store.purge_gaps(now.minus(GAPS.max(DAY)))).await?;
        let purge = || in_time(ANSWERS_WITHIN, self.store.purge_messages(&self.keep, now, ROWS_AT_ONCE));
        while purge().await?.more && !shutdown.is_cancelled() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_unix_seconds(1_780_315_200 + seconds)
    }

    #[test]
    fn a_bridge_listened_until_it_said_so() {
        let status = json!({ "v": 1, "bridge": "roof", "state": "online", "at": at(100), "uptime_s": 50, "radio": { "link": "ready", "link_s": 40 } });
        let status: Status = kosmo_contract::parse(status.to_string().as_bytes()).unwrap();
        let yes = |since, started| Listening::Yes { since: Some(at(since)), started: Some(at(started)) };
        assert_eq!(listening(&status, false, at(101)), (yes(61, 51), at(100)), "under way for a second");
        assert_eq!(listening(&status, false, at(99)), (yes(59, 49), at(99)), "its clock is ahead");
        assert_eq!(listening(&status, false, at(200)), (yes(160, 150), at(200)), "its clock is behind");
        assert_eq!(listening(&status, true, at(200)), (yes(60, 50), at(100)), "kept by the broker");
    }
}
