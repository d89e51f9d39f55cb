//! From an address to a connection that is ready for HTTP/2, or the reason why there is none.

use super::io::{Io, TcpOptions};
use crate::peer::{Peer, SocketAddress};
use crate::proxy::{ProxyError, ProxyUrl};
#[cfg(feature = "tls")]
use crate::tls::{Connector, TlsError};
use crate::words::words;
use std::{error::Error, fmt, future::Future, io, time::Duration};
use tokio::{net::TcpStream, time::Instant};

/// How a connection is secured.
#[derive(Clone)]
pub(crate) enum Security {
    Plaintext,
    #[cfg(feature = "tls")]
    Tls(Connector),
}

/// Connects to one address and shakes hands. Which of several addresses to try, and when, is the policy's affair.
///
/// `server_name` (`host` or `host:port`) is what the server must prove, if the TLS configuration does not say
/// otherwise; without TLS it is not used. At `deadline` the attempt ends with an error that names the stage it
/// was in; dropping the future ends it too.
pub(crate) async fn connect(
    address: &SocketAddress,
    security: &Security,
    server_name: &str,
    options: TcpOptions,
    time: impl Into<ConnectTime>,
) -> Result<(Io, Peer), ConnectError> {
    let limit = Limit::until(address, time).ahead();
    let open = async { Ok(open(address, options).await?) };
    secure(&limit, Stage::Connect, open, security, server_name).await
}

/// Shakes hands on the connection that `open` makes, which is a stage of its own.
pub(crate) async fn secure(
    limit: &Limit<'_>,
    stage: Stage,
    open: impl Future<Output = Result<(Io, SocketAddress), Cause>>,
    security: &Security,
    server_name: &str,
) -> Result<(Io, Peer), ConnectError> {
    let (io, local) = limit.apply(stage, open).await?;
    let (io, tls) = match security {
        Security::Plaintext => (io, None),
        #[cfg(feature = "tls")]
        Security::Tls(connector) => {
            // Boxed: it is as large as the rest of connecting many times over.
            let handshake = Box::pin(connector.handshake(io, server_name));
            let (stream, peer) = limit.apply(Stage::Tls, handshake).await?;
            (Io::Tls(Box::new(stream.into())), Some(peer))
        }
    };
    #[cfg(not(feature = "tls"))]
    let _ = server_name;
    Ok((io, Peer::new(limit.address.clone(), local, tls)))
}

/// A connected socket and its own address.
pub(crate) async fn open(
    address: &SocketAddress,
    options: TcpOptions,
) -> io::Result<(Io, SocketAddress)> {
    match address {
        SocketAddress::Ip(ip) => {
            let stream = TcpStream::connect(ip).await?;
            let local = stream.local_addr()?;
            Ok((Io::tcp(stream, options)?, local.into()))
        }
        #[cfg(unix)]
        SocketAddress::Unix(path) => open_unix(path).await,
        #[cfg(target_os = "linux")]
        SocketAddress::UnixAbstract(name) => {
            use std::os::unix::ffi::OsStrExt;
            // tokio takes a leading NUL for the abstract namespace (unix(7)).
            let path = [b"\0", name.as_slice()].concat();
            open_unix(std::path::Path::new(std::ffi::OsStr::from_bytes(&path))).await
        }
        _ => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this system cannot connect to such an address",
        )),
    }
}

#[cfg(unix)]
async fn open_unix(path: &std::path::Path) -> io::Result<(Io, SocketAddress)> {
    let stream = tokio::net::UnixStream::connect(path).await?;
    let local = std::os::unix::net::SocketAddr::from(stream.local_addr()?).into();
    Ok((Io::Unix(stream), local))
}

/// When a connection has to be ready, and how long that was from the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectTime {
    deadline: Instant,
    allowed: Duration,
}

impl ConnectTime {
    /// From then until then: the task that connects may begin later.
    pub(crate) fn between(start: std::time::Instant, deadline: std::time::Instant) -> ConnectTime {
        ConnectTime {
            deadline: Instant::from_std(deadline),
            allowed: deadline.saturating_duration_since(start),
        }
    }
}

impl From<Instant> for ConnectTime {
    /// From now on.
    fn from(deadline: Instant) -> ConnectTime {
        let allowed = deadline.saturating_duration_since(Instant::now());
        ConnectTime { deadline, allowed }
    }
}

/// The time that the stages of one connection have together.
pub(crate) struct Limit<'a> {
    address: &'a SocketAddress,
    /// The proxy that leads there.
    proxy: Option<String>,
    deadline: Instant,
    allowed: Duration,
}

impl<'a> Limit<'a> {
    pub(crate) fn until(address: &'a SocketAddress, time: impl Into<ConnectTime>) -> Limit<'a> {
        let ConnectTime { deadline, allowed } = time.into();
        Limit {
            address,
            proxy: None,
            deadline,
            allowed,
        }
    }

    /// The same, a moment ahead of the time: the channel's machine keeps the same deadline, and knows less of what took so
    /// long.
    pub(crate) fn ahead(mut self) -> Limit<'a> {
        let moment = Duration::from_millis(20).min(self.allowed / 20);
        self.deadline = self.deadline.checked_sub(moment).unwrap_or(self.deadline);
        self
    }

