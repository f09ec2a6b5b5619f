//! The link to a radio: a task that opens it, reopens it, and passes bytes on.
//!
//! It knows nothing of what the bytes mean. Reading stops while nobody takes what was read, so nothing piles up here.

mod find;
mod loss;
mod serial;
mod url;

pub(crate) use crate::link::loss::Loss;
pub use crate::link::{
    find::Places,
    url::{DEFAULT_BAUD, DEFAULT_PORT, RadioUrl, RadioUrlError},
};

use crate::health::Trouble;
use kosmo_failpoints::{ENABLED, fail_point};
use rand::{Rng as _, RngCore};
use serial::Port;
use std::{io, path::Path, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep, timeout, timeout_at},
};
/// How long the radio may take to accept what is written.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a radio is heard out after it was told that we go, and how long it may say nothing meanwhile.
const LAST_WORDS: Duration = Duration::from_secs(3);
const LAST_SILENCE: Duration = Duration::from_secs(1);
/// The most bytes passed on at once.
const READ_BYTES: usize = 4096;
/// How many reads may wait to be taken.
const READS_WAITING: usize = 64;
/// How many commands may wait for the link.
const COMMANDS_WAITING: usize = 64;
/// A connection that the radio closes sooner than this may have been taken by another client.
const SHORT_LIFE: Duration = Duration::from_mins(1);
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
    /// The first wait while another program takes the radio; it doubles, so that the two do not throw each other out all the time.
    pub taken_wait: Duration,
    /// The longest wait for that.
    pub taken_max_wait: Duration,
}

impl Default for LinkPatience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            min_wait: Duration::from_millis(500),
            max_wait: Duration::from_secs(30),
            taken_wait: Duration::from_secs(20),
            taken_max_wait: Duration::from_mins(5),
        }
    }
}

/// What happens on a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A connection is open, to what is called so; what is written must name it.
    Connected(Connection, String),
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
    pub(crate) fn start(url: RadioUrl, places: Places, patience: LinkPatience, rng: impl RngCore + Send + 'static) -> Self {
        let (events_in, events) = mpsc::channel(READS_WAITING);
        let (commands, commands_out) = mpsc::channel(COMMANDS_WAITING);
        let keeper = Keeper {
            url,
            places,
            patience,
            events: events_in,
            commands: commands_out,
            connection: Connection(0),
            place: String::new(),
            before: None,
        };
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
    places: Places,
    patience: LinkPatience,
    events: mpsc::Sender<LinkEvent>,
    commands: mpsc::Receiver<(Connection, Command)>,
    connection: Connection,
    /// What the connection is to.
    place: String,
    /// Which device was found last, if it is looked for.
    before: Option<String>,
}

/// Says that the handle is gone.
struct Gone;

impl Keeper {
    async fn run(mut self, mut rng: impl RngCore) {
        let mut failures = 0_u32;
        let mut thrown_out = 0_u32;
        loop {
            let (mut loss, lived) = self.connect_once().await;
            let is_short = lived.is_some_and(|lived| lived < SHORT_LIFE);
            // A radio that restarts is not to be had at once; one that another program took lets us in again.
            thrown_out = if is_short && loss.is_by_peer() && !self.url.is_serial() { thrown_out.saturating_add(1) } else { 0 };
            if lived.is_some_and(|lived| lived >= SHORT_LIFE) {
                failures = 0;
            }
            let mut wait = doubled(self.patience.min_wait, failures).min(self.patience.max_wait).mul_f64(rng.random_range(0.5..=1.0));
            if thrown_out >= SHORT_LIVES {
                loss = Loss::Taken;
                wait = doubled(self.patience.taken_wait, thrown_out - SHORT_LIVES).min(self.patience.taken_max_wait);
            }
            failures = failures.saturating_add(1);
            let gone = self.events.send(LinkEvent::Lost(loss)).await.is_err();
            if gone || matches!(self.rest(wait).await, Err(Gone)) {
                return;
            }
        }
    }

