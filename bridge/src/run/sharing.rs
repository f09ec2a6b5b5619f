//! The part of the loop that is about other programs that use the radio beside the bridge.

use crate::{
    run::Bridge,
    share::{ClientEvent, Share},
};
use kosmo_meshtastic::session::Input;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for further changes before the radio is asked what it is set to.
const AFTER_CHANGES: Duration = Duration::from_secs(2);

impl Bridge {
    pub(super) fn on_client(&mut self, event: ClientEvent) {
        if let Some(share) = &mut self.share {
            share.on_event(event);
        }
    }

    /// Passes on what the radio said, and notes if by that a program has changed its settings.
    pub(super) fn tell_sharers(&mut self, bytes: &[u8]) {
        let Some(share) = &mut self.share else { return };
        share.on_radio_bytes(bytes);
        if share.has_changed_settings() {
            self.reconfigure_at = Some(Instant::now() + AFTER_CHANGES);
        }
    }

    /// Asks the radio what it is set to, once it has nothing of the bridge's in its hands. One that restarts for a change tells by itself.
    pub(super) async fn ask_for_settings(&mut self) {
        let is_idle = self.session.may_send_from().is_some();
        self.reconfigure_at = (!is_idle && self.connection.is_some()).then(|| Instant::now() + AFTER_CHANGES);
        if is_idle {
            self.tell_session(Input::Reconfigure).await;
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
