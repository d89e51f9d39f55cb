//! A relay between a client and a server that keeps every byte, and a reader for what it kept.
//!
//! It shares no code with Farcall, so that its findings are independent.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const PADDED: u8 = 0x8;

/// The bytes of one direction.
type Record = Arc<Mutex<Vec<u8>>>;

/// A running relay for one connection.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    to_server: Record,
    to_client: Record,
}

/// A length-prefixed gRPC message as it went over the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Prefix {
    pub(crate) compressed: bool,
    pub(crate) len: usize,
}

impl Relay {
    /// Accepts one connection and passes it on to `server`.
    pub(crate) async fn start(server: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port of the loopback interface");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (to_server, to_client) = (Record::default(), Record::default());
        let (up, down) = (to_server.clone(), to_client.clone());
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.expect("the client connects");
            let server = TcpStream::connect(server)
                .await
                .expect("the server is running");
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::join!(
                copy(from_client, to_server, up),
                copy(from_server, to_client, down)
            );
        });
        Relay {
            address,
            to_server,
            to_client,
        }
    }

    /// The request messages of each stream, in order.
    pub(crate) fn requests(&self) -> Vec<Vec<Prefix>> {
        let bytes = self.to_server.lock().expect("the relay does not panic");
        messages(
            bytes
                .strip_prefix(PREFACE)
                .expect("a client begins with the preface"),
        )
    }

    /// The response messages of each stream, in order.
    pub(crate) fn responses(&self) -> Vec<Vec<Prefix>> {
        messages(&self.to_client.lock().expect("the relay does not panic"))
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, record: Record) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(len @ 1..) = from.read(&mut buffer).await {
        record
            .lock()
            .expect("nobody panics with the lock")
            .extend_from_slice(&buffer[..len]);
        if to.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// RFC 9113 §4.1: frames; the payloads of DATA are put together by stream.
fn messages(mut bytes: &[u8]) -> Vec<Vec<Prefix>> {
    let mut streams: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(len) else {
            break;
        };
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        if head[3] == DATA {
            let payload = match payload {
                [padding, content @ ..] if head[4] & PADDED != 0 => {
                    &content[..content.len() - usize::from(*padding)]
                }
                payload => payload,
            };
            streams
                .entry(stream)
                .or_default()
                .extend_from_slice(payload);
        }
        bytes = rest;
    }
    streams.values().map(|data| prefixes(data)).collect()
}

/// The gRPC protocol document, "Length-Prefixed-Message".
fn prefixes(mut data: &[u8]) -> Vec<Prefix> {
    let mut found = Vec::new();
    while let Some((head, rest)) = data.split_at_checked(5) {
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let Some((_, rest)) = rest.split_at_checked(len) else {
            break;
        };
        found.push(Prefix {
            compressed: head[0] == 1,
            len,
        });
        data = rest;
    }
    found
}
