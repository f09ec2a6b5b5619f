//! What a node answers to who asks it by a packet: administration, and requests for what it is, where it is, how it is, and
//! how one gets to it.

use crate::radio::{Moment, Radio, admin::content, routing::routing_payload};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum,
        mesh_packet::{PayloadVariant, Priority},
        routing::Error,
        telemetry::Variant,
    },
};

/// What a node can say of itself when it is asked.
pub(crate) trait Answers {
    /// Who it is.
    fn user(&self) -> proto::User;
    /// Where it is, if it tells.
    fn position(&self) -> Option<proto::Position>;
    /// A measurement of the kind that is asked for, if it takes such.
    fn telemetry(&self, kind: Option<&Variant>) -> Option<proto::Telemetry>;
}

/// Returns the content of the answer to a request, whose route is that of the request as it arrived; nothing if it is no
/// request that this node answers.
pub(crate) fn answer(node: &impl Answers, request: &proto::Data) -> Option<proto::Data> {
    if !request.want_response {
        return None;
    }
    let payload = match PortNum::try_from(request.portnum).ok()? {
        PortNum::NodeinfoApp => node.user().encode_to_vec(),
        PortNum::PositionApp => node.position()?.encode_to_vec(),
        PortNum::TelemetryApp => {
            let asked = proto::Telemetry::decode(&request.payload[..]).ok()?;
            node.telemetry(asked.variant.as_ref())?.encode_to_vec()
        }
        PortNum::TracerouteApp if request.request_id == 0 => request.payload.clone(),
        _ => return None,
    };
    Some(proto::Data { portnum: request.portnum, payload, bitfield: Some(1), ..Default::default() })
}

/// A radio as it answers, at a moment.
struct Present<'a>(&'a Radio, Moment);

impl Answers for Present<'_> {
    fn user(&self) -> proto::User {
        self.0.identity.user.clone()
    }

    fn position(&self) -> Option<proto::Position> {
        let position = self.0.identity.position;
        position.latitude_i.is_some().then_some(proto::Position { time: self.1.stamp, precision_bits: 32, ..position })
    }

    fn telemetry(&self, kind: Option<&Variant>) -> Option<proto::Telemetry> {
        let variant = match kind {
            None | Some(Variant::DeviceMetrics(_)) => Variant::DeviceMetrics(self.0.device),
            Some(Variant::LocalStats(_)) => Variant::LocalStats(proto::LocalStats {
                uptime_seconds: self.0.device.uptime_seconds.unwrap_or(0),
                channel_utilization: self.0.device.channel_utilization.unwrap_or(0.0),
                air_util_tx: self.0.device.air_util_tx.unwrap_or(0.0),
                num_online_nodes: u32::try_from(self.0.nodes.len() + 1).unwrap_or(u32::MAX),
                num_total_nodes: u32::try_from(self.0.nodes.len() + 1).unwrap_or(u32::MAX),
                ..Default::default()
            }),
            Some(_) => return None,
        };
        Some(proto::Telemetry { time: self.1.stamp, variant: Some(variant) })
    }
}

impl Radio {
    /// Returns the answer to a packet for this radio, if it calls for one.
    pub(crate) fn respond(&mut self, packet: &proto::MeshPacket, now: Moment) -> Option<proto::MeshPacket> {
        let data = content(packet)?;
        let is_own = packet.from == self.identity.number;
        let answer = if data.portnum == i32::from(PortNum::AdminApp) {
            self.administer(packet, data, now)
        } else {
            answer(&Present(self, now), data)
        };
        // It may just have been told the time.
        let now = self.moment(now);
        // Nobody else acknowledges what the client sends to the radio itself.
        let answer = answer.or_else(|| (is_own && packet.want_ack).then(|| outcome(Error::None)))?;
        let is_outcome = answer.portnum == i32::from(PortNum::RoutingApp);
        let hops = packet.hop_start.saturating_sub(packet.hop_limit);
        let hop_limit = if is_own { self.hop_limit() } else { (hops + 2).min(self.hop_limit()) };
        let answer = proto::Data { request_id: packet.id, ..answer };
        Some(proto::MeshPacket {
            from: self.identity.number,
            to: packet.from,
            id: self.ids.next().0,
            channel: packet.channel,
            hop_limit,
            hop_start: if is_own { 0 } else { hop_limit },
            rx_time: now.stamp,
            want_ack: !is_own && packet.want_ack,
            priority: if is_outcome { Priority::Ack } else { Priority::Reliable }.into(),
            pki_encrypted: packet.pki_encrypted && !is_outcome,
            public_key: if packet.pki_encrypted && !is_outcome { self.identity.user.public_key.clone() } else { Vec::new() },
            payload_variant: Some(PayloadVariant::Decoded(answer)),
            ..Default::default()
        })
    }
}

/// Returns the content of a packet that says what became of another.
pub(crate) fn outcome(error: Error) -> proto::Data {
    proto::Data { portnum: PortNum::RoutingApp.into(), payload: routing_payload(error), ..Default::default() }
}
