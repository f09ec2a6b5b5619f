//! `kosmo bridge status` beside radios that are not set up as they should be: each is named with the word for what is wrong with it.

use crate::{cli::kosmo, wellbeing::Running};
use kosmo_domain::{ManualClock, NodeId, Timestamp};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, channel::Role, config::PayloadVariant as Section,
        config::device_config::Role as NodeRole, module_config::PayloadVariant as Module,
    },
};
use kosmo_sim::{Config, Mesh, Reach};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_mins(1);

#[expect(clippy::disallowed_methods, reason = "the program under test goes by the machine's clock, and so do the radios beside it")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_seconds(u32::try_from(since.as_secs()).unwrap())
}

/// A mesh of four radios, whose clocks say this.
async fn mesh(clock: Timestamp, end: &CancellationToken) -> Mesh {
    let quiet = Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into(); 4],
        interval: None,
        chat_every: None,
        people: Vec::new(),
        ..Config::default()
    };
    Mesh::start(quiet, Arc::new(ManualClock::at(clock)), end.clone()).await.unwrap()
}

fn lora(change: impl FnOnce(&mut proto::config::LoRaConfig)) -> Admin {
    let mut lora = proto::config::LoRaConfig { use_preset: true, region: 3, hop_limit: 3, tx_enabled: true, ..Default::default() };
    change(&mut lora);
    Admin::SetConfig(proto::Config { payload_variant: Some(Section::Lora(lora)) })
}

