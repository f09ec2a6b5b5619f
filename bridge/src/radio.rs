//! What is known of the radio, as the status tells it.

use crate::{
    convert,
    health::{Finding, Trouble},
    link::{Loss, RadioUrl},
    outbound::FEW_PLACES,
};
use kosmo_contract::{ChannelReport, RadioLink, RadioStatus, Text};
use kosmo_domain::{NodeId, Timestamp};
use kosmo_meshtastic::{
    node::node_of_key,
    radio::{ChannelRole, RadioState},
    session::{CloseReason, QueueStatus},
};
use std::time::Duration;
use tokio::time::Instant;

/// By how much a radio's clock may be off before it is said.
const CLOCK_SLACK: Duration = Duration::from_mins(10);
/// Garbage beyond this many bytes on one connection is no accident of joining in the middle.
const GARBAGE: u64 = 64;

/// What is known of the radio.
#[derive(Debug)]
pub(crate) struct Radio {
    status: RadioStatus,
    /// Since when the link is as it is.
    since: Instant,
    /// Why we closed the connection ourselves, until it is closed.
    closing: Option<CloseReason>,
    /// What the link is to, as far as it is known.
    place: String,
    /// What is wrong with the link, while something is.
    trouble: Option<Trouble>,
    /// What the last handshake told that is not as it should be.
    settings: Vec<Finding>,
    /// The radio that was here before this one.
    before: Option<NodeId>,
    /// What that is known by.
    swap: Swap,
    /// The public key of the radio that was heard last.
    key: Option<[u8; 32]>,
    /// How many bytes of garbage there were when this connection began.
    garbage_before: u64,
    /// How many free places it has, if they are few, since when none became free, and for how long that is only busy.
    few_places: Option<(u32, Instant)>,
    busy: Duration,
    /// By how much its clock is ahead of ours, and behind.
    clock_off: Option<(Duration, Duration)>,
}

/// What is known of how a radio came to have another number than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swap {
    /// Nothing: it is another radio.
    Replaced,
    /// It has the same key, so that it is the same radio.
    Renumbered,
    /// Its number follows from its key, as an update to firmware 2.8 brings about.
    PerhapsRenumbered,
}

impl Swap {
    /// Tells one from the other by the key before and by the one that the radio has, and its number.
    fn judge(before: Option<[u8; 32]>, key: Option<[u8; 32]>, node: NodeId) -> Self {
        match key {
            Some(key) if before == Some(key) => Self::Renumbered,
            Some(key) if before.is_none() && node_of_key(&key) == node => Self::PerhapsRenumbered,
            Some(_) | None => Self::Replaced,
        }
    }

    fn words(self, before: NodeId, node: NodeId) -> String {
        let numbers = format!("it was {before} and is {node}, which the mesh sees as another sender");
        match self {
            Self::Replaced => format!("the radio is another one than before: {numbers}"),
            Self::Renumbered => {
                format!("the radio has another number than before, and the same key, as after an update to firmware 2.8: {numbers}")
            }
            Self::PerhapsRenumbered => {
                format!("the radio is another one than before, or was updated to firmware 2.8, which numbers a node by its key: {numbers}")
            }
        }
    }
}

impl Radio {
    /// Returns what is known of a radio that was not heard yet; `before` is the one that was here last, and for `busy` a radio may
    /// have no free place.
    pub(crate) fn new(before: Option<NodeId>, busy: Duration) -> Self {
        let status = RadioStatus {
            link: RadioLink::Connecting,
            detail: None,
            link_s: None,
            node_id: None,
            firmware: None,
            region: None,
            modem_preset: None,
            channels: Vec::new(),
        };
        Self {
            status,
            since: Instant::now(),
            closing: None,
            place: String::new(),
            trouble: None,
            settings: Vec::new(),
            before,
            swap: Swap::Replaced,
            key: None,
            garbage_before: 0,
            few_places: None,
            busy,
            clock_off: None,
        }
    }

    pub(crate) fn status(&self) -> RadioStatus {
        RadioStatus { link_s: Some(self.since.elapsed().as_secs()), ..self.status.clone() }
    }

    /// Returns what the link is to, if it was ever open.
    pub(crate) fn place(&self) -> Option<&str> {
        Some(self.place.as_str()).filter(|place| !place.is_empty())
    }

    fn set_link(&mut self, link: RadioLink) {
        if self.status.link != link {
            self.since = Instant::now();
        }
        self.status.link = link;
    }

    /// Notes that a connection stands, to what is called so; so much garbage was read before it.
    pub(crate) fn note_connected(&mut self, place: String, garbage: u64) {
        (self.place, self.garbage_before) = (place, garbage);
        self.note_handshake();
    }

    /// Notes that a handshake begins anew. What was wrong stays said until it is done.
    pub(crate) fn note_handshake(&mut self) {
        self.set_link(RadioLink::Connecting);
        self.closing = None;
        self.few_places = None;
    }

