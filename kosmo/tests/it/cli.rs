//! What the command line says of itself.

use clap::CommandFactory as _;
use kosmo::cli::Cli;
use kosmo_store::{
    Database, Store,
    rejects::{MAX_PAYLOAD, NewReject},
};
use std::{
    fmt::Write as _,
    process::{Command, Output},
};

pub(crate) fn kosmo(args: &[&str], folder: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kosmo")).args(args).current_dir(folder).env_clear().output().unwrap()
}

/// Every help text there is, one after the other.
fn all_help(command: &mut clap::Command, path: &str, texts: &mut String) {
    let help = command.clone().bin_name(path).term_width(100).render_long_help();
    writeln!(texts, "### {path}\n{help}").unwrap();
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).filter(|name| name != "help").collect();
    for name in names {
        let inner = command.find_subcommand_mut(&name).unwrap();
        all_help(inner, &format!("{path} {name}"), texts);
    }
}

#[test]
fn the_help_of_every_command() {
    let mut command = Cli::command();
    command.build();
    let mut texts = String::new();
    all_help(&mut command, "kosmo", &mut texts);
    let texts: Vec<&str> = texts.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn what_is_wrong_with_the_settings_goes_to_standard_error_and_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kosmo.toml"), "[http]\nweb_prot = 9000\n").unwrap();
    let output = kosmo(&["config", "check"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r"
    kosmo: the configuration is not right
      `http.web_prot` (in kosmo.toml) is not a setting; did you mean `http.web_port`?
    ");
}

#[test]
fn a_configuration_that_is_right_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let example = kosmo(&["config", "example"], folder.path());
    std::fs::write(folder.path().join("kosmo.toml"), &example.stdout).unwrap();
    let output = kosmo(&["config", "check"], folder.path());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "the settings are right\n");
}

#[test]
fn a_bridge_gets_a_secret_that_is_shown_once_and_can_be_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let added = kosmo(&["bridge", "add", "roof"], folder.path());
    let text = String::from_utf8(added.stdout).unwrap();
    let secret = text.lines().find(|line| line.len() == 64).expect("the secret stands on a line of its own");
    assert!(secret.bytes().all(|byte| byte.is_ascii_hexdigit()));

    let again = kosmo(&["bridge", "add", "roof"], folder.path());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("there is a bridge roof already"));

    let list = String::from_utf8(kosmo(&["bridge", "list"], folder.path()).stdout).unwrap();
    assert!(list.contains("roof") && list.contains("never heard of") && !list.contains(secret), "{list}");

    assert!(kosmo(&["bridge", "revoke", "roof"], folder.path()).status.success());
    assert_eq!(kosmo(&["bridge", "revoke", "roof"], folder.path()).status.code(), Some(1));
}

/// Runs a command, and returns its exit code and all it said.
fn run(args: &[&str], folder: &std::path::Path) -> (Option<i32>, String) {
    let output = kosmo(args, folder);
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// Runs a command that works, and returns what it said.
fn said(args: &[&str], folder: &std::path::Path) -> String {
    let (code, said) = run(args, folder);
    assert_eq!(code, Some(0), "{said}");
    said
}

/// The id of a member.
pub(crate) const ANA: &str = "11111111-1111-1111-1111-111111111111";

#[test]
fn members_are_added_given_plans_and_let_write_to_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &[&str]| said(command, folder.path());
    assert!(run(&["user", "list"]).contains("there is no member"));
    let ana = run(&["user", "add", "ana", "--plan", "wanderer", "--id", ANA]);
    assert!(ana.contains("writes to any node, 50 texts a month") && ana.contains(ANA), "{ana}");
    assert_eq!(run(&["group", "add", "valley", "!0000cafe", "!a1b2c3d4"]), "the group valley: !0000cafe !a1b2c3d4\n");
    run(&["user", "add", "ben", "--plan", "guardian", "--node", "!a1b2c3d4", "--node", "!0000beef", "--group", "valley"]);

    let list = run(&["user", "list"]);
    let rows: Vec<Vec<&str>> = list.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["ana", "wanderer", ANA], "{list}");
    assert_eq!((&rows[1][..2], &rows[1][4..]), (&["ben", "guardian"][..], &["!0000beef", "!a1b2c3d4", "valley"][..]), "{list}");
    assert_ne!(rows[1][2], ANA, "who is given no id gets one of their own");

    assert!(run(&["user", "plan", "ana", "sanctuary"]).contains("ana has the plan sanctuary, which writes to any node, without a limit"));
    assert!(run(&["user", "plan", "ana", "sanctuary"]).contains("nothing changed"));
    assert_eq!(run(&["user", "forbid", "ben", "--node", "!0000beef", "--group", "valley"]), "the list of ben: nodes !a1b2c3d4\n");
    assert_eq!(run(&["user", "allow", "ben", "--node", "!0000cafe"]), "the list of ben: nodes !0000cafe !a1b2c3d4\n");
    assert!(run(&["group", "remove", "valley", "!0000cafe", "!a1b2c3d4"]).contains("is gone"));
    assert!(run(&["group", "list"]).contains("there is no group"));
}

