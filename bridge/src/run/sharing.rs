//! The part of the loop that is about other programs that use the radio beside the bridge.

use crate::{
    run::Bridge,
    share::{ClientEvent, Share},
};
use kosmo_meshtastic::session::Input;
use tokio::time::Instant;

impl Bridge {
    pub(super) fn on_client(&mut self, event: ClientEvent) {
        if let Some(share) = &mut self.share {
            share.on_event(event);
        }
    }

    /// Returns when a packet of a client is to be given to the radio.
    pub(super) fn clients_due(&self) -> Option<Instant> {
        let due = self.share.as_ref()?.send_due(|traffic| self.session.may_send(traffic))?;
        Some(self.instant(due))
    }

    /// Gives the radio what is due for it: the bridge's own texts and what clients send, by turns where both wait.
    pub(super) async fn drive_sending(&mut self) {
        if self.share.as_ref().is_some_and(Share::is_turn) {
            self.drive_clients().await;
        }
        let was_free = self.session.may_send_from().is_some();
        self.drive_texts().await;
        if was_free
            && self.session.may_send_from().is_none()
            && let Some(share) = &mut self.share
        {
            share.note_bridge_sent();
        }
        self.drive_clients().await;
    }

    async fn drive_clients(&mut self) {
        let now = self.uptime();
        let Some(share) = &mut self.share else { return };
        if let Some(packet) = share.take_due(|traffic| self.session.may_send(traffic), now) {
            self.tell_session(Input::Send(Box::new(packet))).await;
        }
    }
}

/// Waits for what a client does next, for ever if there can be none.
pub(super) async fn next(share: Option<&mut Share>) -> ClientEvent {
    match share {
        Some(share) => share.next().await,
        None => std::future::pending().await,
    }
}
