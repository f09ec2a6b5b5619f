//! When bridges listened, and when they may have missed texts.
//!
//! A bridge that is only cut off from the cloud goes on listening, and what it hears comes late. A bridge without its radio,
//! or that does not run, hears nothing. Which of the two it was is often known only when it is back: it then says since when
//! it has its radio. Until then a gap says that texts may be missing, and no more.

use crate::{Epoch, Timestamp};
use std::time::Duration;

/// By how much what bridges say of spans of time may be off, for they say it in whole seconds.
const SLACK: Duration = Duration::from_secs(2);
/// How long what a bridge says is believed: it says so every minute, and one message may be late.
pub const BELIEVED: Duration = Duration::from_mins(3);

/// Why a bridge may not have listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// It had no connection to its radio.
    Radio,
    /// It did not run.
    Stopped,
    /// Nobody knows: it is not heard of. It may listen all the same, and tell of it later.
    Silent,
}

/// What a bridge says of its listening, or what its silence does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listening {
    /// It has its radio.
    Yes {
        /// Since when, if it says so.
        since: Option<Timestamp>,
        /// When it began to run, if it says so.
        started: Option<Timestamp>,
    },
    /// It has no radio at present.
    No {
        /// Since when, if it says so.
        since: Option<Timestamp>,
        /// When it began to run, if it says so.
        started: Option<Timestamp>,
    },
    /// It said farewell.
    Left,
    /// It is not heard of.
    Silent,
}

/// What is known of a bridge's listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// When it listened for the first time.
    pub first_at: Timestamp,
    /// The last moment of which it is known that it listened.
    pub heard_until: Timestamp,
    /// When it said something last.
    pub told_at: Timestamp,
    /// Which run of it that was, if it said that.
    pub life: Option<Epoch>,
    /// The gap that goes on: since when, and why.
    pub open: Option<(Timestamp, GapReason)>,
}

/// What becomes of the gaps of a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapChange {
    /// One begins.
    Open(Timestamp, GapReason),
    /// The one that goes on ends, and why it was is known now.
    Close(Timestamp, GapReason),
    /// The one that goes on goes on, for a reason that is known now.
    Reason(GapReason),
    /// The one that seemed to go on was none: the bridge listened all along.
    Drop,
    /// There was one, and it is over.
    Was(Timestamp, Timestamp, GapReason),
}

impl GapReason {
    const ALL: [Self; 3] = [Self::Radio, Self::Stopped, Self::Silent];

