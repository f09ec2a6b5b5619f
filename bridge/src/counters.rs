//! What a bridge counts: for Prometheus, and in its status for who has no Prometheus.

use kosmo_contract::{Queues, Text};
use kosmo_domain::{BridgeId, Stream};
use kosmo_meshtastic::session::Dropped;
use std::collections::BTreeMap;

/// How many port numbers are told apart; a mesh has a dozen, a forger has all of them.
const MAX_PORTS: usize = 10;
/// How many counters a status holds.
const MAX_IN_STATUS: usize = 64;

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident $name:literal;)*) => {
        /// Something a bridge counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Counter { $($(#[$doc])* $variant,)* }

        impl Counter {
            /// Every counter.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// Returns the name in the status and in Prometheus.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

counters! {
    /// Packets the radio handed over, each once.
    Packets "packets_received";
    /// Records that came into the spool.
    Spooled "records_spooled";
    /// Records the cloud has.
    Committed "records_committed";
    /// Records the cloud refused for good.
    Rejected "records_rejected";
    /// Publishings, repeated ones too.
    Published "records_published";
    /// Old telemetry dropped because the spool was at its cap.
    DroppedAtCap "records_dropped_at_cap";
    /// Old telemetry dropped because it was beyond its greatest age.
    DroppedAtAge "records_dropped_at_age";
    /// Telemetry lost because the spool could not be written and memory was full.
    TelemetryLost "telemetry_lost";
    /// Texts lost for the same reason.
    TextsLost "texts_lost";
    /// Attempts to write the spool that failed.
    SpoolErrors "spool_errors";
    /// Packets the radio could not decrypt.
    Encrypted "packets_encrypted";
    /// Routing answers, which concern packets of others.
    Routing "packets_routing";
    /// Questions for a route.
    TracerouteRequest "packets_traceroute_request";
    /// Packets of ports that are not read here.
    OtherPort "packets_other_port";
    /// Packets that are not what their port carries.
    Malformed "packets_malformed";
    /// Texts that are no UTF-8.
    TextNotUtf8 "texts_not_utf8";
    /// Telemetry of a part that is not taken over.
    TelemetryUnsupported "telemetry_unsupported";
    /// What sensors measured on a person's body, which is nobody else's.
    TelemetryHealth "telemetry_health";
    /// Places marked for one node alone.
    WaypointPrivate "waypoints_private";
    /// Telemetry without a value.
    TelemetryEmpty "telemetry_empty";
    /// Positions without a place on earth.
    PositionEmpty "positions_empty";
    /// Nodes and packets whose number is reserved.
    ReservedNode "nodes_reserved";
    /// What the radio's memory told again unchanged.
    Unchanged "node_reports_unchanged";
    /// Messages of the radio that break their type.
    RadioUndecodable "radio_undecodable";
    /// Times the radio's stream fell out of step.
    RadioTorn "radio_out_of_step";
    /// Handshakes done.
    Handshakes "radio_handshakes";
    /// Restarts of the radio.
    Reboots "radio_reboots";
    /// Connections to the radio that ended or did not come about.
    RadioLosses "radio_connection_losses";
    /// Lines the radio printed.
    RadioLogLines "radio_log_lines";
    /// Connections to the broker.
    BrokerConnections "broker_connections";
    /// Answers to another life of the spool.
    AcksOtherEpoch "acks_other_epoch";
    /// Answers that are none.
    AcksMalformed "acks_malformed";
    /// Answers about texts to be sent that this bridge does not know.
    AcksUnasked "acks_unasked";
    /// Offers of texts that are none, or that no radio could send.
    OffersRefused "offers_refused";
    /// Offers that a broker kept, which may be old.
    OffersRetained "offers_retained";
    /// Offers beyond the texts that may wait at once.
    OffersNoRoom "offers_without_room";
    /// Texts given to the radio, a repetition aside.
    TextsGiven "texts_given_to_radio";
    /// Texts given to the radio once more, in doubt whether it had sent them.
    TextsRepeated "texts_repeated";
    /// Nodes that the radio was told of again, because it may have forgotten them.
    ContactsAdded "contacts_added";
    /// Requests of operators that could not be followed.
    RequestsRefused "requests_refused";
    /// Questions for a route that were asked.
    RoutesAsked "routes_asked";
    /// Messages of the radio's MQTT that were published for it.
    ProxyUp "proxy_published";
    /// Messages of a broker that were handed to the radio.
    ProxyDown "proxy_handed_in";
    /// Messages either way that are not carried, because they are not the radio's, or went the other way.
    ProxyRefused "proxy_refused";
    /// Messages either way that were lost: no broker, no radio, or no room on the air.
    ProxyLost "proxy_lost";
}

/// The counts of one bridge since it started.
#[derive(Debug)]
pub(crate) struct Counters {
    bridge: String,
    counts: [u64; Counter::ALL.len()],
    ports: BTreeMap<u32, u64>,
    dropped: Dropped,
    exposure_ms: u64,
}

impl Counters {
    pub(crate) fn new(bridge: &BridgeId) -> Self {
        let (counts, ports, dropped) = ([0; Counter::ALL.len()], BTreeMap::new(), Dropped::default());
        Self { bridge: bridge.to_string(), counts, ports, dropped, exposure_ms: 0 }
    }

    pub(crate) fn add(&mut self, counter: Counter, count: u64) {
        if count > 0 {
            self.counts[counter as usize] += count;
            metrics::counter!("kosmo_bridge_events_total", "bridge" => self.bridge.clone(), "event" => counter.name()).increment(count);
        }
    }

    pub(crate) fn one(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts a packet of a port that is not read here.
    pub(crate) fn other_port(&mut self, port: u32) {
        self.one(Counter::OtherPort);
        if self.ports.len() < MAX_PORTS || self.ports.contains_key(&port) {
            *self.ports.entry(port).or_default() += 1;
            metrics::counter!("kosmo_bridge_other_port_total", "bridge" => self.bridge.clone(), "port" => port.to_string()).increment(1);
        }
    }

    /// Notes how long the oldest record of a batch was in memory alone.
    pub(crate) fn note_exposure(&mut self, span: std::time::Duration) {
        self.exposure_ms = self.exposure_ms.max(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        metrics::histogram!("kosmo_bridge_exposure_seconds", "bridge" => self.bridge.clone()).record(span.as_secs_f64());
    }

    /// Takes over what the session dropped, which counts by itself.
    pub(crate) fn note_dropped(&mut self, dropped: &Dropped) {
        self.dropped = *dropped;
        for (name, count) in by_name(dropped) {
            metrics::counter!("kosmo_bridge_radio_dropped_total", "bridge" => self.bridge.clone(), "what" => name).absolute(count);
        }
    }

    /// Shows Prometheus how much waits in the spool.
    pub(crate) fn note_depths(&self, queues: &Queues) {
        for (stream, depth) in [(Stream::Ingest, queues.ingest), (Stream::Gateway, queues.gateway)] {
            let gauge = metrics::gauge!("kosmo_bridge_spool_records", "bridge" => self.bridge.clone(), "stream" => stream.as_str());
            gauge.set(depth.waiting as f64);
        }
    }

    /// Returns everything that is not zero, by name.
    pub(crate) fn by_name(&self) -> BTreeMap<Text<64>, u64> {
        let counts = Counter::ALL.iter().map(|&counter| (counter.name().to_owned(), self.counts[counter as usize]));
        let dropped = by_name(&self.dropped).map(|(name, count)| (format!("radio_{name}"), count));
        let ports = self.ports.iter().map(|(port, &count)| (format!("packets_port_{port}"), count));
        let exposure = [("exposure_ms_max".to_owned(), self.exposure_ms)];
        let all = counts.chain(dropped).chain(exposure).chain(ports);
        all.filter(|(_, count)| *count > 0).take(MAX_IN_STATUS).map(|(name, count)| (Text::cut(&name), count)).collect()
    }
}

/// What is refused too is counted as that.
fn by_name(dropped: &Dropped) -> impl Iterator<Item = (&'static str, u64)> {
    [
        ("duplicates", dropped.duplicates),
        ("torn_frames", dropped.torn_frames),
        ("garbage_bytes", dropped.garbage_bytes),
        ("foreign_handshakes", dropped.foreign_handshakes),
        ("ignored_messages", dropped.ignored),
        ("unknown_messages", dropped.unknown),
        ("excess_nodes", dropped.excess_nodes),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_room_for_every_counter_and_a_forger_of_ports_takes_none_of_it() {
        let mut counters = Counters::new(&"roof".parse().unwrap());
        for counter in Counter::ALL {
            counters.one(counter);
        }
        for port in 0..1000 {
            counters.other_port(port);
        }
        counters.note_dropped(&Dropped {
            duplicates: 1,
            torn_frames: 1,
            garbage_bytes: 1,
            foreign_handshakes: 1,
            ignored: 1,
            unknown: 1,
            excess_nodes: 1,
            ..Dropped::default()
        });
        let counts = counters.by_name();
        assert!(counts.len() <= MAX_IN_STATUS);
        assert_eq!(counts[&Text::cut("packets_port_9")], 1);
        assert_eq!(counts[&Text::cut("packets_other_port")], 1001);
    }
}
