//! Too much of something: it fills what was made to hold it, slows down its source alone, and never memory.

use crate::{
    database::execute,
    recorded::RecordedRadio,
    steps::{CLEO, accepted, attach, cloud_of_members, expect_stored, send_long_series, send_series, stored, wait_for},
};
use kosmo_domain::{NodeId, Timestamp};
use kosmo_meshtastic::proto::{self, mesh_packet::PayloadVariant};
use kosmo_sim::{Person, region};
use kosmo_tests::{Air, BridgeProcess, Footing, Setup, System, environment, memory_mb, now, on_both_footings, until};
use serde_json::Value;
use std::{collections::BTreeMap, fs, time::Duration};

/// The nodes of a torrent, and how many readings each sends.
const NODES: u32 = 21;
const EACH: u32 = 1_000;
/// What a spool with all of it is larger than, in bytes.
const SPOOLED: u64 = 6_000_000;
/// By how much a process may grow while it goes by: well under what the readings would take if they were held.
const GROWTH_MB: u64 = 24;
/// How many records a bridge may have under way, and how many of them ingestion may have taken: three batches.
const UNDER_WAY: u64 = 500;
const TAKEN: f64 = 1_500.0;

fn node(number: u32) -> NodeId {
    NodeId::from_number(0x0bad_0000 + number)
}

/// Returns the reading of this number as a radio hands it over.
fn packet(number: u32, now: Timestamp) -> proto::MeshPacket {
    let at = now.minus(Duration::from_mins(1) * (number / NODES));
    proto::MeshPacket {
        from: node(number % NODES).number(),
        to: NodeId::BROADCAST.number(),
        id: 0x1000_0000 + number,
        rx_time: u32::try_from(now.as_seconds()).unwrap(),
        payload_variant: Some(PayloadVariant::Decoded(environment(at, 20.5))),
        ..Default::default()
    }
}

