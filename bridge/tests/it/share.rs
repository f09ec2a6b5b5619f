//! The virtual radio: other programs use the bridge's radio as if it were theirs.

use crate::world::{PATIENCE, Running, config, noon};
use kosmo_bridge::{ShareConfig, local};
use kosmo_domain::{ManualClock, NodeId};
use kosmo_meshtastic::{
    Message as _,
    proto::{
        self, PortNum, admin_message::PayloadVariant as Admin, config::PayloadVariant as Section, from_radio::PayloadVariant as Said,
        mesh_packet::PayloadVariant, to_radio::PayloadVariant as Asked,
    },
    stream::{self, Decoder, Piece},
};
use kosmo_sim::{Config, Mesh, Person, Reach, region};
use kosmo_test_support::official_client;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

struct Scene {
    mesh: Mesh,
    address: SocketAddr,
    bridge: Running,
    folder: TempDir,
    _end: DropGuard,
}

/// A bridge whose radio is shared, and which has no cloud.
async fn scene(admin: bool) -> Scene {
    let shutdown = CancellationToken::new();
    let sim = Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        interval: None,
        chat_every: None,
        people: vec![Person::Silent, Person::Off, Person::NoKey],
        speed: 25,
        record: true,
        ..Config::default()
    };
    let mesh = Mesh::start(sim, Arc::new(ManualClock::at(noon())), shutdown.clone()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let radio = format!("tcp://{}", mesh.addresses()[0]).parse().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = config(&radio, "mqtt://127.0.0.1:9", folder.path());
    config.share = Some(ShareConfig { listener: Arc::new(listener), admin });
    let bridge = Running::start(config);
    Scene { mesh, address, bridge, folder, _end: shutdown.drop_guard() }
}

/// A program that takes the bridge for a radio.
struct Program {
    stream: TcpStream,
    decoder: Decoder,
}

