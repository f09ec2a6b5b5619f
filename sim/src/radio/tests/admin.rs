//! Administration: what a radio's own client may do, what others may, and what a restart takes.

use super::*;
use kosmo_meshtastic::proto::{Routing, admin_message::PayloadVariant as Admin, config::PayloadVariant as Section, routing};
use std::time::Duration;

const OWNER: u32 = 0x2000_0002;
const KEY: [u8; 32] = [7; 32];

fn at(seconds: u64) -> Moment {
    Moment { at: Uptime(Duration::from_secs(seconds)), stamp: 0 }
}

fn admin(id: u32, asked: Admin, passkey: &[u8]) -> proto::MeshPacket {
    let message = proto::AdminMessage { session_passkey: passkey.to_vec(), payload_variant: Some(asked) };
    let data =
        proto::Data { portnum: PortNum::AdminApp.into(), payload: message.encode_to_vec(), want_response: true, ..Default::default() };
    proto::MeshPacket { id, want_ack: true, payload_variant: Some(PayloadVariant::Decoded(data)), ..Default::default() }
}

/// Has the radio's own client ask for something, and returns the answer.
fn by_client(radio: &mut Radio, client: u64, id: u32, asked: Admin, now: Moment) -> proto::Data {
    let packet = proto::MeshPacket { to: radio.identity.number, ..admin(id, asked, &[]) };
    ask_at(radio, client, Asked::Packet(packet), now);
    let answers = messages(&said(radio, client)).into_iter().filter_map(|said| match said {
        Said::Packet(proto::MeshPacket { payload_variant: Some(PayloadVariant::Decoded(data)), .. }) => Some(data),
        _ => None,
    });
    let mut answers = answers;
    answers.find(|data| data.request_id == id).expect("every question is answered")
}

/// Has another node ask for something over the mesh, and returns the answer that the radio puts on air.
fn by_mesh(radio: &mut Radio, packet: proto::MeshPacket, now: Moment) -> proto::Data {
    let id = packet.id;
    let hop = proto::MeshPacket { from: OWNER, to: radio.identity.number, hop_limit: 3, hop_start: 3, ..packet };
    radio.overhear(hop, now);
    let on_air = radio.advance(Moment { at: now.at.plus(Duration::from_secs(3)), stamp: 0 });
    let answers = on_air.into_iter().filter_map(|(_, packet)| match packet.payload_variant {
        Some(PayloadVariant::Decoded(data)) => Some(data),
        _ => None,
    });
    let mut answers = answers;
    answers.find(|data| data.request_id == id).expect("it answers on the air")
}

fn error(data: &proto::Data) -> Option<routing::Error> {
    let routing = Routing::decode(&data.payload[..]).ok().filter(|_| data.portnum == i32::from(PortNum::RoutingApp))?;
    let Some(routing::Variant::ErrorReason(error)) = routing.variant else { return None };
    routing::Error::try_from(error).ok()
}

fn told(data: &proto::Data) -> proto::AdminMessage {
    assert_eq!(data.portnum, i32::from(PortNum::AdminApp));
    proto::AdminMessage::decode(&data.payload[..]).unwrap()
}

fn named(name: &str) -> Admin {
    Admin::SetOwner(proto::User { long_name: name.to_owned(), ..Default::default() })
}

#[test]
fn another_node_needs_a_key_that_the_radio_was_given_and_a_fresh_passkey() {
    let (mut radio, _, _) = configured(|_| {}, 1);
    let question =
        |id, passkey: &[u8], asked| proto::MeshPacket { pki_encrypted: true, public_key: KEY.to_vec(), ..admin(id, asked, passkey) };
    let stranger = by_mesh(&mut radio, question(1, &[], Admin::GetOwnerRequest(true)), at(1));
    assert_eq!(error(&stranger), Some(routing::Error::AdminPublicKeyUnauthorized));

    let security = proto::config::SecurityConfig { admin_key: vec![KEY.to_vec()], ..Default::default() };
    radio.settings.set_section(Section::Security(security)).unwrap();
    let early = by_mesh(&mut radio, question(2, &[], named("taken")), at(10));
    assert_eq!(error(&early), Some(routing::Error::AdminBadSessionKey));
    let passkey = told(&by_mesh(&mut radio, question(3, &[], Admin::GetConfigRequest(8)), at(20))).session_passkey;
    assert_eq!(passkey.len(), 8);
    assert_eq!(error(&by_mesh(&mut radio, question(4, &passkey, named("from afar")), at(30))), Some(routing::Error::None));
    assert_eq!(radio.identity.user.long_name, "from afar");
    let late = by_mesh(&mut radio, question(5, &passkey, named("too late")), at(20 + 301));
    assert_eq!(error(&late), Some(routing::Error::AdminBadSessionKey));
}

