//! What the radio of a [`Play`] says of what it sent, and of itself.

use crate::outbound::play::{ANA, Play, id};
use kosmo_domain::NodeId;
use kosmo_meshtastic::{Message as _, evidence::Sent, packet::Received, proto, session::QueueStatus};

impl Play {
    /// Has the radio say how much it sent in the last hour, and how busy its channel is, in percent.
    pub(super) fn report(&mut self, used: f32, channel: f32) {
        let Some(radio) = self.radio else { return };
        self.rules.report = Some((used, channel, self.elapsed));
        let device = proto::DeviceMetrics { air_util_tx: Some(used), channel_utilization: Some(channel), ..Default::default() };
        let telemetry = proto::Telemetry { time: 0, variant: Some(proto::telemetry::Variant::DeviceMetrics(device)) };
        let data = proto::Data { portnum: 67, payload: telemetry.encode_to_vec(), ..Default::default() };
        let payload_variant = Some(proto::mesh_packet::PayloadVariant::Decoded(data));
        let packet = proto::MeshPacket { from: radio.number(), to: u32::MAX, id: 9, payload_variant, ..Default::default() };
        self.queue.on_packet(&Received::read(packet, Vec::new()), self.now());
        self.drive();
    }

    /// Has the addressee confirm a text, or the radio say that a neighbour passed it on, if they can: or so it looks, over
    /// MQTT, which proves nothing.
    pub(super) fn acknowledge(&mut self, number: u8, is_real: bool) {
        let Some(sent) = self.on_air(number).filter(|sent| self.radio == Some(sent.radio)) else { return };
        if is_real {
            self.truth.get_mut(&id(number)).unwrap().acknowledged = true;
        }
        self.hear(ANA, if is_real { 1 } else { 5 }, sent, 0);
        self.drive();
    }

    pub(super) fn relay(&mut self, number: u8) {
        let Some(sent) = self.on_air(number).filter(|sent| self.radio == Some(sent.radio)) else { return };
        self.truth.get_mut(&id(number)).unwrap().relayed = true;
        self.hear(sent.radio, 2, sent, 0);
        self.drive();
    }

    /// Has the radio say that something is wrong with a packet that it sent: never before it has said whether it took it,
    /// for that is when it sends it the first time.
    pub(super) fn complain(&mut self, number: u8, code: u32) {
        if self.in_flight.is_some() {
            return;
        }
        let Some(sent) = self.on_air(number).filter(|sent| self.radio == Some(sent.radio)) else { return };
        self.hear(sent.radio, 2, sent, code);
        self.drive();
    }

    /// Has a routing packet come from the radio. `way`: 1 is LoRa, 2 the radio itself, 5 MQTT.
    pub(super) fn hear(&mut self, from: NodeId, way: i32, about: Sent, code: u32) {
        if code != 0 {
            let refused = self.truth.values_mut().filter(|truth| truth.written.iter().any(|(sent, _)| *sent == about));
            for truth in refused {
                truth.refused.insert(code);
            }
        }
        let routing = proto::Routing { variant: Some(proto::routing::Variant::ErrorReason(code.cast_signed())) };
        let data = proto::Data { portnum: 5, payload: routing.encode_to_vec(), request_id: about.packet_id.0, ..Default::default() };
        // The number of the firmware for "the radio itself" is 0 with no signal measured.
        let transport_mechanism = if way == 2 { 0 } else { way };
        let packet = proto::MeshPacket {
            from: from.number(),
            to: about.radio.number(),
            id: 7,
            transport_mechanism,
            payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)),
            ..Default::default()
        };
        self.queue.on_packet(&Received::read(packet, Vec::new()), self.now());
    }

    pub(super) fn room(&mut self, free: u32) {
        self.queue.on_queue_status(&QueueStatus { packet: None, result: 0, free, capacity: 16 }, self.now());
        self.drive();
    }
}