impl Program {
    async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), decoder: Decoder::new() }
    }

    /// Connects and returns what the handshake tells.
    async fn configured(address: SocketAddr, nonce: u32) -> (Self, Vec<Said>) {
        let mut program = Self::connect(address).await;
        program.ask(Asked::WantConfigId(nonce)).await;
        let mut told = Vec::new();
        program
            .until("the end of the handshake", |said| {
                told.push(said.clone());
                matches!(said, Said::ConfigCompleteId(complete) if *complete == nonce)
            })
            .await;
        (program, told)
    }

    async fn ask(&mut self, asked: Asked) {
        let frame = stream::encode(&proto::ToRadio { payload_variant: Some(asked) }.encode_to_vec()).unwrap();
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn send(&mut self, id: u32, to: NodeId, data: proto::Data) {
        let payload_variant = Some(PayloadVariant::Decoded(data));
        let packet = proto::MeshPacket { id, to: to.number(), want_ack: true, hop_limit: 3, payload_variant, ..Default::default() };
        self.ask(Asked::Packet(packet)).await;
    }

    async fn next(&mut self) -> Option<Said> {
        loop {
            while let Some(piece) = self.decoder.next() {
                let Piece::Frame(payload) = piece else { continue };
                if let Some(said) = proto::FromRadio::decode(&payload[..]).unwrap().payload_variant {
                    return Some(said);
                }
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.decoder.push(&buffer[..count]),
            }
        }
    }

    /// Waits for something to be said, and tells whether it was before the connection ended.
    async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Said) -> bool) -> Option<Said> {
        let search = async {
            loop {
                let said = self.next().await?;
                if wanted(&said) {
                    return Some(said);
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// Waits for what became of a packet, and returns who said so and the error.
    async fn outcome(&mut self, id: u32) -> (NodeId, i32) {
        let said = self.until("what became of the packet", |said| about(said) == Some(id)).await;
        let Some(Said::Packet(packet)) = said else { panic!("the connection ended") };
        let Some(PayloadVariant::Decoded(data)) = packet.payload_variant else { panic!("not decoded") };
        let routing = proto::Routing::decode(&data.payload[..]).unwrap();
        let Some(proto::routing::Variant::ErrorReason(error)) = routing.variant else { panic!("no outcome") };
        (NodeId::from_number(packet.from), error)
    }
}

fn about(said: &Said) -> Option<u32> {
    let Said::Packet(packet) = said else { return None };
    let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { return None };
    Some(data.request_id).filter(|&id| id != 0 && data.portnum == i32::from(PortNum::RoutingApp))
}

fn text(words: &str) -> proto::Data {
    proto::Data { portnum: PortNum::TextMessageApp.into(), payload: words.as_bytes().to_vec(), ..Default::default() }
}

fn admin(asked: Admin) -> proto::Data {
    let payload = proto::AdminMessage { payload_variant: Some(asked), ..Default::default() }.encode_to_vec();
    proto::Data { portnum: PortNum::AdminApp.into(), payload, want_response: true, ..Default::default() }
}

fn says(said: &Said, words: &str) -> bool {
    matches!(said, Said::Packet(proto::MeshPacket { payload_variant: Some(PayloadVariant::Decoded(data)), .. }) if data.payload == words.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_programs_have_the_radio_at_once_and_none_is_told_its_keys() {
    let scene = scene(false).await;
    let own = scene.mesh.radio(0).node();
    let (mut first, told) = Program::configured(scene.address, 41).await;
    let (mut second, again) = Program::configured(scene.address, 42).await;
    assert_eq!(told[..told.len() - 1], again[..again.len() - 1]);
    assert!(matches!(&told[0], Said::MyInfo(info) if info.my_node_num == own.number()));
    assert!(matches!(&told[2], Said::NodeInfo(node) if node.num == own.number()));
    let kinds = |wanted: fn(&Said) -> bool| told.iter().filter(|said| wanted(said)).count();
    assert_eq!(kinds(|said| matches!(said, Said::Channel(_))), 8);
    assert!(kinds(|said| matches!(said, Said::Config(_))) == 10 && kinds(|said| matches!(said, Said::ModuleConfig(_))) == 16);
    assert!(kinds(|said| matches!(said, Said::NodeInfo(_))) > 15);
    for said in &told {
        match said {
            Said::Config(proto::Config { payload_variant: Some(Section::Security(security)) }) => {
                assert!(security.private_key.is_empty() && security.public_key.len() == 32);
            }
            Said::Channel(channel) => assert!(channel.settings.as_ref().unwrap().psk.iter().all(|&byte| byte <= 1)),
            _ => {}
        }
    }

    // What the radio hears goes to both.
    scene.mesh.send(region::LENA, NodeId::BROADCAST, text("to all"), Reach::EveryRadio).unwrap();
    for program in [&mut first, &mut second] {
        program.until("a text", |said| says(said, "to all")).await.unwrap();
    }
    // What became of a packet goes to who sent it.
    second.send(77, region::LENA, text("from the second")).await;
    let status = second.until("its place in the queue", |said| matches!(said, Said::QueueStatus(_))).await;
    assert!(matches!(status, Some(Said::QueueStatus(status)) if (status.res, status.mesh_packet_id, status.maxlen) == (0, 77, 16)));
    assert_eq!(second.outcome(77).await, (region::LENA, 0));
    first.send(78, region::LENA, text("from the first")).await;
    let (by, error) = first.outcome(78).await;
    assert_eq!((by, error), (region::LENA, 0), "the first hears of its own packet alone");
    scene.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_only_where_that_is_allowed() {
    let owner = |name: &str| admin(Admin::SetOwner(proto::User { long_name: name.to_owned(), ..Default::default() }));
    let restricted = scene(false).await;
    let own = restricted.mesh.radio(0).node();
    let (mut program, _) = Program::configured(restricted.address, 1).await;
    program.send(5, own, owner("taken over")).await;
    assert_eq!(program.outcome(5).await, (own, proto::routing::Error::NotAuthorized.into()));
    // It may ask, and is not told the key.
    program.send(6, own, admin(Admin::GetConfigRequest(7))).await;
    let answer = program.until("an answer", |said| matches!(said, Said::Packet(packet) if matches!(&packet.payload_variant, Some(PayloadVariant::Decoded(data)) if data.portnum == 6))).await;
    let Some(Said::Packet(proto::MeshPacket { payload_variant: Some(PayloadVariant::Decoded(data)), .. })) = answer else {
        panic!("no answer")
    };
    let Some(Admin::GetConfigResponse(told)) = proto::AdminMessage::decode(&data.payload[..]).unwrap().payload_variant else {
        panic!("no section")
    };
    let Some(Section::Security(security)) = told.payload_variant else { panic!("not the section asked for") };
    assert!(security.private_key.is_empty() && security.public_key.len() == 32);
    restricted.bridge.stop().await;

    let allowed = scene(true).await;
    let own = allowed.mesh.radio(0).node();
    let (mut program, _) = Program::configured(allowed.address, 1).await;
    program.send(5, own, owner("renamed")).await;
    assert_eq!(program.outcome(5).await, (own, 0));
    let (_, told) = Program::configured(allowed.address, 2).await;
    assert!(
        told.iter().any(|said| matches!(said, Said::NodeInfo(node) if node.user.as_ref().is_some_and(|user| user.long_name == "renamed")))
    );
    // The bridge learns of it, too: it is the bridge that sends on channels.
    let settings = proto::ChannelSettings { name: "ops".to_owned(), psk: vec![7; 16], ..Default::default() };
    let channel = proto::Channel { index: 1, settings: Some(settings), role: proto::channel::Role::Secondary.into() };
    program.send(7, own, admin(Admin::SetChannel(channel))).await;
    assert_eq!(program.outcome(7).await, (own, 0));
    let socket = allowed.folder.path().join("status.sock");
    let learns = async {
        loop {
            let report = local::ask(&socket).await.unwrap().expect("the bridge answers");
            let channels = report.status.radio.map(|radio| radio.channels).unwrap_or_default();
            if channels.iter().any(|told| &*told.channel.name == "ops" && !told.public) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, learns).await.expect("the bridge knows the new channel");
    // Who was never told the key cannot give it back.
    let keyless = proto::Config { payload_variant: Some(Section::Security(proto::config::SecurityConfig::default())) };
    program.send(6, own, admin(Admin::SetConfig(keyless))).await;
    assert_eq!(program.outcome(6).await, (own, proto::routing::Error::NotAuthorized.into()));
    allowed.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_connected_learns_that_the_radio_has_restarted_and_who_reads_nothing_is_dropped() {
    let scene = scene(false).await;
    let (mut program, _) = Program::configured(scene.address, 1).await;
    scene.mesh.radio(0).reboot();
    program.until("the restart", |said| matches!(said, Said::Rebooted(true))).await.unwrap();
    program.ask(Asked::WantConfigId(9)).await;
    program.until("the handshake", |said| matches!(said, Said::ConfigCompleteId(9))).await.unwrap();

    // One that asks and asks, and reads nothing, is let go; the other goes on.
    let mut deaf = Program::connect(scene.address).await;
    let frame = stream::encode(&proto::ToRadio { payload_variant: Some(Asked::WantConfigId(3)) }.encode_to_vec()).unwrap();
    let flood = async { while deaf.stream.write_all(&frame).await.is_ok() {} };
    timeout(PATIENCE, flood).await.expect("a client that reads nothing is dropped");
    scene.mesh.send(region::LENA, NodeId::BROADCAST, text("still here"), Reach::EveryRadio).unwrap();
    program.until("a text", |said| says(said, "still here")).await.unwrap();
    scene.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_takes_the_bridge_for_a_radio() {
    let scene = scene(true).await;
    let own = scene.mesh.radio(0).node();
    let station = scene.mesh.nodes().iter().find(|node| node.short_name == "WITT").unwrap().id;
    let [peer, off, stranger, spare] =
        [region::LENA, region::person(Person::Off), region::person(Person::NoKey), region::person(Person::Silent)];
    let mesh = format!(
        r#"{{"own":"{own}","peer":"{peer}","off":"{off}","stranger":"{stranger}","spare":"{spare}","station":"{station}","has_clock":true,"patience_s":100,"timeout_s":14}}"#
    );
    let rows = official_client(scene.address, &mesh, &[]).await;
    let failed: Vec<_> = rows.iter().filter(|row| !row.passed).map(|row| row.report.as_str()).collect();
    assert!(failed.is_empty(), "{} of {} rows passed; not these:\n{}", rows.len() - failed.len(), rows.len(), failed.join("\n"));
    assert!(scene.mesh.shown(peer).iter().any(|shown| shown.text == "row direct" && shown.direct));
    scene.bridge.stop().await;
}
