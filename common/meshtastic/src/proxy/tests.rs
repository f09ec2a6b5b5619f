use super::*;
use crate::radio::RadioState;
use proptest::prelude::*;

const OWN: u32 = 0x4daa_1001;
const OTHER: u32 = 0xa1b2_c3d4;

fn module() -> proto::module_config::MqttConfig {
    proto::module_config::MqttConfig {
        enabled: true,
        proxy_to_client_enabled: true,
        encryption_enabled: true,
        root: "msh/EU_868".into(),
        address: "mqtt.example.org".into(),
        ..Default::default()
    }
}

/// A radio whose first channel goes both ways, and whose second goes nowhere.
fn radio_with(module: &proto::module_config::MqttConfig) -> RadioState {
    let mut radio = RadioState::new(NodeId::from_number(OWN));
    for (index, role, name, both) in [(0, 1, "", true), (1, 2, "ops", false)] {
        let settings =
            proto::ChannelSettings { name: name.into(), psk: vec![1], uplink_enabled: both, downlink_enabled: both, ..Default::default() };
        radio.take_channel(&proto::Channel { index, role, settings: Some(settings) });
    }
    radio.proxy = ProxySettings::read(module);
    radio
}

fn proxy() -> Proxy {
    let mut proxy = Proxy::default();
    proxy.set_radio(&radio_with(&module()));
    proxy
}

fn packet(from: u32, id: u32) -> proto::MeshPacket {
    let payload_variant = Some(PayloadVariant::Encrypted(vec![7; 30]));
    proto::MeshPacket { from, to: u32::MAX, id, channel: 8, hop_limit: 3, hop_start: 3, payload_variant, ..Default::default() }
}

fn decoded(from: u32, id: u32, portnum: u32, bitfield: Option<u32>) -> proto::MeshPacket {
    let data = proto::Data { portnum: portnum.cast_signed(), payload: vec![1], bitfield, ..Default::default() };
    proto::MeshPacket { payload_variant: Some(PayloadVariant::Decoded(data)), ..packet(from, id) }
}

fn envelope(packet: proto::MeshPacket, channel: &str, gateway: u32) -> Vec<u8> {
    let gateway_id = NodeId::from_number(gateway).to_string();
    proto::ServiceEnvelope { packet: Some(packet), channel_id: channel.into(), gateway_id }.encode_to_vec()
}

fn topic(channel: &str, gateway: u32) -> String {
    format!("msh/EU_868/2/e/{channel}/{}", NodeId::from_number(gateway))
}

fn up(proxy: &mut Proxy, topic: &str, payload: Vec<u8>) -> Result<String, ProxyRefusal> {
    let message = proto::MqttClientProxyMessage { topic: topic.into(), retained: true, payload_variant: Some(Content::Data(payload)) };
    proxy.publish(message).map(|publication| publication.topic)
}

fn down(proxy: &mut Proxy, topic: &str, payload: &[u8]) -> Result<Option<usize>, ProxyRefusal> {
    proxy.deliver(topic, payload).map(|delivered| delivered.bytes_on_air)
}

#[test]
fn a_radio_that_wants_nothing_carried_has_nothing_carried() {
    let roots = ["msh/#".to_owned(), "$SYS".to_owned(), "m".repeat(65)];
    let unfit = roots.into_iter().map(|root| proto::module_config::MqttConfig { root, ..module() });
    let off = proto::module_config::MqttConfig { enabled: false, ..module() };
    let direct = proto::module_config::MqttConfig { proxy_to_client_enabled: false, ..module() };
    for module in unfit.chain([off, direct]) {
        let mut proxy = Proxy::default();
        proxy.set_radio(&radio_with(&module));
        assert!(!proxy.is_wanted() && proxy.filters().is_empty());
        let own = envelope(packet(OTHER, 5), "LongFast", OWN);
        assert_eq!(up(&mut proxy, &topic("LongFast", OWN), own), Err(ProxyRefusal::Topic));
    }
}

#[test]
fn it_subscribes_to_what_comes_down_and_to_nothing_else() {
    assert_eq!(proxy().filters(), ["msh/EU_868/2/e/LongFast/+", "msh/EU_868/2/e/PKI/+"]);
    let mut radio = radio_with(&proto::module_config::MqttConfig { root: String::new(), ..module() });
    let mut proxy = Proxy::default();
    proxy.set_radio(&radio);
    assert_eq!(proxy.filters(), ["msh/2/e/LongFast/+", "msh/2/e/PKI/+"]);
    radio.channels.iter_mut().for_each(|channel| channel.downlink = false);
    proxy.set_radio(&radio);
    assert_eq!(proxy.filters(), [""; 0]);
}

