//! What goes wrong with TLS: in a configuration, and with a peer.

use crate::words::words;
use std::{error::Error, fmt, io, sync::Arc};

/// A TLS configuration that cannot work. The text names the file, or the argument, and what is wrong with it.
///
/// ```
/// use farcall::ClientTls;
///
/// let error = ClientTls::ca_pem_file("/no/such/ca.pem").unwrap_err();
/// assert!(error.is_unreadable());
/// assert!(error.to_string().starts_with("/no/such/ca.pem: "));
/// ```
#[derive(Clone)]
pub struct TlsConfigError {
    inner: Arc<ConfigInner>,
}

struct ConfigInner {
    kind: ConfigKind,
    subject: String,
    problem: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ConfigKind {
    Unreadable,
    Malformed,
    Mismatch,
    Unusable,
}

impl TlsConfigError {
    fn new(kind: ConfigKind, subject: &str, problem: impl Into<String>) -> TlsConfigError {
        let (subject, problem) = (subject.to_owned(), problem.into());
        TlsConfigError {
            inner: Arc::new(ConfigInner {
                kind,
                subject,
                problem,
                cause: None,
            }),
        }
    }

    pub(super) fn unreadable(subject: &str, cause: io::Error) -> TlsConfigError {
        let error = TlsConfigError::new(ConfigKind::Unreadable, subject, cause.to_string());
        error.because(cause)
    }

    pub(super) fn malformed(subject: &str, problem: impl Into<String>) -> TlsConfigError {
        TlsConfigError::new(ConfigKind::Malformed, subject, problem)
    }

    pub(super) fn mismatch(subject: &str, problem: impl Into<String>) -> TlsConfigError {
        TlsConfigError::new(ConfigKind::Mismatch, subject, problem)
    }

    pub(super) fn unusable(subject: &str, problem: impl Into<String>) -> TlsConfigError {
        TlsConfigError::new(ConfigKind::Unusable, subject, problem)
    }

    /// Adds the cause of an error that was just made.
    pub(super) fn because(
        mut self,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> TlsConfigError {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.cause = Some(cause.into());
        }
        self
    }

    /// A file could not be read.
    pub fn is_unreadable(&self) -> bool {
        self.inner.kind == ConfigKind::Unreadable
    }

    /// Something is not what it should be: no PEM, no certificate, a key of an unknown or encrypted kind, no name.
    pub fn is_malformed(&self) -> bool {
        self.inner.kind == ConfigKind::Malformed
    }

    /// The private key does not belong to the certificate.
    pub fn is_mismatch(&self) -> bool {
        self.inner.kind == ConfigKind::Mismatch
    }
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.subject, self.inner.problem)
    }
}

impl fmt::Debug for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TlsConfigError({:?}, {:?})",
            self.inner.kind,
            self.to_string()
        )
    }
}

impl Error for TlsConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.cause.as_ref().map(|cause| &**cause as _)
    }
}

/// Which end of a connection is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Client => "client",
            Side::Server => "server",
        })
    }
}

/// Why TLS with a peer failed, in the handshake or afterwards.
///
/// `Display` says in words what is wrong and at which end; `source()` leads to the `rustls::Error` or
/// `std::io::Error`.
///
/// ```
/// use farcall::{Channel, ClientTls, ConnectError};
/// use std::{error::Error, iter::successors};
/// # use farcall::{Server, ServerTls};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let certs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata"));
/// # let tls = ServerTls::from_pem_files(certs.join("server.pem"), certs.join("server.key"))?;
/// # let server = Server::builder().tls(tls).bind("127.0.0.1:0").await?;
/// # let target = server.local_addr()?.to_string();
/// # tokio::spawn(server.serve());
/// // The server's certificate is signed by another authority than this.
/// let tls = ClientTls::ca_pem_file(certs.join("other-ca.pem"))?;
/// let status = Channel::builder(target).tls(tls).build()?.connect().await.unwrap_err();
///
/// let mut chain = successors(status.source(), |&error| error.source());
/// let error = chain.find_map(|error| error.downcast_ref().and_then(ConnectError::tls)).expect("TLS is to blame");
/// assert!(error.is_untrusted());
/// assert_eq!(error.to_string(), "the server's certificate is not trusted: no configured authority has signed it");
/// # Ok(()) }
/// ```
pub struct TlsError {
    pub(super) kind: Kind,
    /// The other end.
    pub(super) peer: Side,
    pub(super) cause: Option<io::Error>,
}

