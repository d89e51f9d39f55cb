//! From a message to its bytes on the wire.

use super::{Compressor, PREFIX, lent};
use crate::{
    codec::{Codec, CodecError, EncodeBuf},
    copy::extend_chunked,
    status::{Code, Status},
};
use bytes::{Buf, Bytes};
use std::cell::Cell;

/// Messages from this size on are placed so that they begin on a multiple of 64 within the allocation.
const ALIGN_FROM: usize = 2048;
/// Unused bytes in front of the prefix of such messages.
const LEAD: usize = 64 - PREFIX;
/// Largest scratch buffer that a thread keeps.
const MAX_SCRATCH: usize = 64 << 10;

/// Encodes a message with its prefix, ready to be sent as DATA. One allocation if it is not compressed and the
/// codec's size hint is exact, none if it is empty.
///
/// A message that is empty, that no compressor was given for or that is too small for it goes out uncompressed.
///
/// # Errors
/// INTERNAL if the codec or the compressor fails, with its error as the cause; RESOURCE_EXHAUSTED if the message (as it goes onto the wire)
/// is larger than `max_size`, which the texts call `max_send_message_size`, or than 4 GiB − 1.
///
/// ```
/// use bytes::Bytes;
/// use farcall_core::{Raw, message::encode_message};
///
/// let wire = encode_message(&Raw, &Bytes::from_static(b"abc"), None, usize::MAX).unwrap();
/// assert_eq!(wire, &b"\0\0\0\0\x03abc"[..]);
/// ```
pub fn encode_message<T, C: Codec<T> + ?Sized>(
    codec: &C,
    message: &T,
    compressor: Option<&dyn Compressor>,
    max_size: usize,
) -> Result<Bytes, Status> {
    let hint = codec.size_hint(message);
    if compressor.is_none() {
        if hint > 0 {
            let buffer = run_codec(codec, message, buffer_for(hint))?;
            return finish(buffer, lead_for(hint), 0, max_size);
        }
        // Probably empty, and then the vector stays without memory.
        return encode_payload(&run_codec(codec, message, Vec::new())?, None, max_size);
    }
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.clear();
    scratch.reserve(hint);
    let scratch = run_codec(codec, message, scratch)?;
    let wire = encode_payload(&scratch, compressor, max_size);
    if scratch.capacity() <= MAX_SCRATCH {
        let _ = SCRATCH.try_with(|slot| slot.set(scratch));
    }
    wire
}

/// Appends a message with its prefix to `out`, uncompressed: for short messages that travel together.
///
/// # Errors
/// As for [`encode_message`]. Nothing of the message is in `out` then, and what was there before stays, unless the codec has broken
/// its contract and taken bytes out of the buffer: then `out` is empty, because nobody knows what is left of the messages in it.
///
/// ```
/// use bytes::Bytes;
/// use farcall_core::{Raw, message::append_message};
///
/// let mut wire = Vec::new();
/// append_message(&Raw, &Bytes::from_static(b"a"), usize::MAX, &mut wire).unwrap();
/// append_message(&Raw, &Bytes::from_static(b"bc"), usize::MAX, &mut wire).unwrap();
/// assert_eq!(wire, b"\0\0\0\0\x01a\0\0\0\0\x02bc");
/// ```
pub fn append_message<T, C: Codec<T> + ?Sized>(
    codec: &C,
    message: &T,
    max_size: usize,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    let start = out.len();
    let mut buffer = std::mem::take(out);
    buffer.extend_from_slice(&[0; PREFIX]);
    let mut buffer = EncodeBuf::behind(buffer);
    let encoded = codec.encode(message, &mut buffer);
    *out = buffer.into_inner().ok_or_else(cut)?;
    let size = out.len() - start - PREFIX;
    match encoded.map_err(unencodable).and(check_size(size, max_size)) {
        Ok(()) => {
            write_prefix(&mut out[start..], 0, size);
            Ok(())
        }
        Err(status) => {
            out.truncate(start);
            Err(status)
        }
    }
}

