//! What an operator meets: certificates, logins taken away, starts that are refused, shutdowns that hang, health, logs.

use kosmo_domain::{NodeId, Timestamp};
use kosmo_sim::region;
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use kosmo_tests::{Air, Footing, Kosmo, Setup, System, kosmo, now, on_both_footings, until};
use serde_json::json;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const ANA: &str = "11111111-1111-1111-1111-111111111111";
const UP: [&str; 5] = ["up", "--port-base", "0", "--mqtt-port", "0"];

/// Starts a cloud with these settings.
async fn cloud_with(folder: &Path, footing: Footing, settings: &str) -> System {
    System::with(folder, footing, Setup { settings: settings.to_owned(), ..Setup::default() }).await
}

/// Starts a cloud with these settings besides what lets a member send texts, and adds the member.
async fn cloud_of_ana(folder: &Path, footing: Footing, settings: &str) -> System {
    let cloud = cloud_with(folder, footing, &format!("{settings}\n[auth]\ndev_header = true\n")).await;
    let added = cloud.command(&["user", "add", "ana", "--plan", "wanderer", "--id", ANA]);
    assert!(added.status.success(), "{}", said(&added));
    cloud
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Returns why a command was refused. What it had begun may log a last word after that.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    let errors = String::from_utf8_lossy(&output.stderr);
    errors.lines().find(|line| line.starts_with("kosmo: ")).unwrap_or_else(|| panic!("no reason is given: {errors}")).to_owned()
}

async fn until_logged(what: &str, log: impl Fn() -> String) {
    until(&format!("the log says `{what}`"), || std::future::ready(log().contains(what).then_some(()))).await;
}

/// Returns the temperatures that the API has of a node, oldest first.
async fn temperatures(cloud: &System, node: NodeId, around: Timestamp) -> Vec<f64> {
    let readings = cloud.readings(node, around).await;
    readings.iter().map(|reading| reading["temperature_c"].as_f64().unwrap()).collect()
}

async fn until_temperatures(cloud: &System, node: NodeId, around: Timestamp, expected: &[f64]) {
    until(&format!("{node} has {expected:?}"), || async { (temperatures(cloud, node, around).await == expected).then_some(()) }).await;
}

/// Makes a certificate for `localhost` that vouches for itself, and its key, as operators do.
fn certify(folder: &Path, constraints: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-keyout", "key.pem", "-out", "cert.pem"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", constraints])
        .current_dir(folder)
        .output()
        .expect("openssl comes with Debian's ca-certificates");
    assert!(made.status.success(), "{}", said(&made));
}

fn tls_settings(folder: &Path) -> String {
    let folder = folder.display();
    format!("[broker]\ntls_cert_file = '{folder}/cert.pem'\ntls_key_file = '{folder}/key.pem'\ntls_port = 0\n")
}

