//! A stage for tests of the queue: a disk, two clocks, a radio that knows what was really sent, and an eye on every rule
//! that must hold whatever happens.

use crate::outbound::{
    Now, Queue, Row, RowStage,
    rules::{MODEM, Rules},
    truth::Truth,
};
use kosmo_contract::{Evidence, NotSentReason, Offer, Priority, Text, V1, WaitReason};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::{
    evidence::Sent,
    outgoing::packet_id,
    radio::{Lora, RadioState},
    session::HandOver,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};
use uuid::Uuid;

pub(super) const ANA: NodeId = NodeId::from_number(0xa1b2_c3d4);
pub(super) const ROOF: NodeId = NodeId::from_number(0x4daa_1001);
pub(super) const SHED: NodeId = NodeId::from_number(0x4daa_2002);

/// What the radio does with what is written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Takes,
    /// Says that it is full; it may have taken the packet all the same.
    Full {
        sends: bool,
    },
    /// Says nothing.
    Silent {
        sends: bool,
    },
    /// Refuses it as it is given.
    Refuses(u32),
    /// Says that it took it, and then that it came too soon.
    RateLimited,
}

/// Where a life of the bridge ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    BeforeCommit,
    BeforeWrite,
    AfterWrite,
}

pub(super) struct Play {
    pub(super) queue: Queue,
    /// What lies on disk.
    pub(super) disk: BTreeMap<Uuid, Row>,
    pub(super) disk_is_full: bool,
    /// How long a hand-over takes to be committed.
    pub(super) commit_takes: Duration,
    pub(super) truth: BTreeMap<Uuid, Truth>,
    pub(super) mood: Mood,
    /// Time since the beginning of the play, and when this life began.
    pub(super) elapsed: Duration,
    pub(super) born: Duration,
    pub(super) clock_error_s: i64,
    pub(super) radio: Option<NodeId>,
    /// The packet under way, and from when on another may be written.
    pub(super) in_flight: Option<(Sent, VecDeque<Said>)>,
    pub(super) not_before: Duration,
    /// Ids that the radio knows on this connection.
    pub(super) known_ids: BTreeSet<PacketId>,
    pub(super) crash: Option<Crash>,
    /// Grants whose answer was lost, and which are claimed again.
    pub(super) grants_lost: Vec<Uuid>,
    /// What the rules of the air and of turns are held against.
    pub(super) rules: Rules,
    /// What the radio was told of nodes.
    pub(super) contacts: Vec<Sent>,
}

/// What the radio will say of the packet under way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said {
    HandOver(HandOver),
    Nak(u32),
}

pub(super) fn id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

pub(super) fn offer(number: u8, ttl_s: u32) -> Offer {
    Offer {
        v: V1,
        message_id: id(number),
        bridge: None,
        channel: None,
        member: None,
        priority: Priority::Normal,
        contact: None,
        to: ANA,
        text: Text::cut("ana: hello"),
        reply_to: None,
        ttl_s,
    }
}

impl Play {
    pub(super) fn new() -> Self {
        let now = Now { uptime: Uptime::default(), time: Timestamp::from_unix_seconds(1_780_315_200) };
        Self {
            queue: Queue::resume("roof".parse().unwrap(), Vec::new(), now),
            disk: BTreeMap::new(),
            disk_is_full: false,
            commit_takes: Duration::ZERO,
            truth: BTreeMap::new(),
            mood: Mood::Takes,
            elapsed: Duration::ZERO,
            born: Duration::ZERO,
            clock_error_s: 0,
            radio: None,
            in_flight: None,
            not_before: Duration::ZERO,
            known_ids: BTreeSet::new(),
            crash: None,
            grants_lost: Vec::new(),
            rules: Rules::default(),
            contacts: Vec::new(),
        }
    }

    /// A bridge that is connected to the cloud and to its radio.
    pub(super) fn ready() -> Self {
        let mut play = Self::new();
        play.queue.set_online(true);
        play.connect(ROOF);
        play
    }

    pub(super) fn now(&self) -> Now {
        let start = Timestamp::from_unix_seconds(1_780_315_200).as_micros();
        let micros = start + i64::try_from(self.elapsed.as_micros()).unwrap() + self.clock_error_s * 1_000_000;
        Now { uptime: Uptime(self.elapsed.saturating_sub(self.born)), time: Timestamp::from_micros(micros).unwrap() }
    }

    pub(super) fn offer(&mut self, offer: Offer) {
        let deadline = self.elapsed + Duration::from_secs(u64::from(offer.ttl_s));
        let truth = self.truth.entry(offer.message_id).or_default();
        (truth.member, truth.priority) = (member_of(&offer), offer.priority);
        let known = &mut truth.deadline;
        *known = Some(known.map_or(deadline, |known| known.max(deadline)));
        let _ = self.queue.on_offer(offer, self.now());
        self.drive();
    }

