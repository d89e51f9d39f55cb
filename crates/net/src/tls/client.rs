//! The client's side: whom to trust, who to be.

use super::{
    client_material::{ClientConfigs, ClientMaterial},
    error::{Kind, Side, TlsConfigError, TlsError},
    established::{H2, describe},
    explain,
    material::{Authorities, Identity},
    pem::Pem,
    reload::{self, Current},
};
use crate::peer::TlsPeer;
use rustls::{
    CertificateError, ClientConfig,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// TLS for a channel: which servers to trust, and what to show them.
///
/// Servers must prove by a certificate that they own the name in the channel's target, and must speak HTTP/2
/// by ALPN; neither can be switched off here. TLS 1.2 and 1.3 are spoken.
///
/// A clone is cheap, and clones share their cache of TLS sessions: give the channels to the same servers clones
/// of one value, and reconnecting costs less.
///
/// ```
/// use farcall::{Channel, ClientTls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let certs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata"));
/// // What the operating system trusts:
/// let tls = ClientTls::system_roots();
/// // One's own authority, and a certificate that says who this client is:
/// let tls = ClientTls::ca_pem_file(certs.join("ca.pem"))?
///     .identity_pem_files(certs.join("client.pem"), certs.join("client.key"))?;
/// let channel = Channel::builder("dns:///greeter.example:443").tls(tls).build()?;
/// # Ok(()) }
/// ```
///
/// Files are read when they are named, and again when they have changed: see [`reload_every`](Self::reload_every).
#[derive(Clone)]
pub struct ClientTls {
    source: Arc<Source>,
    server_name: Option<ServerName<'static>>,
}

struct Source {
    kind: SourceKind,
    interval: Duration,
    /// Made once for all clones, because it holds the session cache.
    built: OnceLock<Result<Arc<Current<ClientMaterial>>, TlsConfigError>>,
}

#[derive(Clone)]
enum SourceKind {
    Own(ClientMaterial),
    Rustls(Arc<ClientConfig>),
}

impl ClientTls {
    /// Trusts the authorities that the operating system trusts.
    ///
    /// They are read when the first channel is built with this value (or a clone): from the files that
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name, else from where the system keeps them. Building fails if there are none.
    pub fn system_roots() -> ClientTls {
        ClientTls::own(true)
    }

    /// Trusts the authorities in this PEM, at least one, and no others.
    ///
    /// # Errors
    /// If there is no certificate in it, or one that cannot be an authority.
    pub fn ca_pem(pem: impl AsRef<[u8]>) -> Result<ClientTls, TlsConfigError> {
        ClientTls::own(false).add_ca_pem(pem)
    }

    /// Trusts the authorities in this PEM file, and no others. The file is read now.
    ///
    /// # Errors
    /// Those of [`ca_pem`](Self::ca_pem), or if the file cannot be read.
    pub fn ca_pem_file(path: impl AsRef<Path>) -> Result<ClientTls, TlsConfigError> {
        ClientTls::own(false).add_ca_pem_file(path)
    }

    /// Takes a rustls configuration as it is, with two exceptions: ALPN is set to `h2`, the only protocol that
    /// a gRPC channel speaks, and that the server has agreed to it is checked.
    ///
    /// The rest is the configuration's: verifier, certificates, versions, session cache, key log.
    pub fn from_rustls(config: impl Into<Arc<ClientConfig>>) -> ClientTls {
        let mut config = config.into();
        Arc::make_mut(&mut config).alpn_protocols = vec![H2.to_vec()];
        ClientTls::new(SourceKind::Rustls(config), None, reload::INTERVAL)
    }

    /// Trusts the authorities in this PEM too.
    ///
    /// # Errors
    /// As for [`ca_pem`](Self::ca_pem), or after [`from_rustls`](Self::from_rustls).
    pub fn add_ca_pem(self, pem: impl AsRef<[u8]>) -> Result<ClientTls, TlsConfigError> {
        let pem = Pem::new("CA certificates", pem.as_ref());
        self.add_ca(|authorities| authorities.add(pem))
    }

    /// Trusts the authorities in this PEM file too. The file is read now.
    ///
    /// # Errors
    /// As for [`ca_pem_file`](Self::ca_pem_file), or after [`from_rustls`](Self::from_rustls).
    pub fn add_ca_pem_file(self, path: impl AsRef<Path>) -> Result<ClientTls, TlsConfigError> {
        self.add_ca(|authorities| authorities.add_file(path.as_ref()))
    }

    /// What to show servers that ask who this client is: a certificate chain, the client's own first, and its
    /// private key (PKCS#8, PKCS#1 or SEC1, not encrypted), in PEM.
    ///
    /// # Errors
    /// If one of them is malformed, if they do not belong together, or after [`from_rustls`](Self::from_rustls).
    pub fn identity_pem(
        self,
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<ClientTls, TlsConfigError> {
        let certificates = Pem::new("client certificate", certificates.as_ref());
        let key = Pem::new("client private key", key.as_ref());
        self.identity(|| Identity::given(&certificates, &key))
    }

    /// The same from files, which are read now.
    ///
    /// # Errors
    /// Those of [`identity_pem`](Self::identity_pem), or if a file cannot be read.
    pub fn identity_pem_files(
        self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<ClientTls, TlsConfigError> {
        self.identity(|| Identity::files(certificates.as_ref(), key.as_ref()))
    }

    /// The name (or IP address) that servers must prove, sent to them as SNI, in place of the target's: for
    /// servers that are reached by an address that is not in their certificate.
    ///
    /// # Errors
    /// If it is neither a DNS name nor an IP address.
    pub fn server_name(mut self, name: &str) -> Result<ClientTls, TlsConfigError> {
        match parse_name(name) {
            Some(name) => self.server_name = Some(name),
            None => {
                let problem = format!(
                    "\"{}\" is neither a DNS name nor an IP address",
                    name.escape_debug()
                );
                return Err(TlsConfigError::malformed("server name", problem));
            }
        }
        Ok(self)
    }

    /// How often the files that were named are looked at, at most, and only when a channel connects: those that have changed are read again,
    /// all of them together, for this connection and those after it. Connections that exist are left alone. Files that are missing, malformed
    /// or do not belong together are an error in the log, and what was read before stays in use; so a certificate may be replaced before its
    /// key is. Default: a minute; [`Duration::MAX`] is never.
    ///
    /// TLS sessions of before are not resumed afterwards. With [`system_roots`](Self::system_roots), those are read again with the files.
    pub fn reload_every(self, interval: Duration) -> ClientTls {
        ClientTls::new(self.source.kind.clone(), self.server_name, interval)
    }

    /// Reads the files that were named again, now, whether or not they have changed, for all channels that have this value or a clone of it.
    /// See [`reload_every`](Self::reload_every). It blocks for as long as reading files takes.
    ///
    /// # Errors
    /// As when they were named; what was read before stays in use.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use farcall::{Channel, ClientTls};
    /// # let certs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/testdata"));
    /// let tls = ClientTls::ca_pem_file(certs.join("ca.pem"))?;
    /// let channel = Channel::builder("dns:///greeter.example:443").tls(tls.clone()).build()?;
    /// // When the authority has a new certificate, say:
    /// tls.reload()?;
    /// # let _ = channel;
    /// # Ok(()) }
    /// ```
    pub fn reload(&self) -> Result<(), TlsConfigError> {
        self.current()?.reload()
    }

    /// What connections are made with; the first call makes it for all clones.
    pub(crate) fn connector(&self) -> Result<Connector, TlsConfigError> {
        Ok(Connector {
            current: self.current()?,
            server_name: self.server_name.clone(),
            alpn: true,
        })
    }

    fn current(&self) -> Result<Arc<Current<ClientMaterial>>, TlsConfigError> {
        let source = &*self.source;
        let build = || match &source.kind {
            SourceKind::Rustls(config) => {
                let configs = ClientConfigs::of(Arc::clone(config));
                Ok(Arc::new(Current::fixed(Arc::new(configs))))
            }
            SourceKind::Own(material) => {
                Current::reloading(material.clone(), source.interval).map(Arc::new)
            }
        };
        source.built.get_or_init(build).clone()
    }

    fn own(system: bool) -> ClientTls {
        let kind = SourceKind::Own(ClientMaterial::new(system));
        ClientTls::new(kind, None, reload::INTERVAL)
    }

    fn new(
        kind: SourceKind,
        server_name: Option<ServerName<'static>>,
        interval: Duration,
    ) -> ClientTls {
        ClientTls {
            source: Arc::new(Source {
                kind,
                interval,
                built: OnceLock::new(),
            }),
            server_name,
        }
    }

    fn add_ca(
        self,
        add: impl FnOnce(&mut Authorities) -> Result<(), TlsConfigError>,
    ) -> Result<ClientTls, TlsConfigError> {
        let mut kind = self.source.kind.clone();
        match &mut kind {
            SourceKind::Own(material) => add(&mut material.authorities)?,
            SourceKind::Rustls(_) => return Err(foreign("authorities")),
        }
        Ok(ClientTls::new(kind, self.server_name, self.source.interval))
    }

    fn identity(
        self,
        read: impl FnOnce() -> Result<Identity, TlsConfigError>,
    ) -> Result<ClientTls, TlsConfigError> {
        let mut kind = self.source.kind.clone();
        match &mut kind {
            SourceKind::Own(material) => material.identity = Some(read()?),
            SourceKind::Rustls(_) => return Err(foreign("a client certificate")),
        }
        Ok(ClientTls::new(kind, self.server_name, self.source.interval))
    }
}

fn foreign(what: &str) -> TlsConfigError {
    TlsConfigError::unusable(
        "TLS",
        format!("{what} must be set in the rustls configuration that was handed over"),
    )
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ClientTls");
        match &self.source.kind {
            SourceKind::Own(material) => {
                debug
                    .field("system_roots", &material.system)
                    .field("authorities", &material.authorities.roots.len());
                debug.field("identity", &material.identity.is_some());
            }
            SourceKind::Rustls(_) => {
                debug.field("rustls", &true);
            }
        }
        debug.field("server_name", &self.server_name).finish()
    }
}

/// What makes TLS connections to servers. Clones share everything.
#[derive(Clone)]
pub(crate) struct Connector {
    current: Arc<Current<ClientMaterial>>,
    server_name: Option<ServerName<'static>>,
    /// Whether the server has to agree to HTTP/2.
    alpn: bool,
}

impl Connector {
    /// The name set by [`ClientTls::server_name`]: it also goes into `:authority` unless the user sets another.
    pub(crate) fn server_name(&self) -> Option<String> {
        self.server_name
            .as_ref()
            .map(|name| name.to_str().into_owned())
    }

    /// The same for a proxy, which is no HTTP/2 server: nothing is said about protocols.
    pub(crate) fn without_alpn(&self) -> Connector {
        Connector {
            alpn: false,
            ..self.clone()
        }
    }

    /// Shakes hands over `io` with the server that `authority` (`host`, `host:port`) or the configuration names.
    ///
    /// Has no time limit of its own. Dropping the future drops `io`.
    pub(crate) async fn handshake<S>(
        &self,
        io: S,
        authority: &str,
    ) -> Result<(tokio_rustls::client::TlsStream<S>, TlsPeer), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let failed = |kind| TlsError {
            kind,
            peer: Side::Server,
            cause: None,
        };
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => parse_name(host_of(authority))
                .ok_or_else(|| failed(Kind::BadName(authority.to_owned())))?,
        };
        let verified = name.to_str().into_owned();
        let connector = tokio_rustls::TlsConnector::from(self.config().await);
        let connected = connector.connect(name, io).await;
        let mut stream =
            connected.map_err(|error| explain::handshake_error(error, Side::Server))?;
        let session = stream.get_ref().1;
        if self.alpn && session.alpn_protocol() != Some(H2) {
            // A server without ALPN believes that all is well: say good-bye. It matters to nobody if that fails.
            stream.shutdown().await.ok();
            return Err(failed(Kind::Alpn));
        }
        let peer = describe(session, Some(verified));
        Ok((stream, peer))
    }

    async fn config(&self) -> Arc<ClientConfig> {
        let configs = Current::config(&self.current).await;
        Arc::clone(match self.alpn {
            true => &configs.h2,
            false => &configs.without_alpn,
        })
    }
}

