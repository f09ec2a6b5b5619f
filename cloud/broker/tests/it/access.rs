//! What each login may publish and subscribe.

use crate::{
    client::{Peer, listening, options},
    house::{CELLAR, House, INGESTION, ROOF, VIEWER},
};

#[tokio::test]
async fn a_bridge_reads_exactly_its_own_filters() {
    let house = House::open().await;
    let own = ["kosmo/mesh/outbound/+", "kosmo/bridge/roof/ack"];
    let foreign = [
        "#",
        "+/#",
        "kosmo/#",
        "kosmo/+/+/ack",
        "kosmo/bridge/+/ack",
        "kosmo/bridge/cellar/ack",
        "kosmo/bridge/cellar/status",
        "kosmo/mesh/reading/+",
        "kosmo/mesh/inbound/cellar",
        "$share/g/#",
        "$share/g/kosmo/mesh/outbound/+",
        "$share/g/kosmo/bridge/roof/ack",
        "$SYS/#",
        "msh/#",
    ];
    let all: Vec<&str> = own.iter().chain(&foreign).copied().collect();
    let mut roof = Peer::start(listening(&house, ROOF, &all));
    assert_eq!(roof.refused_filters().await, foreign);

    let service = Peer::connected(options(&house, INGESTION)).await;
    for topic in ["kosmo/bridge/cellar/ack", "kosmo/mesh/reading/cellar", "msh/EU", "kosmo/mesh/inbound", "kosmo/bridge/roof/status"] {
        service.say(topic, "not for roof").await;
    }
    service.say("kosmo/mesh/outbound/!a1b2c3d4", "outbound").await;
    service.say("kosmo/bridge/roof/ack", "ack").await;
    assert_eq!(roof.text().await, "outbound");
    assert_eq!(roof.text().await, "ack");
}

#[tokio::test]
async fn a_forbidden_publish_reaches_nobody() {
    let house = House::open().await;
    let mut all = Peer::connected(listening(&house, INGESTION, &["kosmo/#", "msh/#"])).await;
    let roof = Peer::connected(options(&house, ROOF)).await;
    let viewer = Peer::connected(options(&house, VIEWER)).await;
    for topic in [
        "kosmo/mesh/reading/cellar",
        "kosmo/bridge/roof/ack",
        "kosmo/bridge/cellar/status",
        "kosmo/mesh/outbound/!a1b2c3d4",
        "kosmo/mesh/inbound",
        "kosmo/mesh/reading/roof/more",
        "kosmo",
        "msh/EU/2/e/x",
        "$SYS/brokers",
    ] {
        roof.say(topic, "forbidden").await;
    }
    viewer.say("kosmo/mesh/reading/viewer", "forbidden").await;
    for topic in ["reading", "node", "inbound", "receipt"] {
        roof.say(&format!("kosmo/mesh/{topic}/roof"), topic).await;
        assert_eq!(all.text().await, topic);
    }
    roof.say("kosmo/bridge/roof/status", "status").await;
    assert_eq!(all.text().await, "status");
}

#[tokio::test]
async fn a_viewer_sees_the_documented_topics_and_takes_nothing_from_the_services() {
    let house = House::open().await;
    let foreign = ["#", "+/#", "msh/#", "$share/ingestion/kosmo/#", "$SYS/#"];
    let all: Vec<&str> = std::iter::once("kosmo/#").chain(foreign).collect();
    let mut viewer = Peer::start(listening(&house, VIEWER, &all));
    assert_eq!(viewer.refused_filters().await, foreign);
    let mut service = Peer::connected(listening(&house, INGESTION, &["$share/ingestion/kosmo/mesh/reading/+"])).await;
    let cellar = Peer::connected(options(&house, CELLAR)).await;
    for n in 0..20 {
        cellar.say("kosmo/mesh/reading/cellar", &n.to_string()).await;
    }
    for n in 0..20 {
        assert_eq!(viewer.text().await, n.to_string());
        assert_eq!(service.text().await, n.to_string());
    }
}
