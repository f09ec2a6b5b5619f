//! How much of the air texts may have: what the law allows the radio in an hour, and what is polite on a busy channel.
//!
//! The radio enforces the law itself, and answers with an error; to wait before that costs no attempt, and says why. It tells once a
//! minute how much it sent in the last hour, relaying for others included, and how busy its channel is.

use kosmo_contract::{Priority, WaitReason};
use kosmo_domain::{NodeId, Uptime};
use kosmo_meshtastic::{
    airtime::duty_cycle_pct,
    packet::{Body, Received, Transport},
    radio::RadioState,
    telemetry::{Telemetry, TelemetryKind},
};
use std::{collections::VecDeque, time::Duration};

/// What the law counts over.
const HOUR: Duration = Duration::from_hours(1);
/// For how long it counts what the radio said of its last hour; it says so each minute unless its client lags behind.
const USE_BELIEVED: Duration = Duration::from_mins(10);
/// The same of how busy its channel is.
const CHANNEL_BELIEVED: Duration = Duration::from_mins(3);
/// From which share on a channel is busy: for what can wait, as for the firmware's own telemetry, and for what people write, as for its
/// sensors and trackers.
const BUSY_FOR_LOW_PCT: f32 = 25.0;
const BUSY_FOR_NORMAL_PCT: f32 = 40.0;
/// How far texts are apart while the channel is busy. People's words trickle rather than wait for a quiet that may not come.
const TRICKLE: Duration = Duration::from_mins(1);

/// What is known of the use of the air.
#[derive(Debug)]
pub(crate) struct AirUse {
    allowed_pct: f32,
    /// What the radio said that it sent of the last hour, and when.
    used: Option<(f32, Uptime)>,
    /// How busy it said that the channel is, and when.
    channel: Option<(f32, Uptime)>,
    /// What was given to the radio in the last hour, and how long that is on the air.
    sent: VecDeque<(Uptime, Duration)>,
}

impl AirUse {
    pub(crate) const fn new() -> Self {
        Self { allowed_pct: 100.0, used: None, channel: None, sent: VecDeque::new() }
    }

    /// Takes in what the radio says of itself in its handshake. What was given to it, or to the one before it, counts on.
    pub(crate) fn on_ready(&mut self, radio: &RadioState, now: Uptime) {
        self.allowed_pct = radio.lora.as_ref().map_or(100.0, |lora| duty_cycle_pct(&lora.region));
        (self.used, self.channel) = (None, None);
        let own = radio.nodes.iter().find(|node| node.node == radio.node);
        if let Some(device) = own.and_then(|node| node.device.as_ref()) {
            self.note(device, now);
        }
    }