fn parse_name(name: &str) -> Option<ServerName<'static>> {
    // The dot that ends an absolute name is not part of a name in TLS (RFC 6066 §3).
    let name = name.strip_suffix('.').unwrap_or(name);
    ServerName::try_from(name).ok().map(|name| name.to_owned())
}

/// Whether a server's certificate, whose chain has been verified, is valid for this name or IP address too.
///
/// # Errors
/// It is not, or the name is none.
pub(crate) fn proves(certificate: &[u8], host: &str) -> Result<(), rustls::Error> {
    let name = parse_name(host).ok_or(CertificateError::NotValidForName)?;
    let certificate = CertificateDer::from(certificate);
    let certificate = ParsedCertificate::try_from(&certificate)?;
    verify_server_name(&certificate, &name)
}

/// The host of an authority (RFC 3986 §3.2.2), without the brackets of an IPv6 address.
pub(crate) fn host_of(authority: &str) -> &str {
    if let Some((host, _)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return host;
    }
    match authority.split_once(':') {
        // With a second colon it is an IPv6 address that has no brackets.
        Some((host, port)) if !port.contains(':') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_authority_has_neither_port_nor_brackets() {
        assert_eq!(host_of("example.com:443"), "example.com");
        assert_eq!(host_of("example.com"), "example.com");
        assert_eq!(host_of("127.0.0.1:1"), "127.0.0.1");
        assert_eq!(host_of("[::1]:50051"), "::1");
        assert_eq!(host_of("[::1]"), "::1");
        assert_eq!(host_of("::1"), "::1");
    }

    #[test]
    fn an_absolute_name_is_the_name_without_its_dot() {
        assert_eq!(parse_name("example.com.").unwrap().to_str(), "example.com");
        assert!(parse_name("").is_none());
        assert!(parse_name("a b").is_none());
    }
}
