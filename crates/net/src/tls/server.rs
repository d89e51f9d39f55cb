//! The server's side: who to be, and which clients to trust.

use super::{
    error::{Kind, Side, TlsConfigError, TlsError},
    established::{H2, describe},
    explain,
    pem::{self, Pem},
    provider::provider,
};
use crate::peer::TlsPeer;
use rustls::{
    RootCertStore, ServerConfig,
    server::{ResolvesServerCert, WebPkiClientVerifier},
    sign::SingleCertAndKey,
};
use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// TLS for a server: its certificate, and which clients to let in.
///
/// Clients must speak HTTP/2 by ALPN, as gRPC clients do. TLS 1.2 and 1.3 are spoken.
///
/// ```
/// use farcall::{Server, ServerTls};
/// # use farcall::{Channel, ClientTls};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let certs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata"));
/// let tls = ServerTls::from_pem_files(certs.join("server.pem"), certs.join("server.key"))?;
/// // Only for clients with a certificate that this authority has signed:
/// let tls = tls.client_ca(certs.join("ca.pem"))?;
/// let server = Server::builder().tls(tls).bind("127.0.0.1:0").await?;
/// # let target = server.local_addr()?.to_string();
/// # tokio::spawn(server.serve());
/// # let tls = ClientTls::ca_pem_file(certs.join("ca.pem"))?.identity_pem_files(certs.join("client.pem"), certs.join("client.key"))?;
/// # Channel::builder(target).tls(tls).build()?.connect().await?;
/// # Ok(()) }
/// ```
///
/// Certificates and keys are read when they are given; a renewed certificate needs a new server.
#[derive(Clone)]
pub struct ServerTls {
    source: Arc<Source>,
}

struct Source {
    kind: SourceKind,
    auth: Option<ClientAuth>,
    /// Made once for all clones, because it holds the session cache.
    built: OnceLock<Result<Arc<ServerConfig>, TlsConfigError>>,
}

#[derive(Clone)]
enum SourceKind {
    /// Asked for the certificate at each handshake: the place where a renewed one comes in.
    Own {
        identity: Arc<dyn ResolvesServerCert>,
        client_roots: RootCertStore,
    },
    Rustls(Arc<ServerConfig>),
}

/// What to do with a client that shows no certificate. One that shows a bad certificate is always refused.
///
/// ```
/// use farcall::{ServerTls, tls::ClientAuth};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let certs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata"));
/// let tls = ServerTls::from_pem_files(certs.join("server.pem"), certs.join("server.key"))?
///     .client_ca(certs.join("ca.pem"))?
///     .client_auth(ClientAuth::Optional); // handlers look at `request.peer()`
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Refuse it: the default where a client CA is configured.
    #[default]
    Required,
    /// Let it in; its [`TlsPeer::certificates`] are empty.
    Optional,
}

