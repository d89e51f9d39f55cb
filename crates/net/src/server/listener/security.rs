//! How accepted connections are secured.

#[cfg(feature = "tls")]
use crate::tls::Acceptor;

/// How accepted connections are secured.
#[derive(Clone)]
pub(crate) enum Security {
    Plaintext,
    #[cfg(feature = "tls")]
    Tls(Acceptor),
}
