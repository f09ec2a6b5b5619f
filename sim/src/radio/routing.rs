//! What a radio makes of packets beyond its client: checks before sending, acknowledgements both ways, and the answers
//! that the client is told as packets from the radio to itself.

use crate::radio::{
    Moment, Radio, Said,
    limits::TooSoon,
    sending::{NotQueued, Step},
    status,
};
use kosmo_domain::{NodeId, Uptime};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum,
        mesh_packet::{PayloadVariant, Priority, TransportMechanism},
        routing::Error,
    },
};

/// The most of a packet on air that is not its header.
const MAX_CONTENT: usize = 239;
/// What encryption for one node adds.
const PKI_OVERHEAD: usize = 12;
/// `QueueStatus.res` of a radio that is set not to send (`ERRNO_DISABLED`).
const DISABLED: i32 = 34;
/// How many more hops than it took a packet to come its acknowledgement may take.
const SPARE_HOPS: u32 = 2;

impl Radio {
    /// Takes a packet that the client wants to be sent.
    pub(crate) fn accept(&mut self, packet: proto::MeshPacket, now: Moment) {
        if packet.id != 0 && !self.session.is_new(packet.id) {
            return;
        }
        if self.locked && port(&packet) == i32::from(PortNum::AdminApp) {
            return;
        }
        let (id, claimed) = (packet.id, packet.from);
        if let Err(outcome) = self.session.limits.pass(port(&packet), now.at, self.pace) {
            self.tell_status(0, id);
            match outcome {
                // To whom the client said it is from: told to this radio's own number, it reaches the client.
                TooSoon::Refused => self.reject(Error::RateLimitExceeded, claimed, &packet, now),
                TooSoon::Dropped => {}
                TooSoon::Notified => self.notify(id, "TraceRoute can only be sent once every 30 seconds", now),
            }
            return;
        }
        let packet = self.normalised(packet);
        let id = packet.id;
        if packet.to == self.identity.number {
            self.tell_status(0, id);
            if let Some(answer) = self.respond(&packet, now) {
                self.queue(answer);
            }
            return;
        }
        let result = self.dispatch(packet, now);
        self.tell_status(result, id);
    }

    /// Takes in what came over the air, or back from a broker.
    pub(crate) fn overhear(&mut self, mut packet: proto::MeshPacket, now: Moment) {
        let own = self.identity.number;
        let now = self.moment(now);
        if packet.rx_time == 0 {
            packet.rx_time = now.stamp;
        }
        if packet.from == own {
            self.hear_own(&packet, now);
            return;
        }
        self.sending.delay_others(&packet);
        let for_own = packet.to == own;
        if !self.seen.is_new(packet.from, packet.id, now.at, self.pace) {
            if for_own && packet.want_ack {
                self.acknowledge(&packet, now);
            }
            return;
        }
        if for_own {
            if let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant {
                // Whoever says so: firmware does not look at the sender.
                self.sending.settle(data.request_id);
            }
            // An answer acknowledges, too.
            match self.respond(&packet, now) {
                Some(answer) => _ = self.sending.send(proto::MeshPacket { rx_time: 0, ..answer }, now.at),
                None if packet.want_ack => self.acknowledge(&packet, now),
                None => {}
            }
        }
        self.publish(&packet);
        self.hear(packet);
    }

    /// Lets time pass, and returns what goes on air.
    pub(crate) fn advance(&mut self, now: Moment) -> Vec<(Uptime, proto::MeshPacket)> {
        let mut on_air = Vec::new();
        if self.restart_if_due(now.at) {
            return on_air;
        }
        let now = self.moment(now);
        while let Some(step) = self.sending.step(now.at) {
            match step {
                Step::Transmit(at, packet) => on_air.push((at, packet)),
                Step::GiveUp(_, packet) => self.reject(Error::MaxRetransmit, self.identity.number, &packet, now),
                Step::OverLimit(_, packet) => self.reject(Error::DutyCycleLimit, self.identity.number, &packet, now),
            }
        }
        if self.told_free == 0 && self.sending.free() > 0 {
            self.tell_status(0, 0);
        }
        on_air
    }

