//! After garbage, and after frames that lost their end.
//!
//! A frame cut short looks whole until as many bytes followed as its header promises. What a decoder can do is to
//! deliver every frame that begins after those; what the session can do besides is to see that the swallowing frame
//! makes no sense, and to find the frames inside it.

use crate::fixtures::{Client, RECORDINGS, frame, from_radio, payloads, pieces, recording};
use kosmo_meshtastic::{
    proto::{self, from_radio::PayloadVariant},
    session::{Event, RefusedReason},
    stream::{Decoder, Piece, encode},
};

/// What a radio that starts up prints, and half a frame.
const JUNK: &[u8] = b"DEBUG | ??:??:?? 1 boot\r\n\x94\xc3\x00\x40half";

#[test]
fn console_text_and_half_a_frame_cost_nothing() {
    for recording in RECORDINGS {
        let mut clean = Client::asking(recording.nonce());
        clean.receive(recording.sent);
        let mut client = Client::asking(recording.nonce());
        client.receive(&[JUNK, recording.sent].concat());
        let mut events = client.take_events();
        assert_eq!(events.remove(0), Event::Log("DEBUG | ??:??:?? 1 boot".to_owned()));
        assert!(matches!(events.remove(0), Event::Refused(refused) if refused.reason == RefusedReason::Torn && refused.raw.is_empty()));
        assert_eq!(events, clean.take_events(), "{}", recording.name);
        assert_eq!(client.session.dropped().torn_frames, 1);
    }
}

/// The bytes of the frames, the first of them cut after `keep` bytes, and lines enough to end whatever swallows them.
fn cut(frames: &[Vec<u8>], keep: usize) -> Vec<u8> {
    [&frames[0][..keep], &frames[1..].concat(), &[b'\n'; 600]].concat()
}

#[test]
fn without_looking_inside_every_frame_beginning_after_the_promised_length_comes_out() {
    let frames: Vec<_> = payloads(recording("c_routing_errors").sent).iter().map(|payload| encode(payload).unwrap()).collect();
    assert!(frames.iter().all(|frame| !frame[2..].windows(2).any(|pair| pair == [0x94, 0xC3])), "no start within a frame");
    for first in 0..frames.len() {
        for keep in 4..frames[first].len() {
            let frames = &frames[first..];
            let promised = frames[0].len();
            let mut start = keep;
            let expected = frames[1..].iter().filter(|frame| {
                let begins = start;
                start += frame.len();
                begins >= promised
            });
            let pieces = pieces(&mut Decoder::new(), &cut(frames, keep));
            let found: Vec<_> =
                pieces.into_iter().filter_map(|piece| if let Piece::Frame(payload) = piece { Some(payload) } else { None }).collect();
            assert_eq!(found[0].len(), promised - 4, "the cut frame swallows up to its length");
            assert!(found[1..].iter().eq(expected.map(|frame| &frame[4..])), "frame {first} cut after {keep} bytes");
        }
    }
}

#[test]
fn a_session_finds_the_frames_inside_one_that_lost_its_end() {
    let frames: Vec<_> = payloads(recording("c_routing_errors").sent).iter().map(|payload| encode(payload).unwrap()).collect();
    let handshake = frames.iter().position(|frame| frame[4] == 0x38).unwrap() + 1;
    let (mut cuts, mut lossless) = (0, 0);
    for first in handshake..frames.len() - 1 {
        for keep in 1..frames[first].len() {
            let frames = &frames[first..];
            let mut client = Client::ready();
            client.receive(&frames[1..].concat());
            let expected = client.take_events();
            let mut client = Client::ready();
            client.receive(&cut(frames, keep));
            let mut events = client.take_events();
            events.retain(|event| !matches!(event, Event::Refused(_)));
            // Whatever it took the torn frame for, it is in step again once that is over.
            client.receive(&encode(&frame("b_text_direct").payload).unwrap());
            assert!(matches!(&client.take_events()[..], [Event::Packet(_)]), "frame {first} cut after {keep} bytes");
            cuts += 1;
            lossless += usize::from(events == expected);
        }
    }
    // A cut within a number takes the next frame's start for the rest of it, and makes sense: nobody can tell.
    assert!(lossless * 100 >= cuts * 97, "{lossless} of {cuts} cuts cost nothing but the frame that was cut");
}

#[test]
fn a_frame_that_lost_bytes_in_its_middle_costs_itself() {
    let text = |id| {
        let data = proto::Data { portnum: 1, payload: vec![b'x'; 60], ..Default::default() };
        let decoded = Some(proto::mesh_packet::PayloadVariant::Decoded(data));
        from_radio(PayloadVariant::Packet(proto::MeshPacket { from: 99, id, payload_variant: decoded, ..Default::default() }))
    };
    let (mut torn, whole) = (text(1), text(2));
    torn.drain(20..30);
    let mut client = Client::ready();
    client.receive(&[torn, whole, vec![b'\n'; 16]].concat());
    let ids: Vec<_> =
        client.events.iter().filter_map(|event| if let Event::Packet(packet) = event { Some(packet.id.0) } else { None }).collect();
    assert_eq!(ids, [2]);
}

#[test]
fn bytes_that_are_no_text_are_counted_and_not_shown() {
    let mut client = Client::ready();
    let key = b"\x2a\x12\x00\x01\x02\x03\x04 key \x1b\n";
    client.receive(&[&b"\x1b[34mINFO\x1b[0m | S\xc3\xbcd\r\n"[..], key, b"\x94\xc3\xff\xff\r\n"].concat());
    assert_eq!(client.take_events(), [Event::Log("[34mINFO[0m | Süd".to_owned())]);
    assert_eq!(client.session.dropped().garbage_bytes, key.len() as u64 + 6);
}

#[test]
fn of_what_cannot_be_read_only_packets_are_kept() {
    let mut client = Client::ready();
    let packet = [&b"\x12\x07\x0a\x05"[..], &[7; 5]].concat();
    let channel = b"\x52\x06\x08\x01\x12\x02\xff\xff";
    let log = b"\x32\x04\x0a\x02\xff\xff";
    let good = queue_status();
    client.receive(&[encode(&packet).unwrap(), good.clone(), encode(channel).unwrap(), good, encode(log).unwrap()].concat());
    let refused = client.take_events().into_iter().filter_map(|event| match event {
        Event::Refused(refused) => Some((refused.reason, refused.raw)),
        _ => None,
    });
    let expected = [(RefusedReason::Torn, packet), (RefusedReason::Torn, vec![]), (RefusedReason::Undecodable, vec![])];
    assert_eq!(refused.collect::<Vec<_>>(), expected);
    assert_eq!((client.session.dropped().torn_frames, client.session.dropped().undecodable), (2, 1));
}

#[test]
fn falling_out_of_step_is_told_once() {
    let mut client = Client::ready();
    client.receive(&encode(b"no message!").unwrap().repeat(20));
    assert_eq!((client.take_events().len(), client.session.dropped().torn_frames), (1, 20));
    client.receive(&[queue_status(), encode(b"no message!").unwrap()].concat());
    assert_eq!(client.take_events().len(), 2);
}

fn queue_status() -> Vec<u8> {
    from_radio(PayloadVariant::QueueStatus(proto::QueueStatus { free: 16, maxlen: 16, ..Default::default() }))
}
