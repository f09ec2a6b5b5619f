//! An older program on a database that a newer one has used.

use crate::database::execute;
use kosmo_tests::{Footing, System, on_both_footings};
use std::process::Output;

/// What a migration of a newer program leaves behind, and how it is taken back.
const NEWER: &str = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                     select 9999, 'of a newer program', success, checksum, 0 from _sqlx_migrations where version = 1";
const AS_BEFORE: &str = "delete from _sqlx_migrations where version = 9999";

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_both_footings! {
    async fn an_older_program_refuses_a_newer_schema_and_leaves_it_as_it_is(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let _bridge = cloud.bridge("roof").await;
        assert!(cloud.stop().await, "{}", cloud.log());
        execute(&cloud, NEWER).await;

        let serving: Vec<Vec<&str>> = match footing {
            Footing::Embedded => vec![vec!["up", "--port-base", "0", "--mqtt-port", "0"]],
            Footing::Servers => ["ingestion", "gateway", "weather"].map(|service| vec!["serve", service, "--port-base", "0"]).to_vec(),
        };
        let others = [vec!["migrate"], vec!["bridge", "add", "valley"], vec!["user", "list"], vec!["rejects", "list"]];
        for arguments in serving.iter().chain(&others) {
            let words = refusal(&cloud.command(arguments));
            assert!(words.contains("the database has schema version 9999, and this program knows versions up to"), "{arguments:?}: {words}");
            assert!(words.contains("start that version, or restore an older backup"), "{arguments:?}: {words}");
        }

        execute(&cloud, AS_BEFORE).await;
        cloud.restart_all().await;
        let bridges = cloud.command(&["bridge", "list"]);
        let bridges = String::from_utf8_lossy(&bridges.stdout).into_owned();
        assert!(bridges.contains("roof") && !bridges.contains("valley"), "{bridges}");
        assert!(cloud.json("weather", "/api/v1/weather/latest").await["data"].as_array().unwrap().is_empty());
    }
}