fn ca_file(folder: &Path) -> String {
    format!("[mqtt]\nca_file = '{}/cert.pem'\n", folder.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_knows_the_certificate_delivers_over_tls_and_one_that_does_not_says_so() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "basicConstraints=critical,CA:FALSE");
    let mut cloud = cloud_with(folder.path(), Footing::Embedded, &tls_settings(folder.path())).await;
    let broker = format!("mqtts://localhost:{}", cloud.port("mqtts"));
    let air = Air::silent(1).await;
    let mut bridge = cloud.bridge("valley").await;

    bridge.start(air.mesh.radio(0).address(), &broker);
    until_logged(&format!("no connection to {broker}: TLS failed: "), || bridge.log()).await;
    air.attached(0).await;
    let (station, now) = (air.stations()[0], now());
    air.send_temperature(station, now, 20.5);
    bridge.stop().await;
    assert!(!bridge.log().contains("connected to"), "it trusted a stranger:\n{}", bridge.log());

    bridge.configure(&ca_file(folder.path()));
    bridge.start(air.mesh.radio(0).address(), &broker);
    until_logged(&format!("connected to {broker}"), || bridge.log()).await;
    until_temperatures(&cloud, station, now, &[20.5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shows_the_certificate_of_an_authority_is_told_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "keyUsage=digitalSignature"); // and `CA:TRUE`, which openssl adds by itself
    let mut cloud = cloud_with(folder.path(), Footing::Embedded, &tls_settings(folder.path())).await;
    let broker = format!("mqtts://localhost:{}", cloud.port("mqtts"));
    let air = Air::silent(1).await;
    let mut bridge = cloud.bridge("valley").await;
    bridge.configure(&ca_file(folder.path()));

    bridge.start(air.mesh.radio(0).address(), &broker);

    until_logged(&format!("no connection to {broker}: TLS failed: the server shows the certificate of an authority"), || bridge.log())
        .await;
    assert!(bridge.log().contains("basicConstraints=CA:FALSE"), "{}", bridge.log());
}

on_both_footings! {
    async fn a_revoked_bridge_is_cut_off_and_delivers_what_it_kept_once_it_has_a_new_secret(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_with(folder.path(), footing, "").await;
        let (roof_air, valley_air) = (Air::silent(1).await, Air::silent(1).await);
        let mut roof = cloud.bridge("roof").await;
        let mut valley = cloud.bridge("valley").await;
        for (bridge, air) in [(&mut roof, &roof_air), (&mut valley, &valley_air)] {
            bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
            air.attached(0).await;
        }
        let (station, other, now) = (roof_air.stations()[0], roof_air.stations()[1], now());
        let minutes_ago = |minutes| now.minus(std::time::Duration::from_mins(minutes));
        roof_air.send_temperature(station, minutes_ago(3), 20.0);
        until_temperatures(&cloud, station, now, &[20.0]).await;
        let old_secret = roof.secret();

        cloud.revoke("roof").await;
        until_logged("the broker refused the connection: name or password is wrong, or this login may not connect", || roof.log()).await;
        if footing == Footing::Embedded {
            until_logged("roof is cut off: its login was revoked", || cloud.log()).await;
        }
        roof_air.send_temperature(station, minutes_ago(2), 21.0);
        roof_air.send_temperature(station, minutes_ago(1), 22.0);
        until("the radio has handed them over", || std::future::ready((roof_air.handed_over(0).len() == 3).then_some(()))).await;
        valley_air.send_temperature(other, now, 10.0);
        until_temperatures(&cloud, other, now, &[10.0]).await;
        assert_eq!(temperatures(&cloud, station, now).await, [20.0], "who has no login delivers nothing");

        roof.stop().await;
        let mut roof = cloud.bridge("roof").await;
        assert_ne!(roof.secret(), old_secret);
        roof.start(roof_air.mesh.radio(0).address(), cloud.address("mqtt"));
        until_temperatures(&cloud, station, now, &[20.0, 21.0, 22.0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_is_refused_in_words_and_leaves_the_first_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = cloud_with(folder.path(), Footing::Embedded, "").await;
    let second = refusal(&cloud.command(&UP));
    assert!(second.contains("another kosmo process already serves from") && second.contains("stop it first"), "{second}");
    for service in ["ingestion", "gateway", "weather", "web"] {
        let second = refusal(&cloud.command(&["serve", service, "--port-base", "0", "--mqtt", cloud.address("mqtt")]));
        assert!(second.contains("SQLite serves one process") && second.contains("name a PostgreSQL database"), "{second}");
    }

    let elsewhere = tempfile::tempdir().unwrap();
    let mqtt = cloud.port("mqtt").to_string();
    let same_port = refusal(&kosmo(elsewhere.path(), &["up", "--port-base", "0", "--mqtt-port", &mqtt]));
    assert!(same_port.contains(&format!("port {mqtt} for MQTT is not to be had")), "{same_port}");
    let weather = cloud.port("weather");
    let ports = format!("[http]\nweb_port = 0\ningestion_port = 0\nweather_port = {weather}\ngateway_port = 0\n");
    fs::write(elsewhere.path().join("kosmo.toml"), ports).unwrap();
    let same_port = refusal(&kosmo(elsewhere.path(), &["up", "--mqtt-port", "0"]));
    assert!(same_port.contains(&format!("port {weather} for weather is in use")), "{same_port}");

    let healthy = cloud.command(&["healthcheck", "--url", cloud.address("web")]);
    assert!(healthy.status.success(), "{}", said(&healthy));
    assert!(cloud.stop().await, "{}", cloud.log());
}

/// Begins to send a text and does not end: returns once the gateway waits for the rest.
async fn half_a_request(cloud: &System) -> TcpStream {
    let mut held = TcpStream::connect(("127.0.0.1", cloud.port("gateway"))).await.unwrap();
    let request = format!(
        "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-User-ID: {ANA}\r\n\
         Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    held.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    held.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    held
}

on_both_footings! {
    async fn a_second_signal_ends_a_shutdown_that_waits_for_somebody(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_ana(folder.path(), footing, "").await;
        let held = half_a_request(&cloud).await;
        cloud.signal("gateway", "TERM");
        until_logged("SIGTERM received, shutting down; another one ends it at once", || cloud.log()).await;
        cloud.signal("gateway", "TERM");

        let ended = cloud.process_mut("gateway").ended().await;
        assert_eq!(ended.code(), Some(1), "{}", cloud.log());
        assert!(cloud.log().contains("work under way was cut off by a second signal (SIGTERM)"), "{}", cloud.log());
        drop(held);

        // What was cut off does not keep it from starting, and one signal alone ends it well.
        cloud.restart("gateway").await;
        assert!(cloud.stop().await, "{}", cloud.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_fails_while_the_broker_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    fs::create_dir_all(&data).unwrap();
    assert!(kosmo(&data, &["migrate"]).status.success());
    let mut broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let all = ["serve", "ingestion", "weather", "gateway", "web", "--port-base", "0", "--mqtt", &broker.url()];
    let cloud = Kosmo::start(&data, &all).await;
    let check = |part: &str| cloud.command(&["healthcheck", "--url", cloud.address(part)]);
    for part in ["web", "ingestion", "weather", "gateway"] {
        let healthy = check(part);
        assert!(healthy.status.success() && said(&healthy).contains("ready"), "{part}: {}", said(&healthy));
    }

    broker.kill();
    for part in ["web", "ingestion", "gateway"] {
        let ill =
            until(&format!("{part} is not ready"), || std::future::ready(Some(check(part)).filter(|check| !check.status.success()))).await;
        let words = refusal(&ill);
        assert!(words.contains("/readyz answers 503") && words.contains("broker"), "{part}: {words}");
    }
    let weather = check("weather");
    assert!(weather.status.success(), "weather needs no broker: {}", said(&weather));

    broker.restart().await;
    for part in ["web", "ingestion", "gateway"] {
        until(&format!("{part} is ready again"), || std::future::ready(check(part).status.success().then_some(()))).await;
    }
    let web = cloud.address("web").to_owned();
    drop(cloud);
    let gone = refusal(&kosmo(&data, &["healthcheck", "--url", &web]));
    assert!(gone.contains("does not answer"), "{gone}");
}

on_both_footings! {
    async fn no_log_has_a_text_or_a_secret_however_much_is_logged(footing: Footing) {
        let everything = "[log]\nlevel = 'trace,mio=warn'\n"; // a filter, so that no library is kept quiet
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_ana(folder.path(), footing, everything).await;
        let air = Air::peopled(1, &[], 20).await;
        let mut bridge = cloud.bridge("roof").await;
        bridge.configure(everything);
        bridge.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        let (station, now) = (air.stations()[0], now());
        air.send_temperature(station, now, -17.125); // which no time of day looks like
        until("the reading is stored", || async { (!temperatures(&cloud, station, now).await.is_empty()).then_some(()) }).await;

        let text = "the key lies under the third stone";
        let body = json!({"target_node_id": region::LENA.to_string(), "text": text}).to_string();
        let (status, ..) = cloud.send(ANA, None, body).await;
        assert_eq!(status, 202);
        let conversation = format!("/api/v1/messages/conversations/{}", region::LENA);
        let texts = until("the text is answered", || async {
            let (_, conversation) = cloud.read(ANA, &conversation).await;
            let texts = conversation["data"].as_array().unwrap().iter().map(|text| text["text"].as_str().unwrap().to_owned());
            Some(texts.collect::<Vec<_>>()).filter(|texts| texts.len() == 2)
        })
        .await;

        let secrets = [&[bridge.secret()], &texts[..]].concat();
        assert!(secrets.iter().any(|secret| secret == text), "{texts:?}");
        let logs = [("up", cloud.log()), ("the bridge", bridge.log())];
        for (whose, log) in &logs {
            assert!(log.contains("DEBUG"), "{whose} logs everything");
            for line in log.lines() {
                let found = secrets.iter().flat_map(|secret| forms(secret)).find(|form| line.contains(form));
                assert!(found.is_none(), "the log of {whose} has {found:?}: {line}");
            }
            assert!(!log.contains("-17.125"), "the log of {whose} has a payload");
        }
    }
}

/// Returns what a text looks like in a log: as it is, as Rust prints bytes, and as a dump of them.
fn forms(text: &str) -> [String; 3] {
    let bytes = format!("{:?}", text.as_bytes());
    let dump: Vec<_> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    [text.to_owned(), bytes.trim_matches(['[', ']']).to_owned(), dump.concat()]
}
