//! Every point, by the crate that it lies in.

/// A process that a point can be passed in, by what runs in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A bridge.
    Bridge,
    /// Ingestion.
    Ingestion,
    /// The gateway.
    Gateway,
    /// The embedded broker, which there is on SQLite alone.
    Broker,
}

/// A point at which a process can be made to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Its name.
    pub name: &'static str,
    /// The folder of the crate that it lies in.
    pub folder: &'static str,
    /// The parts that come by it.
    pub parts: &'static [Part],
}

const BRIDGE: &[Part] = &[Part::Bridge];
const INGESTION: &[Part] = &[Part::Ingestion];
const GATEWAY: &[Part] = &[Part::Gateway];
const CLIENTS: &[Part] = &[Part::Bridge, Part::Ingestion, Part::Gateway];
const BROKER: &[Part] = &[Part::Broker];

macro_rules! points {
    ($($folder:literal => { $($name:literal $parts:ident,)* })*) => {
        /// Every point there is.
        pub const POINTS: &[Point] = &[$($(Point { name: $name, folder: $folder, parts: $parts },)*)*];
    };
}

points! {
    "bridge" => {
        "radio::connected" BRIDGE,
        "radio::lost" BRIDGE,
        "radio::read::after" BRIDGE,
        "radio::write::before" BRIDGE,
        "radio::write::within" BRIDGE,
        "radio::write::after" BRIDGE,
        "intake::push::after" BRIDGE,
        "spool::heard::before" BRIDGE,
        "spool::heard::within" BRIDGE,
        "spool::heard::after" BRIDGE,
        "spool::texts::before" BRIDGE,
        "spool::texts::within" BRIDGE,
        "spool::texts::after" BRIDGE,
        "spool::answer::before" BRIDGE,
        "spool::answer::within" BRIDGE,
        "spool::answer::after" BRIDGE,
        "uplink::publish::before" BRIDGE,
        "uplink::publish::after" BRIDGE,
        "uplink::acknowledge::before" BRIDGE,
        "uplink::acknowledge::after" BRIDGE,
        "text::offered" BRIDGE,
        "text::granted" BRIDGE,
        "text::revoked" BRIDGE,
        "text::begun" BRIDGE,
        "text::released" BRIDGE,
        "text::evidence" BRIDGE,
    }
    "common/mqtt" => {
        "mqtt::connected" CLIENTS,
        "mqtt::lost" CLIENTS,
        "mqtt::received" CLIENTS,
        "mqtt::publish::before" CLIENTS,
        "mqtt::publish::after" CLIENTS,
        "mqtt::published" CLIENTS,
        "mqtt::acknowledge::before" CLIENTS,
        "mqtt::acknowledge::after" CLIENTS,
    }
    "cloud/ingestion" => {
        "ingestion::gathered" INGESTION,
        "ingestion::committed" INGESTION,
        "ingestion::answered" INGESTION,
        "ingestion::acknowledged" INGESTION,
    }
    "cloud/gateway" => {
        "gateway::gathered" GATEWAY,
        "gateway::committed" GATEWAY,
        "gateway::answered" GATEWAY,
        "gateway::acknowledged" GATEWAY,
        "post::accepted" GATEWAY,
        "cancel::publish::before" GATEWAY,
        "offer::publish::before" GATEWAY,
        "offer::taken" GATEWAY,
    }
    "cloud/store" => {
        "ingest::commit::before" INGESTION,
        "ingest::commit::after" INGESTION,
        "rejects::written" INGESTION,
        "status::noted" INGESTION,
        "rollup::commit::before" INGESTION,
        "rollup::commit::after" INGESTION,
        "job::claimed" GATEWAY,
        "job::complete::before" GATEWAY,
        "job::complete::after" GATEWAY,
        "cancel::commit::before" GATEWAY,
        "cancel::commit::after" GATEWAY,
        "accept::commit::before" GATEWAY,
        "accept::commit::after" GATEWAY,
        "receipts::commit::before" GATEWAY,
        "receipts::commit::after" GATEWAY,
        "offers::due" GATEWAY,
        "grant::written" GATEWAY,
        "hand_over::written" GATEWAY,
        "facts::written" GATEWAY,
        "event::written" GATEWAY,
        "quota::reserved" GATEWAY,
        "quota::settled" GATEWAY,
        "inbound::written" GATEWAY,
    }
    "cloud/broker" => {
        "broker::connected" BROKER,
        "broker::taken" BROKER,
        "broker::delivered" BROKER,
    }
}
