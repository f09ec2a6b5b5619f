//! A mesh of simulated radios that speak the real protocol.
//!
//! Weather stations, people and bridge radios of one region, as firmware 2.7.26 would have them: [`Mesh::start`] offers
//! each bridge radio on a TCP port, to our bridge and to any official client. All follows from a seed: the weather, the
//! losses on the air, what is said; [`history`] is the same weather before the start.
//!
//! It is also the place to break things: radios can be cut, stalled, rebooted and garbled, and nodes made to send what
//! no sound node does ([`Trouble`]).

mod firmware;
mod ids;
mod lora;
mod mesh;
mod noise;
mod person;
mod radio;
pub mod region;
mod scenario;
pub mod weather;

pub use crate::{
    firmware::Firmware,
    mesh::{HandOver, Mesh, OnAir, Parting, PartingWay, RadioControl, Reach, Rehearsal, Shown, Tally, Trouble, history},
    person::Person,
    radio::{ONLY_CONFIG, ONLY_NODES},
    scenario::{Act, Planned, RadioAct, Scenario, ScenarioError, demonstration},
};

use kosmo_meshtastic::airtime::Modem;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// What a mesh is to be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What all chance is drawn from.
    pub seed: u64,
    /// Where the radios listen, one for each; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// How often a station sends its reading; the other messages follow at multiples. Nothing: nobody speaks unasked.
    pub interval: Option<Duration>,
    /// How often a person says something to everybody.
    pub chat_every: Option<Duration>,
    /// How many packets a radio keeps for its client.
    pub queue: usize,
    /// Whether the radios know the time of day.
    pub clock_set: bool,
    /// Whether the radios know the other nodes from the start.
    pub knows_nodes: bool,
    /// The modem preset of the mesh, by the protocol's name; one that it has no name for is taken as the default, `LONG_FAST`.
    pub preset: String,
    /// Whose habits the radios have.
    pub firmware: Firmware,
    /// Who lives here beside those that every region has: Lena, who answers, and Jörg, who does not.
    pub people: Vec<Person>,
    /// How many times faster than real ones the radios are, and the people: airtime, retransmission, rate limits, memory
    /// of duplicates, answers. What stations send when, and the weather, keep real time.
    pub speed: u32,
    /// What happens when, besides.
    pub plan: Vec<Planned>,
    /// Somebody's own mesh in the place of the built-in region. Then packets get in each other's way, nodes heed the channel and
    /// the law, and people are reached as far as the air allows. Interval, people, preset, plan and firmware are the scenario's.
    pub scenario: Option<Scenario>,
    /// Whether to keep what each radio handed over, which takes memory without bound, and what was on the air.
    pub record: bool,
}

impl Default for Config {
    /// Two radios on 127.0.0.1, ports 4403 and 4404, and values that move while one looks.
    fn default() -> Self {
        Self {
            seed: 1,
            listen: [4_403, 4_404].map(|port| (Ipv4Addr::LOCALHOST, port).into()).to_vec(),
            interval: Some(Duration::from_secs(30)),
            chat_every: Some(Duration::from_mins(10)),
            queue: 32,
            clock_set: true,
            knows_nodes: true,
            preset: "LONG_FAST".to_owned(),
            firmware: Firmware::V27,
            people: vec![Person::Off, Person::BehindRelay],
            speed: 1,
            plan: Vec::new(),
            scenario: None,
            record: false,
        }
    }
}

impl Config {
    /// Returns the configuration of a scenario whose radios listen on this port and those after it; port 0 takes free ones.
    pub fn of_scenario(scenario: Scenario, address: std::net::IpAddr, port: u16) -> Self {
        let firmware = scenario.firmware;
        let ports = (0..).take(scenario.radios()).map(|place| if port == 0 { 0 } else { port.saturating_add(place) });
        Self {
            seed: scenario.seed(),
            listen: ports.map(|port| (address, port).into()).collect(),
            interval: None,
            chat_every: scenario.chat_every,
            people: Vec::new(),
            preset: scenario.preset.clone(),
            queue: firmware.queue(),
            firmware,
            scenario: Some(scenario),
            ..Self::default()
        }
    }

    /// Returns how everybody modulates.
    pub(crate) fn modem(&self) -> Modem {
        Modem::from_preset(&self.preset).unwrap_or_else(|| Modem::from_preset("LONG_FAST").expect("the firmware's default is known"))
    }

    /// Returns the most airtime in an hour, in percent, where there is a limit.
    pub(crate) fn duty_limit(&self) -> Option<f64> {
        self.scenario.as_ref().map(|scenario| scenario.duty_pct).filter(|&percent| percent < 100.0)
    }
}
