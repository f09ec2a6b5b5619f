//! A way to the broker that stays where it is while brokers come and go, and that can be cut.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A relay on a free port. It ends with this value.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    way: Arc<Mutex<Way>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Way {
    target: SocketAddr,
    cut: CancellationToken,
}

impl Relay {
    /// Starts to relay to this address.
    pub(super) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let way = Arc::new(Mutex::new(Way { target, cut: CancellationToken::new() }));
        let task = tokio::spawn(serve(listener, Arc::clone(&way)));
        Self { address, way, task }
    }

    /// Returns its address as bridges are given it.
    pub(super) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
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

async fn serve(listener: TcpListener, way: Arc<Mutex<Way>>) {
    loop {
        let Ok((mut client, _)) = listener.accept().await else { continue };
        let (target, cut) = {
            let way = way.lock().unwrap_or_else(PoisonError::into_inner);
            (way.target, way.cut.clone())
        };
        tokio::spawn(async move {
            let Ok(mut server) = TcpStream::connect(target).await else { return };
            tokio::select! {
                () = cut.cancelled() => {}
                _ = copy_bidirectional(&mut client, &mut server) => {}
            }
        });
    }
}
