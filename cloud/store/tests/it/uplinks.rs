//! What nodes publish themselves: once, beside what bridges hear, and out of sight where a node does not agree.

use crate::stores::{Fixture, at};
use kosmo_domain::{BridgeId, DAY, Epoch, HOUR, NodeId, PacketId, Position, Stream, Timestamp};
use kosmo_store::{
    Login, LoginKind, Secret,
    ingest::{Body, Heard, Neighbor, NodeReport, Outcome, Raw, Reception, Record, RecordName, Traceroute, User},
    messages::{Audience, ChannelName, GatewayBody, GatewayRecord, InboundText, OverheardText},
    packets::{KeepPackets, NewPacket, PacketFilter, Teller},
    uplinks::{BrokerNote, BrokerState, GatewayTally, LimitTally, PacketReceptions, Role, SessionRow, Taken, UplinkBatch, UplinkReception},
};
use std::time::Duration;

fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn node(number: u32) -> NodeId {
    NodeId::from_number(number)
}

fn record(bridge: &str, seq: u64, from: u32, id: u32, via_mqtt: bool, body: Body) -> Record {
    let origin = RecordName { bridge: bridge.parse::<BridgeId>().unwrap(), epoch: Epoch::from_random(1), stream: Stream::Ingest, seq };
    let reception = Reception { at: noon(), snr_db: Some(5.0), rssi_dbm: Some(-90), hops_away: Some(0), relay_node: None, via_mqtt };
    let heard = Some(Heard { from: node(from), id: PacketId(id), reception });
    Record { origin, heard, privacy: None, body, notes: Vec::new(), raw: Raw::default() }
}

fn named(from: u32, name: &str) -> Body {
    let user = User { long_name: Some(name.to_owned()), ..User::default() };
    Body::Node { node: node(from), report: NodeReport::User(user), at: noon() }
}

fn placed(from: u32) -> Body {
    let position = Position::new(50.0, 7.0, None).unwrap();
    Body::Node { node: node(from), report: NodeReport::Position { position, precision_bits: Some(14) }, at: noon() }
}

fn of(records: Vec<Record>) -> UplinkBatch {
    UplinkBatch { records, ..UplinkBatch::default() }
}

fn reception(gateway: u32, second: u64) -> UplinkReception {
    let at = noon().plus(Duration::from_secs(second));
    UplinkReception { gateway: node(gateway), at, snr_db: Some(-3.5), rssi_dbm: Some(-101), hops_away: Some(2) }
}

