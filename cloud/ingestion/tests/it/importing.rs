//! Files of other programs, made here as those make them, and files that lie.

#![expect(clippy::format_push_string, clippy::format_collect, reason = "SQL that a test writes is to be read easily")]

use crate::harness::{at, sqlite};
use kosmo_domain::{DAY, Epoch, NodeId, Timestamp};
use kosmo_ingestion::{
    Rules,
    import::{Agreement, ImportError, Imported, Program, import},
};
use kosmo_meshtastic::{Message as _, proto};
use kosmo_store::{
    Store,
    foreign::ForeignError,
    messages::{Audience, ChannelName},
    weather::Latest,
};
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

const NOW: &str = "2026-06-01T12:00:00Z";
const HUT: u32 = 0xa1b2_c3d4;

/// Makes a database with SQLite's own program, as a stranger would.
fn database(folder: &Path, sql: &str) -> PathBuf {
    let file = folder.join("other.db");
    let mut child =
        Command::new("sqlite3").arg(&file).stdin(Stdio::piped()).spawn().expect("sqlite3 is installed by deploy/setup-debian.sh");
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    file
}

const MESHMONITOR: &str = r"
create table nodes (nodeNum integer primary key, nodeId text not null unique, longName text, shortName text, hwModel integer, role integer,
  latitude real, longitude real, altitude real, batteryLevel integer, lastHeard integer, publicKey text, createdAt integer not null);
create table telemetry (id integer primary key autoincrement, nodeId text not null, nodeNum integer not null, telemetryType text not null,
  timestamp integer not null, value real not null, unit text, createdAt integer not null);
create table messages (id text primary key, fromNodeNum integer not null, toNodeNum integer not null, text text not null,
  channel integer not null default 0, timestamp integer not null, replyId integer, createdAt integer not null);
";

fn millis(when: &str) -> i64 {
    at(when).as_micros() / 1000
}

fn meshmonitor(folder: &Path, more: &str) -> PathBuf {
    let (first, second) = (millis("2026-05-31T10:00:00Z"), millis("2026-05-31T10:05:00Z"));
    let heard = first / 1000;
    let mut sql = MESHMONITOR.to_owned();
    sql += &format!(
        "insert into nodes values ({HUT}, '!a1b2c3d4', 'Hut on the pass', 'HUT', 9, 2, 46.5, 10.5, 2400, 101, {heard}, null, 0);
         insert into nodes values (4294967295, '!ffffffff', 'Broadcast', 'ALL', 0, 0, null, null, null, null, {heard}, null, 0);\n"
    );
    for (when, kind, value) in [
        (first, "temperature", 21.5),
        (first, "humidity", 40.0),
        (first, "latitude", 46.5),
        (second, "temperature", 22.5),
        (second, "temperature_of_the_moon", 1.0),
        (second, "pressure", 99_999.0),
        (second, "batteryLevel", 101.0),
    ] {
        sql += &format!("insert into telemetry values (null, '!a1b2c3d4', {HUT}, '{kind}', {when}, {value}, '', 0);\n");
    }
    sql += &format!(
        "insert into messages values ('{HUT}_1', {HUT}, 4294967295, 'The hut is open', 0, {first}, null, 0);
         insert into messages values ('{HUT}_2', {HUT}, 4294967295, 'Soup at noon', 0, {second}, null, 0);
         insert into messages values ('{HUT}_3', {HUT}, 48879, 'for you alone', 0, {second}, null, 0);\n"
    );
    database(folder, &(sql + more))
}

fn blob(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{hex}'")
}

fn meshview(folder: &Path) -> PathBuf {
    let micros = at("2026-05-31T10:00:00Z").as_micros();
    let packet = |id: u32, to: u32, portnum: i32, payload: Vec<u8>| {
        // The last one is of somebody who does not agree to be passed on.
        let data = proto::Data { portnum, payload, bitfield: (id == 7).then_some(0), ..Default::default() };
        let packet = proto::MeshPacket {
            from: HUT,
            to,
            id,
            payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)),
            ..Default::default()
        };
        format!("insert into packet values ({id}, {portnum}, {HUT}, {to}, {}, {micros}, 'LongFast');\n", blob(&packet.encode_to_vec()))
    };
    let metrics = proto::EnvironmentMetrics { temperature: Some(21.5), ..Default::default() };
    let telemetry = proto::Telemetry {
        time: u32::try_from(micros / 1_000_000).unwrap(),
        variant: Some(proto::telemetry::Variant::EnvironmentMetrics(metrics)),
    };
    let place = proto::Position { latitude_i: Some(465_000_000), longitude_i: Some(105_000_000), ..Default::default() };
    let user = proto::User { long_name: "Hut on the pass".to_owned(), short_name: "HUT".to_owned(), ..Default::default() };
    let mut sql = r"
create table node (id varchar primary key, node_id bigint unique, long_name varchar, short_name varchar, hw_model varchar, firmware varchar,
  role varchar, last_lat bigint, last_long bigint, channel varchar, first_seen_us bigint, last_seen_us bigint);
