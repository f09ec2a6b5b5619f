#!/usr/bin/env bash
# Installs what building and testing need on Debian 12: Debian's own packages, whose services are not started, and
# cargo-deny and the official Meshtastic client in pinned versions under target/tools. Whatever is there already is left alone, so it costs nothing twice.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(build-essential pkg-config ca-certificates git openssl procps postgresql mosquitto mosquitto-clients faketime sqlite3 chromium iproute2 python3 python3-venv)
cargo_deny=0.20.2

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    echo "setup: installing ${missing[*]}"
    # Debian starts a service when it installs one, unless this file says no. One that is already there stays.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
    fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

node=20.19
if ! command -v npm >/dev/null || [ "$(printf '%s\n' "$node" "$(node --version | tr -d v)" | sort -V | head -1)" != "$node" ]; then
    echo "setup: the web app needs Node $node or later with npm, and Debian 12 has an older one; install it from nodejs.org, then run this again" >&2
    exit 1
fi
command -v cargo >/dev/null || { echo "setup: Rust is missing; install it with rustup, then run this again" >&2; exit 1; }

deny=target/tools/bin/cargo-deny
if ! "$deny" --version 2>/dev/null | grep -qF "cargo-deny $cargo_deny"; then
    echo "setup: building cargo-deny $cargo_deny, once"
    cargo install --quiet --locked --debug --root target/tools --version "$cargo_deny" cargo-deny
fi

# The official client, which judges the simulated radios and the virtual one. The list names each file's hash.
wanted=tests/python/requirements.txt
python=target/tools/python
if ! cmp -s "$wanted" "$python/installed.txt"; then
    echo "setup: installing the official Meshtastic client for the tests, once"
    rm -rf "$python"
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$wanted"
    cp "$wanted" "$python/installed.txt"
fi
