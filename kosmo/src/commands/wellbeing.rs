//! `kosmo bridge status` and `kosmo doctor`: how bridges are, what is wrong, and what to do about it.

use crate::{
    bridging,
    config::Config,
    output::{plain, say},
    system::{SystemClock, random},
};
use anyhow::{Context as _, Result};
use kosmo_bridge::{
    health::{Severity, Shown, Trouble},
    local::{self, Report},
    probe::probe,
};
use kosmo_contract::{RadioLink, Status};
use kosmo_domain::{BridgeId, Clock as _, Timestamp};
use serde::Serialize;
use std::{fmt, fs, io, path::Path, time::Duration};

/// How long radio and broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same for one handshake, of which there are two.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A clock before this second (the beginning of 2024) was never set.
const EARLIEST: Timestamp = Timestamp::from_unix_seconds(1_704_067_200);

/// Says how bad the worst is, which is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Something works in part.
    Limited,
    /// Something does not do what it is there for.
    Broken,
}

impl Verdict {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Limited => 5,
            Self::Broken => 6,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limited => "something works in part only",
            Self::Broken => "something is broken",
        })
    }
}

impl std::error::Error for Verdict {}

/// What is told of one bridge.
#[derive(Debug, Serialize)]
struct Told {
    bridge: BridgeId,
    running: bool,
    #[serde(flatten)]
    report: Option<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    radio_seen: Option<kosmo_contract::RadioStatus>,
    /// What is wrong, the worst first.
    findings: Vec<Shown>,
}

/// Tells how the bridges of this machine are, or one of them.
pub(crate) async fn status(id: Option<BridgeId>, json: bool, config: &Config) -> Result<()> {
    let ids = match id {
        Some(id) => vec![id],
        None => known(config)?,
    };
    if ids.is_empty() {
        return say("no bridge ever ran with this data folder (`--data`, or `data.dir`)");
    }
    let mut bridges = Vec::new();
    for id in ids {
        bridges.push(ask(id, config).await?);
    }
    tell(&[], &bridges, json)
}

/// Looks at this machine, and at each bridge: at one that runs by asking it, at one that does not by trying its radio and broker.
pub(crate) async fn doctor(json: bool, config: &Config) -> Result<()> {
    let mut machine = Vec::new();
    if SystemClock.now() < EARLIEST {
        machine.push(shown(Trouble::Clock, "this machine does not know what time it is"));
    }
    if let Some(finding) = try_disk(&config.data.dir) {
        machine.push(finding);
    }
    let wanted = bridging::configured(config)?;
    let mut bridges = Vec::new();
    for (id, radio) in wanted {
        let mut bridge = ask(id.clone(), config).await?;
        if !bridge.running {
            let mut settings = bridging::remote(config, id, radio)?;
            // What it leads to is asked for a moment, and nobody waits for it as long as a bridge would.
            settings.pace.session.handshake = HANDSHAKE;
            let probed = probe(&settings, &mut random(), PATIENCE).await;
            bridge.findings.extend(probed.findings);
            bridge.radio_seen = Some(probed.radio);
        }
        bridges.push(bridge);
    }
    for id in known(config)? {
        if !bridges.iter().any(|bridge: &Told| bridge.bridge == id) {
            bridges.push(ask(id, config).await?);
        }
    }
    if bridges.is_empty() && !json {
        say("no radio is named, and no bridge ever ran here: give --radio auto, or set `bridge.radios`")?;
    }
    tell(&machine, &bridges, json)
}

/// Returns the bridges that ever ran with this data folder.
fn known(config: &Config) -> Result<Vec<BridgeId>> {
    let folder = config.data.dir.join("bridges");
    let folders = match fs::read_dir(&folder) {
        Ok(folders) => folders.flatten(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("{} cannot be looked into; ask as the user that the bridge runs as", folder.display()));
        }
    };
    let mut ids: Vec<BridgeId> = folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    ids.sort();
    Ok(ids)
}

