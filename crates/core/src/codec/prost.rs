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
        T::decode(message).map_err(super::CodecError::new)
    }

    fn content_subtype(&self) -> &'static str {
        "proto"
    }
}
