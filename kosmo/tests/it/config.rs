//! Where settings come from, and what is said of those that are wrong.

use kosmo::config::{Config, ConfigErrors, DEFAULTS, Flag, Loaded, Sources, load, show};
use std::{ffi::OsString, path::PathBuf};

/// Settings from a file of this content, these variables, and these flags.
fn loaded(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &'static str, &str)]) -> Result<Loaded, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kosmo.toml");
    std::fs::write(&path, file).unwrap();
    let sources = Sources {
        file: Some(path),
        env: env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect(),
        flags: flags.iter().map(|(name, key, value)| Flag { name, key, value: (*value).into() }).collect(),
    };
    load(sources)
}

fn right(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &'static str, &str)]) -> Config {
    loaded(file, env, flags).unwrap().config
}

/// What is said of wrong settings, with the file's folder left out.
fn wrong(file: &str, env: &[(&str, &str)]) -> String {
    let text = loaded(file, env, &[]).unwrap_err().to_string();
    let mut said = String::new();
    for line in text.lines().skip(1) {
        let shown = line.split(' ').map(|word| if word.ends_with("kosmo.toml)") { "kosmo.toml)" } else { word }).collect::<Vec<_>>();
        said.push_str(shown.join(" ").trim());
        said.push('\n');
    }
    said
}

#[test]
fn the_example_is_the_defaults() {
    let defaults = loaded("", &[], &[]).unwrap();
    assert_eq!(loaded(DEFAULTS, &[], &[]).unwrap().config, defaults.config);
    let settings =
        |text: &str| -> Vec<String> { text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect() };
    assert_eq!(settings(&show(&defaults)), settings(DEFAULTS), "what is shown is what the example says");
}

#[test]
fn every_setting_is_explained() {
    let mut explained = false;
    for line in DEFAULTS.lines() {
        match line.chars().next() {
            Some('#') => explained = true,
            Some('[') => explained = false,
            None => {}
            Some(_) => assert!(explained, "{line}"),
        }
    }
}

#[test]
fn a_file_outweighs_the_defaults_the_environment_a_file_and_a_flag_all() {
    let file = "[http]\nweb_port = 9000\ningestion_port = 9001\n[log]\nlevel = 'warn'\n";
    let env = [("KOSMO__HTTP__WEB_PORT", "9100"), ("KOSMO__LOG__LEVEL", "debug"), ("HOME", "/root")];
    let config = right(file, &env, &[("--log", "log.level", "trace")]);
    assert_eq!((config.http.weather_port, config.http.ingestion_port, config.http.web_port), (8002, 9001, 9100));
    assert_eq!(config.log.level, "trace");
}

#[test]
fn a_variable_is_read_as_its_setting_wants_it() {
    let config = right("", &[("KOSMO__BRIDGE__RADIOS", "serial:/dev/ttyACM0, tcp://deck"), ("KOSMO__MQTT__PASSWORD", "007")], &[]);
    assert_eq!(config.bridge.radios, ["serial:/dev/ttyACM0", "tcp://deck"]);
    assert_eq!(config.mqtt.password.expose(), "007");
}

#[test]
fn a_switch_is_set_by_a_variable() {
    let config = right("", &[("KOSMO__AUTH__DEV_HEADER", "true"), ("KOSMO__GATEWAY__HANDLE_IN_TEXT", "false")], &[]);
    assert!(config.auth.dev_header && !config.gateway.handle_in_text);
    insta::assert_snapshot!(
        wrong("", &[("KOSMO__AUTH__DEV_HEADER", "yes")]),
        @"`auth.dev_header` (environment variable KOSMO__AUTH__DEV_HEADER) is true or false"
    );
}

#[test]
fn nobody_is_whoever_they_say_where_other_machines_can_ask() {
    let open = |address: &str| format!("[auth]\ndev_header = true\n[http]\naddress = '{address}'\n");
    for address in ["127.0.0.1", "127.0.0.2", "::1"] {
        assert!(right(&open(address), &[], &[]).auth.dev_header);
    }
    for address in ["0.0.0.0", "::", "192.168.1.2", "::ffff:10.0.0.1"] {
        let said = wrong(&open(address), &[]);
        assert!(said.contains("`auth.dev_header`") && said.contains(&format!("`http.address` is {address}")), "{said}");
    }
    insta::assert_snapshot!(
        wrong(&open("0.0.0.0"), &[]),
        @"`auth.dev_header` (in kosmo.toml) is true, and `http.address` is 0.0.0.0, where other machines can ask: with this header anybody is any member. Leave it out, or set `http.address` to 127.0.0.1"
    );
}

