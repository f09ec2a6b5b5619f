//! What firmware 2.8 does otherwise.

use super::{desk::*, *};
use kosmo_meshtastic::{
    lockdown::Lockdown,
    node::node_of_key,
    proto::{
        admin_message::PayloadVariant as Admin, config::PayloadVariant as Section, mesh_packet::TransportMechanism,
        module_config::PayloadVariant as Module,
    },
};

fn later(firmware: Firmware) -> impl FnOnce(&mut Config) {
    move |config| config.firmware = firmware
}

fn asks_for_the_owner(own: u32) -> Asked {
    let asked = proto::AdminMessage { payload_variant: Some(Admin::GetOwnerRequest(true)), ..Default::default() };
    let data = proto::Data { portnum: PortNum::AdminApp.into(), payload: asked.encode_to_vec(), want_response: true, ..Default::default() };
    Asked::Packet(proto::MeshPacket { to: own, id: 700, payload_variant: Some(PayloadVariant::Decoded(data)), ..Default::default() })
}

#[test]
fn a_locked_radio_tells_a_client_who_it_is_and_that_it_is_locked_and_keeps_everything_else() {
    let mut desk = Desk::with(later(Firmware::V28));
    let own = desk.own();
    desk.radio.lock(true);
    assert!(desk.radio.has_hung_up(), "it starts anew");
    desk.client = desk.radio.attach();
    desk.radio.hear(text(1));
    ask(&mut desk.radio, desk.client, Asked::WantConfigId(9));
    let frames = said(&mut desk.radio, desk.client);
    let told = messages(&frames);
    let complete = told.iter().position(|said| *said == Said::ConfigCompleteId(9)).unwrap();
    assert_eq!(complete + 1, told.len(), "nothing that was heard follows");
    assert_eq!(frames.last().and_then(|frame| Lockdown::read(frame)), Some(Lockdown::Locked));
    let nodes = told.iter().filter_map(|said| if let Said::NodeInfo(node) = said { Some(node.num) } else { None });
    assert_eq!(nodes.collect::<Vec<_>>(), [own]);
    for said in &told {
        match said {
            Said::Metadata(metadata) => assert_eq!(*metadata, proto::DeviceMetadata::default()),
            Said::Channel(channel) => assert_eq!(*channel, proto::Channel::default()),
            Said::Config(proto::Config { payload_variant: Some(Section::Security(security)) }) => {
                assert!(security.private_key.is_empty() && security.public_key.is_empty());
            }
            Said::Config(proto::Config { payload_variant: Some(Section::Lora(lora)) }) => {
                assert!(lora.region == 3 && lora.hop_limit == 3 && !lora.tx_enabled && lora.tx_power == 0);
            }
            Said::ModuleConfig(proto::ModuleConfig { payload_variant: Some(Module::Mqtt(mqtt)) }) => assert!(mqtt.password.is_empty()),
            Said::FileInfo(_) => panic!("a file"),
            _ => {}
        }
    }

    desk.overhear(proto::MeshPacket { to: u32::MAX, ..text(2) });
    ask(&mut desk.radio, desk.client, asks_for_the_owner(own));
    assert_eq!(desk.told(), [], "neither what is heard nor what it is set to");
    assert_eq!(desk.send(private(3)), [Said::QueueStatus(status(0, 15, 3))], "packets it takes");

    desk.radio.lock(false);
    desk.client = desk.radio.attach();
    ask(&mut desk.radio, desk.client, Asked::WantConfigId(10));
    assert!(desk.told().len() > 40);
    desk.radio.hear(text(4));
    assert!(matches!(only(&desk.told()), Said::Packet(packet) if packet.id == 4));
}

#[test]
fn a_build_before_28_makes_nothing_of_its_own_private_packets_that_are_relayed() {
    let lora = TransportMechanism::TransportLora.into();
    for (firmware, tries) in [(Firmware::V28, 0), (Firmware::V28Alpha, 2)] {
        let mut desk = Desk::with(later(firmware));
        desk.send(desk.lena(9));
        let (_, sent) = desk.wait(1.0).remove(0);
        desk.overhear(proto::MeshPacket { transport_mechanism: lora, ..sent });
        let said = desk.told();
        assert_eq!(desk.wait(40.0).len(), tries, "{firmware:?}");
        match firmware {
            Firmware::V27 | Firmware::V28 => assert_eq!(outcome(only(&said)), Some((9, 0, desk.own()))),
            Firmware::V28Alpha => {
                assert_eq!((&said[..], outcome(only(&desk.told()))), (&[][..], Some((9, 5, desk.own()))), "given up, though relayed");
            }
        }
        // What is for everybody is known again by every version.
        desk.send(desk.text(10, u32::MAX));
        let (_, sent) = desk.wait(1.0).remove(0);
        desk.overhear(proto::MeshPacket { transport_mechanism: lora, ..sent });
        assert_eq!(outcome(only(&desk.told())), Some((10, 0, desk.own())), "{firmware:?}");
    }
}

#[test]
fn an_update_numbers_a_radio_by_its_key_and_leaves_its_old_number_behind() {
    let mut desk = Desk::new();
    let (before, key) = (desk.own(), desk.radio.identity.user.public_key.clone());
    desk.radio.update(node_of_key(&key).number());
    assert!(desk.radio.has_hung_up() && desk.own() != before);
    let client = desk.radio.attach();
    ask(&mut desk.radio, client, Asked::WantConfigId(9));
    let told = messages(&said(&mut desk.radio, client));
    assert!(matches!(&told[0], Said::MyInfo(info) if info.my_node_num == desk.own()));
    let node = |number| {
        let mut nodes = told.iter().filter_map(|said| if let Said::NodeInfo(node) = said { Some(node) } else { None });
        nodes.find(|node| node.num == number).unwrap()
    };
    let (ghost, own) = (node(before), node(desk.own()));
    let user = own.user.as_ref().unwrap();
    assert!(user.public_key == key && user.id == format!("!{:08x}", desk.own()) && own.is_favorite);
    let ghost_user = ghost.user.as_ref().unwrap();
    assert!(ghost.is_ignored && ghost_user.public_key.is_empty() && ghost_user.long_name == user.long_name);
    let version = told.iter().find_map(|said| if let Said::Metadata(metadata) = said { Some(&metadata.firmware_version) } else { None });
    assert!(version.unwrap().starts_with("2.8."));
}

#[test]
fn names_are_as_long_as_the_firmware_has_them() {
    for (firmware, longest) in [(Firmware::V27, 39), (Firmware::V28, 39), (Firmware::V28Alpha, 25)] {
        let mut radio = radio(later(firmware));
        let name = |length: usize| proto::User { long_name: "n".repeat(length), ..Default::default() };
        radio.set_up(Admin::SetOwner(name(longest)), Moment::default());
        radio.set_up(Admin::SetOwner(name(longest + 1)), Moment::default());
        assert_eq!(radio.identity.user.long_name.len(), longest, "{firmware:?}");
    }
}
