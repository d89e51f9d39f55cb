//! The common case: one uncompressed message that arrived in one piece.

use super::PREFIX;
use bytes::Bytes;

/// The message, if `data` is exactly one uncompressed message of at most `max_size` bytes with its prefix; shares
/// memory. Everything else, errors included, is a [`Deframer`](super::Deframer)'s business.
///
/// ```
/// use bytes::Bytes;
/// use farcall_core::message::whole_message;
///
/// let data = Bytes::from_static(b"\0\0\0\0\x02hi");
/// assert_eq!(whole_message(&data, 1024).unwrap(), "hi");
/// assert_eq!(whole_message(&data, 1), None);
/// assert_eq!(whole_message(&data.slice(..6), 1024), None);
/// ```
pub fn whole_message(data: &Bytes, max_size: usize) -> Option<Bytes> {
    let (prefix, message) = data.split_first_chunk::<PREFIX>()?;
    let [0, a, b, c, d] = *prefix else {
        return None;
    };
    let size = u32::from_be_bytes([a, b, c, d]) as usize;
    if size != message.len() || size > max_size {
        return None;
    }
    Some(match size {
        0 => Bytes::new(),
        _ => data.slice(PREFIX..),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_message_is_whole() {
        let whole = |data: &'static [u8]| whole_message(&Bytes::from_static(data), 10);
        assert_eq!(whole(b"\0\0\0\0\0"), Some(Bytes::new()));
        assert_eq!(whole(b""), None);
        assert_eq!(whole(b"\0\0\0\0"), None);
        assert_eq!(whole(b"\x01\0\0\0\x01x"), None, "compressed");
        assert_eq!(whole(b"\x02\0\0\0\x01x"), None, "a bad flag");
        assert_eq!(whole(b"\0\0\0\0\x01xy"), None, "more than one");
        assert_eq!(whole(b"\0\xff\xff\xff\xffx"), None, "less than one");
    }
}
