//! A radio that has its client carry its MQTT.

use super::*;
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{
    crypto::ChannelKey,
    envelope::Envelope,
    proto::{
        PortNum, admin_message::PayloadVariant as Admin, config::PayloadVariant as Section,
        mqtt_client_proxy_message::PayloadVariant as Content,
    },
};

const OTHER: u32 = 0x4dbb_2002;

/// A radio whose first channel goes both ways by MQTT, with its client, past the handshake.
fn carried(change: impl FnOnce(&mut proto::module_config::MqttConfig), ignores: bool) -> (Radio, u64) {
    let mut mqtt = by_client();
    change(&mut mqtt);
    let mut radio = radio(|_| {});
    radio.have_client_carry(mqtt);
    let lora = proto::config::LoRaConfig { ignore_mqtt: ignores, ..radio.settings.lora() };
    radio.set_up(Admin::SetConfig(proto::Config { payload_variant: Some(Section::Lora(lora)) }), Moment::default());
    let client = radio.attach();
    ask(&mut radio, client, Asked::WantConfigId(7));
    said(&mut radio, client);
    (radio, client)
}

fn text(from: u32, id: u32, bitfield: u32) -> proto::MeshPacket {
    let data =
        proto::Data { portnum: PortNum::TextMessageApp.into(), payload: b"hello".to_vec(), bitfield: Some(bitfield), ..Default::default() };
    let payload_variant = Some(PayloadVariant::Decoded(data));
    proto::MeshPacket { from, to: u32::MAX, id, hop_limit: 3, hop_start: 3, payload_variant, ..Default::default() }
}

fn published(radio: &mut Radio, client: u64) -> Vec<proto::MqttClientProxyMessage> {
    let said = messages(&said(radio, client)).into_iter();
    said.filter_map(|said| if let Said::MqttClientProxyMessage(message) = said { Some(message) } else { None }).collect()
}

/// An envelope as another gateway publishes it.
fn envelope(packet: proto::MeshPacket, gateway: u32) -> Asked {
    let Some(PayloadVariant::Decoded(data)) = packet.payload_variant else { panic!("decoded so far") };
    let mut bytes = data.encode_to_vec();
    ChannelKey::expand(&[1]).unwrap().apply(NodeId::from_number(packet.from), PacketId(packet.id), &mut bytes);
    let packet = proto::MeshPacket { channel: 8, payload_variant: Some(PayloadVariant::Encrypted(bytes)), ..packet };
    let gateway_id = NodeId::from_number(gateway).to_string();
    let topic = format!("msh/EU_868/2/e/LongFast/{gateway_id}");
    let envelope = proto::ServiceEnvelope { packet: Some(packet), channel_id: "LongFast".into(), gateway_id };
    let payload_variant = Some(Content::Data(envelope.encode_to_vec()));
    Asked::MqttClientProxyMessage(proto::MqttClientProxyMessage { topic, retained: false, payload_variant })
}

#[test]
fn it_hands_its_client_what_it_hears_of_who_agrees_and_what_it_sends_itself() {
    let (mut radio, client) = carried(|_| {}, true);
    let own = radio.identity.number;
    radio.overhear(text(OTHER, 5, 0), Moment::default());
    radio.overhear(proto::MeshPacket { via_mqtt: true, ..text(OTHER, 6, 1) }, Moment::default());
    assert_eq!(published(&mut radio, client), []);
    radio.overhear(text(OTHER, 7, 1), Moment::default());
    ask(&mut radio, client, Asked::Packet(text(0, 8, 0)));
    let messages = published(&mut radio, client);
    let of = |message: &proto::MqttClientProxyMessage| {
        let Some(Content::Data(bytes)) = &message.payload_variant else { panic!("an envelope") };
        assert!(bytes.len() <= kosmo_meshtastic::proxy::MAX_MESSAGE && message.topic.len() <= kosmo_meshtastic::proxy::MAX_TOPIC);
        let envelope = Envelope::read(bytes).unwrap();
        assert!(matches!(envelope.packet.payload_variant, Some(PayloadVariant::Encrypted(_))) && envelope.packet.channel == 8);
        (envelope.from().number(), envelope.id().0, envelope.gateway.unwrap().number())
    };
    assert_eq!(messages.iter().map(of).collect::<Vec<_>>(), [(OTHER, 7, own), (own, 8, own)]);
    assert_eq!(messages[0].topic, format!("msh/EU_868/2/e/LongFast/{}", NodeId::from_number(own)));

    let (mut radio, client) = carried(|mqtt| mqtt.proxy_to_client_enabled = false, true);
    radio.overhear(text(OTHER, 7, 1), Moment::default());
    assert_eq!(published(&mut radio, client), []);
}

#[test]
fn what_nobody_takes_pushes_out_the_oldest() {
    let (mut radio, client) = carried(|_| {}, true);
    for id in 1..=20 {
        radio.overhear(text(OTHER, id, 1), Moment::default());
    }
    assert_eq!(published(&mut radio, client).len(), 8);
}

#[test]
fn what_its_client_hands_in_is_heard_and_relayed_unless_it_is_its_own_or_mqtt_is_ignored() {
    let (mut radio, client) = carried(|_| {}, false);
    let own = radio.identity.number;
    ask(&mut radio, client, envelope(text(OTHER, 5, 1), 77));
    let heard = messages(&said(&mut radio, client));
    let [Said::Packet(packet)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((packet.from, packet.id, packet.via_mqtt, packet.channel), (OTHER, 5, true, 0));
    let later = Moment { at: Uptime(std::time::Duration::from_secs(30)), stamp: 0 };
    let relayed: Vec<_> =
        radio.advance(later).into_iter().map(|(_, packet)| (packet.from, packet.id, packet.hop_limit, packet.via_mqtt)).collect();
    assert_eq!(relayed, [(OTHER, 5, 2, true)]);

    // Its own, the same again, and another gateway's under its own name.
    ask(&mut radio, client, envelope(text(OTHER, 5, 1), 77));
    ask(&mut radio, client, envelope(text(own, 6, 1), 77));
    ask(&mut radio, client, envelope(text(OTHER, 7, 1), own));
    assert_eq!(messages(&said(&mut radio, client)), []);
    let (mut radio, client) = carried(|_| {}, true);
    ask(&mut radio, client, envelope(text(OTHER, 5, 1), 77));
    assert_eq!(messages(&said(&mut radio, client)), []);
}