create table packet (id bigint primary key, portnum integer, from_node_id bigint, to_node_id bigint, payload blob, import_time_us bigint, channel varchar);
"
    .to_owned();
    sql += &format!(
        "insert into node values ('!0000beef', 48879, 'unknown name', 'PASS', 'TBEAM', '2.7', 'CLIENT', 465000000, 105000000, 'LongFast', {micros}, {micros});\n"
    );
    sql += &packet(1, u32::MAX, 67, telemetry.encode_to_vec());
    sql += &packet(2, u32::MAX, 3, place.encode_to_vec());
    sql += &packet(3, u32::MAX, 4, user.encode_to_vec());
    sql += &packet(4, u32::MAX, 1, b"The hut is open".to_vec());
    sql += &packet(5, 48879, 1, b"for you alone".to_vec());
    sql += &packet(7, u32::MAX, 1, b"not for the internet".to_vec());
    sql += &format!("insert into packet values (6, 67, {HUT}, 1, x'ffffffff', {micros}, 'LongFast');\n");
    database(folder, &sql)
}

async fn imported(program: Program, file: &Path, store: &Store, epoch: u128) -> Result<(Imported, Vec<(u64, u64)>), ImportError> {
    let told = Mutex::new(Vec::new());
    let tell = |done, all| told.lock().unwrap().push((done, all));
    let imported = import(program, file, store, (Epoch::from_random(epoch), at(NOW)), &Rules::default(), Agreement::Vouched, &tell).await?;
    Ok((imported, told.into_inner().unwrap()))
}

async fn latest(store: &Store) -> Vec<Latest> {
    store.latest(None).await.unwrap()
}

async fn readings(store: &Store) -> usize {
    store.readings(NodeId::from_number(HUT), Timestamp::EPOCH, Timestamp::MAX, None, 1000).await.unwrap().unwrap_or_default().len()
}

/// Returns everything that there is of what was imported, so that two imports can be compared.
async fn everything(store: &Store, channel: &str) -> String {
    let readings = store.readings(NodeId::from_number(HUT), Timestamp::EPOCH, Timestamp::MAX, None, 1000).await.unwrap();
    let nodes = store.list_nodes(None, Timestamp::EPOCH, 100).await.unwrap();
    let channel = ChannelName { name: channel.to_owned(), hash: 0 };
    let texts = store.channel_texts(&channel, Audience::Operators, None, 100).await.unwrap();
    let texts: Vec<_> = texts.iter().map(|text| (text.id, text.from, &text.text, text.heard_at, text.received_at)).collect();
    assert!(!texts.is_empty(), "what was said is there");
    format!("{readings:#?}\n{nodes:#?}\n{:#?}\n{texts:#?}", latest(store).await)
}

#[tokio::test]
async fn whom_nobody_vouches_for_is_shown_once_they_agree() {
    let ((store, _folder), elsewhere) = (sqlite().await, tempfile::tempdir().unwrap());
    let file = meshmonitor(elsewhere.path(), "");
    let began = (Epoch::from_random(1), at(NOW));
    let done = import(Program::MeshMonitor, &file, &store, began, &Rules::default(), Agreement::Unknown, &|_, _| {}).await.unwrap();
    assert_eq!((done.nodes, done.readings), (1, 2));
    assert!(store.list_nodes(None, Timestamp::EPOCH, 100).await.unwrap().is_empty() && latest(&store).await.is_empty());
    assert_eq!(store.not_shown().await.unwrap().nodes, 1);
    imported(Program::MeshMonitor, &file, &store, 2).await.unwrap();
    assert_eq!((store.not_shown().await.unwrap().nodes, readings(&store).await), (0, 2), "the operator vouches for them later");
}

