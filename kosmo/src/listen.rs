//! Listeners, and telling others where they are.

use anyhow::{Context as _, Result, anyhow};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
};
use tokio::net::TcpListener;

/// Listens on an address.
///
/// # Errors
/// In words that name the remedy.
pub async fn listen(what: &str, address: SocketAddr, key: &str) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.map_err(|error| refused(what, address, key, &error))?;
    let bound = listener.local_addr().context("a listener has no address")?;
    Ok((listener, bound))
}

/// Says in words why an address cannot be listened on, and what to do about it.
pub fn refused(what: &str, address: SocketAddr, key: &str, error: &io::Error) -> anyhow::Error {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "port {port} for {what} is in use: is KosmoConnect running already? Otherwise choose another port, with `{key}` in kosmo.toml or with a flag"
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow!("port {port} for {what} may not be listened on: ports below 1024 are the system's; choose another one with `{key}`")
        }
        io::ErrorKind::AddrNotAvailable => anyhow!("{} for {what} is no address of this machine: see `{key}`", address.ip()),
        _ => anyhow!("{address} for {what} cannot be listened on: {error}"),
    }
}

/// Returns where to connect to a listener from this machine: what listens everywhere listens on loopback, too.
pub const fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What is ready, and where: name and address.
pub type Addresses = BTreeMap<String, String>;

/// Writes the addresses to a file as one JSON object, all at once, so that whoever waits for the file never reads half of it.
///
/// # Errors
/// If the file cannot be written.
pub fn write_ready_file(path: &Path, addresses: &Addresses) -> Result<()> {
    let json = serde_json::to_string_pretty(addresses).context("addresses are texts")?;
    let partial = path.with_extension("partial");
    std::fs::write(&partial, json)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("the ready file {} cannot be written", path.display()))
}

/// Removes the file: whoever waits for the next start must not find this one's.
pub fn remove_ready_file(path: &Path) {
    // It may be gone already, and nothing depends on it any more.
    let _ = std::fs::remove_file(path);
}
