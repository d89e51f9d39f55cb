//! Messages as they are, for proxies and generic tools.

use super::{Codec, CodecError, EncodeBuf};
use bytes::Bytes;

/// Messages are [`Bytes`]; received ones share memory with what was read.
///
/// ```
/// use bytes::Bytes;
/// # use farcall_core as farcall;
/// use farcall::{Codec, Raw};
///
/// assert_eq!(Raw.decode(Bytes::from_static(b"abc")).unwrap(), "abc");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Raw;

impl Codec<Bytes> for Raw {
    fn encode(&self, message: &Bytes, buf: &mut EncodeBuf) -> Result<(), CodecError> {
        buf.put_slice(message);
        Ok(())
    }

    fn size_hint(&self, message: &Bytes) -> usize {
        message.len()
    }

    fn decode(&self, message: Bytes) -> Result<Bytes, CodecError> {
        Ok(message)
    }

    fn content_subtype(&self) -> &'static str {
        ""
    }
}
