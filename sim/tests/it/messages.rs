use crate::client::Client;
use kosmo_domain::{ManualClock, PacketId, Timestamp};
use kosmo_meshtastic::{
    evidence::{Sent, Verdict, judge},
    packet::Received,
};
use kosmo_sim::{Config, Mesh, Person, region};
use std::{net::Ipv4Addr, sync::Arc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Ten minutes in six seconds.
const SPEED: u32 = 100;
const ID: PacketId = PacketId(0x5eed_0001);

async fn quiet(people: &[Person]) -> (Mesh, DropGuard) {
    let config = Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into(); 2],
        interval: None,
        chat_every: None,
        people: people.to_vec(),
        speed: SPEED,
        record: true,
        ..Config::default()
    };
    let now: Timestamp = "2026-04-12T15:30:00Z".parse().unwrap();
    let shutdown = CancellationToken::new();
    let mesh = Mesh::start(config, Arc::new(ManualClock::at(now)), shutdown.clone()).await.unwrap();
    (mesh, shutdown.drop_guard())
}

fn is_about(packet: &Received, id: PacketId) -> bool {
    packet.request_id == Some(id) || packet.reply_id == Some(id)
}

fn words(verdict: Option<Verdict>) -> String {
    match verdict {
        None => "nothing".to_owned(),
        Some(Verdict::Acknowledged(_)) => "acknowledged".to_owned(),
        Some(Verdict::Replied(_)) => "replied".to_owned(),
        Some(Verdict::Relayed) => "relayed".to_owned(),
        Some(Verdict::Refused(refusal)) => format!("refused {}", refusal.code),
    }
}

#[tokio::test]
async fn what_comes_back_proves_what_happened_and_no_more() {
    let fates: [(Person, &[&str]); 16] = [
        (Person::Answers, &["acknowledged", "replied"]),
        (Person::Silent, &["acknowledged"]),
        (Person::Off, &["refused 5"]),
        (Person::BehindRelay, &["relayed", "acknowledged"]),
        (Person::OffBehindRelay, &["relayed"]),
        (Person::Refuses, &["refused 6"]),
        (Person::RefusesKey, &["refused 35"]),
        (Person::LateAck, &["refused 5", "acknowledged"]),
        (Person::LateAnswer, &["refused 5", "replied"]),
        (Person::Faint, &["acknowledged"]),
        (Person::AckedByAnother, &["nothing"]),
        (Person::AckedOverMqtt, &["nothing", "nothing"]),
        (Person::AckReplayed, &["acknowledged"]),
        (Person::EchoedOverMqtt, &["nothing", "refused 5"]),
        (Person::NoKey, &["refused 39"]),
        (Person::Forger, &["acknowledged"]),
    ];
    for (kind, expected) in fates {
        let (mesh, _end) = quiet(&Person::ALL).await;
        let (mut client, state) = Client::configured(mesh.addresses()[0]).await;
        let person = region::person(kind);
        client.text(state.node, person, ID, "ana: hello").await;
        let sent = Sent { packet_id: ID, to: person, radio: state.node };
        let mut verdicts = Vec::new();
        for _ in expected {
            let packet = client.packet(&format!("{expected:?} of {kind:?}"), |packet| is_about(packet, ID)).await;
            verdicts.push(words(judge(&sent, &packet)));
        }
        assert_eq!(verdicts, expected, "{kind:?}");
        let ids: Vec<_> = mesh.shown(person).iter().map(|shown| shown.id).collect();
        assert!(ids.is_empty() || ids == [ID], "{kind:?} was shown {ids:?}");
        assert!(mesh.air_log().iter().filter(|on_air| on_air.port == 1 && on_air.from == state.node).all(|on_air| on_air.id == ID));
    }
}

#[tokio::test]
async fn whoever_follows_the_air_sees_a_text_go_out_and_its_answer_come() {
    let (mesh, _end) = quiet(&[]).await;
    let mut air = mesh.follow_air();
    let (mut client, state) = Client::configured(mesh.addresses()[1]).await;
    client.text(state.node, region::LENA, ID, "ana: hello").await;
    let shown = mesh.until_shown(region::LENA, |shown| !shown.is_empty()).await;
    assert_eq!((shown.len(), shown[0].from, shown[0].id, &shown[0].text[..]), (1, state.node, ID, "ana: hello"));
    let out = air.recv().await.unwrap();
    assert_eq!((out.sender, out.id, out.to, out.port), (state.node, ID, region::LENA, 1));
    assert!(out.hearers.contains(&region::LENA));
    let answer = client.packet("the answer", |packet| packet.reply_id == Some(ID)).await;
    assert_eq!((answer.from, answer.to), (region::LENA, state.node));
    loop {
        let on_air = air.recv().await.unwrap();
        if on_air.id == answer.id {
            assert!(on_air.about == Some(ID) && on_air.hearers.contains(&state.node));
            break;
        }
    }
}

#[tokio::test]
async fn a_radio_can_be_kept_from_sending() {
    let (mesh, _end) = quiet(&[]).await;
    let (radio, forgetful) = (mesh.radio(0), mesh.radio(1));
    radio.jam(true);
    assert_eq!(fate(&mesh, 0, PacketId(100)).await, "refused 5");
    assert!(mesh.shown(region::LENA).is_empty());
    forgetful.forget(region::LENA);
    assert_eq!(fate(&mesh, 1, PacketId(200)).await, "refused 39");
    radio.jam(false);
    mesh.until_shown(region::LENA, |shown| shown.iter().any(|shown| shown.id == PacketId(100))).await;
    radio.disable_sending(true);
    assert_eq!(fate(&mesh, 0, PacketId(300)).await, "refused 5");
    radio.disable_sending(false);
    radio.limit_airtime(Some(0.0));
    assert_eq!(fate(&mesh, 0, PacketId(400)).await, "refused 9");
    assert!(mesh.shown(region::LENA).iter().all(|shown| shown.id == PacketId(100)));
}

/// Sends Lena a text and returns the first that is heard of it.
async fn fate(mesh: &Mesh, radio: usize, id: PacketId) -> String {
    let (mut client, state) = Client::configured(mesh.addresses()[radio]).await;
    client.text(state.node, region::LENA, id, "ana: hello").await;
    let packet = client.packet("the fate of a text", |packet| is_about(packet, id)).await;
    words(judge(&Sent { packet_id: id, to: region::LENA, radio: state.node }, &packet))
}
