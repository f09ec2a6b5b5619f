//! The link to a radio: a task that opens it, reopens it, and passes bytes on.
//!
//! It knows nothing of what the bytes mean. Reading stops while nobody takes what was read, so nothing piles up here.

mod loss;
mod url;

pub(crate) use crate::link::loss::Loss;
pub use crate::link::url::{DEFAULT_PORT, RadioUrl, RadioUrlError};

use kosmo_failpoints::{ENABLED, fail_point};
use rand::{Rng as _, RngCore};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_serial::SerialPortBuilderExt as _;

/// The speed of a radio's serial console; USB ports ignore it.
const BAUD: u32 = 115_200;
/// How long the radio may take to accept what is written.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes passed on at once.
const READ_BYTES: usize = 4096;
/// How many reads may wait to be taken.
const READS_WAITING: usize = 64;
/// How many commands may wait for the link.
const COMMANDS_WAITING: usize = 64;
/// A connection that the radio closes sooner than this may have been taken by another client.
const SHORT_LIFE: Duration = Duration::from_secs(10);
/// How many short connections in a row are no accident.
const SHORT_LIVES: u32 = 3;

/// How patiently a link is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkPatience {
    /// How long connecting may take.
    pub connect: Duration,
    /// The wait after a first failure; it doubles with each one.
    pub min_wait: Duration,
    /// The longest wait.
    pub max_wait: Duration,
    /// The least wait while another program takes the radio, so that the two do not throw each other out all the time.
    pub taken_wait: Duration,
}

impl Default for LinkPatience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            min_wait: Duration::from_millis(500),
            max_wait: Duration::from_secs(30),
            taken_wait: Duration::from_secs(20),
        }
    }
}

/// What happens on a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A connection is open; what is written must name it.
    Connected(Connection),
    /// Bytes arrived.
    Received(Vec<u8>),
    /// The connection ended, or an attempt failed. The next attempt follows by itself.
    Lost(Loss),
}

/// One connection of a link, so that what was meant for an earlier one is not written to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connection(u64);

#[derive(Debug)]
enum Command {
    Write(Vec<u8>),
    Close,
}

/// A handle to the link's task, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    events: mpsc::Receiver<LinkEvent>,
    commands: mpsc::Sender<(Connection, Command)>,
    task: JoinHandle<()>,
}

impl Link {
    /// Starts to keep a connection to the radio.
    pub(crate) fn start(url: RadioUrl, patience: LinkPatience, rng: impl RngCore + Send + 'static) -> Self {
        let (events_in, events) = mpsc::channel(READS_WAITING);
        let (commands, commands_out) = mpsc::channel(COMMANDS_WAITING);
        let keeper = Keeper { url, patience, events: events_in, commands: commands_out, connection: Connection(0) };
        let task = tokio::spawn(keeper.run(rng));
        Self { events, commands, task }
    }

    /// Returns what happens next. Safe to cancel.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        // The task ends only after this handle is gone.
        self.events.recv().await.unwrap_or(LinkEvent::Lost(Loss::Ours))
    }

    /// Returns what has already happened, if anything.
    pub(crate) fn try_next(&mut self) -> Option<LinkEvent> {
        self.events.try_recv().ok()
    }

    /// Has bytes written, unless the connection is gone. Returns `false` if the radio is so far behind that they are dropped;
    /// then the link finds it stuck by itself.
    pub(crate) fn write(&self, connection: Connection, bytes: Vec<u8>) -> bool {
        self.commands.try_send((connection, Command::Write(bytes))).is_ok()
    }

    /// Has the connection closed after everything written before.
    pub(crate) fn close(&self, connection: Connection) -> bool {
        self.commands.try_send((connection, Command::Close)).is_ok()
    }

    /// Ends the link: writes and closes as told, connects no more.
    pub(crate) async fn finish(self, patience: Duration) {
        let Self { events, commands, mut task } = self;
        drop((events, commands));
        if timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
    }
}

struct Keeper {
    url: RadioUrl,
    patience: LinkPatience,
    events: mpsc::Sender<LinkEvent>,
    commands: mpsc::Receiver<(Connection, Command)>,
    connection: Connection,
}

/// Says that the handle is gone.
struct Gone;

