//! Custom ways to connect.

use farcall_lb::Address;
use std::{fmt, future::Future, io, pin::Pin};
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes that a channel can speak HTTP/2 on.
///
/// Whatever tokio can read from and write to is one.
///
/// ```
/// use farcall::client::ByteStream;
/// use tokio::net::UnixStream;
///
/// fn takes(stream: impl ByteStream) -> Box<dyn ByteStream> {
///     Box::new(stream)
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// # let _guard = runtime.enter();
/// takes(tokio::io::duplex(64).0);
/// takes(UnixStream::pair()?.0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// The future of a connection in the making.
///
/// ```
/// use farcall::client::{ByteStream, Connecting};
/// use tokio::net::TcpStream;
///
/// fn connecting(address: String) -> Connecting {
///     Box::pin(async move {
///         let stream = TcpStream::connect(address).await?;
///         stream.set_nodelay(true)?; // or small messages wait for acknowledgements
///         Ok(Box::new(stream) as Box<dyn ByteStream>)
///     })
/// }
/// # assert!(tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(connecting(String::new())).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn ByteStream>>> + Send>>;

/// Turns addresses into connected streams, in place of the built-in sockets. Closures are connectors.
///
/// ```
/// use farcall::{Channel, client::ByteStream};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = Channel::builder("passthrough:///in-memory")
///     .insecure()
///     .connector(|_address: &farcall::Address| {
///         let (near, _far) = tokio::io::duplex(64 << 10);
///         Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) }) as _
///     })
///     .build()?;
/// # Ok(()) }
/// ```
pub trait Connector: Send + Sync + 'static {
    /// Connects. The channel gives up when its time is over by dropping the future.
    fn connect(&self, address: &Address) -> Connecting;
}

impl<F: Fn(&Address) -> Connecting + Send + Sync + 'static> Connector for F {
    fn connect(&self, address: &Address) -> Connecting {
        self(address)
    }
}

impl fmt::Debug for dyn Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
