//! What a client's TLS is made of, and the rustls configuration that it makes.

use super::{
    error::TlsConfigError,
    established::H2,
    material::{Authorities, Identity},
    provider::provider,
    reload::Material,
};
use rustls::{ClientConfig, RootCertStore};
use std::{path::Path, sync::Arc};

/// Whom the client trusts, and who it is.
#[derive(Clone)]
pub(super) struct ClientMaterial {
    /// Whether those are trusted too whom the operating system trusts.
    pub(super) system: bool,
    /// Who signs servers.
    pub(super) authorities: Authorities,
    pub(super) identity: Option<Identity>,
}

impl ClientMaterial {
    /// Trusts nobody else yet.
    pub(super) fn new(system: bool) -> ClientMaterial {
        ClientMaterial {
            system,
            authorities: Authorities::none(),
            identity: None,
        }
    }
}

/// One configuration by what is spoken; they share everything else, their sessions among it.
pub(super) struct ClientConfigs {
    pub(super) h2: Arc<ClientConfig>,
    /// Says nothing about protocols.
    pub(super) without_alpn: Arc<ClientConfig>,
}

impl ClientConfigs {
    /// Of one that speaks HTTP/2.
    pub(super) fn of(h2: Arc<ClientConfig>) -> ClientConfigs {
        let mut without_alpn = ClientConfig::clone(&h2);
        without_alpn.alpn_protocols.clear();
        ClientConfigs {
            h2,
            without_alpn: Arc::new(without_alpn),
        }
    }
}

impl Material for ClientMaterial {
    type Config = ClientConfigs;

    fn paths(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.iter().flat_map(Identity::paths);
        identity.chain(self.authorities.paths())
    }

    fn read_again(&self) -> Result<ClientMaterial, TlsConfigError> {
        Ok(ClientMaterial {
            system: self.system,
            authorities: self.authorities.read_again()?,
            identity: self
                .identity
                .as_ref()
                .map(Identity::read_again)
                .transpose()?,
        })
    }

    fn build(&self) -> Result<Arc<ClientConfigs>, TlsConfigError> {
        let mut roots = self.authorities.roots.clone();
        if self.system {
            add_system_roots(&mut roots)?;
        }
        let builder = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsConfigError::unusable("TLS", error.to_string()).because(error))?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        };
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Arc::new(ClientConfigs::of(Arc::new(config))))
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
