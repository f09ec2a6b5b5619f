//! Places that people mark for others: a meeting point, a spring, a road that is closed.

use crate::{
    name::{MAX_LONG_NAME, clean},
    payload::clock_time,
    proto,
};
use kosmo_domain::{NodeId, Position, Timestamp};

/// The longest description in bytes; firmware allows 99.
pub const MAX_DESCRIPTION: usize = 200;

/// A place that somebody marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Waypoint {
    /// What it is known by, so that it can be changed and taken away; 0 is none.
    pub id: u32,
    /// Where it is, if that is a place.
    pub place: Option<Position>,
    /// Until when it counts; nothing is for good. A time that is over takes it away.
    pub expires: Option<Timestamp>,
    /// The one node that may change it; nothing lets everybody.
    pub locked_to: Option<NodeId>,
    /// Its name, fit to be shown as text.
    pub name: Option<String>,
    /// What is said of it, fit to be shown as text.
    pub description: Option<String>,
    /// The one character it is drawn as.
    pub icon: Option<char>,
}

impl Waypoint {
    /// Returns what a waypoint message says.
    pub fn read(message: &proto::Waypoint) -> Self {
        let degrees = |part: Option<i32>| part.map(|part| f64::from(part) / 1e7);
        let place = degrees(message.latitude_i).zip(degrees(message.longitude_i));
        Self {
            id: message.id,
            place: place.and_then(|(latitude, longitude)| Position::new(latitude, longitude, None).ok()),
            expires: clock_time(message.expire),
            locked_to: NodeId::from_number(message.locked_to).sender().ok(),
            name: clean(&message.name, MAX_LONG_NAME),
            description: clean(&message.description, MAX_DESCRIPTION),
            icon: char::from_u32(message.icon).filter(|icon| clean(&icon.to_string(), 4).is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_what_cannot_be_is_left_out() {
        let message = proto::Waypoint {
            id: 7,
            latitude_i: Some(509_345_792),
            longitude_i: Some(69_468_160),
            expire: 1_780_315_200,
            locked_to: 0x4dbb_2002,
            name: "Spring \u{202e}".into(),
            description: "clean water".into(),
            icon: 0x1f4a7,
        };
        let place = Waypoint::read(&message);
        assert_eq!((place.id, place.icon, place.name.as_deref()), (7, Some('💧'), Some("Spring")));
        assert_eq!(place.place.map(|place| place.latitude()), Some(50.934_579_2));
        let absurd = proto::Waypoint { latitude_i: Some(i32::MAX), icon: 0x202e, locked_to: 3, expire: 0, ..message };
        let place = Waypoint::read(&absurd);
        assert_eq!((place.place, place.icon, place.locked_to, place.expires), (None, None, None, None));
    }
}