store_test! {
    async fn a_packet_counts_once_whether_the_radio_or_a_broker_tells_of_it_first(store: Store) {
        let by_mqtt = store.ingest_uplinks(&of(vec![record("msh", 0, 77, 5, true, named(77, "Roof"))]), noon()).await.unwrap();
        assert_eq!(by_mqtt, [Outcome::Committed { duplicate: false }]);
        let by_radio = store.ingest(&[record("roof", 1, 77, 5, false, named(77, "Roof"))], noon()).await.unwrap();
        assert_eq!(by_radio, [Outcome::Committed { duplicate: true }]);
        let again = store.ingest_uplinks(&of(vec![record("msh-home", 1, 77, 5, true, named(77, "Forged"))]), noon()).await.unwrap();
        assert_eq!(again, [Outcome::Committed { duplicate: true }]);

        let detail = store.node(node(77)).await.unwrap().unwrap();
        assert_eq!(detail.node.long_name.as_deref(), Some("Roof"));
        let ways: Vec<_> = detail.receptions.iter().map(|way| (way.bridge.as_str().to_owned(), way.reception.via_mqtt)).collect();
        assert_eq!(ways.len(), 3, "each way it was heard: {ways:?}");
        assert!(ways.contains(&("roof".to_owned(), false)), "MQTT does not take the place of the radio");
        let links = store.links(None, noon(), 10).await.unwrap();
        assert_eq!(links.len(), 1, "only what a radio received is a link over the air");
    }

    async fn who_received_a_packet_adds_up(store: Store) {
        let packet = |by| PacketReceptions { from: node(77), id: PacketId(5), first_at: noon(), by };
        for by in [vec![reception(1, 1)], vec![reception(2, 2), reception(0xa1b2_c3d4, 3)]] {
            store.ingest_uplinks(&UplinkBatch { receptions: vec![packet(by)], ..UplinkBatch::default() }, noon()).await.unwrap();
        }
        let heard = store.uplink_receptions(node(77), PacketId(5), noon()).await.unwrap();
        assert_eq!(heard, [reception(1, 1), reception(2, 2), reception(0xa1b2_c3d4, 3)]);
        assert_eq!(store.uplink_receptions(node(78), PacketId(5), noon()).await.unwrap(), []);
        store.purge_uplinks(noon().plus(Duration::from_hours(2)), noon()).await.unwrap();
        assert_eq!(store.uplink_receptions(node(77), PacketId(5), noon()).await.unwrap(), []);
    }

    async fn a_node_that_does_not_agree_or_opts_out_is_in_no_public_answer(store: Store) {
        let records = vec![record("msh", 0, 77, 5, true, named(77, "Roof")), record("msh", 1, 77, 6, true, placed(77))];
        store.ingest_uplinks(&of(records), noon()).await.unwrap();
        let seen = || async {
            let listed = store.list_nodes(None, Timestamp::EPOCH, 10).await.unwrap().len();
            let mapped = store.map_nodes(None, Timestamp::EPOCH, 10).await.unwrap().len();
            let live = store.live_nodes(&[node(77)]).await.unwrap().len();
            (store.node(node(77)).await.unwrap().is_some(), listed, mapped, live)
        };
        assert_eq!(seen().await, (true, 1, 1, 1));
        let says = |agrees| UplinkBatch { consents: vec![(node(77), agrees), (node(99), agrees)], ..UplinkBatch::default() };
        store.ingest_uplinks(&says(false), noon()).await.unwrap();
        assert_eq!(seen().await, (false, 0, 0, 0));
        store.ingest_uplinks(&says(true), noon()).await.unwrap();
        assert_eq!(seen().await, (true, 1, 1, 1));
        // A bridge's word on the name counts like any other.
        store.ingest(&[record("roof", 1, 77, 7, false, named(77, "Roof nomap"))], noon()).await.unwrap();
        assert_eq!(seen().await, (false, 0, 0, 0));
        store.ingest_uplinks(&says(true), noon()).await.unwrap();
        assert_eq!(seen().await, (false, 0, 0, 0), "agreeing to MQTT does not outweigh the name");
        store.ingest(&[record("roof", 2, 77, 8, false, named(77, "Roof"))], noon()).await.unwrap();
        assert_eq!(seen().await, (true, 1, 1, 1));
    }

    async fn gateways_and_limits_add_up_and_denials_are_taken_back(store: Store) {
        let taken = Taken { packets: 2, copies: 3, limited: 1 };
        for hours in [25, 2, 0] {
            let at = noon().minus(HOUR * hours);
            let tally = GatewayTally { source: "msh".to_owned(), gateway: node(9), at, taken };
            let (source, first_at) = ("msh".to_owned(), at.minus(Duration::from_secs(5)));
            let limit = LimitTally { source, role: Role::Node, node: node(66), reason: "too_fast", first_at, last_at: at, number: 40 };
            let batch = UplinkBatch { gateways: vec![tally], limits: vec![limit], ..UplinkBatch::default() };
            store.ingest_uplinks(&batch, noon()).await.unwrap();
        }
        let gateway = store.uplink_gateways(noon()).await.unwrap().remove(0);
        assert_eq!((gateway.gateway, gateway.first_at, gateway.last_at), (node(9), noon().minus(HOUR * 25), noon()));
        assert_eq!(gateway.ever, Taken { packets: 6, copies: 9, limited: 3 });
        assert_eq!((gateway.day, gateway.lately), (Taken { packets: 4, copies: 6, limited: 2 }, 6));
        let limit = store.uplink_limits(noon().minus(DAY)).await.unwrap().remove(0);
        assert_eq!((limit.node, limit.source.as_str(), limit.reason.as_str(), limit.number), (node(66), "msh", "too_fast", 80));
        assert_eq!((limit.first_at, limit.last_at), (noon().minus(HOUR * 2 + Duration::from_secs(5)), noon()));

        assert!(store.deny_uplink(Role::Node, node(66), noon()).await.unwrap());
        assert!(!store.deny_uplink(Role::Node, node(66), noon()).await.unwrap());
        assert_eq!(store.uplink_denials().await.unwrap()[0].node, node(66));
        assert!(store.allow_uplink(Role::Node, node(66)).await.unwrap());
        assert_eq!(store.uplink_denials().await.unwrap(), []);

        let session = |minutes| SessionRow { source: "msh".into(), from: noon(), until: noon().plus(Duration::from_mins(minutes)) };
        for minutes in [1, 2] {
            store.note_uplink_session(&session(minutes)).await.unwrap();
        }
        assert_eq!(store.uplink_sessions(noon()).await.unwrap(), [session(2)]);
    }

    async fn how_brokers_fare_is_told_by_each_process_and_forgotten_in_the_end(store: Store) {
        let note = |replica: &str, state, minutes, error: Option<&str>| BrokerNote {
            source: "msh-home".to_owned(),
            replica: replica.to_owned(),
            state,
            since: noon(),
            error: error.map(|code| (code.to_owned(), noon())),
            trusted: false,
            public: true,
            at: noon().plus(Duration::from_mins(minutes)),
        };
        store.note_uplink_brokers(&[note("a", BrokerState::Connecting, 0, None)]).await.unwrap();
        let (a, b) = (note("a", BrokerState::Listening, 1, Some("closed")), note("b", BrokerState::Refused, 2, Some("login")));
        store.note_uplink_brokers(&[a.clone(), b.clone()]).await.unwrap();
        assert_eq!(store.uplink_brokers().await.unwrap(), [b, a], "the latest word first");
        store.purge_uplinks(noon(), noon().plus(DAY * 8)).await.unwrap();
        assert_eq!(store.uplink_brokers().await.unwrap(), []);
    }

    async fn who_wants_not_to_be_shown_is_not_shown_beside_others_nor_in_the_log_of_packets(store: Store) {
        let route = |relay: u32, to: u32| {
            let route = Traceroute {
                to: node(to),
                route: vec![node(relay), node(80)],
                snr_towards_db: vec![Some(5.0), None, Some(1.5)],
                route_back: vec![node(relay)],
                snr_back_db: vec![Some(-3.0), Some(2.0)],
            };
            Body::Node { node: node(77), report: NodeReport::Traceroute(route), at: noon() }
        };
        let neighbors = [78, 79].map(|number| Neighbor { node: node(number), snr_db: 4.0 }).to_vec();
        let hears = Body::Node { node: node(77), report: NodeReport::Neighbors(neighbors), at: noon() };
        let records = [named(78, "Hut"), named(79, "Spring"), named(80, "Peak"), hears, route(78, 80), route(79, 81), route(80, 78)];
        let from = [78, 79, 80, 77, 77, 77, 77];
        let records = records.into_iter().zip(from).zip(0_u32..);
        let records: Vec<_> = records.map(|((body, from), seq)| record("msh", u64::from(seq), from, 100 + seq, true, body)).collect();
        store.ingest_uplinks(&of(records), noon()).await.unwrap();
        let told = NewPacket {
            from: node(78),
            id: PacketId(5),
            to: None,
            port: Some(4),
            gateway: "msh".to_owned(),
            teller: Teller::Uplink,
            channel: Some("LongFast".to_owned()),
            private: false,
            reception: Reception { at: noon(), snr_db: None, rssi_dbm: None, hops_away: None, relay_node: None, via_mqtt: true },
            bytes: None,
            fields: serde_json::json!({ "long_name": "Hut" }).as_object().cloned(),
        };
        store.log_packets(&[told], &KeepPackets::default()).await.unwrap();
        let seen = || async {
            let ways = store.traceroutes(None, None, 10).await.unwrap();
            let detail = store.node(node(77)).await.unwrap().unwrap();
            let q = PacketFilter { text: Some("hut".to_owned()), ..PacketFilter::default() };
            let packet = store.packets(&PacketFilter::default(), None, None, 10).await.unwrap().remove(0);
            (ways, detail, store.packets(&q, None, None, 10).await.unwrap().len(), packet)
        };
        let (ways, detail, found, packet) = seen().await;
        assert_eq!((ways.len(), detail.traceroutes.len(), detail.neighbors.len(), found), (3, 3, 2, 1));
        assert!(packet.fields.is_some_and(|fields| fields.contains("Hut")));
        let through = store.traceroutes(Some(node(79)), None, 10).await.unwrap();
        assert_eq!(through.iter().map(|row| row.way.to).collect::<Vec<_>>(), [node(81)]);
        let rest = store.traceroutes(None, Some(ways[0].place), 10).await.unwrap();
        assert_eq!(rest, ways[1..], "a page goes on where the last one ended");

        let no = UplinkBatch { consents: vec![(node(78), false)], ..UplinkBatch::default() };
        store.ingest_uplinks(&no, noon()).await.unwrap();
        let (ways, detail, found, packet) = seen().await;
        assert_eq!(detail.neighbors.iter().map(|row| row.node).collect::<Vec<_>>(), [node(79)]);
        let told: Vec<_> = ways.iter().map(|row| (row.way.to, row.way.route[0])).collect();
        assert_eq!(told, [(node(81), node(79)), (node(80), NodeId::BROADCAST)], "the way to the hut is gone, and it is no relay");
        assert_eq!(detail.traceroutes.len(), 2);
        assert_eq!((found, packet.private, packet.fields, packet.channel), (0, true, None, None));
    }

    async fn what_is_said_on_a_channel_is_there_once_whoever_tells_of_it_first(store: Store) {
        let channel = ChannelName { name: "LongFast".to_owned(), hash: 8 };
        let said = |from: u32, id: u32, words: &str| InboundText {
            id: uuid::Uuid::from_u128(u128::from(from) << 64 | u128::from(id) << 32 | words.len() as u128),
            from: node(from),
            to: NodeId::BROADCAST,
            packet_id: PacketId(id),
            to_bridge: false,
            over_lora: false,
            text: words.to_owned(),
            reply_to: None,
            reaction: false,
            stored: false,
            channel: Some(channel.clone()),
        };
        let overheard = |text| OverheardText { source: "msh".parse().unwrap(), text, heard_at: noon() };
        let by_bridge = |seq, text: InboundText| GatewayRecord {
            origin: RecordName { bridge: "roof".parse().unwrap(), epoch: Epoch::from_random(1), stream: Stream::Gateway, seq },
            at: noon(),
            heard: None,
            privacy: None,
            body: GatewayBody::Text(text),
            raw: Raw::default(),
        };
        let hear = async |texts| {
            store.ingest_uplinks(&UplinkBatch { texts, ..UplinkBatch::default() }, noon()).await.unwrap();
        };
        let window = Duration::from_hours(1);
        hear(vec![overheard(said(77, 1, "by MQTT first"))]).await;
        store.commit_gateway_batch(&[by_bridge(1, said(77, 1, "by MQTT first."))], window, noon()).await.unwrap();
        store.commit_gateway_batch(&[by_bridge(2, said(77, 2, "by radio first"))], window, noon()).await.unwrap();
        hear(vec![overheard(said(77, 2, "by radio first.")), overheard(said(78, 2, "another's")), overheard(said(77, 1, "again"))]).await;
        let words = async |audience| {
            let mut words: Vec<_> =
                store.channel_texts(&channel, audience, None, 10).await.unwrap().into_iter().map(|text| text.text).collect();
            words.sort();
            words
        };
        let everybody = Audience::Everybody { since: None };
        assert_eq!(words(everybody).await, ["another's", "by MQTT first", "by radio first"]);
        // Who opts out is read by operators alone, for whom it may be a call for help.
        store.ingest_uplinks(&of(vec![record("msh", 0, 78, 9, true, named(78, "Hut nomap"))]), noon()).await.unwrap();
        assert_eq!(words(everybody).await, ["by MQTT first", "by radio first"]);
        assert_eq!(words(Audience::Operators).await.len(), 3);
    }

    async fn the_login_of_a_node_is_for_that_node_and_can_be_taken_away(store: Store) {
        let (name, secret) = ("balcony".parse::<BridgeId>().unwrap(), Secret::from_random([3; 32]).hash());
        store.add_uplink(&name, node(0xa1b2_c3d4), false, &secret, noon()).await.unwrap();
        assert!(store.add_uplink(&name, node(1), true, &secret, noon()).await.is_err());
        assert!(store.add_bridge(&name, &secret, noon()).await.is_err(), "a bridge of this name would share its login");
        let login = store.mqtt_login("balcony").await.unwrap().unwrap();
        assert!(matches!(login, Login::Other(LoginKind::Uplink(gateway), _) if gateway == node(0xa1b2_c3d4)));
        store.add_uplink(&"attic".parse().unwrap(), node(7), true, &secret, noon()).await.unwrap();
        let told: Vec<_> = store.uplinks().await.unwrap().into_iter().map(|row| (row.name, row.kind)).collect();
        let expect = [("attic", LoginKind::UplinkAndDownlink(node(7))), ("balcony", LoginKind::Uplink(node(0xa1b2_c3d4)))];
        assert_eq!(told, expect.map(|(name, kind)| (name.to_owned(), kind)));
        assert!(store.remove_login(&name).await.unwrap());
        assert!(store.mqtt_login("balcony").await.unwrap().is_none());
    }
}