    /// Notes who the radio is; tells whether it is another than before.
    pub(crate) fn note_configured(&mut self, radio: &RadioState) -> bool {
        let known = self.status.node_id.or(self.before);
        let is_other = known.is_some_and(|node| node != radio.node);
        let key = radio.own_user().and_then(|user| user.public_key);
        if is_other {
            (self.before, self.swap) = (known, Swap::judge(self.key, key, radio.node));
        } else if self.before == Some(radio.node) {
            self.before = None;
        }
        self.key = key;
        self.set_link(RadioLink::Ready);
        self.trouble = None;
        self.settings = wrong_settings(radio);
        self.status = RadioStatus {
            link: RadioLink::Ready,
            detail: None,
            link_s: None,
            node_id: Some(radio.node),
            firmware: radio.firmware.as_deref().map(Text::cut),
            region: radio.lora.as_ref().map(|lora| Text::cut(&lora.region)),
            modem_preset: radio.lora.as_ref().and_then(|lora| lora.modem_preset.as_deref()).map(Text::cut),
            channels: convert::channels(radio),
        };
        is_other
    }

    /// Returns the radio's own node, if it has said so.
    pub(crate) fn node(&self) -> Option<NodeId> {
        self.status.node_id
    }

    /// Notes that it is locked, and tells whether that is news. What it told of itself was left blank, and means nothing.
    pub(crate) fn note_locked(&mut self) -> bool {
        if self.is_locked() {
            return false;
        }
        self.set_link(RadioLink::Down);
        (self.trouble, self.few_places) = (Some(Trouble::RadioLocked), None);
        self.settings.clear();
        self.status.channels.clear();
        let words = "the radio is locked with a passphrase: it keeps what it hears, and what it is set to, from this bridge";
        self.status.detail = Some(Text::cut(words));
        true
    }

    /// Tells whether it is locked, as it said last.
    pub(crate) fn is_locked(&self) -> bool {
        self.status.link == RadioLink::Down && self.trouble == Some(Trouble::RadioLocked)
    }

    /// Returns the channel with this index of the radio's.
    pub(crate) fn channel(&self, index: u32) -> Option<&ChannelReport> {
        self.status.channels.iter().find(|channel| u32::from(channel.index) == index)
    }

    /// Notes how much room it has.
    pub(crate) fn note_queue(&mut self, status: &QueueStatus) {
        // A place that became free is a packet that went out.
        let since = self.few_places.filter(|(before, _)| status.free <= *before).map_or_else(Instant::now, |(_, since)| since);
        self.few_places = (status.free <= FEW_PLACES).then_some((status.free, since));
    }

    /// Notes what its clock said when ours said `now`.
    pub(crate) fn note_clock(&mut self, says: Timestamp, now: Timestamp) {
        self.clock_off = Some((says.since(now), now.since(says)));
    }

    /// Notes why we close the connection.
    pub(crate) const fn note_closing(&mut self, reason: CloseReason) {
        self.closing = Some(reason);
    }

    /// Notes that the connection is gone, and returns why in words.
    pub(crate) fn note_lost(&mut self, loss: &Loss, url: &RadioUrl, garbage: u64) -> String {
        let has_garbage = garbage.saturating_sub(self.garbage_before) > GARBAGE;
        let (trouble, words) = match self.closing.take() {
            None => (loss.trouble(), loss.to_string()),
            Some(CloseReason::Silent) => (Trouble::RadioStalled, "the radio fell silent, though its link stands".to_owned()),
            Some(CloseReason::HandshakeTimeout) if has_garbage && url.is_serial() => {
                (Trouble::WrongBaud, "what the radio sends makes no sense: is its speed another one?".to_owned())
            }
            Some(reason @ (CloseReason::HandshakeTimeout | CloseReason::HandshakeIncomplete)) => (Trouble::RadioMute, reason.to_string()),
            Some(reason @ CloseReason::Shutdown) => (Trouble::RadioLost, reason.to_string()),
        };
        self.set_link(RadioLink::Down);
        (self.trouble, self.few_places) = (Some(trouble), None);
        self.status.detail = Some(Text::cut(&words));
        words
    }

    /// Returns what is wrong with its link.
    pub(crate) fn link_findings(&self) -> Vec<Finding> {
        let detail = || self.status.detail.as_deref().map_or_else(String::new, ToString::to_string);
        match (self.status.link, self.trouble) {
            (RadioLink::Ready, _) => Vec::new(),
            (RadioLink::Connecting, None) => vec![Finding::new(Trouble::RadioConnecting, "the radio is being connected")],
            (RadioLink::Connecting | RadioLink::Down, trouble) => vec![Finding::new(trouble.unwrap_or(Trouble::NoRadio), detail())],
        }
    }

