//! What keeps texts from the air, and what takes them back, with a bridge that runs.

use crate::{
    cloud::Heard,
    texts::{ANA, ROOF, Scene, id, offer, scene},
};
use kosmo_contract::{Base64Bytes, Contact, Evidence, NotSentReason, Offer, Text, WaitReason};
use kosmo_meshtastic::{Message as _, proto};
use proto::mesh_packet::PayloadVariant;

/// What the radio says of itself each minute: how much it sent of the last hour, in percent.
fn device_metrics(number: u32, used: f32) -> proto::MeshPacket {
    let device = proto::DeviceMetrics { air_util_tx: Some(used), channel_utilization: Some(3.0), ..Default::default() };
    let telemetry = proto::Telemetry { time: 0, variant: Some(proto::telemetry::Variant::DeviceMetrics(device)) };
    let data = proto::Data { portnum: 67, payload: telemetry.encode_to_vec(), ..Default::default() };
    proto::MeshPacket { from: ROOF, to: u32::MAX, id: number, payload_variant: Some(PayloadVariant::Decoded(data)), ..Default::default() }
}

/// Has the radio say that it used up its hour, and waits until the bridge has heard it: a grant goes another way, and may be faster.
async fn use_up(scene: &Scene) {
    scene.radio.say(device_metrics(1, 100.0));
    let is_used_up = |heard: &Heard| heard.status().and_then(|status| status.air.as_ref()?.used_pct) == Some(100.0);
    scene.cloud.until("the radio's word on its airtime", is_used_up).await;
}

#[tokio::test]
async fn a_text_waits_for_the_law_says_so_and_goes_when_there_is_room_again() {
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    scene.claimed(1).await;
    use_up(&scene).await;
    scene.cloud.grant(id(1)).await;
    let waits = Evidence::Waiting { reason: WaitReason::DutyCycle };
    scene.told(1, &waits).await;
    let heard = scene
        .cloud
        .until("the status says what texts wait for", |heard| {
            heard.status().and_then(|status| status.air.as_ref()?.waits_for) == Some(WaitReason::DutyCycle)
        })
        .await;
    let air = heard.status().unwrap().air.clone().unwrap();
    assert_eq!((air.used_pct, air.allowed_pct), (Some(100.0), Some(10.0)));
    assert!(scene.radio.packets().is_empty(), "the radio was given nothing");
    scene.radio.say(device_metrics(2, 0.0));
    assert_eq!(scene.radio.until_packet().await.to, ANA);
    bridge.stop().await;
}

#[tokio::test]
async fn a_text_that_waits_is_taken_back_and_one_that_the_radio_has_is_not() {
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    scene.claimed(1).await;
    use_up(&scene).await;
    scene.cloud.grant(id(1)).await;
    scene.told(1, &Evidence::Waiting { reason: WaitReason::DutyCycle }).await;
    scene.cloud.cancel(id(1)).await;
    scene.told(1, &Evidence::NotSent { reason: NotSentReason::Cancelled }).await;
    scene.radio.say(device_metrics(2, 0.0));
    scene.send(2).await;
    let packet = scene.radio.until_packet().await;
    assert_eq!(packet.id, kosmo_meshtastic::outgoing::packet_id(2, 0).0, "the first one was never sent");
    scene.cloud.cancel(id(2)).await;
    scene.radio.say_queue_status(packet.id, 0, 15);
    let packet_id = kosmo_domain::PacketId(packet.id);
    scene.told(2, &Evidence::Transmitted { packet_id }).await;
    bridge.stop().await;
}

#[tokio::test]
async fn a_radio_is_told_the_key_of_a_node_that_it_does_not_know_before_the_text() {
    let mut scene = scene().await;
    let bridge = scene.start_bridge();
    let stranger = 0x0c0f_fee0;
    let contact = Contact {
        public_key: Base64Bytes::try_from(vec![7; 32]).unwrap(),
        long_name: Some(Text::cut("Stranger")),
        short_name: None,
        confirmed: false,
    };
    let offer = Offer { to: kosmo_domain::NodeId::from_number(stranger), contact: Some(contact), ..offer(1) };
    scene.cloud.until("the bridge is there", |heard| heard.status().is_some_and(|status| status.air.is_some())).await;
    scene.cloud.offer(&offer).await;
    scene.cloud.until("a claim", |heard| heard.told(id(1)).contains(&Evidence::Claimed)).await;
    scene.cloud.grant(id(1)).await;
    let setup = scene.radio.until_packet().await;
    let Some(PayloadVariant::Decoded(data)) = setup.payload_variant else { panic!("a word to the radio") };
    let admin = proto::AdminMessage::decode(&data.payload[..]).unwrap();
    let Some(proto::admin_message::PayloadVariant::AddContact(shared)) = admin.payload_variant else { panic!("a contact") };
    assert_eq!((setup.to, shared.node_num, shared.user.unwrap().public_key), (ROOF, stranger, vec![7; 32]));
    scene.radio.say_queue_status(setup.id, 0, 15);
    assert_eq!(scene.radio.until_packet().await.to, stranger);
    bridge.stop().await;
}
