//! One radio's TCP port: a single client place, which a newcomer takes from whoever holds it.

use crate::radio::{Moment, Outgoing, Radio};
use kosmo_domain::{NodeId, PacketId, Timestamp};
use kosmo_meshtastic::proto::{self, mesh_packet::PayloadVariant};
use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A client that says nothing for this long is given up.
const IDLE: Duration = Duration::from_mins(15);
/// Real radios take a moment before they are done telling; some clients stumble over one that does not.
const BEFORE_COMPLETE: Duration = Duration::from_millis(50);
/// How long to wait when the system refuses a connection.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// A packet that a radio wrote to its client, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct HandOver {
    /// When all of it was written.
    pub at: Timestamp,
    /// The connection that it was written to.
    pub connection: u64,
    /// Who sent it.
    pub from: NodeId,
    /// Its sender's id for it.
    pub id: PacketId,
    /// Its port; 0 if it is encrypted.
    pub port: u32,
    /// All of it.
    pub packet: proto::MeshPacket,
}

/// The end of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parting {
    /// When.
    pub at: Timestamp,
    /// Which connection.
    pub connection: u64,
    /// How it came.
    pub how: PartingWay,
}

/// How a client's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartingWay {
    /// The radio ended it, or gave the place to another client.
    Cut,
    /// The client took its leave, as one does that ends in good order.
    Farewell,
    /// It broke off, or its client said nothing for too long.
    Broken,
}

/// What a port needs of the mesh around it.
pub(crate) trait Surroundings: Clone + Send + Sync + 'static {
    /// Returns the moment it is.
    fn now(&self) -> Moment;
    /// Returns the time of day.
    fn time(&self) -> Timestamp;
    /// Takes notice that the client sent something, which may have made the radio busy.
    fn client_spoke(&self);
}

/// A radio, and what its connections share.
#[derive(Debug)]
pub(crate) struct Port {
    radio: Mutex<Radio>,
    /// How long a client may say nothing.
    idle: Duration,
    /// Something to write came up.
    wake: Notify,
    stalled: watch::Sender<bool>,
    /// The client that holds the place, ended by cancelling it.
    holder: Mutex<CancellationToken>,
    attached: watch::Sender<bool>,
    /// What was handed over and which connections ended, if anybody wants to know.
    record: Option<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    handed_over: Vec<HandOver>,
    partings: Vec<Parting>,
}

impl Port {
    pub(crate) fn new(radio: Radio, record: bool) -> Self {
        Self {
            radio: Mutex::new(radio),
            idle: IDLE,
            wake: Notify::new(),
            stalled: watch::Sender::new(false),
            holder: Mutex::new(CancellationToken::new()),
            attached: watch::Sender::new(false),
            record: record.then(Mutex::default),
        }
    }

