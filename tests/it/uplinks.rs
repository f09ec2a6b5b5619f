//! Nodes that publish what they hear themselves, from their login to what everybody is answered.

use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{
    Message as _,
    crypto::{ChannelKey, channel_hash},
    proto::{self, mesh_packet::PayloadVariant},
};
use kosmo_mqtt::{Client, Event, Login, Message, Options, Reason, Refusal, Subscription};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use kosmo_tests::{Api, Kosmo, System, kosmo, now, on_both_footings, until};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{fs, path::Path};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

const GATEWAY: &str = "!a1b2c3d4";
const UP: [&str; 5] = ["up", "--port-base", "0", "--mqtt-port", "0"];

/// Connects as a node with this client id: two with the same throw each other out.
async fn node_at(broker: &str, id: &str, login: Option<(&str, String)>) -> Client {
    let mut options = Options::new(broker.parse().unwrap(), id);
    options.login = login.map(|(name, password)| Login { name: name.to_owned(), password });
    let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), CancellationToken::new()).unwrap();
    client.connected().await;
    tokio::spawn(async move { while incoming.next().await.is_some() {} });
    client
}

/// Publishes, again if the broker has just thrown everybody out to read its rules again.
async fn publish(client: &Client, topic: &str, payload: Vec<u8>) {
    until("it is published", || async {
        client.connected().await;
        client.publish(Message::new(topic, payload.clone())).await.ok()?.await.ok()
    })
    .await;
}

/// Who somebody says it is, encrypted on a channel, in an envelope.
fn introduction(from: u32, id: u32, channel: &str, key: &[u8], name: &str) -> Vec<u8> {
    let user = proto::User { long_name: name.to_owned(), ..Default::default() };
    let data = proto::Data { portnum: 4, payload: user.encode_to_vec(), bitfield: Some(1), ..Default::default() };
    let key = ChannelKey::expand(key).unwrap();
    let mut bytes = data.encode_to_vec();
    key.apply(NodeId::from_number(from), PacketId(id), &mut bytes);
    let packet = proto::MeshPacket {
        from,
        to: u32::MAX,
        id,
        channel: u32::from(channel_hash(channel, &key)),
        rx_time: u32::try_from(now().as_micros() / 1_000_000).unwrap(),
        payload_variant: Some(PayloadVariant::Encrypted(bytes)),
        ..Default::default()
    };
    let gateway_id = GATEWAY.to_owned();
    proto::ServiceEnvelope { packet: Some(packet), channel_id: channel.to_owned(), gateway_id }.encode_to_vec()
}

fn topic(channel: &str, gateway: &str) -> String {
    format!("msh/EU_868/2/e/{channel}/{gateway}")
}

