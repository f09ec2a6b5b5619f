//! Live events: own ones with resume, public ones for everybody, and what a member's windows learn of each other.

use crate::house::{ANA, FAY, House, NODE, OTHER, SUE};
use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use futures_util::StreamExt as _;
use kosmo_domain::{Clock as _, Epoch, Metric, Metrics, NodeId, PacketId, Reading, Source, Stream, TimeSource, Trust};
use kosmo_store::{
    ingest::{Body as Measured, Raw, Reception, Record, RecordName},
    packets::{KeepPackets, NewPacket, PacketFilter, Teller},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// One event as it came.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: Option<i64>,
    name: String,
    data: Value,
}

/// A client of the stream.
struct Client {
    body: BodyDataStream,
    rest: String,
}

impl Client {
    async fn open(house: &House, who: Option<&str>, path: &str, last: Option<i64>) -> Self {
        let mut request = Request::get(format!("/api/v1/stream{path}"));
        if let Some(who) = who {
            request = request.header("X-User-ID", who);
        }
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = house.respond(request.body(Body::empty()).unwrap()).await;
        assert_eq!((response.status(), response.headers()["content-type"].as_bytes()), (StatusCode::OK, b"text/event-stream".as_slice()));
        Self { body: response.into_body().into_data_stream(), rest: String::new() }
    }

    /// Returns the next event; nothing at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.rest.find("\n\n") {
                let event = parse(&self.rest[..end]);
                self.rest.drain(..end + 2);
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.body.next()).await.expect("something happens")?;
            self.rest.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    /// Returns the next own event: its number, its name, and what it says.
    async fn own(&mut self) -> (i64, String, Value) {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if let (Some(id), true) = (event.id, event.name != "hello") {
                return (id, event.name, event.data);
            }
        }
    }

    /// Returns the next event of this name.
    async fn named(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event.data;
            }
        }
    }
}

fn parse(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Event { id: field("id").map(|id| id.parse().unwrap()), name: field("event").unwrap(), data })
}

#[tokio::test]
async fn a_member_follows_a_text_to_its_answer_and_resumes_without_loss_or_doubling() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let mut client = Client::open(&house, Some(ANA), "", None).await;
    assert_eq!(client.next().await.unwrap(), Event { id: Some(0), name: "hello".to_owned(), data: json!({ "after": 0, "member": true }) });

    let id = house.send(ANA, NODE, "are you there").await;
    let (seq, name, data) = client.own().await;
    assert_eq!((seq, name.as_str(), &data["kind"], &data["message"]["id"]), (1, "message", &json!("accepted"), &json!(id)));
    let offer = roof.offer().await;
    roof.transmit(offer.message_id).await;
    roof.hear_text(roof.packet(NODE, 1), "I am", None).await;
    let mut numbers = vec![seq];
    let mut last = None;
    while last.as_deref() != Some("text") {
        let (seq, name, data) = client.own().await;
        assert!(name != "text" || data["text"]["text"] == "I am", "{data}");
        numbers.push(seq);
        last = Some(name);
    }
    let until = i64::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (1..=until).collect::<Vec<_>>(), "no event is missing, and none comes twice");

    drop(client);
    house.send(ANA, NODE, "good").await;
    for mut back in [
        Client::open(&house, Some(ANA), "", Some(until)).await,
        Client::open(&house, Some(ANA), &format!("?after={until}"), None).await,
        Client::open(&house, Some(ANA), "?after=0", Some(until)).await,
    ] {
        let (seq, _, data) = back.own().await;
        assert_eq!((seq, &data["message"]["text"]), (until + 1, &json!("good")));
    }
}