    /// Does something to the radio, and sees to it that what came of it is written.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Radio) -> T) -> T {
        let (done, hung_up) = {
            let mut radio = held(&self.radio);
            (act(&mut radio), radio.has_hung_up())
        };
        if hung_up {
            self.cut();
        }
        self.wake.notify_waiters();
        done
    }

    /// Ends the connection of the client there is.
    pub(crate) fn cut(&self) {
        held(&self.holder).cancel();
    }

    /// Stops or resumes writing.
    pub(crate) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    /// Tells whether there is a client, and of changes.
    pub(crate) fn attached(&self) -> watch::Receiver<bool> {
        self.attached.subscribe()
    }

    /// Returns what was handed over so far.
    pub(crate) fn handed_over(&self) -> Vec<HandOver> {
        self.record.as_ref().map(|record| held(record).handed_over.clone()).unwrap_or_default()
    }

    /// Returns the ends of connections so far.
    pub(crate) fn partings(&self) -> Vec<Parting> {
        self.record.as_ref().map(|record| held(record).partings.clone()).unwrap_or_default()
    }

    /// Serves clients until `shutdown`.
    pub(crate) async fn serve(self: std::sync::Arc<Self>, listener: TcpListener, mesh: impl Surroundings, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                sleep(AFTER_REFUSAL).await;
                continue;
            };
            let gone = shutdown.child_token();
            std::mem::replace(&mut *held(&self.holder), gone.clone()).cancel();
            let client = self.with(Radio::attach);
            self.attached.send_replace(true);
            let (port, mesh) = (self.clone(), mesh.clone());
            connections.spawn(async move { port.attend(stream, peer, client, &mesh, gone).await });
        }
        connections.close();
        connections.wait().await;
    }

    async fn attend(
        &self,
        mut stream: tokio::net::TcpStream,
        peer: SocketAddr,
        client: u64,
        mesh: &impl Surroundings,
        gone: CancellationToken,
    ) {
        tracing::debug!(%peer, "a client took the radio's place");
        // A failure only makes small frames slower.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.split();
        let how = tokio::select! {
            () = gone.cancelled() => PartingWay::Cut,
            heard = self.listen(reader, client, mesh) => heard.unwrap_or(PartingWay::Broken),
            _ = self.talk(writer, client, mesh) => PartingWay::Broken,
        };
        if let Some(record) = &self.record {
            held(record).partings.push(Parting { at: mesh.time(), connection: client, how });
        }
        let left = self.with(|radio| radio.detach(client));
        if left {
            self.attached.send_replace(false);
        }
        tracing::debug!(%peer, "a client left the radio");
    }

    /// Takes in what the client says, and returns how it came to an end.
    async fn listen(&self, mut reader: ReadHalf<'_>, client: u64, mesh: &impl Surroundings) -> io::Result<PartingWay> {
        let mut buffer = [0; 1_024];
        let mut last_word = Instant::now();
        loop {
            let count = tokio::select! {
                count = reader.read(&mut buffer) => count?,
                () = sleep_until(last_word + self.idle) => return Ok(PartingWay::Broken),
            };
            let now = mesh.now();
            let heard = self.with(|radio| radio.receive(client, &buffer[..count], now));
            mesh.client_spoke();
            if heard.leaves {
                return Ok(PartingWay::Farewell);
            }
            if count == 0 {
                return Ok(PartingWay::Broken);
            }
            if heard.alive {
                last_word = Instant::now();
            }
        }
    }

    async fn talk(&self, mut writer: WriteHalf<'_>, client: u64, mesh: &impl Surroundings) -> io::Result<()> {
        let mut stalled = self.stalled.subscribe();
        loop {
            // The sender lives in `self`, so waiting cannot fail.
            let _ = stalled.wait_for(|stalled| !stalled).await;
            let mut woken = pin!(self.wake.notified());
            woken.as_mut().enable();
            let next = held(&self.radio).next(client);
            match next {
                None => woken.await,
                Some(Outgoing::Raw(bytes)) => writer.write_all(&bytes).await?,
                Some(Outgoing::Frame { bytes, packet, completes }) => {
                    if completes {
                        sleep(BEFORE_COMPLETE).await;
                    }
                    writer.write_all(&bytes).await?;
                    if let (Some(record), Some(packet)) = (&self.record, packet) {
                        held(record).handed_over.push(HandOver::of(*packet, client, mesh.time()));
                    }
                }
            }
        }
    }
}

impl HandOver {
    fn of(packet: proto::MeshPacket, connection: u64, at: Timestamp) -> Self {
        let port = match &packet.payload_variant {
            Some(PayloadVariant::Decoded(data)) => u32::try_from(data.portnum).unwrap_or(0),
            Some(PayloadVariant::Encrypted(_)) | None => 0,
        };
        Self { at, connection, from: NodeId::from_number(packet.from), id: PacketId(packet.id), port, packet }
    }
}

/// Nothing here panics while it holds a lock, and if it did, what it guards would still be whole.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, mesh};
    use kosmo_meshtastic::{Message as _, proto::to_radio::PayloadVariant as Asked, stream};
    use std::sync::Arc;
    use tokio::net::TcpStream;

    #[derive(Clone)]
    struct Nowhere;

    impl Surroundings for Nowhere {
        fn now(&self) -> Moment {
            Moment::default()
        }

        fn time(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn client_spoke(&self) {}
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_sensible_is_given_up() {
        let radio = mesh::first_radio(&Config::default(), "2026-04-12T15:30:00Z".parse().unwrap());
        let port = Arc::new(Port { idle: Duration::from_millis(300), ..Port::new(radio, false) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let end = CancellationToken::new();
        let served = tokio::spawn(port.serve(listener, Nowhere, end.clone()));

        let mut client = TcpStream::connect(address).await.unwrap();
        let began = Instant::now();
        let heartbeat = proto::ToRadio { payload_variant: Some(Asked::Heartbeat(proto::Heartbeat { nonce: 0 })) };
        client.write_all(&stream::encode(&heartbeat.encode_to_vec()).unwrap()).await.unwrap();
        client.write_all(b"no message").await.unwrap();
        let mut answers = Vec::new();
        client.read_to_end(&mut answers).await.unwrap();
        assert!(!answers.is_empty() && began.elapsed() >= Duration::from_millis(300));

        end.cancel();
        served.await.unwrap();
    }
}
