//! The file of a scenario, and how it becomes one: everything is checked here, and refused with the field and the limit.

use crate::{
    firmware::Firmware,
    mesh::{Trouble, first_key},
    noise,
    person::Person,
    region::{self, Kind, Node, Role, Sensors},
    scenario::{Act, MAX_EVENTS, MAX_FILE, MAX_NODES, MAX_RADIOS, Member, Planned, RadioAct, Scenario},
    weather::Site,
};
use kosmo_domain::NodeId;
use kosmo_meshtastic::{airtime, node::node_of_key, outgoing::MAX_TEXT};
use serde::Deserialize;
use std::time::Duration;

/// The longest names, as the protocol has them.
const MAX_LONG_NAME: usize = 39;
const MAX_SHORT_NAME: usize = 4;
/// The longest time anything can be set to.
const LONGEST: Duration = Duration::from_hours(24 * 366);
/// The shortest interval: no firmware speaks more often by itself.
const SHORTEST_EVERY: Duration = Duration::from_secs(10);
/// Sensors are numbered from here, beyond those of the built-in region.
const SENSORS: u64 = 1_000;
const KM_PER_DEGREE: f64 = 111.2;

/// Why a file is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// It is not TOML, or has a field that there is none of.
    #[error("the scenario cannot be read: {0}")]
    Syntax(String),
    /// A field does not fit.
    #[error("{field} {what}")]
    Field {
        /// Which, with its place in the file.
        field: String,
        /// What is wrong with it, and the limit.
        what: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    about: String,
    seed: Option<u64>,
    #[serde(default = "preset")]
    preset: String,
    #[serde(default = "region_name")]
    region: String,
    duty_cycle_pct: Option<f64>,
    firmware: Option<String>,
    #[serde(default = "every")]
    every: String,
    chat_every: Option<String>,
    #[serde(default)]
    node: Vec<NodeEntry>,
    #[serde(default)]
    crowd: Vec<Crowd>,
    #[serde(default)]
    event: Vec<EventEntry>,
}

fn preset() -> String {
    "LONG_FAST".to_owned()
}

fn region_name() -> String {
    "EU_868".to_owned()
}