#[tokio::test]
async fn nobody_is_told_of_anothers_texts() {
    let house = House::new().await;
    let (mut sue, mut nobody) = (Client::open(&house, Some(SUE), "", None).await, Client::open(&house, None, "", None).await);
    house.send(ANA, NODE, "a secret").await;
    house.send(SUE, OTHER, "hello").await;
    let (_, _, data) = sue.own().await;
    assert_eq!(data["message"]["text"], "hello");
    let hello = nobody.next().await.unwrap();
    assert_eq!((hello.id, &hello.data), (None, &json!({ "after": 0, "member": false })));
    let roof = house.bridge("roof", "!4daa1001").await;
    add_bridge(&house, "roof").await;
    house
        .store
        .note_bridge_status(&roof.id, r#"{"v":1,"bridge":"roof","state":"online","radio":{"link":"ready"}}"#, now(&house))
        .await
        .unwrap();
    assert_eq!(nobody.next().await.unwrap().name, "bridge", "the next thing that anybody is told");
}

#[tokio::test]
async fn a_window_that_was_away_too_long_is_told_to_read_again() {
    let house = House::new().await;
    house.send(ANA, NODE, "one").await;
    let mut client = Client::open(&house, Some(ANA), "", Some(99)).await;
    assert_eq!(client.named("reset").await, json!({ "after": house.store.last_event(ANA.parse().unwrap()).await.unwrap() }));
}

#[tokio::test]
async fn what_is_read_in_one_window_is_read_in_the_others() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    house.send(ANA, NODE, "hi").await;
    roof.hear_text(roof.packet(NODE, 1), "hello", None).await;
    let seq = house.conversation(ANA, NODE).await.last().unwrap()["seq"].clone();
    let mut other = Client::open(&house, Some(ANA), "", None).await;
    let path = format!("/api/v1/messages/conversations/{NODE}/read");
    for _ in 0..2 {
        let (status, mark) = post(&house, ANA, &path, &json!({ "seq": seq })).await;
        assert_eq!((status, mark), (StatusCode::OK, json!({ "node_id": NODE, "read_seq": seq, "unread": 0 })));
    }
    assert_eq!(post(&house, ANA, &path, &json!({ "seq": 1 })).await.1["read_seq"], seq, "what was read stays read");
    assert_eq!(other.named("read").await["read_seq"], seq);
    assert_eq!(post(&house, SUE, &path, &json!({ "seq": 1 })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(post(&house, ANA, &path, &json!({ "seq": -1 })).await.1["field"], "seq");
}

#[tokio::test]
async fn streams_are_limited_and_given_back() {
    let house = House::with(|config| config.streams = 8).await;
    let mut crowd = Vec::new();
    for _ in 0..6 {
        crowd.push(Client::open(&house, None, "", None).await);
    }
    let refused = |who: Option<&'static str>| {
        let mut request = Request::get("/api/v1/stream");
        if let Some(who) = who {
            request = request.header("X-User-ID", who);
        }
        house.ask(request.body(Body::empty()).unwrap())
    };
    let (status, headers, problem) = refused(None).await;
    assert_eq!(
        (status, &problem["code"], headers["retry-after"].as_bytes()),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("too_many_streams"), b"15".as_slice())
    );
    crowd.push(Client::open(&house, Some(ANA), "", None).await);
    crowd.push(Client::open(&house, Some(FAY), "", None).await);
    assert_eq!(refused(Some(SUE)).await.0, StatusCode::SERVICE_UNAVAILABLE);
    crowd.truncate(2);
    Client::open(&house, Some(SUE), "", None).await;
    assert_eq!(house.get(ANA, "/api/v1/stream?after=x").await.1["field"], "after");
    assert_eq!(house.get("nobody", "/api/v1/stream").await.1["code"], "invalid_identity");
}

#[tokio::test]
async fn streams_end_with_the_gateway() {
    let mut house = House::new().await;
    let mut client = Client::open(&house, Some(ANA), "", None).await;
    assert_eq!(client.next().await.unwrap().name, "hello");
    house.close().await;
    assert_eq!(timeout(PATIENCE, client.next()).await.unwrap(), None);
}

