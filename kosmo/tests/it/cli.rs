//! What the command line says of itself.

use clap::CommandFactory as _;
use kosmo::cli::Cli;
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
    # kosmo bridge roof: end
    ");
    assert!(kosmo(&[&["bridge", "revoke", "roof"], &files[..]].concat(), folder.path()).status.success());
    assert_eq!(std::fs::read_to_string(folder.path().join("acl")).unwrap(), "user admin\ntopic readwrite #\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("passwords")).unwrap(), "");
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
