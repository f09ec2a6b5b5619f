//! A way to the broker that stays where it is while brokers come and go, and that can be cut.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::copy,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A relay on a free port. It ends with this value.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    way: Arc<Mutex<Way>>,
    answered: Answered,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Way {
    target: SocketAddr,
    cut: CancellationToken,
}

/// How many connections the broker has answered that are still there.
type Answered = Arc<AtomicUsize>;

impl Relay {
    /// Starts to relay to this address.
    pub(super) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let way = Arc::new(Mutex::new(Way { target, cut: CancellationToken::new() }));
        let answered = Answered::default();
        let task = tokio::spawn(serve(listener, Arc::clone(&way), Arc::clone(&answered)));
        Self { address, way, answered, task }
    }

    /// Returns its address as bridges are given it.
    pub(super) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// Returns how many clients the broker has answered and not lost: those that would notice a cut.
    pub(super) fn attached(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends every connection; new ones are taken.
    pub(super) fn cut(&self) {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut way.cut).cancel();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, way: Arc<Mutex<Way>>, answered: Answered) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let (target, cut) = {
            let way = way.lock().unwrap_or_else(PoisonError::into_inner);
            (way.target, way.cut.clone())
        };
        let answered = Arc::clone(&answered);
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(target).await else { return };
            tokio::select! {
                () = cut.cancelled() => {}
                _ = carry(client, server, &answered) => {}
            }
        });
    }
}

/// Carries what both say until either has ended.
async fn carry(mut client: TcpStream, mut server: TcpStream, answered: &AtomicUsize) -> io::Result<u64> {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.split(), server.split());
    let back = async {
        from_server.readable().await?;
        let _counted = Counted::begin(answered);
        copy(&mut from_server, &mut to_client).await
    };
    tokio::select! {
        ended = copy(&mut from_client, &mut to_server) => ended,
        ended = back => ended,
    }
}

struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
