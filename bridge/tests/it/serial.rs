//! A radio at a serial port, which here is one end of a pseudo-terminal.

use crate::{
    cloud::Cloud,
    radio::{Manner, Seen, recorded, serve},
    world::{PATIENCE, Running, config},
};
use kosmo_contract::RadioLink;
use kosmo_domain::Stream;
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use tokio::sync::{broadcast, mpsc};
use tokio_serial::{SerialPort as _, SerialPortBuilderExt as _, SerialStream};

#[tokio::test]
async fn a_serial_radio_is_held_alone_and_missed_when_unplugged() {
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let (cable, mut port) = SerialStream::pair().unwrap();
    let device = port.name().unwrap();
    // The cable's end stays open without the lock, or else it would count as unplugged until the bridge opens it.
    let _plugged_in = std::fs::File::open(&device).unwrap();
    port.set_exclusive(false).unwrap();
    drop(port);
    let (seen_in, mut seen) = mpsc::unbounded_channel();
    let (_says, script) = broadcast::channel(1);
    let frames = recorded("a_handshake_full");
    let radio = tokio::spawn(async move { serve(cable, &frames, Manner::default(), &seen_in, script).await });
    let folder = tempfile::tempdir().unwrap();
    let bridge = Running::start(config(&format!("serial:{device}").parse().unwrap(), &broker.url(), folder.path()));

    let heard = cloud.until("a handshake", |heard| heard.distinct(Stream::Ingest) == 6).await;
    assert_eq!(heard.nodes.len(), 6);
    assert!(tokio_serial::new(&device, 115_200).open_native_async().is_err(), "no other program may open the port");

    radio.abort();
    let is_down = |link: RadioLink| link == RadioLink::Down;
    cloud.until("the loss", |heard| heard.status().and_then(|status| status.radio.as_ref()).is_some_and(|radio| is_down(radio.link))).await;
    bridge.stop().await;
    let wanted =
        tokio::time::timeout(PATIENCE, async { while seen.recv().await.is_some_and(|seen| !matches!(seen, Seen::WantConfig(_))) {} });
    wanted.await.expect("the bridge asked for the radio's configuration");
}
