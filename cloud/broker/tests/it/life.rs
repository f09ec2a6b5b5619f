//! Starting, stopping, and several at once.

use crate::{
    client::{Peer, listening, options},
    house::{House, INGESTION, ROOF, VIEWER, anywhere, config},
};
use kosmo_broker::{Broker, Config, StartError};
use kosmo_mqtt::{Message, Reason};

#[tokio::test]
async fn two_brokers_in_one_process_know_nothing_of_each_other() {
    let one = House::open().await;
    let other = House::open().await;
    let mut at_one = Peer::connected(listening(&one, VIEWER, &["kosmo/#"])).await;
    let mut at_other = Peer::connected(listening(&other, VIEWER, &["kosmo/#"])).await;
    let roof_one = Peer::connected(options(&one, ROOF)).await;
    let roof_other = Peer::connected(options(&other, ROOF)).await;
    roof_one.say("kosmo/mesh/reading/roof", "one").await;
    roof_other.say("kosmo/mesh/reading/roof", "other").await;
    assert_eq!(at_one.text().await, "one");
    assert_eq!(at_other.text().await, "other");

    one.broker.shutdown().await;
    roof_other.say("kosmo/mesh/reading/roof", "still here").await;
    assert_eq!(at_other.text().await, "still here");
}

#[tokio::test]
async fn a_broker_that_stopped_starts_again_on_its_port_and_its_clients_come_back() {
    let house = House::open().await;
    let mut service = Peer::connected(listening(&house, INGESTION, &["kosmo/mesh/#"])).await;
    let mut roof = Peer::connected(options(&house, ROOF)).await;
    let addr = house.broker.tcp_addr();
    let House { broker, store, folder: _folder } = house;
    let mut broker = Some(broker);
    for round in 0..3 {
        let text = round.to_string();
        roof.say("kosmo/mesh/reading/roof", &text).await;
        assert_eq!(service.text().await, text);
        broker.take().unwrap().shutdown().await;
        assert_eq!(service.disconnected().await, Reason::Closed);
        roof.disconnected().await;
        assert!(roof.client.publish(Message::new("kosmo/mesh/reading/roof", "nobody there")).await.is_err());
        broker = Some(Broker::start(Config { tcp: addr, ..config() }, store.clone()).await.unwrap());
        service.session_present().await;
        roof.session_present().await;
    }
}

#[tokio::test]
async fn a_broker_that_is_dropped_frees_its_port() {
    let house = House::open().await;
    let mut roof = Peer::connected(options(&house, ROOF)).await;
    let House { broker, store, folder: _folder } = house;
    drop(broker);
    assert_eq!(roof.disconnected().await, Reason::Closed);
    drop(store);
}

#[tokio::test]
async fn a_start_that_cannot_be_is_refused_in_words() {
    let house = House::open().await;
    let nowhere = Broker::start(Config::default(), house.store.clone()).await;
    assert!(matches!(nowhere, Err(StartError::NoListener)));

    let taken = Broker::start(Config { tcp: house.broker.tcp_addr(), ..config() }, house.store.clone()).await.unwrap_err();
    let words = taken.to_string();
    assert!(words.contains(&house.broker.tcp_addr().unwrap().to_string()) && words.contains("in use"), "{words}");
    assert!(Broker::start(Config { tcp: Some(anywhere()), ..config() }, house.store.clone()).await.is_ok());
}
