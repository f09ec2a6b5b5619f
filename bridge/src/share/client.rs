//! The connections of the shared radio's clients: bytes to messages and back, each bounded, so that a slow client is dropped and
//! none keeps the bridge waiting.

use kosmo_meshtastic::{
    Message as _,
    proto::{self, to_radio::PayloadVariant as Asked},
    stream::{Decoder, Piece},
};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The most clients at once.
pub(crate) const MAX_CLIENTS: usize = 32;
/// How much may wait to be written to a client: a handshake of a large mesh counts as one.
const WAITING: usize = 256;
/// What clients said and nobody looked at yet; then they are read no further.
const SAID: usize = 64;
/// How long a client may take to accept what is written.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// A client that says nothing for this long is given up, as radios do.
const IDLE: Duration = Duration::from_mins(15);
/// How long a client may still say something that is told nothing more.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long to wait when the system refuses a connection.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What clients do.
#[derive(Debug)]
pub(crate) enum ClientEvent {
    /// One has connected.
    Joined(u64, Line),
    /// One said something.
    Said(u64, Asked),
    /// One is gone.
    Left(u64),
}

/// What is written to a client.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// Nothing for a moment, as radios take one before they are done telling.
    Pause(Duration),
}

/// The way to a client. It ends the connection when it is dropped.
#[derive(Debug)]
pub(crate) struct Line {
    writes: mpsc::Sender<Write>,
    end: CancellationToken,
    pub(crate) peer: SocketAddr,
}

impl Line {
    /// Has something written; tells whether the client is not too far behind. One that leaves is not: it takes nothing more, and its
    /// last words are still on their way.
    pub(crate) fn write(&self, write: Write) -> bool {
        !matches!(self.writes.try_send(write), Err(mpsc::error::TrySendError::Full(_)))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// Accepts clients until `end`, and tells of them.
pub(crate) fn listen(listener: TcpListener, end: CancellationToken) -> mpsc::Receiver<ClientEvent> {
    let (events_in, events) = mpsc::channel(SAID);
    tokio::spawn(async move {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(MAX_CLIENTS));
        let mut number = 0;
        loop {
            let accepted = tokio::select! {
                () = end.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file handles, say; accepting again at once would not help, and nobody tells when it would.
                sleep(AFTER_REFUSAL).await;
                continue;
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!(%peer, "a client of the shared radio is turned away: {MAX_CLIENTS} are connected");
                continue;
            };
            number += 1;
            let (client, events, end) = (number, events_in.clone(), end.child_token());
            tasks.spawn(async move {
                attend(client, stream, peer, events, end).await;
                drop(place);
            });
        }
        tasks.close();
        tasks.wait().await;
    });
    events
}

async fn attend(
    client: u64,
    mut stream: tokio::net::TcpStream,
    peer: SocketAddr,
    events: mpsc::Sender<ClientEvent>,
    end: CancellationToken,
) {
    // A failure only makes small frames slower.
    let _ = stream.set_nodelay(true);
    let (writes, to_write) = mpsc::channel(WAITING);
    if events.send(ClientEvent::Joined(client, Line { writes, end: end.clone(), peer })).await.is_err() {
        return;
    }
    let (from, into) = stream.split();
    let (mut hearing, mut telling) = (pin!(hear(client, from, &events)), pin!(tell(into, to_write)));
    let mut told_until = None;
    loop {
        tokio::select! {
            () = end.cancelled() => break,
            () = &mut hearing => break,
            // One that leaves takes nothing more, and what it said before is still on its way.
            () = &mut telling, if told_until.is_none() => told_until = Some(Instant::now() + LAST_WORDS),
            () = sleep_until(told_until.unwrap_or_else(Instant::now)), if told_until.is_some() => break,
        }
    }
    // The bridge may be gone, and then nobody wants to know.
    let _ = events.send(ClientEvent::Left(client)).await;
}

async fn hear(client: u64, mut reader: ReadHalf<'_>, events: &mpsc::Sender<ClientEvent>) {
    let mut buffer = [0; 1_024];
    let mut decoder = Decoder::new();
    loop {
        let Ok(Ok(count)) = timeout(IDLE, reader.read(&mut buffer)).await else { return };
        if count == 0 {
            return;
        }
        decoder.push(&buffer[..count]);
        while let Some(piece) = decoder.next() {
            let Piece::Frame(payload) = piece else { continue };
            let Ok(proto::ToRadio { payload_variant: Some(asked) }) = proto::ToRadio::decode(&payload[..]) else { continue };
            let leaves = matches!(asked, Asked::Disconnect(_));
            if leaves || events.send(ClientEvent::Said(client, asked)).await.is_err() {
                return;
            }
        }
    }
}

async fn tell(mut stream: WriteHalf<'_>, mut waiting: mpsc::Receiver<Write>) {
    while let Some(write) = waiting.recv().await {
        match write {
            // The pause itself is what is told: clients stumble over a radio that is done too soon.
            Write::Pause(span) => sleep(span).await,
            Write::Bytes(bytes) => {
                let Ok(Ok(())) = timeout(WRITE_PATIENCE, stream.write_all(&bytes)).await else { return };
            }
        }
    }
}
