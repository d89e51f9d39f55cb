//! A raw HTTP/2 peer that does what a test tells it, right or wrong: against servers (a fake client) and
//! against clients (a fake server).
//!
//! It keeps no state but HPACK's, applies no rule to what it writes, and reads frames with expectations that
//! panic when something else comes, or nothing in time.
//!
//! ```
//! use farcall_http2::Reason;
//! use farcall_testkit::scripted_peer::{ScriptedPeer, message};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // Two peers that play both roles by hand.
//! let (a, b) = tokio::io::duplex(1 << 16);
//! let (mut client, mut server) = (ScriptedPeer::client(a), ScriptedPeer::server(b));
//! tokio::join!(client.handshake(), server.handshake());
//!
//! client.request(1, "/pkg.Service/Method", &[("x-key", "value")]).await;
//! client.data(1, &message(b"hello"), true).await;
//! let (head, end) = server.expect_headers(1).await;
//! assert_eq!((head.get(":path"), end), (Some("/pkg.Service/Method"), false));
//! assert_eq!(server.expect_data(1).await, (message(b"hello"), true));
//!
//! server.rst(1, Reason::REFUSED_STREAM).await;
//! assert_eq!(client.expect_rst(1).await, Reason::REFUSED_STREAM);
//! # }
//! ```

mod expect;
mod frame;
mod read;
mod write;

pub use expect::Exchange;
pub use frame::{Frame, HeaderList, flag, kind, message, setting};
pub use write::PREFACE;

use crate::sim::Side;
use farcall_http2::hpack::Encoder;
use read::Reader;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpStream},
};

/// See [the module](self).
pub struct ScriptedPeer<IO> {
    io: IO,
    side: Side,
    encoder: Encoder,
    reader: Reader,
    polite: bool,
    patience: Duration,
    /// All frames that came, for the message of a failed expectation.
    seen: Vec<String>,
}

impl ScriptedPeer<TcpStream> {
    /// A fake client, connected to `address`, such as `127.0.0.1:50051`. Nothing is sent.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn connect(address: impl tokio::net::ToSocketAddrs) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(ScriptedPeer::client(stream))
    }

    /// A fake server for the next client of `listener`. Nothing is sent.
    ///
    /// # Errors
    /// Accepting fails.
    pub async fn accept(listener: &TcpListener) -> io::Result<Self> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(ScriptedPeer::server(stream))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> ScriptedPeer<IO> {
    /// A fake client on any byte stream. Nothing is sent.
    pub fn client(io: IO) -> Self {
        ScriptedPeer::new(io, Side::Client)
    }

    /// A fake server on any byte stream. Nothing is sent.
    pub fn server(io: IO) -> Self {
        ScriptedPeer::new(io, Side::Server)
    }

    fn new(io: IO, side: Side) -> Self {
        ScriptedPeer {
            io,
            side,
            encoder: Encoder::new(4096),
            reader: Reader::new(),
            polite: true,
            patience: Duration::from_secs(10),
            seen: Vec::new(),
        }
    }

    /// How long expectations wait. Default 10 s.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Whether SETTINGS and PING are acknowledged when expectations come across them. Default yes.
    pub fn set_polite(&mut self, polite: bool) {
        self.polite = polite;
    }

    /// The usual beginning: preface and empty SETTINGS out, the other's SETTINGS in and acknowledged, our own
    /// acknowledged by the other. Returns the other's parameters.
    ///
    /// # Panics
    /// The other end begins differently.
    pub async fn handshake(&mut self) -> Vec<(u16, u32)> {
        self.handshake_with(&[]).await
    }

    /// As [`handshake`](Self::handshake), with parameters of our own.
    ///
    /// # Panics
    /// The other end begins differently.
    pub async fn handshake_with(&mut self, parameters: &[(u16, u32)]) -> Vec<(u16, u32)> {
        match self.side {
            Side::Client => self.preface().await,
            Side::Server => self.expect_preface().await,
        }
        self.settings(parameters).await;
        let first = self.next_frame().await;
        let Some(Frame::Settings(theirs)) = first else {
            panic!("the other end begins with {first:?} instead of SETTINGS");
        };
        loop {
            match self.next_frame().await {
                Some(Frame::SettingsAck) => return theirs,
                Some(frame) if frame.is_upkeep() => {}
                other => panic!("acknowledgement of SETTINGS expected, not {other:?}"),
            }
        }
    }

    /// (fake server) Reads the client's connection preface.
    ///
    /// # Panics
    /// Something else comes.
    pub async fn expect_preface(&mut self) {
        let mut preface = [0; PREFACE.len()];
        let read = tokio::time::timeout(self.patience, self.io.read_exact(&mut preface)).await;
        assert!(
            matches!(read, Ok(Ok(_))),
            "the client sent no preface: {read:?}"
        );
        assert_eq!(&preface[..], PREFACE, "the client's preface");
    }

    /// The byte stream, for whatever this type does not offer.
    pub fn io(&mut self) -> &mut IO {
        &mut self.io
    }
}

impl<IO> std::fmt::Debug for ScriptedPeer<IO> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedPeer")
            .field("side", &self.side)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
