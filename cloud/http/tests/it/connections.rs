//! Whole servers, asked over TCP.

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use kosmo_http::{ServeLimits, serve_with};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_request_under_way_is_answered_after_the_shutdown_began() {
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let app = waiting(arrived.clone(), go_on.clone());
    let server = start(app, ServeLimits::default()).await;
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    arrived.notified().await;

    server.shutdown.cancel();
    go_on.notify_one();

    assert!(read_all(&mut client).await.ends_with("done"));
    server.ended.await.unwrap();
    assert!(TcpStream::connect(server.addr).await.is_err());
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let arrived = Arc::new(Notify::new());
    let app = waiting(arrived.clone(), Arc::new(Notify::new()));
    let server = start(app, ServeLimits { drain: Duration::from_millis(50), ..ServeLimits::default() }).await;
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    arrived.notified().await;

    server.shutdown.cancel();

    server.ended.await.unwrap();
    assert_eq!(read_all(&mut client).await, "");
}

#[tokio::test]
async fn an_idle_connection_ends_with_the_server() {
    let server = start(Router::new(), ServeLimits::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /").await.unwrap();
    server.shutdown.cancel();
    server.ended.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_is_let_go() {
    let server = start(Router::new(), ServeLimits { header_read: Duration::from_millis(50), ..ServeLimits::default() }).await;
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    read_all(&mut silent).await;
    read_all(&mut slow).await;
}

#[tokio::test]
async fn a_connection_too_many_waits_for_another_to_end() {
    let app = Router::new().route("/", get(async || "done"));
    let server = start(app, ServeLimits { connections: 1, ..ServeLimits::default() }).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.unwrap();
    let mut head = [0; 15];
    first.read_exact(&mut head).await.unwrap();

    let mut second = server.connect().await;
    second.write_all(GET_AND_CLOSE).await.unwrap();
    let too_early = tokio::time::timeout(Duration::from_millis(50), second.read_u8()).await;
    assert!(too_early.is_err(), "the second connection was served beside the first");
    drop(first);

    assert!(read_all(&mut second).await.ends_with("done"));
}

#[tokio::test]
async fn who_goes_on_writing_after_a_refusal_reads_it_all_the_same() {
    let app = Router::new().route("/", post(async || StatusCode::PAYLOAD_TOO_LARGE));
    let server = start(app, ServeLimits::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8000000\r\n\r\n").await.unwrap();
    client.write_all(&vec![b'x'; 8_000_000]).await.expect("the server reads on");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("the answer is not thrown away");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn who_never_stops_writing_after_a_refusal_is_cut_off() {
    let app = Router::new().route("/", post(async || StatusCode::PAYLOAD_TOO_LARGE));
    let server = start(app, ServeLimits::default()).await;
    let mut client = server.connect().await;
    client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
    while client.write_all(&chunk).await.is_ok() {}
}

struct Server {
    addr: SocketAddr,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }
}

async fn start(app: Router, limits: ServeLimits) -> Server {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let ended = tokio::spawn(serve_with(listener, app, shutdown.clone(), limits));
    Server { addr, shutdown, ended }
}

/// Answers once it is told to go on, and tells when a request has arrived.
fn waiting(arrived: Arc<Notify>, go_on: Arc<Notify>) -> Router {
    Router::new().route(
        "/",
        get(async move || {
            arrived.notify_one();
            go_on.notified().await;
            "done"
        }),
    )
}

async fn read_all(client: &mut TcpStream) -> String {
    let mut answer = String::new();
    let _ = client.read_to_string(&mut answer).await;
    answer
}