    /// The same for a connection through a proxy.
    pub(crate) fn through(mut self, proxy: &ProxyUrl) -> Limit<'a> {
        self.proxy = Some(proxy.to_string());
        self
    }

    /// What `work` gives, or the error of its stage.
    pub(crate) async fn apply<T, E>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ConnectError>
    where
        Cause: From<E>,
    {
        let cause = match tokio::time::timeout_at(self.deadline, work).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(cause)) => Cause::from(cause),
            Err(_) => Cause::TimedOut(self.allowed),
        };
        Err(ConnectError {
            address: self.address.clone(),
            proxy: self.proxy.clone(),
            stage,
            cause,
            hint: None,
        })
    }
}

/// Why a connection did not come to be: one that this side opened, or one that a server accepted.
///
/// `Display` starts with the peer's address, such as `127.0.0.1:50051: connection refused`; `source()` leads
/// to the system's or rustls' own error.
///
/// A call or a channel that cannot connect fails with `UNAVAILABLE` and has this in its cause chain, which never leaves the process:
///
/// ```
/// use farcall::{Channel, Code, ConnectError};
/// use std::{error::Error, iter::successors};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = Channel::builder("ipv4:127.0.0.1:1").insecure().build()?;
/// let status = channel.connect().await.unwrap_err();
/// assert_eq!(status.code(), Code::Unavailable);
///
/// let chain = successors(status.source(), |&error| error.source());
/// let error: &ConnectError = chain.filter_map(|error| error.downcast_ref()).next().expect("why there is no connection");
/// assert!(error.is_refused());
/// assert_eq!(error.address().to_string(), "127.0.0.1:1");
/// # Ok(()) }
/// ```
pub struct ConnectError {
    address: SocketAddress,
    proxy: Option<String>,
    stage: Stage,
    cause: Cause,
    /// What the user may have to know.
    hint: Option<&'static str>,
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Connect,
    /// The proxy is reached, and asked.
    Proxy,
    #[cfg(feature = "tls")]
    Tls,
}

/// What ended it.
#[derive(Debug)]
pub(crate) enum Cause {
    Io(io::Error),
    TimedOut(Duration),
    Proxy(ProxyError),
    #[cfg(feature = "tls")]
    Tls(TlsError),
}

impl From<ProxyError> for Cause {
    fn from(error: ProxyError) -> Cause {
        Cause::Proxy(error)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Cause {
        Cause::Io(error)
    }
}

#[cfg(feature = "tls")]
impl From<TlsError> for Cause {
    fn from(error: TlsError) -> Cause {
        Cause::Tls(error)
    }
}

impl ConnectError {
    /// Adds what may help, if nobody listens there or nobody answers.
    pub(crate) fn with_hint(mut self, hint: Option<&'static str>) -> ConnectError {
        if self.is_connect() && (self.is_refused() || self.is_timeout()) {
            self.hint = hint;
        }
        self
    }

    /// What happened, where the address is known.
    pub(crate) fn what(&self) -> impl fmt::Display {
        What(self)
    }

    /// The peer's address; behind a proxy that of the server, as the proxy was told.
    pub fn address(&self) -> &SocketAddress {
        &self.address
    }

    /// The socket did not connect; nothing was said yet.
    pub fn is_connect(&self) -> bool {
        self.stage == Stage::Connect
    }

    /// The TLS handshake failed, or what it agreed on does not do.
    pub fn is_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.stage == Stage::Tls;
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The proxy could not be reached, or did not connect to the server in time or at all.
    pub fn is_proxy(&self) -> bool {
        self.stage == Stage::Proxy
    }

    /// The URL of the proxy that leads to the server, such as `http://proxy.example:3128`, without credentials.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Nothing listens at the address.
    pub fn is_refused(&self) -> bool {
        matches!(&self.cause, Cause::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused)
    }

    /// The time was over: this side's limit, or the system's.
    pub fn is_timeout(&self) -> bool {
        match &self.cause {
            Cause::TimedOut(_) => true,
            Cause::Io(error) => error.kind() == io::ErrorKind::TimedOut,
            Cause::Proxy(_) => false,
            #[cfg(feature = "tls")]
            Cause::Tls(_) => false,
        }
    }

    /// What TLS has to say, if that is where it failed.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<&TlsError> {
        match &self.cause {
            Cause::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, What(self))
    }
}

/// An error without its address.
struct What<'a>(&'a ConnectError);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConnectError {
            address: _,
            proxy,
            stage,
            cause,
            hint,
        } = self.0;
        if let Some(proxy) = proxy {
            write!(f, "through the proxy {proxy}: ")?;
        }
        match stage {
            Stage::Connect | Stage::Proxy => {}
            #[cfg(feature = "tls")]
            Stage::Tls => f.write_str("TLS: ")?,
        }
        match cause {
            Cause::Io(error) => f.write_str(&words(error))?,
            Cause::TimedOut(after) => write!(f, "timed out after {:?}", millis(*after))?,
            Cause::Proxy(error) => error.fmt(f)?,
            #[cfg(feature = "tls")]
            Cause::Tls(error) => error.fmt(f)?,
        }
        match hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectError")
            .field("address", &self.address)
            .field("proxy", &self.proxy)
            .field("stage", &self.stage)
            .field("cause", &self.cause)
            .finish()
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Io(error) => Some(error),
            Cause::TimedOut(_) => None,
            Cause::Proxy(error) => Some(error),
            #[cfg(feature = "tls")]
            Cause::Tls(error) => Some(error),
        }
    }
}

/// Nobody reads more digits.
fn millis(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
