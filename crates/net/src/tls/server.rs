//! The server's side: who to be, and which clients to trust.

use super::{
    error::{Side, TlsConfigError, TlsError},
    established::{H2, describe},
    explain,
    material::{Authorities, Identity},
    pem::Pem,
    reload::{self, Current},
    server_material::{ClientAuth, ServerConfigs, ServerMaterial},
};
use crate::peer::TlsPeer;
use rustls::ServerConfig;
use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// TLS for a server: its certificate, and which clients to let in.
///
/// Clients must speak HTTP/2 by ALPN, as gRPC clients do, unless [`Server::http1`](crate::Server::http1) takes others. TLS 1.2 and 1.3 are spoken.
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
/// Files are read when they are named, and again when they have changed: see [`reload_every`](Self::reload_every).
#[derive(Clone)]
pub struct ServerTls {
    source: Arc<Source>,
}

struct Source {
    kind: SourceKind,
    interval: Duration,
    /// Made once for all clones, because it holds the session cache.
    built: OnceLock<Result<Arc<Current<ServerMaterial>>, TlsConfigError>>,
}

#[derive(Clone)]
enum SourceKind {
    Own(ServerMaterial),
    /// And what was asked for that it has to say itself.
    Rustls(Arc<ServerConfig>, Option<ClientAuth>),
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
        ServerTls::own(Identity::files(certificates.as_ref(), key.as_ref()))
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
        let key = Pem::new("server private key", key.as_ref());
        ServerTls::own(Identity::given(&certificates, &key))
    }

    /// Takes a rustls configuration as it is, with two exceptions: ALPN is set to `h2`, the only protocol that
    /// a gRPC server speaks (and to `http/1.1` for [`Server::http1`](crate::Server::http1)), and that the client has asked for it is checked.
    pub fn from_rustls(config: impl Into<Arc<ServerConfig>>) -> ServerTls {
        let mut config = config.into();
        Arc::make_mut(&mut config).alpn_protocols = vec![H2.to_vec()];
        ServerTls::new(SourceKind::Rustls(config, None), reload::INTERVAL)
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
        self.add_client_ca(|authorities| authorities.add_file(path.as_ref()))
    }

    /// The same from memory.
    ///
    /// # Errors
    /// As for [`client_ca`](Self::client_ca).
    pub fn client_ca_pem(self, pem: impl AsRef<[u8]>) -> Result<ServerTls, TlsConfigError> {
        let pem = Pem::new("client CA certificates", pem.as_ref());
        self.add_client_ca(|authorities| authorities.add(pem))
    }

    /// Whether clients must show a certificate; they must by default.
    ///
    /// Starting the server fails if this is set and there is no [`client_ca`](Self::client_ca).
    pub fn client_auth(self, auth: ClientAuth) -> ServerTls {
        let mut kind = self.source.kind.clone();
        match &mut kind {
            SourceKind::Own(material) => material.auth = Some(auth),
            SourceKind::Rustls(_, foreign) => *foreign = Some(auth),
        }
        ServerTls::new(kind, self.source.interval)
    }

    /// How often the files that were named are looked at, at most, and only when a client connects: those that have changed are read again,
    /// all of them together, for this client and those after it. Connections that exist are left alone. Files that are missing, malformed or
    /// do not belong together are an error in the log, and what was read before stays in use; so a certificate may be replaced before its
    /// key is. Default: a minute; [`Duration::MAX`] is never.
    ///
    /// TLS sessions of before are not resumed afterwards, so that an authority that was taken out has no more say.
    pub fn reload_every(self, interval: Duration) -> ServerTls {
        ServerTls::new(self.source.kind.clone(), interval)
    }

    /// Reads the files that were named again, now, whether or not they have changed, for all servers that have this value or a clone of it.
    /// See [`reload_every`](Self::reload_every). It blocks for as long as reading files takes.
    ///
    /// # Errors
    /// As when they were named; what was read before stays in use.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use farcall::{Server, ServerTls};
    /// # let certs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata"));
    /// let tls = ServerTls::from_pem_files(certs.join("server.pem"), certs.join("server.key"))?;
    /// let server = Server::builder().tls(tls.clone());
    /// // On SIGHUP, say:
    /// tls.reload()?;
    /// # let _ = server;
    /// # Ok(()) }
    /// ```
    pub fn reload(&self) -> Result<(), TlsConfigError> {
        self.current()?.reload()
    }

    /// What connections are accepted with; the first call makes it for all clones.
    pub(crate) fn acceptor(&self) -> Result<Acceptor, TlsConfigError> {
        let current = self.current()?;
        Ok(Acceptor { current })
    }

    fn current(&self) -> Result<Arc<Current<ServerMaterial>>, TlsConfigError> {
        let source = &*self.source;
        let build = || match &source.kind {
            SourceKind::Rustls(_, Some(_)) => Err(foreign()),
            SourceKind::Rustls(config, None) => {
                let configs = ServerConfigs::of(Arc::clone(config));
                Ok(Arc::new(Current::fixed(Arc::new(configs))))
            }
            SourceKind::Own(material) => {
                Current::reloading(material.clone(), source.interval).map(Arc::new)
            }
        };
        source.built.get_or_init(build).clone()
    }

    fn own(identity: Result<Identity, TlsConfigError>) -> Result<ServerTls, TlsConfigError> {
        let kind = SourceKind::Own(ServerMaterial::new(identity?));
        Ok(ServerTls::new(kind, reload::INTERVAL))
    }

    fn new(kind: SourceKind, interval: Duration) -> ServerTls {
        ServerTls {
            source: Arc::new(Source {
                kind,
                interval,
                built: OnceLock::new(),
            }),
        }
    }

    fn add_client_ca(
        self,
        add: impl FnOnce(&mut Authorities) -> Result<(), TlsConfigError>,
    ) -> Result<ServerTls, TlsConfigError> {
        let mut kind = self.source.kind.clone();
        match &mut kind {
            SourceKind::Own(material) => add(&mut material.authorities)?,
            SourceKind::Rustls(..) => return Err(foreign()),
        }
        Ok(ServerTls::new(kind, self.source.interval))
    }
}

