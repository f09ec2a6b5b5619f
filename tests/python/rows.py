"""Has the official Meshtastic client do everything it can to a radio, and reads what it says.

Each row is one call of the real command line, in this process so that Python starts once, or one use of the library. A row
passes if the words are there that a person would look for; exit codes prove nothing, as the client ends with 0 on refusals.
Writes one line of JSON for each row: its name, whether it passed, and what was said if not.
"""

import argparse
import contextlib
import io
import json
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

import meshtastic.__main__ as client
import meshtastic.tcp_interface
import meshtastic.util
import yaml
from meshtastic import mt_config
from meshtastic.protobuf import mesh_pb2, portnums_pb2
from pubsub import pub

# The client would ask the package registry for a newer one of itself.
meshtastic.util.check_if_newer_version = lambda: None

# Some calls leave their connection to the end of the process, which is not theirs here. A forgotten one would connect again, and
# take the radio's only place from the next.
OPEN = []
connect = meshtastic.tcp_interface.TCPInterface.connect


def connect_and_note(self):
    OPEN.append(self)
    return connect(self)


meshtastic.tcp_interface.TCPInterface.connect = connect_and_note

ROWS = []


def row(function):
    ROWS.append(function)
    return function


class Radio:
    def __init__(self, host):
        self.host = host
        self.said = ""

    def __call__(self, *arguments):
        """Runs the command line with these arguments and returns what it printed; the exit code is kept."""
        mt_config.reset()
        sys.argv = ["meshtastic", "--host", self.host, "--timeout", "20", *arguments]
        out = io.StringIO()
        self.code = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                client.main()
            except SystemExit as end:
                self.code = end.code or 0
            while OPEN:
                OPEN.pop().close()
        self.said = out.getvalue()
        return self.said

    def says(self, *arguments, wanted):
        said = self(*arguments)
        assert re.search(wanted, said, re.DOTALL), f"no `{wanted}`"
        return said

    @contextlib.contextmanager
    def interface(self):
        host, port = self.host.split(":")
        interface = meshtastic.tcp_interface.TCPInterface(host, portNumber=int(port))
        try:
            yield interface
        finally:
            interface.close()
            OPEN.clear()


def until(what, wanted, patience=20):
    end = time.monotonic() + patience
    while not (found := wanted()):
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.1)
    return found


@row
def info(radio, mesh):
    said = radio.says("--info", wanted=r"Owner: .+ \(\w+\).*My info: .*Nodes in mesh: .*Preferences: .*Channels:.*PRIMARY")
    number = json.loads(re.search(r"My info: (\{.*?\})\s*$", said, re.MULTILINE)[1])["myNodeNum"]
    nodes = json.loads(re.search(r"Nodes in mesh: (\{.*?^\})", said, re.DOTALL | re.MULTILINE)[1])
    assert f"!{number:08x}" in nodes and mesh["peer"] in nodes, sorted(nodes)
    assert nodes[mesh["peer"]]["user"]["longName"] == "Lena"


@row
def nodes(radio, mesh):
    said = radio("--nodes")
    assert "Lena" in said and mesh["peer"] in said and said.count("│") > 100


@row
def no_nodes(radio, mesh):
    said = radio.says("--no-nodes", "--info", wanted="Owner: ")
    assert mesh["peer"] not in said


@row
def get(radio, _mesh):
    radio.says("--get", "lora.region", wanted=r"lora.region: (3|EU_868)")


@row
def sendtext(radio, _mesh):
    radio.says("--sendtext", "row sendtext", wanted="Sending text message row sendtext to \\^all on channelIndex:0")


@row
def sendtext_ack(radio, _mesh):
    radio.says("--sendtext", "row sendtext ack", "--ack", wanted="implicit ACK")


@row
def direct_ack(radio, mesh):
    radio.says("--sendtext", "row direct", "--dest", mesh["peer"], "--ack", wanted=r"Received an ACK\.")


@row
def direct_nak(radio, mesh):
    radio.says("--sendtext", "row nak", "--dest", mesh["off"], "--ack", wanted="NAK, error reason: MAX_RETRANSMIT")


@row
def unknown_key(radio, mesh):
    radio.says("--sendtext", "row key", "--dest", mesh["stranger"], "--ack", wanted="NAK, error reason: PKI_SEND_FAIL_PUBLIC_KEY")


@row
def no_such_channel(radio, _mesh):
    radio.says("--ch-index", "5", "--sendtext", "nobody", wanted="not a valid channel")