    pub(super) fn grant(&mut self, number: u8) {
        if self.queue.on_granted(id(number), self.now()) {
            self.truth.entry(id(number)).or_default().granted = true;
        }
        self.drive();
    }

    pub(super) fn revoke(&mut self, number: u8) {
        self.queue.on_revoked(id(number), self.now());
        self.drive();
    }

    /// Has the writer of a text that was granted to this bridge, or is just now, take it back.
    pub(super) fn cancel(&mut self, number: u8) {
        let truth = self.truth.entry(id(number)).or_default();
        (truth.granted, truth.cancelled) = (true, true);
        self.queue.on_cancelled(id(number), self.now());
        self.drive();
    }

    /// Offers a text and grants it.
    pub(super) fn send(&mut self, number: u8, ttl_s: u32) {
        self.offer(offer(number, ttl_s));
        self.grant(number);
    }

    pub(super) fn connect(&mut self, radio: NodeId) {
        self.lose();
        self.radio = Some(radio);
        self.known_ids.clear();
        self.rules.report = None;
        let lora = Lora {
            region: self.rules.region.to_owned(),
            modem_preset: Some("LONG_FAST".to_owned()),
            modem: MODEM,
            hop_limit: 3,
            tx_enabled: true,
        };
        let state = RadioState { lora: Some(lora), ..RadioState::new(radio) };
        let state = state.with_default_channel();
        self.queue.on_radio_ready(&state, self.now());
        self.drive();
    }

    pub(super) fn lose(&mut self) {
        self.radio = None;
        if let Some((sent, _)) = self.in_flight.take() {
            self.queue.on_hand_over(HandOver::Unanswered { id: sent.packet_id }, self.now());
        }
        self.queue.on_radio_lost(self.now());
        self.drive();
    }

    /// Has the radio say what it has to say of the packet under way.
    pub(super) fn answer(&mut self) {
        let Some((sent, said)) = self.in_flight.take() else { return };
        for said in said {
            match said {
                Said::HandOver(hand_over) => self.queue.on_hand_over(hand_over, self.now()),
                Said::Nak(code) => self.hear(sent.radio, 2, sent, code),
            }
        }
        self.drive();
    }

    /// Lets time pass, as far as possible in the steps in which the queue wants to be woken.
    pub(super) fn wait(&mut self, span: Duration) {
        let end = self.elapsed + span;
        self.drive();
        while self.elapsed < end {
            let due = [self.queue.due(), self.queue.send_due(self.gate())].into_iter().flatten().min();
            let due = due.map_or(end, |due| self.born + due.0);
            assert!(due > self.elapsed || self.disk_is_full, "something is due, and nothing comes of it");
            let silence = self.in_flight.as_ref().map_or(end, |_| self.not_before + Duration::from_millis(2500));
            self.elapsed = if due > self.elapsed { due.min(end).min(silence) } else { end.min(silence) };
            if self.elapsed >= silence
                && let Some((sent, _)) = self.in_flight.take()
            {
                self.queue.on_hand_over(HandOver::Unanswered { id: sent.packet_id }, self.now());
            }
            self.drive();
        }
    }

    pub(super) fn wait_s(&mut self, seconds: u64) {
        self.wait(Duration::from_secs(seconds));
    }

    /// Ends the bridge's life and begins another, that long after, by a clock that is off by this more than before.
    pub(super) fn restart(&mut self, after: Duration, clock_error_s: i64) {
        self.elapsed += after;
        self.clock_error_s += clock_error_s;
        self.born = self.elapsed;
        (self.radio, self.in_flight, self.crash) = (None, None, None);
        self.grants_lost.clear();
        self.rules.forget();
        let rows = self.disk.values().cloned().collect();
        self.queue = Queue::resume("roof".parse().unwrap(), rows, self.now());
        self.queue.set_online(true);
        self.drive();
    }

    fn gate(&self) -> Option<Uptime> {
        (self.radio.is_some() && self.in_flight.is_none()).then(|| Uptime(self.not_before.saturating_sub(self.born)))
    }

    /// What the bridge's loop does after everything that happens.
    pub(super) fn drive(&mut self) {
        loop {
            self.queue.on_time(self.now());
            if let Some(contact) = self.queue.contact(self.gate(), self.gate(), self.now()) {
                self.contacts.push(contact.sent());
                self.queue.on_hand_over(HandOver::Accepted { id: contact.id(), free: 15 }, self.now());
                continue;
            }
            let has_begun = self.queue.begin(self.gate(), self.now());
            if self.crash == Some(Crash::BeforeCommit) {
                return self.restart(Duration::ZERO, 0);
            }
            if self.disk_is_full {
                return self.queue.undo();
            }
            let changes = self.queue.changes(self.now());
            self.commit(changes);
            self.queue.note_committed();
            let grants = std::mem::take(&mut self.grants_lost);
            for message_id in &grants {
                self.queue.on_granted(*message_id, self.now());
            }
            if !has_begun && grants.is_empty() {
                return;
            }
            if has_begun {
                self.elapsed += self.commit_takes;
            }
            if self.crash == Some(Crash::BeforeWrite) {
                return self.restart(Duration::ZERO, 0);
            }
            let Some((packet, is_repetition)) = self.queue.release(self.now()) else { continue };
            self.write(packet.sent(), is_repetition);
            if self.crash == Some(Crash::AfterWrite) {
                return self.restart(Duration::ZERO, 0);
            }
        }
    }

