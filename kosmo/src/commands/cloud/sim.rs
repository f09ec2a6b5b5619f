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
use kosmo_domain::Clock as _;
use kosmo_sim::{Firmware, Mesh, Rehearsal, Scenario};
use std::{
    convert::Infallible,
    fs::{self, File},
    io::{BufWriter, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

pub(crate) async fn run(args: cli::Sim, config: &Config) -> Result<()> {
    let sim = described(&args)?;
    if let Some(hours) = args.ahead {
        return rehearse(&sim, Duration::from_hours(hours), args.air_log.as_deref());
    }
    let signals = signals()?;
    let mut lifecycle = Lifecycle::new(config.shutdown_time());
    let mesh = offer(sim, args.mesh.radio_port, &mut lifecycle).await?;
    if let Some(path) = &args.air_log {
        let file = tokio::fs::File::create(path).await.with_context(|| format!("{} cannot be written", path.display()))?;
        let (mesh, shutdown) = (mesh.clone(), lifecycle.shutdown());
        lifecycle.start("the log of the air", async move { mesh.log_air(file, shutdown).await });
    }
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

/// Returns what the mesh is to be like, by a scenario or by the flags.
fn described(args: &cli::Sim) -> Result<kosmo_sim::Config> {
    let firmware = match args.firmware {
        cli::Firmware::V27 => Firmware::V27,
        cli::Firmware::V28 => Firmware::V28,
        cli::Firmware::V28Alpha => Firmware::V28Alpha,
    };
    let Some(path) = &args.scenario else {
        return Ok(kosmo_sim::Config { firmware, queue: firmware.queue(), ..configure(&args.mesh) });
    };
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let scenario = Scenario::parse_with(&text, args.mesh.seed, firmware).with_context(|| format!("{} is no scenario", path.display()))?;
    Ok(kosmo_sim::Config::of_scenario(scenario, IpAddr::V4(Ipv4Addr::LOCALHOST), args.mesh.radio_port))
}

/// Lets time pass as fast as it can be computed.
fn rehearse(sim: &kosmo_sim::Config, span: Duration, air_log: Option<&Path>) -> Result<()> {
    let mut file = air_log.map(File::create).transpose().context("the log of the air cannot be written")?.map(BufWriter::new);
    let mut outcome = Ok(());
    let mut rehearsal = Rehearsal::new(sim, SystemClock.now());
    rehearsal.run(span, |on_air| {
        if let (Some(file), true) = (&mut file, outcome.is_ok()) {
            outcome = writeln!(file, "{}", on_air.json_line());
        }
    });
    outcome.and_then(|()| file.as_mut().map_or(Ok(()), BufWriter::flush)).context("the log of the air cannot be written")?;
    say(&format!("{} hours: {}\n", span.as_secs() / 3_600, rehearsal.tally()))
}

/// Returns what the built-in region is to be like.
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
    let sim = kosmo_sim::Config { plan: kosmo_sim::demonstration(args.seed), ..configure(args) };
    offer(sim, args.radio_port, lifecycle).await
}

async fn offer(config: kosmo_sim::Config, first: u16, lifecycle: &mut Lifecycle) -> Result<Mesh> {
    let last = config.listen.last().map_or(0, SocketAddr::port);
    let mesh = Mesh::start(config, Arc::new(SystemClock), lifecycle.shutdown())
        .await
        .with_context(|| format!("the simulated radios cannot listen on ports {first} to {last}: choose others with --radio-port"))?;
    let running = mesh.clone();
    lifecycle.start("the simulated mesh", async move {
        running.stopped().await;
        Ok::<_, Infallible>(())
    });
    Ok(mesh)
}
