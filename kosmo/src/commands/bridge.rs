//! `kosmo bridge`: the daemon beside a radio.

use crate::{
    bridging,
    cli::BridgeCommand,
    config::Config,
    lifecycle::{Lifecycle, signals},
};
use anyhow::{Context as _, Result, bail};

pub(crate) async fn run(args: BridgeCommand, config: &Config) -> Result<()> {
    let (radio, id) = args.radio.zip(args.id).context("--radio and --id name the radio and the bridge")?;
    if config.mqtt.url.is_empty() {
        bail!("no MQTT broker is named: give --mqtt mqtt://HOST:1883, or set `mqtt.url`");
    }
    let radio = radio.parse().with_context(|| format!("`{radio}` is no radio"))?;
    let broker = config.mqtt.url.parse().with_context(|| format!("`{}` is no broker", config.mqtt.url))?;
    let password = config.mqtt.password.expose().to_owned();
    if password.is_empty() {
        tracing::warn!("the bridge has no secret: name the file it lies in with --password-file if the broker wants one");
    }
    let mut bridge = bridging::configure(config, id, radio, broker, password)?;
    bridge.ca_pem = config.mqtt.ca_pem()?;

    let signals = signals()?;
    let mut lifecycle = Lifecycle::new(config.shutdown_time());
    lifecycle.start("bridge", kosmo_bridge::run(bridge, bridging::deps(), lifecycle.shutdown()));
    lifecycle.run(signals, async { Ok(()) }).await
}
