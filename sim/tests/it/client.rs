//! A client of one radio: the session that bridges use, over real TCP.

use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    packet::Received,
    proto::{self, PortNum, mesh_packet::PayloadVariant, to_radio},
    radio::RadioState,
    session::{Event, Input, Output, Session, SessionConfig},
    stream,
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    session: Session,
    stream: TcpStream,
    origin: Instant,
    events: Vec<Event>,
    closed: bool,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let session = Session::new(SessionConfig { nonce: 4_711 });
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Self { session, stream, origin: Instant::now(), events: Vec::new(), closed: false };
        client.feed(Input::Connected).await;
        client
    }

    pub(crate) async fn configured(address: SocketAddr) -> (Self, RadioState) {
        let mut client = Self::connect(address).await;
        let state = client.state().await;
        (client, state)
    }

    pub(crate) async fn state(&mut self) -> RadioState {
        self.until("the handshake", |event| if let Event::Configured(state) = event { Some(*state.clone()) } else { None }).await
    }

    pub(crate) async fn packet(&mut self, what: &str, wanted: impl Fn(&Received) -> bool) -> Received {
        self.until(what, |event| match event {
            Event::Packet(packet) if wanted(packet) => Some(*packet.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for an event, and forgets those before it.
    pub(crate) async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let search = timeout(PATIENCE, async {
            loop {
                while !self.events.is_empty() {
                    if let Some(found) = wanted(&self.events.remove(0)) {
                        return found;
                    }
                }
                assert!(self.read().await, "the radio closed the connection before {what}");
            }
        });
        search.await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// Sends a text that wants an acknowledgement.
    pub(crate) async fn text(&mut self, from: NodeId, to: NodeId, id: PacketId, text: &str) {
        let data = proto::Data { portnum: PortNum::TextMessageApp.into(), payload: text.as_bytes().to_vec(), ..Default::default() };
        let packet = proto::MeshPacket {
            from: from.number(),
            to: to.number(),
            id: id.0,
            hop_limit: 3,
            want_ack: true,
            payload_variant: Some(PayloadVariant::Decoded(data)),
            ..Default::default()
        };
        self.ask(to_radio::PayloadVariant::Packet(packet)).await;
    }

    /// Waits until the radio closes the connection.
    pub(crate) async fn closed(&mut self) {
        timeout(PATIENCE, async { while self.read().await {} }).await.expect("the radio keeps the connection");
    }

    pub(crate) async fn ask(&mut self, asked: to_radio::PayloadVariant) {
        use kosmo_meshtastic::Message as _;
        let payload = proto::ToRadio { payload_variant: Some(asked) }.encode_to_vec();
        self.write(&stream::encode(&payload).unwrap()).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads once, or lets the time pass that the session wants to be told of; tells whether the connection is still there.
    async fn read(&mut self) -> bool {
        let mut buffer = [0; 600];
        let wait = self.session.poll_timeout().map_or(PATIENCE, |(due, _)| due.since(self.now()));
        match timeout(wait, self.stream.read(&mut buffer)).await {
            Err(_) => self.feed(Input::Tick).await,
            Ok(Ok(0) | Err(_)) => self.closed = true,
            Ok(Ok(count)) => self.feed(Input::Received(&buffer[..count])).await,
        }
        !self.closed
    }

    async fn feed(&mut self, input: Input<'_>) {
        let now = self.now();
        self.session.handle(input, now);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Write(bytes) => self.closed |= self.stream.write_all(&bytes).await.is_err(),
                Output::Event(event) => self.events.push(event),
                Output::Close(reason) => panic!("the session gave up: {reason}"),
            }
        }
    }

    fn now(&self) -> Uptime {
        Uptime(self.origin.elapsed())
    }
}
