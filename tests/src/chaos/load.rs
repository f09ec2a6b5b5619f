//! What happens on the mesh and at the gateway, by a seed: readings, texts, answers, and lost connections.

use super::evidence::Habit;
use crate::{Air, environment};
use kosmo_domain::{HOUR, NodeId, Timestamp};
use kosmo_meshtastic::proto::{self, mesh_packet::PayloadVariant};
use kosmo_sim::{Person, Trouble, region};
use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use std::time::Duration;
use uuid::Uuid;

/// How long it goes on before it begins anew, with other readings and texts.
pub(super) const ROUND: Duration = Duration::from_secs(8);
/// How many readings and texts there are in a round.
const READINGS: u32 = 48;
const TEXTS: u32 = 6;

/// How many texts there are besides that are posted all at once, and how many of those are taken back.
const BURST: u32 = 8;
const TAKEN_BACK: u32 = 5;

/// Who lives on the mesh besides Lena, who answers.
pub(super) const PEOPLE: [Person; 5] = [Person::Silent, Person::Faint, Person::BehindRelay, Person::Off, Person::Refuses];

/// Two members whose plans let them write to everybody.
pub(super) const MEMBERS: [(&str, &str, Uuid); 2] = [
    ("ana", "wanderer", Uuid::from_u128(0x1111_1111_1111_1111_1111_1111_1111_1111)),
    ("cleo", "sanctuary", Uuid::from_u128(0x3333_3333_3333_3333_3333_3333_3333_3333)),
];

/// Who hears a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearers {
    All,
    Radio(usize),
}

/// A reading that a station sends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) station: NodeId,
    pub(super) at: Timestamp,
    pub(super) temperature: f32,
}

/// A text that a member posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) key: String,
    pub(super) handle: &'static str,
    pub(super) member: Uuid,
    pub(super) to: NodeId,
    pub(super) habit: Habit,
    pub(super) text: String,
    /// When its writer takes it back, if that is wanted.
    pub(super) taken_back: Option<SecondThought>,
}

/// When a text is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecondThought {
    /// As soon as it is accepted.
    AtOnce,
    /// Once a bridge has it.
    Granted,
}

impl Post {
    fn new(name: String, handle: &'static str, member: Uuid, to: NodeId, habit: Habit) -> Self {
        Self { key: name.replace(' ', "-"), handle, member, to, habit, text: name, taken_back: None }
    }
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    Reading(Sent, Hearers),
    Text(Post),
    /// A station's values are no numbers.
    Nonsense(NodeId),
    /// The first radio's client is thrown out, once it has one.
    CutRadio,
    /// The bridges lose the broker, once both have it.
    CutBroker,
    /// The bridges are ended in good order.
    Leave,
    /// They are started again.
    Return,
    /// The database is killed.
    KillDatabase,
    /// It is started again.
    RestartDatabase,
}

/// How long the bridges are away in a round with an absence: what is offered in vain is offered again after fifteen seconds, and
/// what was posted late then waits for a bridge to come.
const ABSENCE: [Duration; 2] = [Duration::from_millis(1_200), Duration::from_secs(20)];

