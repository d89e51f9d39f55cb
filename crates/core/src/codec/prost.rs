//! Protobuf through prost.

/// Messages that prost generates or derives. `bytes` fields of type [`bytes::Bytes`] share memory with
/// what was read. The codec works with feature `prost`.
///
/// ```
/// # #[cfg(feature = "prost")] {
/// use bytes::Bytes;
/// # use farcall_core as farcall;
/// use farcall::{Codec, Prost};
///
/// #[derive(PartialEq, prost::Message)]
/// struct Blob {
///     #[prost(bytes = "bytes", tag = "1")]
///     data: Bytes,
/// }
///
/// let wire = Bytes::from_static(b"\x0a\x03abc");
/// let blob: Blob = Prost.decode(wire.clone()).unwrap();
/// assert_eq!(blob.data, "abc");
/// assert_eq!(blob.data.as_ptr(), wire[2..].as_ptr()); // no copy
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Prost;

#[cfg(feature = "prost")]
impl<T: prost::Message + Default + 'static> super::Codec<T> for Prost {
    fn encode(&self, message: &T, buf: &mut super::EncodeBuf) -> Result<(), super::CodecError> {
        // `Message::encode` would compute the length once more only to compare it with the room in a
        // vector, which grows.
        message.encode_raw(buf.vec_mut());
        Ok(())
    }

    fn size_hint(&self, message: &T) -> usize {
        message.encoded_len()
    }

    fn decode(&self, message: bytes::Bytes) -> Result<T, super::CodecError> {
        let whole = 0..message.len();
        self.decode_in(&message, whole)
    }

    #[inline]
    fn decode_in(
        &self,
        buffer: &bytes::Bytes,
        message: std::ops::Range<usize>,
    ) -> Result<T, super::CodecError> {
        let buf = Unread {
            rest: &buffer[message],
            whole: buffer,
        };
        T::decode(buf).map_err(super::CodecError::new)
    }

    fn content_subtype(&self) -> &'static str {
        "proto"
    }
}

/// What is left of a message: read as a slice, which costs half of what reading `Bytes` does, and shared where a field wants
/// to keep a piece.
#[cfg(feature = "prost")]
struct Unread<'a> {
    rest: &'a [u8],
    whole: &'a bytes::Bytes,
}

#[cfg(feature = "prost")]
impl bytes::Buf for Unread<'_> {
    #[inline]
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.rest
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }

    fn copy_to_bytes(&mut self, len: usize) -> bytes::Bytes {
        let at = self.rest.as_ptr().addr() - self.whole.as_ptr().addr();
        self.rest = &self.rest[len..];
        self.whole.slice(at..at + len)
    }
}
