//! The TLS listener.

use crate::{
    client::{PATIENCE, Peer, listening},
    house::{House, ROOF, VIEWER, anywhere, config, secret},
};
use kosmo_broker::{Broker, Config, StartError, Tls};
use kosmo_mqtt::{Options, Reason};
use std::{fs, path::Path, process::Stdio};
use tokio::{process::Command, time::timeout};

/// Writes a certificate for `localhost` and its key, and returns the certificate.
fn certificate(folder: &Path) -> (Tls, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let tls = Tls { addr: anywhere(), cert_pem: folder.join("cert.pem"), key_pem: folder.join("key.pem") };
    fs::write(&tls.cert_pem, made.cert.pem()).unwrap();
    fs::write(&tls.key_pem, made.signing_key.serialize_pem()).unwrap();
    (tls, made.cert.pem().into_bytes())
}

fn over_tls(house: &House, name: &str, ca: Option<&[u8]>) -> Options {
    let url = format!("mqtts://localhost:{}", house.broker.tls_addr().unwrap().port());
    Options { server: url.parse().unwrap(), ca_pem: ca.map(<[u8]>::to_vec), ..listening(house, name, &[]) }
}

#[tokio::test]
async fn plain_and_encrypted_clients_meet() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, ca) = certificate(folder.path());
    let cafile = tls.cert_pem.clone();
    let house = House::with(Config { tls: Some(tls), ..config() }).await;
    let mut viewer = Peer::connected(listening(&house, VIEWER, &["kosmo/#"])).await;

    let roof = Peer::connected(over_tls(&house, ROOF, Some(&ca))).await;
    roof.say("kosmo/mesh/reading/roof", "encrypted").await;
    assert_eq!(viewer.text().await, "encrypted");

    let port = house.broker.tls_addr().unwrap().port().to_string();
    let mut foreign = Command::new("mosquitto_pub");
    foreign.args(["-h", "localhost", "-p", &port, "--cafile"]).arg(cafile).args(["-u", "cellar", "-P", secret("cellar").reveal()]);
    foreign.args(["-q", "1", "-i", "cellar", "-t", "kosmo/mesh/node/cellar", "-m", "foreign"]).stdin(Stdio::null()).kill_on_drop(true);
    assert!(timeout(PATIENCE, foreign.status()).await.unwrap().unwrap().success());
    assert_eq!(viewer.text().await, "foreign");
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_vouches_for_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, _) = certificate(folder.path());
    let house = House::with(Config { tcp: None, tls: Some(tls), ..config() });
    let house = house.await;
    let (_, other) = certificate(tempfile::tempdir().unwrap().path());
    let url = format!("mqtts://localhost:{}", house.broker.tls_addr().unwrap().port());
    let options = Options { ca_pem: Some(other), ..Options::new(url.parse().unwrap(), ROOF) };
    assert!(matches!(Peer::start(options).disconnected().await, Reason::Tls(_)));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, _) = certificate(folder.path());
    let house = House::open().await;
    let refusal = async |tls: Tls| Broker::start(Config { tcp: None, tls: Some(tls), ..config() }, house.store.clone()).await.unwrap_err();

    let missing = refusal(Tls { cert_pem: folder.path().join("missing.pem"), ..tls.clone() }).await;
    assert!(matches!(missing, StartError::Certificate { .. }) && missing.to_string().contains("missing.pem"), "{missing}");
    fs::write(folder.path().join("rubbish.pem"), "rubbish").unwrap();
    let rubbish = refusal(Tls { key_pem: folder.path().join("rubbish.pem"), ..tls }).await;
    assert!(matches!(rubbish, StartError::Certificate { .. }), "{rubbish}");
}
