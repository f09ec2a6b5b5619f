//! A client of one radio: the session that bridges use, over real TCP.

use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    packet::{Body, Received},
    payload::Routing,
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

    /// Sends a text that wants an acknowledgement, again under the next id as long as it comes too soon, and returns the id
    /// it was sent under.
    pub(crate) async fn text(&mut self, from: NodeId, to: NodeId, mut id: u32, text: &str) -> PacketId {
        loop {
            let data = proto::Data { portnum: PortNum::TextMessageApp.into(), payload: text.as_bytes().to_vec(), ..Default::default() };
            let packet = proto::MeshPacket {
                from: from.number(),
                to: to.number(),
                id,
                hop_limit: 3,
                want_ack: true,
                payload_variant: Some(PayloadVariant::Decoded(data)),
                ..Default::default()
            };
            self.ask(to_radio::PayloadVariant::Packet(packet)).await;
            // The answers stay where they are, for whoever waits for them next.
            if !self.is_refused(PacketId(id)).await {
                return PacketId(id);
            }
            id += 1;
        }
    }

    /// Tells whether a packet was refused for coming too soon, as soon as its status is there.
    async fn is_refused(&mut self, id: PacketId) -> bool {
        const RATE_LIMIT_EXCEEDED: u32 = 38;
        let search = timeout(PATIENCE, async {
            loop {
                let of_it = |event: &Event| matches!(event, Event::QueueStatus(status) if status.packet == Some(id));
                if self.events.iter().any(of_it) {
                    return;
                }
                assert!(self.read().await, "the radio closed the connection instead of taking a text");
            }
        });
        search.await.expect("the radio says nothing of a text");
        // The error follows its status at once; a heartbeat's answer comes after both.
        self.ask(to_radio::PayloadVariant::Heartbeat(proto::Heartbeat { nonce: 0 })).await;
        let before = self.events.len();
        while !self.events[before..].iter().any(|event| matches!(event, Event::QueueStatus(status) if status.packet.is_none())) {
            assert!(self.read().await, "the radio closed the connection instead of answering a heartbeat");
        }
        self.events.iter().any(|event| match event {
            Event::Packet(packet) if packet.request_id == Some(id) => {
                matches!(&packet.body, Body::Routing(Routing::Outcome(outcome)) if outcome.0 == RATE_LIMIT_EXCEEDED)
            }
            _ => false,
        })
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
