//! Bridges, inside this process or as one of their own.

use crate::{
    config::{Config, RadioProxy},
    system::{SteadyClock, random},
};
use anyhow::{Context as _, Result, bail};
use kosmo_bridge::{Deps, ProxyConfig, RadioUrl, ShareConfig};
use kosmo_domain::BridgeId;
use kosmo_mqtt::{Login, Server};
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

/// Returns the configuration of a bridge of this name.
///
/// # Errors
/// If the folder of its spool cannot be made.
pub fn configure(config: &Config, id: BridgeId, radio: RadioUrl, broker: Server, password: String) -> Result<kosmo_bridge::Config> {
    let folder = config.bridge_dir(&id);
    crate::output::private_folder(&folder)?;
    let mut bridge = kosmo_bridge::Config::new(id, radio, broker, folder.join("spool.db"));
    bridge.proxies = proxies(config, &bridge.broker)?;
    bridge.password = (!password.is_empty()).then_some(password);
    bridge.health_metrics = config.bridge.health_metrics;
    bridge.pace.keep_alive = config.mqtt.keep_alive();
    bridge.limits.cap_bytes = config.bridge.spool_max_mb * 1024 * 1024;
    bridge.limits.max_hours = config.bridge.spool_max_days * 24;
    Ok(bridge)
}

/// Returns the configuration of a bridge that runs by itself, with the broker and the secret of the settings.
///
/// # Errors
/// If no broker is named, or a secret or a certificate cannot be read.
pub fn remote(config: &Config, id: BridgeId, radio: RadioUrl) -> Result<kosmo_bridge::Config> {
    if config.mqtt.url.is_empty() {
        bail!("no MQTT broker is named: give --mqtt mqtt://HOST:1883, or set `mqtt.url`");
    }
    let broker = config.mqtt.url.parse().with_context(|| format!("`{}` is no broker", config.mqtt.url))?;
    let secret = secret_of(config, &id)?;
    let mut bridge = configure(config, id, radio, broker, secret)?;
    bridge.ca_pem = config.mqtt.ca_pem()?;
    Ok(bridge)
}

/// Returns the secret of a bridge, which is empty if there is none. Each of several has its own.
fn secret_of(config: &Config, id: &BridgeId) -> Result<String> {
    if let Some(folder) = Config::file(&config.bridge.secrets_dir) {
        let path = folder.join(id.as_str());
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("the secret of the bridge {id} cannot be read from {}", path.display()))?;
        return Ok(text.lines().next().unwrap_or_default().trim().to_owned());
    }
    let secret = config.mqtt.password.expose();
    if config.bridge.radios.len() > 1 && !secret.is_empty() {
        bail!("several bridges have a secret each: name the folder of their files with --secrets-dir, or set `bridge.secrets_dir`");
    }
    Ok(secret.to_owned())
}

/// Returns how the radio at this place is shared with other programs, if it is: the first at the address of the settings, each other
/// one port further.
///
/// # Errors
/// If the address cannot be listened on.
pub fn shared(config: &Config, place: usize) -> Result<Option<ShareConfig>> {
    if config.bridge.share.is_empty() {
        return Ok(None);
    }
    let mut address: SocketAddr = config.bridge.share.parse().context("`bridge.share` is no address")?;
    if address.port() != 0 {
        let port = u16::try_from(place).ok().and_then(|place| address.port().checked_add(place));
        address.set_port(port.context("there are not so many ports after that of `bridge.share`")?);
    }
    let listener = TcpListener::bind(address).with_context(|| format!("the radio cannot be shared at {address} (`bridge.share`)"))?;
    Ok(Some(ShareConfig { listener: Arc::new(listener), admin: config.bridge.share_admin }))
}

/// Returns where the MQTT of radios is carried.
fn proxies(config: &Config, own: &Server) -> Result<Vec<ProxyConfig>> {
    let of_radio = |proxy: &RadioProxy| {
        let node = proxy.node().with_context(|| format!("`{}` is no node", proxy.node))?;
        let is_own = proxy.url.is_empty();
        let broker = if is_own { own.clone() } else { proxy.url.parse().with_context(|| format!("`{}` is no broker", proxy.url))? };
        let login = Login { name: proxy.login.clone(), password: proxy.password.expose().to_owned() };
        let ca_pem = match Config::file(&proxy.ca_file) {
            Some(path) => Some(std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?),
            None if is_own => config.mqtt.ca_pem()?,
            None => None,
        };
        Ok(ProxyConfig { node, broker, login: (!login.name.is_empty()).then_some(login), ca_pem })
    };
    config.bridge.proxy.iter().map(of_radio).collect()
}

/// Returns what a bridge takes from the world around it.
pub fn deps() -> Deps {
    Deps { clock: Arc::new(SteadyClock::start()), rng: Box::new(random()) }
}

/// Returns the radios that are configured, each with the name of its bridge.
///
/// # Errors
/// If a radio's address or a name does not parse.
pub fn configured(config: &Config) -> Result<Vec<(BridgeId, RadioUrl)>> {
    let named = config.bridge.radios.iter().enumerate().map(|(place, url)| {
        let radio = url.parse().with_context(|| format!("`{url}` is no radio"))?;
        Ok((numbered(&config.bridge.id, place)?, radio))
    });
    named.collect()
}

/// Returns the name of the bridge at this place: the first bears the name itself.
///
/// # Errors
/// If the number makes the name too long.
pub fn numbered(id: &BridgeId, place: usize) -> Result<BridgeId> {
    if place == 0 {
        return Ok(id.clone());
    }
    format!("{id}-{}", place + 1).parse().with_context(|| format!("`{id}` is too long a name to be numbered"))
}
