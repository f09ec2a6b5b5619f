//! MQTT written by hand, for clients that no library would be.

use crate::{
    client::PATIENCE,
    house::{House, secret},
};
use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

pub(crate) struct Raw(TcpStream);

pub(crate) const PUBLISH: u8 = 3;

impl Raw {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.unwrap())
    }

    /// Logs in with MQTT 3.1.1, a clean session and no keep-alive.
    pub(crate) async fn login(house: &House, name: &str, client_id: &str) -> Self {
        Self::login_with(house, name, &[client_id], 0).await
    }

    /// The same with a will at QoS 0.
    pub(crate) async fn login_with_will(house: &House, name: &str, client_id: &str, will: [&str; 2]) -> Self {
        Self::login_with(house, name, &[client_id, will[0], will[1]], 0b100).await
    }

    async fn login_with(house: &House, name: &str, first: &[&str], flags: u8) -> Self {
        let mut raw = Self::open(house.broker.tcp_addr().unwrap()).await;
        let mut body = text("MQTT");
        body.extend([4, 0b1100_0010 | flags, 0, 0]);
        for field in first.iter().copied().chain([name, secret(name).reveal()]) {
            body.extend(text(field));
        }
        raw.send(0x10, &body).await;
        assert_eq!(raw.packet().await.unwrap(), (2, vec![0, 0]), "accepted");
        raw
    }

    pub(crate) async fn subscribe(&mut self, filter: &str) {
        let mut body = vec![0, 1];
        body.extend(text(filter));
        body.push(0);
        self.send(0x82, &body).await;
        assert_eq!(self.packet().await.unwrap(), (9, vec![0, 1, 0]), "granted");
    }

    pub(crate) async fn send(&mut self, first: u8, body: &[u8]) {
        let mut packet = vec![first];
        let mut rest = body.len();
        loop {
            let low = u8::try_from(rest % 128).unwrap();
            rest /= 128;
            packet.push(if rest > 0 { low | 0x80 } else { low });
            if rest == 0 {
                break;
            }
        }
        packet.extend(body);
        self.send_bytes(&packet).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        // The broker may have closed the connection already, which the next read shows.
        let _ = self.0.write_all(bytes).await;
    }

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
        .expect("a packet or the end comes in time")
    }

    /// Reads to the end of the connection, and returns how many messages came.
    pub(crate) async fn messages_to_the_end(&mut self) -> usize {
        let mut messages = 0;
        while let Ok((kind, _)) = self.packet().await {
            messages += usize::from(kind == PUBLISH);
        }
        messages
    }
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    length.to_be_bytes().into_iter().chain(text.bytes()).collect()
}