#[test]
fn what_no_member_can_be_is_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    said(&["user", "add", "ana", "--plan", "wanderer", "--id", ANA], folder.path());
    said(&["user", "add", "ben", "--plan", "guardian"], folder.path());
    let refused = [
        "user add ana --plan free",
        "user add eve --plan free --id 11111111-1111-1111-1111-111111111111",
        "user add Eve --plan free",
        "user add eve --plan gold",
        "user add eve --plan guardian --node a1b2c3d4",
        "user add eve --plan guardian --node !ffffffff",
        "user add eve --plan guardian --group valley",
        "user plan eve free",
        "user allow ben",
        "user forbid ben --node !0000cafe",
        "group remove valley !0000beef",
    ]
    .map(|command| {
        let (code, said) = run(&command.split(' ').collect::<Vec<_>>(), folder.path());
        assert_ne!(code, Some(0), "{command}: {said}");
        said.lines().next().unwrap().to_owned()
    });
    insta::assert_snapshot!(refused.join("\n"), @r"
    kosmo: there is a member ana already: choose another handle
    kosmo: there is a member with the id 11111111-1111-1111-1111-111111111111 already: leave --id out, and one is drawn
    error: invalid value 'Eve' for '<HANDLE>': a name is 1 to 20 characters of a-z, 0-9, `-` and `_`
    error: invalid value 'gold' for '--plan <PLAN>': a plan is free, wanderer, guardian or sanctuary
    error: invalid value 'a1b2c3d4' for '--node <NODE>': a node id is `!` and eight lower-case hexadecimal digits, like `!a1b2c3d4`
    kosmo: !ffffffff cannot be written to: this node number is reserved by the mesh and names no node
    kosmo: there is no group valley: `kosmo group add valley NODE` makes it
    kosmo: there is no member eve: `kosmo user list` lists them
    kosmo: nothing is named: give --node '!a1b2c3d4' or --group NAME
    kosmo: !0000cafe is not on the list of ben
    kosmo: !0000beef is not in the group valley
    ");
    assert!(!said(&["user", "list"], folder.path()).contains("eve"), "who was refused is not there");
}

