//! Debian's mosquitto-clients, with the versions of MQTT they speak.

use crate::{
    client::{PATIENCE, Peer, options},
    house::{House, ROOF, VIEWER, secret},
};
use kosmo_mqtt::Message;
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];

fn command(program: &str, house: &House, version: &str, login: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &house.port().to_string(), "-V", version, "-q", "1"]);
    command.args(["-u", login, "-P", secret(login).reveal()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a command to its end: whether it succeeded, and what it said.
async fn run(mut command: Command) -> (bool, String) {
    let output = timeout(PATIENCE, command.output()).await.expect("the command ends in time").expect("mosquitto-clients is installed");
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn listen(mut command: Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = command.spawn().expect("mosquitto-clients is installed");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[tokio::test]
async fn they_publish_and_listen_in_every_version() {
    let house = House::open().await;
    let roof = Peer::connected(options(&house, ROOF)).await;
    roof.publish(Message::new("kosmo/bridge/roof/status", "online").retained()).await;
    for version in VERSIONS {
        let mut sub = command("mosquitto_sub", &house, version, VIEWER);
        // The program makes up its own client id, as people let it.
        sub.args(["-t", "kosmo/#", "-v"]);
        let (_child, mut lines) = listen(sub);
        let mut line = async || timeout(PATIENCE, lines.next_line()).await.expect("a line comes in time").unwrap();
        assert_eq!(line().await.as_deref(), Some("kosmo/bridge/roof/status online"), "{version}");

        let mut publish = command("mosquitto_pub", &house, version, "cellar");
        publish.args(["-i", "cellar", "-t", "kosmo/mesh/reading/cellar", "-m", version]);
        assert_eq!(run(publish).await, (true, String::new()), "{version}");
        let expect = format!("kosmo/mesh/reading/cellar {version}");
        assert_eq!(line().await.as_deref(), Some(&*expect));
    }
}

#[tokio::test]
async fn they_are_told_what_they_may_not() {
    let house = House::open().await;
    for (version, words) in [("mqttv311", "refused"), ("mqttv5", "Bad User Name or Password")] {
        let mut wrong = command("mosquitto_pub", &house, version, ROOF);
        wrong.args(["-P", "wrong", "-i", "roof", "-t", "kosmo/mesh/reading/roof", "-m", "x"]);
        let (success, said) = run(wrong).await;
        assert!(!success && said.contains(words), "{version}: {said}");
    }
    for version in ["mqttv311", "mqttv5"] {
        let mut all = command("mosquitto_sub", &house, version, ROOF);
        all.args(["-t", "#", "-t", "+/#", "-t", "$share/g/#", "-t", "$SYS/#", "-W", "10"]);
        let (_, said) = run(all).await;
        assert!(said.contains("All subscription requests were denied"), "{version}: {said}");
    }
    let mut forbidden = command("mosquitto_pub", &house, "mqttv5", VIEWER);
    forbidden.args(["-t", "kosmo/mesh/reading/roof", "-m", "x"]);
    let (_, said) = run(forbidden).await;
    assert!(said.contains("Not authorized"), "{said}");
}
