//! What a gateway tells the makers of public maps of itself (port 73).

use crate::{node::UserInfo, payload::PositionReport, proto};
use prost::Message;

/// What a gateway tells the makers of public maps of itself: its owner has opted in.
#[derive(Debug, Clone, PartialEq)]
pub struct MapReport {
    /// Who it says it is.
    pub user: UserInfo,
    /// Where it is, as exactly as its owner lets it say; nothing if the owner did not opt in to telling.
    pub position: Option<PositionReport>,
    /// The version of its firmware, fit to be shown.
    pub firmware: Option<String>,
    /// The protocol's name for its region.
    pub region: Option<&'static str>,
    /// The protocol's name for its modem preset.
    pub modem_preset: Option<&'static str>,
    /// Whether its first channel is the one that everybody has.
    pub has_default_channel: bool,
    /// How many nodes it has heard directly of late.
    pub nodes_online: u32,
}

/// The longest version of a firmware that is kept, in bytes.
const MAX_FIRMWARE: usize = 32;
/// The most exact position that a map report gives, in leading bits of its coordinates: 15 is some 700 m. What claims to be more exact,
/// or does not say how exact it is, is told no more exactly.
pub const MOST_EXACT: u8 = 15;

impl MapReport {
    /// Reads the payload of port 73.
    ///
    /// # Errors
    /// A reason in plain words.
    pub fn read(payload: &[u8]) -> Result<Self, &'static str> {
        let message = proto::MapReport::decode(payload).map_err(|_| "a payload that is no map report")?;
        let user = proto::User {
            long_name: message.long_name,
            short_name: message.short_name,
            hw_model: message.hw_model,
            role: message.role,
            ..proto::User::default()
        };
        let bits = message.position_precision.clamp(1, u32::from(MOST_EXACT));
        let position = message.has_opted_report_location.then(|| {
            PositionReport::read(&proto::Position {
                latitude_i: Some(message.latitude_i),
                longitude_i: Some(message.longitude_i),
                altitude: (message.altitude != 0).then_some(message.altitude),
                precision_bits: if message.position_precision == 0 { u32::from(MOST_EXACT) } else { bits },
                ..proto::Position::default()
            })
        });
        Ok(Self {
            user: UserInfo::read(&user),
            position: position.filter(|report| report.position.is_some()),
            firmware: crate::name::clean(&message.firmware_version, MAX_FIRMWARE),
            region: proto::config::lo_ra_config::RegionCode::try_from(message.region).ok().map(|region| region.as_str_name()),
            modem_preset: proto::config::lo_ra_config::ModemPreset::try_from(message.modem_preset).ok().map(|preset| preset.as_str_name()),
            has_default_channel: message.has_default_channel,
            nodes_online: message.num_online_local_nodes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(opted: bool, precision: u32) -> MapReport {
        let message = proto::MapReport {
            long_name: "Roof\u{202e}".into(),
            short_name: "RF".into(),
            latitude_i: 470_000_000,
            longitude_i: 80_000_000,
            altitude: 430,
            position_precision: precision,
            has_opted_report_location: opted,
            num_online_local_nodes: 12,
            region: 3,
            ..Default::default()
        };
        MapReport::read(&message.encode_to_vec()).unwrap()
    }

    #[test]
    fn where_a_gateway_is_counts_only_if_its_owner_opted_in_and_never_exactly() {
        assert_eq!(report(false, 14).position, None);
        assert_eq!(report(true, 14).position.unwrap().precision_bits, Some(14));
        assert_eq!(report(true, 32).position.unwrap().precision_bits, Some(MOST_EXACT));
        assert_eq!(report(true, 0).position.unwrap().precision_bits, Some(MOST_EXACT));
        let report = report(true, 14);
        assert_eq!((report.user.long_name.as_deref(), report.nodes_online, report.region), (Some("Roof"), 12, Some("EU_868")));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(MapReport::read(&[0xff; 9]).is_err());
    }
}
