"""Makes envelopes as gateways publish them, with the official protobufs: one JSON object per line.

Encryption is OpenSSL's, so that nothing here is of the project's own making. Ports and kinds of keys are all that there are.
"""

import base64
import json
import subprocess
import sys

from meshtastic.protobuf import admin_pb2, mesh_pb2, mqtt_pb2, paxcount_pb2, portnums_pb2, storeforward_pb2, telemetry_pb2
from meshtastic.util import generate_channel_hash

DEFAULT = base64.b64decode("1PG7OiApB1nwvP+rz05pAQ==")


def expand(psk: bytes) -> bytes:
    """Returns the key as the firmware expands it (Channels.cpp)."""
    if len(psk) == 0 or psk == b"\0":
        return b""
    if len(psk) == 1:
        return DEFAULT[:-1] + bytes([(DEFAULT[-1] + psk[0] - 1) & 0xFF])
    return psk.ljust(16 if len(psk) <= 16 else 32, b"\0")


def encrypt(key: bytes, sender: int, number: int, plain: bytes) -> bytes:
    if not key:
        return plain
    iv = number.to_bytes(8, "little") + sender.to_bytes(4, "little") + bytes(4)
    command = ["openssl", "enc", f"-aes-{len(key) * 8}-ctr", "-K", key.hex(), "-iv", iv.hex(), "-nopad"]
    return subprocess.run(command, input=plain, capture_output=True, check=True).stdout


def payloads():
    """Yields a payload for each port that the package names."""
    known = {
        "TEXT_MESSAGE_APP": "grüezi 👋".encode(),
        "POSITION_APP": mesh_pb2.Position(latitude_i=470000000, longitude_i=80000000, precision_bits=14),
        "NODEINFO_APP": mesh_pb2.User(id="!4dbb2002", long_name="Dach Süd", short_name="DS", public_key=bytes(range(32))),
        "ROUTING_APP": mesh_pb2.Routing(error_reason=mesh_pb2.Routing.Error.MAX_RETRANSMIT),
        "ADMIN_APP": admin_pb2.AdminMessage(get_owner_request=True),
        "WAYPOINT_APP": mesh_pb2.Waypoint(id=7, name="Hut", latitude_i=1, longitude_i=2),
        "PAXCOUNTER_APP": paxcount_pb2.Paxcount(wifi=1, ble=2, uptime=3),
        "STORE_FORWARD_APP": storeforward_pb2.StoreAndForward(rr=storeforward_pb2.StoreAndForward.ROUTER_HEARTBEAT),
        "TELEMETRY_APP": telemetry_pb2.Telemetry(
            time=1780315200, environment_metrics=telemetry_pb2.EnvironmentMetrics(temperature=21.5, wind_speed=0.0)
        ),
        "TRACEROUTE_APP": mesh_pb2.RouteDiscovery(route=[1, 2], snr_towards=[-20, 8]),
        "NEIGHBORINFO_APP": mesh_pb2.NeighborInfo(node_id=7, neighbors=[mesh_pb2.Neighbor(node_id=9, snr=1.5)]),
        "MAP_REPORT_APP": mqtt_pb2.MapReport(long_name="Gate", latitude_i=470000000, longitude_i=80000000, position_precision=14),
    }
    for name, number in portnums_pb2.PortNum.items():
        if name in ("UNKNOWN_APP", "MAX"):
            continue
        payload = known.get(name, b"\x00\xff\x94\xc3 any bytes")
        yield name, number, payload if isinstance(payload, bytes) else payload.SerializeToString()


KEYS = {
    "none": b"",
    "zero": b"\0",
    "default": b"\x01",
    "simple 2": b"\x02",
    "simple 255": b"\xff",
    "short": b"abc",
    "15 bytes": bytes(range(1, 16)),
    "128 bits": bytes(range(16)),
    "17 bytes": bytes(range(1, 18)),
    "256 bits": bytes(range(32)),
}


def main():
    sender, number = 0xA1B2C3D4, 0x10000000
    for kind, psk in KEYS.items():
        key, channel = expand(psk), "Family" if kind != "default" else "LongFast"
        for name, port, payload in payloads():
            number += 1
            data = mesh_pb2.Data(portnum=port, payload=payload, bitfield=1)
            encrypted = encrypt(key, sender, number, data.SerializeToString())
            hashed = generate_channel_hash(channel, key) if key else 0
            if not key:
                for byte in channel.encode():
                    hashed ^= byte
            packet = mesh_pb2.MeshPacket(
                id=number, to=0xFFFFFFFF, channel=hashed, encrypted=encrypted, hop_start=3, hop_limit=1, rx_time=1780315200, rx_snr=6.25, rx_rssi=-90
            )
            setattr(packet, "from", sender)
            envelope = mqtt_pb2.ServiceEnvelope(packet=packet, channel_id=channel, gateway_id="!0a0b0c0d")
            line = {
                "kind": kind, "port": port, "name": name, "channel": channel, "hash": hashed,
                "psk": base64.b64encode(psk).decode(), "payload": base64.b64encode(payload).decode(),
                "envelope": base64.b64encode(envelope.SerializeToString()).decode(),
            }
            print(json.dumps(line))


sys.exit(main())
