//! The limits of numbers, and what texts must be.

use crate::config::{Config, layers::whole, proxy, uplink};
use figment::Figment;
#[cfg(feature = "cloud")]
use kosmo_store::{Database, Vault};
use std::net::{IpAddr, SocketAddr};
use tracing_subscriber::EnvFilter;

/// What each number lies between.
pub(crate) const RANGES: [(&str, u64, u64); 28] = [
    ("database.max_connections", 2, 200),
    ("mqtt.keep_alive_s", 5, 600),
    ("broker.port", 0, 65535),
    ("broker.tls_port", 0, 65535),
    ("broker.max_clients", 1, 100_000),
    ("http.web_port", 0, 65535),
    ("http.ingestion_port", 0, 65535),
    ("http.weather_port", 0, 65535),
    ("http.gateway_port", 0, 65535),
    ("http.max_connections", 8, 100_000),
    ("bridge.spool_max_mb", 1, 100_000),
    ("bridge.spool_max_days", 1, 3650),
    ("ingestion.batch_max", 1, 500),
    ("ingestion.batch_wait_ms", 0, 1000),
    ("ingestion.receptions_days", 1, 3650),
    ("gateway.burst", 1, 1000),
    ("gateway.per_minute", 1, 600),
    ("gateway.ttl_s", 10, 604_800),
    ("gateway.answer_window_h", 1, 720),
    ("gateway.streams_max", 8, 100_000),
    ("retention.raw_days", 8, 36_500),
    ("retention.events_days", 2, 36_500),
    ("retention.operators_days", 1, 36_500),
    ("retention.messages_days", 0, 36_500),
    ("retention.packets_days", 1, 400),
    ("retention.packets_max", 0, 10_000_000),
    ("limits.worker_threads", 1, 64),
    ("limits.shutdown_s", 1, 300),
];

/// Hands every number that is out of bounds to `refuse`, with its key and what it must be.
pub(crate) fn check_numbers(values: &Figment, mut refuse: impl FnMut(&str, String)) {
    for (key, min, max) in RANGES {
        let value = values.find_value(key).ok().as_ref().and_then(whole);
        if let Some(value) = value.filter(|value| !(u128::from(min)..=u128::from(max)).contains(value)) {
            refuse(key, format!("is {value}; it lies between {min} and {max}"));
        }
    }
}

/// Hands every text that is not what it must be to `refuse`.
pub(crate) fn check_texts(config: &Config, mut refuse: impl FnMut(&str, String)) {
    if config.data.dir.as_os_str().is_empty() {
        refuse("data.dir", "is empty; it names a folder".to_owned());
    }
    #[cfg(feature = "cloud")]
    if !config.database.url.is_empty() && config.database.url.expose().parse::<Database>().is_err() {
        refuse("database.url", "is none; a database is `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`".to_owned());
    }
    #[cfg(feature = "cloud")]
    if !config.secrets.key.is_empty() && config.secrets.key.expose().parse::<Vault>().is_err() {
        refuse("secrets.key", "is none; a key is 64 hexadecimal digits, such as `openssl rand -hex 32` prints".to_owned());
    }
    if !config.bridge.share.is_empty() && config.bridge.share.parse::<SocketAddr>().is_err() {
        refuse("bridge.share", "is no address with a port, like `127.0.0.1:4450`".to_owned());
    }
    if config.auth.dev_header && !config.http.address.is_loopback() {
        refuse("auth.dev_header", dev_header_elsewhere(config.http.address));
    }
    uplink::check(&config.ingestion.uplink, &mut refuse);
    proxy::check(&config.bridge.proxy, &mut refuse);
    if let Err(error) = EnvFilter::try_new(&config.log.level) {
        refuse("log.level", format!("is not understood: {error}"));
    }
    let (cert, key) = (Config::file(&config.broker.tls_cert_file), Config::file(&config.broker.tls_key_file));
    if cert.is_some() != key.is_some() {
        let missing = if cert.is_some() { "broker.tls_key_file" } else { "broker.tls_cert_file" };
        refuse(missing, "is empty; a certificate and its key go together".to_owned());
    }
}

fn dev_header_elsewhere(address: IpAddr) -> String {
    format!(
        "is true, and `http.address` is {address}, where other machines can ask: with this header anybody is any member. Leave it out, or \
         set `http.address` to 127.0.0.1"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layers::defaults;

    #[test]
    fn every_number_has_a_range_that_its_default_lies_in() {
        let mut numbers = Vec::new();
        for (section, values) in defaults() {
            for (name, value) in values.as_dict().unwrap() {
                numbers.extend(whole(value).map(|number| (format!("{section}.{name}"), number)));
            }
        }
        numbers.sort();
        let mut ranges = RANGES;
        ranges.sort_unstable();
        assert_eq!(numbers.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ranges.map(|(key, ..)| key));
        for ((_, number), (key, min, max)) in numbers.iter().zip(ranges) {
            assert!((u128::from(min)..=u128::from(max)).contains(number), "{key}");
        }
    }
}
