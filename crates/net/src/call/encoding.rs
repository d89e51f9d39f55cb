//! How messages are compressed, by name.

use crate::error::ConfigError;
use farcall_core::Status;
use farcall_core::message::{Compressor, Compressors};
use std::fmt;

/// A message encoding (`grpc-encoding`).
///
/// Compression is chosen for each call, or for a channel; a server answers as it was asked unless the handler decides otherwise
/// ([`Response::set_compression`](crate::Response::set_compression)). What is received may be compressed whatever was sent.
/// A secret that is compressed together with what an attacker chooses can be guessed from the length (CRIME, BREACH).
///
/// ```
/// use farcall::Encoding;
/// # use farcall_examples::{hello::HelloRequest, local};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// # let request = HelloRequest { name: "Ada".into() };
/// let reply = client.say_hello(request).compress(Encoding::Gzip).await?;
/// assert!(reply.message_was_compressed());
/// assert_eq!(Encoding::Gzip.to_string(), "gzip");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// Not compressed.
    #[default]
    Identity,
    /// `gzip`; needs the feature of that name.
    Gzip,
    /// `deflate`, which is zlib's format; needs the feature of that name.
    Deflate,
    /// `zstd`; needs the feature of that name.
    Zstd,
    /// `snappy`, framed; needs the feature of that name.
    Snappy,
    /// A compressor of one's own by its name, see `farcall::compression`.
    Other(&'static str),
}

impl Encoding {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
            Encoding::Zstd => "zstd",
            Encoding::Snappy => "snappy",
            Encoding::Other(name) => name,
        }
    }

    /// The encoding of a name on the wire; `None` for those that Farcall has not.
    pub fn from_name(name: &str) -> Option<Encoding> {
        [
            Encoding::Identity,
            Encoding::Gzip,
            Encoding::Deflate,
            Encoding::Zstd,
            Encoding::Snappy,
        ]
        .into_iter()
        .find(|encoding| encoding.name() == name)
    }

    /// That of a compressor.
    pub(crate) fn of(compressor: &dyn Compressor) -> Encoding {
        let name = compressor.name();
        Encoding::from_name(name).unwrap_or(Encoding::Other(name))
    }

    /// # Errors
    /// `set` has no compressor of this name.
    pub(crate) fn check(self, set: &Compressors) -> Result<(), ConfigError> {
        if self == Encoding::Identity || set.find(self.name()).is_some() {
            return Ok(());
        }
        let known: Vec<_> = set.iter().map(|compressor| compressor.name()).collect();
        Err(ConfigError::new(format!(
            "compress: there is no compressor \"{self}\"; those that are: {} (features and `compressors` add some)",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        )))
    }

    /// The compressor; `None` for identity.
    ///
    /// # Errors
    /// `INTERNAL` if it is not built in.
    pub(crate) fn compressor(self, set: &Compressors) -> Result<Option<&dyn Compressor>, Status> {
        match self {
            Encoding::Identity => Ok(None),
            encoding => match set.find(encoding.name()) {
                Some(compressor) => Ok(Some(&**compressor)),
                None => Err(Status::internal(format!(
                    "the compressor \"{encoding}\" is not built in"
                ))),
            },
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
