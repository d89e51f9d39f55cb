//! What went wrong with a proxy.

#[cfg(feature = "tls")]
use crate::tls::TlsError;
use std::{error::Error, fmt, io, sync::Arc};

/// A proxy could not be reached, or would not connect to the destination. It is the cause of a
/// [`ConnectError`](crate::ConnectError), which names the proxy.
///
/// ```
/// use farcall::client::ProxyError;
/// use std::{error::Error, iter::successors};
///
/// /// Whether a call failed because the proxy wants a password.
/// fn wants_password(status: &farcall::Status) -> bool {
///     let chain = successors(status.source(), |&error| error.source());
///     let mut proxies = chain.filter_map(|error| error.downcast_ref::<ProxyError>());
///     proxies.any(|error| error.http_status() == Some(407))
/// }
/// # assert!(!wants_password(&farcall::Status::unavailable("")));
/// ```
#[derive(Clone)]
pub struct ProxyError {
    problem: Problem,
}

/// See [`ProxyError`].
#[derive(Clone, Debug)]
pub(crate) enum Problem {
    /// Its name could not be looked up.
    LookUp(Arc<io::Error>),
    /// It could not be connected to.
    Connect(Arc<io::Error>),
    /// The TLS handshake with it failed.
    #[cfg(feature = "tls")]
    Tls(Arc<TlsError>),
    /// The connection to it failed while the destination was asked for.
    Io(Arc<io::Error>),
    /// It has closed the connection instead of an answer.
    Closed,
    /// Its answer to CONNECT: the status code, and the status line as it came.
    Http(u16, String),
    /// Its answer to SOCKS: RFC 1928 §6.
    Socks(u8),
    /// It takes none of the ways to log in that were offered; was there a password?
    SocksMethod { password: bool },
    /// It refuses user and password (RFC 1929).
    SocksPassword,
    /// It does not speak the protocol; what came.
    Malformed(&'static str, String),
    /// Its answer is larger than this.
    TooLarge(usize),
}

impl ProxyError {
    pub(crate) fn new(problem: Problem) -> ProxyError {
        ProxyError { problem }
    }

    /// The status code of its answer to HTTP CONNECT, if that is why.
    pub fn http_status(&self) -> Option<u16> {
        match self.problem {
            Problem::Http(status, _) => Some(status),
            _ => None,
        }
    }

    /// The reply code of SOCKS 5 (RFC 1928 §6), if that is why.
    pub fn socks_reply(&self) -> Option<u8> {
        match self.problem {
            Problem::Socks(reply) => Some(reply),
            _ => None,
        }
    }

    /// It could not be connected to: its name, the socket or TLS.
    pub fn is_connect(&self) -> bool {
        match self.problem {
            Problem::LookUp(_) | Problem::Connect(_) => true,
            #[cfg(feature = "tls")]
            Problem::Tls(_) => true,
            _ => false,
        }
    }
}

impl From<Problem> for ProxyError {
    fn from(problem: Problem) -> ProxyError {
        ProxyError::new(problem)
    }
}

/// RFC 1928 §6.
fn socks_words(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "a reply that RFC 1928 does not know",
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::LookUp(error) => write!(f, "its name cannot be resolved: {error}"),
            Problem::Connect(error) => write!(f, "it cannot be reached: {error}"),
            #[cfg(feature = "tls")]
            Problem::Tls(error) => write!(f, "TLS with it: {error}"),
            Problem::Io(error) => write!(f, "the connection to it failed: {error}"),
            Problem::Closed => f.write_str("it closed the connection without an answer"),
            Problem::Http(status, line) => {
                write!(f, "it answered CONNECT with \"{}\"", line.escape_debug())?;
                if *status == 407 {
                    f.write_str(" (it wants other credentials than the channel has for it)")?;
                }
                Ok(())
            }
            Problem::Socks(reply) => {
                let words = socks_words(*reply);
                write!(f, "it answered the SOCKS request with {reply}: {words}")
            }
            Problem::SocksMethod { password: true } => {
                f.write_str("it takes neither a user with password nor nobody")
            }
            Problem::SocksMethod { password: false } => {
                f.write_str("it wants credentials that the channel has not")
            }
            Problem::SocksPassword => f.write_str("it refuses the user and password"),
            Problem::Malformed(protocol, seen) => {
                let seen = seen.escape_debug();
                write!(f, "it does not speak {protocol}, its answer was \"{seen}\"")
            }
            Problem::TooLarge(limit) => write!(f, "its answer is larger than {limit} bytes"),
        }
    }
}

impl fmt::Debug for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyError({:?})", self.problem)
    }
}

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            Problem::LookUp(error) | Problem::Connect(error) | Problem::Io(error) => Some(&**error),
            #[cfg(feature = "tls")]
            Problem::Tls(error) => Some(&**error),
            _ => None,
        }
    }
}
