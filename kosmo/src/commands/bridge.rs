//! `kosmo bridge`: the daemon beside one radio, or several.

use crate::{
    bridging,
    config::Config,
    lifecycle::{Lifecycle, signals},
    supervised::Supervisor,
};
use anyhow::{Result, bail};

pub(crate) async fn run(config: &Config) -> Result<()> {
    let wanted = bridging::configured(config)?;
    if wanted.is_empty() {
        bail!("no radio is named: give --radio serial:/dev/ttyACM0, tcp://HOST or auto, or set `bridge.radios`");
    }
    let signals = signals()?;
    let mut lifecycle = Lifecycle::new(config.shutdown_time());
    let mut pulses = Vec::new();
    for (place, (id, radio)) in wanted.into_iter().enumerate() {
        let mut bridge = bridging::remote(config, id.clone(), radio)?;
        bridge.share = bridging::shared(config, place)?;
        if bridge.password.is_none() {
            tracing::warn!(bridge.id = %id, "the bridge has no secret: name the file it lies in with --password-file if the broker wants one");
        }
        pulses.push(bridge.pulse.clone());
        lifecycle.start(format!("bridge {id}"), kosmo_bridge::run(bridge, bridging::deps(), lifecycle.shutdown()));
    }
    if let Some(supervisor) = Supervisor::of_environment(|name| std::env::var_os(name)) {
        supervisor.ready(&format!("{} at work", if pulses.len() == 1 { "a bridge is" } else { "bridges are" }));
        let beats = move || pulses.iter().map(kosmo_bridge::Pulse::beats).collect();
        tokio::spawn(supervisor.watch(beats, lifecycle.shutdown()));
    }
    lifecycle.run(signals, async { Ok(()) }).await
}