#[tokio::test]
async fn a_file_of_meshmonitor_is_taken_over_once_however_often_it_is_imported() {
    let ((store, _folder), elsewhere) = (sqlite().await, tempfile::tempdir().unwrap());
    let file = meshmonitor(elsewhere.path(), "");
    let (first, told) = imported(Program::MeshMonitor, &file, &store, 1).await.unwrap();
    assert_eq!((first.nodes, first.positions, first.readings, first.texts), (1, 1, 2, 2), "{first:?}");
    let left_out = [("of a kind that is not kept", 2), ("of a value that cannot be", 1), ("of no node", 1), ("written to one person", 1)];
    assert_eq!(first.left_out, left_out.into());
    assert_eq!(told.last(), Some(&(12, 12)), "the bar comes to its end");
    assert_eq!(readings(&store).await, 2);
    let values: Vec<_> = latest(&store).await[0].values.iter().map(|value| (value.metric.name(), value.value)).collect();
    assert_eq!(values, [("temperature_c", 22.5), ("humidity_pct", 40.0), ("external_power", 1.0)]);

    let before = everything(&store, "channel 0").await;
    let (second, _) = imported(Program::MeshMonitor, &file, &store, 2).await.unwrap();
    assert_eq!(everything(&store, "channel 0").await, before, "a second import changes nothing");
    assert_eq!((second.readings, second.texts, readings(&store).await), (2, 0, 2), "nothing is there twice");
    while store.run_rollups(50).await.unwrap().more {}
    let hours = store
        .rollups(NodeId::from_number(HUT), kosmo_store::weather::Bucket::Hour, at(NOW).minus(DAY * 2), at(NOW), None, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(hours.iter().map(|hour| hour.rollup.readings()).sum::<u64>(), 2);
}

#[tokio::test]
async fn a_file_of_meshview_is_taken_over_from_its_packets() {
    let ((store, _folder), elsewhere) = (sqlite().await, tempfile::tempdir().unwrap());
    let file = meshview(elsewhere.path());
    let mut before = None;
    for epoch in [1, 2] {
        let (done, _) = imported(Program::Meshview, &file, &store, epoch).await.unwrap();
        assert_eq!((done.nodes, done.positions, done.readings), (2, 2, 1), "{done:?}");
        assert_eq!(done.texts, u64::from(epoch == 1));
        let left_out = [("no packet", 1), ("not to be passed on, as its sender says", 1), ("written to one person", 1)];
        assert_eq!(done.left_out, left_out.into());
        let now = everything(&store, "LongFast").await;
        assert_eq!(before.get_or_insert_with(|| now.clone()), &now, "a second import changes nothing");
    }
    assert_eq!(readings(&store).await, 1);
}

#[tokio::test]
async fn a_file_that_lies_is_refused_or_skipped_and_never_run() {
    let ((store, _folder), elsewhere) = (sqlite().await, tempfile::tempdir().unwrap());
    let path = |name: &str| elsewhere.path().join(name);
    std::fs::write(path("text"), "nodes: none").unwrap();
    std::fs::write(path("empty"), "").unwrap();
    for (file, expect) in [("none", "cannot be opened"), ("text", "no SQLite database"), ("empty", "no SQLite database")] {
        let error = imported(Program::MeshMonitor, &path(file), &store, 1).await.unwrap_err();
        assert!(error.to_string().contains(expect), "{file}: {error}");
    }
    let other = tempfile::tempdir().unwrap();
    let file = database(other.path(), "create table nodes (nodeNum integer);");
    let error = imported(Program::MeshMonitor, &file, &store, 1).await.unwrap_err();
    assert!(matches!(error, ImportError::Foreign(ForeignError::Lacks { table: "nodes", column: "longName" })), "{error:?}");
    let error = imported(Program::Meshview, &file, &store, 1).await.unwrap_err();
    assert!(error.to_string().contains("`node`"), "{error}");

    // A view in the place of a table would be a program of a stranger's.
    let view = tempfile::tempdir().unwrap();
    let endless = "create view messages as with recursive n (id, fromNodeNum, toNodeNum, text, channel, timestamp, replyId) as
                   (select 1, 1, 1, 'x', 0, 0, 0 union all select id + 1, 1, 1, 'x', 0, 0, 0 from n) select * from n;";
    let file = database(view.path(), &format!("{}{endless}", MESHMONITOR.replace("create table messages", "create table others")));
    let error = imported(Program::MeshMonitor, &file, &store, 1).await.unwrap_err();
    assert!(error.to_string().contains("`messages`"), "{error}");

    // Values of any type and size, in tables that are as they must be.
    let hostile = tempfile::tempdir().unwrap();
    let long = "x".repeat(100_000);
    let when = millis("2026-05-31T10:00:00Z");
    let more = format!(
        "insert into nodes values (7, '!00000007', '{long}', x'00ff', 'nine', 1e300, 'north', 1e999, 5, 0, {}, '{long}', 0);
         insert into telemetry values (null, '', 7, x'00', 'yesterday', 'warm', '', 0);
         insert into telemetry values (null, '', 7, 'temperature', 9223372036854775807, 20, '', 0);
         insert into telemetry values (null, '', -1, 'temperature', {when}, 20, '', 0);
         insert into telemetry values (-9223372036854775808, '', 7, 'temperature', {when}, 9e999, '', 0);
         insert into messages values ('a', 7, 4294967295, '{long}', 99, {when}, -5, 0);
         insert into messages values ('b', 7, 4294967295, x'00', 99, {when}, -5, 0);",
        when / 1000
    );
    let file = meshmonitor(hostile.path(), &more);
    let (done, _) = imported(Program::MeshMonitor, &file, &store, 3).await.unwrap();
    assert_eq!((done.nodes, done.readings, done.texts), (2, 2, 3), "{done:?}");
    let cut = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(cut.path().join("cut.db"), &bytes[..bytes.len() / 2]).unwrap();
    let cut_off = imported(Program::MeshMonitor, &cut.path().join("cut.db"), &store, 4).await;
    assert!(matches!(cut_off, Err(ImportError::Foreign(_))), "{cut_off:?}");
}
