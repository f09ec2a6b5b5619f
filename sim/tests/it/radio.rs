use crate::client::Client;
use kosmo_domain::{Clock, ManualClock, Metric, NodeId, Timestamp};
use kosmo_meshtastic::{
    packet::Body,
    proto::{self, PortNum, mesh_packet, to_radio},
    session::Event,
    telemetry::TelemetryKind,
};
use kosmo_sim::{Config, Mesh, Reach, Trouble, region};
use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A mesh in which nobody speaks unasked, and what ends it with the test.
async fn quiet(change: impl FnOnce(&mut Config)) -> (Mesh, Arc<ManualClock>, DropGuard) {
    let mut config =
        Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into(); 2], interval: None, chat_every: None, record: true, ..Config::default() };
    change(&mut config);
    let clock = Arc::new(ManualClock::at(now()));
    let shutdown = CancellationToken::new();
    let mesh = Mesh::start(config, clock.clone(), shutdown.clone()).await.unwrap();
    (mesh, clock, shutdown.drop_guard())
}

fn now() -> Timestamp {
    "2026-04-12T15:30:00Z".parse().unwrap()
}

fn station(mesh: &Mesh) -> NodeId {
    mesh.nodes().iter().find(|node| node.short_name == "WITT").unwrap().id
}

fn text(text: &str) -> proto::Data {
    proto::Data { portnum: PortNum::TextMessageApp.into(), payload: text.as_bytes().to_vec(), ..Default::default() }
}

fn says(body: &Body, wanted: &str) -> bool {
    matches!(body, Body::Text { text } if text == wanted)
}

#[tokio::test]
async fn a_client_learns_the_radio_and_its_mesh() {
    let (mesh, _, _end) = quiet(|_| {}).await;
    let (_, state) = Client::configured(mesh.addresses()[0]).await;
    assert_eq!(state.node, mesh.radio(0).node());
    assert_eq!(state.firmware.as_deref(), Some("2.7.26.54e0d8d"));
    assert!(state.channels.len() >= 2);
    let names: BTreeSet<_> = state.nodes.iter().filter_map(|node| node.user.as_ref()?.long_name.clone()).collect();
    assert_eq!(names, mesh.nodes().iter().map(|node| node.long_name.clone()).collect());
    let lena = state.nodes.iter().find(|node| node.node == region::LENA).unwrap();
    assert!(lena.user.as_ref().unwrap().public_key.is_some() && lena.position.is_some() && lena.last_heard == Some(now()));
}

#[tokio::test]
async fn stations_are_heard_by_both_radios_and_the_record_has_what_was_handed_over() {
    let (mesh, _, _end) = quiet(|config| config.interval = Some(Duration::from_millis(400))).await;
    let (mut first, _) = Client::configured(mesh.addresses()[0]).await;
    let (mut second, _) = Client::configured(mesh.addresses()[1]).await;
    let reading = |body: &Body| matches!(body, Body::Telemetry(telemetry) if telemetry.kind == TelemetryKind::Environment);
    let packet = first.packet("a reading", |packet| reading(&packet.body)).await;
    assert!(packet.hops_away().is_some_and(|hops| hops <= 3) && packet.snr.is_some() && packet.rssi.is_some());
    assert!(packet.rx_time.is_some_and(|time| now().since(time) < Duration::from_secs(5) && time <= now()));
    assert!(packet.relay_node.is_some() && packet.payload.len() <= 233);
    let Body::Telemetry(telemetry) = &packet.body else { unreachable!() };
    assert!(telemetry.metrics.get(Metric::Temperature).is_some_and(|value| (-20.0..40.0).contains(&value)));
    assert!(telemetry.metrics.get(Metric::GasResistance).is_some_and(|ohm| ohm > 5_000.0));
    for wanted in ["air_quality", "power", "device"] {
        first.packet(wanted, |packet| matches!(&packet.body, Body::Telemetry(telemetry) if telemetry.kind.name() == wanted)).await;
    }
    first.packet("a name", |packet| matches!(packet.body, Body::User(_))).await;
    first.packet("a position", |packet| matches!(packet.body, Body::Position(_))).await;

    // Until something comes at the second radio that the first handed over too.
    let record = mesh.radio(0).handed_over();
    assert!(record.iter().any(|over| (over.from, over.id, over.port) == (packet.from, packet.id, packet.port)));
    second
        .packet("a packet that both hear", |packet| {
            mesh.radio(0).handed_over().iter().any(|over| (over.from, over.id) == (packet.from, packet.id))
        })
        .await;
}

