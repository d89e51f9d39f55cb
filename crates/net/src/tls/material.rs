//! What TLS is made of at either end: who one is, and whom one trusts, from files or memory.

use super::{
    error::TlsConfigError,
    pem::{self, Pem},
    provider::provider,
};
use rustls::{
    RootCertStore,
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A certificate chain with its key.
#[derive(Clone)]
pub(super) struct Identity {
    key: Arc<CertifiedKey>,
    /// Where certificates and key were read, if from files.
    files: Option<(PathBuf, PathBuf)>,
}

impl Identity {
    /// From files, which are read now.
    pub(super) fn files(certificates: &Path, key: &Path) -> Result<Identity, TlsConfigError> {
        let mut identity = Identity::given(&Pem::read(certificates)?, &Pem::read(key)?)?;
        identity.files = Some((certificates.to_owned(), key.to_owned()));
        Ok(identity)
    }

    pub(super) fn given(certificates: &Pem, key: &Pem) -> Result<Identity, TlsConfigError> {
        Ok(Identity {
            key: Arc::new(pem::identity(certificates, key, &*provider()?)?),
            files: None,
        })
    }

    pub(super) fn read_again(&self) -> Result<Identity, TlsConfigError> {
        match &self.files {
            Some((certificates, key)) => Identity::files(certificates, key),
            None => Ok(self.clone()),
        }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let files = self.files.iter();
        files.flat_map(|(certificates, key)| [certificates.as_path(), key.as_path()])
    }

    /// What shows it to every peer.
    pub(super) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(CertifiedKey::clone(&self.key)))
    }
}

/// Who is trusted to sign peers.
#[derive(Clone)]
pub(super) struct Authorities {
    pub(super) roots: RootCertStore,
    sources: Vec<Source>,
}

/// Where authorities came from.
#[derive(Clone)]
enum Source {
    File(PathBuf),
    Given(Pem),
}

impl Authorities {
    pub(super) fn none() -> Authorities {
        Authorities {
            roots: RootCertStore::empty(),
            sources: Vec::new(),
        }
    }

    /// Trusts those in this file too. It is read now.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), TlsConfigError> {
        pem::add_authorities(&mut self.roots, &Pem::read(path)?)?;
        self.sources.push(Source::File(path.to_owned()));
        Ok(())
    }

    pub(super) fn add(&mut self, pem: Pem) -> Result<(), TlsConfigError> {
        pem::add_authorities(&mut self.roots, &pem)?;
        self.sources.push(Source::Given(pem));
        Ok(())
    }

    pub(super) fn read_again(&self) -> Result<Authorities, TlsConfigError> {
        let mut again = Authorities::none();
        for source in &self.sources {
            match source {
                Source::File(path) => again.add_file(path)?,
                Source::Given(pem) => again.add(pem.clone())?,
            }
        }
        Ok(again)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().filter_map(|source| match source {
            Source::File(path) => Some(path.as_path()),
            Source::Given(_) => None,
        })
    }
}