    /// Returns the name used in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Radio => "radio",
            Self::Stopped => "stopped",
            Self::Silent => "silent",
        }
    }

    /// Returns the reason of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl Track {
    /// Returns what is known of a bridge by what a run of it says first; nothing unless it listens.
    pub fn begin(said: Listening, life: Option<Epoch>, at: Timestamp) -> Option<Self> {
        let Listening::Yes { since, .. } = said else { return None };
        Some(Self { first_at: since.unwrap_or(at).min(at), heard_until: at, told_at: at, life, open: None })
    }

    /// Takes in what a run of a bridge says, or its silence, and returns what that makes of its gaps, in order. What is older than what
    /// was said before changes nothing.
    pub fn hear(&mut self, said: Listening, life: Option<Epoch>, at: Timestamp) -> impl Iterator<Item = GapChange> + use<> {
        let mut changes = [None; 2];
        if at >= self.told_at {
            let is_another = life.is_some_and(|life| self.life.is_some_and(|before| before != life));
            changes = [if is_another { self.begins_anew(at) } else { None }, self.hear_same(said, at)];
            self.life = life.or(self.life);
        }
        changes.into_iter().flatten()
    }

    /// Another run speaks than the one that spoke before. In between the bridge did not listen, however short that was.
    fn begins_anew(&mut self, at: Timestamp) -> Option<GapChange> {
        match self.open {
            None => {
                let from = self.heard_until.min(at);
                self.open = Some((from, GapReason::Stopped));
                Some(GapChange::Open(from, GapReason::Stopped))
            }
            Some((from, GapReason::Silent)) => {
                self.open = Some((from, GapReason::Stopped));
                Some(GapChange::Reason(GapReason::Stopped))
            }
            Some((_, GapReason::Radio | GapReason::Stopped)) => None,
        }
    }

    fn hear_same(&mut self, said: Listening, at: Timestamp) -> Option<GapChange> {
        let before = self.heard_until;
        let change = match said {
            Listening::Yes { since, started } => self.listens(since, started, at),
            Listening::No { since, started } => match self.open {
                // It lost its power: from its last word on it did not run, and now it looks for its radio.
                None if started.is_some_and(|started| started > before.plus(SLACK)) => {
                    Some(GapChange::Open(before.min(at), GapReason::Stopped))
                }
                None => Some(GapChange::Open(since.unwrap_or(at).clamp(before.min(at), at), GapReason::Radio)),
                Some((_, GapReason::Radio)) => None,
                Some((_, GapReason::Stopped | GapReason::Silent)) => Some(GapChange::Reason(GapReason::Radio)),
            },
            Listening::Left if self.open.is_none() => Some(GapChange::Open(at, GapReason::Stopped)),
            Listening::Silent if self.open.is_none() => Some(GapChange::Open(before.min(at), GapReason::Silent)),
            Listening::Left | Listening::Silent => None,
        };
        if matches!(said, Listening::Yes { .. }) || matches!((said, self.open), (Listening::Left, None)) {
            self.heard_until = self.heard_until.max(at);
        }
        if said != Listening::Silent {
            self.told_at = at;
        }
        self.open = match change {
            Some(GapChange::Open(from, reason)) => Some((from, reason)),
            Some(GapChange::Reason(reason)) => self.open.map(|(from, _)| (from, reason)),
            Some(GapChange::Close(..) | GapChange::Drop) => None,
            Some(GapChange::Was(..)) | None => self.open,
        };
        change
    }

    fn listens(&self, since: Option<Timestamp>, started: Option<Timestamp>, at: Timestamp) -> Option<GapChange> {
        let restarted = |from: Timestamp| started.is_some_and(|started| started > from.plus(SLACK));
        let Some((from, reason)) = self.open else {
            let from = self.heard_until;
            let is_news = at.since(from) > BELIEVED;
            return match since {
                Some(since) if since > from.plus(SLACK) => {
                    Some(GapChange::Was(from, since.min(at), if restarted(from) { GapReason::Stopped } else { GapReason::Radio }))
                }
                None if restarted(from) => started.map(|started| GapChange::Was(from, started.min(at), GapReason::Stopped)),
                None if is_news && started.is_none() => Some(GapChange::Was(from, at, GapReason::Silent)),
                Some(_) | None => None,
            };
        };
        let known = match reason {
            GapReason::Silent if restarted(from) => GapReason::Stopped,
            GapReason::Silent if since.is_some() => GapReason::Radio,
            GapReason::Radio | GapReason::Stopped | GapReason::Silent => reason,
        };
        Some(match (reason, since) {
            (GapReason::Silent, Some(since)) if since <= from.plus(SLACK) => GapChange::Drop,
            (GapReason::Silent, None) if started.is_some() && !restarted(from) => GapChange::Drop,
            (_, Some(since)) => GapChange::Close(since.clamp(from, at.max(from)), known),
            (GapReason::Silent | GapReason::Stopped, None) if restarted(from) => {
                GapChange::Close(started.unwrap_or(at).clamp(from, at.max(from)), known)
            }
            (_, None) => GapChange::Close(at.max(from), known),
        })
    }

    /// Tells whether the bridge has not been heard of for too long.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        self.open.is_none() && now.since(self.told_at) > BELIEVED
    }
}

/// A stretch of time: from, until.
pub type Span = (Timestamp, Timestamp);

/// Returns when no bridge at all listened between `from` and `to`. Of each bridge: since when it has listened at all, until
/// when there was such a bridge, and its gaps. Before the first of them began nothing is known, and nothing is said.
pub fn silence(bridges: &[(Timestamp, Option<Timestamp>, Vec<Span>)], from: Timestamp, to: Timestamp) -> Vec<Span> {
    let Some(first) = bridges.iter().map(|(first, ..)| *first).min() else { return Vec::new() };
    let mut silent = vec![(from.max(first), to)];
    for (first, last, gaps) in bridges {
        let end = last.unwrap_or(Timestamp::MAX);
        let mut deaf = vec![(Timestamp::EPOCH, *first)];
        deaf.extend(gaps.iter().copied());
        deaf.push((end, Timestamp::MAX));
        silent = intersect(&silent, &deaf);
    }
    silent
}

