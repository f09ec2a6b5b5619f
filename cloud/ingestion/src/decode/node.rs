//! What can be stored of a report on a node.

use crate::{
    decode::{Case, clocks, names, reading},
    reason::Reason,
};
use kosmo_contract::{NodeBody, NodeReport as Told, Text};
use kosmo_domain::{HealthMetrics, Position, PositionError, Timestamp};
use kosmo_store::ingest::{Body, Neighbor, NodeReport, Note, RadioStats, Traceroute, User, Waypoint};

/// Returns the report as far as it can be stored.
pub(super) fn judge(case: &mut Case<'_, NodeBody>) -> Result<Body, Note> {
    let node = case.record.body.node_id;
    node.sender().map_err(|error| Reason::ReservedNode.note("body.node_id", error.to_string()))?;
    let told = case.record.body.report.clone();
    let own_time: (Option<Timestamp>, _) = match &told {
        Told::Position { at: Some(at), .. } => (Some(*at), "body.report.at"),
        _ => (case.record.body.last_heard, "body.last_heard"),
    };
    let report = match told {
        Told::User(user) => NodeReport::User(accept_user(case, user)),
        Told::Position { latitude, longitude, altitude_m, precision_bits, .. } => {
            accept_position(case, latitude, longitude, altitude_m, precision_bits)?
        }
        Told::Device { metrics } => NodeReport::Device(reading::plausible(case, metrics, "body.report.metrics")?),
        Told::RadioStats(stats) => NodeReport::RadioStats(accept_stats(stats.into())?),
        Told::HostStats(stats) => NodeReport::HostStats(stats.into()),
        Told::TrafficStats(stats) => NodeReport::TrafficStats(stats.into()),
        Told::HealthMetrics(metrics) => NodeReport::HealthMetrics(accept_health(case, metrics)?),
        Told::Waypoint(place) => NodeReport::Waypoint(accept_waypoint(case, place)?),
        Told::Neighbors { neighbors } => NodeReport::Neighbors(
            neighbors
                .into_iter()
                .filter(|neighbor| neighbor.node_id.sender().is_ok() && neighbor.snr_db.is_finite())
                .map(|neighbor| Neighbor { node: neighbor.node_id, snr_db: neighbor.snr_db })
                .collect(),
        ),
        Told::Traceroute { to, route, snr_towards_db, route_back, snr_back_db } => NodeReport::Traceroute(Traceroute {
            to,
            route,
            snr_towards_db: finite(snr_towards_db),
            route_back,
            snr_back_db: finite(snr_back_db),
        }),
        Told::Link { snr_db, hops_away, via_mqtt } => {
            NodeReport::Link { snr_db: snr_db.filter(|snr| snr.is_finite()), hops_away, via_mqtt }
        }
    };
    let at = clocks::judge(case, own_time.0, own_time.1).at;
    Ok(Body::Node { node, report, at })
}

fn accept_user(case: &mut Case<'_, NodeBody>, user: kosmo_contract::User) -> User {
    let public_key = user.public_key.and_then(|key| match <[u8; 32]>::try_from(key.as_bytes()) {
        Ok(key) if key != [0; 32] => Some(key),
        _ => {
            case.refuse(Reason::InvalidKey, "body.report.public_key", "a public key has 32 bytes that are not all zero");
            None
        }
    });
    User {
        long_name: accept_name(case, user.long_name, "long_name"),
        short_name: accept_name(case, user.short_name, "short_name"),
        hardware: accept_name(case, user.hardware, "hardware"),
        role: accept_name(case, user.role, "role"),
        public_key,
        licensed: user.licensed,
        unmessagable: user.unmessagable,
    }
}

fn accept_name<const MAX: usize>(case: &mut Case<'_, NodeBody>, name: Option<Text<MAX>>, field: &str) -> Option<String> {
    let name = name?;
    let seen = names::printable(&name);
    if seen.as_deref().unwrap_or_default() != name.trim() {
        case.refuse(Reason::Unprintable, format!("body.report.{field}"), "characters that cannot be seen were taken out");
    }
    seen
}

fn accept_position(
    case: &mut Case<'_, NodeBody>,
    latitude: f64,
    longitude: f64,
    altitude_m: Option<f64>,
    precision_bits: Option<u8>,
) -> Result<NodeReport, Note> {
    let place = match Position::new(latitude, longitude, altitude_m) {
        Err(error @ PositionError::Altitude) => {
            case.refuse(Reason::OutOfRange, "body.report.altitude_m", error.to_string());
            Position::new(latitude, longitude, None)
        }
        place => place,
    };
    let position = place.map_err(|error| match error {
        PositionError::NoFix => Reason::NoFix.note("body.report", error.to_string()),
        PositionError::Latitude => Reason::InvalidPosition.note("body.report.latitude", error.to_string()),
        PositionError::Longitude => Reason::InvalidPosition.note("body.report.longitude", error.to_string()),
        PositionError::Altitude => Reason::InvalidPosition.note("body.report.altitude_m", error.to_string()),
    })?;
    Ok(NodeReport::Position { position, precision_bits: precision_bits.filter(|&bits| bits <= 32) })
}

fn accept_stats(stats: RadioStats) -> Result<RadioStats, Note> {
    match stats.absurd_share() {
        Some((name, share)) => Err(Reason::OutOfRange.note(format!("body.report.{name}"), format!("{share} is no share of the time"))),
        None => Ok(stats),
    }
}

fn accept_health(case: &mut Case<'_, NodeBody>, told: kosmo_contract::HealthMetrics) -> Result<HealthMetrics, Note> {
    let (kept, absurd) = HealthMetrics::from(told).plausible();
    for name in absurd {
        // What it was is nobody's business, least of all a log's.
        case.refuse(Reason::OutOfRange, format!("body.report.{name}"), "no living body has that");
    }
    if kept.is_empty() { Err(Reason::NoValues.note("body.report", "nothing was measured that can be")) } else { Ok(kept) }
}

/// A place that is none takes nothing away: that is said by leaving it out.
fn accept_waypoint(case: &mut Case<'_, NodeBody>, told: kosmo_contract::Waypoint) -> Result<Waypoint, Note> {
    let place = told.latitude.zip(told.longitude).map(|(latitude, longitude)| Position::new(latitude, longitude, None));
    let position = place.transpose().map_err(|error| Reason::InvalidPosition.note("body.report.latitude", error.to_string()))?;
    Ok(Waypoint {
        id: told.waypoint_id,
        position,
        expires_at: told.expires_at,
        locked_to: told.locked_to.filter(|node| node.sender().is_ok()),
        name: accept_name(case, told.name, "name"),
        description: accept_name(case, told.description, "description"),
        icon: told.icon.as_deref().and_then(names::printable),
        channel: told.channel.map(|channel| (channel.name.to_string(), channel.hash)),
        public: told.public,
    })
}

fn finite(steps: Vec<Option<f32>>) -> Vec<Option<f32>> {
    steps.into_iter().map(|snr| snr.filter(|snr| snr.is_finite())).collect()
}
