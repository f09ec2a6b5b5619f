//! What the gateway looks after beside texts: which bridges listen, who has fallen silent, and what is old enough to go.

use kosmo_contract::{BridgeState, RadioLink, Status};
use kosmo_domain::{BELIEVED, BridgeId, Clock, DAY, Listening, Timestamp};
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

/// A status of a bridge, whose sender is checked.
pub(crate) struct Heard {
    pub(crate) status: Status,
    /// Whether it is one that the broker had kept, and not one that has just come.
    pub(crate) is_kept: bool,
    /// How long it waited here: a batch that the database is slow to take holds up what came after it.
    pub(crate) waited: Duration,
    /// When its turn came.
    pub(crate) received_at: Timestamp,
}

/// Looks after all that.
pub(crate) struct Upkeep {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep: KeepMessages,
    pub(crate) heard: mpsc::Receiver<Heard>,
}

/// How long a word is under way at most, as a rule. What takes longer was held up, or said by a clock that is wrong.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// What bridges last said the time was, of those whose clocks were right then.
#[derive(Default)]
struct Clocks(HashMap<BridgeId, Timestamp>);

impl Clocks {
    /// Returns when it was that a bridge said something. What the broker has kept may be old news, what has just come may have been held
    /// up, and the bridge may have died meanwhile: it listened until it said so, not until it was heard. Whose clock was right the last
    /// time, and has not been set back since, is believed; of another clock nobody knows, and the word counts from when it came.
    fn said_at(&mut self, Heard { status, is_kept, waited, received_at }: &Heard) -> Timestamp {
        let Some(said_at) = status.at.map(|at| at.min(*received_at)) else { return *received_at };
        if *is_kept {
            return said_at;
        }
        let is_prompt = received_at.since(said_at) <= UNDER_WAY + *waited;
        let is_held_up = || self.0.get(&status.bridge).is_some_and(|last| *last <= said_at);
        if is_prompt || is_held_up() {
            self.0.insert(status.bridge.clone(), said_at);
            said_at
        } else {
            self.0.remove(&status.bridge);
            *received_at
        }
    }
}

/// Returns what a status that was said at that time says of its bridge's listening.
fn listening(Heard { status, received_at, .. }: &Heard, said_at: Timestamp) -> Listening {
    // Since when is told rather too late than too early, for what lies before that may be missing.
    let latest = if received_at.since(said_at) <= UNDER_WAY { *received_at } else { said_at };
    let ago = |seconds: u64| latest.minus(Duration::from_secs(seconds));
    let started = status.uptime_s.map(ago);
    let since = status.radio.as_ref().and_then(|radio| radio.link_s).map(ago);
    match (status.state, status.radio.as_ref().map(|radio| radio.link)) {
        // A last will has no time, and says only that the connection is gone.
        (BridgeState::Offline, _) if status.at.is_some() => Listening::Left,
        (BridgeState::Offline, _) => Listening::Silent,
        (BridgeState::Online, Some(RadioLink::Ready)) => Listening::Yes { since, started },
        (BridgeState::Online, Some(RadioLink::Connecting | RadioLink::Down) | None) => Listening::No { since, started },
    }
}

impl Upkeep {
    pub(crate) async fn run(&mut self, shutdown: &CancellationToken) {
        let began = Instant::now();
        let mut clocks = Clocks::default();
        let (mut looks, mut purges) = (tokio::time::interval(LOOK_EVERY), tokio::time::interval(PURGE_EVERY));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        purges.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                () = shutdown.cancelled() => return,
                Some(heard) = self.heard.recv() => in_time(ANSWERS_WITHIN, self.note_listening(&heard, &mut clocks)).await,
                // Whoever was not listened to because we were away is given the time to say so.
                _ = looks.tick() => if began.elapsed() > BELIEVED { self.look().await } else { Ok(()) },
                _ = purges.tick() => self.purge(shutdown).await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the gateway's upkeep did not work, and is tried again");
            }
        }
    }

    async fn note_listening(&self, heard: &Heard, clocks: &mut Clocks) -> kosmo_store::Result<()> {
        let at = clocks.said_at(heard);
        let Status { bridge, epoch, .. } = &heard.status;
        self.store.note_listening(bridge, listening(heard, at), *epoch, at).await?;
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

    fn said(second: u32, received: u32) -> Heard {
        let status = json!({ "v": 1, "bridge": "roof", "state": "online", "at": at(second), "uptime_s": 50, "radio": { "link": "ready", "link_s": 40 } });
        Heard {
            status: kosmo_contract::parse(status.to_string().as_bytes()).unwrap(),
            is_kept: false,
            waited: Duration::ZERO,
            received_at: at(received),
        }
    }

    #[test]
    fn a_bridge_listened_until_it_said_so() {
        let mut clocks = Clocks::default();
        let mut told = |heard: &Heard| {
            let said_at = clocks.said_at(heard);
            (listening(heard, said_at), said_at)
        };
        let yes = |since, started| Listening::Yes { since: Some(at(since)), started: Some(at(started)) };
        assert_eq!(told(&said(100, 200)), (yes(160, 150), at(200)), "its clock is behind, as far as is known");
        assert_eq!(told(&said(160, 260)), (yes(220, 210), at(260)), "and still is");
        let waited = Duration::from_secs(30);
        assert_eq!(told(&Heard { waited, ..said(266, 300) }), (yes(226, 216), at(266)), "it is right since, and its word waited here");
        assert_eq!(told(&said(301, 300)), (yes(260, 250), at(300)), "its clock is ahead");
        assert_eq!(told(&said(320, 321)), (yes(281, 271), at(320)), "under way for a second");
        assert_eq!(told(&said(380, 440)), (yes(340, 330), at(380)), "held up for a minute: its clock was right a minute before");
        assert_eq!(told(&said(420, 440)), (yes(380, 370), at(420)), "held up with it");
        assert_eq!(told(&said(200, 500)), (yes(460, 450), at(500)), "its clock has been set back");
        assert_eq!(told(&said(260, 560)), (yes(520, 510), at(560)), "and is behind since");
        assert_eq!(told(&Heard { is_kept: true, ..said(400, 600) }), (yes(360, 350), at(400)), "kept by the broker");
    }
}