    /// Takes in a packet, which may be what the radio says of itself. What only bears its number says nothing.
    pub(crate) fn on_packet(&mut self, packet: &Received, radio: NodeId, now: Uptime) {
        if packet.from == radio
            && packet.transport == Transport::Internal
            && !packet.via_mqtt
            && !packet.replayed
            && let Body::Telemetry(telemetry) = &packet.body
        {
            self.note(telemetry, now);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share in percent was sent as a single, and fits into one")]
    fn note(&mut self, telemetry: &Telemetry, now: Uptime) {
        use kosmo_domain::Metric::{AirUtilTx, ChannelUtilization};
        let percent = |share: f64| share.clamp(0.0, 100.0) as f32;
        let (used, channel) = match telemetry.kind {
            TelemetryKind::LocalStats(stats) => (Some(stats.air_util_tx_pct), Some(stats.channel_utilization_pct)),
            _ => (telemetry.metrics.get(AirUtilTx).map(percent), telemetry.metrics.get(ChannelUtilization).map(percent)),
        };
        if let Some(used) = used.filter(|share| (0.0..=100.0).contains(share)) {
            self.used = Some((used, now));
        }
        if let Some(channel) = channel.filter(|share| (0.0..=100.0).contains(share)) {
            self.channel = Some((channel, now));
        }
    }

    /// Notes that a packet is given to the radio.
    pub(crate) fn note_given(&mut self, airtime: Duration, now: Uptime) {
        while self.sent.front().is_some_and(|(at, _)| at.plus(HOUR) <= now) {
            self.sent.pop_front();
        }
        self.sent.push_back((now, airtime));
    }

    /// Takes back what was noted last, because nothing was given.
    pub(crate) fn forget_last(&mut self) {
        self.sent.pop_back();
    }

    /// Returns from when on, at `from` or later, a packet of this airtime may be sent, and what it waits for if that is later. What is
    /// repeated in doubt keeps to the law alone, for its time is short.
    pub(crate) fn open_from(
        &self,
        priority: Priority,
        is_repetition: bool,
        airtime: Duration,
        from: Uptime,
    ) -> (Uptime, Option<WaitReason>) {
        let quiet = if is_repetition { from } else { self.quiet_from(priority, from) };
        let allowed = self.allowed_from(airtime, quiet);
        let reason = match () {
            () if allowed > quiet => Some(WaitReason::DutyCycle),
            () if quiet > from => Some(WaitReason::Channel),
            () => None,
        };
        (allowed, reason)
    }

    fn quiet_from(&self, priority: Priority, from: Uptime) -> Uptime {
        let Some((busy_pct, at)) = self.channel else { return from };
        let heard_anew = at.plus(CHANNEL_BELIEVED);
        let last = self.sent.back().map_or(Uptime::default(), |(at, _)| at.plus(TRICKLE));
        match priority {
            Priority::Low if busy_pct > BUSY_FOR_LOW_PCT => from.max(heard_anew),
            Priority::Normal if busy_pct > BUSY_FOR_NORMAL_PCT => from.max(last.min(heard_anew)),
            Priority::Low | Priority::Normal | Priority::High => from,
        }
    }

    fn allowed_from(&self, airtime: Duration, from: Uptime) -> Uptime {
        if self.allowed_pct >= 100.0 {
            return from;
        }
        let allowed = HOUR.mul_f32(self.allowed_pct / 100.0);
        let fits = |at: Uptime| self.used_at(at) + airtime <= allowed;
        if fits(from) {
            return from;
        }
        // It fits again when something of it is an hour ago, or what the radio said is not believed any more.
        let told = self.used.map(|(_, at)| at.plus(USE_BELIEVED));
        let mut changes: Vec<_> = self.sent.iter().map(|(at, _)| at.plus(HOUR)).chain(told).filter(|at| *at > from).collect();
        changes.sort_unstable();
        // A packet longer than the whole allowance is the radio's to refuse.
        changes.into_iter().find(|at| fits(*at)).unwrap_or(from)
    }

    /// Returns for how long the radio will have sent in the hour before then, as far as that is known.
    fn used_at(&self, at: Uptime) -> Duration {
        let own = |since: Option<Uptime>| -> Duration {
            let counts = |sent: &Uptime| sent.plus(HOUR) > at && since.is_none_or(|since| *sent > since);
            self.sent.iter().filter(|(sent, _)| counts(sent)).map(|(_, airtime)| *airtime).sum()
        };
        let told = self.used.filter(|(_, said)| said.plus(USE_BELIEVED) > at);
        let told = told.map(|(share, said)| HOUR.mul_f32(share / 100.0) + own(Some(said)));
        own(None).max(told.unwrap_or(Duration::ZERO))
    }

    /// Returns the shares of an hour that the radio sent and that the law allows it, and of a minute in which the channel is in use,
    /// as far as they are known.
    pub(crate) fn shares(&self, now: Uptime) -> (Option<f32>, f32, Option<f32>) {
        let used = self.used_at(now).as_secs_f32() / HOUR.as_secs_f32() * 100.0;
        let is_known = self.used.is_some() || !self.sent.is_empty();
        let channel = self.channel.filter(|(_, at)| at.plus(CHANNEL_BELIEVED) > now).map(|(share, _)| share);
        (is_known.then_some(used), self.allowed_pct, channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_meshtastic::{airtime::Modem, proto, radio::Lora};

    const ROOF: NodeId = NodeId::from_number(0x4daa_1001);

    fn at(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    fn in_region(region: &str) -> AirUse {
        let lora = Lora { region: region.to_owned(), modem_preset: None, modem: Modem::SLOWEST, hop_limit: 3, tx_enabled: true };
        let mut air = AirUse::new();
        air.on_ready(&RadioState { lora: Some(lora), ..RadioState::new(ROOF) }, at(0));
        air
    }

    fn report(air: &mut AirUse, from: NodeId, used: f32, channel: f32, now: Uptime) {
        let device = proto::DeviceMetrics { air_util_tx: Some(used), channel_utilization: Some(channel), ..Default::default() };
        let telemetry = proto::Telemetry { time: 0, variant: Some(proto::telemetry::Variant::DeviceMetrics(device)) };
        let data = proto::Data { portnum: 67, payload: kosmo_meshtastic::Message::encode_to_vec(&telemetry), ..Default::default() };
        let payload_variant = Some(proto::mesh_packet::PayloadVariant::Decoded(data));
        let packet = proto::MeshPacket { from: from.number(), to: u32::MAX, id: 9, payload_variant, ..Default::default() };
        air.on_packet(&Received::read(packet, Vec::new()), ROOF, now);
    }

    fn open(air: &AirUse, priority: Priority, from: u64) -> (u64, Option<WaitReason>) {
        let (open, reason) = air.open_from(priority, false, Duration::from_secs(6), at(from));
        (open.0.as_secs(), reason)
    }

    #[test]
    fn what_the_law_allows_in_an_hour_is_kept_to_the_packet() {
        let mut air = in_region("UA_868");
        for second in 0..6 {
            assert_eq!(open(&air, Priority::High, second * 10), (second * 10, None), "36 seconds are six packets");
            air.note_given(Duration::from_secs(6), at(second * 10));
        }
        assert_eq!(open(&air, Priority::High, 60), (3600, Some(WaitReason::DutyCycle)));
        assert_eq!(open(&air, Priority::High, 3600), (3600, None));
        assert_eq!(air.shares(at(60)), (Some(1.0), 1.0, None));
        assert_eq!(open(&in_region("US"), Priority::Low, 5), (5, None));
    }

    #[test]
    fn what_the_radio_sent_for_others_counts_while_it_is_believed() {
        let mut air = in_region("EU_868");
        report(&mut air, ROOF, 9.9, 0.0, at(100));
        assert_eq!(open(&air, Priority::High, 100), (700, Some(WaitReason::DutyCycle)));
        report(&mut air, ROOF, 5.0, 0.0, at(160));
        assert_eq!(open(&air, Priority::High, 160), (160, None));
        report(&mut air, NodeId::from_number(77), 100.0, 100.0, at(170));
        assert_eq!(open(&air, Priority::Low, 170), (170, None), "another node says nothing of this radio");
    }

    #[test]
    fn on_a_busy_channel_what_can_wait_does_and_people_s_texts_trickle() {
        let mut air = in_region("US");
        report(&mut air, ROOF, 0.0, 30.0, at(100));
        assert_eq!(open(&air, Priority::Low, 100), (280, Some(WaitReason::Channel)));
        assert_eq!(open(&air, Priority::Normal, 100), (100, None));
        report(&mut air, ROOF, 0.0, 60.0, at(110));
        assert_eq!(open(&air, Priority::Normal, 110), (110, None), "the first goes at once");
        air.note_given(Duration::from_secs(6), at(110));
        assert_eq!(open(&air, Priority::Normal, 113), (170, Some(WaitReason::Channel)));
        assert_eq!(open(&air, Priority::High, 113), (113, None));
        report(&mut air, ROOF, 0.0, 10.0, at(120));
        assert_eq!(open(&air, Priority::Low, 120), (120, None));
    }
}
