//! StreamAPI framing: `94 C3`, a length of two bytes (big-endian), and that many bytes of protobuf, without a checksum.
//!
//! Radios print log text between frames, boot loaders print more, and cables lose bytes. A decoder can therefore only
//! be sure of a frame's start by its header being plausible; what it does about the rest is described at [`Decoder`].

use std::fmt;

/// The two bytes that every frame starts with.
pub const START: [u8; 2] = [0x94, 0xC3];
/// The longest payload of a frame (`MAX_TO_FROM_RADIO_SIZE` of the firmware).
pub const MAX_PAYLOAD: usize = 512;
/// The longest piece of text outside frames that is handed out at once.
pub const MAX_LOG: usize = 512;

const HEADER: usize = 4;

/// What a stream is made of.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// The payload of one frame, at most [`MAX_PAYLOAD`] bytes.
    Frame(Vec<u8>),
    /// Bytes outside frames, cut at line ends, at frames, and after [`MAX_LOG`] bytes.
    Log(Vec<u8>),
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(bytes) => write!(f, "Frame({} bytes)", bytes.len()),
            Self::Log(bytes) => write!(f, "Log({} bytes)", bytes.len()),
        }
    }
}

/// Says that a payload does not fit into a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a payload of {len} bytes, where a frame holds at most {MAX_PAYLOAD}")]
pub struct TooLong {
    /// The bytes given.
    pub len: usize,
}

/// Returns the payload as a frame.
///
/// # Errors
/// [`TooLong`] for more than [`MAX_PAYLOAD`] bytes.
pub fn encode(payload: &[u8]) -> Result<Vec<u8>, TooLong> {
    let Some(length) = u16::try_from(payload.len()).ok().filter(|&length| usize::from(length) <= MAX_PAYLOAD) else {
        return Err(TooLong { len: payload.len() });
    };
    Ok([&START[..], &length.to_be_bytes(), payload].concat())
}

/// Takes a stream apart, whatever the pieces it arrives in: the same bytes yield the same [`Piece`]s.
///
/// * A start whose length is absurd is none: it counts as text, and the search goes on at the byte after it.
/// * Within a plausible length every byte is payload, also `94 C3`.
/// * A frame that was cut short swallows what follows it, up to its length: nothing in the bytes tells it from a
///   whole one. Whoever sees that the payload makes no sense calls [`Decoder::rescan`], and frames inside it are found.
///
/// It costs a constant number of looks at each byte. It holds what was pushed and not yet taken, so take with
/// [`Decoder::next`] until there is nothing before pushing more.
#[derive(Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Everything before it was handed out.
    taken: usize,
    /// Everything from `taken` to here is outside frames.
    searched: usize,
    /// Where the frame handed out last began, as long as it can be taken back.
    last_frame: Option<usize>,
}

enum Start {
    Frame { end: usize },
    Incomplete,
    None,
}

impl Decoder {
    /// Returns a decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.last_frame = None;
        // Moving the rest down costs no more than the bytes handed out since the last time.
        if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.searched -= self.taken;
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next piece, or nothing until more arrives.
    #[expect(
        clippy::should_implement_trait,
        reason = "nothing now may become something after the next push, which iterators do not promise"
    )]
    pub fn next(&mut self) -> Option<Piece> {
        self.last_frame = None;
        while let Some(&byte) = self.bytes.get(self.searched) {
            let start = if byte == START[0] { self.start_at(self.searched) } else { Start::None };
            match start {
                Start::Incomplete => return None,
                Start::Frame { .. } if self.taken < self.searched => return Some(self.take_log()),
                Start::Frame { end } => return Some(self.take_frame(end)),
                Start::None => {
                    self.searched += 1;
                    if byte == b'\n' || self.searched - self.taken == MAX_LOG {
                        return Some(self.take_log());
                    }
                }
            }
        }
        None
    }

    /// Takes the frame back that [`Decoder::next`] has just returned, because it cannot have been one, and goes on at
    /// the byte after its start. Does nothing once anything else was pushed or taken.
    pub fn rescan(&mut self) {
        if let Some(start) = self.last_frame.take() {
            self.taken = start;
            self.searched = start + 1;
        }
    }

    /// Ends the stream: returns how many bytes were left of an unfinished line or frame, and starts afresh.
    pub fn reset(&mut self) -> usize {
        let left = self.bytes.len() - self.taken;
        *self = Self::new();
        left
    }

    fn start_at(&self, at: usize) -> Start {
        match self.bytes[at..] {
            [_, second, ..] if second != START[1] => Start::None,
            [_, _, high, ..] if usize::from(high) > MAX_PAYLOAD >> 8 => Start::None,
            [_, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                let end = at + HEADER + length;
                match length {
                    _ if length > MAX_PAYLOAD => Start::None,
                    _ if end > self.bytes.len() => Start::Incomplete,
                    _ => Start::Frame { end },
                }
            }
            [] | [_] | [_, _] | [_, _, _] => Start::Incomplete,
        }
    }

    fn take_log(&mut self) -> Piece {
        let log = self.bytes[self.taken..self.searched].to_vec();
        self.taken = self.searched;
        Piece::Log(log)
    }

    fn take_frame(&mut self, end: usize) -> Piece {
        let payload = self.bytes[self.searched + HEADER..end].to_vec();
        self.last_frame = Some(self.searched);
        self.taken = end;
        self.searched = end;
        Piece::Frame(payload)
    }
}

/// Shows how much it holds, and not what: that may be keys and texts.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({} bytes)", self.bytes.len() - self.taken)
    }
}
