//! Serves an application on a listener. HTTP/1.1 alone: what speaks HTTP/2 to browsers is the proxy that does TLS, and a
//! connection whose protocol must first be guessed has no bound on how long a client may keep us guessing.

use crate::linger::Lingering;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What clients may take up, and how long the end may take.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// How many connections are open at once; further ones wait in the listener's queue.
    pub connections: usize,
    /// How long a client may take to send the head of a request, and how long a connection may stay idle.
    pub header_read: Duration,
    /// How long requests under way are waited for at the end.
    pub drain: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self { connections: 1024, header_read: Duration::from_secs(30), drain: Duration::from_secs(10) }
    }
}

/// Serves `app` on `listener` until `shutdown`, then answers the requests under way, and returns.
pub async fn serve(listener: TcpListener, app: Router, shutdown: CancellationToken) {
    serve_with(listener, app, shutdown, ServeLimits::default()).await;
}

/// Serves as [`serve`] does, within these limits.
pub async fn serve_with(listener: TcpListener, app: Router, shutdown: CancellationToken, limits: ServeLimits) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let cut_off = CancellationToken::new();
    while let Some((stream, place)) = next_connection(&listener, &places, &shutdown).await {
        let connection = connect(stream, app.clone(), shutdown.clone(), limits.header_read);
        let cut_off = cut_off.clone();
        connections.spawn(async move {
            tokio::select! {
                () = connection => {}
                () = cut_off.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests under way were cut off at the end of the time to drain");
        cut_off.cancel();
        connections.wait().await;
    }
}

/// Returns the next connection, once there is room for it; none after `shutdown`.
async fn next_connection(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accept = async {
        let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, place),
                // The client was gone before we turned to it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted || error.kind() == io::ErrorKind::ConnectionReset => {}
                // Out of file descriptors, most likely: others must end before another can begin.
                Err(error) => {
                    tracing::error!(%error, "connections cannot be accepted");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        connection = accept => Some(connection),
    }
}

async fn connect(stream: TcpStream, app: Router, shutdown: CancellationToken, header_read: Duration) {
    // Answers are small; waiting for more to send along would only delay them.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_read).max_headers(64).max_buf_size(64 * 1024);
    let connection = builder.serve_connection(TokioIo::new(Lingering::new(stream)), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}
