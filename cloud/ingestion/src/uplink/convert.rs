//! From what a packet says to what can be stored of it. Values that cannot be were left out when it was read.

use kosmo_domain::{Reading, Source, TimeSource, Timestamp, Trust, observed_at};
use kosmo_meshtastic::{
    envelope::MapReport,
    node::UserInfo,
    packet::{self, Received, port},
    payload::{NeighborReport, PositionReport},
    telemetry::{Telemetry, TelemetryKind},
    waypoint,
};
use kosmo_store::ingest::{Body, Neighbor, NodeReport, User, Waypoint};
use std::time::Duration;

/// What a packet is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judge {
    pub(crate) now: Timestamp,
    pub(crate) trust: Trust,
    /// How old a reading may be.
    pub(crate) oldest: Duration,
}

impl Judge {
    /// Returns what is stored of a packet: nothing, one thing, or of a map report two.
    pub(crate) fn bodies(&self, received: &Received) -> Vec<Body> {
        match &received.body {
            packet::Body::Telemetry(telemetry) => self.telemetry(received, telemetry).into_iter().collect(),
            packet::Body::User(info) => vec![self.about(received, NodeReport::User(self.user(info)), None)],
            packet::Body::Position(report) => vec![self.position(received, report)],
            packet::Body::Neighbors(report) => vec![self.neighbors(received, report)],
            packet::Body::Waypoint(place) if received.to.is_broadcast() && place.id != 0 => vec![self.waypoint(received, place)],
            packet::Body::Traceroute(route) if received.request_id.is_some() => {
                vec![self.about(received, NodeReport::Traceroute(route.asked_by(received.to)), None)]
            }
            packet::Body::Unknown if received.port == port::MAP_REPORT => self.map_report(received),
            // That its sender was heard is known all the same.
            _ => vec![Body::Text],
        }
    }

    /// A node's own clock tells when something was so, if it can be right, else the gateway's, else ours.
    fn at(&self, received: &Received, told: Option<Timestamp>) -> (Timestamp, TimeSource) {
        let observed = observed_at(told, received.rx_time, self.now, self.now);
        (observed.at, observed.source)
    }

    fn about(&self, received: &Received, report: NodeReport, told: Option<Timestamp>) -> Body {
        Body::Node { node: received.from, report, at: self.at(received, told).0 }
    }

    fn telemetry(&self, received: &Received, telemetry: &Telemetry) -> Option<Body> {
        match &telemetry.kind {
            TelemetryKind::Environment | TelemetryKind::AirQuality | TelemetryKind::Power | TelemetryKind::Device => {}
            TelemetryKind::LocalStats(stats) => {
                let is_plausible = stats.absurd_share().is_none();
                return is_plausible.then(|| self.about(received, NodeReport::RadioStats(*stats), telemetry.time));
            }
            TelemetryKind::Host(stats) => return Some(self.about(received, NodeReport::HostStats(*stats), telemetry.time)),
            TelemetryKind::TrafficManagement(stats) => {
                return Some(self.about(received, NodeReport::TrafficStats(*stats), telemetry.time));
            }
            TelemetryKind::Health(_) | TelemetryKind::Unknown => return Some(Body::Text),
        }
        let (at, time_source) = self.at(received, telemetry.time);
        if telemetry.metrics.is_empty() || at < self.now.minus(self.oldest) {
            return Some(Body::Text);
        }
        let reading = Reading { node: received.from, at, metrics: telemetry.metrics };
        Some(Body::Reading { reading, time_source, device_time: telemetry.time, trust: self.trust, source: Source::Uplink })
    }

    /// A key that somebody on another broker tells of is not taken over: it would hold up texts to a node whose key is known.
    fn user(&self, info: &UserInfo) -> User {
        User {
            long_name: info.long_name.clone(),
            short_name: info.short_name.clone(),
            hardware: Some(info.hardware.clone()),
            role: Some(info.role.clone()),
            public_key: info.public_key.filter(|_| self.trust >= Trust::Claimed),
            licensed: info.licensed,
            unmessagable: info.unmessagable.unwrap_or(false),
        }
    }

    fn position(&self, received: &Received, report: &PositionReport) -> Body {
        let Some(position) = report.position else { return Body::Text };
        self.about(received, NodeReport::Position { position, precision_bits: report.precision_bits }, report.time)
    }

    fn neighbors(&self, received: &Received, report: &NeighborReport) -> Body {
        let node = report.node.sender().unwrap_or(received.from);
        let heard = report.neighbors.iter().filter_map(|neighbor| {
            let node = neighbor.node.sender().ok()?;
            Some(Neighbor { node, snr_db: neighbor.snr? })
        });
        let report = NodeReport::Neighbors(heard.collect());
        Body::Node { node, report, at: self.at(received, None).0 }
    }

    /// What is told of here is for everybody already.
    fn waypoint(&self, received: &Received, place: &waypoint::Waypoint) -> Body {
        let place = Waypoint {
            id: place.id,
            position: place.place,
            expires_at: place.expires,
            locked_to: place.locked_to,
            name: place.name.clone(),
            description: place.description.clone(),
            icon: place.icon.map(String::from),
            channel: None,
            public: true,
        };
        self.about(received, NodeReport::Waypoint(place), None)
    }

    /// Its owner has opted in to being on maps, if not to saying where.
    fn map_report(&self, received: &Received) -> Vec<Body> {
        let Ok(report) = MapReport::read(&received.payload) else { return vec![Body::Text] };
        let mut bodies = vec![self.about(received, NodeReport::User(self.user(&report.user)), None)];
        bodies.extend(report.position.map(|position| self.position(received, &position)));
        bodies
    }
}
