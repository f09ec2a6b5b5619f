//! Everything that is logged on the one thread of a test.

use std::{
    fmt::Write as _,
    io,
    sync::{Arc, Mutex},
};
use tracing::subscriber::DefaultGuard;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

/// What is logged while this is kept.
pub(crate) struct Captured {
    lines: Lines,
    _default: DefaultGuard,
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to capture what is logged, down to the last detail.
pub(crate) fn captured() -> Captured {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(move || writer.clone());
    Captured { lines, _default: tracing::subscriber::set_default(subscriber.finish()) }
}

impl Captured {
    pub(crate) fn taken(&self) -> Vec<u8> {
        self.lines.0.lock().unwrap().clone()
    }
}

/// The ways in which bytes may be written down: as they are, in hexadecimal, as a list of numbers.
pub(crate) fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    // A part is enough to be noticed.
    let list = bytes[..8].iter().map(ToString::to_string).collect::<Vec<_>>();
    vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), list.join(", ").into_bytes(), list.join(",").into_bytes()]
}
