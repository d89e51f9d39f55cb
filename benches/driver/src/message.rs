//! Messages: gRPC's prefix, then the size that the answer shall have, then zeros.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes in front of a message.
pub(crate) const PREFIX: usize = 5;
/// Bytes that a request has at least: they say how large the answer shall be.
pub(crate) const HEAD: usize = PREFIX + 4;
/// The largest body.
const MAX_BODY: usize = 1 << 20;

static ZEROS: [u8; PREFIX + MAX_BODY] = [0; PREFIX + MAX_BODY];

/// A request with a body of `len` bytes (at least 4) that asks for `response` bytes.
pub(crate) fn request(len: usize, response: usize) -> Bytes {
    let len = len.clamp(4, MAX_BODY);
    let mut message = BytesMut::with_capacity(PREFIX + len);
    message.put_u8(0);
    message.put_u32(len as u32);
    message.put_u32(response as u32);
    message.resize(PREFIX + len, 0);
    message.freeze()
}

/// How large an answer the beginning of a request asks for.
pub(crate) fn wanted(message: &[u8]) -> usize {
    let bytes = message.get(PREFIX..HEAD).map(<[u8; 4]>::try_from);
    match bytes {
        Some(Ok(bytes)) => MAX_BODY.min(u32::from_be_bytes(bytes) as usize),
        _ => 0,
    }
}

/// An answer with a body of `len` bytes. It costs no allocation and no copy.
pub(crate) fn response(len: usize) -> Bytes {
    Bytes::from_static(&ZEROS[..PREFIX + len])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_large_its_answer_shall_be() {
        let request = request(0, 70_000);
        assert_eq!((request.len(), wanted(&request)), (9, 70_000));
        assert_eq!(response(wanted(&request)).len(), PREFIX + 70_000);
    }
}
