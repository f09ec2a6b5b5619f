//! `kosmo sim`: simulated radios by themselves.

use crate::{
    cli,
    config::Config,
    lifecycle::{Lifecycle, signals},
    listen::{Addresses, remove_ready_file, write_ready_file},
    output::say,
    system::SystemClock,
};
use anyhow::{Context as _, Result};
use kosmo_sim::Mesh;
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub(crate) async fn run(args: cli::Sim, config: &Config) -> Result<()> {
    let signals = signals()?;
    let mut lifecycle = Lifecycle::new(config.shutdown_time());
    let mesh = start(&args.mesh, &mut lifecycle).await?;
    let addresses: Addresses =
        mesh.addresses().iter().zip(1..).map(|(address, number)| (format!("radio-{number}"), format!("tcp://{address}"))).collect();
    if let Some(path) = &args.ready_file {
        write_ready_file(path, &addresses)?;
    }
    let listed = addresses.values().map(String::as_str).collect::<Vec<_>>().join("  ");
    let announced = say(&format!("\nSimulated radios, for any Meshtastic client: {listed}\nCtrl-C ends it.\n"));
    let outcome = lifecycle.run(signals, async { announced }).await;
    if let Some(path) = &args.ready_file {
        remove_ready_file(path);
    }
    outcome
}

/// Returns what the mesh is to be like.
pub(crate) fn configure(mesh: &cli::Mesh) -> kosmo_sim::Config {
    let ports = (0..mesh.radios).map(|place| if mesh.radio_port == 0 { 0 } else { mesh.radio_port.saturating_add(place) });
    kosmo_sim::Config {
        seed: mesh.seed,
        listen: ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).collect(),
        interval: Some(Duration::from_secs(mesh.every)),
        ..kosmo_sim::Config::default()
    }
}

/// Starts a mesh as a role.
pub(crate) async fn start(args: &cli::Mesh, lifecycle: &mut Lifecycle) -> Result<Mesh> {
    let config = configure(args);
    let last = config.listen.last().map_or(0, SocketAddr::port);
    let mesh = Mesh::start(config, Arc::new(SystemClock), lifecycle.shutdown()).await.with_context(|| {
        format!("the simulated radios cannot listen on ports {} to {last}: choose others with --radio-port", args.radio_port)
    })?;
    let running = mesh.clone();
    lifecycle.start("the simulated mesh", async move {
        running.stopped().await;
        Ok::<_, Infallible>(())
    });
    Ok(mesh)
}
