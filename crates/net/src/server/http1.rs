//! Clients that speak HTTP/1.1 on the port of gRPC: told apart by their first octets, and handed to whoever wants them.

#[cfg(feature = "tls")]
use crate::tls::TlsError;
use crate::{
    call::Draining,
    peer::{Peer, TlsPeer},
    server::listener::Place,
    transport::{
        connect::{Cause, ConnectError, Limit, Stage},
        io::Io,
    },
};
use bytes::{Buf, BytesMut};
use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, timeout},
};

/// The longest method of HTTP that is waited for; the longest that is registered has 17 letters.
const LONGEST_METHOD: usize = 20;
/// What [`Http1Connection::refuse`] reads of a request, and how long it takes for all at most.
const REQUEST: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(5);

/// What such connections are handed to.
pub(super) type Http1 =
    dyn Fn(Http1Connection) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A connection whose client speaks HTTP/1.1, from its first octet on: a stream of bytes for an HTTP/1.1 server, such as hyper's
/// `http1::Builder::serve_connection`. Through TLS that is what is inside of it. See [`Server::http1`](crate::Server::http1).
///
/// ```
/// use farcall::{Server, server::Http1Connection};
/// use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::TcpStream};
///
/// /// One line for whoever looks after the machine; everybody else is sent away.
/// async fn probe(mut connection: Http1Connection) {
///     if !connection.peer().remote_address().ip().is_some_and(|address| address.ip().is_loopback()) {
///         return connection.refuse("This port is for gRPC.").await;
///     }
///     let mut start = [0; 14];
///     if connection.read_exact(&mut start).await.is_ok() && start == *b"GET /livez HTT" {
///         connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.ok();
///         connection.shutdown().await.ok();
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().http1(probe).bind("127.0.0.1:0").await?;
/// # let address = server.local_addr()?;
/// # tokio::spawn(server.serve());
/// # let mut client = TcpStream::connect(address).await?;
/// # client.write_all(b"GET /livez HTTP/1.1\r\n\r\n").await?;
/// # let mut answer = [0; 12];
/// # client.read_exact(&mut answer).await?;
/// # assert_eq!(answer, *b"HTTP/1.1 204");
/// # Ok(()) }
/// ```
pub struct Http1Connection {
    said: BytesMut,
    io: Io,
    peer: Peer,
    draining: Arc<Draining>,
}

/// What a client has begun to speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protocol {
    Http1,
    /// HTTP/2, or what its machine has a name for.
    Other,
}

/// A new connection with what was read of it already.
pub(super) enum Begun {
    Http2(Io, BytesMut),
    Http1(Io, BytesMut),
}

/// Waits for the first octets, until `deadline`; not for those of a client that has agreed to HTTP/2 by ALPN: it knows what it wants.
///
/// # Errors
/// The client has said nothing in time, or others were waiting. It came through TLS without having agreed to HTTP/2, and speaks
/// something else than HTTP/1.1.
pub(super) async fn begin(
    mut io: Io,
    peer: &Peer,
    place: &Place,
    deadline: Instant,
) -> Result<Begun, ConnectError> {
    let mut said = BytesMut::new();
    let tls = peer.tls().map(TlsPeer::alpn);
    if tls == Some(b"h2") {
        return Ok(Begun::Http2(io, said));
    }
    let limit = Limit::until(peer.remote_address(), deadline);
    let listening = async {
        match place.hold(listen(&mut io, &mut said)).await {
            #[cfg(feature = "tls")]
            Some(Ok(Protocol::Other)) if tls.is_some() => {
                io.shutdown().await.ok();
                Err(TlsError::client_without_h2().into())
            }
            Some(heard) => heard.map_err(Cause::from),
            None => Err(gave_way().into()),
        }
    };
    Ok(match limit.apply(Stage::Connect, listening).await? {
        Protocol::Http1 => Begun::Http1(io, said),
        Protocol::Other => Begun::Http2(io, said),
    })
}

fn gave_way() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "nothing said yet, and others waited (max_concurrent_handshakes)",
    )
}

async fn listen(io: &mut Io, said: &mut BytesMut) -> io::Result<Protocol> {
    loop {
        said.reserve(1024);
        let end = io.read_buf(said).await? == 0;
        match judge(said) {
            Some(protocol) => return Ok(protocol),
            None if end => return Ok(Protocol::Other),
            None => {}
        }
    }
}

/// A method in capitals and a blank begin a request of HTTP/1.1 (RFC 9112 §3); "PRI" is HTTP/2's own (RFC 9113 §3.4).
fn judge(said: &[u8]) -> Option<Protocol> {
    match said.iter().position(|octet| !octet.is_ascii_uppercase()) {
        Some(end) if end > 0 && said[end] == b' ' && said[..end] != *b"PRI" => {
            Some(Protocol::Http1)
        }
        Some(_) => Some(Protocol::Other),
        None => (said.len() > LONGEST_METHOD).then_some(Protocol::Other),
    }
}

impl Http1Connection {
    pub(super) fn new(
        io: Io,
        said: BytesMut,
        peer: Peer,
        draining: Arc<Draining>,
    ) -> Http1Connection {
        Http1Connection {
            said,
            io,
            peer,
            draining,
        }
    }

    /// Who is there.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Waits until the server shuts down: then the connection should end after the request that it is at. What is left when the drain is over
    /// is cut.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        let draining = Arc::clone(&self.draining);
        async move { draining.wait().await }
    }

    /// Answers the first request with 400 and a line of text, and ends the connection. Takes 5 s at most.
    pub async fn refuse(mut self, text: &str) {
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{text}\n",
            text.len() + 1
        );
        let answering = async {
            // Unread input would make the system reset the connection, and the answer with it.
            let mut request = BytesMut::with_capacity(1024);
            while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST {
                if self.read_buf(&mut request).await? == 0 {
                    break;
                }
            }
            self.write_all(answer.as_bytes()).await?;
            self.shutdown().await?;
            tokio::io::copy(&mut self, &mut tokio::io::sink()).await
        };
        // Whether the client takes it is the client's affair.
        timeout(PATIENCE, answering).await.ok();
    }
}

impl AsyncRead for Http1Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.said.is_empty() {
            return Pin::new(&mut this.io).poll_read(cx, buffer);
        }
        let len = this.said.len().min(buffer.remaining());
        buffer.put_slice(&this.said[..len]);
        this.said.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http1Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

impl fmt::Debug for Http1Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1Connection")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_from_the_preface_and_from_anything_else() {
        for (said, protocol) in [
            (&b""[..], None),
            (b"P", None),
            (b"PR", None),
            (b"PRI", None),
            (b"PRI * HTTP/2.0", Some(Protocol::Other)),
            (b"PRINT ", Some(Protocol::Http1)),
            (b"GET", None),
            (b"GET ", Some(Protocol::Http1)),
            (b"UPDATEREDIRECTREF /x", Some(Protocol::Http1)),
            (b" GET", Some(Protocol::Other)),
            (b"get /", Some(Protocol::Other)),
            (b"SSH-2.0", Some(Protocol::Other)),
            (b"\x16\x03\x01", Some(Protocol::Other)),
            (b"AAAAAAAAAAAAAAAAAAAAAAAAA", Some(Protocol::Other)),
        ] {
            assert_eq!(judge(said), protocol, "{}", said.escape_ascii());
        }
    }
}