    /// Opens a connection and serves it; returns why it ended, and how long it lived, if it did.
    async fn connect_once(&mut self) -> (Loss, Option<Duration>) {
        let opened = tokio::select! {
            opened = timeout(self.patience.connect, open(&self.url, &self.places, self.before.as_deref())) => opened,
            Gone = ignore_commands(&mut self.commands) => return (Loss::Ours, None),
        };
        let stream = match opened {
            Ok(Ok(Opened { stream, place, identity })) => {
                self.place = place;
                self.before = identity.or(self.before.take());
                stream
            }
            Ok(Err(loss)) => return (loss, None),
            Err(_) => return (Loss::Unreachable(Trouble::NoRadio, format!("{} does not answer", self.url)), None),
        };
        let since = Instant::now();
        self.connection.0 += 1;
        if self.events.send(LinkEvent::Connected(self.connection, self.place.clone())).await.is_err() {
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
                        match write(&mut stream, &bytes).await {
                            Some(Ok(())) => {}
                            Some(Err(error)) => return Loss::from_io(&error, &self.url, &self.place),
                            None => return Loss::Stuck,
                        }
                    }
                    Some((_, Command::Close)) | None => {
                        // The other side may be gone already, and then there is nothing to take leave of.
                        let _ = timeout(WRITE_PATIENCE, stream.shutdown()).await;
                        self.hear_out(&mut stream, &mut buffer).await;
                        return Loss::Ours;
                    }
                },
                read = stream.read(&mut buffer) => match read {
                    // A serial port ends only with its device.
                    Ok(0) if self.url.is_serial() => return Loss::Unplugged(self.place.clone()),
                    Ok(0) => return Loss::Closed,
                    Ok(count) => {
                        fail_point!("radio::read::after");
                        // Whoever took what was read is gone, but what it had written before is still to be sent.
                        let _ = self.events.send(LinkEvent::Received(buffer[..count].to_vec())).await;
                    }
                    Err(error) => return Loss::from_io(&error, &self.url, &self.place),
                },
            }
        }
    }

    /// Passes on what the radio had written before it learnt that we go, for it will not say it again.
    async fn hear_out(&self, stream: &mut Box<dyn Stream>, buffer: &mut [u8]) {
        let end = Instant::now() + LAST_WORDS;
        // A port ends only with its device, so that a silence is the end as well.
        while let Ok(Ok(count @ 1..)) = timeout_at(end.min(Instant::now() + LAST_SILENCE), stream.read(buffer)).await {
            if self.events.send(LinkEvent::Received(buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    }

    /// Lets the time between two attempts pass: nobody tells when a radio is there again.
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

/// A stream to a radio.
struct Opened {
    stream: Box<dyn Stream>,
    /// What it is to, in words.
    place: String,
    /// Which device it is, if it was looked for.
    identity: Option<String>,
}

async fn open(url: &RadioUrl, places: &Places, before: Option<&str>) -> Result<Opened, Loss> {
    match url {
        RadioUrl::Auto => {
            let places = places.clone();
            let found = spawn_blocking(move || find::radios(&places)).await.unwrap_or_default();
            let radio = find::choose(found, before).map_err(|found| Loss::not_one(&found))?;
            let stream = open_serial(&radio.path, DEFAULT_BAUD).await?;
            tracing::info!("found a radio: {radio}");
            Ok(Opened { stream, place: radio.to_string(), identity: Some(radio.identity) })
        }
        RadioUrl::Serial { path, baud } => {
            let stream = open_serial(path, *baud).await?;
            Ok(Opened { stream, place: path.display().to_string(), identity: None })
        }
        RadioUrl::Tcp { host, port } => {
            let stream = open_tcp(host, *port).await.map_err(|error| Loss::unreachable(url, &error))?;
            Ok(Opened { stream: Box::new(stream), place: url.to_string(), identity: None })
        }
    }
}

async fn open_serial(path: &Path, baud: u32) -> Result<Box<dyn Stream>, Loss> {
    let port = Port::open(path, baud).await.map_err(|refused| Loss::refused(path, &refused))?;
    Ok(Box::new(port))
}

async fn open_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    // A radio that lost its power says nothing; without this a connection to it stands for ever.
    let keepalive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10)).with_retries(3);
    socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// Writes a frame whole; nothing comes back of a radio that takes no bytes.
async fn write(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> Option<io::Result<()>> {
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
    written.await.ok()
}

/// Returns a wait that doubled with each of `times`.
fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX))
}