#[test]
fn a_radio_publishes_as_itself_what_its_channels_let_up() {
    let say = |topic: &str, packet: proto::MeshPacket, channel: &str, gateway: u32| {
        up(&mut proxy(), topic, envelope(packet, channel, gateway)).map(drop)
    };
    let own = topic("LongFast", OWN);
    assert_eq!(say(&own, packet(OTHER, 5), "LongFast", OWN), Ok(()));
    assert_eq!(say(&topic("PKI", OWN), packet(OTHER, 5), "PKI", OWN), Ok(()));
    assert_eq!(say("msh/EU_868/2/map/", decoded(OWN, 5, 73, None), "", OWN), Ok(()));
    for (why, topic, packet, channel, gateway) in [
        (ProxyRefusal::Topic, topic("LongFast", OTHER), packet(OTHER, 5), "LongFast", OWN),
        (ProxyRefusal::Topic, own.replace("EU_868", "US"), packet(OTHER, 5), "LongFast", OWN),
        (ProxyRefusal::Topic, "kosmo/mesh/reading/roof".into(), packet(OTHER, 5), "LongFast", OWN),
        (ProxyRefusal::Json, own.replace("/e/", "/json/"), packet(OTHER, 5), "LongFast", OWN),
        (ProxyRefusal::Envelope, own.clone(), packet(OTHER, 5), "LongFast", OTHER),
        (ProxyRefusal::Envelope, own.clone(), packet(OTHER, 5), "ops", OWN),
        (ProxyRefusal::Envelope, topic("ops", OWN), packet(OTHER, 5), "ops", OWN),
        (ProxyRefusal::Unnamed, own.clone(), packet(OTHER, 0), "LongFast", OWN),
        (ProxyRefusal::Echo, own.clone(), proto::MeshPacket { via_mqtt: true, ..packet(OTHER, 5) }, "LongFast", OWN),
        (ProxyRefusal::Open, own.clone(), decoded(OWN, 5, port::ADMIN, Some(1)), "LongFast", OWN),
    ] {
        assert_eq!(say(&topic, packet, channel, gateway), Err(why), "{topic} {channel}");
    }
    assert_eq!(up(&mut proxy(), &own, vec![0; MAX_MESSAGE + 1]), Err(ProxyRefusal::TooLong));
    assert_eq!(up(&mut proxy(), &own, vec![0xff; 20]), Err(ProxyRefusal::Envelope));
    let json = proto::MqttClientProxyMessage { topic: own, retained: false, payload_variant: Some(Content::Text("{}".into())) };
    assert_eq!(proxy().publish(json), Err(ProxyRefusal::Json));
}

#[test]
fn a_radio_that_asks_nobody_publishes_of_others_only_what_says_yes() {
    for (address, asks) in
        [("", true), ("mqtt.example.org:1883", true), ("8.8.8.8", true), ("100.64.0.9:1883", false), ("127.0.0.1", false)]
    {
        let module = proto::module_config::MqttConfig { address: address.into(), ..module() };
        let mut proxy = Proxy::default();
        proxy.set_radio(&radio_with(&module));
        let mut say = |packet| up(&mut proxy, &topic("LongFast", OWN), envelope(packet, "LongFast", OWN)).map(drop);
        let unasked = if asks { Ok(()) } else { Err(ProxyRefusal::Consent) };
        assert_eq!(say(packet(OTHER, 5)), unasked, "{address}");
        assert_eq!(say(decoded(OTHER, 6, 67, None)), unasked, "{address}");
        assert_eq!(say(decoded(OTHER, 7, 67, Some(1))), Ok(()), "{address}");
        assert_eq!(say(packet(OWN, 8)), Ok(()), "{address}");
    }
}