/// Asks how all bridges of a folder are, until each has the word that is expected of it.
fn until_found(folder: &std::path::Path, expected: &BTreeMap<String, &str>) -> serde_json::Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = kosmo(&["bridge", "status", "--json"], folder);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let bridges = report["bridges"].as_array().cloned().unwrap_or_default();
        let has = |bridge: &serde_json::Value, code: &str| {
            bridge["findings"].as_array().is_some_and(|findings| findings.iter().any(|finding| finding["code"] == code))
        };
        let found = |(name, code): (&String, &&str)| bridges.iter().any(|bridge| bridge["bridge"] == **name && has(bridge, code));
        if expected.iter().all(found) {
            return report;
        }
        assert!(Instant::now() < deadline, "not all of {expected:?} in {report:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_radio_that_is_not_set_up_well_is_named_with_its_word_and_so_is_a_secret_that_is_wrong() {
    let end = CancellationToken::new();
    let _end = end.clone().drop_guard();
    let (right, wrong) = (mesh(now(), &end).await, mesh(now().minus(Duration::from_hours(3)), &end).await);
    let off = Admin::SetChannel(proto::Channel { index: 0, settings: None, role: Role::Disabled.into() });
    let owner = proto::User { long_name: "DO1ABC".into(), is_licensed: true, ..Default::default() };
    let mute = proto::config::DeviceConfig { role: NodeRole::ClientMute.into(), ..Default::default() };
    let mqtt = proto::module_config::MqttConfig { enabled: true, proxy_to_client_enabled: true, ..Default::default() };
    let states: [(&Mesh, &str, Option<Admin>); 8] = [
        (&right, "region_unset", Some(lora(|lora| lora.region = 0))),
        (&right, "transmit_off", Some(lora(|lora| lora.tx_enabled = false))),
        (&right, "no_primary_channel", Some(off)),
        (&right, "licensed", Some(Admin::SetOwner(owner))),
        (&wrong, "client_mute", Some(Admin::SetConfig(proto::Config { payload_variant: Some(Section::Device(mute)) }))),
        (&wrong, "radio_clock", None),
        (&wrong, "broker_refused", None),
        (&wrong, "proxy_missing", Some(Admin::SetModuleConfig(proto::ModuleConfig { payload_variant: Some(Module::Mqtt(mqtt)) }))),
    ];

    let names: Vec<_> = (1..=states.len()).map(|place| if place == 1 { "roof".to_owned() } else { format!("roof-{place}") }).collect();
    let acl = names.iter().fold(String::new(), |acl, name| acl + &format!("user {name}\ntopic readwrite kosmo/#\n\n"));
    let logins = names.iter().map(|name| (name.clone(), format!("secret of {name}"))).collect();
    let broker = Mosquitto::start(&MosquittoOptions { logins, acl: Some(acl), ..MosquittoOptions::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kosmo"));
    command.args(["bridge", "--id", "roof", "--mqtt", &broker.url(), "--secrets-dir", "secrets"]);
    for (place, ((mesh, code, change), name)) in states.iter().zip(&names).enumerate() {
        let radio = mesh.radio(place % 4);
        if let Some(change) = change {
            radio.set_up(change.clone());
        }
        command.args(["--radio", &format!("tcp://{}", radio.address())]);
        let secret = if *code == "broker_refused" { "another one".to_owned() } else { format!("secret of {name}") };
        std::fs::write(secrets.join(name), secret).unwrap();
    }
    let bridges = command.current_dir(folder.path()).env_clear().stderr(Stdio::null()).spawn().unwrap();
    let bridges = Running(bridges);

    // A radio's clock shows by what it hears.
    let station = wrong.nodes().iter().map(|node| node.id).find(|id| (0..4).all(|place| wrong.radio(place).node() != *id)).unwrap();
    wrong.radio(1).attached().wait_for(|attached| *attached).await.unwrap();
    let weather = proto::EnvironmentMetrics { temperature: Some(20.0), ..Default::default() };
    let telemetry = proto::Telemetry { time: 0, variant: Some(proto::telemetry::Variant::EnvironmentMetrics(weather)) };
    let data = proto::Data { portnum: PortNum::TelemetryApp.into(), payload: telemetry.encode_to_vec(), ..Default::default() };
    wrong.send(station, NodeId::BROADCAST, data, Reach::EveryRadio).unwrap();

    let expected = names.iter().cloned().zip(states.iter().map(|(_, code, _)| *code)).collect();
    let place = folder.path().to_owned();
    let report = tokio::task::spawn_blocking(move || until_found(&place, &expected)).await.unwrap();
    for bridge in report["bridges"].as_array().unwrap() {
        for finding in bridge["findings"].as_array().unwrap() {
            assert!(finding["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{finding}");
            assert!(bridge["bridge"] == "roof-7" || finding["code"] != "broker_refused", "every other secret is right: {bridge:#}");
        }
    }
    // What is wrong with one is wrong with no other.
    let output = kosmo(&["bridge", "status", "roof-5"], folder.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[client_mute]") && !text.contains("[region_unset]"), "{text}");
    drop(bridges);
}

/// Returns how much memory of its own a process has, in kB: what is neither a page of a file nor shared.
fn own_memory_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_beside_a_radio_that_hears_much_has_under_25_mb_of_memory_of_its_own() {
    const PACKETS: u32 = 300;
    let end = CancellationToken::new();
    let _end = end.clone().drop_guard();
    let mesh = mesh(now(), &end).await;
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kosmo"));
    command.args(["bridge", "--id", "roof", "--mqtt", &broker.url(), "--radio", &format!("tcp://{}", mesh.radio(0).address())]);
    let child = command.current_dir(folder.path()).env_clear().stderr(Stdio::null()).spawn().unwrap();
    let (process, bridge) = (child.id(), Running(child));
    mesh.radio(0).attached().wait_for(|attached| *attached).await.unwrap();

    let station = mesh.nodes().iter().map(|node| node.id).find(|id| (0..4).all(|place| mesh.radio(place).node() != *id)).unwrap();
    let weather = proto::EnvironmentMetrics { temperature: Some(20.0), ..Default::default() };
    let telemetry = proto::Telemetry { time: 0, variant: Some(proto::telemetry::Variant::EnvironmentMetrics(weather)) };
    let data = proto::Data { portnum: PortNum::TelemetryApp.into(), payload: telemetry.encode_to_vec(), ..Default::default() };
    let received = || async {
        let place = folder.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || kosmo(&["bridge", "status", "--json"], &place).stdout).await.unwrap();
        let report: serde_json::Value = serde_json::from_slice(&asked).unwrap_or_default();
        report["bridges"][0]["status"]["counters"]["packets_received"].as_u64().unwrap_or(0)
    };
    let deadline = Instant::now() + PATIENCE;
    // A radio keeps a few dozen packets for its client: of what comes too fast it loses some, and more is sent.
    while received().await < u64::from(PACKETS) {
        for _ in 0..PACKETS / 10 {
            mesh.send(station, NodeId::BROADCAST, data.clone(), Reach::EveryRadio).unwrap();
            tokio::task::yield_now().await;
        }
        assert!(Instant::now() < deadline, "the bridge hears too little");
    }
    let memory = own_memory_kb(process);
    assert!(memory < 25 * 1024, "{memory} kB");
    drop(bridge);
}