@row
def device_metadata(radio, _mesh):
    radio.says("--device-metadata", wanted=r"firmware_version: 2\.7\.26.*(hw_model|has_wifi)")


@row
def traceroute(radio, mesh):
    number = f"{mesh['own']}"
    said = radio.says("--traceroute", mesh["peer"], wanted="Route traced towards destination:.*Route traced back to us:")
    ways = re.findall(r"^(![0-9a-f]{8} -->.*)$", said, re.MULTILINE)
    assert len(ways) == 2 and ways[0].startswith(number) and mesh["peer"] in ways[0] and ways[1].startswith(mesh["peer"]), ways
    assert "dB" in ways[0] and "dB" in ways[1], ways


@row
def request_telemetry(radio, mesh):
    radio.says("--request-telemetry", "--dest", mesh["peer"], "--timeout", "40", wanted=r"Telemetry received:.*Battery level: \d+.*Voltage: \d")


@row
def request_environment(radio, mesh):
    """The station is hills away, and neither question nor answer is repeated by anybody but who asks."""
    ask = ["--request-telemetry", "environment", "--dest", mesh["station"], "--timeout", str(mesh["timeout_s"])]
    until("the station answers", lambda: re.search(r"Telemetry received:.*temperature: -?\d", radio(*ask), re.DOTALL), mesh["patience_s"])


@row
def request_position(radio, mesh):
    radio.says("--request-position", "--dest", mesh["peer"], "--timeout", "40", wanted=r"Position received: \(\d+\.\d+, \d+\.\d+\)")


@row
def listen(radio, mesh):
    """Lena answers a text, and a subscribed program is told of her answer as of any packet."""
    heard = []

    def on_text(packet, interface):
        heard.append((packet["fromId"], packet["decoded"]["text"]))

    pub.subscribe(on_text, "meshtastic.receive.text")
    with radio.interface() as interface:
        interface.sendText("row listen", destinationId=mesh["peer"], wantAck=True)
        until("she has answered", lambda: [text for sender, text in heard if sender == mesh["peer"] and text])
    pub.unsubscribe(on_text, "meshtastic.receive.text")


@row
def queue(radio, _mesh):
    """What a program sends in a row arrives, though the radio has few places and tells of few of them."""
    with radio.interface() as interface:
        acknowledged = threading.Semaphore(0)
        for number in range(6):
            interface.sendData(
                f"row queue {number}".encode(), portNum=256, wantAck=True, onResponseAckPermitted=True,
                onResponse=lambda _packet: acknowledged.release(),
            )
        for number in range(6):
            assert acknowledged.acquire(timeout=30), f"{number} of 6 were acknowledged"


def changed(radio, *arguments, get, wanted):
    """Changes something, and asks for it over a new connection."""
    radio(*arguments)
    first = radio.said
    said = until(f"`{wanted}` is told", lambda: (lambda said: said if re.search(wanted, said, re.DOTALL) else None)(radio(*get)), 8)
    # A trace of the heartbeat's thread may be among it, which finds the connection closed after so short a call.
    assert "Aborting" not in first and "NAK" not in first, first
    return said


@row
def set_hop_limit(radio, _mesh):
    changed(radio, "--set", "lora.hop_limit", "4", get=["--get", "lora.hop_limit"], wanted="lora.hop_limit: 4")


@row
def set_module(radio, _mesh):
    changed(radio, "--set", "telemetry.environment_update_interval", "1800", get=["--get", "telemetry.environment_update_interval"],
            wanted="interval: 1800")
    restarted(radio)


@row
def set_owner(radio, _mesh):
    changed(radio, "--set-owner", "Bridge of rows", "--set-owner-short", "ROWS", get=["--info"], wanted=r"Owner: Bridge of rows \(ROWS\)")


@row
def ch_add(radio, _mesh):
    changed(radio, "--ch-add", "rowchat", get=["--info"], wanted=r"SECONDARY psk=secret \{[^}]*\"name\": \"rowchat\"")


@row
def ch_set(radio, _mesh):
    changed(radio, "--ch-set", "uplink_enabled", "true", "--ch-index", "2", get=["--info"], wanted=r"rowchat[^}]*\"uplinkEnabled\": true")


@row
def ch_del(radio, _mesh):
    radio("--ch-del", "--ch-index", "2")
    until("the channel is gone", lambda: "rowchat" not in radio("--info"), 8)


