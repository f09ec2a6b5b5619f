//! The round that is made every few seconds.

use crate::desk::{Desk, Standing, evict};
use rmqtt::{
    context::ServerContext,
    shared::Entry,
    types::{Message, Reason},
    utils::timestamp_millis,
};
use std::{collections::HashMap, sync::Arc};
use tokio::time::{MissedTickBehavior, interval};

/// How long after its login a client without a session is forgotten, in milliseconds: its connecting failed in between.
const FORGET_AFTER_MS: i64 = 60_000;

/// Makes the round until the runtime ends.
pub(crate) async fn rounds(desk: Arc<Desk>) {
    let mut ticks = interval(desk.limits.recheck);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(context) = desk.context() else { return };
        let entries: Vec<_> = context.extends.shared().await.iter().collect();
        cut_off_revoked(&desk, &entries).await;
        close_finished(&entries).await;
        sweep(&desk, &context).await;
    }
}

/// Ends sessions whose login is gone or has got another secret. If the store does not answer, nobody is cut off.
async fn cut_off_revoked(desk: &Desk, entries: &[Box<dyn Entry>]) {
    let mut seen: HashMap<(String, Vec<u8>), Standing> = HashMap::new();
    for entry in entries {
        let Some(session) = entry.session() else { continue };
        let secret = session.password().map(|secret| secret.to_vec()).unwrap_or_default();
        let key = (session.id.username_ref().to_owned(), secret);
        let standing = match seen.get(&key) {
            Some(standing) => *standing,
            None => desk.standing(&key.0, &key.1).await,
        };
        if standing == Standing::Revoked {
            tracing::info!(login = key.0, "{} is cut off: its login was revoked or has got another secret", key.0);
            desk.meters.kicked.increment(1);
            evict(&**entry).await;
            desk.guests.leave(&session.id);
        }
        seen.insert(key, standing);
    }
}

/// Closes the sockets of clients that said DISCONNECT and left them open, which the library does not. A kept session whose
/// client is away takes no notice.
async fn close_finished(entries: &[Box<dyn Entry>]) {
    for entry in entries {
        let (Some(session), Some(tx)) = (entry.session(), entry.tx()) else { continue };
        if let Ok(Some(goodbye)) = session.disconnect().await {
            // Fails only if the session has ended meanwhile.
            let _ = tx.unbounded_send(Message::Closed(Reason::ConnectDisconnect(Some(goodbye))));
        }
    }
}

async fn sweep(desk: &Desk, context: &ServerContext) {
    let shared = context.extends.shared().await;
    desk.guests.sweep(timestamp_millis() - FORGET_AFTER_MS, |client_id| shared.exist(client_id));
}
