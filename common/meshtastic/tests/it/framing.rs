//! Frames out of streams, whatever the stream does to them.

use crate::fixtures::pieces;
use kosmo_meshtastic::stream::{Decoder, MAX_LOG, MAX_PAYLOAD, Piece, encode};
use proptest::prelude::*;

fn frame(payload: &[u8]) -> Piece {
    Piece::Frame(payload.to_vec())
}

fn log(text: &[u8]) -> Piece {
    Piece::Log(text.to_vec())
}

#[test]
fn a_frame_is_its_header_and_its_payload() {
    assert_eq!(encode(b"\x18\x07").unwrap(), b"\x94\xc3\x00\x02\x18\x07");
    assert_eq!(encode(&[7; 512]).unwrap()[..4], *b"\x94\xc3\x02\x00");
    assert_eq!(encode(&[7; 513]).unwrap_err().len, 513);
    assert!(encode(&vec![7; 65_538]).is_err());
}

#[test]
fn a_start_inside_a_payload_is_payload() {
    let payload = b"\x12\x06\x94\xc3\x00\x02\x94\xc3";
    let mut decoder = Decoder::new();
    assert_eq!(pieces(&mut decoder, &encode(payload).unwrap()), [frame(payload)]);
    assert_eq!(pieces(&mut decoder, &encode(b"next").unwrap()), [frame(b"next")]);
}

#[test]
fn an_absurd_length_stalls_nothing() {
    for header in [&b"\x94\xc3\xff\xff"[..], b"\x94\xc3\x02\x01", b"\x94\xc3\x03", b"\x94", b"\x94\x94\x94", b"\x94\xc3\x94\xc3\xff"] {
        let stream = [header, &encode(b"alive").unwrap()].concat();
        assert_eq!(pieces(&mut Decoder::new(), &stream), [log(header), frame(b"alive")], "{header:02x?}");
    }
}

#[test]
fn a_start_is_given_up_at_the_first_byte_that_rules_it_out() {
    for text in [&b"\x94\n"[..], b"\x94\xc3\n"] {
        assert_eq!(pieces(&mut Decoder::new(), text), [log(text)]);
    }
}

#[test]
fn an_empty_frame_is_a_frame() {
    assert_eq!(pieces(&mut Decoder::new(), b"\x94\xc3\x00\x00\x94\xc3\x00\x00"), [frame(b""), frame(b"")]);
}

#[test]
fn text_is_cut_at_lines_at_frames_and_when_it_gets_long() {
    let stream = [&b"boot\r\nready"[..], &encode(b"x").unwrap(), &[b'-'; MAX_LOG + 3], b"\n"].concat();
    let expected = [log(b"boot\r\n"), log(b"ready"), frame(b"x"), log(&[b'-'; MAX_LOG]), log(b"---\n")];
    assert_eq!(pieces(&mut Decoder::new(), &stream), expected);
}

#[test]
fn a_frame_taken_back_is_searched_from_its_second_byte() {
    let inner = encode(b"inner").unwrap();
    let torn = [&b"\x94\xc3\x00\x0b"[..], b"ab", &inner].concat();
    let mut decoder = Decoder::new();
    decoder.push(&[&torn[..], &encode(b"after").unwrap()].concat());
    let taken = decoder.next();
    assert!(matches!(taken, Some(Piece::Frame(payload)) if payload.ends_with(b"inner")));
    decoder.rescan();
    let rest: Vec<_> = std::iter::from_fn(|| decoder.next()).collect();
    assert_eq!(rest, [log(b"\x94\xc3\x00\x0bab"), frame(b"inner"), frame(b"after")]);
    decoder.rescan();
    assert_eq!((decoder.next(), decoder.reset()), (None, 0));
}

#[test]
fn a_stream_that_ends_says_what_it_left() {
    let mut decoder = Decoder::new();
    assert_eq!(pieces(&mut decoder, b"half a li\x94\xc3\x00\x05ab"), []);
    assert_eq!(decoder.reset(), 15);
    assert_eq!(pieces(&mut decoder, &encode(b"anew").unwrap()), [frame(b"anew")]);
}

/// Cuts the bytes into pieces of the given lengths, over and over.
pub(crate) fn chunks<'a>(mut bytes: &'a [u8], lengths: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = lengths.iter().copied().chain([usize::MAX]).cycle();
    std::iter::from_fn(move || {
        let (chunk, rest) = bytes.split_at(lengths.next()?.clamp(1, bytes.len().max(1)).min(bytes.len()));
        bytes = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>().prop_filter("no start", |byte| *byte != 0x94), 0..80)
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_with_text_between_them(
        parts in proptest::collection::vec((text(), proptest::collection::vec(any::<u8>(), 0..=MAX_PAYLOAD)), 0..12),
        lengths in proptest::collection::vec(1_usize..700, 1..20),
    ) {
        let stream: Vec<u8> = parts.iter().flat_map(|(text, payload)| [text.clone(), encode(payload).unwrap()].concat()).collect();
        let mut decoder = Decoder::new();
        let pieces: Vec<_> = chunks(&stream, &lengths).flat_map(|chunk| pieces(&mut decoder, chunk)).collect();
        let frames: Vec<_> = pieces.iter().filter_map(|piece| if let Piece::Frame(payload) = piece { Some(payload) } else { None }).collect();
        prop_assert_eq!(frames, parts.iter().map(|(_, payload)| payload).collect::<Vec<_>>());
        let texts: Vec<u8> = pieces.iter().flat_map(|piece| if let Piece::Log(text) = piece { &text[..] } else { &[] }).copied().collect();
        prop_assert_eq!(texts, parts.iter().flat_map(|(text, _)| text.iter().copied()).collect::<Vec<u8>>());
        prop_assert_eq!(decoder.reset(), 0);
    }

    #[test]
    fn any_bytes_in_any_chunks_are_the_same_pieces_and_none_is_lost(
        stream in proptest::collection::vec(prop_oneof![Just(0x94), Just(0xC3), Just(0), Just(2), Just(b'\n'), any::<u8>()], 0..3000),
        lengths in proptest::collection::vec(1_usize..40, 1..20),
    ) {
        let (mut whole, mut cut) = (Decoder::new(), Decoder::new());
        let expected = pieces(&mut whole, &stream);
        let actual: Vec<_> = chunks(&stream, &lengths).flat_map(|chunk| pieces(&mut cut, chunk)).collect();
        prop_assert_eq!(&actual, &expected);
        let size = |piece: &Piece| match piece {
            Piece::Frame(payload) => payload.len() + 4,
            Piece::Log(text) => text.len(),
        };
        prop_assert_eq!(expected.iter().map(size).sum::<usize>() + whole.reset(), stream.len());
    }
}