/// Like [`encode_message`] for a message that is already encoded: copies it behind a prefix.
///
/// # Errors
/// As for [`encode_message`].
pub fn encode_payload(
    payload: &[u8],
    compressor: Option<&dyn Compressor>,
    max_size: usize,
) -> Result<Bytes, Status> {
    if payload.is_empty() {
        return Ok(Bytes::from_static(&[0; PREFIX]));
    }
    let compressor = compressor.filter(|compressor| payload.len() >= compressor.min_size());
    let Some(compressor) = compressor else {
        check_size(payload.len(), max_size)?;
        let mut buffer = buffer_for(payload.len());
        extend_chunked(&mut buffer, payload);
        return finish(buffer, lead_for(payload.len()), 0, max_size);
    };
    let mut buffer = vec![0; PREFIX];
    compressor.compress(payload, &mut buffer).map_err(|error| {
        Status::internal(format!("{} cannot compress the message", compressor.name()))
            .with_cause(error)
    })?;
    finish(buffer, 0, 1, max_size)
}

thread_local! {
    /// Holds messages before compression.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes that are left unused in front of the prefix of a message of this size.
///
/// Large blocks begin at the same place of a page. Copying a payload from one to another five bytes further is
/// the slowest case there is for `memcpy` on current AMD cores; a distance of 64 avoids it.
fn lead_for(size: usize) -> usize {
    if size >= ALIGN_FROM { LEAD } else { 0 }
}

/// A buffer with room for exactly a message of `size` bytes behind its prefix, which is filled with zeros.
#[inline]
fn buffer_for(size: usize) -> Vec<u8> {
    let start = lead_for(size) + PREFIX;
    let mut buffer = lent::buffer(start.saturating_add(size));
    if start == PREFIX {
        buffer.extend_from_slice(&[0; PREFIX]); // a store or two, where `resize` calls `memset`
    } else {
        buffer.resize(start, 0);
    }
    buffer
}

fn run_codec<T, C: Codec<T> + ?Sized>(
    codec: &C,
    message: &T,
    buffer: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let mut buffer = EncodeBuf::behind(buffer);
    codec.encode(message, &mut buffer).map_err(unencodable)?;
    buffer.into_inner().ok_or_else(cut)
}

/// The codec's own words stay here: they speak of a message that the peer has not seen.
#[cold]
fn unencodable(error: CodecError) -> Status {
    Status::from_static(Code::Internal, "the codec cannot encode the message").with_cause(error)
}

#[cold]
fn cut() -> Status {
    Status::from_static(Code::Internal, "the codec took bytes out of the buffer")
}

#[inline]
fn check_size(size: usize, max_size: usize) -> Result<(), Status> {
    if size > max_size.min(u32::MAX as usize) {
        return Err(too_large(size, max_size));
    }
    Ok(())
}

#[cold]
fn too_large(size: usize, max_size: usize) -> Status {
    if size > max_size {
        return Status::resource_exhausted(format!(
            "message of {size} bytes is larger than max_send_message_size ({max_size})"
        ));
    }
    Status::resource_exhausted(format!(
        "message of {size} bytes is larger than gRPC can carry (4294967295)"
    ))
}

fn write_prefix(message: &mut [u8], flag: u8, size: usize) {
    let [a, b, c, d] = (size as u32).to_be_bytes();
    if let Some(prefix) = message.first_chunk_mut() {
        *prefix = [flag, a, b, c, d];
    }
}

/// Fills in the prefix of the message that begins `PREFIX` bytes behind `lead`.
#[inline]
fn finish(mut buffer: Vec<u8>, lead: usize, flag: u8, max_size: usize) -> Result<Bytes, Status> {
    let size = buffer.len() - lead - PREFIX;
    check_size(size, max_size)?;
    write_prefix(&mut buffer[lead..], flag, size);
    let mut wire = lent::lend(buffer);
    wire.advance(lead);
    Ok(wire)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Raw;

    /// Writes `self.1` bytes, promises `self.0`.
    struct Liar(usize, usize);

    impl Codec<()> for Liar {
        fn encode(&self, _: &(), buf: &mut EncodeBuf) -> Result<(), CodecError> {
            for _ in 0..self.1 {
                buf.put_u8(b'x');
            }
            Ok(())
        }
        fn size_hint(&self, _: &()) -> usize {
            self.0
        }
        fn decode(&self, _: Bytes) -> Result<(), CodecError> {
            Ok(())
        }
        fn content_subtype(&self) -> &'static str {
            "test"
        }
    }

    #[test]
    fn the_prefix_is_right_whatever_the_size_and_the_hint() {
        for size in [0, 1, 255, 256, 2047, 2048, 2049, 70_000] {
            for hint in [0, 1, size, size + 1, 5000] {
                let wire = encode_message(&Liar(hint, size), &(), None, usize::MAX).unwrap();
                assert_eq!(wire.len(), size + PREFIX, "size {size}, hint {hint}");
                assert_eq!(wire[0], 0);
                assert_eq!(wire[1..5], (size as u32).to_be_bytes());
                assert!(wire[5..].iter().all(|byte| *byte == b'x'));
            }
        }
    }

    #[test]
    fn a_message_over_the_limit_names_its_size_the_limit_and_the_option() {
        let message = Bytes::from_static(&[0; 11]);
        assert!(encode_message(&Raw, &message, None, 11).is_ok());
        let status = encode_message(&Raw, &message, None, 10).unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(
            status.message(),
            "message of 11 bytes is larger than max_send_message_size (10)"
        );
    }

    #[test]
    fn a_wrong_hint_over_the_limit_does_no_harm() {
        assert!(encode_message(&Liar(1000, 3), &(), None, 10).is_ok());
    }

    #[test]
    fn a_failing_codec_is_internal_and_its_error_the_cause() {
        struct Failing;
        impl Codec<()> for Failing {
            fn encode(&self, _: &(), _: &mut EncodeBuf) -> Result<(), CodecError> {
                Err(CodecError::new("field is missing"))
            }
            fn decode(&self, _: Bytes) -> Result<(), CodecError> {
                Ok(())
            }
            fn content_subtype(&self) -> &'static str {
                "test"
            }
        }
        let status = encode_message(&Failing, &(), None, usize::MAX).unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(status.message(), "the codec cannot encode the message");
        let cause = std::error::Error::source(&status).unwrap();
        assert_eq!(cause.to_string(), "field is missing");
        let mut wire = b"before".to_vec();
        let appended = append_message(&Failing, &(), usize::MAX, &mut wire).unwrap_err();
        assert_eq!(appended, status);
        assert_eq!(wire, b"before");
    }

    #[test]
    fn a_codec_that_shortens_the_buffer_is_internal() {
        struct Cutter;
        impl Codec<()> for Cutter {
            fn encode(&self, _: &(), buf: &mut EncodeBuf) -> Result<(), CodecError> {
                buf.vec_mut().clear();
                Ok(())
            }
            fn size_hint(&self, _: &()) -> usize {
                1
            }
            fn decode(&self, _: Bytes) -> Result<(), CodecError> {
                Ok(())
            }
            fn content_subtype(&self) -> &'static str {
                "test"
            }
        }
        let mut wire = b"before".to_vec();
        append_message(&Cutter, &(), usize::MAX, &mut wire).unwrap_err();
        assert!(wire.is_empty());
        assert_eq!(
            encode_message(&Cutter, &(), None, usize::MAX)
                .unwrap_err()
                .code(),
            Code::Internal
        );
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn empty_messages_are_never_compressed_and_others_carry_the_flag() {
        let gzip = crate::message::Gzip::default();
        let empty = encode_message(&Raw, &Bytes::new(), Some(&gzip), usize::MAX).unwrap();
        assert_eq!(empty, &[0; 5][..]);
        let wire = encode_message(
            &Raw,
            &Bytes::from_static(&[7; 1000]),
            Some(&gzip),
            usize::MAX,
        )
        .unwrap();
        assert_eq!(wire[0], 1);
        assert!(wire.len() < 100);
        assert_eq!(wire[1..5], (wire.len() as u32 - 5).to_be_bytes());
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn the_limit_counts_what_goes_onto_the_wire() {
        let message = Bytes::from_static(&[7; 1000]);
        let gzip = crate::message::Gzip::default();
        assert!(encode_message(&Raw, &message, Some(&gzip), 100).is_ok());
        assert_eq!(
            encode_message(&Raw, &message, None, 100)
                .unwrap_err()
                .code(),
            Code::ResourceExhausted
        );
        assert_eq!(
            encode_message(&Raw, &message, Some(&gzip), 5)
                .unwrap_err()
                .code(),
            Code::ResourceExhausted
        );
    }
}