/// Everything of one round, in the order of its times; with an absence, the bridges are away for most of the first one.
pub(super) fn round(number: u32, has_absence: bool, air: &Air, now: Timestamp, rng: &mut StdRng) -> Vec<(Duration, Act)> {
    let stations = air.stations();
    let mut acts = Vec::new();
    for index in 0..READINGS {
        // The last station is the one that talks nonsense.
        let station = stations[rng.random_range(0..stations.len() - 1)];
        // Three hours that are over and the present one; no two readings of a round have a time in common.
        let age = HOUR * rng.random_range(0..4) + Duration::from_secs(u64::from(number * READINGS + index) + 1);
        let sent = Sent { station, at: now.minus(age), temperature: f32::from(rng.random_range(-200_i16..400)) / 10.0 };
        let hearers = *[Hearers::All, Hearers::Radio(0), Hearers::Radio(0), Hearers::Radio(1)].choose(rng).expect("there are four");
        acts.push((time(rng), Act::Reading(sent, hearers)));
    }
    for index in 0..TEXTS {
        let (handle, _, member) = *MEMBERS.choose(rng).expect("there are two");
        let (to, habit) = *[
            (region::LENA, Habit::Confirms),
            (region::LENA, Habit::Confirms),
            (region::person(Person::Silent), Habit::Confirms),
            (region::person(Person::Faint), Habit::Confirms),
            (region::person(Person::BehindRelay), Habit::Confirms),
            (region::person(Person::Off), Habit::Fails),
            (region::person(Person::Refuses), Habit::Fails),
        ]
        .choose(rng)
        .expect("there are seven");
        let name = format!("text {number}.{index}");
        acts.push((time(rng), Act::Text(Post::new(name, handle, member, to, habit))));
    }
    // More at once than radios take, so that some still wait in bridges when they are taken back.
    let begin = if has_absence { ABSENCE[1] } else { Duration::ZERO } + time(rng);
    let (handle, _, member) = *MEMBERS.choose(rng).expect("there are two");
    for index in TEXTS..TEXTS + BURST {
        let post = Post::new(format!("text {number}.{index}"), handle, member, region::person(Person::Silent), Habit::Confirms);
        let taken_back = match TEXTS + BURST - index {
            1 => Some(SecondThought::AtOnce),
            left => (left <= TAKEN_BACK).then_some(SecondThought::Granted),
        };
        acts.push((begin, Act::Text(Post { taken_back, ..post })));
    }
    let nonsense = *stations.last().expect("the region has stations");
    acts.extend([0.1, 0.4, 0.7].map(|part| (ROUND.mul_f64(part), Act::Nonsense(nonsense))));
    // Once: connections that are lost again and again are waited for longer and longer, as they must be.
    if number == 0 {
        let [away, back] = ABSENCE;
        // Who is away has no connection that could be cut.
        let begin = if has_absence { back } else { Duration::ZERO };
        acts.push((begin + ROUND.mul_f64(0.3), Act::CutBroker));
        acts.push((begin + ROUND.mul_f64(0.6), Act::CutRadio));
        if has_absence {
            acts.extend([(away, Act::Leave), (back, Act::Return)]);
        }
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

/// How long a killed database is away.
const AWAY: Duration = Duration::from_millis(1_500);

/// A death of the database at any moment of a round, and its return.
pub(super) fn database_death(rng: &mut StdRng) -> [(Duration, Act); 2] {
    let at = time(rng);
    [(at, Act::KillDatabase), (at + AWAY, Act::RestartDatabase)]
}

fn time(rng: &mut StdRng) -> Duration {
    ROUND.mul_f64(rng.random_range(0.0..0.9))
}

/// Lets a station send a reading.
pub(super) fn send(air: &Air, sent: &Sent, hearers: Hearers, now: Timestamp, rng: &mut StdRng) {
    match hearers {
        Hearers::All => air.send_temperature(sent.station, sent.at, sent.temperature),
        Hearers::Radio(radio) => air.mesh.radio(radio).hear(proto::MeshPacket {
            from: sent.station.number(),
            to: NodeId::BROADCAST.number(),
            id: rng.random_range(1..=u32::MAX),
            rx_time: u32::try_from(now.as_seconds()).unwrap_or(0),
            rx_snr: 6.0,
            rx_rssi: -80,
            hop_limit: 3,
            hop_start: 3,
            transport_mechanism: proto::mesh_packet::TransportMechanism::TransportLora.into(),
            payload_variant: Some(PayloadVariant::Decoded(environment(sent.at, sent.temperature))),
            ..Default::default()
        }),
    }
}

/// Lets a station send values that are no numbers.
pub(super) fn send_nonsense(air: &Air, station: NodeId) {
    air.mesh.trouble(station, Trouble::NotANumber);
}