    /// The rules of what may be written to a radio, and what the radio makes of it.
    fn write(&mut self, sent: Sent, is_repetition: bool) {
        let elapsed = self.elapsed;
        let (&message_id, truth) = self
            .truth
            .iter_mut()
            .find(|(message_id, _)| (0..=255).any(|attempt| packet_id(message_id.as_u128(), attempt) == sent.packet_id))
            .expect("a packet's id is that of a message");
        assert!(truth.granted, "written without a grant");
        assert!(truth.deadline.is_some_and(|deadline| elapsed < deadline), "written after its time");
        assert!(elapsed >= self.not_before && self.in_flight.is_none(), "written too soon after another");
        assert_eq!(self.radio, Some(sent.radio));
        let row = &self.disk[&message_id];
        assert!(
            matches!(row.stage, RowStage::Given { packet_id, radio, .. } if packet_id == sent.packet_id && radio == sent.radio),
            "written before the disk says so: {row:?}"
        );
        if let Some((before, first)) = truth.written.iter().find(|(before, _)| before.packet_id == sent.packet_id) {
            assert_eq!(*before, sent, "repeated by another radio");
            assert!(elapsed < *first + Duration::from_mins(4), "repeated too late");
        }
        let gave_up = truth.receipts.iter().any(|told| matches!(told, Evidence::NotSent { .. }));
        assert!(!gave_up, "told as not sent, and sent after all");
        // One that was given up between its commit and the radio is a repetition, too: nobody knows that it was not written.
        let was_told =
            truth.receipts.iter().any(|told| matches!(told, Evidence::HandedOver { packet_id, .. } if *packet_id == sent.packet_id));
        assert!(was_told, "written without a word");
        assert!(is_repetition || !truth.written.iter().any(|(before, _)| before.packet_id == sent.packet_id), "repeated out of turn");
        truth.written.push((sent, elapsed));
        let (member, priority) = (truth.member, truth.priority);
        let waiting = self.disk.values().filter(|row| matches!(row.stage, RowStage::Granted { .. }) && row.message_id != message_id);
        let waiting: Vec<_> = waiting.map(|row| (self.truth[&row.message_id].member, self.truth[&row.message_id].priority)).collect();
        self.rules.on_written(member, priority, is_repetition, &waiting, elapsed);
        let truth = self.truth.get_mut(&message_id).expect("it was there");

        let is_new = self.known_ids.insert(sent.packet_id);
        let id = sent.packet_id;
        let (is_sent, said) = match self.mood {
            // The radio ignores what it knows.
            _ if !is_new => (false, vec![Said::HandOver(HandOver::Unanswered { id })]),
            Mood::Takes => (true, vec![Said::HandOver(HandOver::Accepted { id, free: 15 })]),
            Mood::Full { sends } => (sends, vec![Said::HandOver(HandOver::QueueFull { id })]),
            Mood::Silent { sends } => (sends, vec![Said::HandOver(HandOver::Unanswered { id })]),
            Mood::Refuses(code) => (false, vec![Said::HandOver(HandOver::RefusedByRadio { id, code })]),
            Mood::RateLimited => (false, vec![Said::HandOver(HandOver::Accepted { id, free: 15 }), Said::Nak(38)]),
        };
        if is_sent {
            truth.on_air.insert((sent.radio, sent.packet_id));
        }
        assert!(truth.on_air.len() <= 1, "two packets of one text on the air");
        self.in_flight = Some((sent, said.into()));
        self.not_before = elapsed + Duration::from_millis(2500);
    }
}

/// Whose text it is: members are called by a letter.
fn member_of(offer: &Offer) -> u8 {
    offer.member.as_ref().and_then(|member| member.bytes().next()).unwrap_or(0)
}

pub(super) fn not_sent(reason: NotSentReason) -> Evidence {
    Evidence::NotSent { reason }
}

pub(super) fn waiting(reason: WaitReason) -> Evidence {
    Evidence::Waiting { reason }
}

pub(super) fn transmitted(number: u8) -> Evidence {
    Evidence::Transmitted { packet_id: packet_id(id(number).as_u128(), 0) }
}
