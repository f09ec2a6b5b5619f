//! The program as a whole, started and ended; and the starts that it refuses, in words that say what to do.

use crate::cli::{ANA, kosmo};
use serde_json::Value;
use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Flags that let any number of programs run side by side.
pub(crate) const FREE_PORTS: [&str; 4] = ["--port-base", "0", "--mqtt-port", "0"];

/// A program that runs in a folder of its own; it is killed if the test fails before it ends.
pub(crate) struct Running(Child);

impl Running {
    /// Starts the program, and waits until it says that it is ready.
    pub(crate) fn start(args: &[&str], folder: &Path) -> (Self, Value) {
        let ready = folder.join("ready.json");
        let child = Command::new(env!("CARGO_BIN_EXE_kosmo"))
            .args(args)
            .arg("--ready-file")
            .arg(&ready)
            .current_dir(folder)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut running = Self(child);
        #[expect(clippy::disallowed_methods, reason = "another process is waited for, which no paused clock can")]
        let began = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(&ready) {
                return (running, serde_json::from_str(&text).unwrap());
            }
            assert!(running.0.try_wait().unwrap().is_none(), "it ended before it was ready");
            assert!(began.elapsed() < Duration::from_mins(1), "it is not ready");
            #[expect(clippy::disallowed_methods, reason = "a file of another process is waited for, a condition, in small steps")]
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, and returns its exit code and what it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        assert!(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap().success());
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.0.stdout.take().unwrap(), &mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns why the program refused, from all that it wrote. What had begun already may log a last word after the reason.
fn reason(errors: &str) -> String {
    let lines = errors.lines().skip_while(|line| !line.starts_with("kosmo: "));
    lines.collect::<Vec<_>>().join("\n")
}

fn refusal(args: &[&str], folder: &Path) -> String {
    let output = kosmo(args, folder);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    reason(&String::from_utf8(output.stderr).unwrap())
}

#[test]
fn everything_starts_is_healthy_and_ends_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let (running, addresses) = Running::start(&[&["up", "--radio", "tcp://127.0.0.1:1"], &FREE_PORTS[..]].concat(), folder.path());
    for name in ["web", "ingestion", "weather", "gateway"] {
        let healthy = kosmo(&["healthcheck", "--url", addresses[name].as_str().unwrap()], folder.path());
        assert!(healthy.status.success(), "{name}: {healthy:?}");
    }
    // Other commands work beside it; a second one like it does not.
    let bridges = String::from_utf8(kosmo(&["bridge", "list"], folder.path()).stdout).unwrap();
    assert!(bridges.contains("local"), "{bridges}");
    let second = refusal(&[&["up"], &FREE_PORTS[..]].concat(), folder.path());
    assert!(second.contains("another kosmo process already serves from ./data/kosmo.db: stop it first"), "{second}");

    let secret = folder.path().join("data/secrets/bridge-local");
    let kept = std::fs::read_to_string(&secret).unwrap();
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = running.end();
    assert_eq!(code, Some(0));
    assert!(said.contains("KosmoConnect runs.") && said.contains("bridges      local") && !said.contains(kept.trim()), "{said}");
    assert!(!folder.path().join("ready.json").exists(), "nobody mistakes a program that ended for one that is ready");

    // It starts again over what it left.
    let (again, _) = Running::start(&[&["up", "--radio", "tcp://127.0.0.1:1"], &FREE_PORTS[..]].concat(), folder.path());
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), kept);
    assert_eq!(again.end().0, Some(0));
}

#[test]
fn a_port_in_use_is_named_with_the_setting_that_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    // The ports after this one may be in use as well: other tests run.
    let ports = format!("[http]\nweb_port = {port}\ningestion_port = 0\nweather_port = 0\ngateway_port = 0\n");
    std::fs::write(folder.path().join("kosmo.toml"), ports).unwrap();
    let said = refusal(&["up", "--mqtt-port", "0"], folder.path());
    assert!(said.contains(&format!("port {port} for web is in use")) && said.contains("http.web_port"), "{said}");
    let said = refusal(&["up", "--port-base", "0", "--mqtt-port", &port], folder.path());
    assert!(said.contains(&format!("port {port} for MQTT is not to be had")) && said.contains("broker.port"), "{said}");
}

#[test]
fn nothing_is_open_to_the_network_while_there_are_no_accounts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kosmo.toml"), "[http]\naddress = '0.0.0.0'\n").unwrap();
    let said = refusal(&["up"], folder.path());
    assert!(said.contains("`http.address` is 0.0.0.0") && said.contains("there are no accounts yet"), "{said}");
}

#[test]
fn nobody_is_whoever_they_say_where_other_machines_can_ask() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kosmo.toml"), "[http]\naddress = '0.0.0.0'\n[auth]\ndev_header = true\n").unwrap();
    for command in [&["up"][..], &["demo"], &["serve", "gateway", "--database", "postgres://nowhere/kosmo"]] {
        let said = refusal(command, folder.path());
        assert!(said.contains("`auth.dev_header`") && said.contains("with this header anybody is any member"), "{command:?}: {said}");
    }
}

