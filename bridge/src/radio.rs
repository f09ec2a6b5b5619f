//! What is known of the radio, as the status tells it.

use crate::link::Loss;
use kosmo_contract::{RadioLink, RadioStatus, Text};
use kosmo_domain::NodeId;
use kosmo_meshtastic::{radio::RadioState, session::CloseReason};
use tokio::time::Instant;

/// What is known of the radio.
#[derive(Debug)]
pub(crate) struct Radio {
    status: RadioStatus,
    /// Since when the link is as it is.
    since: Instant,
    /// Why we closed the connection ourselves, until it is closed.
    closing: Option<CloseReason>,
}

impl Radio {
    pub(crate) fn new() -> Self {
        let status = RadioStatus {
            link: RadioLink::Connecting,
            detail: None,
            link_s: None,
            node_id: None,
            firmware: None,
            region: None,
            modem_preset: None,
        };
        Self { status, since: Instant::now(), closing: None }
    }

    pub(crate) fn status(&self) -> RadioStatus {
        RadioStatus { link_s: Some(self.since.elapsed().as_secs()), ..self.status.clone() }
    }

    fn set_link(&mut self, link: RadioLink) {
        if self.status.link != link {
            self.since = Instant::now();
        }
        self.status.link = link;
    }

    /// Notes that a connection stands, or that its handshake begins anew. What was wrong stays said until it is done.
    pub(crate) fn note_connected(&mut self) {
        self.set_link(RadioLink::Connecting);
        self.closing = None;
    }

    /// Notes who the radio is; tells whether it is another than before.
    pub(crate) fn note_configured(&mut self, radio: &RadioState) -> bool {
        let is_other = self.status.node_id.is_some_and(|node: NodeId| node != radio.node);
        self.set_link(RadioLink::Ready);
        self.status = RadioStatus {
            link: RadioLink::Ready,
            detail: None,
            link_s: None,
            node_id: Some(radio.node),
            firmware: radio.firmware.as_deref().map(Text::cut),
            region: radio.lora.as_ref().map(|lora| Text::cut(&lora.region)),
            modem_preset: radio.lora.as_ref().and_then(|lora| lora.modem_preset.as_deref()).map(Text::cut),
        };
        is_other
    }

    /// Notes why we close the connection.
    pub(crate) const fn note_closing(&mut self, reason: CloseReason) {
        self.closing = Some(reason);
    }

    /// Notes that the connection is gone, and returns why in words.
    pub(crate) fn note_lost(&mut self, loss: &Loss) -> String {
        let words = self.closing.take().map_or_else(|| loss.to_string(), |reason| reason.to_string());
        self.set_link(RadioLink::Down);
        self.status.detail = Some(Text::cut(&words));
        words
    }
}