impl Keeper {
    async fn run(mut self, mut rng: impl RngCore) {
        let mut failures = 0_u32;
        let mut short_lives = 0_u32;
        loop {
            let (mut loss, lived) = self.connect_once().await;
            short_lives =
                if lived.is_some_and(|lived| lived < SHORT_LIFE) && loss.is_by_peer() && self.is_tcp() { short_lives + 1 } else { 0 };
            if lived.is_some_and(|lived| lived >= SHORT_LIFE) {
                failures = 0;
            }
            let mut wait = self.wait_after(failures, &mut rng);
            if short_lives >= SHORT_LIVES {
                loss = Loss::Taken;
                wait = wait.max(self.patience.taken_wait);
            }
            failures = failures.saturating_add(1);
            let gone = self.events.send(LinkEvent::Lost(loss)).await.is_err();
            if gone || matches!(self.rest(wait).await, Err(Gone)) {
                return;
            }
        }
    }

    const fn is_tcp(&self) -> bool {
        matches!(self.url, RadioUrl::Tcp { .. })
    }

    /// Opens a connection and serves it; returns why it ended, and how long it lived, if it did.
    async fn connect_once(&mut self) -> (Loss, Option<Duration>) {
        let opened = tokio::select! {
            opened = timeout(self.patience.connect, open(&self.url)) => opened,
            Gone = ignore_commands(&mut self.commands) => return (Loss::Ours, None),
        };
        let stream = match opened {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return (Loss::unreachable(&self.url, &error), None),
            Err(_) => return (Loss::Unreachable(format!("{} does not answer", self.url)), None),
        };
        let since = Instant::now();
        self.connection.0 += 1;
        if self.events.send(LinkEvent::Connected(self.connection)).await.is_err() {
            return (Loss::Ours, None);
        }
        (self.serve(stream).await, Some(since.elapsed()))
    }

    async fn serve(&mut self, mut stream: Box<dyn Stream>) -> Loss {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            tokio::select! {
                // What was to be written before the end comes before the end.
                biased;
                command = self.commands.recv() => match command {
                    Some((connection, _)) if connection != self.connection => {}
                    Some((_, Command::Write(bytes))) => {
                        if let Err(loss) = write(&mut stream, &bytes).await {
                            return loss;
                        }
                    }
                    Some((_, Command::Close)) | None => {
                        // The other side may be gone already, and then there is nothing to take leave of.
                        let _ = timeout(WRITE_PATIENCE, stream.shutdown()).await;
                        return Loss::Ours;
                    }
                },
                read = stream.read(&mut buffer) => match read {
                    Ok(0) => return Loss::Closed,
                    Ok(count) => {
                        fail_point!("radio::read::after");
                        // Whoever took what was read is gone, but what it had written before is still to be sent.
                        let _ = self.events.send(LinkEvent::Received(buffer[..count].to_vec())).await;
                    }
                    Err(error) => return Loss::from_io(&error),
                },
            }
        }
    }

    /// Returns a wait between half and the whole of the least one doubled for every failure in a row.
    fn wait_after(&self, failures: u32, rng: &mut impl RngCore) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.patience.min_wait.saturating_mul(factor).min(self.patience.max_wait).mul_f64(rng.random_range(0.5..=1.0))
    }

    async fn rest(&mut self, wait: Duration) -> Result<(), Gone> {
        tokio::select! {
            () = sleep(wait) => Ok(()),
            gone = ignore_commands(&mut self.commands) => Err(gone),
        }
    }
}

/// Drops commands for connections that are gone, until the handle is.
async fn ignore_commands(commands: &mut mpsc::Receiver<(Connection, Command)>) -> Gone {
    while commands.recv().await.is_some() {}
    Gone
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn open(url: &RadioUrl) -> io::Result<Box<dyn Stream>> {
    match url {
        RadioUrl::Serial { path } => {
            // Opened for this process alone (TIOCEXCL and flock): two readers would share out the bytes.
            let port = tokio_serial::new(path.to_string_lossy(), BAUD).open_native_async()?;
            Ok(Box::new(port))
        }
        RadioUrl::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            // A radio that lost its power says nothing; without this a connection to it stands for ever.
            let keepalive =
                socket2::TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10)).with_retries(3);
            socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
            Ok(Box::new(stream))
        }
    }
}

async fn write(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> Result<(), Loss> {
    fail_point!("radio::write::before");
    let written = timeout(WRITE_PATIENCE, async {
        // Only where the process can be made to die is a frame written in two parts.
        let (head, rest) = bytes.split_at(if ENABLED { bytes.len() / 2 } else { 0 });
        if !head.is_empty() {
            stream.write_all(head).await?;
            stream.flush().await?;
            fail_point!("radio::write::within");
        }
        stream.write_all(rest).await?;
        stream.flush().await?;
        fail_point!("radio::write::after");
        Ok(())
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Loss::from_io(&error)),
        Err(_) => Err(Loss::Stuck),
    }
}
