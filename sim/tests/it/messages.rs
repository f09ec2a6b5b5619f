use crate::client::Client;
use kosmo_domain::{ManualClock, NodeId, PacketId, Timestamp};
use kosmo_meshtastic::{
    evidence::{Sent, Verdict, judge},
    packet::Received,
};
use kosmo_sim::{Config, Mesh, Person, region};
use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Ten minutes in six seconds.
const SPEED: u32 = 100;

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
    let (mesh, _end) = quiet(&Person::ALL).await;
    let (mut client, state) = Client::configured(mesh.addresses()[0]).await;
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
    for ((kind, expected), id) in fates.into_iter().zip((1_000..).step_by(100)) {
        let person = region::person(kind);
        let packet_id = client.text(state.node, person, id, "ana: hello").await;
        let sent = Sent { packet_id, to: person, radio: state.node };
        let mut verdicts = Vec::new();
        for _ in expected {
            let packet = client.packet(&format!("{expected:?} of {kind:?}"), |packet| is_about(packet, packet_id)).await;
            verdicts.push(words(judge(&sent, &packet)));
        }
        assert_eq!(verdicts, expected, "{kind:?}");
        let ids: Vec<_> = mesh.shown(person).iter().map(|shown| shown.id).collect();
        assert!(ids.is_empty() || ids == [packet_id], "{kind:?} was shown {ids:?}");
    }
    let log = mesh.air_log();
    assert!(log.iter().filter(|on_air| on_air.port == 1 && on_air.from == state.node).all(|on_air| on_air.to != NodeId::BROADCAST));
    let of_lena: BTreeSet<_> = log.iter().filter(|on_air| on_air.to == region::LENA && on_air.port == 1).map(|on_air| on_air.id).collect();
    assert_eq!(of_lena.len(), 1);
}

#[tokio::test]
async fn whoever_follows_the_air_sees_a_text_go_out_and_its_answer_come() {
    let (mesh, _end) = quiet(&[]).await;
    let mut air = mesh.follow_air();
    let (mut client, state) = Client::configured(mesh.addresses()[1]).await;
    let id = client.text(state.node, region::LENA, 77, "ana: hello").await;
    let shown = mesh.until_shown(region::LENA, |shown| !shown.is_empty()).await;
    assert_eq!((shown.len(), shown[0].from, shown[0].id, &shown[0].text[..]), (1, state.node, id, "ana: hello"));
    let out = air.recv().await.unwrap();
    assert_eq!((out.sender, out.id, out.to, out.port), (state.node, id, region::LENA, 1));
    assert!(out.hearers.contains(&region::LENA));
    let answer = client.packet("the answer", |packet| packet.reply_id == Some(id)).await;
    assert_eq!((answer.from, answer.to), (region::LENA, state.node));
    loop {
        let on_air = air.recv().await.unwrap();
        if on_air.id == answer.id {
            assert!(on_air.about == Some(id) && on_air.hearers.contains(&state.node));
            break;
        }
    }
}

#[tokio::test]
async fn a_radio_can_be_kept_from_sending() {
    let (mesh, _end) = quiet(&[]).await;
    let (mut client, state) = Client::configured(mesh.addresses()[0]).await;
    let radio = mesh.radio(0);
    let expect = async |client: &mut Client, id: PacketId, expected: &str| {
        let packet = client.packet(expected, |packet| is_about(packet, id)).await;
        assert_eq!(words(judge(&Sent { packet_id: id, to: region::LENA, radio: state.node }, &packet)), expected);
    };
    radio.jam(true);
    let id = client.text(state.node, region::LENA, 100, "ana: jammed").await;
    expect(&mut client, id, "refused 5").await;
    assert!(mesh.shown(region::LENA).is_empty());
    radio.jam(false);
    radio.disable_sending(true);
    let id = client.text(state.node, region::LENA, 200, "ana: disabled").await;
    expect(&mut client, id, "refused 5").await;
    radio.disable_sending(false);
    radio.limit_airtime(Some(0.0));
    let id = client.text(state.node, region::LENA, 300, "ana: too much").await;
    expect(&mut client, id, "refused 9").await;
    radio.limit_airtime(None);
    radio.forget(region::LENA);
    let id = client.text(state.node, region::LENA, 400, "ana: who").await;
    expect(&mut client, id, "refused 39").await;
}
