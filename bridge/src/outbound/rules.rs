//! What must hold of every packet that is written to a radio: whose turn it is, what the law allows, and what is polite. Held against
//! an account of its own, which is kept simpler than the queue's.

use kosmo_contract::Priority;
use kosmo_meshtastic::airtime::{Modem, duty_cycle_pct};
use std::{collections::BTreeMap, time::Duration};

/// How every radio of the play modulates.
pub(super) const MODEM: Modem = Modem::SLOWEST;
/// The bytes of every text of the play on the air.
const BYTES: usize = 44;
const HOUR: Duration = Duration::from_hours(1);

/// The account.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) region: &'static str,
    /// What the radio said on this connection of the use of its hour and of its channel, and when.
    pub(super) report: Option<(f32, f32, Duration)>,
    /// When something was written in this life.
    written: Vec<Duration>,
    /// When each member had a turn in this life.
    turns: BTreeMap<u8, usize>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { region: "US", report: None, written: Vec::new(), turns: BTreeMap::new() }
    }
}

impl Rules {
    /// Begins another life, which knows nothing of the one before but what lies on disk and what the radio tells.
    pub(super) fn forget(&mut self) {
        self.report = None;
        self.written.clear();
        self.turns.clear();
    }

    /// Notes that a packet is written while texts of these members, of these priorities, wait.
    pub(super) fn on_written(&mut self, member: u8, priority: Priority, is_repetition: bool, waiting: &[(u8, Priority)], now: Duration) {
        if !is_repetition {
            assert!(waiting.iter().all(|(_, other)| *other <= priority), "something with priority waits");
            let turn = |member: u8| self.turns.get(&member).copied();
            let rivals = waiting.iter().filter(|(_, other)| *other == priority);
            for (other, _) in rivals.filter(|(other, _)| *other != member) {
                assert!(turn(member) <= turn(*other), "another member has waited for longer");
            }
            let next = self.turns.values().max().map_or(0, |turn| turn + 1);
            self.turns.insert(member, next);
        }
        self.check_air(priority, is_repetition, now);
        self.written.push(now);
    }

    fn check_air(&self, priority: Priority, is_repetition: bool, now: Duration) {
        let airtimes = |packets: usize| MODEM.airtime(BYTES) * u32::try_from(packets).unwrap();
        let allowed = HOUR.mul_f32(duty_cycle_pct(self.region) / 100.0);
        if allowed < HOUR {
            let lately = now.saturating_sub(HOUR);
            let own = self.written.iter().filter(|at| **at > lately || lately.is_zero()).count();
            assert!(airtimes(own + 1) <= allowed, "more than the law allows in an hour");
            if let Some((used, _, at)) = self.report
                && now < at + Duration::from_mins(10)
            {
                let since = self.written.iter().filter(|written| **written > at).count();
                assert!(HOUR.mul_f32(used / 100.0) + airtimes(since + 1) <= allowed, "more than the radio has left");
            }
        }
        if let Some((_, channel, at)) = self.report
            && now < at + Duration::from_mins(3)
            && !is_repetition
        {
            let since_last = self.written.last().map(|last| now.saturating_sub(*last));
            match priority {
                Priority::Low => assert!(channel <= 25.0, "what can wait is sent on a busy channel"),
                Priority::Normal if channel > 40.0 => {
                    assert!(since_last.is_none_or(|since| since >= Duration::from_mins(1)), "too many texts on a busy channel");
                }
                Priority::Normal | Priority::High => {}
            }
        }
    }
}
