//! The compressors that a channel or a server knows.

use super::compressor::Compressor;
use bytes::Bytes;
use std::{fmt, sync::Arc};

/// An immutable set of compressors. Cheap to clone. The default one holds gzip, if feature `gzip` is on.
///
/// ```
/// use farcall_core::Compressors;
///
/// let none = Compressors::none();
/// assert!(none.find("gzip").is_none());
/// # #[cfg(feature = "gzip")] {
/// let set = Compressors::default();
/// assert_eq!(set.find("gzip").unwrap().name(), "gzip");
/// assert_eq!(set.accept_encoding().unwrap(), "gzip");
/// # }
/// ```
#[derive(Clone)]
pub struct Compressors {
    inner: Arc<Inner>,
}

struct Inner {
    list: Vec<Arc<dyn Compressor>>,
    /// The value of `grpc-accept-encoding`.
    accept: Bytes,
}

impl Compressors {
    /// The empty set: neither announces nor understands any compression.
    pub fn none() -> Compressors {
        Compressors::of(Vec::new())
    }

    /// This set and `compressor`, in place of one of the same name.
    pub fn with(&self, compressor: impl Compressor) -> Compressors {
        let others = self
            .inner
            .list
            .iter()
            .filter(|other| other.name() != compressor.name());
        let mut list: Vec<_> = others.cloned().collect();
        list.push(Arc::new(compressor));
        Compressors::of(list)
    }

    /// The compressor with this name.
    pub fn find(&self, name: &str) -> Option<&Arc<dyn Compressor>> {
        self.find_bytes(name.as_bytes())
    }

    /// All of them, in order of addition.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Compressor>> {
        self.inner.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.inner.list.is_empty()
    }

    /// The value of `grpc-accept-encoding` that announces the set; `None` if it is empty.
    pub fn accept_encoding(&self) -> Option<&Bytes> {
        (!self.is_empty()).then_some(&self.inner.accept)
    }

    pub(crate) fn find_bytes(&self, name: &[u8]) -> Option<&Arc<dyn Compressor>> {
        self.inner
            .list
            .iter()
            .find(|compressor| compressor.name().as_bytes() == name)
    }

    fn of(list: Vec<Arc<dyn Compressor>>) -> Compressors {
        let names: Vec<_> = list.iter().map(|compressor| compressor.name()).collect();
        Compressors {
            inner: Arc::new(Inner {
                accept: names.join(",").into(),
                list,
            }),
        }
    }
}

impl Default for Compressors {
    fn default() -> Compressors {
        #[cfg(feature = "gzip")]
        return Compressors::none().with(super::gzip::Gzip::default());
        #[cfg(not(feature = "gzip"))]
        return Compressors::none();
    }
}

impl fmt::Debug for Compressors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.inner.list.iter().map(|compressor| compressor.name()))
            .finish()
    }
}