#[test]
fn a_radio_is_handed_what_its_channels_ask_for() {
    let say = |topic: &str, packet: proto::MeshPacket, channel: &str, gateway: u32| {
        down(&mut proxy(), topic, &envelope(packet, channel, gateway))
    };
    let theirs = topic("LongFast", OTHER);
    assert_eq!(say(&theirs, packet(77, 5), "LongFast", OTHER), Ok(Some(46)));
    assert_eq!(say(&theirs, proto::MeshPacket { hop_limit: 0, ..packet(77, 5) }, "LongFast", OTHER), Ok(None));
    assert_eq!(say(&topic("PKI", OTHER), packet(77, 5), "PKI", OTHER), Ok(Some(46)));
    for (why, topic, packet, channel, gateway) in [
        (ProxyRefusal::Topic, topic("ops", OTHER), packet(77, 5), "ops", OTHER),
        (ProxyRefusal::Topic, theirs.replace("EU_868", "US"), packet(77, 5), "LongFast", OTHER),
        (ProxyRefusal::Echo, topic("LongFast", OWN), packet(77, 5), "LongFast", OWN),
        (ProxyRefusal::Echo, theirs.clone(), packet(OWN, 5), "LongFast", OTHER),
        (ProxyRefusal::Envelope, theirs.clone(), packet(77, 5), "LongFast", OWN),
        (ProxyRefusal::Envelope, theirs.clone(), packet(77, 5), "ops", OTHER),
        (ProxyRefusal::Envelope, theirs.clone(), proto::MeshPacket { hop_limit: 8, ..packet(77, 5) }, "LongFast", OTHER),
        (ProxyRefusal::Unnamed, theirs.clone(), packet(77, 0), "LongFast", OTHER),
        (ProxyRefusal::Open, theirs.clone(), decoded(77, 5, 1, Some(1)), "LongFast", OTHER),
    ] {
        assert_eq!(say(&topic, packet, channel, gateway), Err(why), "{topic} {channel}");
    }
    let mut open = Proxy::default();
    open.set_radio(&radio_with(&proto::module_config::MqttConfig { encryption_enabled: false, ..module() }));
    assert!(down(&mut open, &theirs, &envelope(decoded(77, 5, 1, None), "LongFast", OTHER)).is_ok());
    let admin = envelope(decoded(77, 6, port::ADMIN, None), "LongFast", OTHER);
    assert_eq!(down(&mut open, &theirs, &admin), Err(ProxyRefusal::Open));
    assert_eq!(down(&mut open, &theirs, &vec![0; MAX_MESSAGE + 1]), Err(ProxyRefusal::TooLong));
}

#[test]
fn what_went_one_way_never_goes_the_other_even_after_another_handshake() {
    let mut proxy = proxy();
    let (own, theirs) = (topic("LongFast", OWN), topic("LongFast", OTHER));
    assert!(up(&mut proxy, &own, envelope(packet(77, 5), "LongFast", OWN)).is_ok());
    assert!(down(&mut proxy, &theirs, &envelope(packet(77, 6), "LongFast", OTHER)).is_ok());
    proxy.set_radio(&radio_with(&module()));
    assert_eq!(down(&mut proxy, &theirs, &envelope(packet(77, 5), "LongFast", OTHER)), Err(ProxyRefusal::Echo));
    assert_eq!(up(&mut proxy, &own, envelope(packet(77, 6), "LongFast", OWN)), Err(ProxyRefusal::Echo));
    let another = topic("LongFast", 99);
    assert_eq!(down(&mut proxy, &another, &envelope(packet(77, 6), "LongFast", 99)), Err(ProxyRefusal::Echo));
}

proptest! {
    /// Two radios behind one broker, whatever they say of a few packets: each packet reaches each radio by MQTT once at most, and no
    /// radio publishes what it was handed.
    #[test]
    fn no_packet_runs_in_circles(steps in proptest::collection::vec((0_usize..2, 1_u32..5, 1_u32..4), 0..40)) {
        let nodes = [OWN, OTHER];
        let mut proxies = nodes.map(|node| {
            let mut proxy = Proxy::default();
            proxy.set_radio(&RadioState { node: NodeId::from_number(node), ..radio_with(&module()) });
            proxy
        });
        let mut handed = [std::collections::BTreeSet::new(), std::collections::BTreeSet::new()];
        for (radio, from, id) in steps {
            let message = envelope(packet(from + 1000, id), "LongFast", nodes[radio]);
            let topic = topic("LongFast", nodes[radio]);
            let published = up(&mut proxies[radio], &topic, message.clone());
            prop_assert!(!(published.is_ok() && handed[radio].contains(&(from, id))));
            if published.is_ok() && down(&mut proxies[1 - radio], &topic, &message).is_ok() {
                prop_assert!(handed[1 - radio].insert((from, id)));
            }
            // A broker gives everybody their own back.
            prop_assert!(down(&mut proxies[radio], &topic, &message).is_err());
        }
    }

    #[test]
    fn whatever_comes_only_own_topics_are_published_to(topic in any::<String>(), tail in "(2/(e|json|map)/?)?(LongFast|PKI|ops)?(/![0-9a-f]{8})?",
        payload in proptest::collection::vec(any::<u8>(), 0..500)) {
        for topic in [topic.clone(), format!("msh/EU_868/{tail}"), format!("{topic}/{tail}")] {
            if let Ok(published) = up(&mut proxy(), &topic, payload.clone()) {
                prop_assert!(published.starts_with("msh/EU_868/2/") && (published.ends_with("/!4daa1001") || published.contains("/2/map")));
            }
            let _ = down(&mut proxy(), &topic, &payload);
        }
    }
}
