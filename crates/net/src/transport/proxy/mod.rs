//! Handshakes with proxies: from a connection with the proxy to one with the destination behind it.

mod head;
mod http;
mod socks;

use super::io::Io;
use crate::proxy::{Destination, Kind, Problem, ProxyUrl};

/// Asks the proxy at the other end of `io` for the destination. What follows on `io` is the destination's, from its first
/// byte.
///
/// Has no time limit of its own.
pub(crate) async fn open(
    io: &mut Io,
    url: &ProxyUrl,
    destination: &Destination,
    user_agent: &[u8],
) -> Result<(), Problem> {
    match url.kind {
        Kind::Http | Kind::Https => {
            let credentials = url.credentials.as_ref();
            http::connect(io, destination, credentials, user_agent).await
        }
        Kind::Socks5 => socks::connect(io, destination, url.credentials.as_ref()).await,
    }
}

/// A failure of the connection while it is the proxy's.
fn broken(error: std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Problem::Closed,
        _ => Problem::Io(error.into()),
    }
}

#[cfg(test)]
mod tests;