fn intersect(some: &[Span], others: &[Span]) -> Vec<Span> {
    let mut both: Vec<Span> =
        some.iter().flat_map(|a| others.iter().map(move |b| (a.0.max(b.0), a.1.min(b.1)))).filter(|(from, until)| from < until).collect();
    both.sort_unstable();
    both.dedup_by(|next, last| {
        let touches = next.0 <= last.1;
        if touches {
            last.1 = last.1.max(next.1);
        }
        touches
    });
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: u32) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    fn yes(since: u32, started: u32) -> Listening {
        Listening::Yes { since: Some(at(since)), started: Some(at(started)) }
    }

    const FIRST: Epoch = Epoch::from_random(1);
    const SECOND: Epoch = Epoch::from_random(2);

    impl Track {
        /// What the run that spoke before says.
        fn hears(&mut self, said: Listening, at: Timestamp) -> Option<GapChange> {
            let changes: Vec<_> = self.hear(said, self.life, at).collect();
            assert!(changes.len() < 2, "it is the same run");
            changes.first().copied()
        }
    }

    /// A bridge that has run and listened since second 1000, and said so at 2000.
    fn listening() -> Track {
        let mut track = Track::begin(yes(1000, 1000), Some(FIRST), at(1000)).unwrap();
        assert_eq!(track.hears(yes(1000, 1000), at(2000)), None);
        track
    }

    #[test]
    fn a_bridge_that_was_only_cut_off_is_late_and_misses_nothing() {
        let mut track = listening();
        assert_eq!(track.hears(Listening::Silent, at(2030)), Some(GapChange::Open(at(2000), GapReason::Silent)));
        assert_eq!(track.hears(Listening::Silent, at(2300)), None);
        assert_eq!(track.hears(yes(1000, 1000), at(3000)), Some(GapChange::Drop));
        assert_eq!((track.open, track.heard_until), (None, at(3000)));
    }

    #[test]
    fn a_bridge_without_its_radio_has_a_gap_until_it_has_it_again() {
        let mut track = listening();
        assert_eq!(
            track.hears(Listening::No { since: Some(at(2010)), started: Some(at(1000)) }, at(2011)),
            Some(GapChange::Open(at(2010), GapReason::Radio))
        );
        assert_eq!(track.hears(Listening::No { since: Some(at(2010)), started: Some(at(1000)) }, at(2071)), None);
        assert_eq!(track.hears(Listening::Silent, at(2080)), None);
        assert_eq!(track.hears(yes(2100, 1000), at(2101)), Some(GapChange::Close(at(2100), GapReason::Radio)));
    }

    #[test]
    fn what_happened_while_nobody_looked_is_told_by_what_the_bridge_says_later() {
        assert_eq!(listening().hears(yes(2500, 1000), at(2600)), Some(GapChange::Was(at(2000), at(2500), GapReason::Radio)));
        assert_eq!(listening().hears(yes(2500, 2490), at(2600)), Some(GapChange::Was(at(2000), at(2500), GapReason::Stopped)));
        let mut cut_off = listening();
        cut_off.hears(Listening::Silent, at(2030));
        assert_eq!(cut_off.hears(yes(2500, 2490), at(2600)), Some(GapChange::Close(at(2500), GapReason::Stopped)));
    }

    #[test]
    fn a_machine_that_lost_its_power_has_a_gap_from_its_last_word_though_its_radio_comes_later_than_its_bridge() {
        let mut track = listening();
        let begins = Listening::No { since: Some(at(2090)), started: Some(at(2090)) };
        assert_eq!(track.hears(begins, at(2091)), Some(GapChange::Open(at(2000), GapReason::Stopped)));
        assert_eq!(track.hears(yes(2095, 2090), at(2096)), Some(GapChange::Close(at(2095), GapReason::Stopped)));
    }

    #[test]
    fn a_bridge_that_begins_anew_has_a_gap_from_its_last_word_however_soon_it_is_back() {
        let stopped = |until| [GapChange::Open(at(2000), GapReason::Stopped), GapChange::Close(at(until), GapReason::Stopped)];
        let mut track = listening();
        assert_eq!(track.hear(yes(2001, 2001), Some(SECOND), at(2001)).collect::<Vec<_>>(), stopped(2001));
        assert_eq!(track.hears(yes(2001, 2001), at(2002)), None, "it is known now");
        // Its radio comes later than its bridge.
        let mut track = listening();
        let begins = Listening::No { since: Some(at(2001)), started: Some(at(2001)) };
        assert_eq!(track.hear(begins, Some(SECOND), at(2001)).collect::<Vec<_>>(), [stopped(0)[0], GapChange::Reason(GapReason::Radio)]);
        assert_eq!(track.hears(yes(2002, 2001), at(2002)), Some(GapChange::Close(at(2002), GapReason::Radio)));
        // Its will has come before that.
        let mut track = listening();
        assert_eq!(track.hears(Listening::Silent, at(2001)), Some(GapChange::Open(at(2000), GapReason::Silent)));
        let changes: Vec<_> = track.hear(yes(2001, 2001), Some(SECOND), at(2002)).collect();
        assert_eq!(changes, [GapChange::Reason(GapReason::Stopped), GapChange::Close(at(2001), GapReason::Stopped)]);
        // What an earlier run said is old by now, and a run that does not say which it is may be any.
        assert_eq!(track.hear(yes(1000, 1000), Some(FIRST), at(2001)).next(), None);
        assert_eq!(track.hear(yes(2001, 2001), None, at(2003)).next(), None);
        assert_eq!(track.life, Some(SECOND));
    }

    #[test]
    fn a_farewell_is_exact_and_older_words_change_nothing() {
        let mut track = listening();
        assert_eq!(track.hears(Listening::Left, at(2020)), Some(GapChange::Open(at(2020), GapReason::Stopped)));
        assert_eq!(track.hears(yes(1000, 1000), at(2010)), None, "another replica's old news");
        assert_eq!(track.hears(yes(2050, 2045), at(2051)), Some(GapChange::Close(at(2050), GapReason::Stopped)));
    }

    #[test]
    fn a_bridge_that_says_little_is_believed_as_far_as_it_goes() {
        let bare = Listening::Yes { since: None, started: None };
        assert_eq!(listening().hears(bare, at(2100)), None);
        assert_eq!(listening().hears(bare, at(4000)), Some(GapChange::Was(at(2000), at(4000), GapReason::Silent)));
        assert_eq!(Track::begin(Listening::Silent, None, at(1)), None);
    }

    #[test]
    fn silence_is_when_nobody_listened() {
        let roof = (at(100), None, vec![(at(200), at(300)), (at(400), at(500))]);
        let cellar = (at(150), None, vec![(at(250), at(450))]);
        assert_eq!(silence(&[roof.clone(), cellar], at(0), at(1000)), [(at(250), at(300)), (at(400), at(450))]);
        assert_eq!(silence(std::slice::from_ref(&roof), at(0), at(420)), [(at(200), at(300)), (at(400), at(420))]);
        let removed = (at(100), Some(at(350)), vec![]);
        assert_eq!(silence(&[removed, roof], at(0), at(1000)), [(at(400), at(500))]);
        assert_eq!(silence(&[], at(0), at(10)), []);
    }

    proptest! {
        #[test]
        fn gaps_lie_in_the_past_and_never_overlap(words in proptest::collection::vec((0_u32..4, 0_u32..600, 0_u32..900, 0_u32..900, 0_u128..3), 1..40)) {
            let mut track = listening();
            let (mut now, mut last_end) = (2000, at(0));
            for (kind, wait, since, started, life) in words {
                now += wait;
                let said = match kind {
                    0 => Listening::Yes { since: Some(at(now - since)), started: Some(at(now - started.max(since))) },
                    1 => Listening::No { since: Some(at(now - since)), started: Some(at(now - started.max(since))) },
                    2 => Listening::Left,
                    _ => Listening::Silent,
                };
                for change in track.hear(said, (life > 0).then(|| Epoch::from_random(life)), at(now)) {
                    match change {
                        GapChange::Open(from, _) => prop_assert!(from <= at(now) && from >= last_end),
                        GapChange::Was(from, until, _) => {
                            prop_assert!(from < until && until <= at(now) && from >= last_end);
                            last_end = until;
                        }
                        GapChange::Close(until, _) => {
                            prop_assert!(until <= at(now) && until >= last_end);
                            last_end = until;
                        }
                        GapChange::Reason(_) | GapChange::Drop => {}
                    }
                }
            }
        }
    }
}