#[test]
fn unknown_settings_are_named_with_where_they_stand() {
    insta::assert_snapshot!(wrong("[mqtt]\npasword = 'x'\n[weather]\nrain = true\n", &[("KOSMO__HTTP__PORT", "1")]), @r"
    `mqtt.pasword` (in kosmo.toml) is not a setting; did you mean `mqtt.password`?
    `weather` (in kosmo.toml) is not a setting: `kosmo config example` lists them all
    `http.port` (environment variable KOSMO__HTTP__PORT) is not a setting: `kosmo config example` lists them all
    ");
}

#[test]
fn values_that_cannot_be_are_named_with_their_limit() {
    insta::assert_snapshot!(wrong("[http]\nweb_port = 70000\n[ingestion]\nbatch_max = 0\n[gateway]\nburst = 0\nttl_s = 5\n", &[("KOSMO__LIMITS__WORKER_THREADS", "many")]), @r"
    `limits.worker_threads` (environment variable KOSMO__LIMITS__WORKER_THREADS) is a whole number
    `http.web_port` (in kosmo.toml) is 70000; it lies between 0 and 65535
    `ingestion.batch_max` (in kosmo.toml) is 0; it lies between 1 and 500
    `gateway.burst` (in kosmo.toml) is 0; it lies between 1 and 1000
    `gateway.ttl_s` (in kosmo.toml) is 5; it lies between 10 and 604800
    ");
    insta::assert_snapshot!(wrong("[http]\nweb_port = '8000'\n[limits]\nworker_threads = -1\n[log]\nformat = 5", &[]), @r"
    `http.web_port` (in kosmo.toml) is a whole number, not a text
    `limits.worker_threads` (in kosmo.toml) is a whole number, not a negative or fractional number
    `log.format` (in kosmo.toml) is a text, not a whole number
    ");
    insta::assert_snapshot!(wrong("[database]\nurl = 'mysql://kosmo:hunter2@db/kosmo'\n", &[]), @"`database.url` (in kosmo.toml) is none; a database is `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`");
    insta::assert_snapshot!(wrong("[broker]\ntls_cert_file = 'cert.pem'\n", &[]), @"`broker.tls_key_file` (the defaults) is empty; a certificate and its key go together");
    insta::assert_snapshot!(
        wrong("[bridge]\nid = 'The Roof'\n", &[]),
        @"`bridge.id` (in kosmo.toml) does not parse: a bridge id is 1 to 32 characters of a-z, 0-9 and `-`, and starts with a letter or digit"
    );
    insta::assert_snapshot!(wrong("[log]\nformat = 'xml'\n", &[]), @"`log.format` (in kosmo.toml) does not parse: it is `text` or `json`");
    insta::assert_snapshot!(wrong("[http]\naddress = 'localhost'\n", &[]), @"`http.address` (in kosmo.toml) does not parse: invalid IP address syntax");
}

#[test]
fn a_named_file_must_be_there_and_be_toml() {
    let missing = load(Sources { file: Some("/nowhere/kosmo.toml".into()), ..Sources::default() }).unwrap_err();
    assert!(missing.to_string().contains("the configuration file /nowhere/kosmo.toml cannot be read"), "{missing}");
    let broken = loaded("[http\n", &[], &[]).unwrap_err().to_string();
    assert!(broken.contains("kosmo.toml is not TOML") && broken.contains("line 1"), "{broken}");
}

#[test]
fn a_secret_may_lie_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("password");
    std::fs::write(&path, "hunter2\nnot this\n").unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(right("", &[("KOSMO__MQTT__PASSWORD_FILE", path)], &[]).mqtt.password.expose(), "hunter2");

    let both = wrong("[mqtt]\npassword = 'x'\n", &[("KOSMO__MQTT__PASSWORD_FILE", path)]);
    assert!(both.contains("`mqtt.password_file`") && both.contains("leave one of them out"), "{both}");
    let missing = wrong("", &[("KOSMO__MQTT__PASSWORD_FILE", "/nowhere/password")]);
    assert!(missing.contains("the file of `mqtt.password_file` /nowhere/password cannot be read"), "{missing}");
}

#[test]
fn secrets_are_not_shown() {
    let file = "[mqtt]\npassword = 'hunter2'\n[database]\nurl = 'postgres://kosmo:hunter2@db/kosmo'\n";
    let loaded = loaded(file, &[], &[]).unwrap();
    let shown = show(&loaded);
    assert!(shown.contains("password = \"***\""), "{shown}");
    assert!(!shown.contains("hunter2") && !format!("{:?}", loaded.config).contains("hunter2"));
}