/// What is wrong, seen from this side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The peer's bytes are not TLS.
    NotTls,
    /// HTTP/2 was not agreed on.
    Alpn,
    /// No version or cipher suite in common.
    Incompatible,
    /// The server's certificate is for other names.
    WrongName {
        expected: String,
        presented: Vec<String>,
    },
    /// What was configured or given as the server's name is none.
    BadName(String),
    /// The peer's certificate does not pass, and why.
    Untrusted(String),
    /// The peer sent no certificate.
    NoCertificate,
    /// The peer wants a certificate from this side.
    CertificateRequired,
    /// The peer does not accept this side's certificate; its words.
    Rejected(&'static str),
    /// The peer closed the connection in the middle of the handshake.
    HungUp,
    /// The peer closed the connection without saying so in TLS.
    Truncated,
    /// Anything else; the cause says it.
    Other,
}

impl TlsError {
    /// The client has not agreed to HTTP/2, and does not speak anything else that is understood.
    pub(crate) fn client_without_h2() -> TlsError {
        TlsError {
            kind: Kind::Alpn,
            peer: Side::Client,
            cause: None,
        }
    }

    /// The peer's bytes are not TLS: most likely it speaks plaintext.
    pub fn is_not_tls(&self) -> bool {
        self.kind == Kind::NotTls
    }

    /// The ends did not agree on HTTP/2 by ALPN (RFC 7301, RFC 9113 §3.2), which gRPC over TLS requires.
    pub fn is_alpn(&self) -> bool {
        self.kind == Kind::Alpn
    }

    /// The peer's certificate does not pass: signed by nobody that this side trusts, expired, revoked, or
    /// made for another purpose.
    pub fn is_untrusted(&self) -> bool {
        matches!(self.kind, Kind::Untrusted(_))
    }

    /// The server's certificate is good, but for other names than the one asked for.
    pub fn is_wrong_name(&self) -> bool {
        matches!(self.kind, Kind::WrongName { .. })
    }

    /// One end requires a certificate of the other, and got none.
    pub fn is_certificate_required(&self) -> bool {
        matches!(self.kind, Kind::NoCertificate | Kind::CertificateRequired)
    }

    /// The peer does not accept this side's certificate.
    pub fn is_rejected(&self) -> bool {
        matches!(self.kind, Kind::Rejected(_))
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.peer;
        match &self.kind {
            Kind::NotTls => write!(f, "the {peer} does not speak TLS"),
            Kind::Alpn if peer == Side::Server => {
                f.write_str("the server did not negotiate h2 over ALPN")
            }
            Kind::Alpn => f.write_str("the client did not offer h2 over ALPN"),
            Kind::Incompatible => write!(
                f,
                "no TLS version or cipher suite in common with the {peer}"
            ),
            Kind::WrongName {
                expected,
                presented,
            } => {
                write!(
                    f,
                    "the {peer}'s certificate is not valid for \"{expected}\""
                )?;
                write_names(f, presented)
            }
            Kind::BadName(name) => {
                write!(
                    f,
                    "\"{}\" is neither a DNS name nor an IP address to verify the server by",
                    name.escape_debug()
                )
            }
            Kind::Untrusted(reason) => {
                write!(f, "the {peer}'s certificate is not trusted: {reason}")
            }
            Kind::NoCertificate => write!(f, "the {peer} presented no certificate"),
            Kind::CertificateRequired => write!(f, "the {peer} requires a certificate"),
            Kind::Rejected(words) => {
                write!(f, "the {peer} rejected this side's certificate: {words}")
            }
            Kind::HungUp => write!(
                f,
                "the {peer} closed the connection during the TLS handshake"
            ),
            Kind::Truncated => write!(
                f,
                "the {peer} closed the connection without TLS close_notify"
            ),
            Kind::Other => match &self.cause {
                Some(cause) => f.write_str(&words(cause)),
                None => f.write_str("TLS failed"),
            },
        }
    }
}

/// The names that the certificate is valid for; a peer decides how many and how long.
fn write_names(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    const SHOWN: usize = 8;
    for (index, name) in names.iter().take(SHOWN).enumerate() {
        f.write_str(if index == 0 { ", only for " } else { ", " })?;
        write!(
            f,
            "{}",
            name.chars().take(253).collect::<String>().escape_debug()
        )?;
    }
    match names.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl fmt::Debug for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsError")
            .field("kind", &self.kind)
            .field("cause", &self.cause)
            .finish()
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause.as_ref()?;
        match (&self.kind, cause.get_ref()) {
            // The text is the cause's own: go on below it.
            (Kind::Other, _) => cause.source(),
            (_, Some(inner)) => Some(inner),
            (_, None) => Some(cause),
        }
    }
}