#[tokio::test]
async fn gaps_are_told_from_what_bridges_say_of_their_radios() {
    let house = House::new().await;
    add_bridge(&house, "roof").await;
    let roof = house.bridge("roof", "!4daa1001").await;
    let until_gaps = async |count: usize| {
        house.until("the gaps are known", async || house.read(ANA, "/api/v1/gaps").await["data"].as_array().unwrap().len() == count).await;
        house.read(ANA, "/api/v1/gaps").await
    };
    house.until("the bridge listens", async || !house.store.listeners().await.unwrap().is_empty()).await;
    house.clock.advance(Duration::from_mins(10));
    let status = json!({ "v": 1, "bridge": "roof", "state": "online", "at": now(&house), "radio": { "link": "down", "link_s": 60 } });
    roof.publish("kosmo/bridge/roof/status", status.to_string()).await;
    let open = until_gaps(1).await;
    assert_eq!(
        (&open["data"][0]["from"], &open["data"][0]["until"], &open["data"][0]["reason"]),
        (&json!("2026-06-01T12:09:00Z"), &Value::Null, &json!("radio"))
    );
    assert_eq!(open["silent"], json!([{ "from": "2026-06-01T12:09:00Z", "until": null }]), "it was the only one");

    house.clock.advance(Duration::from_mins(15));
    let status = json!({ "v": 1, "bridge": "roof", "state": "online", "at": now(&house), "radio": { "link": "ready", "link_s": 120, "node_id": "!4daa1001" } });
    roof.publish("kosmo/bridge/roof/status", status.to_string()).await;
    house.until("the gap is over", async || !house.read(ANA, "/api/v1/gaps").await["data"][0]["until"].is_null()).await;
    let over = house.read(ANA, "/api/v1/gaps").await;
    assert_eq!(over["silent"], json!([{ "from": "2026-06-01T12:09:00Z", "until": "2026-06-01T12:23:00Z" }]));
    assert_eq!(house.get(ANA, "/api/v1/gaps?from=2020-01-01T00:00:00Z").await.1["field"], "from");
}

#[tokio::test]
async fn a_bridge_that_is_back_within_a_second_did_not_listen_in_between() {
    let house = House::new().await;
    add_bridge(&house, "roof").await;
    let roof = house.bridge("roof", "!4daa1001").await;
    house.until("the bridge listens", async || !house.store.listeners().await.unwrap().is_empty()).await;
    let say = async |run: u128, link: &str| {
        let radio = json!({ "link": link, "link_s": 0 });
        let epoch = Epoch::from_random(run);
        let status =
            json!({ "v": 1, "bridge": "roof", "state": "online", "at": now(&house), "uptime_s": 0, "epoch": epoch, "radio": radio });
        roof.publish("kosmo/bridge/roof/status", status.to_string()).await;
    };
    say(1, "ready").await;
    house.clock.advance(Duration::from_millis(500));
    say(2, "connecting").await;
    house.until("the gap is known", async || house.read(ANA, "/api/v1/gaps").await["data"][0]["from"] == "2026-06-01T12:00:00Z").await;
    house.clock.advance(Duration::from_millis(500));
    say(2, "ready").await;
    house.until("it is over", async || house.read(ANA, "/api/v1/gaps").await["data"][0]["until"] == "2026-06-01T12:00:01Z").await;
}

