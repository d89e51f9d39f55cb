//! The compressors that a channel or a server knows.

use super::compressor::{Compressor, DecompressError};
use bytes::Bytes;
use std::{fmt, io, sync::Arc};

/// An immutable set of compressors. Cheap to clone. The default one holds those that are built in: gzip, deflate, zstd and snappy,
/// each with the feature of its name.
///
/// ```
/// use farcall_core::Compressors;
///
/// let none = Compressors::none();
/// assert!(none.find("gzip").is_none());
/// # #[cfg(feature = "gzip")] {
/// let set = Compressors::default();
/// assert_eq!(set.find("gzip").unwrap().name(), "gzip");
/// assert!(set.accept_encoding().unwrap().starts_with(b"gzip"));
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

    /// The same compressors, which leave messages of less than `bytes` bytes uncompressed: small messages gain nothing by it and
    /// cost the receiver time. Default 0; empty messages never are compressed.
    ///
    /// ```
    /// # use farcall_core::Compressors;
    /// let set = Compressors::default().min_size(1024);
    /// assert!(set.iter().all(|compressor| compressor.min_size() == 1024));
    /// ```
    pub fn min_size(&self, bytes: usize) -> Compressors {
        let from = |compressor: &Arc<dyn Compressor>| {
            let compressor = Arc::clone(compressor);
            Arc::new(FromSize { compressor, bytes }) as Arc<dyn Compressor>
        };
        Compressors::of(self.inner.list.iter().map(from).collect())
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
        Compressors::of(vec![
            #[cfg(feature = "gzip")]
            Arc::new(super::gzip::Gzip::default()),
            #[cfg(feature = "deflate")]
            Arc::new(super::deflate::Deflate::default()),
            #[cfg(feature = "zstd")]
            Arc::new(super::zstd::Zstd::default()),
            #[cfg(feature = "snappy")]
            Arc::new(super::snappy::Snappy),
        ])
    }
}

/// A compressor for messages from some size on.
struct FromSize {
    compressor: Arc<dyn Compressor>,
    bytes: usize,
}

impl Compressor for FromSize {
    fn name(&self) -> &'static str {
        self.compressor.name()
    }

    fn min_size(&self) -> usize {
        self.bytes
    }

    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        self.compressor.compress(input, output)
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        self.compressor.decompress(input, limit, output)
    }
}

impl fmt::Debug for Compressors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.inner.list.iter().map(|compressor| compressor.name()))
            .finish()
    }
}
