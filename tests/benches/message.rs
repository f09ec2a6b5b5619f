//! How long a text takes from its POST to the bridge that may claim it, and how many a second: beside the least that this
//! can cost, one synchronous write and one hop over the broker, measured in the same run.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

use bytes::Bytes;
use kosmo_contract::{Offer, parse};
use kosmo_mqtt::{Client, Event, Incoming, Login, Message, Options, Subscription};
use kosmo_tests::{BridgeProcess, Kosmo};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::{fs, io::Write as _, path::Path, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Texts sent one after the other.
const ONE_BY_ONE: usize = 500;
/// Members who send at once, and how many texts each.
const MEMBERS: usize = 8;
const TEXTS_EACH: usize = 250;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let cloud = cloud(folder.path()).await;
        let bridge = BridgeProcess::enrol(&cloud, folder.path(), "bench");
        let shutdown = CancellationToken::new();
        let (client, mut offers) = connect(&cloud, &bridge, &shutdown).await;
        println!("SQLite, embedded broker, {ONE_BY_ONE} texts one after the other:");
        report("a synchronous write and a hop over the broker", least(folder.path(), &client, &mut offers).await);
        report("POST to the offer at the bridge", one_by_one(&cloud, &client, &mut offers).await);
        at_once(&cloud, &client, &mut offers).await;
        shutdown.cancel();
    });
}

fn member(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

async fn cloud(folder: &Path) -> Kosmo {
    let data = folder.join("cloud");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("kosmo.toml"), "[auth]\ndev_header = true\n\n[gateway]\nburst = 1000\nper_minute = 600\n").unwrap();
    let cloud = Kosmo::start(&data, &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    for number in 0..=MEMBERS {
        let added = cloud.command(&["user", "add", &format!("member-{number}"), "--plan", "sanctuary", "--id", &member(number)]);
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }
    cloud
}

async fn connect(cloud: &Kosmo, bridge: &BridgeProcess, shutdown: &CancellationToken) -> (Client, Incoming) {
    let mut options = Options::new(cloud.address("mqtt").parse().unwrap(), "bench");
    options.login = Some(Login { name: "bench".to_owned(), password: bridge.secret() });
    let filters = ["kosmo/mesh/outbound/+", "kosmo/bridge/bench/ack"];
    options.subscriptions = filters.map(Subscription::at_least_once).to_vec();
    let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), shutdown.clone()).unwrap();
    while !matches!(incoming.next().await, Some(Event::Connected { .. })) {}
    (client, incoming)
}

/// Measures what no gateway can do without: a write that a power cut cannot undo, and a message through the broker.
async fn least(folder: &Path, client: &Client, incoming: &mut Incoming) -> Vec<Duration> {
    // A bridge can write nothing that it can read, so the hop is measured as the broker's answer to a publication.
    let mut file = fs::File::create(folder.join("least")).unwrap();
    let mut times = Vec::new();
    for _ in 0..ONE_BY_ONE {
        let began = Instant::now();
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
        let message = Message::new("kosmo/mesh/receipt/bench", Bytes::from_static(b"{}"));
        client.publish(message).await.unwrap().await.unwrap();
        times.push(began.elapsed());
    }
    while incoming.try_next().is_some() {}
    times
}

async fn one_by_one(cloud: &Kosmo, client: &Client, offers: &mut Incoming) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..ONE_BY_ONE {
        let wanted = format!("member-0: number {number}");
        let began = Instant::now();
        let sender = member(0);
        let post = cloud.send(&sender, None, body(&format!("number {number}")));
        let offered = async {
            while next_offer(client, offers).await != wanted {}
            began.elapsed()
        };
        let ((status, _, answer), elapsed) = tokio::join!(post, offered);
        assert_eq!(status, 202, "{answer}");
        times.push(elapsed);
    }
    times
}

/// Lets all members send at once, and says how many offers arrived a second.
async fn at_once(cloud: &Kosmo, client: &Client, offers: &mut Incoming) {
    let began = Instant::now();
    let sending = futures_util::future::join_all((1..=MEMBERS).map(|number| async move {
        for text in 0..TEXTS_EACH {
            let (status, _, answer) = cloud.send(&member(number), None, body(&format!("at once {text}"))).await;
            assert_eq!(status, 202, "{answer}");
        }
    }));
    let arriving = async {
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < MEMBERS * TEXTS_EACH {
            let text = next_offer(client, offers).await;
            if text.contains("at once") {
                seen.insert(text);
            }
        }
        began.elapsed()
    };
    let (_, elapsed) = tokio::join!(sending, arriving);
    println!("{MEMBERS} members at once: {:.0} texts/s from POST to offer", (MEMBERS * TEXTS_EACH) as f64 / elapsed.as_secs_f64());
}

fn body(text: &str) -> String {
    json!({"target_node_id": "!c0de5001", "text": text}).to_string()
}

/// Returns the text of the next offer.
async fn next_offer(client: &Client, offers: &mut Incoming) -> String {
    loop {
        let Some(Event::Message(delivery)) = offers.next().await else { continue };
        let offer = parse::<Offer>(&delivery.payload).map(|offer| offer.text.into_inner());
        client.acknowledge(delivery.token);
        if let Ok(text) = offer {
            return text;
        }
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!("  {what:<48} p50 {:>8.2?}   p99 {:>8.2?}", at(50), at(99));
}