#[tokio::test]
async fn recipients_are_those_that_the_plan_reaches() {
    let house = House::new().await;
    let ids = async |who: &str, path: &str| {
        let page = house.read(who, &format!("/api/v1/messages/recipients{path}")).await;
        page["data"].as_array().unwrap().iter().map(|row| row["node_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(crate::house::GUS, "").await, [NODE], "a listed node may never have been heard");
    assert_eq!(ids(crate::house::GUS, "?q=c3d4").await, [NODE]);
    assert_eq!(ids(crate::house::GUS, "?q=Lena").await, Vec::<String>::new());
    assert_eq!(ids(ANA, "").await, Vec::<String>::new(), "nobody was heard yet");
    assert_eq!(ids(FAY, "").await, Vec::<String>::new());
}

fn now(house: &House) -> kosmo_domain::Timestamp {
    house.clock.now()
}

async fn add_bridge(house: &House, id: &str) {
    let secret = kosmo_store::Secret::from_random([1; 32]).hash();
    house.store.add_bridge(&id.parse().unwrap(), &secret, now(house)).await.unwrap();
}

async fn post(house: &House, who: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(path).header("Content-Type", "application/json").header("X-User-ID", who);
    let (status, _, answer) = house.ask(request.body(Body::from(body.to_string())).unwrap()).await;
    (status, answer)
}

/// Has nodes of these numbers measure something, and waits until a client who reads has been told of the last of them.
async fn measure(house: &House, numbers: std::ops::Range<u32>, reader: &mut Client) {
    let at = house.clock.now();
    let last = NodeId::from_number(numbers.end - 1).to_string();
    let record = |number: u32| {
        let mut metrics = Metrics::NONE;
        metrics.set(Metric::Temperature, 21.5).unwrap();
        let reading = Reading { node: NodeId::from_number(number), at, metrics };
        let (time_source, trust, source) = (TimeSource::Device, Trust::Claimed, Source::Bridge);
        let origin =
            RecordName { bridge: "roof".parse().unwrap(), epoch: Epoch::from_random(7), stream: Stream::Ingest, seq: u64::from(number) };
        let body = Measured::Reading { reading, time_source, device_time: Some(at), trust, source };
        Record { origin, heard: None, privacy: None, body, notes: Vec::new(), raw: Raw::default() }
    };
    house.store.ingest(&numbers.map(record).collect::<Vec<_>>(), at).await.unwrap();
    while reader.named("latest").await["node_id"] != json!(last) {}
}

#[tokio::test]
async fn everybody_is_told_that_the_log_of_packets_has_more_and_up_to_which_number() {
    let house = House::new().await;
    let (mut first, mut second) = (Client::open(&house, None, "", None).await, Client::open(&house, Some(ANA), "", None).await);
    let packet = |id| NewPacket {
        from: NODE.parse().unwrap(),
        id: PacketId(id),
        to: None,
        port: Some(1),
        gateway: "roof".to_owned(),
        teller: Teller::Bridge,
        channel: None,
        private: false,
        reception: Reception { at: house.clock.now(), snr_db: None, rssi_dbm: None, hops_away: None, relay_node: None, via_mqtt: false },
        bytes: Some(11),
        fields: json!({ "text": "a secret" }).as_object().cloned(),
    };
    let newest = async || house.store.packets(&PacketFilter::default(), None, None, 1).await.unwrap()[0].id;
    for id in 1..=2 {
        house.store.log_packets(&[packet(id)], &KeepPackets::default()).await.unwrap();
        let expect = json!({ "newest": newest().await });
        assert_eq!((&first.named("packets").await, &second.named("packets").await), (&expect, &expect), "a number, and nothing said");
    }
    // A packet that is told of again is no news.
    house.store.log_packets(&[packet(2)], &KeepPackets::default()).await.unwrap();
    house.store.log_packets(&[packet(3)], &KeepPackets::default()).await.unwrap();
    assert_eq!(first.named("packets").await, json!({ "newest": newest().await }));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_told_that_it_is_behind_costs_no_more_and_goes_on() {
    let house = House::new().await;
    let (mut slow, mut reader) = (Client::open(&house, None, "", None).await, Client::open(&house, None, "", None).await);
    assert_eq!((slow.next().await.unwrap().name, reader.next().await.unwrap().name), ("hello".to_owned(), "hello".to_owned()));
    // Of each node two things are news, and 1024 of them wait for a client at most.
    for hundreds in 1..=4 {
        measure(&house, hundreds * 300..(hundreds + 1) * 300, &mut reader).await;
    }

    let first = slow.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data), ("behind", &json!({})), "it is told that it missed some, not some of them");
    measure(&house, 5_000..5_001, &mut reader).await;
    while slow.named("latest").await["node_id"] != json!("!00001388") {}
}
