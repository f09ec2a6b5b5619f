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
use kosmo_sim::{Act, Config, Mesh, RadioAct, Reach};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use rand::{SeedableRng as _, rngs::StdRng};
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

/// Asks with these words until the bridge called so has a finding, or has it no longer, and returns the report.
fn until_told(folder: &std::path::Path, args: &[&str], bridge: &str, code: &str, has: bool) -> serde_json::Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report: serde_json::Value = serde_json::from_slice(&kosmo(args, folder).stdout).unwrap_or_default();
        let told = report["bridges"].as_array().and_then(|bridges| bridges.iter().find(|told| told["bridge"] == bridge));
        let findings = told.and_then(|told| told["findings"].as_array());
        if findings.is_some_and(|findings| findings.iter().any(|finding| finding["code"] == code) == has) {
            return told.cloned().unwrap_or_default();
        }
        assert!(Instant::now() < deadline, "{code} of {bridge} should be {has} in {report:#}");
    }
}

/// A bridge in this process, where its waits are short, that the program under test asks like one of its own.
fn impatient_bridge(folder: &std::path::Path, id: &str, radio: std::net::SocketAddr, clock: Timestamp, end: &CancellationToken) {
    let spool = folder.join("data/bridges").join(id).join("spool.db");
    std::fs::create_dir_all(spool.parent().unwrap()).unwrap();
    let (radio, broker) = (format!("tcp://{radio}").parse().unwrap(), "mqtt://127.0.0.1:9".parse().unwrap());
    let mut config = kosmo_bridge::Config::new(id.parse().unwrap(), radio, broker, spool);
    config.pace.radio_busy = Duration::from_millis(500);
    config.pace.session.heartbeat = Duration::from_millis(200);
    let deps = kosmo_bridge::Deps { clock: Arc::new(ManualClock::at(clock)), rng: Box::new(StdRng::seed_from_u64(4)) };
    tokio::spawn(kosmo_bridge::run(config, deps, end.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_radio_that_takes_no_packets_one_that_is_locked_and_a_machine_without_the_time_are_named() {
    let end = CancellationToken::new();
    let _end = end.clone().drop_guard();
    let mesh = mesh(now(), &end).await;
    let folder = tempfile::tempdir().unwrap();
    impatient_bridge(folder.path(), "roof", mesh.radio(0).address(), now(), &end);
    impatient_bridge(folder.path(), "attic", mesh.radio(1).address(), Timestamp::from_unix_seconds(60), &end);
    mesh.act(mesh.radio(2).node(), Act::Radio(RadioAct::Lock(true)));
    impatient_bridge(folder.path(), "cellar", mesh.radio(2).address(), now(), &end);
    for radio in 0..3 {
        mesh.radio(radio).attached().wait_for(|attached| *attached).await.unwrap();
    }

    // The channel around it is busy, and each of its answers waits for a place on the air.
    let radio = mesh.radio(0);
    radio.jam(true);
    let station = mesh.nodes().iter().map(|node| node.id).find(|id| (0..4).all(|place| mesh.radio(place).node() != *id)).unwrap();
    let asks = proto::Data { portnum: PortNum::NodeinfoApp.into(), want_response: true, ..Default::default() };
    for _ in 0..20 {
        mesh.send(station, radio.node(), asks.clone(), Reach::EveryRadio).unwrap();
    }
    let place = folder.path().to_owned();
    let [stuck, clock, locked] = tokio::task::spawn_blocking(move || {
        [("roof", "queue_stuck"), ("attic", "clock"), ("cellar", "radio_locked")]
            .map(|(bridge, code)| until_told(&place, &["doctor", "--json"], bridge, code, true))
    })
    .await
    .unwrap();
    let says = |told: &serde_json::Value, code: &str| {
        let finding = told["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code).unwrap();
        format!("{}: {}", finding["says"].as_str().unwrap(), finding["remedy"].as_str().unwrap())
    };
    let stuck = says(&stuck, "queue_stuck");
    assert!(stuck.contains("hardly any room") && stuck.contains("look at its antenna"), "{stuck}");
    let clock = says(&clock, "clock");
    assert!(clock.contains("does not know what time it is") && clock.contains("timedatectl"), "{clock}");

    let locked = says(&locked, "radio_locked");
    assert!(locked.contains("locked with a passphrase") && locked.contains("switch its lockdown off"), "{locked}");

    radio.jam(false);
    let place = folder.path().to_owned();
    tokio::task::spawn_blocking(move || until_told(&place, &["bridge", "status", "--json"], "roof", "queue_stuck", false)).await.unwrap();
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