/// Returns how many bytes a bridge's spool takes.
fn spooled(bridge: &BridgeProcess) -> u64 {
    let files = fs::read_dir(bridge.data().join("bridges/roof")).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Returns how many readings and reports a bridge has published that it was told nothing of.
fn under_way(bridge: &BridgeProcess) -> u64 {
    let said = bridge.command(&["bridge", "status", "--json"]);
    let told: Value = serde_json::from_slice(&said.stdout).expect("a bridge that runs tells of itself");
    told["bridges"][0]["status"]["queues"]["ingest"]["in_flight"].as_u64().expect("it tells what is under way")
}

/// The processes whose memory is watched, and the most that each was seen to hold.
struct Memory(Vec<(String, u32, u64, u64)>);

impl Memory {
    fn of(cloud: &mut System, bridge: &BridgeProcess) -> Self {
        let mut pids = vec![("the bridge".to_owned(), bridge.pid())];
        pids.extend(cloud.names().into_iter().map(|name| (name.clone(), cloud.process(&name).pid())));
        pids.extend(cloud.broker().map(|broker| ("Mosquitto".to_owned(), broker.pid())));
        Self(pids.into_iter().map(|(name, pid)| (name, pid, memory_mb(pid), 0)).collect())
    }

    fn look(&mut self) {
        for (_, pid, _, most) in &mut self.0 {
            *most = memory_mb(*pid).max(*most);
        }
    }

    fn expect_flat(&self) {
        for (name, _, before, most) in &self.0 {
            assert!(*most <= before + GROWTH_MB, "{name} grew from {before} MB to {most} MB: {:?}", self.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_database_fills_the_spool_and_no_memory_and_gets_everything_later() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup { own_cluster: true, ..Setup::default() };
    let mut cloud = System::with(folder.path(), Footing::Servers, setup).await;
    let radio = RecordedRadio::start("b_text_received_with_rx_time").await;
    let mut bridge = cloud.bridge("roof").await;
    bridge.start(radio.address, cloud.address("mqtt"));
    let now = now();
    radio.hand_over(packet(0, now));
    until("the first reading is stored", || async { (!cloud.readings(node(0), now).await.is_empty()).then_some(()) }).await;
    let mut memory = Memory::of(&mut cloud, &bridge);

    cloud.signal("database", "STOP");
    for number in 1..NODES * EACH {
        radio.hand_over(packet(number, now));
    }
    until("all of it is on the bridge's disk", || {
        memory.look();
        std::future::ready((spooled(&bridge) > SPOOLED).then_some(()))
    })
    .await;
    // Whatever holds of it is full, and nothing holds more. The rest lies on the disk.
    assert_eq!(under_way(&bridge), UNDER_WAY);
    let taken = cloud.metric("ingestion", "kosmo_ingestion_pending_messages").await;
    assert!(taken <= TAKEN, "ingestion has taken {taken} messages");
    cloud.signal("database", "CONT");

    for number in 0..NODES {
        until(&format!("everything of node {number} is stored"), || {
            memory.look();
            let readings = cloud.readings(node(number), now);
            async move { (readings.await.len() == EACH as usize).then_some(()) }
        })
        .await;
    }
    memory.expect_flat();
}

on_both_footings! {
    async fn a_bridge_that_stalls_slows_only_itself(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let air = Air::peopled(2, &[Person::Silent], 20).await;
        let north = attach(&mut cloud, &air, 0, "north").await;
        let south = attach(&mut cloud, &air, 1, "south").await;
        let (station, now) = (air.stations()[0], now());
        let mut memory = Memory::of(&mut cloud, &north);
        south.signal("STOP");

        let temperatures: Vec<f32> = (0..300_i16).map(|number| f32::from(number % 100) / 4.0).collect();
        let sent = send_long_series(&air, &[0], station, now, &temperatures).await;
        let mut texts = Vec::new();
        for number in 0..3 {
            texts.push(accepted(&cloud, CLEO, region::person(Person::Silent), &format!("number {number}")).await);
        }
        expect_stored(&cloud, station, now, &sent).await;
        for location in &texts {
            wait_for(&cloud, CLEO, location, |message| message["status"] == "delivered").await;
            memory.look();
        }
        memory.expect_flat();

        // It heard the same, and says so when it is back: nothing is stored twice, and nobody is shown anything again.
        south.signal("CONT");
        until("both are known to have heard the station", || async {
            let node = cloud.json("weather", &format!("/api/v1/nodes/{station}")).await;
            (node["receptions"].as_array().unwrap().len() == 2).then_some(())
        })
        .await;
        assert_eq!(stored(&cloud, station, now).await, sent);
        assert_eq!(air.mesh.shown(region::person(Person::Silent)).len(), 3);
    }

    async fn a_record_that_the_database_refuses_is_set_aside_and_holds_up_nobody(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let air = Air::silent(1).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let (station, other, now) = (air.stations()[0], air.stations()[1], now());
        // Two that are refused: one for its value, which the store knows by the kind of the error, and one for a reason unheard of.
        let (poison, antidote) = match footing {
            Footing::Embedded => (
                "create trigger poison before insert on readings when new.temperature_c = 66.5 \
                 begin select raise(abort, 'poisoned'); end; \
                 create trigger venom before insert on readings when new.temperature_c = 67.5 \
                 begin select json('poisoned'); end",
                "drop trigger poison; drop trigger venom",
            ),
            Footing::Servers => (
                "create function poison() returns trigger language plpgsql as \
                 $$ begin if new.temperature_c = 66.5 then raise 'poisoned' using errcode = 'check_violation'; end if; \
                 if new.temperature_c = 67.5 then raise 'poisoned'; end if; return new; end $$; \
                 create trigger poison before insert on readings for each row execute function poison()",
                "drop trigger poison on readings",
            ),
        };
        execute(&cloud, poison).await;

        let mut sent = send_series(&air, station, now, &[20.0, 66.5, 20.5, 67.5, 21.0]);
        let of_other = send_series(&air, other, now, &[10.0, 11.0]);
        let is_poisoned = |value: f64| [66.5, 67.5].iter().any(|poison| (value - poison).abs() < 0.01);
        let poisoned: BTreeMap<_, _> = sent.iter().filter(|(_, value)| is_poisoned(**value)).map(|(at, value)| (at.clone(), *value)).collect();
        sent.retain(|_, value| !is_poisoned(*value));

        expect_stored(&cloud, station, now, &sent).await;
        expect_stored(&cloud, other, now, &of_other).await;
        until("both records are set aside", || async {
            let rejects = cloud.command(&["rejects", "list"]);
            (String::from_utf8_lossy(&rejects.stdout).matches("not_storable").count() >= poisoned.len()).then_some(())
        })
        .await;
        execute(&cloud, antidote).await;
        let replayed = cloud.command(&["rejects", "replay", "--code", "not_storable"]);
        assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
        sent.extend(poisoned);
        expect_stored(&cloud, station, now, &sent).await;
    }
}