/// Returns how many bytes of disk each further reception takes, where 4,000 packets are received by one gateway and then by four
/// more, which are told of together some seconds later.
async fn bytes_of_a_further_reception(fixture: &Fixture) -> f64 {
    const PACKETS: u32 = 4_000;
    let told = async |gateways: std::ops::Range<u32>| {
        let ids: Vec<u32> = (1..=PACKETS).collect();
        for ids in ids.chunks(500) {
            let packet = |id: &u32| {
                let by = gateways.clone().map(|gateway| reception(gateway, u64::from(gateway))).collect();
                PacketReceptions { from: node(1000 + id % 400), id: PacketId(*id), first_at: noon(), by }
            };
            let batch = UplinkBatch { receptions: ids.iter().map(packet).collect(), ..UplinkBatch::default() };
            fixture.store.ingest_uplinks(&batch, noon()).await.unwrap();
        }
        fixture.bytes_of("uplink_receptions").await
    };
    let once = told(1..2).await;
    let five_times = told(2..6).await;
    (five_times - once) as f64 / f64::from(4 * PACKETS)
}

#[tokio::test]
async fn a_further_reception_takes_few_bytes_of_sqlite() {
    let bytes = bytes_of_a_further_reception(&crate::stores::sqlite().await).await;
    assert!(bytes < 60.0, "{bytes} bytes");
}

#[tokio::test]
async fn a_further_reception_takes_few_bytes_of_postgres() {
    let bytes = bytes_of_a_further_reception(&crate::stores::postgres().await).await;
    assert!(bytes < 60.0, "{bytes} bytes");
}
