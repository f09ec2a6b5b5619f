//! A server that speaks just enough MQTT to misbehave in a chosen way.

use crate::client::PATIENCE;
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

pub(crate) struct Fake(TcpListener);

pub(crate) struct Line(TcpStream);

pub(crate) const CONNECT: u8 = 1;
pub(crate) const PUBLISH: u8 = 3;
pub(crate) const SUBSCRIBE: u8 = 8;
pub(crate) const PINGREQ: u8 = 12;

impl Fake {
    pub(crate) async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.0.local_addr().unwrap())
    }

    pub(crate) async fn line(&self) -> Line {
        Line(timeout(PATIENCE, self.0.accept()).await.expect("the client connects in time").unwrap().0)
    }

    /// Accepts a client as a broker without a session for it does.
    pub(crate) async fn welcome(&self) -> Line {
        let mut line = self.line().await;
        assert_eq!(line.packet().await.unwrap().0, CONNECT);
        line.send(&[0x20, 2, 0, 0]).await;
        line
    }
}

impl Line {
    /// Reads a packet: its type and what follows the fixed header.
    pub(crate) async fn packet(&mut self) -> io::Result<(u8, Vec<u8>)> {
        timeout(PATIENCE, async {
            let kind = self.0.read_u8().await? >> 4;
            let (mut length, mut shift) = (0_usize, 0);
            loop {
                let byte = self.0.read_u8().await?;
                length |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await?;
            Ok((kind, body))
        })
        .await
        .expect("a packet comes in time")
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }
}
