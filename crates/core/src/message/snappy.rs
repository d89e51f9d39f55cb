//! `snappy`, in the framing format (framing_format.txt of google/snappy), as Go's and others' gRPC peers write it.

use super::compressor::{Compressor, DecompressError};
use snap::{read::FrameDecoder, write::FrameEncoder};
use std::{
    cell::Cell,
    io::{self, Read, Write},
};

/// The stream identifier, with which every message begins.
const START: &[u8] = b"\xff\x06\x00\x00sNaPpY";
/// What is read at a time: the largest chunk of the format.
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
        source.read = 0;
        source.bytes.clear();
        source.bytes.shrink_to(STEP);
        source.bytes.extend_from_slice(input);
        let result = read_all(&mut reader, limit, output);
        if result.is_ok() {
            // One that has failed has the rest of its message in it.
            let _ = READER.try_with(|slot| slot.set(Some(reader)));
        }
        result
    }
}

fn read_all(
    reader: &mut impl Read,
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let end = output.len().saturating_add(limit);
    loop {
        let start = output.len();
        let room = (end.saturating_add(1) - start).min(STEP);
        output.resize(start + room, 0);
        let read = reader.read(&mut output[start..]);
        output.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Ok(()),
            Ok(_) if output.len() > end => return Err(DecompressError::TooLarge),
            Ok(_) => {}
            Err(_) => return Err(DecompressError::Malformed("snappy chunk")),
        }
    }
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
}
