//! The client's side: whom to trust, who to be.

use super::{
    error::{Kind, Side, TlsConfigError, TlsError},
    established::{H2, describe},
    explain,
    pem::{self, Pem},
    provider::provider,
};
use crate::peer::TlsPeer;
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
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
#[derive(Clone)]
pub struct ClientTls {
    source: Arc<Source>,
    server_name: Option<ServerName<'static>>,
}

struct Source {
    kind: SourceKind,
    /// Made once for all clones, because it holds the session cache.
    built: OnceLock<Result<Arc<ClientConfig>, TlsConfigError>>,
}

#[derive(Clone)]
enum SourceKind {
    Own {
        system: bool,
        roots: RootCertStore,
        identity: Option<CertifiedKey>,
    },
    Rustls(Arc<ClientConfig>),
}

impl ClientTls {
    /// Trusts the authorities that the operating system trusts.
    ///
    /// They are read when the first channel is built with this value (or a clone): from the files that
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name, else from where the system keeps them. Building fails if there are none.
    pub fn system_roots() -> ClientTls {
        ClientTls::own(true, RootCertStore::empty())
    }

    /// Trusts the authorities in this PEM, at least one, and no others.
    ///
    /// # Errors
    /// If there is no certificate in it, or one that cannot be an authority.
    pub fn ca_pem(pem: impl AsRef<[u8]>) -> Result<ClientTls, TlsConfigError> {
        ClientTls::own(false, RootCertStore::empty()).add_ca_pem(pem)
    }

    /// Trusts the authorities in this PEM file, and no others. The file is read now.
    ///
    /// # Errors
    /// Those of [`ca_pem`](Self::ca_pem), or if the file cannot be read.
    pub fn ca_pem_file(path: impl AsRef<Path>) -> Result<ClientTls, TlsConfigError> {
        ClientTls::own(false, RootCertStore::empty()).add_ca_pem_file(path)
    }

    /// Takes a rustls configuration as it is, with two exceptions: ALPN is set to `h2`, the only protocol that
    /// a gRPC channel speaks, and that the server has agreed to it is checked.
    ///
    /// The rest is the configuration's: verifier, certificates, versions, session cache, key log.
    pub fn from_rustls(config: impl Into<Arc<ClientConfig>>) -> ClientTls {
        let mut config = config.into();
        Arc::make_mut(&mut config).alpn_protocols = vec![H2.to_vec()];
        ClientTls::new(SourceKind::Rustls(config), None)
    }

    /// Trusts the authorities in this PEM too.
    ///
    /// # Errors
    /// As for [`ca_pem`](Self::ca_pem), or after [`from_rustls`](Self::from_rustls).
    pub fn add_ca_pem(self, pem: impl AsRef<[u8]>) -> Result<ClientTls, TlsConfigError> {
        self.add_ca(&Pem::new("CA certificates", pem.as_ref()))
    }

    /// Trusts the authorities in this PEM file too. The file is read now.
    ///
    /// # Errors
    /// As for [`ca_pem_file`](Self::ca_pem_file), or after [`from_rustls`](Self::from_rustls).
    pub fn add_ca_pem_file(self, path: impl AsRef<Path>) -> Result<ClientTls, TlsConfigError> {
        self.add_ca(&Pem::read(path.as_ref())?)
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
        self.identity(&certificates, &Pem::new("client private key", key.as_ref()))
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
        self.identity(
            &Pem::read(certificates.as_ref())?,
            &Pem::read(key.as_ref())?,
        )
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

    /// What connections are made with; the first call makes it for all clones.
    pub(crate) fn connector(&self) -> Result<Connector, TlsConfigError> {
        let config = self
            .source
            .built
            .get_or_init(|| self.source.kind.build())
            .clone()?;
        Ok(Connector {
            config,
            server_name: self.server_name.clone(),
        })
    }

    fn own(system: bool, roots: RootCertStore) -> ClientTls {
        ClientTls::new(
            SourceKind::Own {
                system,
                roots,
                identity: None,
            },
            None,
        )
    }

    fn new(kind: SourceKind, server_name: Option<ServerName<'static>>) -> ClientTls {
        ClientTls {
            source: Arc::new(Source {
                kind,
                built: OnceLock::new(),
            }),
            server_name,
        }
    }

    fn add_ca(self, pem: &Pem) -> Result<ClientTls, TlsConfigError> {
        let mut kind = self.source.kind.clone();
        match &mut kind {
            SourceKind::Own { roots, .. } => pem::add_authorities(roots, pem)?,
            SourceKind::Rustls(_) => return Err(foreign("authorities")),
        }
        Ok(ClientTls::new(kind, self.server_name))
    }

    fn identity(self, certificates: &Pem, key: &Pem) -> Result<ClientTls, TlsConfigError> {
        let mut kind = self.source.kind.clone();
        match &mut kind {
            SourceKind::Own { identity, .. } => {
                *identity = Some(pem::identity(certificates, key, &*provider()?)?);
            }
            SourceKind::Rustls(_) => return Err(foreign("a client certificate")),
        }
        Ok(ClientTls::new(kind, self.server_name))
    }
}

fn foreign(what: &str) -> TlsConfigError {
    TlsConfigError::unusable(
        "TLS",
        format!("{what} must be set in the rustls configuration that was handed over"),
    )
}

impl SourceKind {
    fn build(&self) -> Result<Arc<ClientConfig>, TlsConfigError> {
        let (system, roots, identity) = match self {
            SourceKind::Rustls(config) => return Ok(Arc::clone(config)),
            SourceKind::Own {
                system,
                roots,
                identity,
            } => (*system, roots, identity),
        };
        let mut roots = roots.clone();
        if system {
            add_system_roots(&mut roots)?;
        }
        let builder = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsConfigError::unusable("TLS", error.to_string()).because(error))?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.clone()))),
        };
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(config))
    }
}

fn add_system_roots(roots: &mut RootCertStore) -> Result<(), TlsConfigError> {
    let mut found = rustls_native_certs::load_native_certs();
    // Old authorities that rustls cannot read are common, and harmless while others are left.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(());
    }
    let error = TlsConfigError::unusable("system roots", "the system has no trusted certificates");
    Err(match found.errors.pop() {
        Some(cause) => error.because(cause),
        None => error,
    })
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ClientTls");
        match &self.source.kind {
            SourceKind::Own {
                system,
                roots,
                identity,
            } => {
                debug
                    .field("system_roots", system)
                    .field("authorities", &roots.len());
                debug.field("identity", &identity.is_some());
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
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
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
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols.clear();
        Connector {
            config: Arc::new(config),
            server_name: self.server_name.clone(),
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
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.config));
        let connected = connector.connect(name, io).await;
        let mut stream =
            connected.map_err(|error| explain::handshake_error(error, Side::Server))?;
        let session = stream.get_ref().1;
        let wanted = self.config.alpn_protocols.first().map(Vec::as_slice);
        if wanted.is_some() && session.alpn_protocol() != wanted {
            // A server without ALPN believes that all is well: say good-bye. It matters to nobody if that fails.
            stream.shutdown().await.ok();
            return Err(failed(Kind::Alpn));
        }
        let peer = describe(session, Some(verified));
        Ok((stream, peer))
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
