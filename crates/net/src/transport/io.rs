//! The byte stream under a connection, whichever it is.

use socket2::SockRef;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connected transport. An enum, so that the driver's reads and writes are direct calls.
pub(crate) enum Io {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::TlsStream<Io>>),
    /// Whatever the user brings.
    Custom(Box<dyn Stream>),
}

/// What [`Io::Custom`] has to be.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What is set on every TCP socket beside TCP_NODELAY. Keepalive stays at the system's default: HTTP/2 has its own.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct TcpOptions {
    /// How long written bytes may stay unacknowledged before the system ends the connection (TCP_USER_TIMEOUT,
    /// gRFC A18: the timeout of keepalive where that is on). `None`: the system's default, many minutes.
    /// Set where the system has it: Linux, Android.
    pub(crate) user_timeout: Option<Duration>,
}

impl Io {
    /// A connected TCP socket with the options set.
    ///
    /// # Errors
    /// Those of `setsockopt`: on some systems it fails when the peer has already reset the connection.
    pub(crate) fn tcp(stream: TcpStream, options: TcpOptions) -> io::Result<Io> {
        // A small frame must not wait for the acknowledgement of the one before it (RFC 896 with delayed ACK: 40 ms).
        stream.set_nodelay(true)?;
        if let Some(timeout) = options.user_timeout {
            set_user_timeout(&SockRef::from(&stream), timeout)?;
        }
        Ok(Io::Tcp(stream))
    }

    /// Whether dropping it tells the peer of the end in an orderly way, once all that came was read. TLS has a word for it, and
    /// what others have is not known.
    pub(crate) fn ends_by_closing(&self) -> bool {
        match self {
            Io::Tcp(_) => true,
            #[cfg(unix)]
            Io::Unix(_) => true,
            #[cfg(feature = "tls")]
            Io::Tls(_) => false,
            Io::Custom(_) => false,
        }
    }

    /// Any stream of bytes.
    pub(crate) fn custom(stream: impl Stream + 'static) -> Io {
        Io::Custom(Box::new(stream))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_user_timeout(socket: &SockRef<'_>, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_user_timeout(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
    Ok(())
}

/// Calls the same method on whatever is inside. The last arm explains TLS errors in words.
macro_rules! inner {
    ($self:expr, $io:ident => $call:expr) => {
        match $self {
            Io::Tcp($io) => $call,
            #[cfg(unix)]
            Io::Unix($io) => $call,
            Io::Custom($io) => $call,
            #[cfg(feature = "tls")]
            Io::Tls($io) => explained($call, &**$io),
        }
    };
}

#[cfg(feature = "tls")]
fn explained<T>(
    outcome: Poll<io::Result<T>>,
    stream: &tokio_rustls::TlsStream<Io>,
) -> Poll<io::Result<T>> {
    use crate::tls::{Side, explain};
    outcome.map_err(|error| {
        let peer = match stream {
            tokio_rustls::TlsStream::Client(_) => Side::Server,
            tokio_rustls::TlsStream::Server(_) => Side::Client,
        };
        explain::io_error(error, peer)
    })
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        inner!(self.get_mut(), io => Pin::new(&mut *io).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        inner!(self.get_mut(), io => Pin::new(&mut *io).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        inner!(self.get_mut(), io => Pin::new(&mut *io).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Io::Tcp(io) => io.is_write_vectored(),
            #[cfg(unix)]
            Io::Unix(io) => io.is_write_vectored(),
            #[cfg(feature = "tls")]
            Io::Tls(io) => io.is_write_vectored(),
            Io::Custom(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self.get_mut(), io => Pin::new(&mut *io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        inner!(self.get_mut(), io => Pin::new(&mut *io).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn tcp_pair(options: TcpOptions) -> (Io, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (far, _) = listener.accept().await.unwrap();
        (Io::tcp(stream, options).unwrap(), far)
    }

    #[tokio::test]
    async fn tcp_sends_without_delay_and_leaves_the_user_timeout_alone() {
        let (Io::Tcp(stream), _far) = tcp_pair(TcpOptions::default()).await else {
            panic!()
        };
        assert!(stream.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_user_timeout_is_set_when_asked_for() {
        let options = TcpOptions {
            user_timeout: Some(Duration::from_secs(20)),
        };
        let (Io::Tcp(stream), _far) = tcp_pair(options).await else {
            panic!()
        };
        let timeout = SockRef::from(&stream).tcp_user_timeout().unwrap();
        assert_eq!(timeout, Some(Duration::from_secs(20)));
    }

    async fn carries_several_slices(mut near: Io, mut far: impl AsyncRead + Unpin) {
        let slices = [IoSlice::new(b"one "), IoSlice::new(b"two")];
        let written =
            std::future::poll_fn(|cx| Pin::new(&mut near).poll_write_vectored(cx, &slices));
        assert_eq!(written.await.unwrap(), 7);
        near.shutdown().await.unwrap();
        let mut text = String::new();
        far.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "one two");
    }

    #[tokio::test]
    async fn slices_leave_in_one_write_over_tcp() {
        let (near, far) = tcp_pair(TcpOptions::default()).await;
        assert!(near.is_write_vectored());
        carries_several_slices(near, far).await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn slices_leave_in_one_write_over_a_unix_socket() {
        let (near, far) = UnixStream::pair().unwrap();
        let near = Io::Unix(near);
        assert!(near.is_write_vectored());
        carries_several_slices(near, far).await;
    }

    #[tokio::test]
    async fn a_custom_stream_says_itself_whether_it_takes_slices() {
        let (near, far) = tokio::io::duplex(64);
        let near = Io::custom(near);
        assert!(near.is_write_vectored());
        carries_several_slices(near, far).await;

        let (reader, writer) = (tokio::io::empty(), Whole(Vec::new()));
        assert!(!Io::custom(tokio::io::join(reader, writer)).is_write_vectored());
    }

    /// A writer without vectored writes.
    struct Whole(Vec<u8>);

    impl AsyncWrite for Whole {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
