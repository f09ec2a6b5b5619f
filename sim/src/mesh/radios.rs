//! The radios as they stand when the mesh starts: what they are, and whom they know.

use crate::{
    Config, Person,
    lora::Pace,
    mesh::{
        core::Core,
        station::{self, Voice},
    },
    noise,
    radio::{Identity, NodeDb, Radio, Setup, by_client},
    region::{Kind, Node},
};
use kosmo_domain::Timestamp;
use kosmo_meshtastic::proto::{self, position::LocSource};

const STREAM_RADIO: u64 = 72;

/// Returns the radios as they stand when the mesh starts.
pub(crate) fn all(config: &Config, core: &Core, now: Timestamp) -> impl Iterator<Item = Radio> {
    (0..config.listen.len()).map(move |index| radio(config, core, index, now))
}

/// Returns the first radio of a mesh, to be looked at without sockets.
#[cfg(test)]
pub(crate) fn first_radio(config: &Config, now: Timestamp) -> Radio {
    radio(config, &Core::new(config, now), 0, now)
}

/// Returns a radio that has been running for a while, or one that knows nobody yet.
fn radio(config: &Config, core: &Core, index: usize, now: Timestamp) -> Radio {
    let (node, voice) = (&core.nodes[index], &core.voice);
    let identity = Identity {
        number: node.id.number(),
        user: proto::User { is_unmessagable: Some(false), ..voice.user(node) },
        private_key: voice.private_key(node),
        position: proto::Position {
            latitude_i: Some(noise::whole(node.site.latitude * 1e7)),
            longitude_i: Some(noise::whole(node.site.longitude * 1e7)),
            altitude: Some(noise::whole(node.site.altitude_m)),
            location_source: LocSource::LocManual.into(),
            ..Default::default()
        },
    };
    let mut known = NodeDb::default();
    if config.knows_nodes {
        for (number, other) in
            core.nodes.iter().enumerate().filter(|&(number, other)| number != index && other.kind != Kind::Person(Person::NoKey))
        {
            known.know(acquaintance(voice, other, number, core.radio_time(now), now));
        }
    }
    let salt = noise::hash(core.salt, &[STREAM_RADIO, index as u64]);
    let preset = config.preset.clone();
    let member = config.scenario.as_ref().and_then(|scenario| scenario.radio(index));
    let locked = member.is_some_and(|member| member.locked);
    let setup = Setup { room: config.queue, firmware: config.firmware, pace: Pace::new(config.speed), preset, salt, locked };
    let mut radio = Radio::new(identity, voice.device(node, now), known, setup);
    radio.sending().limit(config.duty_limit());
    if member.is_some_and(|member| member.mqtt_by_client) {
        radio.have_client_carry(by_client());
    }
    radio
}

fn acquaintance(voice: &Voice, node: &Node, number: usize, last_heard: u32, now: Timestamp) -> proto::NodeInfo {
    let position = station::position(node, now);
    proto::NodeInfo {
        num: node.id.number(),
        user: Some(voice.user(node)),
        // The database keeps no more of a position than this.
        position: Some(proto::Position {
            latitude_i: position.latitude_i,
            longitude_i: position.longitude_i,
            altitude: position.altitude,
            location_source: position.location_source,
            time: last_heard,
            ..Default::default()
        }),
        snr: noise::single(noise::between(voice.seed, &[number as u64], -12.0, 9.0)),
        last_heard,
        device_metrics: Some(voice.device(node, now)),
        hops_away: Some(u32::from(node.kind != Kind::Bridge && number.is_multiple_of(3))),
        ..Default::default()
    }
}
