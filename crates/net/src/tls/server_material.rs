//! What a server's TLS is made of, and the rustls configuration that it makes.

use super::{
    error::TlsConfigError,
    established::{H2, HTTP1},
    material::{Authorities, Identity},
    provider::provider,
    reload::Material,
};
use rustls::{ServerConfig, server::WebPkiClientVerifier};
use std::{path::Path, sync::Arc};

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
    /// Let it in; its [`TlsPeer::certificates`](crate::peer::TlsPeer::certificates) are empty.
    Optional,
}

/// Who the server is, and whom it trusts.
#[derive(Clone)]
pub(super) struct ServerMaterial {
    identity: Identity,
    /// Who signs clients.
    pub(super) authorities: Authorities,
    pub(super) auth: Option<ClientAuth>,
}

impl ServerMaterial {
    pub(super) fn new(identity: Identity) -> ServerMaterial {
        ServerMaterial {
            identity,
            authorities: Authorities::none(),
            auth: None,
        }
    }
}

/// One configuration by what is spoken; they share everything else, their sessions among it.
pub(super) struct ServerConfigs {
    pub(super) h2: Arc<ServerConfig>,
    /// HTTP/1.1 too.
    pub(super) also_http1: Arc<ServerConfig>,
}

impl ServerConfigs {
    /// Of one that speaks HTTP/2.
    pub(super) fn of(h2: Arc<ServerConfig>) -> ServerConfigs {
        let mut also_http1 = ServerConfig::clone(&h2);
        also_http1.alpn_protocols.push(HTTP1.to_vec());
        ServerConfigs {
            h2,
            also_http1: Arc::new(also_http1),
        }
    }
}

impl Material for ServerMaterial {
    type Config = ServerConfigs;

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.identity.paths().chain(self.authorities.paths())
    }

    fn read_again(&self) -> Result<ServerMaterial, TlsConfigError> {
        Ok(ServerMaterial {
            identity: self.identity.read_again()?,
            authorities: self.authorities.read_again()?,
            auth: self.auth,
        })
    }

    fn build(&self) -> Result<Arc<ServerConfigs>, TlsConfigError> {
        let roots = &self.authorities.roots;
        if roots.is_empty() && self.auth.is_some() {
            let problem = "client certificates are asked for, but there is no client CA to trust";
            return Err(TlsConfigError::unusable("TLS", problem));
        }
        let provider = provider()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsConfigError::unusable("TLS", error.to_string()).because(error))?;
        let builder = if roots.is_empty() {
            builder.with_no_client_auth()
        } else {
            let roots = Arc::new(roots.clone());
            let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            if self.auth == Some(ClientAuth::Optional) {
                verifier = verifier.allow_unauthenticated();
            }
            let verifier = verifier.build();
            let verifier = verifier.map_err(|error| {
                TlsConfigError::unusable("client CA certificates", error.to_string()).because(error)
            })?;
            builder.with_client_cert_verifier(verifier)
        };
        let mut config = builder.with_cert_resolver(self.identity.resolver());
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(ServerConfigs::of(Arc::new(config))))
    }
}
