//! Who gets in, under which client id, and for how long.

use crate::{
    client::{Peer, listening, options},
    house::{CELLAR, House, INGESTION, ROOF, VIEWER, bridge, now, secret},
};
use kosmo_mqtt::{Login, Message, Options, Reason, Refusal};

const REFUSED: Reason = Reason::Refused(Refusal::BadCredentials);

async fn refusal(options: Options) -> Reason {
    Peer::start(options).disconnected().await
}

#[tokio::test]
async fn those_in_the_store_get_in_with_their_secret_and_nobody_else() {
    let house = House::open().await;
    for name in [ROOF, CELLAR, VIEWER, "gateway-2", INGESTION] {
        Peer::connected(options(&house, name)).await.stop().await;
    }
    let login = |name: &str, password: String| Options { login: Some(Login { name: name.to_owned(), password }), ..options(&house, ROOF) };
    assert_eq!(refusal(login(ROOF, secret(CELLAR).reveal().to_owned())).await, REFUSED);
    assert_eq!(refusal(login(ROOF, String::new())).await, REFUSED);
    assert_eq!(refusal(login("nobody", secret("nobody").reveal().to_owned())).await, REFUSED);
    assert_eq!(refusal(login("@nobody", secret("@nobody").reveal().to_owned())).await, REFUSED);
    assert_eq!(refusal(login("", String::new())).await, REFUSED);
    assert_eq!(refusal(login("' or 1=1 --", String::new())).await, REFUSED);
    assert_eq!(refusal(Options { login: None, ..options(&house, ROOF) }).await, REFUSED);
}

#[tokio::test]
async fn a_revoked_bridge_is_cut_off_and_stays_out_until_it_is_added_again() {
    let house = House::open().await;
    let mut listener = Peer::connected(listening(&house, VIEWER, &["kosmo/bridge/+/status"])).await;
    let will = Some(Message::new("kosmo/bridge/roof/status", "offline").retained());
    let mut roof = Peer::connected(Options { will, ..options(&house, ROOF) }).await;
    let cellar = Peer::connected(options(&house, CELLAR)).await;
    roof.say("kosmo/bridge/roof/status", "online").await;
    assert_eq!(listener.text().await, "online");

    assert!(house.store.revoke_bridge(&bridge(ROOF), now()).await.unwrap());
    assert_eq!(listener.text().await, "offline", "its status does not go on saying that it is there");
    assert_eq!(roof.disconnected().await, Reason::Closed);
    assert_eq!(roof.disconnected().await, REFUSED);
    cellar.say("kosmo/mesh/reading/cellar", "still here").await;

    house.store.add_bridge(&bridge(ROOF), &secret(ROOF).hash(), now()).await.unwrap();
    roof.session_present().await;
}

#[tokio::test]
async fn a_bridge_whose_secret_was_replaced_is_cut_off_even_if_it_was_revoked_for_a_moment_only() {
    let house = House::open().await;
    let mut roof = Peer::connected(options(&house, ROOF)).await;
    house.store.revoke_bridge(&bridge(ROOF), now()).await.unwrap();
    house.store.add_bridge(&bridge(ROOF), &secret("new").hash(), now()).await.unwrap();
    roof.disconnected().await;
    assert_eq!(roof.disconnected().await, REFUSED);
}

#[tokio::test]
async fn a_will_on_a_foreign_topic_is_refused_at_login() {
    let house = House::open().await;
    for topic in ["kosmo/bridge/cellar/status", "kosmo/bridge/roof/ack", "elsewhere"] {
        let will = Some(Message::new(topic, "boo"));
        assert_eq!(refusal(Options { will, ..options(&house, ROOF) }).await, REFUSED, "{topic}");
    }
    let will = Some(Message::new("kosmo/bridge/roof/status", "boo"));
    assert_eq!(refusal(Options { will, ..options(&house, VIEWER) }).await, REFUSED);
}

#[tokio::test]
async fn no_login_can_push_another_out() {
    let house = House::open().await;
    let mut roof = Peer::connected(listening(&house, ROOF, &["kosmo/bridge/roof/ack"])).await;
    let service = Peer::connected(options(&house, INGESTION)).await;
    for stolen in [ROOF, "roof:1", INGESTION, "@ingestion:2", "@whatever", VIEWER] {
        let thief = Options { client_id: stolen.to_owned(), ..options(&house, CELLAR) };
        assert_eq!(refusal(thief).await, REFUSED, "{stolen}");
    }
    service.say("kosmo/bridge/roof/ack", "still there").await;
    assert_eq!(roof.text().await, "still there");
}

#[tokio::test]
async fn an_id_that_names_nobody_is_free_until_somebody_uses_it() {
    let house = House::open().await;
    let free = |name: &str| Options { client_id: "mqtt-explorer-1".to_owned(), ..options(&house, name) };
    let first = Peer::connected(free(VIEWER)).await;
    assert_eq!(refusal(free(CELLAR)).await, REFUSED);
    assert!(first.client.is_connected());
}

#[tokio::test]
async fn a_session_is_not_inherited_by_another_login() {
    let house = House::open().await;
    // A viewer leaves a session under an id that later becomes a bridge's name.
    let kept = Options { client_id: "attic".to_owned(), clean_session: false, ..listening(&house, VIEWER, &["kosmo/#"]) };
    Peer::connected(kept).await.stop().await;
    house.store.add_bridge(&bridge("attic"), &secret("attic").hash(), now()).await.unwrap();

    let mut attic = Peer::start(Options { clean_session: false, ..listening(&house, "attic", &["kosmo/bridge/attic/ack"]) });
    assert!(!attic.session_present().await);
    let service = Peer::connected(options(&house, INGESTION)).await;
    service.say("kosmo/bridge/cellar/ack", "not for you").await;
    service.say("kosmo/bridge/attic/ack", "for you").await;
    assert_eq!(attic.text().await, "for you");
}

#[tokio::test]
async fn a_bridge_that_comes_back_takes_its_own_place() {
    let house = House::open().await;
    let mut old = Peer::connected(options(&house, ROOF)).await;
    let new = Peer::connected(options(&house, ROOF)).await;
    assert_eq!(old.disconnected().await, Reason::Closed);
    old.shutdown.cancel();
    old.client.closed().await;
    new.client.connected().await;
}