    /// Returns when [`Radio::advance`] has something to do.
    pub(crate) fn next_due(&self) -> Option<Uptime> {
        [self.sending.next_due(), self.office.restart_at()].into_iter().flatten().min()
    }

    /// Returns a client's packet as firmware makes it its own.
    fn normalised(&mut self, packet: proto::MeshPacket) -> proto::MeshPacket {
        let id = if packet.id == 0 { self.ids.next().0 } else { packet.id };
        // Whoever wants an acknowledgement and names no hops leaves their number to the radio.
        let hop_limit = if packet.want_ack && packet.hop_limit == 0 { self.hop_limit() } else { packet.hop_limit.min(7) };
        let payload_variant = packet.payload_variant.map(|payload| match payload {
            PayloadVariant::Decoded(data) => PayloadVariant::Decoded(proto::Data { bitfield: Some(data.bitfield.unwrap_or(0)), ..data }),
            PayloadVariant::Encrypted(bytes) => PayloadVariant::Encrypted(bytes),
        });
        proto::MeshPacket {
            from: self.identity.number,
            id,
            hop_limit,
            hop_start: hop_limit,
            next_hop: 0,
            relay_node: 0,
            rx_time: 0,
            rx_snr: 0.0,
            rx_rssi: 0,
            via_mqtt: false,
            transport_mechanism: TransportMechanism::TransportInternal.into(),
            payload_variant,
            ..packet
        }
    }

    /// Sends a packet on its way, and returns what the client is told as the result.
    fn dispatch(&mut self, mut packet: proto::MeshPacket, now: Moment) -> i32 {
        let stays_here = NodeId::from_number(packet.to).is_broadcast() && packet.to != u32::MAX;
        if stays_here {
            return 0;
        }
        let own = self.identity.number;
        if self.sending.is_over_limit(now.at) {
            self.notify(packet.id, "Duty cycle limit exceeded. You can send again later.", now);
            self.reject(Error::DutyCycleLimit, own, &packet, now);
            return Error::DutyCycleLimit.into();
        }
        match self.encrypt(&mut packet) {
            Ok(()) => {
                self.publish(&packet);
                match self.sending.send(packet, now.at) {
                    // A full queue answers as if all were well, but for the places left.
                    Ok(()) | Err(NotQueued::Full) => 0,
                    Err(NotQueued::Disabled) => DISABLED,
                }
            }
            Err(error) => {
                self.reject(error, own, &packet, now);
                error.into()
            }
        }
    }