#[tokio::test]
async fn what_comes_while_nobody_listens_waits_as_far_as_there_is_room() {
    let (mesh, _, _end) = quiet(|config| config.queue = 3).await;
    for index in 0..5 {
        mesh.send(region::LENA, NodeId::BROADCAST, text(&format!("text {index}")), Reach::EveryRadio).unwrap();
    }
    let (mut client, _) = Client::configured(mesh.addresses()[0]).await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        if let Body::Text { text } = client.packet("a text", |packet| packet.port == 1).await.body {
            heard.push(text);
        }
    }
    assert_eq!(heard, ["text 2", "text 3", "text 4"]);
    assert_eq!(mesh.radio(0).lost(), 2);
}

#[tokio::test]
async fn a_newcomer_takes_the_place() {
    let (mesh, _, _end) = quiet(|_| {}).await;
    let (mut first, _) = Client::configured(mesh.addresses()[0]).await;
    let (mut second, _) = Client::configured(mesh.addresses()[0]).await;
    first.closed().await;
    mesh.send(region::LENA, NodeId::BROADCAST, text("hello"), Reach::EveryRadio).unwrap();
    second.packet("a text", |packet| says(&packet.body, "hello")).await;
    assert!(*mesh.radio(0).attached().borrow());
}

#[tokio::test]
async fn a_client_that_takes_its_leave_is_let_go_and_one_that_is_cut_off_can_come_back() {
    let (mesh, _, _end) = quiet(|_| {}).await;
    let (mut client, _) = Client::configured(mesh.addresses()[0]).await;
    client.ask(to_radio::PayloadVariant::Disconnect(true)).await;
    client.closed().await;
    mesh.radio(0).attached().wait_for(|attached| !attached).await.unwrap();

    let (mut client, _) = Client::configured(mesh.addresses()[0]).await;
    mesh.radio(0).cut();
    client.closed().await;
    Client::configured(mesh.addresses()[0]).await;
}

#[tokio::test]
async fn garbage_before_and_between_frames_hides_nothing() {
    let (mesh, _, _end) = quiet(|_| {}).await;
    let mut client = Client::connect(mesh.addresses()[0]).await;
    mesh.radio(0).garble(b"ets Jun  8 2016 00:22:57\r\nrst:0x1\r\n\x94\xc3\xff\xff\x94\x94");
    client.state().await;
    mesh.radio(0).garble(b"DEBUG | a line\r\n\x94\xc3");
    mesh.radio(0).garble(&[0xff, 0xff, 0, 1, 2]);
    mesh.send(region::LENA, NodeId::BROADCAST, text("after"), Reach::EveryRadio).unwrap();
    client.packet("a text after garbage", |packet| says(&packet.body, "after")).await;
}

#[tokio::test]
async fn a_radio_that_starts_anew_says_so_and_a_stalled_one_says_nothing() {
    let (mesh, _, _end) = quiet(|_| {}).await;
    let (mut client, _) = Client::configured(mesh.addresses()[0]).await;
    mesh.radio(0).reboot();
    client.until("the reboot", |event| matches!(event, Event::Rebooted).then_some(())).await;
    client.state().await;

    mesh.radio(0).stall(true);
    mesh.send(region::LENA, NodeId::BROADCAST, text("patience"), Reach::EveryRadio).unwrap();
    // The other radio shows that the text has gone out.
    let (mut other, _) = Client::configured(mesh.addresses()[1]).await;
    other.packet("the text elsewhere", |packet| says(&packet.body, "patience")).await;
    assert!(mesh.radio(0).handed_over().is_empty());
    mesh.radio(0).stall(false);
    client.packet("the text at last", |packet| says(&packet.body, "patience")).await;
}

