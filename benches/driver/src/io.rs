//! The socket, plain or under TLS, and counts of how often it was used.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Writes of this process that took bytes, and reads that gave some.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
}

pub(crate) static COUNTS: Counts = Counts {
    writes: AtomicU64::new(0),
    reads: AtomicU64::new(0),
};

/// See the module.
pub(crate) enum Io {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::TlsStream<TcpStream>>),
}

impl Io {
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = match self {
            Io::Tcp(io) => Pin::new(io).poll_write_vectored(cx, slices),
            #[cfg(feature = "tls")]
            Io::Tls(io) => Pin::new(io).poll_write_vectored(cx, slices),
        };
        if polled.is_ready() {
            COUNTS.writes.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Tcp(io) => Pin::new(io).poll_flush(cx),
            #[cfg(feature = "tls")]
            Io::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = match self.get_mut() {
            Io::Tcp(io) => Pin::new(io).poll_read(cx, buffer),
            #[cfg(feature = "tls")]
            Io::Tls(io) => Pin::new(io).poll_read(cx, buffer),
        };
        if buffer.filled().len() > before {
            COUNTS.reads.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }
}
