//! A mesh under a clock of its own, without sockets: hours of it in a moment, the same each time.

use crate::{
    Config,
    mesh::{OnAir, Shared},
    radio::server::held,
};
use kosmo_domain::{ManualClock, Timestamp, Uptime};
use std::{fmt, sync::Arc, time::Duration};

/// A mesh whose time passes when it is told to.
pub struct Rehearsal {
    shared: Shared,
    start: Timestamp,
    now: Duration,
    tally: Tally,
}

/// What came of a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Packets that nodes sent of their own.
    pub sent: u64,
    /// Transmissions that passed on what others had sent.
    pub relayed: u64,
    /// Receptions that came to nothing because others were sending.
    pub collisions: u64,
    /// What nodes had to say and did not, because the channel was busy or their airtime used up.
    pub withheld: u64,
    /// Packets that reached a radio that a bridge can attach to, counted at each of them.
    pub heard: u64,
}

impl Rehearsal {
    /// Returns a mesh as it stands at `start`.
    pub fn new(config: &Config, start: Timestamp) -> Self {
        let shared = Shared::new(config, Arc::new(ManualClock::at(start)));
        Self { shared, start, now: Duration::ZERO, tally: Tally::default() }
    }

    /// Lets time pass, and hands over each transmission when it is over.
    pub fn run(&mut self, span: Duration, mut each: impl FnMut(&OnAir)) {
        let end = self.now + span;
        let mut on_air = self.shared.on_air.subscribe();
        while let Some(due) = self.shared.next_due().filter(|due| due.0 <= end) {
            self.now = self.now.max(due.0);
            self.shared.happen(due, self.start.plus(due.0));
            while let Ok(transmission) = on_air.try_recv() {
                *(if transmission.hop == 0 { &mut self.tally.sent } else { &mut self.tally.relayed }) += 1;
                each(&transmission);
            }
        }
        self.now = end;
    }

    /// Returns what came of it so far.
    pub fn tally(&self) -> Tally {
        let core = held(&self.shared.core);
        Tally { collisions: core.collisions, withheld: core.withheld, heard: core.heard, ..self.tally }
    }

    /// Does something to a radio.
    #[cfg(test)]
    pub(crate) fn radio<T>(&self, index: usize, act: impl FnOnce(&mut crate::radio::Radio) -> T) -> T {
        self.shared.ports[index].with(act)
    }

    /// Returns how much time has passed.
    pub fn uptime(&self) -> Uptime {
        Uptime(self.now)
    }
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsal").field("now", &self.now).field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, relayed, collisions, withheld, heard } = self;
        write!(
            f,
            "{sent} packets sent, {relayed} relayed; {heard} reached a radio with a bridge; {collisions} receptions lost to \
             collisions, {withheld} packets withheld because the channel was busy or the law's airtime spent"
        )
    }
}
