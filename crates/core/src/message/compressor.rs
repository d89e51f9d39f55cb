//! What a compressor is.

use std::{error::Error, fmt};

/// A way to compress messages, named in `grpc-encoding`.
///
/// ```
/// use farcall_core::message::{Compressor, DecompressError};
///
/// /// Swaps nibbles; compresses nothing.
/// struct Swap;
///
/// impl Compressor for Swap {
///     fn name(&self) -> &'static str {
///         "x-swap"
///     }
///     fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> Result<(), std::io::Error> {
///         output.extend(input.iter().map(|byte| byte.rotate_left(4)));
///         Ok(())
///     }
///     fn decompress(&self, input: &[u8], limit: usize, output: &mut Vec<u8>) -> Result<(), DecompressError> {
///         if input.len() > limit {
///             return Err(DecompressError::TooLarge);
///         }
///         output.extend(input.iter().map(|byte| byte.rotate_left(4)));
///         Ok(())
///     }
/// }
/// ```
pub trait Compressor: Send + Sync + 'static {
    /// The name in `grpc-encoding`: a token in lower case, never `identity`.
    fn name(&self) -> &'static str;

    /// Messages of fewer bytes are sent uncompressed. Default 0: all that are not empty are compressed. See
    /// [`Compressors::min_size`](super::Compressors::min_size).
    fn min_size(&self) -> usize {
        0
    }

    /// Appends the compressed `input` to `output`.
    ///
    /// # Errors
    /// The call fails with INTERNAL.
    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> Result<(), std::io::Error>;

    /// Appends the decompressed `input` to `output`, `limit` bytes at most: it must stop there and not
    /// produce the rest, however much that would be.
    ///
    /// # Errors
    /// More than `limit` bytes (the call fails with RESOURCE_EXHAUSTED), or malformed input (INTERNAL).
    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError>;
}

/// Why a message was not decompressed.
///
/// ```
/// use farcall_core::message::DecompressError;
///
/// let error = DecompressError::Malformed("the checksum is wrong");
/// assert_eq!(error.to_string(), "malformed compressed data: the checksum is wrong");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DecompressError {
    /// The result would be larger than the limit.
    TooLarge,
    /// The input is not what the compressor writes.
    Malformed(&'static str),
}

impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecompressError::TooLarge => f.write_str("decompressed size is over the limit"),
            DecompressError::Malformed(what) => write!(f, "malformed compressed data: {what}"),
        }
    }
}

impl Error for DecompressError {}
