//! What packets carry besides telemetry: positions, routing results, routes and neighbours.

use crate::proto;
use kosmo_domain::{NodeId, Position, PositionError, Timestamp, Traceroute};

/// Returns the time a device gives in seconds since 1970, where 0 says that it knows none.
pub(crate) fn clock_time(seconds: u32) -> Option<Timestamp> {
    (seconds != 0).then(|| Timestamp::from_unix_seconds(seconds))
}

/// Where a node says it is.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionReport {
    /// The place, if the node gave one that exists.
    pub position: Option<Position>,
    /// Why a place, or only its altitude, was not taken over.
    pub refused: Option<PositionError>,
    /// When the node was there, by its own clock or its receiver's.
    pub time: Option<Timestamp>,
    /// How many leading bits of the coordinates the node left as they are, 1 to 32; 32 is exact.
    pub precision_bits: Option<u8>,
    /// How many satellites its receiver sees; nothing if it does not say.
    pub satellites: Option<u32>,
}

impl PositionReport {
    /// Returns what a position message says.
    pub fn read(message: &proto::Position) -> Self {
        let (position, refused) = match (message.latitude_i, message.longitude_i) {
            (Some(latitude), Some(longitude)) => read_place(latitude, longitude, message.altitude),
            _ => (None, None),
        };
        Self {
            position,
            refused,
            time: clock_time(message.timestamp).or_else(|| clock_time(message.time)),
            precision_bits: u8::try_from(message.precision_bits).ok().filter(|bits| (1..=32).contains(bits)),
            satellites: (message.sats_in_view != 0).then_some(message.sats_in_view),
        }
    }
}

fn read_place(latitude: i32, longitude: i32, altitude: Option<i32>) -> (Option<Position>, Option<PositionError>) {
    let [latitude, longitude] = [latitude, longitude].map(|degrees| f64::from(degrees) / 1e7);
    match Position::new(latitude, longitude, altitude.map(f64::from)) {
        Ok(position) => (Some(position), None),
        Err(PositionError::Altitude) => (Position::new(latitude, longitude, None).ok(), Some(PositionError::Altitude)),
        Err(error) => (None, Some(error)),
    }
}

/// What became of a packet, or a route being looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Routing {
    /// The outcome for the packet named by `request_id`. Who says so decides what it means: the radio itself, a relay,
    /// or the addressee.
    Outcome(RoutingError),
    /// A search for a route.
    RouteRequest(Route),
    /// A route found.
    RouteReply(Route),
}

impl Routing {
    /// Returns what a routing message says.
    ///
    /// # Errors
    /// A reason in plain words.
    pub fn read(message: &proto::Routing) -> Result<Self, &'static str> {
        use proto::routing::Variant;
        match &message.variant {
            Some(Variant::ErrorReason(code)) => Ok(Self::Outcome(RoutingError(code.cast_unsigned()))),
            Some(Variant::RouteRequest(route)) => Route::read(route).map(Self::RouteRequest),
            Some(Variant::RouteReply(route)) => Route::read(route).map(Self::RouteReply),
            None => Err("a routing message that says nothing"),
        }
    }
}

/// The firmware's `Routing.Error`; 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoutingError(pub u32);

impl RoutingError {
    /// Tells whether it is none.
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// Returns the protocol's name for it.
    pub fn name(self) -> &'static str {
        proto::routing::Error::try_from(self.0.cast_signed()).map_or("UNKNOWN", |error| error.as_str_name())
    }
}

/// The way packets took to a node and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The relays on the way there.
    pub route: Vec<NodeId>,
    /// Signal to noise in decibels at each step there; nothing where unknown.
    pub snr_towards: Vec<Option<f32>>,
    /// The relays on the way back.
    pub route_back: Vec<NodeId>,
    /// Signal to noise in decibels at each step back; nothing where unknown.
    pub snr_back: Vec<Option<f32>>,
}

impl Route {
    /// The most relays on one way; a packet has at most 7 hops.
    pub const MAX_RELAYS: usize = 16;

