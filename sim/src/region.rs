//! The region that the simulated mesh covers: Moselle, Eifel and Hunsrück, from vineyard valleys at 90 m to summits at 800 m.

use crate::{Person, noise, weather::Site};
use kosmo_domain::NodeId;

/// A node of the mesh and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// The name it gives itself.
    pub long_name: String,
    /// Its name in four bytes.
    pub short_name: String,
    /// Where it stands.
    pub site: Site,
    /// What it is.
    pub kind: Kind,
    /// What it does for others.
    pub role: Role,
    /// How often it was reset; each time it has other keys.
    pub resets: u32,
}

/// What a node does for others' packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It relays what nobody else has relayed before its turn.
    Client,
    /// It relays everything, and before others.
    Router,
    /// It relays nothing.
    Mute,
}

/// What a node is, which decides what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A solar weather station.
    Station(Sensors),
    /// A radio that a bridge attaches to.
    Bridge,
    /// A radio that a person carries.
    Person(Person),
    /// A radio that stands somewhere for others.
    Relay,
}

/// What a station measures beside temperature, humidity, pressure, gas and light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensors {
    /// Wind and rain, on a mast.
    pub mast: bool,
    /// Particulate matter.
    pub dust: bool,
}

const FULL: Kind = Kind::Station(Sensors { mast: true, dust: true });
const MAST: Kind = Kind::Station(Sensors { mast: true, dust: false });
const DUST: Kind = Kind::Station(Sensors { mast: false, dust: true });

/// Name, short name, degrees north and east, metres above the sea, exposure to wind, town, kind.
type Place = (&'static str, &'static str, f64, f64, f64, f64, f64, Kind);

/// Bridges stand first: radio 1 is the first of them.
const PLACES: [Place; 20] = [
    ("Bridge Petrisberg", "PETR", 49.7534, 6.6655, 270.0, 1.0, 0.5, Kind::Bridge),
    ("Bridge Mäuseberg", "MAUS", 50.1779, 6.8447, 561.0, 1.3, 0.0, Kind::Bridge),
    ("Bridge Idarkopf", "IDAR", 49.8572, 7.2553, 746.0, 1.5, 0.0, Kind::Bridge),
    ("Bridge Bitburg", "BITB", 49.9747, 6.5256, 330.0, 1.1, 0.4, Kind::Bridge),
    ("Lena", "LENA", 49.9159, 7.0757, 112.0, 0.5, 0.4, Kind::Person(Person::Answers)),
    ("Jörg unterwegs 📻", "JÖRG", 50.0289, 6.9900, 390.0, 0.9, 0.1, Kind::Person(Person::Silent)),
    ("Trier Weisshaus", "TRIE", 49.7651, 6.6319, 245.0, 0.9, 0.8, FULL),
    ("Konz Saarmündung", "KONZ", 49.7005, 6.5790, 132.0, 0.6, 0.5, DUST),
    ("Saarburg", "SAAR", 49.6083, 6.5527, 152.0, 0.6, 0.3, MAST),
    ("Hermeskeil", "HERM", 49.6560, 6.9450, 520.0, 1.0, 0.2, FULL),
    ("Erbeskopf", "ERBK", 49.7304, 7.0904, 806.0, 1.6, 0.0, MAST),
    ("Morbach", "MORB", 49.8120, 7.1250, 445.0, 0.9, 0.2, DUST),
    ("Bernkastel Burg Landshut", "BERN", 49.9112, 7.0795, 220.0, 0.7, 0.3, FULL),
    ("Traben Mont Royal", "TRAB", 49.9610, 7.1160, 300.0, 1.0, 0.2, MAST),
    ("Wittlich", "WITT", 49.9867, 6.8880, 172.0, 0.7, 0.5, FULL),
    ("Cochem", "COCH", 50.1460, 7.1670, 92.0, 0.5, 0.3, DUST),
    ("Daun", "DAUN", 50.1980, 6.8310, 410.0, 0.9, 0.3, FULL),
    ("Hohe Acht", "ACHT", 50.3871, 7.0125, 740.0, 1.5, 0.0, MAST),
    ("Gerolstein", "GERO", 50.2240, 6.6590, 372.0, 0.8, 0.3, FULL),
    ("Prüm Schwarzer Mann", "PRUM", 50.2440, 6.3660, 690.0, 1.4, 0.0, MAST),
];

/// Stations above this stand where their owners made them routers.
const SUMMIT_M: f64 = 600.0;

/// Kind, low bits of the id, name, short name, degrees north and east, metres above the sea. Who answers is Lena.
type Resident = (Person, u32, &'static str, &'static str, f64, f64, f64);

const PEOPLE: [Resident; 15] = [
    (Person::Silent, 0x01, "Karl", "KARL", 49.9190, 7.0690, 118.0),
    (Person::Off, 0x02, "Marie (Gerät aus)", "MARI", 49.9232, 7.0631, 140.0),
    (Person::BehindRelay, 0x03, "Nico im Tal", "NICO", 49.7790, 7.1180, 398.0),
    (Person::OffBehindRelay, 0x04, "Pia im Tal", "PIA", 49.7705, 7.1236, 405.0),
    (Person::Refuses, 0x05, "Rolf", "ROLF", 49.9602, 7.1098, 112.0),
    (Person::RefusesKey, 0x06, "Rita", "RITA", 49.9581, 7.1144, 115.0),
    (Person::LateAck, 0x07, "Sven", "SVEN", 49.9853, 6.8902, 171.0),
    (Person::LateAnswer, 0x08, "Tina", "TINA", 49.9840, 6.8851, 169.0),
    (Person::Faint, 0x09, "Uwe", "UWE", 50.0301, 6.9952, 385.0),
    (Person::AckedByAnother, 0x0a, "Vera", "VERA", 49.9099, 7.0712, 121.0),
    (Person::AckedOverMqtt, 0x0b, "Willi", "WILL", 49.9120, 7.0790, 119.0),
    (Person::AckReplayed, 0x0c, "Xaver", "XAVR", 49.9143, 7.0803, 125.0),
    (Person::EchoedOverMqtt, 0x0d, "Yara", "YARA", 49.9171, 7.0820, 131.0),
    (Person::NoKey, 0x0e, "Zoe", "ZOE", 49.9204, 7.0841, 137.0),
    (Person::Forger, 0x0f, "Fremdes Funkgerät", "XXXX", 49.8803, 6.9907, 420.0),
];