    /// Returns what is wrong with the radio itself, as far as it is known.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.settings.clone();
        if self.few_places.is_some_and(|(_, since)| since.elapsed() >= self.busy) {
            findings.push(Finding::new(
                Trouble::QueueStuck,
                "the radio has hardly any room, and has sent nothing of what it holds for minutes",
            ));
        }
        if let Some((before, node)) = self.before.zip(self.status.node_id) {
            findings.push(Finding::new(Trouble::OtherRadio, self.swap.words(before, node)));
        }
        if let Some((ahead, behind)) = self.clock_off.filter(|(ahead, behind)| *ahead.max(behind) > CLOCK_SLACK) {
            let (span, way) = if ahead > behind { (ahead, "ahead of") } else { (behind, "behind") };
            let says = format!("the radio's clock is {} {way} this machine's: one of them is wrong", rounded(span));
            findings.push(Finding::new(Trouble::RadioClock, says));
        }
        findings
    }
}

/// Returns what the radio's settings keep it from.
fn wrong_settings(radio: &RadioState) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |trouble, says: &str| findings.push(Finding::new(trouble, says));
    match &radio.lora {
        Some(lora) if lora.region == "UNSET" => find(Trouble::RegionUnset, "the radio has no region: it neither sends nor hears anything"),
        Some(lora) if !lora.tx_enabled => find(Trouble::TransmitOff, "the radio is set not to send: it hears, and no text goes out"),
        Some(_) | None => {}
    }
    if !radio.channels.is_empty() && !radio.channels.iter().any(|channel| channel.role == ChannelRole::Primary) {
        find(Trouble::NoPrimaryChannel, "the radio has no primary channel: it understands nobody");
    }
    let own = radio.own_user();
    if own.is_some_and(|user| user.role == "CLIENT_MUTE") {
        find(Trouble::ClientMute, "the radio's role is CLIENT_MUTE: it relays nothing, and counts on neighbours to pass its texts on");
    }
    if own.is_some_and(|user| user.licensed) {
        let says = "the radio is in amateur (licensed) mode: texts go out unencrypted under its call sign, and paid traffic for others is forbidden there";
        find(Trouble::Licensed, says);
    }
    findings
}

fn rounded(span: Duration) -> String {
    match span.as_secs() / 60 {
        minutes @ 0..120 => format!("{minutes} minutes"),
        minutes @ 120..2880 => format!("{} hours", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(radio: &Radio) -> Vec<&'static str> {
        radio.findings().iter().map(|finding| finding.trouble.code()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_stuck_that_has_had_no_room_for_minutes_and_not_one_that_is_busy() {
        let mut radio = Radio::new(None, Duration::from_mins(3));
        let says = |free| QueueStatus { packet: None, result: 0, free, capacity: 16 };
        radio.note_queue(&says(0));
        tokio::time::advance(Duration::from_secs(179)).await;
        assert_eq!(words(&radio), [""; 0]);
        radio.note_queue(&says(0));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(words(&radio), ["queue_stuck"], "said again, it began when it was said first");
        radio.note_queue(&says(2));
        assert_eq!(words(&radio), [""; 0], "two packets went out");
        tokio::time::advance(Duration::from_secs(100)).await;
        radio.note_queue(&says(1));
        tokio::time::advance(Duration::from_secs(80)).await;
        assert_eq!(words(&radio), ["queue_stuck"], "a radio is given nothing that has few places, so that they never become none");
        radio.note_queue(&says(3));
        assert_eq!(words(&radio), [""; 0]);
    }

    #[test]
    fn a_number_that_follows_from_the_key_tells_an_update_from_another_radio() {
        let (before, key, other) = (NodeId::from_number(7), [9; 32], [8; 32]);
        let says = |known, key: [u8; 32], node: NodeId| Swap::judge(known, Some(key), node).words(before, node);
        let derived = node_of_key(&key);
        for (words, expect) in [
            (says(Some(key), key, derived), "the same key, as after an update"),
            (says(None, key, derived), "or was updated to firmware 2.8"),
            (says(Some(other), key, derived), "another one than before: it was !00000007"),
            (says(None, other, derived), "another one than before: it was !00000007"),
        ] {
            assert!(words.contains(expect) && words.contains(&format!("it was {before} and is {derived}")), "{words}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_by_how_much_and_which_way() {
        let mut radio = Radio::new(None, Duration::from_mins(3));
        let noon = Timestamp::from_unix_seconds(1_780_315_200);
        radio.note_clock(noon.plus(Duration::from_mins(9)), noon);
        assert_eq!(words(&radio), [""; 0]);
        for (says, expect) in [
            (noon.minus(Duration::from_mins(11)), "11 minutes behind"),
            (noon.plus(Duration::from_hours(3)), "3 hours ahead of"),
            (Timestamp::from_unix_seconds(1_577_836_800), "2343 days behind"),
        ] {
            radio.note_clock(says, noon);
            assert_eq!(words(&radio), ["radio_clock"]);
            assert!(radio.findings()[0].says.contains(expect), "{}", radio.findings()[0].says);
        }
    }
}