fn every() -> String {
    "30m".to_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Is {
    Radio,
    Station,
    Person,
    Relay,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RoleName {
    Client,
    Router,
    Mute,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are what somebody writes down, each by itself")]
struct NodeEntry {
    name: String,
    short: Option<String>,
    id: Option<String>,
    is: Is,
    at: [f64; 2],
    #[serde(default)]
    altitude_m: f64,
    role: Option<RoleName>,
    every: Option<String>,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    answers: bool,
    #[serde(default)]
    sensors: Vec<SensorName>,
    #[serde(default)]
    locked: bool,
    #[serde(default)]
    mqtt_by_client: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SensorName {
    Mast,
    Dust,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Crowd {
    count: usize,
    is: Is,
    around: [f64; 2],
    within_km: f64,
    every: Option<String>,
    #[serde(default)]
    sensors: Vec<SensorName>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventEntry {
    at: String,
    node: String,
    does: String,
    #[serde(rename = "for")]
    lasts: Option<String>,
    to: Option<String>,
    text: Option<String>,
}

fn field<T>(field: impl Into<String>, what: impl Into<String>) -> Result<T, ScenarioError> {
    Err(ScenarioError::Field { field: field.into(), what: what.into() })
}

/// What ids are made from that a scenario does not name.
#[derive(Debug, Clone, Copy)]
struct Origin {
    seed: u64,
    firmware: Firmware,
}

pub(super) fn parse(text: &str, seed: u64, firmware: Firmware) -> Result<Scenario, ScenarioError> {
    if text.len() > MAX_FILE {
        return field("the file", format!("has {} bytes, and may have {MAX_FILE}", text.len()));
    }
    let file: File = toml::from_str(text).map_err(|error| ScenarioError::Syntax(error.to_string().trim().replace('\n', " ")))?;
    if airtime::Modem::from_preset(&file.preset).is_none() {
        return field("preset", format!("is `{}`, which no modem preset is called", file.preset));
    }
    let duty_pct = file.duty_cycle_pct.unwrap_or_else(|| airtime::duty_cycle_pct(&file.region).into());
    if !(0.1..=100.0).contains(&duty_pct) {
        return field("duty_cycle_pct", format!("is {duty_pct}, and goes from 0.1 to 100"));
    }
    let every = interval("every", &file.every)?;
    let chat_every = file.chat_every.as_deref().map(|text| interval("chat_every", text)).transpose()?;
    let crowded: usize = file.crowd.iter().map(|crowd| crowd.count.min(MAX_NODES + 1)).sum();
    let total = file.node.len() + crowded;
    if !(1..=MAX_NODES).contains(&total) {
        return field("node", format!("and crowd make {total} nodes, and there may be 1 to {MAX_NODES}"));
    }
    let firmware = match &file.firmware {
        None => firmware,
        Some(name) => match Firmware::from_name(name) {
            Some(firmware) => firmware,
            None => return field("firmware", format!("is `{name}`, and is 2.7, 2.8 or 2.8-alpha")),
        },
    };
    let origin = Origin { seed: file.seed.unwrap_or(seed), firmware };
    let mut cast = Vec::with_capacity(total);
    for (index, entry) in file.node.iter().enumerate() {
        cast.push(member(origin, index, entry, every)?);
    }
    for (number, crowd) in file.crowd.iter().enumerate() {
        crowd_in(origin, number, crowd, every, &mut cast)?;
    }
    // Bridges attach to what stands first.
    cast.sort_by_key(|member| member.node.kind != Kind::Bridge);
    check_cast(&cast)?;
    if file.event.len() > MAX_EVENTS {
        return field("event", format!("is there {} times, and may be {MAX_EVENTS} times", file.event.len()));
    }
    let mut plan = Vec::new();
    for (index, event) in file.event.iter().enumerate() {
        plan.extend(planned(&format!("event {}", index + 1), event, &cast)?);
    }
    let Origin { seed, firmware } = origin;
    Ok(Scenario { about: file.about, seed, preset: file.preset, duty_pct, firmware, chat_every, cast, plan })
}

fn check_cast(cast: &[Member]) -> Result<(), ScenarioError> {
    let radios = cast.iter().filter(|member| member.node.kind == Kind::Bridge).count();
    if !(1..=MAX_RADIOS).contains(&radios) {
        return field("node", format!("has {radios} with is = \"radio\", and there may be 1 to {MAX_RADIOS}"));
    }
    for (index, member) in cast.iter().enumerate() {
        if let Some(other) = cast[..index].iter().find(|other| other.node.id == member.node.id) {
            return field("id", format!("{} is that of {} and of {}", member.node.id, other.node.long_name, member.node.long_name));
        }
        if cast[..index].iter().any(|other| other.node.long_name == member.node.long_name) {
            return field("name", format!("`{}` is there twice", member.node.long_name));
        }
    }
    Ok(())
}

fn member(origin: Origin, index: usize, entry: &NodeEntry, every: Duration) -> Result<Member, ScenarioError> {
    let place = format!("node {} (`{}`)", index + 1, entry.name.chars().take(MAX_LONG_NAME).collect::<String>());
    if entry.name.is_empty() || entry.name.len() > MAX_LONG_NAME {
        return field(place, format!("has a name of {} bytes, and it may have 1 to {MAX_LONG_NAME}", entry.name.len()));
    }
    let short_name = entry.short.clone().unwrap_or_else(|| region::short(&entry.name.to_uppercase()));
    if short_name.is_empty() || short_name.len() > MAX_SHORT_NAME {
        return field(place, format!("has a short name of {} bytes, and it may have 1 to {MAX_SHORT_NAME}", short_name.len()));
    }
    let [latitude, longitude] = entry.at;
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return field(place, "stands outside the earth: `at` is [degrees north, degrees east]");
    }
    if !(-500.0..=9_000.0).contains(&entry.altitude_m) {
        return field(place, "has an altitude_m that goes from -500 to 9000");
    }
    let id = match &entry.id {
        Some(text) => match text.parse::<NodeId>().ok().filter(|id| id.sender().is_ok()) {
            Some(id) => id,
            None => return field(place, "has an id that is none of a node, like `!a1b2c3d4`"),
        },
        None => origin.id(index as u64),
    };
    let every = match (&entry.every, entry.silent) {
        (_, true) => None,
        (Some(text), false) => Some(interval(&format!("{place}: every"), text)?),
        (None, false) => Some(every),
    };
    let kind = match entry.is {
        Is::Radio => Kind::Bridge,
        Is::Station => Kind::Station(sensors(&entry.sensors)),
        Is::Person => Kind::Person(if entry.answers { Person::Answers } else { Person::Silent }),
        Is::Relay => Kind::Relay,
    };
    let role = match (entry.role, entry.is) {
        (Some(RoleName::Client), _) | (None, Is::Radio | Is::Station | Is::Person) => Role::Client,
        (Some(RoleName::Router), _) | (None, Is::Relay) => Role::Router,
        (Some(RoleName::Mute), _) => Role::Mute,
    };
    if entry.is != Is::Radio && (entry.locked || entry.mqtt_by_client) {
        return field(place, "is no radio, which alone can be locked or have mqtt_by_client");
    }
    let site = Site { latitude, longitude, altitude_m: entry.altitude_m, exposure: 1.0, town: 0.2, sensor: SENSORS + index as u64 };
    let node = Node { id, long_name: entry.name.clone(), short_name, site, kind, role, resets: 0 };
    Ok(Member { node, every, locked: entry.locked, mqtt_by_client: entry.mqtt_by_client })
}

fn crowd_in(origin: Origin, number: usize, crowd: &Crowd, every: Duration, cast: &mut Vec<Member>) -> Result<(), ScenarioError> {
    let place = format!("crowd {}", number + 1);
    let [north, east] = crowd.around;
    if !(-80.0..=80.0).contains(&north) || !(-180.0..=180.0).contains(&east) || !(0.0..=500.0).contains(&crowd.within_km) {
        return field(place, "stands `around` [degrees north, at most 80, degrees east] and `within_km` 0 to 500");
    }
    if crowd.is == Is::Radio {
        return field(place, "cannot be of radios: name each of them as a node");
    }
    let every = crowd.every.as_deref().map_or(Ok(every), |text| interval(&format!("{place}: every"), text))?;
    for _ in 0..crowd.count {
        let index = cast.len();
        let draw = |what| noise::unit(origin.seed, &[0xc0, number as u64, index as u64, what]);
        // The root spreads them evenly over the disc.
        let (distance, angle) = (crowd.within_km * draw(0).sqrt(), draw(1) * std::f64::consts::TAU);
        let latitude = north + distance * angle.cos() / KM_PER_DEGREE;
        let longitude = east + distance * angle.sin() / (KM_PER_DEGREE * north.to_radians().cos());
        let entry = NodeEntry {
            name: format!("Node {}", index + 1),
            short: Some(format!("{:04}", index + 1)),
            id: None,
            is: crowd.is,
            at: [latitude, longitude.clamp(-180.0, 180.0)],
            altitude_m: (200.0 + 300.0 * draw(2)).round(),
            role: None,
            every: None,
            silent: false,
            answers: false,
            sensors: crowd.sensors.clone(),
            locked: false,
            mqtt_by_client: false,
        };
        cast.push(member(origin, index, &entry, every)?);
    }
    Ok(())
}

fn sensors(names: &[SensorName]) -> Sensors {
    Sensors { mast: names.contains(&SensorName::Mast), dust: names.contains(&SensorName::Dust) }
}

impl Origin {
    /// Returns the id of a node that is given none: by chance, or by its key where firmware numbers nodes so.
    fn id(self, index: u64) -> NodeId {
        if self.firmware.is_28() {
            return node_of_key(&first_key(self.seed, SENSORS + index));
        }
        let mut numbers = (0..).map(|attempt| noise::hash32(self.seed, &[0x1d, SENSORS + index, attempt]));
        NodeId::from_number(numbers.find(|&number| number > 0xffff && number != u32::MAX).unwrap_or(0x1000_0000))
    }
}

fn planned(place: &str, event: &EventEntry, cast: &[Member]) -> Result<Vec<Planned>, ScenarioError> {
    let at = duration(&format!("{place}: at"), &event.at)?;
    let find = |what: &str, name: &str| {
        let found = cast.iter().find(|member| member.node.long_name == name || member.node.short_name == name);
        found
            .map_or_else(|| field(format!("{place}: {what}"), format!("is `{name}`, and no node has that name")), |member| Ok(&member.node))
    };
    let node = find("node", &event.node)?;
    let to = match event.to.as_deref() {
        None | Some("everybody") => NodeId::BROADCAST,
        Some(name) => find("to", name)?.id,
    };
    let (act, undo) = match event.does.as_str() {
        "says" => {
            let text = event.text.clone().unwrap_or_default();
            if text.is_empty() || text.len() > MAX_TEXT {
                return field(format!("{place}: text"), format!("has {} bytes, and may have 1 to {MAX_TEXT}", text.len()));
            }
            (Act::Say { to, text }, None)
        }
        "traces" if !to.is_broadcast() => (Act::Trace { to }, None),
        "traces" => return field(format!("{place}: to"), "is missing: to whom the way is asked for"),
        "goes off" => (Act::Switch { off: true }, Some(Act::Switch { off: false })),
        "comes back" => (Act::Switch { off: false }, None),
        "changes its key" => (Act::NewKey, None),
        "is updated" => (Act::Update, None),
        other => match (radio_act(other), trouble(other)) {
            (Some(_), _) if node.kind != Kind::Bridge => {
                return field(format!("{place}: does"), format!("is `{other}`, which only radios do"));
            }
            (Some((act, undo)), _) => (Act::Radio(act), undo.map(Act::Radio)),
            (None, Some(trouble)) => (Act::Misbehave(trouble), None),
            (None, None) => return field(format!("{place}: does"), format!("is `{other}`; docs/simulator.md lists what there is")),
        },
    };
    let mut plan = vec![Planned { at, node: node.id, act }];
    if let Some(lasts) = &event.lasts {
        let lasts = duration(&format!("{place}: for"), lasts)?;
        let Some(undo) = undo else { return field(format!("{place}: for"), format!("says how long, and `{}` takes no time", event.does)) };
        plan.push(Planned { at: at + lasts, node: node.id, act: undo });
    }
    Ok(plan)
}

fn radio_act(name: &str) -> Option<(RadioAct, Option<RadioAct>)> {
    let lasting = |act: fn(bool) -> RadioAct| Some((act(true), Some(act(false))));
    match name {
        "reboots" => Some((RadioAct::Reboot, None)),
        "is cut off" => Some((RadioAct::Cut, None)),
        "stalls" => lasting(RadioAct::Stall),
        "is jammed" => lasting(RadioAct::Jam),
        "stops sending" => lasting(RadioAct::Disable),
        "loses statuses" => lasting(RadioAct::LoseStatuses),
        "is locked" => lasting(RadioAct::Lock),
        _ => None,
    }
}

fn trouble(name: &str) -> Option<Trouble> {
    Some(match name {
        "has no time" => Trouble::NoTime,
        "is in 1970" => Trouble::TimeOf1970,
        "is a year ahead" => Trouble::TimeAhead(Duration::from_hours(24 * 365)),
        "measures no number" => Trouble::NotANumber,
        "measures 900 degrees" => Trouble::OutOfRange,
        "has a hostile name" => Trouble::HostileName,
        "has no fix" => Trouble::NoFix,
        "sends on an unknown port" => Trouble::UnknownPort(310),
        "sends without an id" => Trouble::NoId,
        "sends garbage" => Trouble::Malformed,
        "sends no text" => Trouble::TextNotUtf8,
        "sends encrypted" => Trouble::Encrypted,
        "sends from nobody" => Trouble::FromNobody,
        _ => return None,
    })
}

fn interval(name: &str, text: &str) -> Result<Duration, ScenarioError> {
    let interval = duration(name, text)?;
    if interval < SHORTEST_EVERY {
        return field(name, format!("is {text}, and is at least {}s", SHORTEST_EVERY.as_secs()));
    }
    Ok(interval)
}

/// Reads a span like `90s`, `15m` or `2h`.
fn duration(name: &str, text: &str) -> Result<Duration, ScenarioError> {
    let unit = text.chars().last().and_then(|unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    });
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<u32>().ok());
    let span = unit.zip(number).map(|(unit, number)| Duration::from_secs(u64::from(number) * unit));
    match span.filter(|span| *span <= LONGEST) {
        Some(span) => Ok(span),
        None => field(
            name,
            format!("is `{}`, and is a whole number with s, m, h or d, a year at most", text.chars().take(20).collect::<String>()),
        ),
    }
}
