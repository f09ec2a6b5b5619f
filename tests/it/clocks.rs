//! The real program while its clock leaps ten years ahead, and while it falls back ten years and is right again. Debian's libfaketime tells it
//! so: the machine's own clock stays as it is.

use crate::steps::{CLEO, accepted, attach, cloud_of_members, expect_stored, send_series, wait_for};
use kosmo_sim::{Person, region};
use kosmo_tests::{Air, Env, Setup, System, now, on_both_footings, until};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

/// Far enough that everything is old that was kept, or nothing has happened yet.
const AHEAD: &str = "+3652d";
const BACK: &str = "-3652d";
const RIGHT: &str = "+0";

/// What a program of ours says once it follows its clock, and while it does not.
const FOLLOWED: &str = "this machine's clock was set, and is followed";

/// Returns the environment under which a program's time of day is what the file says, and its time since the start is as ever.
fn under(clock: &Path) -> Env {
    let libraries = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    let library = libraries.into_iter().find(|path| path.exists());
    let library = library.expect("libfaketime is installed by deploy/setup-debian.sh").display().to_string();
    [
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Sets the clock, in one step, for nobody is to read half of it.
fn set(clock: &Path, to: &str) {
    let new = clock.with_extension("new");
    fs::write(&new, format!("{to}\n")).unwrap();
    fs::rename(new, clock).unwrap();
}

/// Returns what `/readyz` of a service says.
async fn readiness(cloud: &System, part: &str) -> Option<String> {
    cloud.try_ask(part, "/readyz").await.filter(|(status, _)| *status == 200).map(|(_, words)| words)
}

fn followed(cloud: &System) -> usize {
    cloud.log().matches(FOLLOWED).count()
}

on_both_footings! {
    async fn ten_years_ahead_nothing_is_given_up_and_texts_go_on(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let clock = folder.path().join("clock");
        set(&clock, RIGHT);
        let setup = Setup { env: under(&clock), settings: "[retention]\nraw_days = 30\n".to_owned(), ..Setup::default() };
        let mut cloud = cloud_of_members(folder.path(), footing, setup).await;
        let air = Air::peopled(1, &[Person::Silent], 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let (station, now, reader) = (air.stations()[0], now(), region::person(Person::Silent));
        let hours_ago = |hours| now.minus(Duration::from_hours(hours));
        let mut expected = send_series(&air, station, hours_ago(3), &[1.0, 2.0, 3.0]);
        let mut texts = vec![accepted(&cloud, CLEO, reader, "before").await];
        expect_stored(&cloud, station, now, &expected).await;

        set(&clock, AHEAD);
        until("everybody follows the clock", || {
            std::future::ready((followed(&cloud) >= cloud.names().len()).then_some(()))
        })
        .await;
        texts.push(accepted(&cloud, CLEO, reader, "meanwhile").await);
        // What is measured now is ten years old by such a clock, and is kept all the same.
        expected.extend(send_series(&air, station, hours_ago(2), &[4.0]));
        expect_stored(&cloud, station, now, &expected).await;
        wait_for(&cloud, CLEO, &texts[1], |text| text["status"] == "delivered").await;
        // A process that starts with such a clock knows no better, and looks at once for what is old.
        cloud.kill("ingestion");
        cloud.restart("ingestion").await;
        cloud.ready().await;
        until("it has looked for what is old", || {
            std::future::ready(cloud.log().contains("nothing is given up sooner on its word").then_some(()))
        })
        .await;
        expect_stored(&cloud, station, now, &expected).await;
        let shown: Vec<_> = air.mesh.shown(reader).into_iter().map(|shown| shown.text).collect();
        assert_eq!(shown, ["cleo: before", "cleo: meanwhile"], "each once");
    }

    async fn a_clock_that_falls_back_ten_years_is_not_believed_and_whoever_asks_is_told(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let clock = folder.path().join("clock");
        set(&clock, RIGHT);
        let mut cloud = cloud_of_members(folder.path(), footing, Setup { env: under(&clock), ..Setup::default() }).await;
        let air = Air::peopled(1, &[Person::Silent], 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let (station, now, reader) = (air.stations()[0], now(), region::person(Person::Silent));

        set(&clock, BACK);
        for part in ["ingestion", "gateway", "web"] {
            until(&format!("{part} doubts the clock"), || async {
                readiness(&cloud, part).await?.contains("is not believed yet").then_some(())
            })
            .await;
        }
        let status = cloud.json("web", "/status.json").await;
        assert!(status["clock"].as_str().unwrap().contains("is not believed yet"), "{status}");
        let expected = send_series(&air, station, now, &[1.0, 2.0]);
        let text = accepted(&cloud, CLEO, reader, "meanwhile").await;
        expect_stored(&cloud, station, now, &expected).await;
        let told = wait_for(&cloud, CLEO, &text, |text| text["status"] == "delivered").await;
        let this_year = now.to_string()[..4].to_owned();
        assert!(told["created_at"].as_str().unwrap().starts_with(&this_year), "time goes on from where it was: {told:#}");
        expect_hours(&cloud, &station.to_string(), &expected).await;

        set(&clock, RIGHT);
        for part in ["ingestion", "gateway", "web"] {
            until(&format!("{part} has nothing to remark"), || async { (readiness(&cloud, part).await? == "ready\n").then_some(()) }).await;
        }
    }
}

/// Waits until the hours of a station hold exactly these readings.
async fn expect_hours(cloud: &System, station: &str, readings: &BTreeMap<String, f64>) {
    let start = readings.keys().next().unwrap().parse::<kosmo_domain::Timestamp>().unwrap().minus(kosmo_domain::DAY);
    let path = format!("/api/v1/weather/history?node_id={station}&start={start}&end={}&interval=1h", start.plus(kosmo_domain::DAY * 3));
    until("every reading is in its hour", || async {
        let hours = cloud.json("weather", &path).await;
        let counted: u64 = hours["data"].as_array().unwrap().iter().filter_map(|hour| hour["readings"].as_u64()).sum();
        (counted == readings.len() as u64).then_some(())
    })
    .await;
}
