//! A connection to a server that a test can cut and mend, or have fall silent.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A way to PostgreSQL that carries whatever is said until it is cut.
#[derive(Debug)]
pub struct Cable {
    url: String,
    state: watch::Sender<State>,
}

/// What everybody who uses the way has to know.
#[derive(Debug, Clone, Default)]
struct State {
    is_cut: bool,
    /// How often it fell silent.
    silences: u32,
    /// Before which words it falls silent.
    last_words: Vec<String>,
}

impl Cable {
    /// Begins to carry connections to the server that this URL names.
    ///
    /// # Panics
    /// If the URL names no server on this machine.
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once("@127.0.0.1:").expect("the server is on this machine");
        let (port, name) = rest.split_once('/').expect("the URL names a database");
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().expect("a port is a number")));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port can be listened on");
        let url = format!("{before}@{}/{name}", listener.local_addr().expect("a listener has an address"));
        let state = watch::Sender::new(State::default());
        let of_all = state.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, server, of_all.clone()));
            }
        });
        Self { url, state }
    }

    /// Returns the database's URL over this way.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends every connection, and lets nobody through until it is mended.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.is_cut = true);
    }

    /// Lets everybody through again.
    pub fn mend(&self) {
        self.state.send_modify(|state| state.is_cut = false);
    }

    /// Lets the connections that there are carry nothing more in either direction, and never end, as after a power cut of either side:
    /// whoever waits is told nothing, ever, and whoever comes anew is served.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.silences += 1);
    }

    /// Falls silent once, as soon as somebody is about to say this.
    pub fn silence_before(&self, words: &str) {
        self.silence_each_before(&[words]);
    }

    /// Lets each connection over which somebody is about to say one of these fall silent, each of them once, and every other one with
    /// the last of them. Whatever is known to a server by a shorter name is said over a connection once only.
    pub fn silence_each_before(&self, words: &[&str]) {
        self.state.send_modify(|state| state.last_words = words.iter().map(ToString::to_string).collect());
    }

    /// Tells whether it has fallen silent.
    pub fn is_silent(&self) -> bool {
        self.silences() > 0
    }

    /// Returns how often it has fallen silent.
    pub fn silences(&self) -> u32 {
        self.state.borrow().silences
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, state: watch::Sender<State>) {
    let mut changes = state.subscribe();
    let silences = changes.borrow().silences;
    if changes.borrow().is_cut {
        return;
    }
    let Ok(mut far) = TcpStream::connect(server).await else { return };
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.split(), far.split());
    let there = async {
        let mut said = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_near.read(&mut said).await {
            let mut is_last = false;
            state.send_if_modified(|state| {
                is_last = state.hear(&said[..length]);
                is_last
            });
            if is_last || state.borrow().silences > silences {
                return false;
            }
            if to_far.write_all(&said[..length]).await.is_err() {
                break;
            }
        }
        true
    };
    let is_over = tokio::select! {
        is_over = there => is_over,
        _ = copy(&mut from_far, &mut to_near) => true,
        Ok(state) = changes.wait_for(|state| state.is_cut || state.silences > silences) => state.is_cut,
    };
    if !is_over {
        // Both ends stay open, and nobody says anything.
        std::future::pending::<()>().await;
    }
}

impl State {
    /// Tells whether these are the last words over this connection, and notes when there are none left to be waited for.
    fn hear(&mut self, said: &[u8]) -> bool {
        let is_said = |words: &String| said.windows(words.len()).any(|part| part == words.as_bytes());
        let Some(place) = self.last_words.iter().position(is_said) else { return false };
        self.last_words.remove(place);
        if self.last_words.is_empty() {
            self.silences += 1;
        }
        true
    }
}
