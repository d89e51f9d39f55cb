//! What a server's TLS is made of: certificates, a key, authorities, from files or memory.

use super::{
    error::TlsConfigError,
    established::H2,
    pem::{self, Pem},
    provider::provider,
};
use rustls::{
    RootCertStore, ServerConfig,
    server::WebPkiClientVerifier,
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

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
pub(super) struct Material {
    identity: Arc<CertifiedKey>,
    /// Where certificates and key were read, if from files.
    files: Option<(PathBuf, PathBuf)>,
    client_roots: RootCertStore,
    authorities: Vec<Authority>,
}

/// Where authorities came from.
#[derive(Clone)]
pub(super) enum Authority {
    File(PathBuf),
    Given(Pem),
}

impl Material {
    /// From files, which are read now.
    pub(super) fn files(certificates: &Path, key: &Path) -> Result<Material, TlsConfigError> {
        let mut material = Material::given(&Pem::read(certificates)?, &Pem::read(key)?)?;
        material.files = Some((certificates.to_owned(), key.to_owned()));
        Ok(material)
    }

    pub(super) fn given(certificates: &Pem, key: &Pem) -> Result<Material, TlsConfigError> {
        Ok(Material {
            identity: Arc::new(pem::identity(certificates, key, &*provider()?)?),
            files: None,
            client_roots: RootCertStore::empty(),
            authorities: Vec::new(),
        })
    }

    /// Trusts clients that these authorities have signed.
    pub(super) fn trust(&mut self, authority: Authority, pem: &Pem) -> Result<(), TlsConfigError> {
        pem::add_authorities(&mut self.client_roots, pem)?;
        self.authorities.push(authority);
        Ok(())
    }

    /// How many authorities are trusted.
    pub(super) fn trusted(&self) -> usize {
        self.client_roots.len()
    }

    /// Every file that it was read from.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let identity = self
            .files
            .iter()
            .flat_map(|(certificates, key)| [certificates, key]);
        let authorities = self
            .authorities
            .iter()
            .filter_map(|authority| match authority {
                Authority::File(path) => Some(path),
                Authority::Given(_) => None,
            });
        identity.chain(authorities).map(PathBuf::as_path)
    }

    /// The same from what is in the files now.
    pub(super) fn read_again(&self) -> Result<Material, TlsConfigError> {
        let mut material = match &self.files {
            Some((certificates, key)) => Material::files(certificates, key)?,
            None => Material {
                client_roots: RootCertStore::empty(),
                authorities: Vec::new(),
                ..self.clone()
            },
        };
        for authority in &self.authorities {
            match authority {
                Authority::File(path) => material.trust(authority.clone(), &Pem::read(path)?)?,
                Authority::Given(pem) => material.trust(authority.clone(), pem)?,
            }
        }
        Ok(material)
    }

    /// What rustls wants to know.
    pub(super) fn build(
        &self,
        auth: Option<ClientAuth>,
    ) -> Result<Arc<ServerConfig>, TlsConfigError> {
        if self.client_roots.is_empty() && auth.is_some() {
            let problem = "client certificates are asked for, but there is no client CA to trust";
            return Err(TlsConfigError::unusable("TLS", problem));
        }
        let provider = provider()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsConfigError::unusable("TLS", error.to_string()).because(error))?;
        let builder = if self.client_roots.is_empty() {
            builder.with_no_client_auth()
        } else {
            let roots = Arc::new(self.client_roots.clone());
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
        let identity = SingleCertAndKey::from(CertifiedKey::clone(&self.identity));
        let mut config = builder.with_cert_resolver(Arc::new(identity));
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(config))
    }
}
