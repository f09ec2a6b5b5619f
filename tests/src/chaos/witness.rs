//! What the simulator saw, as the checker wants it.

use super::{
    evidence::{HeardReading, HeardText, SentText, Surety, TakenBack, Truth},
    load::{Post, Sent},
};
use crate::{Air, air::measured_at};
use kosmo_domain::{NodeId, PacketId, Timestamp};
use kosmo_meshtastic::{Message as _, outgoing::packet_id, proto};
use kosmo_sim::{HandOver, PartingWay};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;

const TEXT: u32 = 1;
const ROUTING: u32 = 5;
/// The attempts that are looked for on the air.
const ATTEMPTS: u8 = 8;
/// For how long before its connection broke a bridge may have had something in memory alone, or had yet to read it: it gathers for
/// 50 ms, and a busy disk takes its time.
const EXPOSURE: Duration = Duration::from_secs(5);

/// A bridge that died.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fallen {
    /// Its radio.
    pub(super) radio: usize,
    /// When.
    pub(super) at: Timestamp,
    /// How much the radio had handed over by then.
    pub(super) handed_over: usize,
}

/// What was done to the system, besides what the radios recorded.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) readings: Vec<Sent>,
    pub(super) accepted: BTreeMap<Uuid, Post>,
    /// What came of taking texts back.
    pub(super) taken_back: BTreeMap<Uuid, TakenBack>,
    pub(super) fallen: Vec<Fallen>,
    /// The names of the bridges, by radio.
    pub(super) names: Vec<&'static str>,
    /// When the cloud was first seen to know that a bridge listens, by the bridge's name.
    pub(super) told: BTreeMap<&'static str, Timestamp>,
}

impl Notes {
    /// Tells whether the cloud knew before this bridge died that it listens. Of the time before that, nothing is known, and no gap
    /// tells of it.
    fn had_told(&self, fallen: &Fallen) -> bool {
        self.told.get(self.names[fallen.radio]).is_some_and(|told| *told < fallen.at)
    }
}

/// Returns the truth.
pub(super) fn truth(air: &Air, radios: usize, notes: &Notes) -> Truth {
    let handed_over: Vec<_> = (0..radios).map(|radio| (air.mesh.radio(radio).node(), air.mesh.radio(radio).handed_over())).collect();
    // By what the radios themselves saw of the ends of connections. Whoever takes leave has heard everything by then.
    let ends: Vec<BTreeMap<_, _>> = (0..radios)
        .map(|radio| {
            let partings = air.mesh.radio(radio).partings();
            partings.into_iter().filter(|end| end.how != PartingWay::Farewell).map(|end| (end.connection, end.at)).collect()
        })
        .collect();
    let surety = |radio: usize, hand_over: &HandOver| {
        let end = ends[radio].get(&hand_over.connection);
        if end.is_some_and(|end| hand_over.at >= end.minus(EXPOSURE)) { Surety::Perhaps } else { Surety::Surely }
    };
    Truth {
        readings: readings(&handed_over, notes, surety),
        texts: texts(air, &handed_over, notes, surety),
        answers: answers(&handed_over, notes, surety),
        death: notes.fallen.iter().find(|fallen| notes.had_told(fallen)).map(|one| (notes.names[one.radio].to_owned(), one.at)),
    }
}

type HandedOver = [(NodeId, Vec<HandOver>)];
/// By node and time: how sure a reading is, and which packets of which radios it was in.
type Heard = BTreeMap<(NodeId, i64), (Surety, Vec<(usize, usize)>)>;

fn readings(radios: &HandedOver, notes: &Notes, surety: impl Fn(usize, &HandOver) -> Surety) -> Vec<HeardReading> {
    let mut heard = Heard::new();
    for (radio, (_, packets)) in radios.iter().enumerate() {
        for (index, packet) in packets.iter().enumerate() {
            let Some(at) = measured_at(packet) else { continue };
            let (known, places) = heard.entry((packet.from, i64::from(at))).or_insert((Surety::Never, Vec::new()));
            *known = surety(radio, packet).max(*known);
            places.push((radio, index));
        }
    }
    let died = notes.fallen.first();
    let readings = notes.readings.iter().map(|sent| {
        let (surety, places) = heard.get(&(sent.station, sent.at.as_seconds())).cloned().unwrap_or((Surety::Never, Vec::new()));
        let place = match (places.as_slice(), died) {
            (&[(radio, index)], Some(death)) if radio == death.radio && index < death.handed_over => Some(index),
            _ => None,
        };
        HeardReading { station: sent.station, at: sent.at, temperature: f64::from(sent.temperature), surety, place }
    });
    readings.collect()
}

