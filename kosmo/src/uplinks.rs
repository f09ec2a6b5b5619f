//! The brokers that nodes publish to, put together from the settings.

use crate::{
    config::{Config, UplinkBroker},
    secrets,
    system::random,
};
use anyhow::{Context as _, Result};
use kosmo_domain::{DAY, Trust};
use kosmo_ingestion::uplink::{OWN, Source, UplinkConfig};
use kosmo_mqtt::{Login, Options};
use rand::RngCore as _;

/// Returns what is listened to: our own broker with `own`, unless that is switched off, and those that are configured.
///
/// # Errors
/// If a name, an address or a certificate is none.
pub fn configured(config: &Config, own: Options) -> Result<UplinkConfig> {
    let settings = &config.ingestion;
    let mut sources = Vec::new();
    if settings.own_uplink {
        // Each packet goes to one of the replicas.
        let filters = vec!["$share/uplink/msh/#".to_owned()];
        let name = OWN.parse().context("the name of the own broker")?;
        sources.push(Source { name, mqtt: own, filters, trust: Trust::Claimed, public: true });
    }
    for broker in &settings.uplink {
        sources.push(source(broker, config).with_context(|| format!("the uplink `{}`", broker.name))?);
    }
    let mut uplink = UplinkConfig::new(sources, secrets::vault(config)?);
    uplink.preset_channels = settings.preset_channels;
    uplink.legacy_json = settings.legacy_json;
    uplink.keep_receptions = DAY * settings.receptions_days;
    uplink.keep_packets = config.retention.keep_packets();
    uplink.oldest = config.retention.keep().readings;
    Ok(uplink)
}

fn source(broker: &UplinkBroker, config: &Config) -> Result<Source> {
    let client_id = format!("kosmo-{}-{:08x}", broker.name, random().next_u32());
    let mut mqtt = Options::new(broker.url.parse()?, client_id).with_keep_alive(config.mqtt.keep_alive());
    mqtt.login = (!broker.login.is_empty()).then(|| Login { name: broker.login.clone(), password: broker.password.expose().to_owned() });
    mqtt.ca_pem = Config::file(&broker.ca_file)
        .map(|path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display())))
        .transpose()?;
    let trust = if broker.trusted { Trust::Claimed } else { Trust::Relayed };
    Ok(Source {
        name: format!("{OWN}-{}", broker.name).parse()?,
        mqtt,
        filters: vec![format!("{}/#", broker.root)],
        trust,
        public: broker.public,
    })
}