fn foreign() -> TlsConfigError {
    let problem =
        "client certificates must be set up in the rustls configuration that was handed over";
    TlsConfigError::unusable("TLS", problem)
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ServerTls");
        let auth = match &self.source.kind {
            SourceKind::Own(material) => {
                debug.field("client_authorities", &material.authorities.roots.len());
                &material.auth
            }
            SourceKind::Rustls(_, auth) => {
                debug.field("rustls", &true);
                auth
            }
        };
        debug.field("client_auth", auth).finish()
    }
}

/// What makes TLS connections of clients. Clones share everything.
#[derive(Clone)]
pub(crate) struct Acceptor {
    current: Arc<Current<ServerMaterial>>,
}

impl Acceptor {
    /// Shakes hands over `io` with a client. With `http1` it need not speak HTTP/2: then it may name HTTP/1.1, or nothing, which says what
    /// the [`TlsPeer`] tells. Who offers both gets HTTP/2.
    ///
    /// Has no time limit of its own. Dropping the future drops `io`.
    pub(crate) async fn handshake<S>(
        &self,
        io: S,
        http1: bool,
    ) -> Result<(tokio_rustls::server::TlsStream<S>, TlsPeer), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let configs = Current::config(&self.current).await;
        let config = match http1 {
            true => &configs.also_http1,
            false => &configs.h2,
        };
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(config));
        let accepted = acceptor.accept(io).await;
        let mut stream = accepted.map_err(|error| explain::handshake_error(error, Side::Client))?;
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(H2) && !http1 {
            // The client named no protocol at all; one that names others is refused by rustls.
            stream.shutdown().await.ok();
            return Err(TlsError::client_without_h2());
        }
        let server_name = session.server_name().map(str::to_owned);
        let peer = describe(session, server_name);
        Ok((stream, peer))
    }
}
