//! Codecs: how messages become bytes and bytes become messages.

mod encode_buf;
mod prost;
mod raw;

pub use encode_buf::EncodeBuf;
pub use prost::Prost;
pub use raw::Raw;

use bytes::Bytes;
use std::{error::Error, fmt, ops::Range};

/// Turns messages of type `T` into bytes and back. One value serves all calls at once.
///
/// ```
/// use bytes::Bytes;
/// # use farcall_core as farcall;
/// use farcall::codec::{Codec, CodecError, EncodeBuf};
///
/// /// Messages are UTF-8 text.
/// struct Text;
///
/// impl Codec<String> for Text {
///     fn encode(&self, message: &String, buf: &mut EncodeBuf) -> Result<(), CodecError> {
///         buf.put_slice(message.as_bytes());
///         Ok(())
///     }
///     fn decode(&self, message: Bytes) -> Result<String, CodecError> {
///         String::from_utf8(message.into()).map_err(CodecError::new)
///     }
///     fn content_subtype(&self) -> &'static str {
///         "text"
///     }
/// }
/// ```
pub trait Codec<T>: Send + Sync + 'static {
    /// Appends the encoded message to `buf`.
    ///
    /// # Errors
    /// The call fails with INTERNAL.
    fn encode(&self, message: &T, buf: &mut EncodeBuf) -> Result<(), CodecError>;

    /// The size of the encoded message in bytes, exact if that is cheap, else a guess: `buf` gets this
    /// much room at once.
    fn size_hint(&self, message: &T) -> usize {
        let _ = message;
        0
    }

    /// Reads one whole message. `message` is shared memory: keep slices of it rather than copies.
    ///
    /// # Errors
    /// The call fails with INTERNAL.
    fn decode(&self, message: Bytes) -> Result<T, CodecError>;

    /// As [`decode`](Self::decode), of the message that stands at `message` in `buffer`. By default a slice is cut out for
    /// it; a codec that can do without spares small messages the counting.
    ///
    /// # Errors
    /// As of `decode`.
    ///
    /// # Panics
    /// If `message` is not a range of the buffer.
    #[inline]
    fn decode_in(&self, buffer: &Bytes, message: Range<usize>) -> Result<T, CodecError> {
        self.decode(buffer.slice(message))
    }

    /// What stands behind the plus in `application/grpc+proto`; `"proto"` and `""` are left out, being
    /// the default.
    fn content_subtype(&self) -> &'static str;
}

/// A message could not be encoded or decoded.
///
/// Its call ends with `INTERNAL`.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::codec::CodecError;
///
/// let error = CodecError::new("the message is truncated");
/// assert_eq!(error.to_string(), "the message is truncated");
/// ```
#[derive(Debug)]
pub struct CodecError(Box<dyn Error + Send + Sync>);

impl CodecError {
    /// From any error or text. If the message could not be decoded, the text reaches its sender in the status message; if it could
    /// not be encoded, it stays here as the status's cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> CodecError {
        CodecError(cause.into())
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for CodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