#[test]
fn a_change_of_how_it_sends_restarts_it_after_seven_seconds_or_after_the_last_of_several() {
    let (mut radio, client, _) = configured(|_| {}, 1);
    let mut lora = radio.settings.lora();
    lora.hop_limit = 5;
    let change = |lora: &proto::config::LoRaConfig| Admin::SetConfig(proto::Config { payload_variant: Some(Section::Lora(lora.clone())) });
    by_client(&mut radio, client, 1, change(&lora), at(1));
    assert_eq!((radio.hop_limit(), radio.office.restart_at()), (5, None), "hops need no restart");
    by_client(&mut radio, client, 2, Admin::BeginEditSettings(true), at(2));
    lora.modem_preset = proto::config::lo_ra_config::ModemPreset::ShortFast.into();
    by_client(&mut radio, client, 3, change(&lora), at(3));
    assert_eq!(radio.office.restart_at(), None, "changes are gathered");
    by_client(&mut radio, client, 4, Admin::CommitEditSettings(true), at(4));
    assert_eq!(radio.office.restart_at(), Some(at(11).at));
    assert!(!radio.has_hung_up());
    radio.advance(at(11));
    assert!(radio.has_hung_up() && !radio.has_hung_up());
    assert_eq!(radio.settings.modem(), kosmo_meshtastic::airtime::Modem::from_preset("SHORT_FAST").unwrap(), "what was set stays");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let (mut radio, client, _) = configured(|_| {}, 1);
    let channel = |index, name: &str, psk: usize| {
        let settings = Some(proto::ChannelSettings { name: name.to_owned(), psk: vec![1; psk], ..Default::default() });
        Admin::SetChannel(proto::Channel { index, settings, role: proto::channel::Role::Secondary.into() })
    };
    let cases = [
        named(&"x".repeat(40)),
        channel(8, "far", 1),
        channel(-1, "far", 1),
        channel(2, "a name too long", 1),
        channel(2, "odd", 5),
        Admin::GetChannelRequest(0),
        Admin::GetChannelRequest(9),
        Admin::GetConfigRequest(99),
        Admin::SetConfig(proto::Config::default()),
        Admin::SetModuleConfig(proto::ModuleConfig::default()),
        Admin::SetRingtoneMessage("r".repeat(231)),
        Admin::SetCannedMessageModuleMessages("m".repeat(201)),
        Admin::AddContact(proto::SharedContact::default()),
    ];
    let before = format!("{:?}", radio.settings);
    for (id, case) in (1..).zip(cases) {
        let answer = by_client(&mut radio, client, id, case.clone(), at(u64::from(id)));
        assert_eq!(error(&answer), Some(routing::Error::BadRequest), "{case:?}");
    }
    assert_eq!(format!("{:?}", radio.settings), before);
    // An empty key in a section that holds one does not take the radio's.
    let keyless = proto::Config { payload_variant: Some(Section::Security(proto::config::SecurityConfig::default())) };
    by_client(&mut radio, client, 90, Admin::SetConfig(keyless), at(90));
    let Some(Admin::GetConfigResponse(section)) =
        told(&by_client(&mut radio, client, 91, Admin::GetConfigRequest(7), at(91))).payload_variant
    else {
        panic!("a section")
    };
    assert!(matches!(section.payload_variant, Some(Section::Security(security)) if security.private_key.len() == 32));
}

#[test]
fn a_contact_makes_a_forgotten_node_reachable_again() {
    let (mut radio, client, _) = configured(|_| {}, 1);
    let peer = crate::region::LENA.number();
    radio.forget(peer);
    assert!(!radio.nodes.knows_key(peer));
    let user = Some(proto::User { public_key: KEY.to_vec(), ..Default::default() });
    let contact = proto::SharedContact { node_num: peer, user, ..Default::default() };
    assert_eq!(error(&by_client(&mut radio, client, 1, Admin::AddContact(contact), at(1))), Some(routing::Error::None));
    assert!(radio.nodes.knows_key(peer));
}
