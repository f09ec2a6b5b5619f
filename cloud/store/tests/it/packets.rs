//! The log of packets: bounded, each packet once, and nothing in it that is not for everybody.

use crate::stores::at;
use kosmo_domain::{DAY, NodeId, PacketId, Timestamp};
use kosmo_store::{
    Change, Store,
    ingest::Reception,
    packets::{KeepPackets, Logged, MAX_FIELDS, NewPacket, PacketFilter, PacketRow, Teller},
};
use serde_json::{Map, Value, json};
use std::time::Duration;

const HUT: NodeId = NodeId::from_number(0xa1b2_c3d4);
const PASS: NodeId = NodeId::from_number(0x0000_beef);
const TELEMETRY: u32 = 67;

fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn said(fields: &Value) -> Option<Map<String, Value>> {
    fields.as_object().cloned()
}

fn packet(id: u32, gateway: &str) -> NewPacket {
    let at = noon().plus(Duration::from_secs(u64::from(id)));
    NewPacket {
        from: HUT,
        id: PacketId(id),
        to: Some(NodeId::BROADCAST),
        port: Some(TELEMETRY),
        gateway: gateway.to_owned(),
        teller: Teller::Bridge,
        channel: Some("LongFast".to_owned()),
        private: false,
        reception: Reception { at, snr_db: Some(-7.5), rssi_dbm: Some(-101), hops_away: Some(2), relay_node: Some(0xd4), via_mqtt: false },
        bytes: Some(23),
        fields: said(&json!({ "temperature_c": 21.5 })),
    }
}

async fn all(store: &Store) -> Vec<PacketRow> {
    store.packets(&PacketFilter::default(), None, None, 500).await.unwrap()
}

async fn found(store: &Store, filter: PacketFilter) -> Vec<u32> {
    store.packets(&filter, None, None, 500).await.unwrap().iter().map(|row| row.packet_id.0).collect()
}

