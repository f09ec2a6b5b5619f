//! What is known of the radio, as the status tells it.

use crate::link::Loss;
use kosmo_contract::{RadioLink, RadioStatus, Text};
use kosmo_domain::NodeId;
use kosmo_meshtastic::{radio::RadioState, session::CloseReason};

/// What is known of the radio.
#[derive(Debug)]
pub(crate) struct Radio {
    status: RadioStatus,
    /// Why we closed the connection ourselves, until it is closed.
    closing: Option<CloseReason>,
}

impl Radio {
    pub(crate) const fn new() -> Self {
        let link = RadioLink::Connecting;
        Self { status: RadioStatus { link, detail: None, node_id: None, firmware: None, region: None, modem_preset: None }, closing: None }
    }

    pub(crate) fn status(&self) -> RadioStatus {
        self.status.clone()
    }

    /// Notes that a connection stands, or that its handshake begins anew. What was wrong stays said until it is done.
    pub(crate) const fn note_connected(&mut self) {
        self.status.link = RadioLink::Connecting;
        self.closing = None;
    }

    /// Notes who the radio is; tells whether it is another than before.
    pub(crate) fn note_configured(&mut self, radio: &RadioState) -> bool {
        let is_other = self.status.node_id.is_some_and(|node: NodeId| node != radio.node);
        self.status = RadioStatus {
            link: RadioLink::Ready,
            detail: None,
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
        self.status.link = RadioLink::Down;
        self.status.detail = Some(Text::cut(&words));
        words
    }
}
