//! `snappy`, in the framing format (framing_format.txt of google/snappy), as Go's and others' gRPC peers write it.

use super::{
    compressor::{Compressor, DecompressError},
    room::{first_room, make_room},
};
use snap::{read::FrameDecoder, write::FrameEncoder};
use std::{
    cell::Cell,
    io::{self, Read, Write},
};

/// The stream identifier, with which every message begins.
const START: &[u8] = b"\xff\x06\x00\x00sNaPpY";
/// The largest chunk of the format. Buffers up to this size are kept.
const STEP: usize = 64 << 10;

/// The compressor named `snappy`: fast, and not small. Each thread keeps one state of each direction (about 300 KiB together,
/// once used).
///
/// ```
/// use farcall_core::{Compressors, message::Snappy};
///
/// let set = Compressors::none().with(Snappy);
/// assert_eq!(set.accept_encoding().unwrap(), "snappy");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Snappy;

/// Input of a decoder that is used again and again.
#[derive(Default)]
struct Source {
    bytes: Vec<u8>,
    read: usize,
}

impl Source {
    fn forget(&mut self) {
        self.read = 0;
        self.bytes.clear();
        self.bytes.shrink_to(STEP);
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.bytes[self.read..]).read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

thread_local! {
    static WRITER: Cell<Option<FrameEncoder<Vec<u8>>>> = const { Cell::new(None) };
    static READER: Cell<Option<FrameDecoder<Source>>> = const { Cell::new(None) };
}

impl Compressor for Snappy {
    fn name(&self) -> &'static str {
        "snappy"
    }

    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let kept = WRITER.try_with(Cell::take).ok().flatten();
        let mut writer = kept.unwrap_or_else(|| FrameEncoder::new(Vec::new()));
        writer.write_all(input)?;
        writer.flush()?;
        let written = writer.get_mut();
        // The encoder says it only before its first message.
        let chunks = written.strip_prefix(START).unwrap_or(written);
        output.reserve(START.len() + chunks.len());
        output.extend_from_slice(START);
        output.extend_from_slice(chunks);
        written.clear();
        written.shrink_to(STEP);
        let _ = WRITER.try_with(|slot| slot.set(Some(writer)));
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        if !input.starts_with(START) {
            return Err(DecompressError::Malformed("snappy stream identifier"));
        }
        let kept = READER.try_with(Cell::take).ok().flatten();
        let mut reader = kept.unwrap_or_else(|| FrameDecoder::new(Source::default()));
        let source = reader.get_mut();
        source.bytes.extend_from_slice(input);
        let result = read_all(&mut reader, first_room(input), limit, output);
        if result.is_ok() {
            // One that has failed has the rest of its message in it. This one keeps no input, which may have been large.
            reader.get_mut().forget();
            let _ = READER.try_with(|slot| slot.set(Some(reader)));
        }
        result
    }
}

/// The reader brings a chunk at a time, which may be a single byte; so what is behind the bytes that have been read stays for the
/// next ones, and is cleared once.
fn read_all(
    reader: &mut impl Read,
    room: usize,
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let end = output.len().saturating_add(limit);
    let mut filled = output.len();
    let result = loop {
        if filled == output.len() {
            make_room(output, room, end);
            output.resize(output.capacity().min(end.saturating_add(1)), 0);
        }
        match reader.read(&mut output[filled..]) {
            Ok(0) => break Ok(()),
            Ok(count) => filled += count,
            Err(_) => break Err(DecompressError::Malformed("snappy chunk")),
        }
        if filled > end {
            break Err(DecompressError::TooLarge);
        }
    };
    output.truncate(filled);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_own_types_read_and_write_the_same_again_and_again() {
        for size in [0, 1, 1000, 200_000] {
            let input = vec![7; size];
            let mut wire = Vec::new();
            Snappy.compress(&input, &mut wire).unwrap();
            let mut read = Vec::new();
            FrameDecoder::new(&wire[..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, input);

            let mut writer = FrameEncoder::new(Vec::new());
            writer.write_all(&input).unwrap();
            let wire = writer.into_inner().unwrap();
            let mut output = Vec::new();
            if size > 0 {
                Snappy.decompress(&wire, size, &mut output).unwrap();
            }
            assert_eq!(output, input);
        }
    }

    #[test]
    fn small_chunks_do_not_have_the_whole_buffer_cleared_for_each_of_them() {
        /// Brings five bytes at a time, and leaves a mark wherever it might have written.
        struct Chunks {
            left: usize,
            cleared: usize,
        }
        impl Read for Chunks {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.cleared += buffer.iter().filter(|byte| **byte == 0).count();
                buffer.fill(b'x');
                let count = buffer.len().min(5).min(self.left);
                self.left -= count;
                Ok(count)
            }
        }
        let mut reader = Chunks {
            left: 5000,
            cleared: 0,
        };
        let mut output = Vec::new();
        read_all(&mut reader, 1 << 10, 1 << 20, &mut output).unwrap();
        assert!(output.len() == 5000 && output.iter().all(|byte| *byte == b'x'));
        assert_eq!(reader.cleared, 8 << 10);
    }

    #[test]
    fn what_has_been_read_is_not_kept_for_the_next_message() {
        let mut random = crate::random::XorShift::new(9);
        let large: Vec<_> = (0..300_000).map(|_| random.next_u64() as u8).collect();
        let mut wire = Vec::new();
        Snappy.compress(&large, &mut wire).unwrap();
        let mut output = Vec::new();
        Snappy.decompress(&wire, large.len(), &mut output).unwrap();
        let kept = READER.take().unwrap();
        assert!(kept.get_ref().bytes.is_empty());
        assert!(kept.get_ref().bytes.capacity() <= STEP);
    }
}
