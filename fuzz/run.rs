//! What the fuzzers run. An ordinary test runs the same over the committed corpora, so that what was found once stays mended.

use kosmo_contract::{Ack, InboundBody, NodeBody, Offer, ReadingBody, ReceiptBody, Record, Status, parse};
use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    crypto::{ChannelKey, Keyring, read_data},
    envelope::{Envelope, Legacy, MapReport, read_topic},
    session::{Input, Session, SessionConfig},
    stream::{Decoder, Piece, encode},
};
use std::time::Duration;

/// Bytes of a radio in pieces of any size: the same bytes give the same pieces, and every frame found is one that can be written.
pub(crate) fn framing(data: &[u8]) {
    let Some((&size, bytes)) = data.split_first() else { return };
    let take = |bytes: &[u8], size: usize| {
        let (mut decoder, mut pieces) = (Decoder::new(), Vec::new());
        for chunk in bytes.chunks(size) {
            decoder.push(chunk);
            while let Some(piece) = decoder.next() {
                pieces.push(piece);
            }
        }
        (pieces, decoder.reset())
    };
    let in_pieces = take(bytes, usize::from(size).max(1));
    assert_eq!(in_pieces, take(bytes, bytes.len().max(1)));
    for piece in &in_pieces.0 {
        if let Piece::Frame(payload) = piece {
            assert!(encode(payload).is_ok());
        }
    }
}

/// A radio that says anything at all, with pauses and lost connections between.
pub(crate) fn session(data: &[u8]) {
    let mut session = Session::new(SessionConfig { nonce: 7 });
    let mut now = Uptime::default();
    let mut rest = data;
    while let Some((&step, after)) = rest.split_first() {
        rest = after;
        match step {
            0..=15 => session.handle(Input::Connected, now),
            16..=23 => session.handle(Input::Disconnected, now),
            24 => session.handle(Input::Shutdown, now),
            25..=63 => {
                now = now.plus(Duration::from_secs(u64::from(step)));
                session.handle(Input::Tick, now);
            }
            _ => {
                let (bytes, after) = rest.split_at(rest.len().min(usize::from(step)));
                rest = after;
                if step % 2 == 0 {
                    session.handle(Input::Received(bytes), now);
                } else if let Ok(frame) = encode(bytes) {
                    session.handle(Input::Received(&frame), now);
                }
            }
        }
        let mut outputs = 0;
        while session.poll_output().is_some() {
            outputs += 1;
            assert!(outputs < 10_000, "a session that never has done");
        }
        let _ = session.poll_timeout();
    }
}

/// A topic and an envelope, opened with a few keys.
pub(crate) fn envelope(data: &[u8]) {
    let (topic, bytes) = data.split_at(data.iter().position(|&byte| byte == 0).unwrap_or(0));
    if let Ok(topic) = std::str::from_utf8(topic)
        && let Ok(read) = read_topic(topic)
    {
        assert!(topic.contains(read.channel) && topic.starts_with(read.root));
    }
    let bytes = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    if let Ok(envelope) = Envelope::read(bytes) {
        let _ = format!("{envelope:?}");
        match envelope.open(&ring()) {
            Ok((received, _)) => drop(format!("{received:?} {:?} {:?}", received.hops_away(), received.ok_to_mqtt())),
            Err((sealed, received)) => drop(format!("{sealed} {received:?}")),
        }
    }
    let _ = MapReport::read(bytes);
}

/// Ciphertext of anybody: opened, it is a message that reads the same again; and what is encrypted is opened.
pub(crate) fn decryption(data: &[u8]) {
    let Some((from, data)) = data.split_first_chunk::<4>() else { return };
    let Some((id, data)) = data.split_first_chunk::<4>() else { return };
    let Some((&hash, bytes)) = data.split_first() else { return };
    let (from, id) = (NodeId::from_number(u32::from_le_bytes(*from)), PacketId(u32::from_le_bytes(*id)));
    let _ = ring().open(from, id, u32::from(hash), "LongFast", bytes);
    if read_data(bytes).is_ok() && bytes.len() < 400 {
        let mut sealed = bytes.to_vec();
        let key = ChannelKey::Aes256([3; 32]);
        key.apply(from, id, &mut sealed);
        key.apply(from, id, &mut sealed);
        assert_eq!(sealed, bytes);
    }
    let _ = ChannelKey::expand(bytes);
}

/// JSON of old firmware, and of bridges and services.
pub(crate) fn json(data: &[u8]) {
    let _ = Legacy::read(data).map(|legacy| format!("{:?}", legacy.received));
    let _ = parse::<Record<ReadingBody>>(data);
    let _ = parse::<Record<NodeBody>>(data);
    let _ = parse::<Record<InboundBody>>(data);
    let _ = parse::<Record<ReceiptBody>>(data);
    let _ = parse::<Status>(data);
    let _ = parse::<Ack>(data);
    let _ = parse::<Offer>(data);
}

fn ring() -> Keyring<u8> {
    let mut ring = Keyring::default();
    ring.add(0, "LongFast", ChannelKey::expand(&[1]).expect("one byte is a key"));
    ring.add(1, "Family", ChannelKey::Aes256([3; 32]));
    ring.add(2, "Open", ChannelKey::None);
    ring
}