async fn ask(id: BridgeId, config: &Config) -> Result<Told> {
    let path = config.bridge_dir(&id).join("status.sock");
    let mut report = local::ask(&path).await.with_context(|| format!("the bridge {id} does not answer"))?;
    let findings = match &mut report {
        Some(report) => std::mem::take(&mut report.findings),
        None => vec![shown(Trouble::NotRunning, &format!("the bridge {id} does not run on this machine"))],
    };
    Ok(Told { bridge: id, running: report.is_some(), report, radio_seen: None, findings })
}

fn shown(trouble: Trouble, says: &str) -> Shown {
    kosmo_bridge::health::Finding::new(trouble, says).shown()
}

/// Tries whether the data folder can be written to; one that is not there yet says nothing.
fn try_disk(folder: &Path) -> Option<Shown> {
    if !folder.exists() {
        return None;
    }
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let tried = fs::write(&path, [0; 4096]);
    let _ = fs::remove_file(&path);
    tried.err().map(|error| shown(Trouble::DiskFull, &format!("the data folder {} cannot be written to: {error}", folder.display())))
}

fn tell(machine: &[Shown], bridges: &[Told], json: bool) -> Result<()> {
    let all = || machine.iter().chain(bridges.iter().flat_map(|bridge| &bridge.findings));
    let worst = all().map(|finding| finding.severity).max();
    if json {
        say(&serde_json::to_string_pretty(&serde_json::json!({ "machine": machine, "bridges": bridges }))?)?;
    } else {
        let mut lines = Vec::new();
        lines.extend(machine.iter().flat_map(finding_lines));
        for bridge in bridges {
            lines.push(headline(bridge));
            lines.extend(bridge.findings.iter().flat_map(finding_lines));
        }
        if worst.is_none() {
            lines.push("Nothing is wrong.".to_owned());
        }
        say(&lines.join("\n"))?;
    }
    match worst {
        Some(Severity::Broken) => Err(Verdict::Broken.into()),
        Some(Severity::Limited) => Err(Verdict::Limited.into()),
        Some(Severity::Note) | None => Ok(()),
    }
}

fn headline(bridge: &Told) -> String {
    let Some(report) = &bridge.report else {
        let radio = bridge.radio_seen.as_ref().filter(|radio| radio.link == RadioLink::Ready);
        let seen = radio.and_then(|radio| radio.node_id).map(|node| format!("; its radio {node} answers")).unwrap_or_default();
        return format!("{}: does not run{seen}", bridge.bridge);
    };
    let Status { radio, queues, uptime_s, .. } = &report.status;
    let mut parts = vec![format!("runs for {}", span(uptime_s.unwrap_or(0)))];
    if let Some(radio) = radio {
        let link = match radio.link {
            RadioLink::Ready => "ready",
            RadioLink::Connecting => "connecting",
            RadioLink::Down => "down",
        };
        let named = radio.node_id.map(|node| format!(" {node}")).unwrap_or_default();
        let place = report.place.as_deref().unwrap_or(&report.radio);
        parts.push(format!("radio{named} at {} {link} for {}", plain(place), span(radio.link_s.unwrap_or(0))));
        let settings = [&radio.region, &radio.modem_preset].into_iter().flatten().map(|name| plain(name)).collect::<Vec<_>>().join(" ");
        parts.extend(Some(settings).filter(|settings| !settings.is_empty()));
    }
    if let Some(queues) = queues {
        let waiting = queues.ingest.waiting + queues.gateway.waiting;
        parts.push(format!("{waiting} records wait for the cloud ({} kB)", report.spool_bytes / 1000));
        if queues.outbound.waiting + queues.outbound.in_flight > 0 {
            parts.push(format!("{} texts wait for the radio", queues.outbound.waiting + queues.outbound.in_flight));
        }
    }
    format!("{}: {}", bridge.bridge, parts.join(" · "))
}

fn finding_lines(finding: &Shown) -> [String; 2] {
    let mark = match finding.severity {
        Severity::Broken => "✗",
        Severity::Limited => "!",
        Severity::Note => "·",
    };
    [format!("  {mark} {} [{}]", plain(&finding.says), plain(&finding.code)), format!("      {}", plain(&finding.remedy))]
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