impl ServerTls {
    /// A certificate chain, the server's own first, and its private key (PKCS#8, PKCS#1 or SEC1, not encrypted),
    /// in PEM files, which are read now.
    ///
    /// # Errors
    /// If a file cannot be read or is malformed, or if they do not belong together.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<ServerTls, TlsConfigError> {
        ServerTls::own(
            &Pem::read(certificates.as_ref())?,
            &Pem::read(key.as_ref())?,
        )
    }

    /// The same from memory.
    ///
    /// # Errors
    /// If one of them is malformed, or if they do not belong together.
    pub fn from_pem(
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<ServerTls, TlsConfigError> {
        let certificates = Pem::new("server certificate", certificates.as_ref());
        ServerTls::own(&certificates, &Pem::new("server private key", key.as_ref()))
    }

    /// Takes a rustls configuration as it is, with two exceptions: ALPN is set to `h2`, the only protocol that
    /// a gRPC server speaks, and that the client has asked for it is checked.
    pub fn from_rustls(config: impl Into<Arc<ServerConfig>>) -> ServerTls {
        let mut config = config.into();
        Arc::make_mut(&mut config).alpn_protocols = vec![H2.to_vec()];
        ServerTls::new(SourceKind::Rustls(config), None)
    }

    /// Asks clients for certificates, and trusts those that an authority in this PEM file has signed. The file
    /// is read now. Called again, it adds authorities.
    ///
    /// Clients without a certificate are refused, unless [`client_auth`](Self::client_auth) says otherwise.
    ///
    /// # Errors
    /// If the file cannot be read, has no certificate in it or one that cannot be an authority; after
    /// [`from_rustls`](Self::from_rustls).
    pub fn client_ca(self, path: impl AsRef<Path>) -> Result<ServerTls, TlsConfigError> {
        self.add_client_ca(&Pem::read(path.as_ref())?)
    }

    /// The same from memory.
    ///
    /// # Errors
    /// As for [`client_ca`](Self::client_ca).
    pub fn client_ca_pem(self, pem: impl AsRef<[u8]>) -> Result<ServerTls, TlsConfigError> {
        self.add_client_ca(&Pem::new("client CA certificates", pem.as_ref()))
    }

    /// Whether clients must show a certificate; they must by default.
    ///
    /// Starting the server fails if this is set and there is no [`client_ca`](Self::client_ca).
    pub fn client_auth(self, auth: ClientAuth) -> ServerTls {
        ServerTls::new(self.source.kind.clone(), Some(auth))
    }

    /// What connections are accepted with; the first call makes it for all clones.
    pub(crate) fn acceptor(&self) -> Result<Acceptor, TlsConfigError> {
        let source = &*self.source;
        let config = source
            .built
            .get_or_init(|| source.kind.build(source.auth))
            .clone()?;
        Ok(Acceptor { config })
    }

    fn own(certificates: &Pem, key: &Pem) -> Result<ServerTls, TlsConfigError> {
        let identity = pem::identity(certificates, key, &*provider()?)?;
        let identity = Arc::new(SingleCertAndKey::from(identity));
        Ok(ServerTls::new(
            SourceKind::Own {
                identity,
                client_roots: RootCertStore::empty(),
            },
            None,
        ))
    }

    fn new(kind: SourceKind, auth: Option<ClientAuth>) -> ServerTls {
        ServerTls {
            source: Arc::new(Source {
                kind,
                auth,
                built: OnceLock::new(),
            }),
        }
    }

    fn add_client_ca(self, pem: &Pem) -> Result<ServerTls, TlsConfigError> {
        let mut kind = self.source.kind.clone();
        match &mut kind {
            SourceKind::Own { client_roots, .. } => pem::add_authorities(client_roots, pem)?,
            SourceKind::Rustls(_) => return Err(foreign()),
        }
        Ok(ServerTls::new(kind, self.source.auth))
    }
}

fn foreign() -> TlsConfigError {
    let problem =
        "client certificates must be set up in the rustls configuration that was handed over";
    TlsConfigError::unusable("TLS", problem)
}

impl SourceKind {
    fn build(&self, auth: Option<ClientAuth>) -> Result<Arc<ServerConfig>, TlsConfigError> {
        let (identity, client_roots) = match self {
            SourceKind::Rustls(_) if auth.is_some() => return Err(foreign()),
            SourceKind::Rustls(config) => return Ok(Arc::clone(config)),
            SourceKind::Own {
                identity,
                client_roots,
            } => (identity, client_roots),
        };
        if client_roots.is_empty() && auth.is_some() {
            let problem = "client certificates are asked for, but there is no client CA to trust";
            return Err(TlsConfigError::unusable("TLS", problem));
        }
        let provider = provider()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsConfigError::unusable("TLS", error.to_string()).because(error))?;
        let builder = if client_roots.is_empty() {
            builder.with_no_client_auth()
        } else {
            let roots = Arc::new(client_roots.clone());
            let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            if auth == Some(ClientAuth::Optional) {
                verifier = verifier.allow_unauthenticated();
            }
            let verifier = verifier.build();
            let verifier = verifier.map_err(|error| {
                TlsConfigError::unusable("client CA certificates", error.to_string()).because(error)
            })?;
            builder.with_client_cert_verifier(verifier)
        };
        let mut config = builder.with_cert_resolver(Arc::clone(identity));
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ServerTls");
        match &self.source.kind {
            SourceKind::Own { client_roots, .. } => {
                debug.field("client_authorities", &client_roots.len())
            }
            SourceKind::Rustls(_) => debug.field("rustls", &true),
        };
        debug.field("client_auth", &self.source.auth).finish()
    }
}

/// What makes TLS connections of clients. Clones share everything.
#[derive(Clone)]
pub(crate) struct Acceptor {
    config: Arc<ServerConfig>,
}

impl Acceptor {
    /// Shakes hands over `io` with a client.
    ///
    /// Has no time limit of its own. Dropping the future drops `io`.
    pub(crate) async fn handshake<S>(
        &self,
        io: S,
    ) -> Result<(tokio_rustls::server::TlsStream<S>, TlsPeer), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config));
        let accepted = acceptor.accept(io).await;
        let mut stream = accepted.map_err(|error| explain::handshake_error(error, Side::Client))?;
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(H2) {
            // The client named no protocol at all; one that names others is refused by rustls.
            stream.shutdown().await.ok();
            return Err(TlsError {
                kind: Kind::Alpn,
                peer: Side::Client,
                cause: None,
            });
        }
        let server_name = session.server_name().map(str::to_owned);
        let peer = describe(session, server_name);
        Ok((stream, peer))
    }
}
