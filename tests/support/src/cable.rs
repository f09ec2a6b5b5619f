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
    last_words: Option<String>,
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
        self.state.send_modify(|state| state.last_words = Some(words.to_owned()));
    }

    /// Tells whether it has fallen silent.
    pub fn is_silent(&self) -> bool {
        self.state.borrow().silences > 0
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
            state.send_if_modified(|state| fall_silent(state, &said[..length]));
            if state.borrow().silences > silences {
                std::future::pending::<()>().await;
            }
            if to_far.write_all(&said[..length]).await.is_err() {
                break;
            }
        }
    };
    let is_over = tokio::select! {
        () = there => true,
        _ = copy(&mut from_far, &mut to_near) => true,
        Ok(state) = changes.wait_for(|state| state.is_cut || state.silences > silences) => state.is_cut,
    };
    if !is_over {
        // Both ends stay open, and nobody says anything.
        std::future::pending::<()>().await;
    }
}

/// Falls silent if somebody says what that was waited for, and tells whether it did.
fn fall_silent(state: &mut State, said: &[u8]) -> bool {
    let is_said = |words: &String| said.windows(words.len()).any(|part| part == words.as_bytes());
    let is_time = state.last_words.take_if(|words| is_said(words)).is_some();
    state.silences += u32::from(is_time);
    is_time
}
