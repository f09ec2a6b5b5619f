//! Envelopes made by the official Python package and OpenSSL, for every port it knows and every kind of key.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kosmo_meshtastic::{
    crypto::{ChannelKey, Keyring, Sealed, channel_hash},
    envelope::{Envelope, OnChannel},
    packet::Body,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

struct Case {
    kind: String,
    name: String,
    port: u32,
    channel: String,
    hash: u8,
    key: ChannelKey,
    payload: Vec<u8>,
    envelope: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python: PathBuf = here.join("../../target/tools/python/bin/python");
    let made = Command::new(&python).arg(here.join("tests/official/envelopes.py")).output();
    let made = made.unwrap_or_else(|error| panic!("{} cannot be run ({error}): `make setup` installs it", python.display()));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lines = String::from_utf8(made.stdout).unwrap();
    lines
        .lines()
        .map(|line| {
            let case: Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| case[key].as_str().unwrap().to_owned();
            let bytes = |key: &str| BASE64_STANDARD.decode(text(key)).unwrap();
            Case {
                kind: text("kind"),
                name: text("name"),
                port: case["port"].as_u64().unwrap().try_into().unwrap(),
                channel: text("channel"),
                hash: case["hash"].as_u64().unwrap().try_into().unwrap(),
                key: ChannelKey::expand(&bytes("psk")).unwrap(),
                payload: bytes("payload"),
                envelope: bytes("envelope"),
            }
        })
        .collect()
}

#[test]
fn every_port_under_every_kind_of_key_is_opened_and_nothing_under_another() {
    let cases = cases();
    assert!(cases.len() > 200, "{} cases", cases.len());
    let mut all = Keyring::default();
    for case in &cases {
        assert_eq!(channel_hash(&case.channel, &case.key), case.hash, "{}", case.kind);
        all.add(case.kind.clone(), &case.channel, case.key);
    }
    for case in &cases {
        let told = format!("{} under {}", case.name, case.kind);
        let envelope = Envelope::read(&case.envelope).unwrap();
        assert_eq!((envelope.from().number(), envelope.gateway.unwrap().number()), (0xa1b2_c3d4, 0x0a0b_0c0d));
        let (received, on) = envelope.open(&all).unwrap_or_else(|(sealed, _)| panic!("{told}: {sealed}"));
        let OnChannel::Proven(kind) = on else { panic!("{told}: a key opened it") };
        // Nothing and a zero are the same key: none.
        assert!(*kind == case.kind || case.key == ChannelKey::None, "{told} was opened as {kind}");
        assert_eq!((received.port, &received.payload), (case.port, &case.payload), "{told}");
        assert_eq!((received.ok_to_mqtt(), received.hops_away(), received.snr), (Some(true), Some(2), Some(6.25)), "{told}");
        assert!(!matches!(received.body, Body::Malformed { .. }), "{told}");
    }
}

/// A wrong key has the right hash with one chance in 256; here each has it for sure, by another name.
#[test]
fn wrong_keys_with_the_same_hash_open_nothing() {
    let cases = cases();
    let mut opened = 0;
    for case in cases.iter().filter(|case| case.key != ChannelKey::None) {
        let mut ring = Keyring::default();
        for number in 1..=40_u8 {
            let name = format!("wrong {number}");
            let mut key: [u8; 16] = std::array::from_fn(|place| number.wrapping_mul(37).wrapping_add(u8::try_from(place).unwrap() * 11));
            key[15] ^= channel_hash(&name, &ChannelKey::Aes128(key)) ^ case.hash;
            assert_eq!(channel_hash(&name, &ChannelKey::Aes128(key)), case.hash);
            ring.add(number, name, ChannelKey::Aes128(key));
        }
        match Envelope::read(&case.envelope).unwrap().open(&ring) {
            Ok(_) => opened += 1,
            Err((sealed, received)) => {
                assert_eq!((sealed, received.from.number()), (Sealed::WrongKey, 0xa1b2_c3d4));
            }
        }
        // With the right one beside them it is opened all the same.
        ring.add(0, &case.channel, case.key);
        assert!(Envelope::read(&case.envelope).unwrap().open(&ring).is_ok(), "{} under {}", case.name, case.kind);
    }
    assert_eq!(opened, 0, "what a wrong key made of packets was believed");
}
