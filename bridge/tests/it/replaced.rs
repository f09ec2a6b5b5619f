//! A radio that is replaced by another one at the same place, while the bridge runs.

use crate::{
    cloud::{Cloud, Heard},
    trouble::{codes, say_temperature},
    world::{Running, config, noon},
};
use kosmo_domain::ManualClock;
use kosmo_sim::Mesh;
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// A place on the network at which one radio stands, and then another.
struct Place {
    address: SocketAddr,
    radio: watch::Sender<SocketAddr>,
}

impl Place {
    async fn of(radio: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (radio, mut standing) = watch::channel(radio);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let address = *standing.borrow_and_update();
                let mut radio = TcpStream::connect(address).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut radio) => {}
                    changed = standing.changed() => if changed.is_err() { return },
                }
            }
        });
        Self { address, radio }
    }
}

#[tokio::test]
async fn another_radio_at_the_same_place_is_told_and_worked_with_at_once() {
    let shutdown = CancellationToken::new();
    let two =
        kosmo_sim::Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into(); 2], interval: None, chat_every: None, ..Default::default() };
    let mesh = Mesh::start(two, Arc::new(ManualClock::at(noon())), shutdown.clone()).await.unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let cloud = Cloud::connect(&broker.url()).await;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::of(mesh.addresses()[0]).await;
    let bridge = Running::start(config(&format!("tcp://{}", place.address).parse().unwrap(), &broker.url(), folder.path()));
    let is_at = |heard: &Heard, radio: usize| {
        heard.status().and_then(|status| status.radio.as_ref()).is_some_and(|known| known.node_id == Some(mesh.radio(radio).node()))
    };
    cloud.until("the first radio", |heard| is_at(heard, 0)).await;

    place.radio.send_replace(mesh.addresses()[1]);
    let says = format!("another one than before: it was {} and is {}", mesh.radio(0).node(), mesh.radio(1).node());
    let is_told = |heard: &Heard| heard.status().is_some_and(|status| status.problems.iter().any(|problem| problem.contains(&says)));
    cloud.until(&says, |heard| is_at(heard, 1) && is_told(heard)).await;
    assert_eq!(codes(folder.path()).await, ["other_radio"]);
    say_temperature(&mesh);
    cloud.until("a reading by the second", |heard| heard.readings.len() == 1).await;
    bridge.stop().await;
    shutdown.cancel();
}
