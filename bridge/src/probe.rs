//! A look at radio and broker without a bridge: connect, hear who they are, leave. Nothing is taken into a spool.

use crate::{
    config::Config,
    health::{Finding, Shown, Trouble},
    link::{Link, LinkEvent, Loss},
    radio::Radio,
};
use kosmo_contract::{RadioLink, RadioStatus};
use kosmo_domain::Uptime;
use kosmo_meshtastic::{
    lockdown::Lockdown,
    session::{CloseReason, Event, Input, Output, Session, SessionConfig},
};
use kosmo_mqtt::{ConnectionState, Login, Options, Reason};
use rand::{RngCore, SeedableRng as _, rngs::StdRng};
use std::{cmp::Reverse, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// How long a radio that told nothing of its firmware may take to say that it is locked.
const LOCKDOWN: Duration = Duration::from_secs(1);
/// How long the goodbye may take.
const LEAVE: Duration = Duration::from_secs(2);

/// What a look showed.
#[derive(Debug, Clone)]
pub struct Probed {
    /// What the radio's address led to, if it led anywhere.
    pub place: Option<String>,
    /// What the radio says of itself.
    pub radio: RadioStatus,
    /// What is wrong, the worst first.
    pub findings: Vec<Shown>,
}

/// Looks at the radio and the broker of a bridge that does not run, for so long at most.
pub async fn probe(config: &Config, rng: &mut impl RngCore, patience: Duration) -> Probed {
    let (link_rng, broker_rng) = (StdRng::from_rng(rng), StdRng::from_rng(rng));
    let (radio, broker) = tokio::join!(probe_radio(config, rng.next_u32(), link_rng, patience), probe_broker(config, broker_rng, patience));
    let mut findings = radio.link_findings();
    findings.extend(broker);
    findings.extend(radio.findings());
    findings.sort_by_key(|finding| Reverse(finding.trouble.severity()));
    Probed { place: radio.place().map(str::to_owned), radio: radio.status(), findings: findings.iter().map(Finding::shown).collect() }
}

async fn probe_radio(config: &Config, nonce: u32, rng: StdRng, patience: Duration) -> Radio {
    let started = Instant::now();
    let uptime = || Uptime(started.elapsed());
    let mut link = Link::start(config.radio.clone(), config.places.clone(), config.pace.radio, rng);
    let mut session = Session::new(SessionConfig { nonce }).paced(config.pace.session);
    let mut radio = Radio::new(None, config.pace.radio_busy);
    let mut connection = None;
    let mut told_at = None;
    let looked = async {
        loop {
            let tick = session.poll_timeout().map(|(at, _)| started + at.0);
            let told_by = told_at.map_or(started, |at: Instant| at + LOCKDOWN);
            let event = tokio::select! {
                event = link.next() => Some(event),
                () = sleep_until(tick.unwrap_or(started)), if tick.is_some() => None,
                () = sleep_until(told_by), if told_at.is_some() => return,
            };
            match event {
                None => session.handle(Input::Tick, uptime()),
                Some(LinkEvent::Connected(opened, place)) => {
                    connection = Some(opened);
                    radio.note_connected(place, session.dropped().garbage_bytes);
                    session.handle(Input::Connected, uptime());
                }
                Some(LinkEvent::Received(bytes)) => session.handle(Input::Received(&bytes), uptime()),
                Some(LinkEvent::Lost(loss)) => {
                    radio.note_lost(&loss, &config.radio, session.dropped().garbage_bytes);
                    return;
                }
            }
            while let Some(output) = session.poll_output() {
                match (output, connection) {
                    (Output::Write(bytes), Some(connection)) => drop(link.write(connection, bytes)),
                    (Output::Close(reason), Some(connection)) => {
                        radio.note_closing(reason);
                        link.close(connection);
                    }
                    (Output::Event(Event::Configured(state)), _) => {
                        radio.note_configured(&state);
                        if state.firmware.is_some() {
                            return;
                        }
                        told_at = Some(Instant::now());
                    }
                    (Output::Event(Event::Lockdown(lockdown)), _) => {
                        if lockdown == Lockdown::Locked {
                            radio.note_locked();
                        }
                        return;
                    }
                    (Output::Write(_) | Output::Close(_) | Output::Event(_), _) => {}
                }
            }
        }
    };
    if timeout(patience, looked).await.is_err() && connection.is_some() && radio.status().link == RadioLink::Connecting {
        // What it said until then is told by what the session would have said at the end of its own patience.
        radio.note_closing(CloseReason::HandshakeTimeout);
        radio.note_lost(&Loss::Closed, &config.radio, session.dropped().garbage_bytes);
    }
    session.handle(Input::Shutdown, uptime());
    while let (Some(output), Some(connection)) = (session.poll_output(), connection) {
        match output {
            Output::Write(bytes) => drop(link.write(connection, bytes)),
            Output::Close(_) => drop(link.close(connection)),
            Output::Event(_) => {}
        }
    }
    link.finish(LEAVE).await;
    radio
}

async fn probe_broker(config: &Config, rng: StdRng, patience: Duration) -> Option<Finding> {
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let login = config.password.clone().map(|password| Login { name: config.bridge.to_string(), password });
    // A client of its own, which throws no bridge out.
    let options =
        Options { ca_pem: config.ca_pem.clone(), login, ..Options::new(config.broker.clone(), format!("kosmo-doctor-{}", config.bridge)) };
    let away = |reason: String| Finding::new(Trouble::BrokerAway, format!("no connection to the broker {}: {reason}", config.broker));
    let client = match kosmo_mqtt::connect(options, rng, stop) {
        Ok((client, _)) => client,
        Err(error) => return Some(away(error.to_string())),
    };
    let mut state = client.state();
    let told = state.wait_for(|state| !matches!(state, ConnectionState::Connecting));
    match timeout(patience, told).await {
        Ok(Ok(state)) => match &*state {
            ConnectionState::Disconnected { reason: Reason::Refused(refusal), .. } => {
                Some(Finding::new(Trouble::BrokerRefused, format!("the broker {} refuses this bridge: {refusal}", config.broker)))
            }
            ConnectionState::Disconnected { reason, .. } => Some(away(reason.to_string())),
            ConnectionState::Connecting | ConnectionState::Connected | ConnectionState::Closed => None,
        },
        Ok(Err(_)) | Err(_) => Some(away("it does not answer".to_owned())),
    }
}
