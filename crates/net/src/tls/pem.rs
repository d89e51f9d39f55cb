//! Certificates and keys from PEM (RFC 7468), with errors that say where and what.

use super::{error::TlsConfigError, explain::is_version_1};
use rustls::{
    Error, InconsistentKeys, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use std::path::Path;

/// PEM, and what errors call it: the file's path or the argument's name.
#[derive(Clone)]
pub(super) struct Pem {
    name: String,
    bytes: Vec<u8>,
}

impl Pem {
    pub(super) fn read(path: &Path) -> Result<Pem, TlsConfigError> {
        let name = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Ok(Pem { name, bytes }),
            Err(error) => Err(TlsConfigError::unreadable(&name, error)),
        }
    }

    pub(super) fn new(name: &str, bytes: &[u8]) -> Pem {
        Pem {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    /// All certificates in it, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let certificates = certificates.map_err(|error| self.malformed("certificate", error))?;
        if certificates.is_empty() {
            return Err(self.malformed("certificate", pem::Error::NoItemsFound));
        }
        Ok(certificates)
    }

    /// The first private key in it: PKCS#8, PKCS#1 or SEC1.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
        PrivateKeyDer::from_pem_slice(&self.bytes)
            .map_err(|error| self.malformed("private key", error))
    }

    fn malformed(&self, wanted: &str, error: pem::Error) -> TlsConfigError {
        let problem = match error {
            pem::Error::NoItemsFound => {
                return TlsConfigError::malformed(
                    &self.name,
                    format!("no {wanted} in it{}", self.instead()),
                );
            }
            pem::Error::MissingSectionEnd { .. } => "a section has no END line",
            pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
            pem::Error::Base64Decode(_) => "a section is not base64",
            _ => "malformed",
        };
        TlsConfigError::malformed(&self.name, format!("{problem}, so there is no {wanted}"))
            .because(error)
    }

    /// What it seems to be instead.
    fn instead(&self) -> &'static str {
        let holds = |marker: &str| {
            self.bytes
                .windows(marker.len())
                .any(|window| window == marker.as_bytes())
        };
        if self.bytes.iter().all(u8::is_ascii_whitespace) {
            ": it is empty"
        } else if self.bytes[0] == 0x30 {
            ": it looks like DER; PEM is wanted"
        } else if holds("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            ": the key is encrypted; decrypt it first"
        } else if holds("PRIVATE KEY-----") {
            ", but a private key"
        } else if holds("-----BEGIN CERTIFICATE-----") {
            ", but a certificate"
        } else {
            ""
        }
    }
}

/// Trusts every certificate of `pem` as an authority.
pub(super) fn add_authorities(roots: &mut RootCertStore, pem: &Pem) -> Result<(), TlsConfigError> {
    for (index, certificate) in pem.certificates()?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| {
            let problem = format!("certificate {} cannot be an authority: {error}", index + 1);
            TlsConfigError::malformed(&pem.name, problem).because(error)
        })?;
    }
    Ok(())
}

/// A certificate chain with its key, known to belong together.
///
/// A certificate of X.509 version 1, as openssl makes them where it is told of no extensions, is taken unchecked:
/// rustls refuses such from peers, but others may accept ours.
pub(super) fn identity(
    chain: &Pem,
    key: &Pem,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsConfigError> {
    let certificates = chain.certificates()?;
    let private = provider
        .key_provider
        .load_private_key(key.private_key()?)
        .map_err(|error| {
            let problem = "a private key that is malformed or of a kind that is not supported";
            TlsConfigError::malformed(&key.name, problem).because(error)
        })?;
    let identity = CertifiedKey::new(certificates, private);
    match identity.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(identity),
        Err(Error::InvalidCertificate(error)) if is_version_1(&error) => Ok(identity),
        Err(error @ Error::InconsistentKeys(_)) => {
            let problem = format!(
                "this private key does not belong to the certificate of {}",
                chain.name
            );
            Err(TlsConfigError::mismatch(&key.name, problem).because(error))
        }
        Err(error) => Err(TlsConfigError::malformed(
            &chain.name,
            "the first certificate is malformed",
        )
        .because(error)),
    }
}