    /// Returns what a route discovery message says.
    ///
    /// # Errors
    /// A reason in plain words.
    pub fn read(message: &proto::RouteDiscovery) -> Result<Self, &'static str> {
        let proto::RouteDiscovery { route, snr_towards, route_back, snr_back } = message;
        let too_long = |relays: &[u32], steps: &[i32]| relays.len() > Self::MAX_RELAYS || steps.len() > Self::MAX_RELAYS + 1;
        if too_long(route, snr_towards) || too_long(route_back, snr_back) {
            return Err("a route of more hops than a packet has");
        }
        let nodes = |numbers: &[u32]| numbers.iter().copied().map(NodeId::from_number).collect();
        let decibels = |steps: &[i32]| steps.iter().copied().map(read_quarter_decibels).collect();
        Ok(Self { route: nodes(route), snr_towards: decibels(snr_towards), route_back: nodes(route_back), snr_back: decibels(snr_back) })
    }
}

impl Route {
    /// Returns the way, as it was asked for by this node.
    pub fn asked_by(&self, to: NodeId) -> Traceroute {
        let Self { route, snr_towards, route_back, snr_back } = self.clone();
        Traceroute { to, route, snr_towards_db: snr_towards, route_back, snr_back_db: snr_back }
    }
}

/// Reads quarters of a decibel in the range of a byte, whose least value says "unknown".
fn read_quarter_decibels(quarters: i32) -> Option<f32> {
    i8::try_from(quarters).ok().filter(|&quarters| quarters != i8::MIN).map(|quarters| f32::from(quarters) / 4.0)
}

/// Whom a node hears directly.
#[derive(Debug, Clone, PartialEq)]
pub struct NeighborReport {
    /// The node that hears them.
    pub node: NodeId,
    /// The neighbours.
    pub neighbors: Vec<Neighbor>,
}

/// A node heard directly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// The neighbour.
    pub node: NodeId,
    /// Signal to noise in decibels, if it is a number.
    pub snr: Option<f32>,
}

impl NeighborReport {
    /// The most neighbours in one report; firmware sends ten.
    pub const MAX_NEIGHBORS: usize = 32;

    /// Returns what a neighbour message says.
    ///
    /// # Errors
    /// A reason in plain words.
    pub fn read(message: &proto::NeighborInfo) -> Result<Self, &'static str> {
        if message.neighbors.len() > Self::MAX_NEIGHBORS {
            return Err("more neighbours than a report has");
        }
        let neighbors = message.neighbors.iter();
        let neighbors = neighbors.map(|neighbor| Neighbor {
            node: NodeId::from_number(neighbor.node_id),
            snr: Some(neighbor.snr).filter(|snr| snr.is_finite()),
        });
        Ok(Self { node: NodeId::from_number(message.node_id), neighbors: neighbors.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(coordinates: [i32; 3], place: Option<Position>, refused: Option<PositionError>) {
        let [latitude_i, longitude_i, altitude] = coordinates.map(Some);
        let report = PositionReport::read(&proto::Position { latitude_i, longitude_i, altitude, ..Default::default() });
        assert_eq!((report.position, report.refused), (place, refused));
    }

    #[test]
    fn a_place_that_cannot_be_is_none_and_its_altitude_alone_can_be_wrong() {
        let place = |altitude| Some(Position::new(50.934_579_2, 6.946_816, altitude).unwrap());
        check([509_345_792, 69_468_160, 53], place(Some(53.0)), None);
        check([509_345_792, 69_468_160, i32::MAX], place(None), Some(PositionError::Altitude));
        check([0, 0, 53], None, Some(PositionError::NoFix));
        check([i32::MIN, 0, 0], None, Some(PositionError::Latitude));
        check([0, i32::MAX, 0], None, Some(PositionError::Longitude));
    }

    #[test]
    fn a_position_without_coordinates_is_none() {
        let report = PositionReport::read(&proto::Position { precision_bits: 77, time: 5, ..Default::default() });
        assert_eq!((report.position, report.refused, report.precision_bits), (None, None, None));
        assert_eq!(report.time, Some(Timestamp::from_unix_seconds(5)));
    }

    #[test]
    fn steps_of_unknown_quality_are_none() {
        assert_eq!([30, -128, -127, 1000, 0].map(read_quarter_decibels), [Some(7.5), None, Some(-31.75), None, Some(0.0)]);
    }

    #[test]
    fn routes_and_neighbours_are_bounded() {
        assert!(Route::read(&proto::RouteDiscovery { route: vec![5; 17], ..Default::default() }).is_err());
        assert!(
            NeighborReport::read(&proto::NeighborInfo { neighbors: vec![proto::Neighbor::default(); 33], ..Default::default() }).is_err()
        );
    }
}