#[tokio::test]
async fn each_reject_is_replayed_by_whom_its_topic_belongs_to() {
    let folder = tempfile::tempdir().unwrap();
    assert!(said(&["rejects", "replay"], folder.path()).starts_with("there is nothing to replay\n"));
    let head = r#""v":1,"bridge":"roof","epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b2c3d","seq":1,"heard_at":"2026-06-01T12:00:00Z""#;
    let text = format!(
        r#"{{{head},"stream":"gateway","packet":{{"from":"!a1b2c3d4","to":"!4daa1001","id":77,"port":1}},"body":{{"text":"hi"}}}}"#
    );
    let claim =
        format!(r#"{{{head},"stream":"gateway","body":{{"message_id":"01976c3e-7b00-7000-8000-000000000001","event":"claimed"}}}}"#);
    let receipt = claim.replace("claimed", "unknown");
    let status = r#"{"v":1,"bridge":"roof","state":"online","at":"2026-06-01T12:00:00Z"}"#;
    let long = "x".repeat(MAX_PAYLOAD + 1);
    let rejects = [
        ("kosmo/mesh/reading/roof", "{"),
        ("kosmo/mesh/reading/roof", &long),
        ("kosmo/bridge/roof/status", status),
        ("kosmo/mesh/receipt/roof", &receipt),
        ("kosmo/mesh/receipt/roof", &claim),
        ("kosmo/mesh/inbound/roof", &text),
    ]
    .map(|(topic, payload)| {
        let payload = payload.as_bytes();
        NewReject {
            record: None,
            topic,
            payload,
            whole: true,
            code: "invalid_field",
            field: "",
            detail: "an older version did not know it",
        }
    });
    let store = Store::open(&Database::Sqlite { path: folder.path().join("data/kosmo.db") }).await.unwrap();
    store.add_rejects(&rejects, "2026-06-01T12:00:01Z".parse().unwrap()).await.unwrap();
    store.close().await;

    insta::assert_snapshot!(said(&["rejects", "replay"], folder.path()), @r"
    6  kosmo/mesh/inbound/roof  accepted: a text, which the operators have
    5  kosmo/mesh/receipt/roof  left: a claim asks for a text at its moment, and a replay grants nothing
    4  kosmo/mesh/receipt/roof  refused again: there is no such message (unknown_message)
    3  kosmo/bridge/roof/status  left: a status tells of its moment, which is over
    2  kosmo/mesh/reading/roof  left: only the beginning of it was kept
    1  kosmo/mesh/reading/roof  refused again: EOF while parsing an object at line 1 column 1 (not_json)

    1 accepted, 2 refused again, 3 left
    ");
    let again = said(&["rejects", "replay"], folder.path());
    assert!(again.ends_with("0 accepted, 2 refused again, 1 left\n"), "what is over is open no more: {again}");
}

#[test]
fn mosquitto_lets_a_bridge_do_what_the_contract_says_and_keeps_what_others_wrote() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acl"), "user admin\ntopic readwrite #\n").unwrap();
    let files = ["--mosquitto-passwords", "passwords", "--mosquitto-acl", "acl"];
    let added = kosmo(&[&["bridge", "add", "roof"], &files[..]].concat(), folder.path());
    assert!(added.status.success(), "{added:?}");
    insta::assert_snapshot!(std::fs::read_to_string(folder.path().join("acl")).unwrap(), @r"
    user admin
    topic readwrite #
    # kosmo bridge roof: begin
    user roof
    topic write kosmo/mesh/reading/roof
    topic write kosmo/mesh/node/roof
    topic write kosmo/mesh/inbound/roof
    topic write kosmo/mesh/receipt/roof
    topic write kosmo/bridge/roof/status
    topic read kosmo/mesh/outbound/+
    topic read kosmo/bridge/roof/ack
    topic read kosmo/bridge/roof/request
    # kosmo bridge roof: end
    ");
    assert!(kosmo(&[&["bridge", "revoke", "roof"], &files[..]].concat(), folder.path()).status.success());
    assert_eq!(std::fs::read_to_string(folder.path().join("acl")).unwrap(), "user admin\ntopic readwrite #\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("passwords")).unwrap(), "");
}

#[test]
fn mosquitto_lets_the_services_do_what_they_do_and_no_bridge_has_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["--mosquitto-passwords", "passwords", "--mosquitto-acl", "acl"];
    let services = [&["bridge", "services"], &files[..]].concat();
    let first = said(&services, folder.path());
    assert!(first.contains("\ningestion: ") && first.contains("\ngateway: "), "{first}");
    // Once more for new secrets: what was there is replaced.
    assert_ne!(said(&services, folder.path()), first);
    insta::assert_snapshot!(std::fs::read_to_string(folder.path().join("acl")).unwrap(), @r"
    # kosmo service ingestion: begin
    user ingestion
    topic write kosmo/bridge/+/ack
    topic read kosmo/mesh/reading/+
    topic read kosmo/mesh/node/+
    topic read kosmo/bridge/+/status
    topic read msh/#
    # kosmo service ingestion: end
    # kosmo service gateway: begin
    user gateway
    topic write kosmo/bridge/+/ack
    topic write kosmo/mesh/outbound/+
    topic write kosmo/bridge/+/request
    topic read kosmo/mesh/receipt/+
    topic read kosmo/mesh/inbound/+
    topic read kosmo/mesh/inbound
    topic read kosmo/bridge/+/status
    # kosmo service gateway: end
    ");
    let passwords = std::fs::read_to_string(folder.path().join("passwords")).unwrap();
    assert_eq!(passwords.lines().map(|line| line.split(':').next().unwrap()).collect::<Vec<_>>(), ["ingestion", "gateway"]);
    let taken = kosmo(&[&["bridge", "add", "gateway"], &files[..]].concat(), folder.path());
    assert_eq!(taken.status.code(), Some(1));
    assert!(String::from_utf8(taken.stderr).unwrap().contains("gateway is the login of a service: choose another name"));
}

#[test]
fn a_service_that_does_not_answer_is_not_healthy() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = kosmo(&["healthcheck", "--url", &url], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/readyz does not answer"));
}