fn texts(air: &Air, radios: &HandedOver, notes: &Notes, surety: impl Fn(usize, &HandOver) -> Surety) -> Vec<SentText> {
    let on_air: BTreeSet<_> = air
        .mesh
        .air_log()
        .into_iter()
        .filter(|heard| heard.port == TEXT && heard.sender == heard.from && radios.iter().any(|(node, _)| *node == heard.from))
        .map(|heard| (heard.from, heard.id.0))
        .collect();
    let mut texts = Vec::new();
    for (&id, post) in &notes.accepted {
        let ids: BTreeSet<_> = (0..ATTEMPTS).map(|attempt| packet_id(id.as_u128(), attempt)).collect();
        let words = format!("{}: {}", post.handle, post.text);
        let (mut confirmed, mut refused) = (Surety::Never, Surety::Never);
        for (radio, (node, packets)) in radios.iter().enumerate() {
            for packet in packets {
                match said(packet, &ids) {
                    Some(Said::Yes) if packet.from == post.to => confirmed = surety(radio, packet).max(confirmed),
                    Some(Said::No) if packet.from == post.to || packet.from == *node => refused = surety(radio, packet).max(refused),
                    Some(Said::Yes | Said::No) | None => {}
                }
            }
        }
        texts.push(SentText {
            id,
            member: post.member,
            habit: post.habit,
            packets: on_air.iter().filter(|(_, packet)| ids.contains(&PacketId(*packet))).copied().collect(),
            shown: air.mesh.shown(post.to).iter().filter(|shown| shown.text == words).count(),
            confirmed,
            refused,
            taken_back: notes.taken_back.get(&id).copied(),
        });
    }
    texts
}

enum Said {
    Yes,
    No,
}

/// Returns what a packet says of one of these.
fn said(packet: &HandOver, ids: &BTreeSet<PacketId>) -> Option<Said> {
    let data = data(packet)?;
    match packet.port {
        ROUTING if ids.contains(&PacketId(data.request_id)) => {
            let routing = proto::Routing::decode(&*data.payload).ok()?;
            match routing.variant {
                Some(proto::routing::Variant::ErrorReason(0)) => Some(Said::Yes),
                Some(proto::routing::Variant::ErrorReason(_)) => Some(Said::No),
                _ => None,
            }
        }
        TEXT if ids.contains(&PacketId(data.reply_id)) => Some(Said::Yes),
        _ => None,
    }
}

fn answers(radios: &HandedOver, notes: &Notes, surety: impl Fn(usize, &HandOver) -> Surety) -> Vec<HeardText> {
    let mut bearers = BTreeMap::new();
    for id in notes.accepted.keys() {
        bearers.extend((0..ATTEMPTS).map(|attempt| (packet_id(id.as_u128(), attempt).0, *id)));
    }
    let mut answers: BTreeMap<(NodeId, u32), HeardText> = BTreeMap::new();
    for (radio, (_, packets)) in radios.iter().enumerate() {
        for packet in packets.iter().filter(|packet| packet.port == TEXT) {
            let Some(data) = data(packet) else { continue };
            let answer = HeardText {
                from: packet.from,
                packet: packet.id.0,
                answers: bearers.get(&data.reply_id).copied(),
                surety: surety(radio, packet),
            };
            let known = answers.entry((answer.from, answer.packet)).or_insert_with(|| answer.clone());
            known.surety = known.surety.max(answer.surety);
        }
    }
    answers.into_values().collect()
}

fn data(packet: &HandOver) -> Option<&proto::Data> {
    match &packet.packet.payload_variant {
        Some(proto::mesh_packet::PayloadVariant::Decoded(data)) => Some(data),
        Some(proto::mesh_packet::PayloadVariant::Encrypted(_)) | None => None,
    }
}
