//! Ends connections so that the last answer arrives.
//!
//! A request may be refused before its body was read, and its client goes on writing. If the socket were closed then, the
//! system would answer what still comes with a reset, which throws away the answer that the client has not read yet. So the
//! end is said first, and what still comes is read and thrown away for a little while.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// How long at most.
const LONGEST: Duration = Duration::from_secs(2);
/// How long nothing may come: who has nothing to write reads our answer meanwhile.
const QUIET: Duration = Duration::from_millis(500);
/// How much is thrown away at most, in bytes.
const MOST: usize = 16 * 1024 * 1024;

/// A connection that reads on for a little while after it has said its end.
pub(crate) struct Lingering {
    stream: TcpStream,
    ending: Option<Ending>,
}

/// What is left of a connection's end.
struct Ending {
    latest: Instant,
    /// Due when nothing came for long enough, or it took too long.
    due: Pin<Box<Sleep>>,
    left: usize,
}

impl Lingering {
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self { stream, ending: None }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, ending } = &mut *self;
        let ending = if let Some(ending) = ending {
            ending
        } else {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            ending.insert(Ending { latest: Instant::now() + LONGEST, due: Box::pin(sleep(QUIET)), left: MOST })
        };
        let mut room = [0; 8 * 1024];
        loop {
            let mut thrown_away = ReadBuf::new(&mut room);
            match Pin::new(&mut *stream).poll_read(cx, &mut thrown_away) {
                // How the other side ends is its own affair.
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {
                    let read = thrown_away.filled().len();
                    ending.left = ending.left.saturating_sub(read);
                    if read == 0 || ending.left == 0 || Instant::now() >= ending.latest {
                        return Poll::Ready(Ok(()));
                    }
                    ending.due.as_mut().reset((Instant::now() + QUIET).min(ending.latest));
                }
                Poll::Pending => return ending.due.as_mut().poll(cx).map(Ok),
            }
        }
    }
}