/// Asks for the conversations of a member, and returns the status of the answer.
async fn conversations(base: &Value, member: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api/v1/messages/conversations", base.as_str().unwrap());
    http.get(url).header("X-User-ID", member).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_header_names_the_member_who_asks_only_where_that_is_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let up = [&["up"], &FREE_PORTS[..]].concat();
    assert!(kosmo(&["user", "add", "ana", "--plan", "wanderer", "--id", ANA], folder.path()).status.success());
    let (running, addresses) = Running::start(&up, folder.path());
    for part in ["gateway", "web"] {
        assert_eq!(conversations(&addresses[part], ANA).await, 401, "{part}");
    }
    let (_, said) = running.end();
    assert!(said.contains("it knows nobody until there are accounts"), "{said}");

    std::fs::write(folder.path().join("kosmo.toml"), "[auth]\ndev_header = true\n").unwrap();
    let (running, addresses) = Running::start(&up, folder.path());
    for part in ["gateway", "web"] {
        assert_eq!(conversations(&addresses[part], ANA).await, 200, "{part}");
        assert_eq!(conversations(&addresses[part], "99999999-9999-9999-9999-999999999999").await, 401, "{part}");
    }
    drop(running);
}

#[tokio::test]
async fn the_demo_has_members_of_every_plan_and_says_how_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let demo = [&["demo", "--radio-port", "0", "--radios", "1"], &FREE_PORTS[..]].concat();
    let (running, addresses) = Running::start(&demo, folder.path());
    let url = format!("{}/api/v1/messages", addresses["gateway"].as_str().unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (member, node, expect) in
        [("1", "!a1b2c3d4", 202), ("2", "!a1b2c3d4", 202), ("2", "!0000cafe", 403), ("3", "!0000cafe", 202), ("4", "!a1b2c3d4", 403)]
    {
        let member = ANA.replace('1', member);
        let text = format!(r#"{{"target_node_id": "{node}", "text": "Hello mesh"}}"#);
        let send = http.post(&url).header("X-User-ID", &member).header("Content-Type", "application/json").body(text);
        let answer = send.send().await.unwrap();
        assert_eq!(answer.status(), expect, "{member}: {}", answer.text().await.unwrap());
    }
    let users = String::from_utf8(kosmo(&["user", "list", "--data", "data/demo"], folder.path()).stdout).unwrap();
    assert!(["ana", "ben", "cleo", "dora"].iter().all(|handle| users.contains(handle)), "{users}");
    let (code, said) = running.end();
    assert_eq!(code, Some(0));
    let example = format!(
        "    curl -X POST {url} \\\n      -H \"Content-Type: application/json\" \\\n      -H \"X-User-ID: {ANA}\" \\\n      \
         -d '{{\"target_node_id\": \"!a1b2c3d4\", \"text\": \"Hello mesh\"}}'\n    curl {url}/conversations \\\n      -H \"X-User-ID: {ANA}\"\n"
    );
    assert!(said.contains(&example), "{said}");

    let (again, addresses) = Running::start(&demo, folder.path());
    assert_eq!(conversations(&addresses["gateway"], ANA).await, 200, "its members outlive it");
    drop(again);
}

#[test]
fn simulated_weather_does_not_get_among_real_readings() {
    let folder = tempfile::tempdir().unwrap();
    assert!(kosmo(&["migrate"], folder.path()).status.success());
    let said = refusal(&["demo", "--data", "data"], folder.path());
    assert!(said.contains("data holds data that is not a demo's"), "{said}");
}

#[test]
fn what_is_missing_is_said_with_how_to_give_it() {
    let folder = tempfile::tempdir().unwrap();
    let serve = refusal(&["serve", "ingestion"], folder.path());
    assert!(serve.contains("SQLite serves one process") && serve.contains("--database"), "{serve}");
    let unmigrated = refusal(&["serve", "ingestion", "weather", "gateway", "web", "--mqtt", "mqtt://127.0.0.1:1"], folder.path());
    assert!(unmigrated.contains("run `kosmo migrate`"), "{unmigrated}");
    assert!(kosmo(&["migrate"], folder.path()).status.success());
    let broker = refusal(&["serve", "ingestion", "weather", "gateway", "web"], folder.path());
    assert!(broker.contains("ingestion needs an MQTT broker") && broker.contains("--mqtt"), "{broker}");

    let bridge = ["bridge", "--radio", "tcp://127.0.0.1", "--id", "roof"];
    let broker = refusal(&bridge, folder.path());
    assert!(broker.contains("no MQTT broker is named") && broker.contains("--mqtt"), "{broker}");
    let secret = refusal(&[&bridge[..], &["--mqtt", "mqtt://127.0.0.1", "--password-file", "nowhere"]].concat(), folder.path());
    assert!(secret.contains("the file of `mqtt.password_file` nowhere cannot be read"), "{secret}");
    let radio = refusal(&["bridge", "--radio", "usb:1", "--id", "roof", "--mqtt", "mqtt://127.0.0.1"], folder.path());
    assert!(radio.contains("`usb:1` is no radio: a radio is `serial:/dev/ttyACM0`, `tcp://host` or `auto`"), "{radio}");
}

#[test]
fn the_login_of_a_bridge_elsewhere_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    assert!(kosmo(&["bridge", "add", "local"], folder.path()).status.success());
    let up = [&["up", "--radio", "tcp://127.0.0.1:1"], &FREE_PORTS[..]].concat();
    let said = refusal(&up, folder.path());
    assert!(said.contains("there is a bridge local already") && said.contains("`kosmo bridge revoke local`"), "{said}");
    assert!(kosmo(&["bridge", "revoke", "local"], folder.path()).status.success());
    let (running, _) = Running::start(&up, folder.path());
    assert_eq!(running.end().0, Some(0));
}