async fn names(cloud: &Api) -> Vec<String> {
    let answer = cloud.json("web", "/api/v1/nodes").await;
    answer["data"].as_array().unwrap().iter().map(|node| node["long_name"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn until_named(cloud: &Api, name: &str) {
    until(&format!("{name} is known"), || async { names(cloud).await.iter().any(|known| known == name).then_some(()) }).await;
}

fn said(data: &Path, arguments: &[&str]) -> String {
    let output = kosmo(data, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Lets the node publish, and returns its password.
fn enrol(data: &Path) -> String {
    let told = said(data, &["uplink", "add", "balcony", "--node", GATEWAY]);
    told.lines().find_map(|line| line.trim().strip_prefix("password  ")).unwrap().to_owned()
}

#[tokio::test]
async fn a_node_publishes_as_itself_alone_and_its_channel_is_read_once_its_key_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    let cloud = Kosmo::start(&data, &UP).await;
    let password = enrol(&data);
    let node = node_at(cloud.address("mqtt"), GATEWAY, Some(("balcony", password))).await;
    publish(&node, &topic("LongFast", "!00000099"), introduction(0x99, 1, "LongFast", &[1], "Somebody else's")).await;
    publish(&node, &topic("LongFast", GATEWAY), introduction(0x77, 2, "LongFast", &[1], "Roof")).await;
    until_named(&cloud, "Roof").await;
    assert_eq!(names(&cloud).await, ["Roof"], "what it published in another's name reached nobody");

    // A channel of the operator's own: unknown, then private, then public.
    let family = [9; 32];
    let speak = async |number: u32, name: &str| {
        publish(&node, &topic("Family", GATEWAY), introduction(0x500 + number, 100 + number, "Family", &family, name)).await;
    };
    speak(1, "Before the key").await;
    let key = data.join("family.key");
    fs::write(&key, "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n").unwrap();
    said(&data, &["channel", "add", "Family", "--key-file", key.to_str().unwrap()]);
    let listed = said(&data, &["channel", "list"]);
    assert!(listed.contains("Family") && listed.contains("private") && !listed.contains("CQkJ"), "{listed}");
    speak(2, "While it was private").await;
    said(&data, &["channel", "publish", "Family"]);
    let mut number = 3;
    until("the channel is public", || {
        number += 1;
        let (cloud, speak) = (&cloud, &speak);
        async move {
            speak(number, "On a public channel").await;
            names(cloud).await.iter().any(|name| name == "On a public channel").then_some(())
        }
    })
    .await;
    let known = names(&cloud).await.join(", ");
    assert!(!known.contains("Before the key") && !known.contains("While it was private"), "{known}");

    // What an operator sees of it, and how it ends.
    let listed = until("the gateway is counted", || async {
        let listed = said(&data, &["uplink", "list"]);
        listed.contains("PACKETS").then_some(listed)
    })
    .await;
    assert!(listed.contains("balcony") && listed.contains(GATEWAY), "{listed}");
    said(&data, &["uplink", "revoke", "balcony"]);
    assert!(!kosmo(&data, &["uplink", "revoke", "balcony"]).status.success());
}

/// Publishes to a topic that no client library would: a session of its own, which the broker may end.
async fn publish_raw(broker: &str, name: &str, password: &str, topic: &[u8]) {
    let string = |text: &[u8]| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text].concat();
    let packet = |kind: u8, body: Vec<u8>| {
        let (mut length, mut bytes) = (body.len(), vec![kind]);
        while length >= 128 {
            bytes.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        bytes.push(u8::try_from(length).unwrap());
        [bytes, body].concat()
    };
    // MQTT 3.1.1, clean session, with name and password.
    let header = [string(b"MQTT"), vec![4, 0b1100_0010, 0, 30]].concat();
    let connect = [header, string(b"raw"), string(name.as_bytes()), string(password.as_bytes())].concat();
    let address = broker.strip_prefix("mqtt://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&packet(0x10, connect)).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0], "the login is good");
    stream.write_all(&packet(0x30, [string(topic), b"nonsense".to_vec()].concat())).await.unwrap();
    // Either the broker ends the session or it answers this.
    let _ = stream.write_all(&[0xc0, 0]).await;
    let _ = stream.read(&mut answer).await;
}

/// Gives a node a login as its operator would, and returns the password; an outside broker has to read it yet.
fn login_on(system: &System, name: &str, node: &str) -> String {
    let files = system.broker_files();
    let arguments: Vec<_> = ["uplink", "add", name, "--node", node].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = system.command(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    told.lines().find_map(|line| line.trim().strip_prefix("password  ")).unwrap().to_owned()
}

on_both_footings! {
    async fn a_node_s_login_publishes_that_node_s_uplink_reads_nothing_and_ends(footing: Footing) {
        const OTHER: &str = "!0000beef";
        let folder = tempfile::tempdir().unwrap();
        let mut system = System::start(folder.path(), footing).await;
        let (balcony, garden) = (login_on(&system, "balcony", GATEWAY), login_on(&system, "garden", OTHER));
        system.reload_broker().await;
        let broker = system.address("mqtt").to_owned();
        // A node that listens to all that there is.
        let mut options = Options::new(broker.parse().unwrap(), "listener");
        options.login = Some(Login { name: "garden".to_owned(), password: garden });
        options.subscriptions = ["msh/#", "kosmo/#", "#"].map(Subscription::at_most_once).to_vec();
        let (listener, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(2), CancellationToken::new()).unwrap();
        listener.connected().await;

        let node = node_at(&broker, "balcony", Some(("balcony", balcony.clone()))).await;
        let forbidden = [
            topic("LongFast", OTHER),
            format!("msh/2/e/LongFast/{OTHER}"),
            format!("msh/EU_868/2/c/LongFast/{GATEWAY}"),
            format!("msh/EU_868/2/stat/{GATEWAY}"),
            format!("msh/a/b/c/d/2/e/LongFast/{GATEWAY}"),
            format!("msh/EU_868/2/e/LongFast/{GATEWAY}/more"),
            "kosmo/mesh/reading/roof".to_owned(),
        ];
        for (topic, number) in forbidden.iter().zip(0x600..) {
            publish(&node, topic, introduction(number, number, "LongFast", &[1], "Forbidden")).await;
        }
        let roots = ["msh", "msh/EU_868", "msh/EU_868/DE", "msh/EU_868/DE/Town"];
        for (root, number) in roots.iter().zip(0x500..) {
            let name = format!("Under {root}");
            publish(&node, &format!("{root}/2/e/LongFast/{GATEWAY}"), introduction(number, number, "LongFast", &[1], &name)).await;
            until_named(&system, &name).await;
        }
        publish(&node, "msh/EU_868/2/map/", introduction(0x510, 0x510, "LongFast", &[1], "On the map's topic")).await;
        until_named(&system, "On the map's topic").await;
        // JSON may be published, and is refused where nobody wanted it read; in another's name it does not arrive.
        for gateway in [OTHER, GATEWAY] {
            publish(&node, &format!("msh/EU_868/2/json/LongFast/{gateway}"), b"{}".to_vec()).await;
        }
        until("JSON is counted", || async {
            let metrics = system.ask("ingestion", "/metrics").await.1;
            let counted = metrics.lines().find(|line| line.contains("outcome=\"json\""))?;
            assert!(counted.ends_with(" 1"), "{counted}");
            Some(())
        })
        .await;
        // A topic that is no text, and one of a thousand levels: whoever sends them disturbs nobody.
        let levels = format!("msh{}/2/e/LongFast/{GATEWAY}", "/a".repeat(1_000));
        for hostile in [b"msh/2/e/\xff\xfe/!a1b2c3d4".as_slice(), b"msh/+/2/e/#", levels.as_bytes()] {
            publish_raw(&broker, "balcony", &balcony, hostile).await;
        }
        publish(&node, &topic("LongFast", GATEWAY), introduction(0x511, 0x511, "LongFast", &[1], "After hostile topics")).await;
        until_named(&system, "After hostile topics").await;

        // Whom an operator will not have is not heard any more, without a restart.
        let output = system.command(&["uplink", "deny", "!00000500"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut number = 0x700;
        until("the denial is heeded", || {
            number += 2;
            let (system, node) = (&system, &node);
            async move {
                let (denied, marker) = (format!("Denied {number:x}"), format!("Heard {number:x}"));
                publish(node, &topic("LongFast", GATEWAY), introduction(0x500, number, "LongFast", &[1], &denied)).await;
                publish(node, &topic("LongFast", GATEWAY), introduction(0x512, number + 1, "LongFast", &[1], &marker)).await;
                until_named(system, &marker).await;
                (!names(system).await.contains(&denied)).then_some(())
            }
        })
        .await;
        assert_eq!(names(&system).await.len(), roots.len() + 3, "what it published elsewhere reached nobody");

        // What it sent was delivered to the server by now, and to the listener, had it been allowed to read.
        let heard = tokio::time::timeout(std::time::Duration::ZERO, async {
            while let Some(event) = incoming.next().await {
                if let Event::Message(message) = event {
                    return message.topic;
                }
            }
            String::new()
        });
        assert_eq!(heard.await.ok(), None, "a node reads nothing");

        let files = system.broker_files();
        let arguments: Vec<_> = ["uplink", "revoke", "balcony"].into_iter().chain(files.iter().map(String::as_str)).collect();
        assert!(system.command(&arguments).status.success());
        system.reload_broker().await;
        until("the login is refused", || async {
            let mut options = Options::new(broker.parse().unwrap(), "again");
            options.login = Some(Login { name: "balcony".to_owned(), password: balcony.clone() });
            let shutdown = CancellationToken::new();
            let (_client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(4), shutdown.clone()).unwrap();
            let event = incoming.next().await?;
            shutdown.cancel();
            matches!(event, Event::Disconnected { reason: Reason::Refused(Refusal::BadCredentials) }).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn another_broker_that_dies_is_read_again_and_disturbs_nothing_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    fs::create_dir_all(&data).unwrap();
    let mut elsewhere = Mosquitto::start(&MosquittoOptions::default()).await;
    let settings = format!(
        "[[ingestion.uplink]]\nname = \"home\"\nurl = \"{}\"\n\n[[ingestion.uplink]]\nname = \"nowhere\"\nurl = \"mqtt://127.0.0.1:9\"\n",
        elsewhere.url()
    );
    fs::write(data.join("kosmo.toml"), settings).unwrap();
    let cloud = Kosmo::start(&data, &UP).await;
    let password = enrol(&data);
    let own = node_at(cloud.address("mqtt"), GATEWAY, Some(("balcony", password))).await;
    let mut number = 0;
    let mut heard_elsewhere = async |url: String, name: &'static str| {
        let other = node_at(&url, name, None).await;
        until(&format!("{name} is known"), || {
            number += 1;
            let (cloud, other) = (&cloud, &other);
            async move {
                publish(other, &topic("LongFast", "!00000010"), introduction(0x700, 500 + number, "LongFast", &[1], name)).await;
                names(cloud).await.iter().any(|known| known == name).then_some(())
            }
        })
        .await;
    };
    heard_elsewhere(elsewhere.url(), "From home").await;
    elsewhere.kill();
    publish(&own, &topic("LongFast", GATEWAY), introduction(0x77, 2, "LongFast", &[1], "Meanwhile")).await;
    until_named(&cloud, "Meanwhile").await;
    elsewhere.restart().await;
    heard_elsewhere(elsewhere.url(), "From home again").await;
    // The gap between is there to be seen.
    until("both times of listening are told", || async {
        let listening = cloud.json("web", "/api/v1/network/uplinks").await["listening"].clone();
        let of = |name: &str| listening.as_array().unwrap().iter().filter(|session| session["source"] == name).count();
        (of("msh-home") >= 2 && of("msh-nowhere") == 0).then_some(())
    })
    .await;
}