/// What the fixed ids of people have in common.
const PEOPLE_IDS: u32 = 0xc0de_5000;
/// Where the numbers of their sensors begin, beyond those of the places.
const PEOPLE_SENSORS: usize = 100;

/// The most radios that the region has sites for.
pub const MAX_RADIOS: usize = 4;

/// The person's node that examples and tests write to.
pub const LENA: NodeId = NodeId::from_number(0xa1b2_c3d4);

/// Returns the node of a kind of person, which is the same in every mesh that they are configured to live in. Whoever
/// answers is [`LENA`], who lives in all of them.
pub fn person(kind: Person) -> NodeId {
    let resident = PEOPLE.iter().find(|resident| resident.0 == kind);
    resident.map_or(LENA, |&(_, low, ..)| NodeId::from_number(PEOPLE_IDS | low))
}

/// Returns people of these kinds, each once, besides those that every region has.
pub fn people(kinds: &[Person]) -> Vec<Node> {
    let chosen = PEOPLE.iter().enumerate().filter(|(_, resident)| kinds.contains(&resident.0));
    let nodes = chosen.map(|(index, &(kind, _, long_name, short_name, latitude, longitude, altitude_m))| Node {
        id: person(kind),
        long_name: long_name.to_owned(),
        short_name: short(short_name),
        site: Site { latitude, longitude, altitude_m, exposure: 0.7, town: 0.2, sensor: (PEOPLE_SENSORS + index) as u64 },
        kind: Kind::Person(kind),
        role: Role::Client,
        resets: 0,
    });
    nodes.collect()
}

/// Returns the nodes of the region with this many bridge radios, those first; ids are drawn from the seed.
///
/// Low bytes are distinct, for the mesh names relays by them.
pub fn nodes(seed: u64, radios: usize) -> Vec<Node> {
    let mut low_bytes: Vec<u32> = [0, 0xff, LENA.number() & 0xff].into_iter().chain(PEOPLE.iter().map(|&(_, low, ..)| low)).collect();
    let mut nodes = Vec::with_capacity(PLACES.len());
    let skipped = radios.clamp(1, MAX_RADIOS)..MAX_RADIOS;
    for (index, place) in PLACES.iter().enumerate() {
        let id = if place.1 == "LENA" { LENA } else { draw_id(seed, index, &mut low_bytes) };
        if !skipped.contains(&index) {
            nodes.push(node(id, index, place));
        }
    }
    nodes
}

fn node(id: NodeId, index: usize, &(long_name, short_name, latitude, longitude, altitude_m, exposure, town, kind): &Place) -> Node {
    let site = Site { latitude, longitude, altitude_m, exposure, town, sensor: index as u64 };
    let role = if matches!(kind, Kind::Station(_)) && altitude_m > SUMMIT_M { Role::Router } else { Role::Client };
    Node { id, long_name: long_name.to_owned(), short_name: short(short_name), site, kind, role, resets: 0 }
}

fn draw_id(seed: u64, index: usize, low_bytes: &mut Vec<u32>) -> NodeId {
    let mut numbers = (0..).map(|attempt| noise::hash32(seed, &[0x1d, index as u64, attempt]));
    let fits = |number: &u32| *number > 0xffff && !low_bytes.contains(&(number & 0xff));
    let number = numbers.find(fits).expect("256 low bytes are enough for the places there are");
    low_bytes.push(number & 0xff);
    NodeId::from_number(number)
}

/// Short names have room for four bytes, however many letters that is.
pub(crate) fn short(name: &str) -> String {
    let end = (0..=4.min(name.len())).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_and_their_low_bytes_are_distinct_and_stay_when_radios_are_added() {
        let (two, four) = (nodes(1, 2), nodes(1, 4));
        assert_eq!((two.len(), four.len()), (PLACES.len() - 2, PLACES.len()));
        assert_eq!(four.iter().map(|node| node.id.number() & 0xff).collect::<BTreeSet<_>>().len(), PLACES.len());
        for node in &two {
            assert!(four.contains(node));
            assert!(node.id.sender().is_ok() && node.short_name.len() <= 4 && node.long_name.len() < 40);
        }
        assert!(two.iter().any(|node| node.id.to_string() == "!a1b2c3d4" && node.kind == Kind::Person(Person::Answers)));
        assert_eq!(two.iter().filter(|node| node.kind == Kind::Bridge).count(), 2);
    }

    #[test]
    fn people_of_each_kind_have_ids_of_their_own() {
        let people = people(&Person::ALL);
        let nodes: Vec<_> = nodes(1, 4).into_iter().chain(people.clone()).collect();
        assert_eq!(nodes.iter().map(|node| node.id.number() & 0xff).collect::<BTreeSet<_>>().len(), nodes.len());
        for kind in Person::ALL {
            assert!(nodes.iter().any(|node| (node.id, node.kind) == (person(kind), Kind::Person(kind))), "{kind:?}");
        }
        assert_eq!(people.len(), Person::ALL.len() - 1, "Lena is there already");
        assert!(people.iter().all(|node| node.id.sender().is_ok() && node.short_name.len() <= 4));
    }
}
