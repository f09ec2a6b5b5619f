//! `kosmo doctor` and `kosmo bridge status`, beside a bridge that runs and one that does not.

use crate::cli::kosmo;
use std::{
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::Instant;

pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn codes(report: &serde_json::Value) -> Vec<String> {
    let found = report["bridges"].as_array().unwrap().iter().flat_map(|bridge| bridge["findings"].as_array().unwrap().clone());
    found.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

fn json(args: &[&str], folder: &Path) -> (Option<i32>, serde_json::Value) {
    let output = kosmo(args, folder);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}")))
}

#[test]
fn doctor_tries_what_does_not_run_and_names_what_is_wrong_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["doctor", "--radio", "serial:/dev/no-such-radio", "--mqtt", "mqtt://127.0.0.1:9", "--id", "roof"];
    let (code, report) = json(&[&args[..], &["--json"]].concat(), folder.path());
    assert_eq!(code, Some(6));
    assert_eq!(codes(&report), ["not_running", "no_radio", "broker_away"]);
    let output = kosmo(&args, folder.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("✗ there is no device /dev/no-such-radio: is the radio plugged in? [no_radio]"), "{text}");
    assert!(text.contains("plug the radio in with a cable that carries data"), "{text}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "kosmo: something is broken\n");
}

#[test]
fn two_bridges_of_one_process_are_asked_and_systemd_hears_that_they_are_ready_and_alive() {
    let folder = tempfile::tempdir().unwrap();
    let notify = folder.path().join("notify");
    let socket = UnixDatagram::bind(&notify).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let heard = || {
        let mut buffer = [0; 200];
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_kosmo"));
    command.args(["bridge", "--radio", "serial:/dev/no-such-radio", "--radio", "tcp://127.0.0.1:9", "--id", "roof"]);
    command.args(["--mqtt", "mqtt://127.0.0.1:9"]).current_dir(folder.path()).env_clear();
    command.env("NOTIFY_SOCKET", &notify).env("WATCHDOG_USEC", "4000000").stderr(Stdio::null());
    let bridges = Running(command.spawn().unwrap());
    assert_eq!(heard(), "READY=1\nSTATUS=bridges are at work");
    assert_eq!(heard(), "WATCHDOG=1");

    let deadline = Instant::now() + Duration::from_secs(30);
    let (code, report) = loop {
        let (code, report) = json(&["bridge", "status", "--json"], folder.path());
        let running = report["bridges"].as_array().unwrap().iter().filter(|bridge| bridge["running"] == true).count();
        if running == 2 && codes(&report).iter().filter(|code| *code == "no_radio").count() == 2 {
            break (code, report);
        }
        assert!(Instant::now() < deadline, "{report:#}");
    };
    assert_eq!(code, Some(6));
    let names: Vec<_> = report["bridges"].as_array().unwrap().iter().map(|bridge| bridge["bridge"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["roof", "roof-2"]);
    let one = kosmo(&["bridge", "status", "roof"], folder.path());
    assert!(String::from_utf8(one.stdout).unwrap().starts_with("roof: runs for "));

    drop(bridges);
    let (code, report) = json(&["bridge", "status", "--json"], folder.path());
    assert_eq!((code, codes(&report)), (Some(6), vec!["not_running".to_owned(); 2]));
}