    /// Does what of encryption shows: whether there is a key, and whether the packet still fits.
    fn encrypt(&self, packet: &mut proto::MeshPacket) -> Result<(), Error> {
        let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return Ok(()) };
        let length = data.encoded_len();
        if length > MAX_CONTENT {
            return Err(Error::TooLarge);
        }
        if packet.to == u32::MAX || is_never_private(data.portnum) {
            return if self.settings.has_channel(packet.channel) { Ok(()) } else { Err(Error::NoChannel) };
        }
        if length + PKI_OVERHEAD > MAX_CONTENT {
            return Err(Error::TooLarge);
        }
        if !self.nodes.knows_key(packet.to) {
            return Err(Error::PkiSendFailPublicKey);
        }
        packet.pki_encrypted = true;
        packet.public_key.clone_from(&self.identity.user.public_key);
        Ok(())
    }

    /// Hears its own packet: somebody relays it, or a broker hands it back. The first time that counts as acknowledgement.
    fn hear_own(&mut self, packet: &proto::MeshPacket, now: Moment) {
        if !self.sending.waits_for(packet.id) {
            return;
        }
        let is_on_air = packet.transport_mechanism == i32::from(TransportMechanism::TransportLora);
        if is_on_air && packet.pki_encrypted && !self.firmware.knows_its_private_packets() {
            return;
        }
        let outcome = self.outcome(Error::None, self.identity.number, packet, now);
        // Only who was heard on the air spares it the next try.
        if is_on_air {
            self.sending.settle(packet.id);
            self.queue(outcome);
        } else {
            self.queue(proto::MeshPacket { transport_mechanism: packet.transport_mechanism, ..outcome });
        }
    }

    fn acknowledge(&mut self, packet: &proto::MeshPacket, now: Moment) {
        let hops = packet.hop_start.saturating_sub(packet.hop_limit);
        let hop_limit = (hops + SPARE_HOPS).min(self.hop_limit());
        let ack = self.outcome(Error::None, packet.from, packet, now);
        // Without a place in the queue it is lost, and the sender tries again.
        let _ = self.sending.enqueue(proto::MeshPacket { hop_limit, hop_start: hop_limit, rx_time: 0, ..ack }, now.at);
    }

    /// Says that a packet failed, to the client if that is whom it is said to, else on the air.
    fn reject(&mut self, error: Error, to: u32, packet: &proto::MeshPacket, now: Moment) {
        self.sending.settle(packet.id);
        let outcome = self.outcome(error, to, packet, now);
        if to == self.identity.number {
            self.queue(outcome);
        } else {
            let _ = self.sending.enqueue(proto::MeshPacket { rx_time: 0, ..outcome }, now.at);
        }
    }

    pub(crate) fn outcome(&mut self, error: Error, to: u32, packet: &proto::MeshPacket, now: Moment) -> proto::MeshPacket {
        let data = proto::Data {
            portnum: PortNum::RoutingApp.into(),
            payload: routing_payload(error),
            request_id: packet.id,
            bitfield: (to != self.identity.number).then_some(0),
            ..Default::default()
        };
        proto::MeshPacket {
            from: self.identity.number,
            to,
            id: self.ids.next().0,
            rx_time: now.stamp,
            priority: Priority::Ack.into(),
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        }
    }

    fn notify(&mut self, id: u32, message: &str, now: Moment) {
        self.session.notify(proto::ClientNotification {
            reply_id: Some(id),
            time: now.stamp,
            level: proto::log_record::Level::Warning.into(),
            message: message.to_owned(),
            ..Default::default()
        });
    }

    fn tell_status(&mut self, res: i32, id: u32) {
        self.told_free = self.sending.free();
        if !self.loses_statuses {
            self.session.tell(status(res, self.told_free, id));
        }
    }

    /// Returns what is to be said beside packets, in the firmware's order.
    pub(crate) fn next_aside(&mut self) -> Option<Said> {
        if std::mem::take(&mut self.session.heartbeat) {
            return Some(Said::QueueStatus(status(0, self.sending.free(), 0)));
        }
        let status = self.session.statuses.pop_front().map(Said::QueueStatus);
        status.or_else(|| self.session.notifications.pop_front().map(Said::ClientNotification))
    }
}

/// Returns the outcome of a packet as its payload: even success is written, for an empty payload would say nothing.
pub(crate) fn routing_payload(error: Error) -> Vec<u8> {
    proto::Routing { variant: Some(proto::routing::Variant::ErrorReason(error.into())) }.encode_to_vec()
}

fn port(packet: &proto::MeshPacket) -> i32 {
    match &packet.payload_variant {
        Some(PayloadVariant::Decoded(data)) => data.portnum,
        Some(PayloadVariant::Encrypted(_)) | None => 0,
    }
}

/// Tells whether packets of a port are encrypted for the channel even if they are for one node.
pub(crate) fn is_never_private(port: i32) -> bool {
    [PortNum::TracerouteApp, PortNum::NodeinfoApp, PortNum::RoutingApp, PortNum::PositionApp].map(i32::from).contains(&port)
}
