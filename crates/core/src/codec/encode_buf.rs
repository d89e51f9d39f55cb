//! Where codecs write.

use crate::copy::extend_chunked;

/// A growing buffer for one encoded message. Only appends; what stands in front of the message (the
/// five-byte prefix) is not the codec's.
///
/// It is a `Vec<u8>` underneath, not a `BytesMut`: without link-time optimisation the latter's
/// `put_u8` and `put_slice` are calls into another crate, which triples the cost of encoding.
///
/// ```
/// # use farcall_core as farcall;
/// use farcall::codec::EncodeBuf;
///
/// let mut buf = EncodeBuf::new();
/// buf.put_u8(1);
/// buf.put_slice(b"23");
/// assert_eq!(buf.len(), 3);
/// ```
#[derive(Debug, Default)]
pub struct EncodeBuf {
    data: Vec<u8>,
    /// Bytes at the front that do not belong to the message.
    front: usize,
}

impl EncodeBuf {
    /// An empty buffer, for testing codecs.
    pub fn new() -> EncodeBuf {
        EncodeBuf::default()
    }

    /// A buffer that appends to `data`.
    pub(crate) fn behind(data: Vec<u8>) -> EncodeBuf {
        EncodeBuf {
            front: data.len(),
            data,
        }
    }

    /// Everything, with what stands in front; `None` if the codec cut into that.
    pub(crate) fn into_inner(self) -> Option<Vec<u8>> {
        (self.data.len() >= self.front).then_some(self.data)
    }

    /// Bytes written so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.data.len().saturating_sub(self.front)
    }

    /// Whether nothing is written yet.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message so far.
    pub fn as_slice(&self) -> &[u8] {
        self.data.get(self.front..).unwrap_or_default()
    }

    /// Makes room for `additional` more bytes.
    #[inline]
    pub fn reserve(&mut self, additional: usize) {
        self.data.reserve(additional);
    }

    /// Appends one byte.
    #[inline]
    pub fn put_u8(&mut self, byte: u8) {
        self.data.push(byte);
    }

    /// Appends bytes.
    #[inline]
    pub fn put_slice(&mut self, bytes: &[u8]) {
        extend_chunked(&mut self.data, bytes);
    }

    /// The vector underneath, for libraries that write to [`bytes::BufMut`] or to a vector. Append only:
    /// a codec that shortens it below its length at the start, or changes what was there, fails the call.
    #[inline]
    pub fn vec_mut(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }
}

impl std::io::Write for EncodeBuf {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.put_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn length_counts_the_message_and_not_what_stands_in_front() {
        let mut buf = EncodeBuf::behind(vec![0; 5]);
        assert!(buf.is_empty());
        buf.put_u8(7);
        buf.write_all(b"ab").unwrap();
        assert_eq!((buf.len(), buf.as_slice()), (3, &b"\x07ab"[..]));
        assert_eq!(buf.into_inner().unwrap(), b"\0\0\0\0\0\x07ab");
    }

    #[test]
    fn a_codec_that_cuts_into_the_prefix_is_noticed() {
        let mut buf = EncodeBuf::behind(vec![0; 5]);
        buf.vec_mut().clear();
        assert_eq!((buf.len(), buf.as_slice()), (0, &b""[..]));
        assert!(buf.into_inner().is_none());
    }
}