#[tokio::test]
async fn what_one_client_sends_the_other_radio_hears() {
    let (mesh, _, _end) = quiet(|config| config.seed = 3).await;
    let (mut sender, state) = Client::configured(mesh.addresses()[0]).await;
    let (mut receiver, _) = Client::configured(mesh.addresses()[1]).await;
    // Some packets are lost on the air; one of these comes through.
    for id in 1_001..1_009 {
        let payload_variant = Some(mesh_packet::PayloadVariant::Decoded(text("from the web")));
        let packet = proto::MeshPacket { to: u32::MAX, id, hop_limit: 3, payload_variant, ..Default::default() };
        sender.ask(to_radio::PayloadVariant::Packet(packet)).await;
        let about_it = |event: &Event| match event {
            Event::QueueStatus(status) if status.packet.is_some() => Some(*status),
            _ => None,
        };
        let status = sender.until("the queue's state", about_it).await;
        assert_eq!((status.packet.map(|id| id.0), status.result, status.capacity), (Some(id), 0, 16));
    }
    let packet = receiver.packet("the text", |packet| says(&packet.body, "from the web")).await;
    assert!(packet.from == state.node && packet.hop_start == 3);
}

#[tokio::test]
async fn every_trouble_arrives_as_it_was_meant() {
    let (mesh, clock, _end) = quiet(|_| {}).await;
    let (mut client, _) = Client::configured(mesh.addresses()[0]).await;
    let sender = station(&mesh);
    for trouble in Trouble::ALL {
        let id = mesh.trouble(sender, trouble).unwrap();
        if trouble == Trouble::FromNobody {
            client.until("a refusal", |event| matches!(event, Event::Refused(_)).then_some(())).await;
            continue;
        }
        let packet = client.packet("the trouble", |packet| packet.from == sender).await;
        assert_eq!(packet.id, id);
        let telemetry = if let Body::Telemetry(telemetry) = &packet.body { Some(telemetry) } else { None };
        let time = telemetry.and_then(|telemetry| telemetry.time);
        match trouble {
            Trouble::NoTime => assert_eq!(time, None),
            Trouble::TimeOf1970 => assert!(time.is_none_or(|time| time < Timestamp::from_unix_seconds(100))),
            Trouble::TimeAhead(span) => assert_eq!(time, Some(clock.now().plus(span))),
            Trouble::NotANumber => assert_eq!(telemetry.unwrap().refused.len(), 2),
            Trouble::OutOfRange => assert_eq!(telemetry.unwrap().refused[0].metric, Metric::Temperature),
            Trouble::HostileName => assert!(matches!(packet.body, Body::User(_))),
            Trouble::NoFix => assert_eq!(packet.port, 3),
            Trouble::UnknownPort(port) => assert_eq!((packet.port, &packet.body), (u32::from(port), &Body::Unknown)),
            Trouble::NoId => assert!(!packet.id.is_given()),
            Trouble::Malformed => assert!(matches!(packet.body, Body::Malformed { .. })),
            Trouble::TextNotUtf8 => assert_eq!(packet.body, Body::TextNotUtf8),
            Trouble::Encrypted => assert_eq!(packet.body, Body::Encrypted),
            Trouble::FromNobody => unreachable!(),
        }
    }
}

#[tokio::test]
async fn a_mesh_ends_when_it_is_told_to() {
    let shutdown = CancellationToken::new();
    let config = Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into()], ..Config::default() };
    let mesh = Mesh::start(config, Arc::new(ManualClock::at(now())), shutdown.clone()).await.unwrap();
    let (mut client, _) = Client::configured(mesh.addresses()[0]).await;
    shutdown.cancel();
    client.closed().await;
    mesh.stopped().await;
    let none = Config { listen: Vec::new(), ..Config::default() };
    assert!(Mesh::start(none, Arc::new(ManualClock::at(now())), CancellationToken::new()).await.is_err());
}