store_test! {
    async fn a_packet_is_logged_once_however_many_tell_of_it(store: Store) {
        let keep = KeepPackets::default();
        let bare = NewPacket { port: None, fields: None, channel: None, ..packet(1, "!0000beef") };
        let first = store.log_packets(&[bare.clone(), packet(2, "roof"), packet(2, "cellar")], &keep).await.unwrap();
        assert_eq!(first, Logged { new: 2, again: 0 });
        let second = store.log_packets(&[packet(1, "roof"), packet(3, "roof")], &keep).await.unwrap();
        assert_eq!(second, Logged { new: 1, again: 1 });

        let rows = all(&store).await;
        assert_eq!(rows.iter().map(|row| (row.packet_id.0, row.receptions)).collect::<Vec<_>>(), [(3, 1), (2, 2), (1, 2)], "the latest first");
        let row = &rows[2];
        assert_eq!((row.port, row.gateway.as_str(), row.channel.as_deref()), (Some(TELEMETRY), "!0000beef", Some("LongFast")), "whoever could read it tells the rest");
        assert_eq!(row.fields.as_deref(), Some(r#"{"temperature_c":21.5}"#));
        assert_eq!((row.from, row.to, row.reception, row.bytes), (HUT, Some(NodeId::BROADCAST), bare.reception, Some(23)));

        // Ids are drawn anew some day, and an id of 0 says nothing.
        let tomorrow = NewPacket { reception: Reception { at: noon().plus(DAY * 2), ..bare.reception }, ..packet(1, "roof") };
        let nameless = NewPacket { id: PacketId(0), ..packet(9, "roof") };
        assert_eq!(store.log_packets(&[tomorrow, nameless.clone(), nameless], &keep).await.unwrap(), Logged { new: 3, again: 0 });
    }

    async fn what_one_packet_says_in_several_parts_is_told_together(store: Store) {
        let air = NewPacket { fields: said(&json!({ "pm25_ugm3": 4.0 })), ..packet(1, "roof") };
        store.log_packets(&[packet(1, "roof"), air], &KeepPackets::default()).await.unwrap();
        let told: Value = serde_json::from_str(all(&store).await[0].fields.as_deref().unwrap()).unwrap();
        assert_eq!(told, json!({ "temperature_c": 21.5, "pm25_ugm3": 4.0 }));
    }

    async fn what_is_not_for_everybody_is_not_kept(store: Store) {
        let keep = KeepPackets::default();
        let secret = || said(&json!({ "text": "the key lies under the stone" }));
        let private = NewPacket { private: true, fields: secret(), ..packet(1, "roof") };
        let text = NewPacket { port: Some(1), fields: secret(), ..packet(2, "roof") };
        let unread = NewPacket { port: None, fields: secret(), ..packet(3, "roof") };
        store.log_packets(&[private, text, unread, packet(4, "roof")], &keep).await.unwrap();
        // One who has not agreed is heard by another who does not know of it, before and after.
        store.log_packets(&[packet(1, "cellar"), NewPacket { private: true, ..packet(4, "cellar") }], &keep).await.unwrap();

        let rows = all(&store).await;
        assert!(rows.iter().all(|row| row.fields.is_none()), "{rows:?}");
        for id in [1, 4] {
            let row = rows.iter().find(|row| row.packet_id.0 == id).unwrap();
            assert!(row.private && row.channel.is_none() && row.receptions == 2, "{row:?}");
        }
        assert!(found(&store, PacketFilter { text: Some("stone".to_owned()), ..PacketFilter::default() }).await.is_empty());
    }

    async fn the_log_is_searched_by_what_its_packets_have(store: Store) {
        let to_pass = NewPacket { to: Some(PASS), ..packet(2, "roof") };
        let of_pass = NewPacket { from: PASS, port: Some(4), fields: said(&json!({ "long_name": "Hütte 100% am Paß" })), ..packet(3, "cellar") };
        let else_where = NewPacket { channel: Some("Weather".to_owned()), ..packet(4, "cellar") };
        store.log_packets(&[packet(1, "roof"), to_pass, of_pass, else_where], &KeepPackets::default()).await.unwrap();
        let any = PacketFilter::default;
        assert_eq!(found(&store, PacketFilter { node: Some(PASS), ..any() }).await, [3, 2], "sent by it, or to it");
        assert_eq!(found(&store, PacketFilter { port: Some(4), ..any() }).await, [3]);
        assert_eq!(found(&store, PacketFilter { gateway: Some("roof".to_owned()), ..any() }).await, [2, 1]);
        assert_eq!(found(&store, PacketFilter { channel: Some("Weather".to_owned()), ..any() }).await, [4]);
        assert_eq!(found(&store, PacketFilter { text: Some("100% AM".to_owned()), ..any() }).await, [3]);
        assert_eq!(found(&store, PacketFilter { text: Some("%".to_owned()), ..any() }).await, [3], "a sign of no meaning");
        assert!(found(&store, PacketFilter { text: Some("' or 1=1 --".to_owned()), ..any() }).await.is_empty());

        let ids: Vec<_> = all(&store).await.iter().map(|row| row.id).collect();
        let page = store.packets(&any(), Some(ids[0]), None, 2).await.unwrap();
        assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), ids[1..3]);
        let news = store.packets(&any(), None, Some(ids[1]), 500).await.unwrap();
        assert_eq!(news.iter().map(|row| row.id).collect::<Vec<_>>(), ids[..1]);
        let (row, receptions) = store.packet(ids[2]).await.unwrap().unwrap();
        assert_eq!((row.packet_id.0, receptions.len()), (2, 0));
        assert_eq!(store.packet(ids[0] + 100).await.unwrap(), None);
        assert_eq!(store.packet(i64::MAX).await.unwrap(), None);
        assert_eq!(store.packet(i64::MIN).await.unwrap(), None);
    }

    async fn the_log_is_bounded_by_number_and_age(store: Store) {
        let few = KeepPackets { number: 10, age: DAY };
        for round in 0..5 {
            let packets: Vec<_> = (1..=7).map(|number| packet(round * 7 + number, "roof")).collect();
            store.log_packets(&packets, &few).await.unwrap();
        }
        let rows = all(&store).await;
        assert!(rows.len() <= 10 && rows[0].packet_id.0 == 35, "{}", rows.len());
        assert_eq!(store.purge_packets(&few, noon().plus(DAY)).await.unwrap(), 0);
        assert_eq!(store.purge_packets(&few, noon().plus(DAY * 2)).await.unwrap(), rows.len() as u64);
        assert_eq!(store.log_packets(&[packet(99, "roof")], &KeepPackets { number: 0, ..few }).await.unwrap(), Logged::default());
        assert!(all(&store).await.is_empty());
    }

    async fn whoever_follows_is_told_that_there_are_packets(store: Store) {
        let mut changes = store.changes();
        let told = async {
            loop {
                store.log_packets(&[NewPacket { id: PacketId(0), ..packet(1, "roof") }], &KeepPackets::default()).await.unwrap();
                // Those of PostgreSQL are listened to in a while.
                if let Ok(Some(Change::Packets(newest))) = tokio::time::timeout(Duration::from_millis(200), changes.next()).await {
                    return newest;
                }
            }
        };
        let newest = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
        assert!(all(&store).await.iter().any(|row| row.id == newest));
    }

    async fn hostile_packets_are_cut_short_and_kept(store: Store) {
        let long = "ü".repeat(500);
        let hostile = NewPacket {
            gateway: format!("a\0b{long}"),
            channel: Some(format!("\0{long}")),
            fields: said(&json!({ "long_name": "x".repeat(MAX_FIELDS) })),
            ..packet(1, "roof")
        };
        let nul = NewPacket { fields: said(&json!({ "long_name": "a\0b", "odd": [null, true, {}] })), ..packet(2, "roof") };
        store.log_packets(&[hostile, nul], &KeepPackets::default()).await.unwrap();
        let rows = all(&store).await;
        assert_eq!(rows[1].fields.as_deref(), Some(r#"{"too_long":true}"#));
        assert!(rows[1].gateway.len() <= 64 && rows[1].gateway.starts_with("ab"), "{}", rows[1].gateway);
        assert_eq!(serde_json::from_str::<Value>(rows[0].fields.as_deref().unwrap()).unwrap()["long_name"], "a\0b");
    }
}
