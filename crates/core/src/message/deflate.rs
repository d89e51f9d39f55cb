//! `deflate`, which for HTTP and gRPC is zlib's format (RFC 9110 §8.4.1.2, RFC 1950).

use super::{
    compressor::{Compressor, DecompressError},
    flate::{deflate, inflate},
};
use flate2::{Compress, Compression, Decompress};
use std::{cell::Cell, io};

/// The compressor named `deflate`. Each thread keeps one state of each direction (about 300 KiB together, once used).
///
/// ```
/// use farcall_core::{Compressors, message::Deflate};
///
/// let set = Compressors::none().with(Deflate::with_level(1));
/// assert_eq!(set.accept_encoding().unwrap(), "deflate");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deflate {
    level: u32,
}

impl Deflate {
    /// Level 0 (store) to 9 (smallest); larger numbers mean 9. Default 6.
    pub fn with_level(level: u32) -> Deflate {
        Deflate {
            level: level.min(9),
        }
    }
}

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate { level: 6 }
    }
}

thread_local! {
    static DEFLATE: Cell<Option<(u32, Compress)>> = const { Cell::new(None) };
    static INFLATE: Cell<Option<Decompress>> = const { Cell::new(None) };
}

impl Compressor for Deflate {
    fn name(&self) -> &'static str {
        "deflate"
    }

    fn compress(&self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let kept = DEFLATE.try_with(Cell::take).ok().flatten();
        let mut state = match kept {
            Some((level, mut state)) if level == self.level => {
                state.reset();
                state
            }
            _ => Compress::new(Compression::new(self.level), true),
        };
        deflate(&mut state, input, output)?;
        let _ = DEFLATE.try_with(|slot| slot.set(Some((self.level, state))));
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        let kept = INFLATE.try_with(Cell::take).ok().flatten();
        let mut state = kept.unwrap_or_else(|| Decompress::new(true));
        state.reset(true);
        let end = output.len().saturating_add(limit);
        let result = inflate(&mut state, input, end, output);
        let _ = INFLATE.try_with(|slot| slot.set(Some(state)));
        match result? {
            consumed if consumed == input.len() => Ok(()),
            _ => Err(DecompressError::Malformed("bytes behind the zlib stream")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn another_implementation_of_the_format_reads_and_writes_the_same() {
        let input = b"zlib, not bare deflate; zlib, not bare deflate";
        let mut wire = Vec::new();
        Deflate::default().compress(input, &mut wire).unwrap();
        let mut read = Vec::new();
        flate2::read::ZlibDecoder::new(&wire[..])
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, input);

        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
        writer.write_all(input).unwrap();
        let mut output = Vec::new();
        let wire = writer.finish().unwrap();
        Deflate::default()
            .decompress(&wire, 100, &mut output)
            .unwrap();
        assert_eq!(output, input);
    }
}
