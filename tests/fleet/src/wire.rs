//! The way from the clients to the backends: where an address of the fleet really is, and what goes there.

use crate::frames::Frames;
use farcall::{
    Address,
    client::{ByteStream, Connecting, Connector},
    lb::Location,
};
use std::{
    collections::HashMap,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Numbers of backends are smaller than this.
pub const SLOTS: usize = 16;
/// The port that all backends seem to have: a `dns:` target has but one.
pub const PORT: u16 = 50051;

/// The address that clients know a backend by (RFC 5737's block for examples).
pub fn address(backend: usize) -> IpAddr {
    [192, 0, 2, backend as u8].into()
}

/// Where each address of the fleet really is.
#[derive(Default, Debug)]
pub struct Places(Mutex<HashMap<IpAddr, SocketAddr>>);

impl Places {
    /// The backend is (now) there.
    pub fn set(&self, backend: usize, place: SocketAddr) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(address(backend), place);
    }

    fn find(&self, ip: IpAddr) -> io::Result<SocketAddr> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.get(&ip).copied();
        place.ok_or_else(|| io::Error::new(io::ErrorKind::HostUnreachable, "nobody was ever there"))
    }
}

/// What one client has written to each backend.
#[derive(Default, Debug)]
pub struct Sent {
    requests: [AtomicU64; SLOTS],
    connections: [AtomicU64; SLOTS],
}

impl Sent {
    /// Requests to each backend, attempts counted one by one.
    pub fn requests(&self) -> [u64; SLOTS] {
        self.requests
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed))
    }

    /// Connections that are open to each backend.
    pub fn connections(&self) -> [u64; SLOTS] {
        self.connections
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed))
    }
}

/// The connector of one client.
#[derive(Debug)]
pub struct Wire {
    /// Where the backends are.
    pub places: Arc<Places>,
    /// What is counted.
    pub sent: Arc<Sent>,
}

impl Connector for Wire {
    fn connect(&self, address: &Address) -> Connecting {
        let Location::Ip(address) = *address.location() else {
            return Box::pin(async { Err(io::ErrorKind::Unsupported.into()) });
        };
        let place = self.places.find(address.ip());
        let sent = Arc::clone(&self.sent);
        let slot = match address.ip() {
            IpAddr::V4(ip) => usize::from(ip.octets()[3]),
            IpAddr::V6(_) => 0,
        };
        Box::pin(async move {
            let stream = TcpStream::connect(place?).await?;
            stream.set_nodelay(true)?;
            sent.connections[slot].fetch_add(1, Ordering::Relaxed);
            let frames = Frames::default();
            Ok(Box::new(Counted {
                stream,
                frames,
                sent,
                slot,
            }) as Box<dyn ByteStream>)
        })
    }
}

/// A socket that counts the requests that are written to it.
struct Counted {
    stream: TcpStream,
    frames: Frames,
    sent: Arc<Sent>,
    slot: usize,
}

impl Counted {
    fn count(&mut self, bytes: &[u8]) {
        let requests = self.frames.requests(bytes);
        if requests > 0 {
            self.sent.requests[self.slot].fetch_add(requests, Ordering::Relaxed);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.sent.connections[self.slot].fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.count(&bytes[..written]);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        if let Poll::Ready(Ok(mut left)) = written {
            for piece in pieces {
                let taken = left.min(piece.len());
                self.count(&piece[..taken]);
                left -= taken;
            }
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