@row
def seturl(radio, _mesh):
    url = re.search(r"Primary channel URL: (\S+)", radio("--info"))[1]
    complete = re.search(r"Complete URL[^:]*: (\S+)", radio.said)
    changed(radio, "--seturl", (complete or [None, url])[1], get=["--info"], wanted=re.escape(url.split("#")[1][:8]))


@row
def canned_messages(radio, _mesh):
    """This build has no prepared messages, as it says, and the client heeds that."""
    with radio.interface() as interface:
        assert not interface.localNode.module_available(mesh_pb2.CANNEDMSG_CONFIG)
        assert interface.localNode.module_available(mesh_pb2.EXTNOTIF_CONFIG)
    radio.says("--get-canned-message", wanted=r"canned_plugin_message:None")


@row
def ringtone(radio, _mesh):
    changed(radio, "--set-ringtone", "row:d=4,o=5,b=120:c", get=["--get-ringtone"], wanted="row:d=4,o=5,b=120:c")


@row
def fixed_position(radio, _mesh):
    changed(radio, "--setlat", "49.75", "--setlon", "6.64", "--setalt", "150", get=["--info"], wanted=r"\"latitude\": 49\.75")


@row
def favourite(radio, mesh):
    radio("--set-favorite-node", mesh["peer"])

    def is_favourite():
        with radio.interface() as interface:
            return interface.nodes[mesh["peer"]].get("isFavorite")

    until("she is a favourite", is_favourite)
    radio("--remove-favorite-node", mesh["peer"])


@row
def remove_node(radio, mesh):
    radio("--remove-node", mesh["spare"])
    until("the node is gone", lambda: mesh["spare"] not in radio("--nodes"), 8)


@row
def export_and_configure(radio, _mesh):
    """What was exported and changed by hand is there after it was given back."""
    exported = yaml.safe_load(radio("--export-config"))
    assert exported["owner"] == "Bridge of rows" and exported["config"]["lora"]["region"] == "EU_868", exported
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "radio.yaml"
        path.write_text(yaml.safe_dump({"owner": "Configured", "owner_short": "CONF", "config": {"lora": {"hopLimit": 5, "region": "EU_868",
                        "usePreset": True, "txEnabled": True, "txPower": 27, "sx126xRxBoostedGain": True}}}))
        radio.says("--configure", str(path), wanted="Writing modified configuration to device")
    until("it is set", lambda: re.search(r"Owner: Configured \(CONF\)", radio("--info")), 8)
    radio.says("--get", "lora.hop_limit", wanted="lora.hop_limit: 5")


@row
def set_time(radio, mesh):
    """A radio without a clock stamps what it says from when it was told the time."""
    stamped = []
    with radio.interface() as interface:
        interface.localNode.setTime(1_800_000_000)
        interface.sendData(
            b"row time", mesh["peer"], portnums_pb2.TEXT_MESSAGE_APP, wantAck=True, onResponseAckPermitted=True, onResponse=stamped.append
        )
        packet = until("it is acknowledged", lambda: stamped and stamped[0])
        assert mesh["has_clock"] or abs(packet["rxTime"] - 1_800_000_000) < 120, packet


def restarted(radio):
    """Waits until the radio has started anew, which its uptime tells."""
    def uptime():
        with contextlib.suppress(Exception), radio.interface() as interface:
            return interface.getMyNodeInfo().get("deviceMetrics", {}).get("uptimeSeconds") == 0
    until("it has restarted", uptime, 30)


@row
def reboot(radio, _mesh):
    radio("--reboot")
    restarted(radio)
    radio.says("--info", wanted="Owner: Configured")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--radio", required=True, help="HOST:PORT")
    parser.add_argument("--mesh", required=True, help="JSON of who is who")
    parser.add_argument("--rows", help="names, separated by commas; all if absent")
    arguments = parser.parse_args()
    mesh = json.loads(arguments.mesh)
    wanted = arguments.rows.split(",") if arguments.rows else [function.__name__ for function in ROWS]
    for function in ROWS:
        if function.__name__ not in wanted:
            continue
        radio = Radio(arguments.radio)
        began = time.monotonic()
        outcome = {"row": function.__name__, "passed": True}
        try:
            function(radio, mesh)
        except Exception as failure:  # pylint: disable=broad-except
            outcome = {"row": function.__name__, "passed": False, "why": repr(failure)[:2_000], "said": radio.said[-3_000:]}
        print(json.dumps(outcome | {"took_s": round(time.monotonic() - began, 1)}), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
